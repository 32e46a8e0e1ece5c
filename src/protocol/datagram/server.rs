//! The server's side of one UDP socket: every client of it.

mod answers;
mod config;
mod sessions;

use std::collections::VecDeque;
use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;

use answers::{Held, Preparing, unproven_allowance};
pub use config::DatagramConfig;
use sessions::Gate;

use super::cookie::{CookieMaker, Proof};
use super::duplicate_cache::{Answer, DuplicateCache, Found, Room};
use super::header::{ByeReason, HEADER_LENGTH, Header, Type, is_framed};
use super::outbox::{Outbox, RateLimit};
use super::session_table::SessionTable;
use crate::peer::Peer;
use crate::protocol::event::{
    Challenge, Disconnect, Dropped, DuplicateAnswer, Event, EventKind, Events,
};
use crate::protocol::framing::datagram_text;
use crate::protocol::parameters::{
    AMPLIFICATION_LIMIT, IP_AND_UDP_HEADERS, LINGER, MAX_CHALLENGES_PER_SECOND, MAX_TOKENS,
};
use crate::protocol::{Input, Session, Transmit};
use crate::service::{Caller, GuestId, Next, Reply, Service};
use crate::time::{Timestamp, earlier};

/// What the server's randomness is used for; the caller draws it.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Key of cookies and fingerprints.
    pub key: [u8; 16],
    /// Tells this start of the server from every other.
    pub epoch: u16,
}

/// Contents that are being prepared at once; many times a class.
const MAX_PREPARING: usize = 1024;

/// One UDP socket: boundaries, repeats and forged addresses.
#[derive(Debug)]
pub struct DatagramServer {
    config: DatagramConfig,
    cookies: CookieMaker,
    fingerprint: SipHasher13,
    cache: DuplicateCache,
    sessions: SessionTable,
    challenges: RateLimit,
    out: Outbox,
    scratch: Vec<u8>, // a reply while it is written
    held: VecDeque<Held>,
    preparing: Vec<Preparing>,
    served: bool,
    wants_shutdown: bool,
    leaving_until: Option<Timestamp>,
    over: bool,
    events: Events,
}

/// A request, read and judged.
struct Request<'a> {
    from: Peer,
    /// Bare requests have none.
    header: Option<Header>,
    text: &'a str,
    /// Whether the address it comes from is more than a claim.
    proven: bool,
    /// Largest datagram that may answer it.
    allowance: usize,
}

impl Request<'_> {
    fn message_id(&self) -> Option<u32> {
        self.header.map(|header| header.message_id)
    }
}

impl DatagramServer {
    /// A server with an empty memory.
    pub fn new(config: DatagramConfig, secrets: &Secrets) -> Self {
        let (detail, idle_timeout) = (config.detail, config.idle_timeout);
        DatagramServer {
            config,
            cookies: CookieMaker::new(secrets.key, secrets.epoch),
            fingerprint: SipHasher13::new_with_key(&secrets.key),
            cache: DuplicateCache::default(),
            sessions: SessionTable::new(idle_timeout),
            challenges: RateLimit::new(MAX_CHALLENGES_PER_SECOND),
            out: Outbox::default(),
            scratch: Vec::new(),
            held: VecDeque::new(),
            preparing: Vec::new(),
            served: false,
            wants_shutdown: false,
            leaving_until: None,
            over: false,
            events: Events::new(detail),
        }
    }

    fn bare(&mut self, from: Peer, datagram: &[u8], now: Timestamp, service: &mut dyn Service) {
        if self.is_leaving() {
            return;
        }
        let text = match datagram_text(datagram, self.config.max_message) {
            Ok(text) => text,
            Err(error) => return self.malformed(from, None, &error.to_string()),
        };
        let within = AMPLIFICATION_LIMIT * (datagram.len() + IP_AND_UDP_HEADERS);
        let allowance = within - IP_AND_UDP_HEADERS;
        // Without a header there is no place for a cookie: only this very host is believed.
        let proven = from.is_loopback() || !self.config.validate;
        let request = Request { from, header: None, text, proven, allowance };
        if service.sessions().is_some() {
            self.malformed(from, None, "use the framed protocol");
        } else if !proven && service.is_sensitive(from.into(), text) {
            self.malformed(from, None, "a bare datagram cannot prove its address");
        } else {
            self.execute(&request, None, now, service);
        }
    }

