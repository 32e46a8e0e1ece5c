//! The server's side of one TCP connection.

mod config;
mod replies;

use std::time::Duration;

pub use config::StreamConfig;
use replies::Replies;

use crate::peer::Peer;
use crate::protocol::event::{Disconnect, Event, EventKind, Events};
use crate::protocol::framing::Decoder;
use crate::protocol::parameters::{DISCARD_BYTES, DISCARD_TIME, MAX_HELD, MAX_UNSENT};
use crate::protocol::{Input, Session, Transmit};
use crate::service::content::Content;
use crate::service::{Caller, Greeting, Next, Service};
use crate::time::{Timestamp, earlier};

/// One connection: bytes in, messages to the service, replies out in the order of the requests.
#[derive(Debug)]
pub struct StreamSession {
    peer: Peer,
    idle_timeout: Duration,
    work: Duration,
    state: State,
    decoder: Decoder,
    replies: Replies,
    idle_at: Timestamp,
    /// Its session with the service, if that has them.
    guest: Option<Box<Greeting>>,
    peer_finished: bool, // its FIN has come
    /// A content has ended; what was asked meanwhile is to be taken now.
    requests_wait: bool,
    leaving: Disconnect,
    wants_shutdown: bool,
    events: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests are taken.
    Open,
    /// Nothing more is heard; what was asked already, behind a content, is still executed. Without a
    /// limit of its own the peer may take as long as it goes on reading.
    Draining { discard: bool, give_up: Option<Timestamp> },
    /// No more requests; the replies still held back are sent, then we close.
    Finishing { discard: bool, give_up: Timestamp },
    /// Our FIN is out; what still comes is thrown away, for a while.
    Discarding { until: Timestamp, bytes: usize },
    /// Over; the socket is to be dropped.
    Closing,
    /// Over and reported.
    Closed,
}

impl StreamSession {
    /// Takes a connection that was just accepted. A service that has sessions greets it, or turns it
    /// away.
    pub fn new(
        peer: Peer,
        config: &StreamConfig,
        now: Timestamp,
        service: &mut dyn Service,
    ) -> Self {
        let mut session = StreamSession::without_guest(peer, config, now);
        let Some(sessions) = service.sessions() else { return session };
        match sessions.open(peer, now) {
            Ok(greeting) => {
                session.replies.push_line(&greeting.name);
                let joined = || EventKind::Joined(greeting.name.clone());
                session.events.exchange(peer, None, joined);
                session.guest = Some(Box::new(greeting));
            }
            Err(reason) => session.turn_away(&reason, now),
        }
        session
    }

    /// Turns a connection away: says why, and closes without losing those words.
    pub fn refused(peer: Peer, reason: &str, config: &StreamConfig, now: Timestamp) -> Self {
        let mut session = StreamSession::without_guest(peer, config, now);
        session.turn_away(reason, now);
        session
    }

    fn without_guest(peer: Peer, config: &StreamConfig, now: Timestamp) -> Self {
        let mut events = Events::new(config.detail);
        events.exchange(peer, None, || EventKind::Connected);
        StreamSession {
            peer,
            idle_timeout: config.idle_timeout,
            work: config.work,
            state: State::Open,
            decoder: Decoder::new(config.framing, config.max_message),
            replies: Replies::default(),
            idle_at: now + config.idle_timeout,
            guest: None,
            peer_finished: false,
            requests_wait: false,
            leaving: Disconnect::Closed,
            wants_shutdown: false,
            events,
        }
    }

    fn turn_away(&mut self, reason: &str, now: Timestamp) {
        self.replies.push_line(&format!("BUSY {reason}"));
        self.events.warning(self.peer, None, EventKind::Busy(reason.to_owned()));
        self.finish(true, now + DISCARD_TIME);
    }

    /// Ends its session with the service, if it has one. To be called when the connection is over;
    /// it may have been done before.
    pub fn end(&mut self, now: Timestamp, service: &mut dyn Service) {
        if let Some(guest) = self.guest.take() {
            if let Some(sessions) = service.sessions() {
                sessions.close(guest.guest, now);
            }
            let how = self.leaving;
            let left = || EventKind::Left { name: guest.name, how };
            self.events.exchange(self.peer, None, left);
        }
    }

    /// Returns whether to go on reading: not while the peer does not take what we say, nor after
    /// it has said that nothing more will come.
    pub fn wants_input(&self) -> bool {
        !self.peer_finished
            && self.replies.unsent().len() < MAX_UNSENT
            && self.replies.held() < MAX_HELD
            // What is asked during a content waits for its end.
            && (!self.replies.is_sending() || self.decoder.in_hand() < MAX_UNSENT)
    }

