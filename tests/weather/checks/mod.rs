//! What PROTOCOL promises, held against a story. Each check has a name, and the section that it is
//! about; each says in a sentence what is wrong.

mod answers;
pub(crate) mod endings;
mod executions;
mod files;
mod leaving;
mod leftovers;
mod sending;
mod sessions;
pub(crate) mod sittings;
mod visits;
mod waits;

use socklab::peer::Transport;

use crate::story::{Asked, Story};
use crate::traffic::Traffic;

/// A promise: its name, and what looks whether it was kept.
type Check = (&'static str, fn(&Story, &Traffic) -> Vec<String>);

const CHECKS: &[Check] = &[
    ("at most once", executions::at_most_once),
    ("no more executions than arrivals", executions::as_often_as_it_arrived),
    ("each request of a stream once, in order", executions::streams_in_order),
    ("the transcript tells what was executed", executions::the_transcript_agrees),
    ("replies are true", answers::replies_are_true),
    ("replies of a stream in order", answers::replies_in_order),
    ("what was accepted is answered", answers::accepted_is_answered),
    ("refused was not executed", endings::refused_is_true),
    ("timed out when the time was out", endings::timed_out_is_true),
    ("errors are true", endings::errors_are_true),
    ("every wait is bounded", waits::exchanges_end),
    ("the server stops in time", waits::the_server_stops),
    ("copies are alike", sending::copies_are_alike),
    ("copies leave when they should", sending::copies_leave_in_time),
    ("no amplification", sending::no_amplification),
    ("nothing new after the decision to stop", leaving::nothing_new),
    ("only who may stops the server", leaving::who_stops_it),
    ("goodbyes are true", leaving::goodbyes_are_true),
    ("a name is given once", sessions::names_are_given_once),
    ("no more sessions than the limit", sessions::no_more_than_the_limit),
    ("busy when it is full", sessions::busy_when_full),
    ("a session ends once", sessions::sessions_end_once),
    ("the service is told of every session", sessions::the_service_is_told),
    ("a session begins for a reason", sessions::sessions_begin_for_a_reason),
    ("a session ends for a reason", sessions::sessions_end_for_a_reason),
    ("who leaves is gone", sessions::who_leaves_is_gone),
    ("a session lasts while it is used", sessions::sessions_last),
    ("only a proven address takes over", sessions::moves_are_proven),
    ("status names who is here", visits::status_is_true),
    ("what a guest hears is true", visits::replies_are_true),
    ("a guest's request is executed once", visits::executed_once),
    ("a guest keeps its name", visits::names_are_kept),
    ("stale when the session is over", visits::stale_is_true),
    ("goodbyes to guests are true", visits::goodbyes_are_true),
    ("guests wait no longer than they would", visits::lines_end),
    ("a file is intact, or said not to be", files::files_are_intact),
    ("no state is left", leftovers::nothing_is_left),
    ("the server serves on", leftovers::serves_on),
    ("nobody is in trouble", leftovers::no_trouble),
];

/// Makes all checks. Returns what is wrong.
pub(crate) fn all(story: &Story, traffic: &Traffic) -> Vec<String> {
    let one = |(name, check): &Check| {
        let wrong = check(story, traffic).into_iter();
        wrong.map(|what| format!("[{name}] {what}")).collect::<Vec<_>>()
    };
    CHECKS.iter().flat_map(one).collect()
}

/// Returns the exchanges over this transport.
fn over(story: &Story, transport: Transport) -> impl Iterator<Item = &Asked> {
    story.asked.iter().filter(move |asked| story.talk(asked).transport == transport)
}
