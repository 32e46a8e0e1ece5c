//! The server's side of one TCP connection.

use std::collections::VecDeque;
use std::time::Duration;

use crate::peer::Peer;
use crate::protocol::event::{Detail, Disconnect, Event, EventKind, Events};
use crate::protocol::framing::{Decoder, Framing};
use crate::protocol::parameters::{
    DISCARD_BYTES, DISCARD_TIME, IDLE_TIMEOUT, MAX_HELD, MAX_MESSAGE, MAX_UNSENT,
};
use crate::protocol::{Input, Session, Transmit};
use crate::service::{Next, Reply, Service};
use crate::time::{Timestamp, earlier};

/// What all connections of a server have in common.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// How bytes become messages.
    pub framing: Framing,
    /// Longest message, in bytes.
    pub max_message: usize,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
    /// How long a reply is held back after the request was executed.
    pub work: Duration,
    /// How much the transcript listens to.
    pub detail: Detail,
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            framing: Framing::Auto,
            max_message: MAX_MESSAGE,
            idle_timeout: IDLE_TIMEOUT,
            work: Duration::ZERO,
            detail: Detail::Exchanges,
        }
    }
}

/// One connection: bytes in, messages to the service, replies out in the order of the requests.
#[derive(Debug)]
pub struct StreamSession {
    peer: Peer,
    idle_timeout: Duration,
    work: Duration,
    state: State,
    decoder: Decoder,
    output: Vec<u8>,
    written: usize, // bytes of `output` that have left
    held: VecDeque<(Timestamp, Vec<u8>)>,
    idle_at: Timestamp,
    peer_finished: bool, // its FIN has come
    leaving: Disconnect,
    wants_shutdown: bool,
    events: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests are taken.
    Open,
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
    /// Takes a connection that was just accepted.
    pub fn new(peer: Peer, config: &StreamConfig, now: Timestamp) -> Self {
        let mut events = Events::new(config.detail);
        events.exchange(peer, None, || EventKind::Connected);
        StreamSession {
            peer,
            idle_timeout: config.idle_timeout,
            work: config.work,
            state: State::Open,
            decoder: Decoder::new(config.framing, config.max_message),
            output: Vec::new(),
            written: 0,
            held: VecDeque::new(),
            idle_at: now + config.idle_timeout,
            peer_finished: false,
            leaving: Disconnect::Closed,
            wants_shutdown: false,
            events,
        }
    }

    /// Turns a connection away: says why, and closes without losing those words.
    pub fn refused(peer: Peer, reason: &str, config: &StreamConfig, now: Timestamp) -> Self {
        let mut session = StreamSession::new(peer, config, now);
        session.output = format!("BUSY {reason}\n").into_bytes();
        session.events.warning(peer, None, EventKind::Busy(reason.to_owned()));
        session.finish(true, now + DISCARD_TIME);
        session
    }

    /// Returns whether to go on reading: not while the peer does not take what we say, nor after
    /// it has said that nothing more will come.
    pub fn wants_input(&self) -> bool {
        !self.peer_finished
            && self.output.len() - self.written < MAX_UNSENT
            && self.held.len() < MAX_HELD
    }

    fn finish(&mut self, discard: bool, give_up: Timestamp) {
        self.state = State::Finishing { discard: discard && !self.peer_finished, give_up };
    }

    fn close(&mut self, how: Disconnect) {
        self.state = State::Closing;
        self.leaving = how;
    }

    fn take_requests(&mut self, now: Timestamp, service: &mut dyn Service) {
        // Replies are about as long as requests: room for them all at once.
        self.output.reserve(2 * self.decoder.in_hand());
        while self.state == State::Open {
            match self.decoder.next_message(now) {
                None => return,
                Some(Ok(request)) => {
                    let start = self.output.len();
                    let mut reply = Reply::new(&mut self.output);
                    self.events
                        .exchange(self.peer, None, || EventKind::Received(request.to_owned()));
                    let next = service.handle(self.peer, request, now, &mut reply);
                    self.events.executed(self.peer, None, request, &reply);
                    if next == Next::Close {
                        let reason = String::from_utf8_lossy(reply.as_bytes()).into_owned();
                        let reason = reason.trim_start_matches("ERR ").to_owned();
                        self.events.warning(self.peer, None, EventKind::Malformed(reason));
                    }
                    self.go_on(next, start, now);
                }
                Some(Err(error)) => {
                    let start = self.output.len();
                    self.output.extend_from_slice(format!("ERR {error}").as_bytes());
                    let malformed = EventKind::Malformed(error.to_string());
                    self.events.warning(self.peer, None, malformed);
                    self.go_on(Next::Close, start, now);
                }
            }
        }
    }

