//! One service for many threads: a lock around it, held for one call and no longer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::peer::Peer;
use crate::service::{Caller, Greeting, GuestId, Next, Reply, Service, Sessions};
use crate::time::Timestamp;

/// A service as each thread holds it. Its copies are one.
#[derive(Clone)]
pub(super) struct Locked {
    service: Arc<Mutex<Box<dyn Service>>>,
    has_sessions: bool,
}

impl Locked {
    pub(super) fn new(mut service: Box<dyn Service>) -> Self {
        let has_sessions = service.sessions().is_some();
        Locked { service: Arc::new(Mutex::new(service)), has_sessions }
    }

    /// A thread that panicked with the lock in hand must not end the others: what it left is used.
    fn lock(&self) -> MutexGuard<'_, Box<dyn Service>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Locked {
    fn is_sensitive(&self, caller: Caller, request: &str) -> bool {
        self.lock().is_sensitive(caller, request)
    }

    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        self.lock().handle(caller, request, now, reply)
    }

    fn sessions(&mut self) -> Option<&mut dyn Sessions> {
        self.has_sessions.then_some(self as &mut dyn Sessions)
    }
}

impl Sessions for Locked {
    fn open(&mut self, peer: Peer, now: Timestamp) -> Result<Greeting, String> {
        match self.lock().sessions() {
            Some(sessions) => sessions.open(peer, now),
            None => Err("this service has no sessions".to_owned()),
        }
    }

    fn close(&mut self, guest: GuestId, now: Timestamp) {
        if let Some(sessions) = self.lock().sessions() {
            sessions.close(guest, now);
        }
    }
}
