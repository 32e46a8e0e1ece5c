//! What is compared of a column, each with the name that the report has for it.

use super::Fact;
use crate::peer::Transport;
use crate::scenario::log::Run;
use crate::scenario::metrics::Metrics;
use crate::wire::Direction;

/// A run with its numbers.
pub(super) struct Measured<'a> {
    run: &'a Run,
    metrics: Metrics,
}

/// Something that is compared.
pub(super) struct Quantity {
    pub(super) name: &'static str,
    /// Nothing where it says nothing.
    pub(super) of: fn(&Measured) -> Option<Fact>,
}

/// Everything that is compared, what matters most first.
pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity { name: "outcomes", of: |it| Some(Fact::Words(outcomes(it.run))) },
    Quantity { name: "agreed", of: |it| counted(it.metrics.agreed) },
    Quantity { name: "executions", of: |it| counted(it.metrics.executions) },
    Quantity { name: "attempts", of: |it| counted(Some(it.metrics.attempts)) },
    Quantity { name: "retransmissions", of: |it| counted(it.metrics.retransmissions) },
    Quantity { name: "duplicates_suppressed", of: |it| counted(it.metrics.duplicates_suppressed) },
    Quantity { name: "handshake_rtts", of: |it| counted(Some(it.metrics.handshake_rtts)) },
    Quantity { name: "packets_c2s", of: |it| counted(it.metrics.packets_c2s) },
    Quantity { name: "packets_s2c", of: |it| counted(it.metrics.packets_s2c) },
    Quantity { name: "packets_lost", of: |it| counted(it.metrics.packets_lost) },
    Quantity { name: "lost_c2s", of: |it| lost(it.run, Direction::ClientToServer) },
    Quantity { name: "lost_s2c", of: |it| lost(it.run, Direction::ServerToClient) },
    Quantity { name: "ip_bytes", of: |it| counted(it.metrics.ip_bytes) },
    Quantity { name: "payload_bytes", of: |it| counted(it.metrics.payload_bytes) },
    Quantity { name: "time_wait", of: |it| counted(it.metrics.time_wait) },
    Quantity { name: "first_reply_ms", of: |it| time(it.metrics.first_reply_ms) },
    Quantity { name: "detect_ms", of: |it| time(it.metrics.detect_ms) },
    Quantity { name: "learned_ms", of: |it| time(it.metrics.learned_ms) },
    Quantity { name: "p50_ms", of: |it| time(it.metrics.p50_ms) },
    Quantity { name: "p95_ms", of: |it| time(it.metrics.p95_ms) },
    Quantity { name: "max_ms", of: |it| time(it.metrics.max_ms) },
    Quantity { name: "total_ms", of: |it| time(it.metrics.total_ms) },
    Quantity { name: "server_exit_code", of: |it| Some(exit_code(it.metrics.server_exit_code)) },
    Quantity { name: "server_stop_ms", of: |it| time(it.metrics.server_stop_ms) },
];

impl<'a> Measured<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        Measured { run, metrics: run.metrics() }
    }
}

fn counted(count: Option<usize>) -> Option<Fact> {
    Some(count.map_or(Fact::Nothing, Fact::Count))
}

fn time(time: Option<f64>) -> Option<Fact> {
    Some(time.map_or(Fact::Nothing, Fact::Time))
}

fn exit_code(code: Option<i32>) -> Fact {
    code.map_or(Fact::Nothing, |code| Fact::Words(code.to_string()))
}

/// Returns how the exchanges ended, client by client: `12 replied, 1 timed_out, 87 replied`.
fn outcomes(run: &Run) -> String {
    let mut found: Vec<(&str, usize)> = Vec::new();
    for one in run.exchanges() {
        let name = if one.still_waiting { "still_waiting" } else { one.ending.name() };
        match found.last_mut() {
            Some((last, times)) if *last == name => *times += 1,
            _ => found.push((name, 1)),
        }
    }
    let words: Vec<String> = found.iter().map(|(name, times)| format!("{times} {name}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Returns which packets never arrived. Over TCP one more acknowledgement gives all that follow
/// other numbers: there only their count is compared.
fn lost(run: &Run, direction: Direction) -> Option<Fact> {
    let trace = run.trace.as_ref().filter(|_| run.column.transport == Transport::Udp)?;
    let there = trace.packets.iter().filter(|packet| packet.direction == direction);
    let lost = there.filter(|packet| packet.lost.is_some());
    Some(Fact::Packets(lost.map(|packet| packet.number).collect()))
}
