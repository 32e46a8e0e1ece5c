//! Rows about what a bad network does to messages.

use std::time::Duration;

use crate::peer::Transport;
use crate::protocol::Ending;
use crate::protocol::datagram::Semantics;
use crate::protocol::parameters::{MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN, RANDOM_FACTOR};
use crate::scenario::Row;
use crate::scenario::executions::transits;
use crate::scenario::log::{ExchangeLog, Run};
use crate::scenario::metrics::{ms, sum};
use crate::scenario::words::{count, how_short, list, of_ms, seconds, short};
use crate::testbed::Action;
use crate::time::Timestamp;
use crate::trace::reading::{Kind, Reading};
use crate::wire::Direction;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

const fn seen(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: true, cell }
}

/// When packets left for the telling exchange, whoever sent them, and what they were.
pub const WHAT_LEFT: Row = seen("packets left at (s)", |run| {
    let Some(one) = run.telling_exchange() else { return "-".to_owned() };
    let mut before = "";
    list(run.left_during(one).into_iter().map(|(at, what)| {
        // Said once, where it changes.
        let said = if what == before { "" } else { what };
        before = what;
        said.to_owned() + &seconds(at.since(one.asked))
    }))
});

/// Packets of the client that never arrived.
pub const IN_VAIN: Row = seen("its packets in vain", |run| {
    let packets = run.packets().unwrap_or_default();
    let lost = packets.iter().filter(|(packet, _)| {
        packet.direction == Direction::ClientToServer && packet.lost.is_some()
    });
    lost.count().to_string()
});

/// How long the client listened after the wire was cut.
pub const WATCHED: Row = row("listened after the cut for", |run| match cut(run) {
    Some(cut) => {
        let whole = Duration::from_secs(run.ended.since(cut).as_secs());
        humantime::format_duration(whole).to_string()
    }
    None => "-".to_owned(),
});

/// What it noticed in that time.
pub const NOTICED: Row = row("and noticed", |run| {
    let learned = run.clients.iter().find_map(|client| client.learned);
    match (learned, cut(run)) {
        (Some((at, how)), Some(cut)) => {
            format!("{}, {} later", how_short(how), short(at.since(cut)))
        }
        _ => "nothing".to_owned(),
    }
});

fn cut(run: &Run) -> Option<Timestamp> {
    run.server.acted.iter().find(|(_, action)| *action == Action::Cut).map(|(at, _)| *at)
}

/// Exchanges that ended at the deadline.
pub const GAVE_UP: Row = row("gave up at the deadline", |run| {
    let gave_up = run.exchanges().filter(|one| one.ending == Ending::TimedOut).count();
    match run.column.transport {
        Transport::Tcp if gave_up > 0 => format!("{gave_up} (reconnected)"),
        _ => gave_up.to_string(),
    }
});

/// What was sent again, and in which units.
pub const RETRANSMITTED: Row = row("retransmitted", |run| {
    let again = run.metrics().retransmissions;
    match (again, run.column.transport) {
        _ if run.repeats() == "nobody" => "-".to_owned(),
        (Some(again), Transport::Udp) => count(again, "datagram"),
        (Some(again), Transport::Tcp) => count(again, "segment"),
        (None, _) => "not seen here".to_owned(),
    }
});

/// Copies of requests that reached the server.
pub const DUPLICATES: Row = row("copies met by the server", |run| {
    if run.column.transport == Transport::Tcp {
        return "in the stack".to_owned();
    }
    if run.remembers {
        return format!("{}, known by id", run.logged("duplicate"));
    }
    match run.logged("exchange").checked_sub(run.exchanges().count()) {
        Some(again) if again > 0 => format!("{again}, done again"),
        _ => "cannot tell".to_owned(),
    }
});

/// What arithmetic says before anything is run: both ways must survive.
pub const LOSS_THEORY: Row = row("theory", |run| {
    let Some(wire) = &run.wire else { return "-".to_owned() };
    let both = (1.0 - wire.c2s.loss) * (1.0 - wire.s2c.loss);
    let simple = wire.rules.is_empty() && wire.c2s.duplicate + wire.s2c.duplicate == 0.0;
    match (run.column.transport, run.datagram.semantics) {
        _ if !simple => "-".to_owned(),
        (Transport::Tcp, _) => "-".to_owned(),
        (Transport::Udp, Semantics::Maybe) => {
            let all = run.exchanges().count();
            format!("{:.0} of {all}", both * all as f64)
        }
        (Transport::Udp, _) => {
            // The n-th try is made if all before it failed: a geometric series, cut off.
            let tries = i32::try_from(most_tries(run)).unwrap_or(i32::MAX);
            let sum: f64 = (0..tries).map(|before| (1.0 - both).powi(before)).sum();
            format!("{sum:.2} tries each")
        }
    }
});

