//! Sessions over UDP: who may speak, and how one is opened, moved and ended.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{DatagramServer, Request};
use crate::peer::Peer;
use crate::protocol::datagram::cookie::Proof;
use crate::protocol::datagram::header::{ByeReason, Header, Type};
use crate::protocol::datagram::session_table::OpenSession;
use crate::protocol::event::{Challenge, Disconnect, EventKind};
use crate::service::{Caller, GuestId, Service};
use crate::time::Timestamp;

/// Whether a request that was never seen before may be executed.
pub(super) enum Gate {
    /// It may, in this session if the service has them.
    Open(Option<GuestId>),
    /// Its address must be proven first.
    Prove(Challenge),
    /// It names a session that is not open.
    NoSession,
}

/// Address, token, and the first message id that will not be answered.
type Goodbye = (SocketAddr, u32, u32);

impl DatagramServer {
    /// Decides before anything is stored whether a framed request may be executed.
    pub(super) fn gate(
        &self,
        request: &Request<'_>,
        header: &Header,
        service: &mut dyn Service,
    ) -> Gate {
        let has_sessions = service.sessions().is_some();
        let hello = header.kind == Type::Hello;
        let session = self.sessions.get(header.token);
        let guest = session.map(|session| session.greeting.guest);
        let caller = Caller { peer: request.from, guest };
        let moved = session.is_some_and(|session| session.address != request.from.address);
        let stranger = if hello { moved } else { session.is_none() };
        if has_sessions && stranger {
            // A hello with the token of somebody else's session opens and moves nothing.
            Gate::NoSession
        } else if request.proven {
            Gate::Open(guest)
        } else if (hello && has_sessions) || service.is_sensitive(caller, request.text) {
            Gate::Prove(Challenge::Sensitive)
        } else if moved {
            Gate::Prove(Challenge::NewAddress)
        } else {
            Gate::Open(guest)
        }
    }

    /// Opens a session, or confirms the one that is open, and answers.
    pub(super) fn hello(
        &mut self,
        request: &Request<'_>,
        header: &Header,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        let Some(sessions) = service.sessions() else {
            return self.answer_when_due(request, b"ERR this service has no sessions", now);
        };
        if let Some(session) = self.sessions.get(header.token) {
            let name = session.greeting.name.clone();
            return self.answer_when_due(request, name.as_bytes(), now);
        }
        match sessions.open(request.from, now) {
            Ok(greeting) => {
                let name = greeting.name.clone();
                let key = (header.token, header.message_id);
                self.sessions.open(key, greeting, request.from.address, now);
                let joined = || EventKind::Joined(name.clone());
                self.events.exchange(request.from, Some(header.message_id), joined);
                self.answer_when_due(request, name.as_bytes(), now);
            }
            Err(reason) => {
                // Not remembered: asked again, the answer may be another.
                self.cache.forget((header.token, header.message_id));
                self.busy(request, &reason);
            }
        }
    }

    /// Takes note that the client of a session asked something, perhaps from a new address.
    pub(super) fn heard(&mut self, request: &Request<'_>, now: Timestamp) {
        let Some(header) = &request.header else { return };
        let key = (header.token, header.message_id);
        if let Some(before) = self.sessions.heard(key, request.from.address, now) {
            self.events
                .exchange(request.from, Some(header.message_id), || EventKind::Moved(before));
        }
    }

    /// A client says that it is still there. Where there are sessions, it hears if its own has ended,
    /// or goes on elsewhere once it has proven where.
    pub(super) fn ping(
        &mut self,
        from: Peer,
        header: &Header,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        let session = self.sessions.get(header.token).map(|session| session.address);
        let proof = header.cookie.map(|cookie| {
            self.cookies.check(&cookie, from.address, header.token, now) == Proof::Valid
        });
        match session {
            None if service.sessions().is_some() => self.control(from, Type::Stale, header),
            Some(address) if address != from.address && proof != Some(true) => {
                self.challenge(from, Some(header), Challenge::NewAddress, now);
            }
            Some(_) => {
                if let Some(before) = self.sessions.moved(header.token, from.address, now) {
                    self.events.exchange(from, None, || EventKind::Moved(before));
                }
                self.control(from, Type::Pong, header);
            }
            None => self.control(from, Type::Pong, header),
        }
    }

    /// A client says that it leaves. Only from where it has proven to be: a forged BYE ends nobody's
    /// session.
    pub(super) fn client_leaves(
        &mut self,
        from: Peer,
        header: &Header,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        let session = self.sessions.get(header.token);
        if session.is_some_and(|session| session.address != from.address) {
            return;
        }
        let was_open = self.end_session(header.token, Disconnect::Goodbye, now, service);
        if self.cache.goodbye_said(header.token) || was_open {
            self.goodbye(from, header.token, header.message_id, ByeReason::ClientLeaves);
        }
    }

    /// Ends a session; returns whether it was open.
    pub(super) fn end_session(
        &mut self,
        token: u32,
        how: Disconnect,
        now: Timestamp,
        service: &mut dyn Service,
    ) -> bool {
        let Some(session) = self.sessions.close(token) else { return false };
        self.left(&session, how, now, service);
        true
    }

    /// Ends the sessions that have been silent for too long, with a goodbye.
    pub(super) fn expire_sessions(&mut self, now: Timestamp, service: &mut dyn Service) {
        while let Some((token, session)) = self.sessions.expire(now) {
            if self.is_working_for(token) {
                self.sessions.put_back(token, session, now);
                continue;
            }
            self.left(&session, Disconnect::Idle, now, service);
            self.cache.goodbye_said(token);
            if self.config.goodbye {
                let id = session.last_id.wrapping_add(1);
                self.goodbye(Peer::udp(session.address), token, id, ByeReason::Idle);
            }
        }
    }

    /// A stopping server ends every session; there is no service left to be told. Returns to whom
    /// goodbye must still be said, besides `goodbyes`: a session outlives the memory of its last
    /// request.
    pub(super) fn end_all_sessions(&mut self, goodbyes: &[Goodbye]) -> Vec<Goodbye> {
        let told: BTreeSet<u32> = goodbyes.iter().map(|(_, token, _)| *token).collect();
        let mut untold = Vec::new();
        for (token, session) in self.sessions.take_all() {
            let (name, how) = (session.greeting.name, Disconnect::Shutdown);
            let left = || EventKind::Left { name, how };
            self.events.exchange(Peer::udp(session.address), None, left);
            if !told.contains(&token) {
                untold.push((session.address, token, session.last_id.wrapping_add(1)));
            }
        }
        untold
    }

    fn left(
        &mut self,
        session: &OpenSession,
        how: Disconnect,
        now: Timestamp,
        service: &mut dyn Service,
    ) {
        if let Some(sessions) = service.sessions() {
            sessions.close(session.greeting.guest, now);
        }
        let name = &session.greeting.name;
        let left = || EventKind::Left { name: name.clone(), how };
        self.events.exchange(Peer::udp(session.address), None, left);
    }
}
