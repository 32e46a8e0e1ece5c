//! Datagrams that wait to leave, and how many of one kind may.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::peer::Peer;
use crate::time::Timestamp;

/// Datagrams in the order in which they shall leave. One buffer holds them all, so that sending
/// a reply costs no allocation.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    queue: VecDeque<(Peer, Range<usize>)>,
}

impl Outbox {
    /// Queues the datagram that `write` appends.
    pub(super) fn push(&mut self, to: Peer, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.queue.push_back((to, start..self.bytes.len()));
    }

    /// Returns the datagram to send next.
    pub(super) fn front(&self) -> Option<(Peer, &[u8])> {
        self.queue.front().map(|(to, range)| (*to, &self.bytes[range.clone()]))
    }

    /// Forgets the datagram that was just sent.
    pub(super) fn pop(&mut self) {
        self.queue.pop_front();
        if self.queue.is_empty() {
            self.bytes.clear();
        }
    }
}

/// At most so many in a second.
#[derive(Debug)]
pub(super) struct RateLimit {
    per_second: u32,
    second: Timestamp,
    count: u32,
}

impl RateLimit {
    pub(super) fn new(per_second: u32) -> Self {
        RateLimit { per_second, second: Timestamp::ZERO, count: 0 }
    }

    /// Returns whether one more is allowed now, and counts it.
    pub(super) fn allows(&mut self, now: Timestamp) -> bool {
        if now.since(self.second) >= Duration::from_secs(1) {
            (self.second, self.count) = (now, 0);
        }
        self.count += 1;
        self.count <= self.per_second
    }
}
