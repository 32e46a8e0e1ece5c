//! A server held in the hand: every datagram is handed to it, every moment is named, and what it
//! sends is read as lines of text such as `Reply 9/1 S;50` (message id 9, attempt 1).

use std::net::SocketAddr;
use std::time::Duration;

use socklab::peer::Peer;
use socklab::protocol::datagram::{DatagramConfig, DatagramServer};
use socklab::protocol::event::EventKind;
use socklab::protocol::{Input, Session, Transmit};
use socklab::service::Service;
use socklab::time::Timestamp;

use crate::by_hand::{Counting, assert_later, read, secrets};

/// A [`DatagramServer`] in the hand.
pub(crate) struct ServerByHand<S = Counting> {
    pub(crate) server: DatagramServer,
    pub(crate) service: S,
    pub(crate) now: Timestamp,
}

impl ServerByHand {
    pub(crate) fn new(config: DatagramConfig) -> Self {
        ServerByHand::with(config, Counting::fifty())
    }
}

impl<S: Service> ServerByHand<S> {
    pub(crate) fn with(config: DatagramConfig, service: S) -> Self {
        ServerByHand {
            server: DatagramServer::new(config, &secrets()),
            service,
            now: Timestamp::ZERO,
        }
    }

    /// Hands over a datagram and returns what leaves at once, all of which must go where that
    /// came from.
    pub(crate) fn hears(&mut self, from: SocketAddr, datagram: &[u8]) -> Vec<String> {
        self.receive(from, datagram);
        let answers = self.transmits();
        assert!(answers.iter().all(|(to, _)| *to == from), "{answers:?}");
        lines(answers)
    }

    /// Hands over a datagram and leaves what it leads to.
    pub(crate) fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let input = Input::Bytes(datagram);
        self.server.receive(Peer::udp(from), input, self.now, &mut self.service);
    }

    /// Lets time pass and returns what leaves meanwhile.
    pub(crate) fn waits(&mut self, duration: Duration) -> Vec<String> {
        let end = self.now + duration;
        let mut answers = Vec::new();
        while self.waits_for_its_timer(end) {
            answers.append(&mut self.transmits());
        }
        lines(answers)
    }

    /// Lets time pass until a timer runs out, but not beyond `end`; returns whether one did.
    pub(crate) fn waits_for_its_timer(&mut self, end: Timestamp) -> bool {
        let due = self.server.poll_timeout().filter(|due| *due <= end);
        let Some(due) = due.filter(|_| !self.is_over()) else {
            self.now = end;
            return false;
        };
        self.now = due;
        self.server.handle_timeout(due, &mut self.service);
        assert_later(self.server.poll_timeout(), due);
        true
    }

    /// Tells the server to stop, and returns to whom it says what.
    pub(crate) fn stops(&mut self, drain: Duration) -> Vec<(SocketAddr, String)> {
        self.server.shutdown(self.now, drain);
        self.transmits()
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.server.poll_transmit() == Some(Transmit::Close)
    }

    pub(crate) fn transmits(&mut self) -> Vec<(SocketAddr, String)> {
        self.transmits_bytes().into_iter().map(|(to, bytes)| (to, read(&bytes))).collect()
    }

    pub(crate) fn transmits_bytes(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut datagrams = Vec::new();
        while let Some(Transmit::Bytes { to, bytes }) = self.server.poll_transmit() {
            datagrams.push((to.address, bytes.to_owned()));
            let count = bytes.len();
            self.server.transmitted(count, self.now);
        }
        datagrams
    }

    /// Returns what the transcript has heard since it was asked last.
    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        std::iter::from_fn(|| self.server.poll_event()).map(|event| event.kind).collect()
    }
}

fn lines(datagrams: Vec<(SocketAddr, String)>) -> Vec<String> {
    datagrams.into_iter().map(|(_, line)| line).collect()
}
