//! The client's side over UDP: repeat until answered. `incoming` knows which answer is meant.

mod config;
mod incoming;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use config::{IcmpPolicy, RequesterConfig, Semantics};
use rand::{RngExt, rngs::ChaCha8Rng};

use super::header::{ByeReason, Cookie, Header, Type, is_framed};
use crate::peer::Peer;
use crate::protocol::ending::{Ending, Exchange, RequesterEvent, Transmission, Unknown};
use crate::protocol::parameters::{
    MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN, RANDOM_FACTOR, WINDOW,
};
use crate::protocol::{Input, Purpose, Question, Requester, Transmit};
use crate::time::{Timestamp, earlier};
/// One connected UDP socket and the exchanges that are under way on it.
#[derive(Debug)]
pub struct DatagramRequester {
    server: Peer,
    config: RequesterConfig,
    token: u32,
    next_id: u32,
    random: ChaCha8Rng,
    cookie: Option<Cookie>,
    outstanding: BTreeMap<u64, Outstanding>, // by the order of asking
    waiting: VecDeque<(u64, Waiting)>,       // for room in the window
    asked: u64,
    due: VecDeque<(u64, Transmission)>, // copies that shall leave now
    control: VecDeque<Type>,            // behind them: BYE, PING
    next_ping: Option<Timestamp>,
    datagram: Vec<u8>,
    events: VecDeque<RequesterEvent>,
}

#[derive(Debug)]
struct Waiting {
    id: u32,
    text: String,
    purpose: Purpose,
    deadline: Option<Timestamp>,
}

/// An exchange under way.
#[derive(Debug)]
struct Outstanding {
    id: u32,
    text: String,
    purpose: Purpose,
    deadline: Option<Timestamp>,
    cookie: Option<Cookie>,
    /// The first attempt that carried it.
    cookie_since: u8,
    first_sent: Timestamp,
    attempts: u8,
    retransmissions: u8,
    challenges: u8,
    /// How many attempts met a refusal.
    refusals: u8,
    /// The server has said that it has the request.
    acknowledged: bool,
    /// The present timeout; doubles with each retransmission.
    timeout: Duration,
    timer: Timestamp,
}

impl DatagramRequester {
    /// The client's half of a conversation over a socket connected to `server`. The token and the
    /// first message id are drawn by the caller, `random` stretches the timeouts.
    pub fn new(
        server: Peer,
        config: RequesterConfig,
        (token, first_id): (u32, u32),
        random: ChaCha8Rng,
    ) -> Self {
        DatagramRequester {
            server,
            config,
            token,
            next_id: first_id,
            random,
            cookie: None,
            outstanding: BTreeMap::new(),
            waiting: VecDeque::new(),
            asked: 0,
            due: VecDeque::new(),
            control: VecDeque::new(),
            next_ping: None,
            datagram: Vec::new(),
            events: VecDeque::new(),
        }
    }

    fn fill_window(&mut self, now: Timestamp) {
        while let Some((order, waiting)) = self.waiting.pop_front() {
            if !self.has_room_for(waiting.id) {
                self.waiting.push_front((order, waiting));
                return;
            }
            let factor = self.random.random_range(1.0..RANDOM_FACTOR);
            let timeout = self.config.retransmission_timeout.mul_f64(factor);
            let one = Outstanding {
                id: waiting.id,
                text: waiting.text,
                purpose: waiting.purpose,
                deadline: waiting.deadline,
                cookie: self.cookie,
                cookie_since: 1,
                first_sent: now,
                attempts: 0,
                retransmissions: 0,
                challenges: 0,
                refusals: 0,
                acknowledged: false,
                timeout,
                timer: self.first_timer(timeout, waiting.deadline, now),
            };
            self.outstanding.insert(order, one);
            self.due.push_back((order, Transmission::First));
        }
    }

    /// A full window makes the next request wait, and so does an old one without an answer: the
    /// server remembers the last 64 ids, and further ahead no copy of the old one would be taken.
    fn has_room_for(&self, id: u32) -> bool {
        let oldest = self.outstanding.values().next().map_or(id, |one| one.id);
        let repeatable = self.config.semantics != Semantics::AtMostOnce
            || (id.wrapping_sub(oldest) as usize) < WINDOW;
        repeatable && self.outstanding.len() < self.config.window.clamp(1, WINDOW)
    }

    /// A bare datagram is never repeated: its only timer is the one that ends the waiting.
    fn first_timer(
        &self,
        timeout: Duration,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Timestamp {
        match self.config.semantics {
            Semantics::Maybe => deadline.unwrap_or(now + MAX_TRANSMIT_SPAN),
            _ => now + timeout,
        }
    }

    fn may_repeat(&self, one: &Outstanding, now: Timestamp) -> bool {
        self.config.semantics != Semantics::Maybe
            && now.since(one.first_sent) <= MAX_TRANSMIT_SPAN
            && self.config.retransmissions.is_none_or(|most| one.retransmissions < most)
            && one.attempts < u8::MAX
    }

    fn control_header(&self, kind: Type) -> Header {
        let bye = (kind == Type::Bye).then_some(ByeReason::ClientLeaves);
        let cookie = self.cookie.filter(|_| kind == Type::Ping);
        Header { bye, cookie, ..Header::new(kind, 0, self.token, self.next_id) }
    }

    fn unexpected(&mut self) {
        self.events.push_back(RequesterEvent::Unexpected);
    }

    fn end(&mut self, order: u64, ending: Ending, now: Timestamp) {
        if let Some(one) = self.outstanding.remove(&order) {
            self.due.retain(|(due, _)| *due != order);
            let Outstanding { id, attempts, retransmissions, .. } = one;
            let exchange = Exchange { id, attempts, retransmissions, ending };
            self.events.push_back(RequesterEvent::Ended(exchange));
            self.fill_window(now);
        }
    }
}

impl Requester for DatagramRequester {
    fn request(
        &mut self,
        question: Question<'_>,
        now: Timestamp,
        deadline: Option<Timestamp>,
    ) -> u32 {
        let Question { text, purpose } = question;
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let waiting = Waiting { id, text: text.to_owned(), purpose, deadline };
        self.waiting.push_back((self.asked, waiting));
        self.asked += 1;
        self.fill_window(now);
        id
    }

