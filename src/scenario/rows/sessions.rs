//! Rows about sessions: names, places, and what identifies a client.

use crate::peer::Transport;
use crate::protocol::{Ending, Unknown};
use crate::scenario::Row;
use crate::scenario::guests::{
    Heard, end_of, expired, freed, had_left_before, heard, is_busy, last_question, names,
    places_held, silence_before, turned_away,
};
use crate::scenario::log::Run;
use crate::scenario::words::{count, how_short, in_round_trips, list, outcome, short};
use crate::testbed::Action;
use crate::time::Timestamp;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

/// What the first four are called, or how they were turned away.
pub const CALLED: Row = row("Client...: A, B, C, D", |run| {
    list(run.clients.iter().take(4).map(|client| match names(client).next() {
        Some(name) => name.trim_start_matches("Client").to_owned(),
        None if client.sessions.iter().any(is_busy) => "BUSY".to_owned(),
        None => "none".to_owned(),
    }))
});

/// How the fourth client's attempt ended.
pub const FOURTH_ENDS: Row = row("D's outcome (exit code)", |run| first_outcome(run, 3));

/// When the fourth client knew, from deciding to come in.
pub const FOURTH_KNOWS: Row = row("D is told after", |run| {
    let session = run.clients.get(3).and_then(|client| client.sessions.first());
    session
        .map_or("-".to_owned(), |session| in_round_trips(run, session.ended.since(session.asked)))
});

/// What came before the refusal.
pub const REFUSED_BY: Row = row("and before that it had", |run| {
    let turned_away = turned_away(run).count();
    match run.column.transport {
        _ if turned_away == 0 => "-".to_owned(),
        Transport::Tcp => "a connection".to_owned(),
        Transport::Udp => "a cookie".to_owned(),
    }
});

/// When the place of the second client was free again.
pub const PLACE_FREE: Row = row("B leaves; its place is free", |run| place_free(run, 1));

/// What the last client is called, or how its first attempt ended.
pub const NEWCOMER: Row = row("who comes 2 s later", |run| {
    let first = run.clients.last().and_then(|client| client.sessions.first());
    match first.map(|session| &session.result) {
        Some(Ok(name)) => format!("is {name}"),
        _ => first_outcome(run, run.clients.len().saturating_sub(1)),
    }
});

/// The same, when it tries again.
pub const NEWCOMER_AGAIN: Row = row("the same, 28 s later", |run| {
    let sessions = run.clients.last().map_or(&[][..], |client| &client.sessions);
    match sessions {
        [first, .., last] if first.result.is_err() => match &last.result {
            Ok(name) => format!("is {name}"),
            Err(ending) => format!("{} ({})", ending.name().replace('_', " "), ending.exit_code()),
        },
        [first] if first.result.is_ok() => "not needed".to_owned(),
        _ => "-".to_owned(),
    }
});

/// From its first attempt to its session.
pub const NEWCOMER_WAITED: Row = row("so it waited for its place", |run| {
    let sessions = run.clients.last().map_or(&[][..], |client| &client.sessions);
    match (sessions.first(), sessions.iter().find(|session| session.result.is_ok())) {
        (Some(first), Some(last)) => short(last.ended.since(first.asked)),
        _ => "-".to_owned(),
    }
});

/// How the first client's first session ended, and how long after the last that the server had of it.
pub const EXPIRES: Row = row("A's session ends", |run| {
    let client = run.clients.first();
    let end = client.and_then(|client| names(client).next()).and_then(|name| end_of(run, name));
    match (end, expired(run).and_then(|end| silence_before(run, end))) {
        (None, _) => "-".to_owned(),
        (Some(_), Some(silent)) => format!("idle, {} silent", short(silent)),
        (Some(_), None) => "not by silence".to_owned(),
    }
});

/// How and when the first client heard of it.
pub const HEARS: Row = row("A hears of it", |run| {
    let Some(end) = expired(run) else { return "-".to_owned() };
    let later = |at: Timestamp| format!("{} later", short(at.since(end.at)));
    match heard(run, end.at) {
        Some(Heard::Read(at, how)) => format!("{}, {}", how_short(how), later(at)),
        Some(Heard::Asking(one)) => match &one.ending {
            Ending::BrokenOff(how) | Ending::ServerShutDown(how) => {
                format!("{}, {}", how_short(*how), later(one.ended))
            }
            Ending::OutcomeUnknown(Unknown::Stale) => "by its next question".to_owned(),
            _ => "it did not".to_owned(),
        },
        None => "it did not".to_owned(),
    }
});

/// What its last question met at first.
pub const MEETS: Row = row("its last question meets", |run| {
    last_question(run).first().map_or("-".to_owned(), |one| outcome(one))
});

/// What came of asking it again.
pub const ASKED_AGAIN: Row = row("asked again, anew", |run| match last_question(run).as_slice() {
    [_, .., last] => outcome(last),
    _ => "not needed".to_owned(),
});

/// How long the last question took, every attempt and every handshake included.
pub const ANSWERED_AFTER: Row =
    row("answered after", |run| match (last_question(run).first(), last_question(run).last()) {
        (Some(first), Some(last)) if last.is_replied() => {
            in_round_trips(run, last.ended.since(first.asked))
        }
        _ => "-".to_owned(),
    });

/// What the first client was called, one name for each session.
pub const NAMES: Row = row("A is called", |run| {
    list(run.clients.first().into_iter().flat_map(names).map(str::to_owned))
});

/// When the place of the client was free whose program was killed.
pub const KILLED_FREE: Row = row("killed client's place is free", |run| place_free(run, 1));

/// Proofs that were asked for after the address had changed.
pub const PROOFS: Row = row("proofs of address asked", |run| {
    let changed = run.server.acted.iter().find(|(_, action)| *action == Action::NewAddress);
    let Some((changed, _)) = changed else { return "-".to_owned() };
    let asked = run.server.events.iter().filter(|event| {
        event.event == "challenged" && event.at >= *changed && event.at <= run.ended
    });
    match (run.column.transport, asked.count()) {
        (Transport::Tcp, _) => {
            count(run.clients.iter().map(|client| client.opened).sum(), "handshake")
        }
        (Transport::Udp, 0) => "none".to_owned(),
        (Transport::Udp, asked) => count(asked, "CHALLENGE"),
    }
});

/// Places that are taken at the end.
pub const PLACES_HELD: Row =
    row("places taken at the end", |run| places_held(run, run.ended).to_string());

/// Whom the server takes to be there.
pub const STATUS_NAMES: Row = row("status says", |run| {
    let replied = last_question(run).into_iter().find(|one| one.is_replied());
    match replied.map(|one| &one.ending) {
        Some(Ending::Replied(text)) => {
            list(text.split("; ").map(|one| one.split(' ').next().unwrap_or_default().to_owned()))
        }
        _ => "-".to_owned(),
    }
});

/// Returns when the place of a client that is gone was free again, in words.
pub(in crate::scenario) fn place_free(run: &Run, index: usize) -> String {
    let gone = run.clients.get(index).and_then(|client| client.left);
    match freed(run, index) {
        Some(freed) if freed.idle => format!("{} later (idle)", short(freed.after)),
        Some(freed) => format!("{} later", short(freed.after)),
        None if gone.is_some() && had_left_before(run, index) => "before that".to_owned(),
        None if gone.is_some() => "not until the end".to_owned(),
        None => "-".to_owned(),
    }
}

/// Returns how the first exchange of a client ended.
fn first_outcome(run: &Run, index: usize) -> String {
    let first = run.clients.get(index).and_then(|client| client.exchanges.first());
    first.map_or("-".to_owned(), outcome)
}
