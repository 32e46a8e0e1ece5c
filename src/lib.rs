//! One application protocol over TCP and over UDP, side by side.
//!
//! The crate is read from the inside out. [`service`] says what a server answers, [`protocol`] what
//! is said on the wire; both are state machines without sockets, clocks or threads. [`net`] has the
//! sockets, [`server`] and [`client`] carry bytes between the two. [`testbed`] and [`scenario`] make
//! experiments of them, [`report`] shows what came of it, [`cli`] is what users type.
//!
//! To follow one request: `client::ask_once`, `protocol::datagram::DatagramRequester` (or
//! `protocol::stream::StreamRequester`), then at the server `server::serve`, `protocol::datagram::
//! DatagramServer` (or `protocol::stream::StreamSession`), `service::sum::SumService`, and back.
//! `docs/architecture.md` walks that way in eight steps.

pub mod cli;
pub mod client;
pub mod demo;
pub mod escape;
pub mod net;
pub mod packet;
pub mod peer;
pub mod protocol;
pub mod report;
pub mod scenario;
pub mod server;
pub mod service;
pub mod testbed;
pub mod time;
pub mod trace;
pub mod wire;