    fn finish(&mut self, discard: bool, give_up: Timestamp) {
        self.state = State::Finishing { discard: discard && !self.peer_finished, give_up };
    }

    fn close(&mut self, how: Disconnect) {
        self.state = State::Closing;
        self.leaving = how;
    }

    fn take_requests(&mut self, now: Timestamp, service: &mut dyn Service) {
        self.requests_wait = false;
        // Replies are about as long as requests: room for them all at once.
        self.replies.reserve(2 * self.decoder.in_hand());
        while self.takes_requests() && !self.replies.is_sending() {
            match self.decoder.next_message(now) {
                None => return,
                Some(Ok(request)) => {
                    let (peer, guest) = (self.peer, &self.guest);
                    let caller = Caller { peer, guest: guest.as_ref().map(|guest| guest.guest) };
                    let (mut reply, start) = self.replies.begin();
                    self.events.received(peer, None, request);
                    let next = service.handle(caller, request, now, &mut reply);
                    self.events.executed(peer, None, request, &reply);
                    if next == Next::Close {
                        self.events.malformed(peer, None, reply.as_bytes());
                    }
                    reply.keep_within(self.decoder.max_message());
                    match reply.content.take() {
                        Some(content) => self.send(content, now),
                        None => self.go_on(next, start, now),
                    }
                }
                Some(Err(error)) => {
                    let (mut reply, start) = self.replies.begin();
                    reply.push_str("ERR ");
                    reply.push_str(&error.to_string());
                    self.events.malformed(self.peer, None, reply.as_bytes());
                    self.go_on(Next::Close, start, now);
                }
            }
        }
    }

    fn takes_requests(&self) -> bool {
        matches!(self.state, State::Open | State::Draining { .. })
    }

    /// Takes what was asked already; then there is nothing left but to answer.
    fn take_last_requests(&mut self, now: Timestamp, service: &mut dyn Service) {
        self.take_requests(now, service);
        if let State::Draining { discard, give_up } = self.state
            && !self.replies.is_sending()
        {
            self.finish(discard, give_up.unwrap_or(self.last_moment(now)));
        }
    }

    fn go_on(&mut self, next: Next, start: usize, now: Timestamp) {
        match next {
            Next::Continue | Next::Close | Next::Leave => {
                if self.work.is_zero() {
                    self.events.sent(self.peer, None, self.replies.since(start));
                    self.replies.end_line();
                } else {
                    self.replies.hold(start, now + self.work);
                }
                if next == Next::Leave {
                    self.leaving = Disconnect::Goodbye;
                }
                if next != Next::Continue {
                    self.finish(true, self.last_moment(now));
                }
            }
            Next::Shutdown { number } => {
                self.events.warning(self.peer, None, EventKind::OutOfRange(number));
                self.wants_shutdown = true;
                self.finish(true, self.last_moment(now));
            }
        }
    }

    fn send(&mut self, content: Box<dyn Content>, now: Timestamp) {
        self.replies.send(content, now + self.work);
        self.refill(now);
    }

    /// Reads on what is sent piece by piece; returns whether anything came of it.
    fn refill(&mut self, now: Timestamp) -> bool {
        match self.replies.refill(now, &mut self.events, self.peer) {
            Ok(read) => {
                let waiting = self.decoder.in_hand() > 0 || self.state != State::Open;
                // Until they are taken: the end of the content is also the end of its bytes.
                self.requests_wait |= read && waiting && !self.replies.is_sending();
                read
            }
            Err(reason) => {
                self.events.warning(self.peer, None, EventKind::ContentBroken(reason));
                self.finish(true, self.last_moment(now));
                true
            }
        }
    }

    fn leave_idle_peer(&mut self, now: Timestamp) {
        if !self.replies.unsent().is_empty() {
            self.close(Disconnect::Stalled);
        } else if self.replies.is_written() {
            self.leaving = Disconnect::Idle;
            self.finish(true, now + DISCARD_TIME);
        } else {
            // It is silent because it waits for our work.
            self.idle_at = now + self.idle_timeout;
        }
    }

    /// Returns until when a peer that asks for nothing more may take our last replies.
    fn last_moment(&self, now: Timestamp) -> Timestamp {
        now + self.work + self.idle_timeout
    }
}

