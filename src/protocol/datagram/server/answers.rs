//! What the server sends back over UDP: replies, within what an address may be sent, and the
//! datagrams that say something about the conversation itself.

use super::{DatagramServer, Request};
use crate::peer::Peer;
use crate::protocol::datagram::duplicate_cache::Answer;
use crate::protocol::datagram::header::{ByeReason, HEADER_LENGTH, Header, Type};
use crate::protocol::event::{Challenge, Dropped, DuplicateAnswer, EventKind};
use crate::protocol::parameters::{AMPLIFICATION_LIMIT, IP_AND_UDP_HEADERS, LINGER};
use crate::service::content::{Content, NOT_YET, Piece};
use crate::time::Timestamp;

/// A reply held back by `--work`, in the order in which they become due.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) due: Timestamp,
    to: Peer,
    header: Option<Header>,
    allowance: usize,
    payload: Box<[u8]>,
    remembered: bool,
}

/// A content whose piece is not there yet.
#[derive(Debug)]
pub(super) struct Preparing {
    pub(super) due: Timestamp,
    content: Box<dyn Content>,
    to: Peer,
    header: Option<Header>,
    allowance: usize,
    remembered: bool,
}

impl DatagramServer {
    /// Answers with one piece of a content: as much as a message holds.
    pub(super) fn prepare(
        &mut self,
        request: &Request<'_>,
        content: Box<dyn Content>,
        now: Timestamp,
    ) {
        let Request { from: to, header, allowance, .. } = *request;
        let remembered = header.is_some_and(|header| self.remembers(&header));
        let due = now + self.config.work;
        self.preparing.push(Preparing { due, content, to, header, allowance, remembered });
        self.read_on(now);
    }

    /// Reads the contents that are due. A stopping server that has read the last lingers for its copies,
    /// and no longer.
    pub(super) fn prepare_on(&mut self, now: Timestamp) {
        let was_preparing = !self.preparing.is_empty();
        self.read_on(now);
        if was_preparing && self.preparing.is_empty() {
            let work_done = self.held.back().map_or(now, |held| held.due);
            let lingered = |until: Timestamp| until.min(work_done + LINGER);
            self.leaving_until = self.leaving_until.map(lingered);
        }
    }

    /// Returns whether something is held back or prepared for the client with this token.
    pub(super) fn is_working_for(&self, token: u32) -> bool {
        let asks = |header: Option<Header>| header.is_some_and(|header| header.token == token);
        self.held.iter().any(|held| asks(held.header))
            || self.preparing.iter().any(|one| asks(one.header))
    }

    /// Reads the contents that are due.
    pub(super) fn read_on(&mut self, now: Timestamp) {
        for mut one in std::mem::take(&mut self.preparing) {
            if one.due > now {
                // Not moved away: others may come again and again.
                self.preparing.push(one);
                continue;
            }
            let mut payload = Vec::new();
            match one.content.read(self.config.max_message, &mut payload) {
                Piece::NotYet => {
                    one.due = now + NOT_YET;
                    self.preparing.push(one);
                    continue;
                }
                Piece::More | Piece::End | Piece::Line => {}
                Piece::Broken(reason) => payload = format!("ERR {reason}").into_bytes(),
            }
            let Preparing { to, header, allowance, remembered, .. } = one;
            self.answer_within(allowance, to, header.as_ref(), &payload, now);
            if let Some(header) = header.filter(|_| remembered) {
                self.cache.store((header.token, header.message_id), Answer::Reply(payload.into()));
            }
        }
    }

    pub(super) fn answer_when_due(
        &mut self,
        request: &Request<'_>,
        payload: &[u8],
        now: Timestamp,
    ) {
        let Request { from, header, allowance, .. } = *request;
        let remembered = header.is_some_and(|header| self.remembers(&header));
        if !self.config.work.is_zero() {
            let due = now + self.config.work;
            let payload = payload.into();
            self.held.push_back(Held { due, to: from, header, allowance, payload, remembered });
            return;
        }
        if let Some(header) = header.filter(|_| remembered) {
            self.cache.store((header.token, header.message_id), Answer::Reply(payload.into()));
        }
        self.answer_within(allowance, from, header.as_ref(), payload, now);
    }

    pub(super) fn release_held(&mut self, now: Timestamp) {
        while self.held.front().is_some_and(|held| held.due <= now)
            && let Some(held) = self.held.pop_front()
        {
            let header = held.header.as_ref();
            self.answer_within(held.allowance, held.to, header, &held.payload, now);
            if let Some(header) = held.header.filter(|_| held.remembered) {
                let key = (header.token, header.message_id);
                self.cache.store(key, Answer::Reply(held.payload));
            }
        }
    }

