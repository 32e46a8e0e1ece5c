//! What has happened so far, as far as somebody may wait for it.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::scenario::When;
use crate::time::Clock;

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) marks: BTreeSet<&'static str>,
    pub(super) sent: usize,
    pub(super) executed: usize,
    pub(super) server_ended: bool,
    pub(super) acted: usize,
}

impl Board {
    fn holds(&self, when: When) -> bool {
        match when {
            When::Marked(mark) => self.marks.contains(mark),
            When::Sent(count) | When::Arrived(count) => self.sent >= count,
            When::Executed(count) => self.executed >= count,
            When::ServerEnded => self.server_ended,
            When::Acted(count) => self.acted >= count,
        }
    }
}

/// A board on which everybody writes, and before which everybody waits. Its copies are one. Those
/// who wait are woken in the order in which they came; tokio's `watch` would draw one.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedBoard(Arc<BoardState>);

#[derive(Debug, Default)]
struct BoardState {
    board: Mutex<Board>,
    waiting: Notify,
    /// In this time a packet has arrived, if it arrives at all.
    under_way: Duration,
    patience: Duration,
}

impl SharedBoard {
    /// An empty board; `under_way` is what a packet needs to arrive, `patience` how long anybody
    /// waits for something that does not happen.
    pub(super) fn new(under_way: Duration, patience: Duration) -> Self {
        SharedBoard(Arc::new(BoardState { under_way, patience, ..BoardState::default() }))
    }

    /// Returns how long anybody waits for something that does not happen.
    pub(super) fn patience(&self) -> Duration {
        self.0.patience
    }

    /// Changes what stands on the board.
    pub(super) fn change(&self, change: impl FnOnce(&mut Board)) {
        let BoardState { board, waiting, .. } = &*self.0;
        change(&mut board.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.notify_waiters();
    }

    /// Waits until a condition holds, and what follows from it has arrived; or, if it never comes to
    /// that, until everybody's patience is at its end. What does not happen is a result, too.
    pub(super) async fn until(&self, clock: Clock, when: When) {
        tokio::select! {
            biased;
            () = self.holds(when) => {}
            () = clock.sleep_until(clock.now() + self.0.patience) => return,
        }
        if let When::Arrived(_) = when {
            clock.sleep_until(clock.now() + self.0.under_way).await;
        }
    }

    /// Waits as `until`, and then until everybody has heard of it who is told at once.
    pub(super) async fn until_heard(&self, clock: Clock, when: When) {
        self.until(clock, when).await;
        clock.sleep_until(clock.now() + self.0.under_way).await;
    }

    async fn holds(&self, when: When) {
        let BoardState { board, waiting, .. } = &*self.0;
        loop {
            let mut notified = pin!(waiting.notified());
            // From here on no change is missed.
            notified.as_mut().enable();
            if board.lock().unwrap_or_else(PoisonError::into_inner).holds(when) {
                return;
            }
            notified.await;
        }
    }
}