impl Session for StreamSession {
    fn receive(
        &mut self,
        _from: Peer,
        input: Input<'_>,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        match (input, self.state) {
            (Input::Bytes(bytes), State::Open) => {
                self.idle_at = now + self.idle_timeout;
                self.decoder.push(bytes, now);
                self.take_requests(now, service);
            }
            (Input::Bytes(received), State::Discarding { until, bytes }) => {
                let bytes = bytes + received.len();
                self.state = match bytes > DISCARD_BYTES {
                    true => State::Closing,
                    false => State::Discarding { until, bytes },
                };
            }
            // What comes after we have decided to leave is not taken.
            (Input::Bytes(_), _) => {}
            (Input::EndOfStream, state) => {
                self.peer_finished = true;
                match state {
                    State::Open => {
                        self.decoder.finish();
                        self.state = State::Draining { discard: false, give_up: None };
                        self.take_last_requests(now, service);
                    }
                    State::Draining { give_up, .. } => {
                        self.decoder.finish();
                        self.state = State::Draining { discard: false, give_up };
                    }
                    State::Finishing { give_up, .. } => self.finish(false, give_up),
                    State::Discarding { .. } => self.state = State::Closing,
                    State::Closing | State::Closed => {}
                }
            }
            (Input::Reset | Input::GaveUp, _) => self.close(Disconnect::Reset),
        }
        if !self.takes_requests() {
            self.end(now, service);
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        match self.state {
            State::Closing => {
                self.state = State::Closed;
                let how = self.leaving;
                self.events.exchange(self.peer, None, || EventKind::Disconnected(how));
                Some(Transmit::Close)
            }
            State::Closed => Some(Transmit::Close),
            _ if !self.replies.unsent().is_empty() => {
                Some(Transmit::Bytes { to: self.peer, bytes: self.replies.unsent() })
            }
            State::Finishing { .. } if self.replies.is_written() => Some(Transmit::HalfClose),
            _ => None,
        }
    }

    fn transmitted(&mut self, count: usize, now: Timestamp) {
        self.idle_at = now + self.idle_timeout;
        if !self.replies.transmitted(count) || self.refill(now) {
            return;
        }
        if let State::Finishing { discard, .. } = self.state
            && count == 0
        {
            self.state = match discard {
                true => State::Discarding { until: now + DISCARD_TIME, bytes: 0 },
                false => State::Closing,
            };
        }
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let replies = self.replies.poll_timeout();
        match self.state {
            // What was asked during a content, now that it has ended.
            State::Open | State::Draining { .. } if self.requests_wait => Some(Timestamp::ZERO),
            State::Draining { give_up, .. } => {
                earlier(replies, earlier(give_up, Some(self.idle_at)))
            }
            State::Open if self.replies.is_sending() => earlier(replies, Some(self.idle_at)),
            State::Open => {
                earlier(earlier(replies, self.decoder.poll_timeout()), Some(self.idle_at))
            }
            State::Finishing { give_up, .. } => earlier(replies, Some(give_up)),
            State::Discarding { until, .. } => Some(until),
            State::Closing | State::Closed => None,
        }
    }

    fn handle_timeout(&mut self, now: Timestamp, service: &mut dyn Service) {
        let released = self.replies.release(now, &mut self.events, self.peer);
        let released = self.refill(now) | released;
        if released {
            // Until now it waited for us.
            self.idle_at = now + self.idle_timeout;
        }
        match self.state {
            State::Draining { give_up, .. } if give_up.is_some_and(|limit| now >= limit) => {
                self.close(Disconnect::Stalled);
            }
            State::Open | State::Draining { .. } => {
                self.take_last_requests(now, service);
                if self.takes_requests() && now >= self.idle_at {
                    self.leave_idle_peer(now);
                }
            }
            // What became due in the last moment may still leave.
            State::Finishing { give_up, .. } if now >= give_up && !released => {
                self.close(Disconnect::Stalled);
            }
            State::Discarding { until, .. } if now >= until => self.state = State::Closing,
            _ => {}
        }
        if !self.takes_requests() {
            self.end(now, service);
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    fn shutdown(&mut self, now: Timestamp, drain: Duration) {
        let at_latest = now + drain;
        match self.state {
            State::Open => {
                // Only who has something in flight can still be sending: wait for no one else.
                let in_flight = !self.replies.is_flushed() || self.decoder.in_hand() > 0;
                if self.guest.is_some() {
                    self.leaving = Disconnect::Shutdown;
                }
                match self.replies.is_sending() {
                    // What was asked behind it has arrived, as what was asked before it.
                    true => {
                        let give_up = Some(at_latest);
                        self.state = State::Draining { discard: in_flight, give_up };
                    }
                    false => self.finish(in_flight, at_latest),
                }
            }
            State::Draining { discard, give_up } => {
                let give_up = Some(give_up.map_or(at_latest, |limit| limit.min(at_latest)));
                self.state = State::Draining { discard, give_up };
            }
            State::Finishing { discard, give_up } => self.finish(discard, give_up.min(at_latest)),
            _ => {}
        }
    }

    fn wants_shutdown(&self) -> bool {
        self.wants_shutdown
    }
}
