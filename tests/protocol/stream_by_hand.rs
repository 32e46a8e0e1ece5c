//! Either side of a TCP connection held in the hand: bytes are handed to it in any pieces, and
//! each write, FIN and close of its own is read as a line of text.

use std::time::Duration;

use socklab::peer::Peer;
use socklab::protocol::event::EventKind;
use socklab::protocol::framing::Framing;
use socklab::protocol::parameters::MAX_MESSAGE;
use socklab::protocol::stream::{StreamConfig, StreamRequester, StreamSession};
use socklab::protocol::{Input, Purpose, Question, Requester, RequesterEvent, Session, Transmit};
use socklab::service::Service;
use socklab::time::Timestamp;

use crate::by_hand::{Counting, LOCAL, SERVER, assert_later};

/// A [`StreamSession`] in the hand.
pub(crate) struct ConnectionByHand<S = Counting> {
    pub(crate) session: StreamSession,
    pub(crate) service: S,
    pub(crate) now: Timestamp,
    peer: Peer,
}

impl ConnectionByHand {
    /// A connection from the server's own host.
    pub(crate) fn new(config: &StreamConfig) -> Self {
        ConnectionByHand::from(Peer::tcp(LOCAL), config)
    }

    pub(crate) fn from(peer: Peer, config: &StreamConfig) -> Self {
        ConnectionByHand::to(peer, config, Counting::fifty())
    }

    pub(crate) fn refused(reason: &str, config: &StreamConfig) -> Self {
        let peer = Peer::tcp(LOCAL);
        let session = StreamSession::refused(peer, reason, config, Timestamp::ZERO);
        ConnectionByHand { session, service: Counting::fifty(), now: Timestamp::ZERO, peer }
    }
}

impl<S: Service> ConnectionByHand<S> {
    /// A connection that has begun already.
    pub(crate) fn of(session: StreamSession, peer: Peer, service: S) -> Self {
        ConnectionByHand { session, service, now: Timestamp::ZERO, peer }
    }

    /// A connection to a server that offers `service`.
    pub(crate) fn to(peer: Peer, config: &StreamConfig, mut service: S) -> Self {
        let session = StreamSession::new(peer, config, Timestamp::ZERO, &mut service);
        ConnectionByHand { session, service, now: Timestamp::ZERO, peer }
    }

    /// Hands over what one read returned, and returns what the session does then.
    pub(crate) fn reads(&mut self, bytes: &[u8]) -> Vec<String> {
        self.receives(Input::Bytes(bytes))
    }

    pub(crate) fn receives(&mut self, input: Input<'_>) -> Vec<String> {
        self.session.receive(self.peer, input, self.now, &mut self.service);
        self.does()
    }

    /// Lets time pass and returns what the session does meanwhile.
    pub(crate) fn waits(&mut self, duration: Duration) -> Vec<String> {
        let end = self.now + duration;
        let mut done = Vec::new();
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.session.handle_timeout(due, &mut self.service);
            done.append(&mut self.does());
            assert_later(self.session.poll_timeout(), due);
        }
        self.now = end;
        done
    }

    /// Tells the server to stop, and returns what the session does at once.
    pub(crate) fn stops(&mut self, drain: Duration) -> Vec<String> {
        self.session.shutdown(self.now, drain);
        self.does()
    }

    /// Returns what the session does now; each write takes all.
    pub(crate) fn does(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        loop {
            let (line, count) = match self.session.poll_transmit() {
                None => return done,
                Some(Transmit::Bytes { bytes, .. }) => {
                    (String::from_utf8_lossy(bytes).into_owned(), bytes.len())
                }
                Some(Transmit::HalfClose) => ("FIN".to_owned(), 0),
                Some(Transmit::Close) => {
                    done.push("close".to_owned());
                    return done;
                }
            };
            done.push(line);
            self.session.transmitted(count, self.now);
        }
    }

    /// Returns what the transcript has heard since it was asked last.
    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        std::iter::from_fn(|| self.session.poll_event()).map(|event| event.kind).collect()
    }
}

/// A [`StreamRequester`] in the hand.
pub(crate) struct StreamClientByHand {
    pub(crate) requester: StreamRequester,
    pub(crate) now: Timestamp,
    story: Vec<String>,
}

impl StreamClientByHand {
    pub(crate) fn new(framing: Framing) -> Self {
        StreamClientByHand {
            requester: StreamRequester::new(Peer::tcp(SERVER), framing, MAX_MESSAGE),
            now: Timestamp::ZERO,
            story: Vec::new(),
        }
    }

    pub(crate) fn asks(&mut self, text: &str, timeout: Option<Duration>) {
        self.asks_for(text, timeout, false);
    }

    /// Sends a number that it knows to stop the server.
    pub(crate) fn asks_to_stop(&mut self, text: &str) {
        self.asks_for(text, None, true);
    }

    fn asks_for(&mut self, text: &str, timeout: Option<Duration>, stops_server: bool) {
        let deadline = timeout.map(|timeout| self.now + timeout);
        let purpose = if stops_server { Purpose::Shutdown } else { Purpose::Line };
        self.requester.request(Question { text, purpose }, self.now, deadline);
        self.go_on();
    }

    pub(crate) fn reads(&mut self, bytes: &str) {
        self.receives(Input::Bytes(bytes.as_bytes()));
    }

    pub(crate) fn receives(&mut self, input: Input<'_>) {
        self.requester.receive(input, self.now);
        self.go_on();
    }

    pub(crate) fn waits(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.requester.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.requester.handle_timeout(due);
            self.go_on();
            if self.requester.poll_transmit(due) == Some(Transmit::Close) {
                break;
            }
            assert_later(self.requester.poll_timeout(), due);
        }
        self.now = end;
    }

    /// Returns what has happened since it was asked last.
    pub(crate) fn story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.story)
    }

    fn go_on(&mut self) {
        loop {
            while let Some(event) = self.requester.poll_event() {
                match event {
                    RequesterEvent::Sent { .. } => {}
                    RequesterEvent::Ended(exchange) => {
                        self.story.push(format!("{}: {:?}", exchange.id, exchange.ending))
                    }
                    other => self.story.push(format!("{other:?}")),
                }
            }
            let Some(Transmit::Bytes { bytes, .. }) = self.requester.poll_transmit(self.now) else {
                return;
            };
            let count = bytes.len();
            self.story.push(String::from_utf8_lossy(bytes).into_owned());
            self.requester.transmitted(count, self.now);
        }
    }
}
