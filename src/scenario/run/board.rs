//! What has happened so far, as far as somebody may wait for it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;

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

/// What a request needs to arrive, on any wire that a scenario with this condition has.
const UNDER_WAY: Duration = Duration::from_millis(100);

/// Waits until a condition holds.
pub(super) async fn until(board: &watch::Sender<Board>, clock: Clock, when: When) {
    // The board lives as long as everybody who waits for it.
    let _ = board.subscribe().wait_for(|board| board.holds(when)).await;
    if let When::Arrived(_) = when {
        clock.sleep_until(clock.now() + UNDER_WAY).await;
    }
}