    /// Answers, unless that is more than the address may be sent before it has proven itself.
    pub(super) fn answer_within(
        &mut self,
        allowance: usize,
        to: Peer,
        header: Option<&Header>,
        payload: &[u8],
        now: Timestamp,
    ) {
        let length = payload.len() + header.map_or(0, |_| HEADER_LENGTH);
        if length <= allowance {
            if let Some(header) = header {
                // Until now it waited for us.
                self.sessions.renew(header.token, to.address, now);
            }
            self.answer(to, header, payload);
        } else if header.is_some() {
            self.challenge(to, header, Challenge::ReplyTooLarge, now);
        } else {
            let too_large = EventKind::Dropped(Dropped::ReplyTooLarge);
            self.events.warning(to, None, too_large);
        }
    }

    pub(super) fn answer(&mut self, to: Peer, header: Option<&Header>, payload: &[u8]) {
        // Of a content only the line before it.
        self.events.sent_content(to, header.map(|header| header.message_id), payload);
        match header {
            None => self.out.push(to, |out| out.extend_from_slice(payload)),
            Some(request) => {
                let reply = self::header(request);
                self.out.push(to, |out| reply.write(payload, out));
            }
        }
    }

    pub(super) fn malformed(&mut self, from: Peer, header: Option<&Header>, reason: &str) {
        let id = header.map(|header| header.message_id);
        self.events.warning(from, id, EventKind::Malformed(reason.to_owned()));
        self.answer(from, header, format!("ERR {reason}").as_bytes());
    }

    pub(super) fn copy(
        &mut self,
        request: &Request<'_>,
        header: &Header,
        answer: DuplicateAnswer,
        now: Timestamp,
    ) {
        self.cache.touch(header.token, request.from.address, now);
        self.sessions.renew(header.token, request.from.address, now);
        let attempt = header.attempt;
        let duplicate = || EventKind::Duplicate { attempt, answer };
        self.events.exchange(request.from, Some(header.message_id), duplicate);
    }

    pub(super) fn challenge(
        &mut self,
        to: Peer,
        header: Option<&Header>,
        why: Challenge,
        now: Timestamp,
    ) {
        let Some(header) = header else { return };
        if !self.challenges.allows(now) {
            return self.events.dropped(to, Dropped::ChallengeLimit);
        }
        let id = header.message_id;
        let cookie = self.cookies.make(to.address, header.token, now);
        let challenge = Header {
            cookie: Some(cookie),
            ..Header::new(Type::Challenge, header.attempt, header.token, id)
        };
        self.out.push(to, |out| challenge.write(b"", out));
        self.events.exchange(to, Some(id), || EventKind::Challenged(why));
    }

    pub(super) fn busy(&mut self, request: &Request<'_>, reason: &str) {
        let Some(header) = request.header else { return };
        let busy = Header::new(Type::Busy, header.attempt, header.token, header.message_id);
        self.out.push(request.from, |out| busy.write(reason.as_bytes(), out));
        let busy = EventKind::Busy(reason.to_owned());
        self.events.warning(request.from, Some(header.message_id), busy);
    }

    /// Sends a datagram without payload in answer to `header`.
    pub(super) fn control(&mut self, to: Peer, kind: Type, header: &Header) {
        let answer = Header::new(kind, header.attempt, header.token, header.message_id);
        self.out.push(to, |out| answer.write(b"", out));
    }

    pub(super) fn goodbye_to_request(&mut self, request: &Request<'_>, reason: ByeReason) {
        if let Some(header) = request.header
            && self.config.goodbye
        {
            self.goodbye(request.from, header.token, header.message_id, reason);
        }
    }

    pub(super) fn goodbye(&mut self, to: Peer, token: u32, message_id: u32, reason: ByeReason) {
        let bye = Header { bye: Some(reason), ..Header::new(Type::Bye, 0, token, message_id) };
        self.out.push(to, |out| bye.write(b"", out));
    }
}

/// Returns the header of the answer to a request.
pub(super) fn header(request: &Header) -> Header {
    let Header { attempt, token, message_id, .. } = *request;
    let kind = if request.kind == Type::Hello { Type::Welcome } else { Type::Reply };
    Header::new(kind, attempt, token, message_id)
}

/// Returns the largest datagram that may answer a framed request from an unproven address.
pub(super) fn unproven_allowance(header: &Header, payload: &[u8]) -> usize {
    let received = HEADER_LENGTH + header.cookie.map_or(0, |cookie| cookie.len()) + payload.len();
    let within = AMPLIFICATION_LIMIT * (received + IP_AND_UDP_HEADERS);
    // A goodbye may follow unasked: its bytes are kept back here, so that both stay within.
    let goodbye = HEADER_LENGTH + IP_AND_UDP_HEADERS;
    within - goodbye - IP_AND_UDP_HEADERS
}
