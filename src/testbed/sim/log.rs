//! The log of a server on a simulated host.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::protocol::event::{Event, EventKind};
use crate::server::{self, Listening};
use crate::testbed::{Executed, Happening, ServerEvent};
use crate::time::Timestamp;

/// The server's log. A server that was killed says nothing more, though its timers may still run.
#[derive(Debug)]
pub(super) struct Log {
    alive: AtomicBool,
    shutting_down: AtomicBool,
    happened: mpsc::UnboundedSender<Happening>,
}

impl Log {
    pub(super) fn new(happened: mpsc::UnboundedSender<Happening>) -> Self {
        Log { alive: AtomicBool::new(true), shutting_down: AtomicBool::new(false), happened }
    }

    fn say(&self, event: ServerEvent) {
        if self.alive.load(Ordering::Relaxed) {
            // The experiment may be over before the server is.
            let _ = self.happened.send(Happening::Logged(event));
        }
    }

    /// Takes note that the server begins to stop; once.
    pub(super) fn shutdown(&self, at: Timestamp) {
        if !self.shutting_down.swap(true, Ordering::Relaxed) {
            self.say(ServerEvent::new(at, "shutdown", "shuts down".to_owned()));
        }
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Relaxed)
    }

    pub(super) fn ended(&self, at: Timestamp, code: Option<i32>) {
        if self.alive.swap(false, Ordering::Relaxed) {
            let _ = self.happened.send(Happening::Ended(at, code));
        }
    }
}

impl Listening for Log {
    fn event(&self, at: Timestamp, event: Event) {
        let executed = match &event.kind {
            EventKind::Exchange { client_name, sum, .. } => Some(Executed {
                client_name: client_name.clone(),
                client_number: sum.client_number.into(),
                server_number: sum.server_number.into(),
                sum: sum.total().into(),
            }),
            _ => None,
        };
        let guest = match &event.kind {
            EventKind::Joined(name) | EventKind::Left { name, .. } => Some(name.clone()),
            _ => None,
        };
        let peer = Some(Box::new(event.peer.address));
        let (event, text) = (server::event_name(&event.kind), server::sentence(&event.kind));
        self.say(ServerEvent { executed, peer, guest, ..ServerEvent::new(at, event, text) });
    }

    fn trouble(&self, at: Timestamp, text: String) {
        self.say(ServerEvent::new(at, "warning", text));
    }
}