    fn go_on(&mut self, next: Next, start: usize, now: Timestamp) {
        match next {
            Next::Continue | Next::Close => {
                if self.work.is_zero() {
                    self.events.sent(self.peer, None, &self.output[start..]);
                    self.output.push(b'\n');
                } else {
                    self.held.push_back((now + self.work, self.output.split_off(start)));
                }
                if next == Next::Close {
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

    /// Queues the replies whose work is done; returns whether there were any.
    fn release_held(&mut self, now: Timestamp) -> bool {
        let waiting = self.held.len();
        while self.held.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, reply)) = self.held.pop_front()
        {
            self.events.sent(self.peer, None, &reply);
            self.output.extend_from_slice(&reply);
            self.output.push(b'\n');
        }
        self.held.len() < waiting
    }

    fn leave_idle_peer(&mut self, now: Timestamp) {
        if self.written < self.output.len() {
            self.close(Disconnect::Stalled);
        } else if self.held.is_empty() {
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

    fn is_flushed(&self) -> bool {
        self.written == self.output.len() && self.held.is_empty()
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
                        self.take_requests(now, service);
                        if self.state == State::Open {
                            self.finish(false, self.last_moment(now));
                        }
                    }
                    State::Finishing { give_up, .. } => self.finish(false, give_up),
                    State::Discarding { .. } => self.state = State::Closing,
                    State::Closing | State::Closed => {}
                }
            }
            (Input::Reset | Input::GaveUp, _) => self.close(Disconnect::Reset),
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
            _ if self.written < self.output.len() => {
                Some(Transmit::Bytes { to: self.peer, bytes: &self.output[self.written..] })
            }
            State::Finishing { .. } if self.held.is_empty() => Some(Transmit::HalfClose),
            _ => None,
        }
    }

    fn transmitted(&mut self, count: usize, now: Timestamp) {
        self.idle_at = now + self.idle_timeout;
        self.written += count;
        if self.written < self.output.len() {
            return;
        }
        self.written = 0;
        match self.output.capacity() > KEPT_CAPACITY {
            true => self.output = Vec::new(),
            false => self.output.clear(),
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
        let held = self.held.front().map(|(due, _)| *due);
        match self.state {
            State::Open => earlier(earlier(held, self.decoder.poll_timeout()), Some(self.idle_at)),
            State::Finishing { give_up, .. } => earlier(held, Some(give_up)),
            State::Discarding { until, .. } => Some(until),
            State::Closing | State::Closed => None,
        }
    }

    fn handle_timeout(&mut self, now: Timestamp, service: &mut dyn Service) {
        let released = self.release_held(now);
        if released {
            // Until now it waited for us.
            self.idle_at = now + self.idle_timeout;
        }
        match self.state {
            State::Open => {
                self.take_requests(now, service);
                if self.state == State::Open && now >= self.idle_at {
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
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    fn shutdown(&mut self, now: Timestamp, drain: Duration) {
        let at_latest = now + drain;
        match self.state {
            State::Open => {
                // Only who has something in flight can still be sending: wait for no one else.
                let in_flight = !self.is_flushed() || self.decoder.in_hand() > 0;
                self.finish(in_flight, at_latest);
            }
            State::Finishing { discard, give_up } => self.finish(discard, give_up.min(at_latest)),
            _ => {}
        }
    }

    fn wants_shutdown(&self) -> bool {
        self.wants_shutdown
    }
}

/// Buffers that have grown beyond this are given back when empty.
const KEPT_CAPACITY: usize = 256; // bytes
