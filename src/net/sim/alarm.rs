//! The driver's alarm: programs that cause an earlier event set it forward themselves, so that the
//! driver need not run only to sleep less.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use crate::time::{Clock, Timestamp};

/// Later than every run ends: thirty years.
const NEVER: Timestamp = Timestamp::from_millis(30 * 365 * 86_400_000);

/// Rings when the next event is due.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    origin: Instant,
    at: Timestamp,
}

impl Alarm {
    /// Returns an alarm that rings at once.
    pub(super) fn new(clock: Clock) -> Self {
        let at = Timestamp::ZERO;
        let sleep = Box::pin(clock.sleep_until(at));
        Alarm { origin: sleep.deadline(), sleep, at }
    }

    /// Sets it to `at`, or to never.
    pub(super) fn set(&mut self, at: Option<Timestamp>) {
        self.at = at.unwrap_or(NEVER);
        self.sleep.as_mut().reset(self.origin + self.at.since(Timestamp::ZERO));
    }

    /// Sets it to `at` if that is earlier.
    pub(super) fn set_forward(&mut self, at: Option<Timestamp>) {
        if at.is_some_and(|at| at < self.at) {
            self.set(at);
        }
    }

    /// Waits until it rings.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(cx)
    }
}
