//! What a server does with a request, without knowing which transport brought it.
//!
//! A service reads text and writes text. It opens no socket, reads no clock and repeats nothing;
//! that a request may arrive twice is the concern of `protocol::datagram`.

pub mod sum;

use crate::peer::Peer;
use crate::time::Timestamp;

/// Something a server can do.
pub trait Service: Send {
    /// Returns whether obeying `request` would harm others, so that over UDP the peer must first
    /// prove that it can receive at the address it claims.
    fn is_sensitive(&self, peer: Peer, request: &str) -> bool;

    /// Executes `request`, writes the answer into `reply` and says how the conversation goes on.
    fn handle(&mut self, peer: Peer, request: &str, now: Timestamp, reply: &mut Reply<'_>) -> Next;
}

/// How a conversation goes on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send the reply and wait for the next request.
    Continue,
    /// The request broke the rules: send the reply; a connection is then closed.
    Close,
    /// The request asks the server to stop: no reply.
    Shutdown {
        /// The number that was out of range.
        number: i64,
    },
}

/// Where a service writes its answer: straight into the bytes that will leave.
#[derive(Debug)]
pub struct Reply<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    /// The sum that was computed, if the request was one: what the transcript reports.
    pub sum: Option<Sum>,
}

/// Both numbers of an executed sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// What the client sent, 1..100.
    pub client_number: u8,
    /// What the server drew, 1..100.
    pub server_number: u8,
}

impl Sum {
    /// Returns the sum of both numbers.
    pub const fn total(self) -> u16 {
        self.client_number as u16 + self.server_number as u16
    }
}

impl<'a> Reply<'a> {
    /// A reply that will be appended to `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        let start = bytes.len();
        Reply { bytes, start, sum: None }
    }

    /// Appends `text`.
    pub fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends `number` in decimal.
    pub fn push_number(&mut self, number: impl itoa::Integer) {
        self.push_str(itoa::Buffer::new().format(number));
    }

    /// Returns what has been written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}
