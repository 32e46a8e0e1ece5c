//! The sentences below a table: what happened, who did the work, what it cost, what it means.
//! Each is made from what was recorded; where the record says otherwise, so does the sentence.

pub(super) mod answers;
pub(super) mod endings;
mod facts;
pub(super) mod files;
mod head_of_line;
mod kills;
mod lost_reply;
pub(super) mod models;
mod order;
pub(super) mod ports;
pub(super) mod sessions;
pub(super) mod shapes;
mod silence;
pub(super) mod spoofed;
pub(super) mod weather;

use super::log::{Comparison, Run};

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

/// `1 was`, `3 were`.
fn were(count: usize) -> String {
    match count {
        1 => "1 was".to_owned(),
        _ => format!("{count} were"),
    }
}
