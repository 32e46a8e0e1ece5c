//! One application protocol over TCP and over UDP, side by side.

pub mod cli;
pub mod client;
pub mod escape;
pub mod net;
pub mod peer;
pub mod protocol;
pub mod server;
pub mod service;
pub mod time;