    fn framed(&mut self, from: Peer, datagram: &[u8], now: Timestamp, service: &mut dyn Service) {
        let (header, payload) = match Header::parse(datagram) {
            Ok(parts) => parts,
            Err(error) => return self.events.dropped(from, Dropped::Header(error)),
        };
        match header.kind {
            Type::Request | Type::Hello => self.request(from, header, payload, now, service),
            Type::Ping => self.ping(from, &header, now, service),
            Type::Bye => self.client_leaves(from, &header, now, service),
            _ => self.events.dropped(from, Dropped::NotForServers),
        }
    }

    fn request(
        &mut self,
        from: Peer,
        header: Header,
        payload: &[u8],
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        let check = |cookie| self.cookies.check(&cookie, from.address, header.token, now);
        let proof = header.cookie.map(check);
        if proof == Some(Proof::OtherEpoch) {
            return self.control(from, Type::Stale, &header);
        }
        let text = match datagram_text(payload, self.config.max_message) {
            Ok(text) => text,
            Err(error) => return self.malformed(from, Some(&header), &error.to_string()),
        };
        let proven = proof == Some(Proof::Valid) || !self.config.validate;
        let allowance = if proven { usize::MAX } else { unproven_allowance(&header, payload) };
        let request = Request { from, header: Some(header), text, proven, allowance };
        if header.idempotent || !self.config.duplicate_cache {
            self.forgettable(&request, &header, now, service);
        } else {
            self.memorable(&request, &header, now, service);
        }
    }

    /// A request whose copies are executed like any other.
    fn forgettable(
        &mut self,
        request: &Request<'_>,
        header: &Header,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        if self.is_leaving() {
            return self.goodbye_to_request(request, ByeReason::Shutdown);
        }
        match self.gate(request, header, service) {
            Gate::NoSession => self.control(request.from, Type::Stale, header),
            Gate::Prove(why) => self.challenge(request.from, Some(header), why, now),
            Gate::Open(guest) => self.execute(request, guest, now, service),
        }
    }

    /// A request whose copies must not be executed again.
    fn memorable(
        &mut self,
        request: &Request<'_>,
        header: &Header,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        let (token, message_id) = (header.token, header.message_id);
        let fingerprint = self.fingerprint(request.text);
        self.cache.expire(now);
        match self.cache.find(token, message_id, fingerprint) {
            Found::Copy(Answer::Reply(payload)) => {
                if HEADER_LENGTH + payload.len() > request.allowance {
                    let why = Challenge::ReplyTooLarge;
                    return self.challenge(request.from, Some(header), why, now);
                }
                let answer = answers::header(header);
                self.out.push(request.from, |out| answer.write(payload, out));
                self.copy(request, header, DuplicateAnswer::FromCache, now);
            }
            Found::Copy(Answer::Working) => {
                self.control(request.from, Type::Ack, header);
                self.copy(request, header, DuplicateAnswer::StillWorking, now);
            }
            Found::Copy(Answer::Shutdown) => {
                self.goodbye_to_request(request, ByeReason::OutOfRange);
            }
            Found::OtherPayload => self.malformed(request.from, Some(header), "id reused"),
            Found::TooOld => self.copy(request, header, DuplicateAnswer::TooOld, now),
            Found::Stale => self.control(request.from, Type::Stale, header),
            Found::New { .. } if self.is_leaving() => {
                self.goodbye_to_request(request, ByeReason::Shutdown);
            }
            Found::New { client_known } => match self.gate(request, header, service) {
                Gate::NoSession => self.control(request.from, Type::Stale, header),
                Gate::Prove(why) => self.challenge(request.from, Some(header), why, now),
                Gate::Open(guest) => match self.cache.room(client_known) {
                    Room::Full => self.busy(request, "the server remembers too many clients"),
                    Room::Short if !request.proven => {
                        self.challenge(request.from, Some(header), Challenge::MemoryShort, now);
                    }
                    // Not remembered: a later copy may find less work waiting.
                    Room::Free | Room::Short if self.is_overworked() => {
                        self.events.dropped(request.from, Dropped::TooMuchWork);
                    }
                    Room::Free | Room::Short => {
                        // The entry first, then the work: no copy can slip in between.
                        let key = (token, message_id);
                        self.cache.remember(key, fingerprint, request.from.address, now);
                        self.execute(request, guest, now, service);
                    }
                },
            },
        }
    }

