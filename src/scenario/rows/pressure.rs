//! Rows about a reader that does not read.

use crate::peer::Transport;
use crate::scenario::Row;
use crate::scenario::log::Run;
use crate::scenario::metrics::ms;
use crate::scenario::words::{list, of_ms, thousands};
use crate::testbed::Read;
use crate::trace::reading::Kind;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

/// What the sender was told.
pub const ACCEPTED: Row = row("send() took", |run| format!("{} bytes", thousands(run.pushed())));

/// How long the sender had to wait.
pub const HELD_UP: Row = row("and held the sender up for", |run| {
    let held_up = run.clients.iter().filter_map(|client| client.pushed.as_ref());
    of_ms(held_up.map(|pushed| ms(pushed.held_up)).sum())
});

/// What the reader found when it read at last.
pub const READ: Row = row("read at last", |run| format!("{} bytes", thousands(run.read().bytes)));

/// In how many pieces.
pub const READS: Row = row("in so many reads", |run| run.read().reads.to_string());

/// What was taken and never read.
pub const GONE: Row =
    row("taken, and never read", |run| match run.pushed().saturating_sub(run.read().bytes) {
        0 => "nothing".to_owned(),
        gone => format!("{} bytes", thousands(gone)),
    });

/// Where that was lost.
pub const WHERE: Row = Row {
    label: "lost where",
    needs_packets: true,
    cell: |run| {
        let Some(trace) = &run.trace else { return "-".to_owned() };
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        let arrivals = trace.packets.iter().flat_map(|packet| &packet.arrivals);
        for why in arrivals.filter_map(|arrival| arrival.dropped) {
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, count)) => *count += 1,
                None => reasons.push((why, 1)),
            }
        }
        // A kernel tells how many, not which.
        match run.host.as_ref().map_or(0, |host| host.buffer_full) {
            0 => {}
            count => reasons.push(("receive buffer full", count as usize)),
        }
        match reasons.is_empty() {
            true => "nowhere".to_owned(),
            false => list(reasons.iter().map(|(why, count)| format!("{why}: {count}"))),
        }
    },
};

/// How the sender was told to wait.
pub const PROBES: Row = Row {
    label: "probes of the closed window",
    needs_packets: true,
    cell: |run| {
        let probes = run.packets().unwrap_or_default();
        let probes = probes.iter().filter(|(_, reading)| reading.kind == Kind::Probe).count();
        match run.column.transport {
            Transport::Tcp => probes.to_string(),
            Transport::Udp => "there is no window".to_owned(),
        }
    },
};

impl Run {
    /// Returns how many bytes the transport took from the clients.
    pub fn pushed(&self) -> usize {
        let pushed = self.clients.iter().filter_map(|client| client.pushed.as_ref());
        pushed.map(|pushed| pushed.bytes).sum()
    }

    /// Returns what the late reader read.
    pub fn read(&self) -> Read {
        let read = self.server.events.iter().find_map(|event| event.read);
        read.unwrap_or_default()
    }
}
