//! Over UDP: boundaries come free; loss, duplication and forged addresses are ours to mend.
//!
//! A datagram whose first byte is 0xF9 is framed: it has a [`header`], so it can be repeated,
//! recognised and answered twice without being executed twice. Any other is a bare message, sent
//! and answered once, for whoever wants to see what UDP does alone.

pub mod cookie;
mod duplicate_cache;
pub mod header;
mod outbox;
mod requester;
mod server;
mod session_table;

pub use requester::{DatagramRequester, IcmpPolicy, RequesterConfig, Semantics};
pub use server::{DatagramConfig, DatagramServer, Secrets};
