//! The sessions of a service that knows its clients, by token: UDP has no connections, so who is here
//! is a table of ours, and who left without a word stays in it until it has been silent too long.

use std::net::SocketAddr;
use std::time::Duration;

use hashlink::LinkedHashMap;

use crate::service::Greeting;
use crate::time::Timestamp;

/// Open sessions by token. Least recently heard first.
#[derive(Debug)]
pub(super) struct SessionTable {
    open: LinkedHashMap<u32, OpenSession>,
    idle_timeout: Duration,
}

/// One client that is here.
#[derive(Debug)]
pub(super) struct OpenSession {
    /// What the service calls it, and what it is called on the wire.
    pub(super) greeting: Greeting,
    /// Where it has proven to be.
    pub(super) address: SocketAddr,
    /// The id of its last request.
    pub(super) last_id: u32,
    last_heard: Timestamp,
}

impl SessionTable {
    pub(super) fn new(idle_timeout: Duration) -> Self {
        SessionTable { open: LinkedHashMap::new(), idle_timeout }
    }

    /// Returns the session of this token.
    pub(super) fn get(&self, token: u32) -> Option<&OpenSession> {
        self.open.get(&token)
    }

    /// Opens a session.
    pub(super) fn open(
        &mut self,
        (token, last_id): (u32, u32),
        greeting: Greeting,
        address: SocketAddr,
        now: Timestamp,
    ) {
        self.open.insert(token, OpenSession { greeting, address, last_id, last_heard: now });
    }

    /// Takes note that a client was heard just now, perhaps from another address than before;
    /// returns that one.
    pub(super) fn heard(
        &mut self,
        (token, message_id): (u32, u32),
        from: SocketAddr,
        now: Timestamp,
    ) -> Option<SocketAddr> {
        self.open.get_mut(&token)?.last_id = message_id;
        self.moved(token, from, now)
    }

    /// Takes note that a client is at an address that it has proven, perhaps another than before;
    /// returns that one.
    pub(super) fn moved(
        &mut self,
        token: u32,
        from: SocketAddr,
        now: Timestamp,
    ) -> Option<SocketAddr> {
        let session = self.open.to_back(&token)?;
        session.last_heard = now;
        let before = std::mem::replace(&mut session.address, from);
        (before != from).then_some(before)
    }

    /// Takes note that there is life in a session: its client was heard where it has proven to be, or
    /// was just answered there.
    pub(super) fn renew(&mut self, token: u32, address: SocketAddr, now: Timestamp) {
        if self.get(token).is_some_and(|session| session.address == address)
            && let Some(session) = self.open.to_back(&token)
        {
            session.last_heard = now;
        }
    }

    /// Puts a session back that waits for our work, not for its client.
    pub(super) fn put_back(&mut self, token: u32, session: OpenSession, now: Timestamp) {
        self.open.insert(token, OpenSession { last_heard: now, ..session });
    }

    /// Ends a session.
    pub(super) fn close(&mut self, token: u32) -> Option<OpenSession> {
        self.open.remove(&token)
    }

    /// Returns when the next session has been silent for too long.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.open.front().map(|(_, session)| session.last_heard + self.idle_timeout)
    }

    /// Ends the session that has been silent for too long, if there is one. Ask until there is none.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<(u32, OpenSession)> {
        self.poll_timeout().filter(|due| *due <= now)?;
        self.open.pop_front()
    }

    /// Ends every session, and returns them with their tokens.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = (u32, OpenSession)> {
        std::mem::take(&mut self.open).into_iter()
    }
}
