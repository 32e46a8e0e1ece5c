//! A service that takes its time: until it has answered, the thread that asked it can do nothing else.
//!
//! `--work` holds a reply back and costs nobody anything; this is what a long computation does. Whoever
//! shares the thread waits with it, whatever the model.

use std::thread;
use std::time::Duration;

use crate::service::{Caller, Next, Reply, Service, Sessions};
use crate::time::Timestamp;

/// A service that computes before it answers.
pub(super) struct Computing<S> {
    pub(super) service: S,
    /// For how long; nothing is the ordinary case.
    pub(super) time: Duration,
}

impl<S: Service> Service for Computing<S> {
    fn is_sensitive(&self, caller: Caller, request: &str) -> bool {
        self.service.is_sensitive(caller, request)
    }

    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        if !self.time.is_zero() {
            thread::sleep(self.time);
        }
        self.service.handle(caller, request, now, reply)
    }

    fn sessions(&mut self) -> Option<&mut dyn Sessions> {
        self.service.sessions()
    }
}
