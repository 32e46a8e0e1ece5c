//! A client over UDP held in the hand: what it sends and what it reports is one story, line by
//! line.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use socklab::peer::Peer;
use socklab::protocol::datagram::{DatagramRequester, RequesterConfig};
use socklab::protocol::{Input, Question, Requester, RequesterEvent, Transmit};
use socklab::time::Timestamp;

use crate::by_hand::{FIRST_ID, SERVER, TOKEN, assert_later, read};

/// A [`DatagramRequester`] in the hand.
pub(crate) struct ClientByHand {
    pub(crate) requester: DatagramRequester,
    pub(crate) now: Timestamp,
    /// When copies left.
    pub(crate) left: Vec<Timestamp>,
    /// What the client reported, and when.
    pub(crate) events: Vec<(Timestamp, RequesterEvent)>,
    story: Vec<String>,
}

impl ClientByHand {
    pub(crate) fn new(config: RequesterConfig) -> Self {
        ClientByHand::seeded(config, 1)
    }

    /// A client whose timeouts are stretched by what `seed` draws.
    pub(crate) fn seeded(config: RequesterConfig, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        let names = (TOKEN, FIRST_ID);
        ClientByHand {
            requester: DatagramRequester::new(Peer::udp(SERVER), config, names, random),
            now: Timestamp::ZERO,
            left: Vec::new(),
            events: Vec::new(),
            story: Vec::new(),
        }
    }

    pub(crate) fn asks(&mut self, text: &str, timeout: Option<Duration>) {
        let deadline = timeout.map(|timeout| self.now + timeout);
        self.requester.request(Question::line(text), self.now, deadline);
        self.go_on();
    }

    pub(crate) fn hears(&mut self, datagram: &[u8]) {
        self.requester.receive(Input::Bytes(datagram), self.now);
        self.go_on();
    }

    /// The network says that nobody listens at the server's port.
    pub(crate) fn is_refused(&mut self) {
        self.requester.refused(self.now);
        self.go_on();
    }

    pub(crate) fn waits(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.requester.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.requester.handle_timeout(due);
            self.go_on();
            assert_later(self.requester.poll_timeout(), due);
        }
        self.now = end;
    }

    /// Waits until the next timer runs out, and no longer.
    pub(crate) fn waits_for_its_timer(&mut self) {
        let due = self.requester.poll_timeout().expect("a timer");
        self.waits(due - self.now);
    }

    /// Returns what has happened since it was asked last.
    pub(crate) fn story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.story)
    }

    fn go_on(&mut self) {
        loop {
            while let Some(event) = self.requester.poll_event() {
                self.events.push((self.now, event.clone()));
                match event {
                    RequesterEvent::Sent { .. } => {}
                    RequesterEvent::Ended(exchange) => self.story.push(format!(
                        "{} after {}: {:?}",
                        exchange.id, exchange.attempts, exchange.ending
                    )),
                    other => self.story.push(format!("{other:?}")),
                }
            }
            let Some(Transmit::Bytes { to, bytes }) = self.requester.poll_transmit(self.now) else {
                return;
            };
            assert_eq!(to.address, SERVER);
            self.story.push(read(bytes));
            let count = bytes.len();
            self.left.push(self.now);
            self.requester.transmitted(count, self.now);
        }
    }
}
