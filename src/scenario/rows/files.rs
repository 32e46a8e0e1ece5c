//! Rows about a file that was asked for.

use std::time::Duration;

use crate::peer::Transport;
use crate::scenario::Row;
use crate::scenario::log::{FetchLog, Run};
use crate::scenario::words::{short, thousands};

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

const fn seen(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: true, cell }
}

/// What came, and whether it is what was announced.
pub const ARRIVED: Row = row("bytes, SHA-256", |run| {
    of_file(run, |file| {
        let verdict = match file.intact {
            Some(true) => "right",
            Some(false) => "WRONG",
            None => "cut off",
        };
        format!("{}, {verdict}", thousands(bytes(file)))
    })
});

/// From asking for it to its last byte.
pub const TOOK: Row = row("took", |run| of_file(run, |file| short(took(file))));

/// Bytes of the file for each second.
pub const GOODPUT: Row = row("goodput", |run| {
    of_file(run, |file| match took(file).as_secs_f64() {
        0.0 => "-".to_owned(),
        seconds => rate(file.bytes as f64 / seconds),
    })
});

/// Questions that it took, each with its answer.
pub const EXCHANGES: Row =
    row("questions it took", |run| of_file(run, |file| thousands(file.exchanges)));

/// The same time in round trips.
pub const ROUND_TRIPS: Row = seen("that is, in round trips", |run| match round_trip(run) {
    Some(round) => of_file(run, |file| {
        let trips = took(file).as_secs_f64() / round.as_secs_f64();
        if trips < 100.0 { format!("{trips:.1}") } else { format!("{trips:.0}") }
    }),
    None => "-".to_owned(),
});

/// What arithmetic says before anything is run, if nothing is lost.
pub const THEORY: Row = seen("theory, without loss", |run| match run.column.transport {
    Transport::Tcp => "window grows".to_owned(),
    Transport::Udp => match theory(run) {
        Some((blocks, trips)) => format!("{blocks} / {} = {trips}", run.datagram.window),
        None => "-".to_owned(),
    },
});

/// Returns how many blocks there were, and how many round trips they take at least: as many blocks
/// as the window holds in each.
pub(in crate::scenario) fn theory(run: &Run) -> Option<(usize, usize)> {
    let file = fetched(run).filter(|file| file.intact.is_some())?;
    Some((file.exchanges, file.exchanges.div_ceil(run.datagram.window.max(1))))
}

/// Returns the first file that came, or should have.
pub(in crate::scenario) fn fetched(run: &Run) -> Option<&FetchLog> {
    run.clients.iter().find_map(|client| client.fetched.first())
}

/// Returns how long it took, or how long until it was given up.
pub(in crate::scenario) fn took(file: &FetchLog) -> Duration {
    file.ended.since(file.asked)
}

/// Returns the time there and back that the wire takes, if it takes any.
pub(in crate::scenario) fn round_trip(run: &Run) -> Option<Duration> {
    let wire = run.wire.as_ref()?;
    Some(wire.c2s.delay + wire.s2c.delay).filter(|round| !round.is_zero())
}

fn of_file(run: &Run, say: impl FnOnce(&FetchLog) -> String) -> String {
    fetched(run).map_or("-".to_owned(), say)
}

fn bytes(file: &FetchLog) -> usize {
    usize::try_from(file.bytes).unwrap_or(usize::MAX)
}

/// `23 kB/s`, `1.2 MB/s`
fn rate(bytes_per_second: f64) -> String {
    match bytes_per_second {
        slow if slow < 1e4 => format!("{:.1} kB/s", slow / 1e3),
        middle if middle < 1e6 => format!("{:.0} kB/s", middle / 1e3),
        fast => format!("{:.1} MB/s", fast / 1e6),
    }
}
