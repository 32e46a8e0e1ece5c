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
    /// Clients that have come as far as the others are to come.
    pub(super) together: usize,
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
    /// Those who wait for a count of requests: it changes with each of them.
    counting: Notify,
    /// Those who wait for anything else. A crowd of them is not woken by each request.
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
        let BoardState { board, counting, waiting, .. } = &*self.0;
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        let before = (board.sent, board.executed);
        change(&mut board);
        let counted = before != (board.sent, board.executed);
        drop(board);
        if counted { counting.notify_waiters() } else { waiting.notify_waiters() }
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
        let BoardState { board, counting, waiting, .. } = &*self.0;
        let waiting = match when {
            When::Sent(_) | When::Arrived(_) | When::Executed(_) => counting,
            When::Marked(_) | When::ServerEnded | When::Acted(_) => waiting,
        };
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
