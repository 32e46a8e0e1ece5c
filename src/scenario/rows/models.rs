//! Rows about the program behind the port: whom it serves meanwhile, what it holds, and whether it
//! gets the port.

use std::time::Duration;

use crate::peer::Transport;
use crate::scenario::Row;
use crate::scenario::log::{ClientLog, ExchangeLog, Run};
use crate::scenario::metrics::{quantile, sum};
use crate::scenario::words::{count, how_short, in_round_trips, of_ms, outcome, short};
use crate::testbed::{Attempt, Failed, Measured};
use crate::time::Timestamp;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

/// When the second client had its connection.
pub const CONNECTED_AFTER: Row = row("the second: connected after", |run| {
    let second = run.clients.get(1).and_then(|second| second.opening.first());
    match (run.column.transport, second) {
        (Transport::Udp, _) => "nothing to connect".to_owned(),
        (Transport::Tcp, Some(time)) => in_round_trips(run, *time),
        (Transport::Tcp, None) => "never".to_owned(),
    }
});

/// What became of its question.
pub const SECOND_IS_TOLD: Row =
    row("its question ends with", |run| run.second_asks(0).map_or("-".to_owned(), outcome));

/// When it knew that.
pub const TOLD_AFTER: Row = row("told so after", |run| {
    run.second_asks(0).map_or("-".to_owned(), |one| in_round_trips(run, one.elapsed()))
});

/// Where the first client was then.
pub const FIRST_THEN: Row =
    row("the first client then", |run| match (run.second_asks(0), run.first_in()) {
        (None, _) => "-".to_owned(),
        (Some(_), None) => "had got no answer".to_owned(),
        (Some(one), Some(left)) if left.is_none_or(|left| one.ended < left) => {
            "was still there".to_owned()
        }
        _ => "had left".to_owned(),
    });

/// What came of asking again.
pub const ASKED_AGAIN: Row = row("asked again, when it has left", |run| {
    run.second_asks(1).map_or("not needed".to_owned(), outcome)
});

/// How many were answered while one slept.
pub const ANSWERED_MEANWHILE: Row =
    row("answered while one slept", |run| match run.answered_meanwhile() {
        Some(answered) => format!("{answered} of {}", run.others().count()),
        None => "-".to_owned(),
    });

/// How long nearly all of them waited.
pub const MOST_WAITED: Row = row("95 % of them after", |run| {
    let mut times: Vec<Duration> =
        run.others().filter(|one| sum(one).is_some()).map(ExchangeLog::elapsed).collect();
    times.sort_unstable();
    quantile(&times, 95).map_or("-".to_owned(), short)
});

/// How many were answered in the end.
pub const ANSWERED_AT_ALL: Row = row("answered in the end", |run| {
    let answered = run.others().filter(|one| sum(one).is_some()).count();
    format!("{answered} of {}", run.others().count())
});

/// What became of the one who slept.
pub const SLEEPER: Row = row("the sleeper", |run| {
    run.sleeper().map_or("-".to_owned(), |one| match sum(one) {
        Some(_) => "answered".to_owned(),
        None if one.is_replied() => "not understood".to_owned(),
        None => outcome(one),
    })
});

/// What the server held while one slept.
pub const SOCKETS_AND_THREADS: Row = row("server: sockets, threads", |run| {
    run.measured_asleep().map_or("-".to_owned(), |Measured { sockets, threads, .. }| {
        let threads = threads.map_or("-".to_owned(), |threads| threads.to_string());
        format!("{sockets}, {threads}")
    })
});

/// The time of the first answer.
pub const FIRST_ANSWER: Row =
    row("the first answer after", |run| run.answers().min().map_or("-".to_owned(), short));

/// The time of the last answer.
pub const LAST_ANSWER: Row =
    row("the last answer after", |run| run.answers().max().map_or("-".to_owned(), short));

/// The time of the slowest answer.
pub const SLOWEST: Row =
    row("the slowest after", |run| run.metrics().max_ms.map_or("-".to_owned(), of_ms));

/// What the server held when all were there.
pub const HELD: Row = row("held by the server then", |run| {
    run.measured().map_or("-".to_owned(), |Measured { sockets, memory, .. }| {
        let memory = memory.map(|bytes| format!(", {}", megabytes(bytes)));
        count(sockets, "socket") + &memory.unwrap_or_default()
    })
});

/// `5.3 MB`.
fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Whether a second server got the port.
pub const ANOTHER: Row =
    row("a second server, same port", |run| came_of(run.attempt("another", 0)));

/// What it said.
pub const ANOTHER_SAYS: Row = row("it says", |run| reason(run.attempt("another", 0)));

/// Whether a server of the other transport got the same number.
pub const BESIDE: Row = row("one of the other transport", |run| {
    let beside = run.attempt("another", 1);
    let name = beside.map(|beside| beside.transport.name().to_uppercase());
    format!("{}: {}", name.unwrap_or_default(), came_of(beside))
});