    /// Has the service do the work, and answers.
    fn execute(
        &mut self,
        request: &Request<'_>,
        guest: Option<GuestId>,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        if self.is_overworked() {
            return self.events.dropped(request.from, Dropped::TooMuchWork);
        }
        let (from, id) = (request.from, request.message_id());
        self.served = true;
        self.heard(request, now);
        if let Some(header) = request.header.filter(|header| header.kind == Type::Hello) {
            return self.hello(request, &header, now, service);
        }
        self.events.received(from, id, request.text);
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        let mut reply = Reply::new(&mut payload);
        let next = service.handle(Caller { peer: from, guest }, request.text, now, &mut reply);
        self.events.executed(from, id, request.text, &reply);
        if next == Next::Close {
            self.events.malformed(from, id, reply.as_bytes());
        }
        reply.keep_within(self.config.max_message);
        let content = reply.content.take();
        match (next, content) {
            (Next::Shutdown { number }, _) => self.asked_to_stop(request, number),
            (_, Some(content)) => self.prepare(request, content, now),
            (_, None) => self.answer_when_due(request, &payload, now),
        }
        if let Some(header) = request.header.filter(|_| next == Next::Leave) {
            self.end_session(header.token, Disconnect::Goodbye, now, service);
        }
        self.scratch = payload;
    }

    fn asked_to_stop(&mut self, request: &Request<'_>, number: i64) {
        let out_of_range = EventKind::OutOfRange(number);
        self.events.warning(request.from, request.message_id(), out_of_range);
        self.wants_shutdown = true;
        if let Some(header) = request.header {
            self.cache.store((header.token, header.message_id), Answer::Shutdown);
            self.cache.goodbye_said(header.token);
            self.goodbye_to_request(request, ByeReason::OutOfRange);
        }
    }

    fn is_overworked(&self) -> bool {
        self.held.len() >= MAX_TOKENS || self.preparing.len() >= MAX_PREPARING
    }

    fn is_leaving(&self) -> bool {
        self.leaving_until.is_some() || self.wants_shutdown
    }

    fn remembers(&self, header: &Header) -> bool {
        self.config.duplicate_cache && !header.idempotent
    }

    fn fingerprint(&self, text: &str) -> u64 {
        let mut hasher = self.fingerprint;
        hasher.write(text.as_bytes());
        hasher.finish()
    }
}

impl Session for DatagramServer {
    fn receive(&mut self, from: Peer, input: Input<'_>, now: Timestamp, service: &mut dyn Service) {
        match input {
            Input::Bytes(datagram) if is_framed(datagram) => {
                self.framed(from, datagram, now, service);
            }
            Input::Bytes(datagram) => self.bare(from, datagram, now, service),
            // Over UDP there is no FIN and no RST.
            Input::EndOfStream | Input::Reset | Input::GaveUp => {}
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        match self.out.front() {
            Some((to, bytes)) => Some(Transmit::Bytes { to, bytes }),
            None => self.over.then_some(Transmit::Close),
        }
    }

    fn transmitted(&mut self, _count: usize, _now: Timestamp) {
        self.out.pop();
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let held = self.held.front().map(|held| held.due);
        let preparing = self.preparing.iter().map(|one| one.due).min();
        let leaving = self.leaving_until.filter(|_| !self.over);
        let forgetting = earlier(self.cache.poll_timeout(), self.sessions.poll_timeout());
        earlier(earlier(held, preparing), earlier(leaving, forgetting))
    }

    fn handle_timeout(&mut self, now: Timestamp, service: &mut dyn Service) {
        self.release_held(now);
        self.prepare_on(now);
        self.cache.expire(now);
        self.expire_sessions(now, service);
        if self.leaving_until.is_some_and(|until| until <= now) {
            self.held.clear();
            self.over = true;
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    fn shutdown(&mut self, now: Timestamp, drain: Duration) {
        if self.leaving_until.is_some() {
            return;
        }
        // What is being prepared takes as long as it takes, within the limit.
        let work_done = match self.preparing.is_empty() {
            true => self.held.back().map_or(now, |held| held.due),
            false => now + drain,
        };
        let linger = if self.served { LINGER } else { Duration::ZERO };
        self.leaving_until = Some((work_done + linger).min(now + drain));
        let mut goodbyes: Vec<_> = self.cache.take_goodbyes().collect();
        goodbyes.extend(self.end_all_sessions(&goodbyes));
        if self.config.goodbye {
            for (address, token, message_id) in goodbyes {
                self.goodbye(Peer::udp(address), token, message_id, ByeReason::Shutdown);
            }
        }
    }

    fn wants_shutdown(&self) -> bool {
        self.wants_shutdown
    }
}
