//! A service that makes a call that blocks, as one to a disk or a database does: until it returns, the
//! thread that made it can do nothing else.
//!
//! `--work` holds a reply back and costs nobody anything. Here whoever shares the thread waits with it,
//! whatever the model.

use std::thread;
use std::time::Duration;

use crate::service::{Caller, Next, Reply, Service, Sessions};
use crate::time::Timestamp;

/// A service that blocks its thread before it answers.
pub(super) struct Blocked {
    pub(super) service: Box<dyn Service>,
    /// For how long; nothing is the ordinary case.
    pub(super) time: Duration,
}

impl Service for Blocked {
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