/// What a client meets that asks afterwards.
pub const FIRST_CLIENT_ASKS: Row = row("the client asks (again)", |run| {
    let last = run.clients.first().and_then(|client| client.exchanges.get(1));
    last.map_or("-".to_owned(), outcome)
});

/// Who closed first.
pub const CLOSED_FIRST: Row = row("the server left with", |run| {
    let learned = run.clients.iter().find_map(|client| client.learned);
    learned.map_or("nothing that was heard".to_owned(), |(_, how)| how_short(how).to_owned())
});

/// What kept the port then.
pub const TIME_WAIT_THEN: Row = row("then in TIME-WAIT on its port", |run| {
    let attempt = run.attempt("started_again", 0);
    match attempt.and_then(|attempt| attempt.time_wait) {
        _ if run.column.transport == Transport::Udp => "UDP has no such state".to_owned(),
        Some(connections) => count(connections, "connection"),
        None => "cannot be seen here".to_owned(),
    }
});

/// Whether it got its port again.
pub const STARTED_AGAIN: Row =
    row("started again at once", |run| came_of(run.attempt("started_again", 0)));

/// What it said.
pub const STARTED_AGAIN_SAYS: Row = row("it says", |run| reason(run.attempt("started_again", 0)));

fn came_of(attempt: Option<&Attempt>) -> String {
    match attempt.map(|attempt| &attempt.failed) {
        None => "-".to_owned(),
        Some(None) => "listens".to_owned(),
        Some(Some(Failed { code: Some(code), .. })) => format!("cannot (exit {code})"),
        Some(Some(Failed { code: None, .. })) => "was killed".to_owned(),
    }
}

/// Returns the system's reason: what stands behind the address in `Could not bind to ...: reason`.
fn reason(attempt: Option<&Attempt>) -> String {
    let failed = attempt.and_then(|attempt| attempt.failed.as_ref());
    failed.map_or("ready".to_owned(), |failed| failed.reason().to_owned())
}

impl Failed {
    /// Returns the system's reason without the act and the address before it.
    pub(in crate::scenario) fn reason(&self) -> &str {
        self.text.rsplit_once(": ").map_or(self.text.as_str(), |(_, reason)| reason)
    }
}

impl Run {
    /// Returns how long each answer took.
    pub(in crate::scenario) fn answers(&self) -> impl Iterator<Item = Duration> {
        self.exchanges().filter(|one| one.is_replied()).map(ExchangeLog::elapsed)
    }

    /// Returns what the second client asked, counted from 0.
    pub(in crate::scenario) fn second_asks(&self, index: usize) -> Option<&ExchangeLog> {
        self.clients.get(1).and_then(|second| second.exchanges.get(index))
    }

    /// Returns when the first client left, if it ever did; nothing if it never got an answer.
    pub(in crate::scenario) fn first_in(&self) -> Option<Option<Timestamp>> {
        let first = self.clients.first()?;
        first.exchanges.first().filter(|one| one.is_replied()).map(|_| first.left)
    }

    /// Returns the question of the client that sleeps in the middle of it.
    pub(in crate::scenario) fn sleeper(&self) -> Option<&ExchangeLog> {
        self.clients.first().and_then(|client| client.exchanges.first())
    }

    /// Returns when it woke; nothing if it never got so far as to sleep.
    fn woke(&self) -> Option<Timestamp> {
        self.sleeper().and_then(|one| one.sent.first().copied())
    }

    /// Returns the questions of all other clients.
    pub(in crate::scenario) fn others(&self) -> impl Iterator<Item = &ExchangeLog> {
        self.clients.iter().skip(1).flat_map(|client: &ClientLog| &client.exchanges)
    }

    /// Returns how many others were answered while one slept, if it did.
    pub(in crate::scenario) fn answered_meanwhile(&self) -> Option<usize> {
        let woke = self.woke()?;
        Some(self.others().filter(|one| sum(one).is_some() && one.ended <= woke).count())
    }

    /// Returns what the server held when it was measured.
    pub(in crate::scenario) fn measured(&self) -> Option<Measured> {
        self.server.events.iter().find_map(|event| event.measured)
    }

    /// Returns what the server held while one slept.
    fn measured_asleep(&self) -> Option<Measured> {
        let woke = self.woke()?;
        let before = self.server.events.iter().filter(|event| event.at <= woke);
        before.filter_map(|event| event.measured).next()
    }

    /// Returns what came of an attempt to start a server.
    pub(in crate::scenario) fn attempt(&self, event: &str, index: usize) -> Option<&Attempt> {
        let events = self.server.events.iter().filter(|one| one.event == event);
        events.filter_map(|event| event.attempt.as_deref()).nth(index)
    }
}
