//! One application protocol over TCP and over UDP, side by side.

pub mod cli;
pub mod client;
pub mod demo;
pub mod escape;
pub mod net;
#[cfg(feature = "sim")]
pub mod packet;
pub mod peer;
pub mod protocol;
pub mod report;
pub mod scenario;
pub mod server;
pub mod service;
pub mod testbed;
pub mod time;
#[cfg(feature = "sim")]
pub mod wire;