    fn leave(&mut self) {
        if self.config.semantics != Semantics::Maybe {
            self.control.push_back(Type::Bye);
        }
    }

    fn receive(&mut self, input: Input<'_>, now: Timestamp) {
        match input {
            Input::Bytes(datagram) if is_framed(datagram) => self.framed(datagram, now),
            Input::Bytes(datagram) => self.bare(datagram, now),
            // Over UDP there is no FIN and no RST.
            Input::EndOfStream | Input::Reset | Input::GaveUp => {}
        }
    }

    fn refused(&mut self, now: Timestamp) {
        let vet = self.config.icmp == IcmpPolicy::Vet;
        // A refusal does not say which datagram it is about: of several questions some may have
        // been executed before the server went away.
        let alone = self.outstanding.values().filter(|one| one.attempts > 0).count() == 1;
        let mut ended = Vec::new();
        for (order, one) in &mut self.outstanding {
            one.refusals = one.refusals.saturating_add(1).min(one.attempts);
            if one.attempts == 0 || (vet && one.refusals < 2) {
                continue;
            }
            // Refused whenever it was tried: it was not executed. Otherwise an earlier copy may
            // have been.
            let nobody_had_it = alone && one.refusals == one.attempts && !one.acknowledged;
            ended.push((*order, nobody_had_it));
        }
        for (order, nobody_had_it) in ended {
            let ending = match nobody_had_it {
                true => Ending::Refused,
                false => Ending::OutcomeUnknown(Unknown::RefusedLater),
            };
            self.end(order, ending, now);
        }
    }

    fn poll_transmit(&mut self, _now: Timestamp) -> Option<Transmit<'_>> {
        self.datagram.clear();
        let Some((order, _)) = self.due.front() else {
            let header = self.control_header(*self.control.front()?);
            header.write(b"", &mut self.datagram);
            return Some(Transmit::Bytes { to: self.server, bytes: &self.datagram });
        };
        let one = self.outstanding.get(order)?;
        if self.config.semantics == Semantics::Maybe {
            self.datagram.extend_from_slice(one.text.as_bytes());
        } else {
            let kind = if one.purpose == Purpose::Hello { Type::Hello } else { Type::Request };
            let header = Header {
                idempotent: self.config.semantics == Semantics::AtLeastOnce,
                cookie: one.cookie,
                ..Header::new(kind, one.attempts + 1, self.token, one.id)
            };
            header.write(one.text.as_bytes(), &mut self.datagram);
        }
        Some(Transmit::Bytes { to: self.server, bytes: &self.datagram })
    }

    fn transmitted(&mut self, _count: usize, now: Timestamp) {
        self.next_ping = self.config.keep_alive.map(|silence| now + silence);
        let Some((order, reason)) = self.due.pop_front() else {
            self.control.pop_front();
            return;
        };
        let Some(one) = self.outstanding.get_mut(&order) else {
            return;
        };
        one.attempts += 1;
        match reason {
            Transmission::First => one.first_sent = now,
            Transmission::Retransmission => one.retransmissions += 1,
            Transmission::WithCookie => {}
        }
        let (id, attempt) = (one.id, one.attempts);
        self.events.push_back(RequesterEvent::Sent { id, attempt, reason });
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let timers = self.outstanding.values().map(|one| earlier(Some(one.timer), one.deadline));
        let waiting = self.waiting.iter().map(|(_, waiting)| waiting.deadline);
        timers.chain(waiting).chain([self.next_ping]).flatten().min()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        if self.next_ping.is_some_and(|due| due <= now) {
            self.next_ping = None;
            self.control.push_back(Type::Ping);
        }
        let passed = |deadline: Option<Timestamp>| deadline.is_some_and(|limit| limit <= now);
        let waiting = std::mem::take(&mut self.waiting);
        for (order, waiting) in waiting {
            if passed(waiting.deadline) {
                let ending = Ending::TimedOut;
                let exchange = Exchange { id: waiting.id, attempts: 0, retransmissions: 0, ending };
                self.events.push_back(RequesterEvent::Ended(exchange));
            } else {
                self.waiting.push_back((order, waiting));
            }
        }
        let mut ended = Vec::new();
        let orders: Vec<u64> = self.outstanding.keys().copied().collect();
        for order in orders {
            let one = &self.outstanding[&order];
            if passed(one.deadline) {
                ended.push(order);
            } else if one.timer <= now {
                if !self.may_repeat(one, now) {
                    ended.push(order);
                } else if let Some(one) = self.outstanding.get_mut(&order) {
                    one.timeout = (one.timeout * 2).min(MAX_RETRANSMISSION_TIMEOUT);
                    one.timer = now + one.timeout;
                    self.due.push_back((order, Transmission::Retransmission));
                }
            }
        }
        for order in ended {
            self.end(order, Ending::TimedOut, now);
        }
    }

    fn poll_event(&mut self) -> Option<RequesterEvent> {
        self.events.pop_front()
    }
}
