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
    /// In this time a request has arrived, if it arrives at all.
    under_way: Duration,
}

impl SharedBoard {
    /// An empty board; `under_way` is what a request needs to arrive.
    pub(super) fn new(under_way: Duration) -> Self {
        SharedBoard(Arc::new(BoardState { under_way, ..BoardState::default() }))
    }

    /// Changes what stands on the board.
    pub(super) fn change(&self, change: impl FnOnce(&mut Board)) {
        let BoardState { board, waiting, .. } = &*self.0;
        change(&mut board.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.notify_waiters();
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, clock: Clock, when: When) {
        let BoardState { board, waiting, under_way } = &*self.0;
        loop {
            let mut notified = pin!(waiting.notified());
            // From here on no change is missed.
            notified.as_mut().enable();
            if board.lock().unwrap_or_else(PoisonError::into_inner).holds(when) {
                break;
            }
            notified.await;
        }
        if let When::Arrived(_) = when {
            clock.sleep_until(clock.now() + *under_way).await;
        }
    }
}
