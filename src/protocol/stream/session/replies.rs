//! What waits to leave on one connection: replies in the order of their requests, those held back by
//! `--work`, and a content that is read as it leaves.

use std::collections::VecDeque;

use crate::peer::Peer;
use crate::protocol::event::Events;
use crate::protocol::parameters::MAX_UNSENT;
use crate::service::Reply;
use crate::service::content::{Content, NOT_YET, Piece};
use crate::time::{Timestamp, earlier};

/// Replies on their way out.
#[derive(Debug, Default)]
pub(super) struct Replies {
    output: Vec<u8>,
    written: usize, // bytes of `output` that have left
    held: VecDeque<(Timestamp, Vec<u8>)>,
    content: Option<Sending>,
}

/// A content on its way out.
#[derive(Debug)]
struct Sending {
    content: Box<dyn Content>,
    /// When to read the next piece.
    due: Timestamp,
    begun: bool,
}

impl Replies {
    /// Makes room for so many bytes of replies at once.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.output.reserve(bytes);
    }

    /// Returns where the next reply is to be written, and where it begins.
    pub(super) fn begin(&mut self) -> (Reply<'_>, usize) {
        let start = self.output.len();
        (Reply::new(&mut self.output), start)
    }

    /// Appends a line as it is.
    pub(super) fn push_line(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.push(b'\n');
    }

    /// Returns what was written since `start`.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        &self.output[start..]
    }

    /// Ends the reply that began at `start`.
    pub(super) fn end_line(&mut self) {
        self.output.push(b'\n');
    }

    /// Takes the reply that began at `start` back, until it is due.
    pub(super) fn hold(&mut self, start: usize, due: Timestamp) {
        self.held.push_back((due, self.output.split_off(start)));
    }

    /// Sends a content, from `due` on; until its end no other reply is written.
    pub(super) fn send(&mut self, content: Box<dyn Content>, due: Timestamp) {
        self.content = Some(Sending { content, due, begun: false });
    }

    /// Returns whether a content is on its way.
    pub(super) fn is_sending(&self) -> bool {
        self.content.is_some()
    }

    /// Returns how many replies are held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Returns what is to be written now.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.output[self.written..]
    }

    /// Returns whether everything has left.
    pub(super) fn is_flushed(&self) -> bool {
        self.unsent().is_empty() && self.is_written()
    }

    /// Returns whether nothing will be written any more.
    pub(super) fn is_written(&self) -> bool {
        self.held.is_empty() && self.content.is_none()
    }

    /// Takes note that `count` bytes have left; returns whether that was all that there was.
    pub(super) fn transmitted(&mut self, count: usize) -> bool {
        self.written += count;
        if self.written < self.output.len() {
            return false;
        }
        self.written = 0;
        match self.output.capacity() > KEPT_CAPACITY && self.content.is_none() {
            true => self.output = Vec::new(),
            false => self.output.clear(),
        }
        true
    }

    /// Returns when something becomes due.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let content = self.content.as_ref().filter(|_| self.unsent().len() <= LOW_WATER);
        earlier(self.held.front().map(|(due, _)| *due), content.map(|sending| sending.due))
    }

    /// Queues the replies whose work is done; returns whether there were any.
    pub(super) fn release(&mut self, now: Timestamp, events: &mut Events, peer: Peer) -> bool {
        let waiting = self.held.len();
        while self.held.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, reply)) = self.held.pop_front()
        {
            events.sent(peer, None, &reply);
            self.output.extend_from_slice(&reply);
            self.output.push(b'\n');
        }
        self.held.len() < waiting
    }

    /// Reads the content on, as far as there is room; returns whether anything came of it.
    ///
    /// # Errors
    /// If it cannot be read to its end: what was announced will not come.
    pub(super) fn refill(
        &mut self,
        now: Timestamp,
        events: &mut Events,
        peer: Peer,
    ) -> Result<bool, String> {
        let Some(sending) = &mut self.content else { return Ok(false) };
        let unsent = self.output.len() - self.written;
        if sending.due > now || !self.held.is_empty() || unsent > LOW_WATER {
            return Ok(false);
        }
        // What has left makes room: however slowly the peer reads, nothing grows.
        self.output.drain(..self.written);
        self.written = 0;
        let start = self.output.len();
        let piece = sending.content.read(MAX_UNSENT - unsent, &mut self.output);
        if piece == Piece::NotYet {
            sending.due = now + NOT_YET;
            return Ok(false);
        }
        if !sending.begun {
            sending.begun = true;
            events.sent_content(peer, None, &self.output[start..]);
        }
        match piece {
            Piece::More | Piece::NotYet => {}
            Piece::End => self.content = None,
            Piece::Line => {
                self.end_line();
                self.content = None;
            }
            Piece::Broken(reason) => {
                self.content = None;
                return Err(reason);
            }
        }
        Ok(true)
    }
}

/// A content is read on when no more than this waits to leave: in a few large pieces.
const LOW_WATER: usize = MAX_UNSENT / 2; // bytes

/// Buffers that have grown beyond this are given back when empty: an idle connection costs little.
const KEPT_CAPACITY: usize = 256; // bytes

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::Detail;

    /// Long, and all the same.
    #[derive(Debug)]
    struct Endless;

    impl Content for Endless {
        fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
            out.resize(out.len() + room, b'x');
            Piece::More
        }
    }

    #[test]
    fn however_slowly_a_peer_takes_a_content_little_of_it_is_held() {
        let peer = Peer::tcp("127.0.0.1:5000".parse().expect("an address"));
        let (mut replies, mut events) = (Replies::default(), Events::new(Detail::Warnings));
        replies.send(Box::new(Endless), Timestamp::ZERO);
        let mut left = 0;
        while left < 100 * MAX_UNSENT {
            replies.refill(Timestamp::ZERO, &mut events, peer).expect("it can be read");
            let taken = replies.unsent().len().min(1_000);
            assert!(taken > 0 && replies.unsent().len() <= MAX_UNSENT);
            replies.transmitted(taken);
            left += taken;
        }
        assert!(replies.output.capacity() <= 2 * MAX_UNSENT, "{}", replies.output.capacity());
    }
}
