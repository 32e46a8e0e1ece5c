//! The client's side over UDP: repeat until answered, and know which answer is meant.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::{RngExt, rngs::ChaCha8Rng};

use super::header::{ByeReason, Cookie, Header, Type, is_framed};
use crate::peer::Peer;
use crate::protocol::ending::{Closing, Ending, Exchange, RequesterEvent, Transmission, Unknown};
use crate::protocol::framing::datagram_text;
use crate::protocol::parameters::{
    MAX_CHALLENGES, MAX_MESSAGE, MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN, RANDOM_FACTOR,
    RETRANSMISSION_TIMEOUT, WINDOW,
};
use crate::protocol::{Input, Purpose, Question, Requester, Transmit};
use crate::service::files::Head;
use crate::time::{Timestamp, earlier};

/// What the caller may conclude from an answer, or from none: the textbook names of RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantics {
    /// One bare datagram, one try.
    Maybe,
    /// Repeated until answered; every copy may be executed.
    AtLeastOnce,
    /// Repeated until answered; the server remembers and executes the first copy only.
    #[default]
    AtMostOnce,
}

/// What to believe when the network says that nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IcmpPolicy {
    /// Believe it at once.
    #[default]
    Trust,
    /// It can be forged or stale: believe it when a second attempt meets it too.
    Vet,
}

/// How a client treats datagrams.
#[derive(Debug, Clone)]
pub struct RequesterConfig {
    /// Whether to repeat, and what the server may do with copies.
    pub semantics: Semantics,
    /// Wait before the first retransmission, before the random factor.
    pub retransmission_timeout: Duration,
    /// Most retransmissions, if limited by number.
    pub retransmissions: Option<u8>,
    /// Most exchanges outstanding at once, 1 to 64.
    pub window: usize,
    /// What to believe of refusals.
    pub icmp: IcmpPolicy,
    /// Longest message, in bytes.
    pub max_message: usize,
    /// After so long a silence of ours, a PING says that we are still there; `None` says nothing.
    /// Not below 15 s (RFC 8085 section 3.5).
    pub keep_alive: Option<Duration>,
}

impl Default for RequesterConfig {
    fn default() -> Self {
        RequesterConfig {
            semantics: Semantics::AtMostOnce,
            retransmission_timeout: RETRANSMISSION_TIMEOUT,
            retransmissions: None,
            window: 1,
            icmp: IcmpPolicy::Trust,
            max_message: MAX_MESSAGE,
            keep_alive: None,
        }
    }
}

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

    fn framed(&mut self, datagram: &[u8], now: Timestamp) {
        let Ok((header, payload)) = Header::parse(datagram) else {
            return self.unexpected();
        };
        if header.token != self.token || self.config.semantics == Semantics::Maybe {
            return self.unexpected();
        }
        match header.kind {
            Type::Bye => return self.goodbye(&header, now),
            Type::Pong if self.config.keep_alive.is_some() => return,
            _ => {}
        }
        let asked = |one: &Outstanding| one.id == header.message_id && one.attempts > 0;
        let found = self.outstanding.iter_mut().find(|(_, one)| asked(one));
        let Some((&order, one)) = found else {
            return self.unexpected();
        };
        match header.kind {
            Type::Welcome if one.purpose != Purpose::Hello => self.unexpected(),
            Type::Reply | Type::Welcome => {
                let may_bring_content = one.purpose == Purpose::Content;
                let content = if may_bring_content { with_content(payload) } else { None };
                let line = content.map_or(payload, |(line, _)| line);
                let ending = self.replied(line);
                if let (Some((_, content)), Ending::Replied(line)) = (content, &ending) {
                    let (id, head, bytes) =
                        (header.message_id, line.as_str().into(), content.to_vec());
                    self.events.push_back(RequesterEvent::Content { id, head, bytes });
                }
                self.end(order, ending, now);
            }
            Type::Ack => {
                one.acknowledged = true;
                self.events.push_back(RequesterEvent::Acknowledged { id: header.message_id });
            }
            Type::Busy => {
                let reason = String::from_utf8_lossy(payload).into_owned();
                self.end(order, Ending::Busy(reason), now);
            }
            Type::Challenge => self.challenged(order, &header, now),
            Type::Stale => {
                // The server that gave the cookie is gone; the one that is there gives its own.
                self.cookie = None;
                self.end(order, Ending::OutcomeUnknown(Unknown::Stale), now);
            }
            _ => self.unexpected(),
        }
    }

    fn challenged(&mut self, order: u64, header: &Header, now: Timestamp) {
        let first_timeout = self.config.retransmission_timeout;
        let Some(one) = self.outstanding.get_mut(&order) else {
            return;
        };
        let cookie = header.cookie;
        if cookie.is_some() && cookie == one.cookie && header.attempt < one.cookie_since {
            // It answers a copy that left before the cookie came: the proof is on its way.
            return self.unexpected();
        }
        one.challenges += 1;
        if cookie.is_none() || one.challenges > MAX_CHALLENGES {
            let what = "the server keeps asking for a proof of address";
            return self.end(order, Ending::ProtocolError(what.to_owned()), now);
        }
        self.cookie = cookie;
        if now.since(one.first_sent) > MAX_TRANSMIT_SPAN {
            // No copy may leave any more: the timer that runs is the last one.
            return;
        }
        one.cookie = cookie;
        one.cookie_since = one.attempts.saturating_add(1);
        // The way to the server is open: the copy with the cookie waits like a first one.
        one.timeout = one.timeout.min(first_timeout.mul_f64(RANDOM_FACTOR));
        one.timer = now + one.timeout;
        self.due.push_back((order, Transmission::WithCookie));
    }

    /// A goodbye names the first message id that will not be answered; earlier ones may still be.
    fn goodbye(&mut self, header: &Header, now: Timestamp) {
        let Some(reason) = header.bye else { return };
        let how = Closing::Bye(reason);
        let unanswered = |id: u32| id.wrapping_sub(header.message_id) < u32::MAX / 2;
        let ended: Vec<u64> = self
            .outstanding
            .iter()
            .filter(|(_, one)| unanswered(one.id))
            .map(|(order, _)| *order)
            .collect();
        self.events.push_back(RequesterEvent::Left(how));
        for order in ended {
            self.end(order, Ending::ServerShutDown(how), now);
        }
    }

    fn bare(&mut self, datagram: &[u8], now: Timestamp) {
        // Without an id, whatever comes is taken for the answer to the oldest question that has left.
        let asked = self.outstanding.iter().find(|(_, one)| one.attempts > 0);
        let oldest = asked.map(|(order, _)| *order);
        let Some(order) = oldest.filter(|_| self.config.semantics == Semantics::Maybe) else {
            return self.unexpected();
        };
        let ending = self.replied(datagram);
        self.end(order, ending, now);
    }

    fn replied(&self, payload: &[u8]) -> Ending {
        match datagram_text(payload, self.config.max_message) {
            Ok(text) => Ending::Replied(text.to_owned()),
            Err(error) => Ending::ProtocolError(format!("the server's reply is {error}")),
        }
    }

    fn control_header(&self, kind: Type) -> Header {
        let bye = (kind == Type::Bye).then_some(ByeReason::ClientLeaves);
        Header { bye, ..Header::new(kind, 0, self.token, self.next_id) }
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

/// Splits a reply into the line that announces a content and the bytes behind it, if it does.
fn with_content(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', payload)?;
    let (line, content) = (&payload[..end], &payload[end + 1..]);
    std::str::from_utf8(line).ok().and_then(Head::parse).map(|_| (line, content))
}
