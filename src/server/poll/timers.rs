//! All wake-ups in one ordered set: the first of them bounds the wait.

use std::collections::BTreeSet;

use mio::Token;

use crate::server::carry::Timer;
use crate::time::Timestamp;

/// When whom to wake.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Timestamp, Token)>);

impl Timers {
    /// Returns when the first is due.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.0.first().map(|(due, _)| *due)
    }

    /// Returns whose turn has come by `now`, one after the other.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Token> {
        self.first().filter(|due| *due <= now)?;
        self.0.pop_first().map(|(_, token)| token)
    }

    /// Sets the wake-up of somebody who has no timer.
    pub(super) fn set(&mut self, due: Timestamp, token: Token) {
        self.0.insert((due, token));
    }

    /// Sets a timer, if it must be set sooner than it is.
    pub(super) fn arm(&mut self, token: Token, timer: &mut Timer, due: Option<Timestamp>) {
        let before = timer.armed();
        if let Some(due) = timer.arm(due) {
            if let Some(before) = before {
                self.0.remove(&(before, token));
            }
            self.set(due, token);
        }
    }

    /// Takes back what was set.
    pub(super) fn disarm(&mut self, token: Token, timer: &Timer) {
        if let Some(armed) = timer.armed() {
            self.0.remove(&(armed, token));
        }
    }
}