/// Returns how often a request may leave before its exchange is given up, with the timeout's random
/// factor at its mean.
fn most_tries(run: &Run) -> usize {
    let config = &run.datagram;
    let mut timeout = config.retransmission_timeout.mul_f64((1.0 + RANDOM_FACTOR) / 2.0);
    let end = run.deadline.unwrap_or(MAX_TRANSMIT_SPAN).min(MAX_TRANSMIT_SPAN);
    let (mut tries, mut at) = (1, timeout);
    while at < end && config.retransmissions.is_none_or(|most| tries <= usize::from(most)) {
        tries += 1;
        timeout = (timeout * 2).min(MAX_RETRANSMISSION_TIMEOUT);
        at += timeout;
    }
    tries
}

/// The sums as the clients computed them.
pub const CLIENT_SUMS: Row = row("sums at the client", |run| {
    list(run.exchanges().map(|one| sum(one).map_or("none".to_owned(), |sum| sum.to_string())))
});

/// The sums as the server logged them, one for each execution.
pub const SERVER_SUMS: Row = row("sums at the server", |run| {
    let executed = run.server.events.iter().filter_map(|event| event.executed.as_ref());
    list(executed.map(|executed| executed.sum.to_string()))
});

/// Replies that answered nothing the client had asked.
pub const STALE: Row = row("stale replies dropped", |run| {
    let stale: usize = run.clients.iter().map(|client| client.unexpected).sum();
    match (run.column.transport, run.datagram.semantics) {
        (Transport::Tcp, _) => "none come up".to_owned(),
        (Transport::Udp, Semantics::Maybe) => "cannot tell".to_owned(),
        (Transport::Udp, _) => format!("{stale}, by their id"),
    }
});

/// The numbers in the order in which they were asked.
pub const ORDER_SENT: Row = row("order of asking", |run| {
    let mut asked: Vec<&ExchangeLog> = run.exchanges().collect();
    asked.sort_by_key(|one| (one.asked, one.number));
    list(asked.iter().map(|one| one.number.to_string()))
});

/// The numbers in the order in which the server had them.
pub const ORDER_EXECUTED: Row =
    row("order at the server", |run| list(run.executed().map(|(_, number)| number.to_string())));

/// When the server had them, from the first question.
pub const ARRIVED_AT: Row = row("there at (ms)", |run| {
    let Some(began) = run.exchanges().map(|one| one.asked).min() else { return "-".to_owned() };
    list(run.executed().map(|(at, _)| format!("{:.0}", ms(at.since(began)))))
});

/// So much behind the fastest is late: what the script leaves between two messages.
const LATE_BY: Duration = Duration::from_millis(10);

/// Which messages were late.
pub const LATE: Row = row("messages that came late", |run| {
    let transits = transits(run);
    let best = transits.iter().map(|one| one.time).min().unwrap_or_default();
    let late = transits.iter().filter(|one| one.time >= best + LATE_BY);
    let late: Vec<i64> = late.map(|one| one.exchange.number).collect();
    match late[..] {
        [] => "none".to_owned(),
        [one] => format!("only number {one}"),
        [first, .., last] if last - first + 1 == late.len() as i64 => format!("{first} to {last}"),
        _ => list(late.iter().map(i64::to_string)),
    }
});

/// The slowest message.
pub const SLOWEST: Row = row("the slowest was under way for", |run| {
    let slowest = transits(run).into_iter().map(|one| one.time).max();
    slowest.map_or("-".to_owned(), |time| of_ms(ms(time)))
});

/// Waiting of those that had not been lost.
pub const WAITED: Row = row("the others waited, together", |run| {
    let times: Vec<Duration> = transits(run).into_iter().map(|one| one.time).collect();
    let best = times.iter().min().copied().unwrap_or_default();
    let slowest = times.iter().max().copied().unwrap_or_default();
    short(times.iter().filter(|time| **time < slowest).map(|time| *time - best).sum())
});

impl Run {
    /// Returns what the server executed, and when.
    pub fn executed(&self) -> impl Iterator<Item = (Timestamp, i64)> {
        let events = self.server.events.iter();
        events.filter_map(|event| Some((event.at, event.executed.as_ref()?.client_number)))
    }

    /// Returns when packets that carry something left the client while an exchange was under way,
    /// and what they were: its request, or over TCP the SYN before it.
    pub fn left_during(&self, one: &ExchangeLog) -> Vec<(Timestamp, &'static str)> {
        let Some(packets) = self.packets() else { return Vec::new() };
        let left = packets.iter().filter(|(packet, reading)| {
            packet.direction == Direction::ClientToServer
                && (one.asked..one.ended).contains(&packet.sent)
                && (reading.payload > 0 || reading.kind == Kind::Syn)
        });
        let what = |reading: &Reading| match (self.column.transport, reading.kind) {
            (Transport::Udp, _) => "",
            (Transport::Tcp, Kind::Syn) => "SYN ",
            (Transport::Tcp, _) => "data ",
        };
        left.map(|(packet, reading)| (packet.sent, what(reading))).collect()
    }
}
