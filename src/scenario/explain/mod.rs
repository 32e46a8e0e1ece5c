//! The sentences below a table: what happened, who did the work, what it cost, what it means.
//! Each is made from what was recorded; where the record says otherwise, so does the sentence.

pub(super) mod answers;
pub(super) mod endings;
pub(super) mod shapes;
pub(super) mod weather;

use super::log::{Comparison, Run};
use super::metrics::sum;

/// Says something about TCP's and UDP's columns, or nothing if one is missing.
fn both(comparison: &Comparison, say: impl FnOnce(&Run, &Run) -> String) -> String {
    match (comparison.column("tcp"), comparison.column("udp")) {
        (Some(tcp), Some(udp)) => say(tcp, udp),
        _ => String::new(),
    }
}

/// Says something about all three columns of a scenario that has one try, repeating, and TCP.
fn three(comparison: &Comparison, say: impl FnOnce(&Run, &Run, &Run) -> String) -> String {
    match comparison.column("udp_maybe") {
        Some(maybe) => both(comparison, |tcp, udp| say(maybe, udp, tcp)),
        None => String::new(),
    }
}

/// `once`, `twice`, `3 times`.
fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// Returns how many questions got an answer that is one.
fn answered(run: &Run) -> usize {
    run.exchanges().filter(|one| sum(one).is_some()).count()
}
