//! Rows about leaving: who stopped, who was told, and what became of those who were asking.

use super::of_number;
use crate::scenario::Row;
use crate::scenario::log::{ExchangeLog, Run};
use crate::scenario::words::{how_short, outcome, short};
use crate::testbed::Action;

/// The outcome of the client that stopped the server.
pub const ASKED_STOP: Row = Row {
    needs_packets: false,
    label: "who sent 101 (exit code)",
    cell: |run| of_number(run, 101).map_or("-".to_owned(), outcome),
};

/// From asking the server to stop to its decision.
pub const STOPS_AFTER: Row = Row {
    needs_packets: false,
    label: "from asking 101 to obeying",
    cell: |run| match (of_number(run, 101), run.server_stopped()) {
        (Some(one), Some(stopped)) => {
            let extra = if run.logged("challenged") > 0 { " (cookie)" } else { " (handshake)" };
            short(stopped.since(one.asked)) + extra
        }
        _ => "-".to_owned(),
    },
};

/// When the server's process ended.
pub const SERVER_ENDS: Row = Row {
    needs_packets: false,
    label: "the server's process ends",
    cell: |run| match (run.server.ended, run.server_stopped()) {
        (Some((ended, code)), Some(stopped)) => {
            let code = code.map_or("killed".to_owned(), |code| format!("exit {code}"));
            format!("{code}, {}", short(ended.since(stopped)))
        }
        _ => "-".to_owned(),
    },
};

/// How a client learned it without asking.
pub const IDLE_LEARNS: Row =
    Row { needs_packets: false, label: "the idle client learns it", cell: idle_learns };

/// What the idle client met when it asked at last.
pub const IDLE_ASKS: Row = Row {
    needs_packets: false,
    label: "when it asks again",
    cell: |run| of_number(run, 30).map_or("-".to_owned(), outcome),
};

/// What a client met that came too late.
pub const NEWCOMER: Row = Row {
    needs_packets: false,
    label: "a new client",
    cell: |run| of_number(run, 40).map_or("-".to_owned(), outcome),
};

/// Requests in flight when the server was interrupted.
pub const IN_FLIGHT: Row = Row {
    needs_packets: false,
    label: "in flight at Ctrl+C, answered",
    cell: |run| {
        let stopped = run.server.acted.iter().find(|(_, act)| *act == Action::Interrupt);
        let in_flight =
            |one: &&ExchangeLog| stopped.is_some_and(|(at, _)| one.asked <= *at && *at < one.ended);
        let busy = run.exchanges().filter(|one| (21..=24).contains(&one.number));
        let busy = busy.filter(in_flight);
        let (all, answered) = busy.fold((0, 0), |(all, answered), one| {
            (all + 1, answered + usize::from(one.is_replied()))
        });
        format!("{all}, {answered}")
    },
};

/// How these ended.
pub const IN_FLIGHT_ENDS: Row = Row {
    needs_packets: false,
    label: "their outcome",
    cell: |run| {
        let one = run.exchanges().find(|one| (21..=24).contains(&one.number));
        one.map_or("-".to_owned(), outcome)
    },
};

/// When the client knew, from the moment the server was killed.
pub const KNOWN_AFTER_KILL: Row = Row {
    needs_packets: false,
    label: "known, after the server's death",
    cell: |run| {
        let killed = run
            .server
            .acted
            .iter()
            .find(|(_, action)| matches!(action, Action::Kill | Action::PowerOff));
        match (killed, run.telling_exchange()) {
            (Some((at, _)), Some(one)) if one.ended >= *at => short(one.ended.since(*at)),
            _ => "-".to_owned(),
        }
    },
};

/// What came of asking the same again.
pub const ASKED_AGAIN: Row = Row {
    needs_packets: false,
    label: "asked again, anew",
    cell: |run| run.exchanges().nth(1).map_or("not needed".to_owned(), outcome),
};

/// Returns how the first idle client learned that the server had left.
pub(in crate::scenario) fn idle_learns(run: &Run) -> String {
    let learned = run.clients.iter().find_map(|client| client.learned);
    match (learned, run.server_stopped()) {
        (Some((at, how)), Some(stopped)) => {
            format!("{}, {} later", how_short(how), short(at.since(stopped)))
        }
        _ => "not until it asks".to_owned(),
    }
}
