//! The numbers of a column, computed from what was recorded. Tables, JSON and expectations speak
//! of the same names.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::executions::executions;
use super::log::{ClientLog, ExchangeLog, Run, SessionLog};
use crate::peer::Transport;
use crate::protocol::datagram::Semantics;
use crate::service::ServiceKind;
use crate::service::sum::SumReply;
use crate::testbed::Action;
use crate::time::Timestamp;
use crate::trace::TracedPacket;
use crate::trace::closings::closed_first;
use crate::trace::reading::{self, Reading};
use crate::wire::Direction;

/// Every number of a column; `None` where there is none, or none that can be seen there.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Metrics {
    /// The exit code that `client` would have had: of the first exchange that failed, else 0.
    pub exit_code: Option<u8>,
    /// How that exchange ended.
    pub outcome: Option<&'static str>,
    /// Exchanges that were begun.
    pub exchanges: usize,
    /// Sums that both ends logged alike; null where no sums are asked for, or the server's log is not
    /// seen.
    pub agreed: Option<usize>,
    /// Exchanges without a reply.
    pub failed: usize,
    /// Requests that the server executed; null where its log is not seen.
    pub executions: Option<usize>,
    /// Requests that left the client, HELLO and copies included.
    pub attempts: usize,
    /// Of these, copies sent because no answer came; over TCP the stack's, unseen on loopback.
    pub retransmissions: Option<usize>,
    /// Who sends what was lost again.
    pub retransmitted_by: &'static str,
    /// Copies that the server recognised; null where its log is not seen.
    pub duplicates_suppressed: Option<usize>,
    /// Packets from client to server.
    pub packets_c2s: Option<usize>,
    /// Packets from server to client.
    pub packets_s2c: Option<usize>,
    /// Packets that were lost.
    pub packets_lost: Option<usize>,
    /// Bytes of IP, both ways.
    pub ip_bytes: Option<usize>,
    /// Of these, bytes of messages.
    pub payload_bytes: Option<usize>,
    /// Of the bytes of IP, those that are no message: headers, handshakes, acknowledgements.
    pub overhead_percent: Option<f64>,
    /// Connections left in TIME-WAIT, at either end.
    pub time_wait: Option<usize>,
    /// Round trips spent before the first question could be answered.
    pub handshake_rtts: usize,
    /// From the decision to ask to the first reply.
    pub first_reply_ms: Option<f64>,
    /// From asking to knowing that there will be no reply.
    pub detect_ms: Option<f64>,
    /// From the server's stop to a client that learned it without asking.
    pub learned_ms: Option<f64>,
    /// Half of the replies came within this time.
    pub p50_ms: Option<f64>,
    /// 95 % of the replies came within this time.
    pub p95_ms: Option<f64>,
    /// All replies came within this time.
    pub max_ms: Option<f64>,
    /// From the first question to the end of the scenario.
    pub total_ms: Option<f64>,
    /// The server's exit code, if it ended by itself.
    pub server_exit_code: Option<i32>,
    /// From the decision to stop to the end of the server.
    pub server_stop_ms: Option<f64>,
}

/// How `client` calls it that the system cannot send at all, and its exit code.
const LOCAL_ERROR: (&str, u8) = ("local_error", 1);

/// What ends a server without a word.
const KILLING: &[Action] = &[Action::Kill, Action::PowerOff];

/// The names of all numbers, in their order.
pub const NAMES: &[&str] = &[
    "exit_code",
    "outcome",
    "exchanges",
    "agreed",
    "failed",
    "executions",
    "attempts",
    "retransmissions",
    "retransmitted_by",
    "duplicates_suppressed",
    "packets_c2s",
    "packets_s2c",
    "packets_lost",
    "ip_bytes",
    "payload_bytes",
    "overhead_percent",
    "time_wait",
    "handshake_rtts",
    "first_reply_ms",
    "detect_ms",
    "learned_ms",
    "p50_ms",
    "p95_ms",
    "max_ms",
    "total_ms",
    "server_exit_code",
    "server_stop_ms",
];

/// What the packets of a run amount to.
struct Traffic {
    packets_c2s: usize,
    packets_s2c: usize,
    packets_lost: usize,
    ip_bytes: usize,
    payload_bytes: usize,
    again: usize,
}

impl Traffic {
    fn of(packets: &[(&TracedPacket, Reading)]) -> Self {
        let count = |wanted: fn(&TracedPacket, &Reading) -> bool| {
            packets.iter().filter(|(packet, reading)| wanted(packet, reading)).count()
        };
        Traffic {
            packets_c2s: count(|packet, _| packet.direction == Direction::ClientToServer),
            packets_s2c: count(|packet, _| packet.direction == Direction::ServerToClient),
            packets_lost: count(|packet, _| packet.lost.is_some()),
            ip_bytes: packets.iter().map(|(packet, _)| packet.bytes.len()).sum(),
            payload_bytes: packets.iter().map(|(_, reading)| reading.payload).sum(),
            again: count(|_, reading| reading.again),
        }
    }
}

/// What is said of a number that many runs have each measured.
pub const DISTRIBUTION: &[&str] = &["mean", "min", "p5", "p50", "p95", "max"];

impl Traffic {
    /// Returns the share of bytes that are no message, in percent with one decimal.
    fn overhead(&self) -> Option<f64> {
        let share = self.ip_bytes.checked_sub(self.payload_bytes)? as f64 / self.ip_bytes as f64;
        (self.ip_bytes > 0).then(|| (share * 1000.0).round() / 10.0)
    }
}

impl Run {
    /// Returns every packet with what it says, where packets can be seen.
    pub fn packets(&self) -> Option<Vec<(&TracedPacket, Reading)>> {
        let trace = self.trace.as_ref()?;
        Some(trace.packets.iter().zip(reading::read(trace)).collect())
    }

    /// Returns all exchanges, client by client.
    pub fn exchanges(&self) -> impl Iterator<Item = &ExchangeLog> {
        self.clients.iter().flat_map(|client| &client.exchanges)
    }

    /// Returns all sessions that were asked for, client by client.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionLog> {
        self.clients.iter().flat_map(|client| &client.sessions)
    }

    /// Returns the first exchange that got no reply, or else the first of all.
    pub fn telling_exchange(&self) -> Option<&ExchangeLog> {
        let failed = self.exchanges().filter(|one| !one.is_replied());
        failed.min_by_key(|one| one.asked).or_else(|| self.exchanges().next())
    }

    /// Returns how often the server logged this.
    pub fn logged(&self, event: &str) -> usize {
        self.server.events.iter().filter(|one| one.event == event).count()
    }

    /// Returns round trips spent before the first question could be answered: handshakes, or proofs
    /// of address.
    fn handshake_rtts(&self) -> usize {
        let of_clients = |count: fn(&ClientLog) -> usize| self.clients.iter().map(count).sum();
        match self.column.transport {
            Transport::Tcp => of_clients(|client| client.opened),
            Transport::Udp if self.server.unseen => of_clients(|client| client.proofs),
            Transport::Udp => self.logged("challenged"),
        }
    }

    /// Returns how many requests the server executed.
    pub fn count_executions(&self) -> usize {
        match self.service {
            ServiceKind::Sum => self.logged("exchange"),
            _ => self.logged("received"),
        }
    }

    /// Returns how many sums both ends logged alike: each execution counts for one exchange.
    pub fn agreed(&self) -> usize {
        let mut agreed = 0;
        for (index, client) in self.clients.iter().enumerate() {
            let mut executed: Vec<_> =
                executions(self, index).map(|(_, executed)| executed).collect();
            for one in &client.exchanges {
                let Some(sum) = sum(one) else { continue };
                let same = executed.iter().position(|executed| {
                    executed.client_number == one.number && executed.sum == sum
                });
                if let Some(index) = same {
                    executed.swap_remove(index);
                    agreed += 1;
                }
            }
        }
        agreed
    }

    /// Returns when the server decided to stop, or was killed.
    pub fn server_stopped(&self) -> Option<Timestamp> {
        let decided = self
            .server
            .events
            .iter()
            .find(|one| one.event == "out_of_range" || one.event == "shutdown");
        let killed = || {
            let kill = self.server.acted.iter().find(|(_, action)| KILLING.contains(action));
            kill.map(|(at, _)| *at)
        };
        decided.map(|one| one.at).or_else(killed)
    }

    /// Returns who sends what was lost again: `stack`, `client` or `nobody`.
    pub fn repeats(&self) -> &'static str {
        match (self.column.transport, self.datagram.semantics) {
            (Transport::Tcp, _) => "stack",
            (Transport::Udp, Semantics::Maybe) => "nobody",
            (Transport::Udp, _) => "client",
        }
    }

    /// Computes every number.
    pub fn metrics(&self) -> Metrics {
        let telling = self.telling_exchange();
        let mut replied: Vec<Duration> =
            self.exchanges().filter(|one| one.is_replied()).map(ExchangeLog::elapsed).collect();
        replied.sort_unstable();
        let began = self.exchanges().map(|one| one.asked).min();
        let stopped = self.server_stopped();
        let learned =
            self.clients.iter().filter_map(|client| client.learned).map(|(at, _)| at).min();
        let tcp = self.column.transport == Transport::Tcp;
        let repeated = self.exchanges().map(|one| usize::from(one.retransmissions)).sum::<usize>()
            + self.sessions().map(|one| one.retransmissions).sum::<usize>();
        let not_sent: usize = self.clients.iter().map(|client| client.not_sent.len()).sum();
        let traffic = self.packets().map(|packets| Traffic::of(&packets));
        let traffic = traffic.as_ref();
        let seen = !self.server.unseen;
        Metrics {
            exit_code: match telling {
                Some(one) => (!one.still_waiting).then(|| one.ending.exit_code()),
                None => (not_sent > 0).then_some(LOCAL_ERROR.1),
            },
            outcome: match telling {
                Some(one) if one.still_waiting => Some("still_waiting"),
                Some(one) => Some(one.ending.name()),
                None => (not_sent > 0).then_some(LOCAL_ERROR.0),
            },
            exchanges: self.exchanges().count() + not_sent,
            agreed: (seen && self.service == ServiceKind::Sum).then(|| self.agreed()),
            failed: self.exchanges().filter(|one| !one.is_replied()).count() + not_sent,
            executions: seen.then(|| self.count_executions()),
            attempts: self.exchanges().map(|one| one.sent.len()).sum::<usize>()
                + self.sessions().map(|one| one.sent).sum::<usize>(),
            retransmissions: match tcp {
                true => traffic.map(|traffic| traffic.again),
                false => Some(repeated),
            },
            retransmitted_by: self.repeats(),
            duplicates_suppressed: seen.then(|| self.logged("duplicate")),
            packets_c2s: traffic.map(|traffic| traffic.packets_c2s),
            packets_s2c: traffic.map(|traffic| traffic.packets_s2c),
            packets_lost: traffic.map(|traffic| traffic.packets_lost),
            ip_bytes: traffic.map(|traffic| traffic.ip_bytes),
            payload_bytes: traffic.map(|traffic| traffic.payload_bytes),
            overhead_percent: traffic.and_then(Traffic::overhead),
            time_wait: self.trace.as_ref().map(|trace| {
                let (clients, servers) = closed_first(trace);
                clients + servers
            }),
            handshake_rtts: self.handshake_rtts(),
            first_reply_ms: self
                .exchanges()
                .find(|one| one.is_replied())
                .map(|one| ms(one.elapsed())),
            detect_ms: telling
                .filter(|one| !one.is_replied() && !one.still_waiting)
                .map(|one| ms(one.elapsed())),
            learned_ms: learned.zip(stopped).map(|(learned, stopped)| ms(learned.since(stopped))),
            p50_ms: quantile(&replied, 50).map(ms),
            p95_ms: quantile(&replied, 95).map(ms),
            max_ms: replied.last().copied().map(ms),
            total_ms: began.map(|began| ms(self.ended.since(began))),
            server_exit_code: self.server.ended.and_then(|(_, code)| code),
            server_stop_ms: self
                .server
                .ended
                .zip(stopped)
                .map(|((ended, _), stopped)| ms(ended.since(stopped))),
        }
    }
}

/// Returns the sum as the client computed it, if it got a reply.
pub fn sum(exchange: &ExchangeLog) -> Option<i64> {
    match &exchange.ending {
        crate::protocol::Ending::Replied(reply) => {
            Some(exchange.number + SumReply::parse(reply).ok()?.number)
        }
        _ => None,
    }
}

/// Milliseconds, with microsecond digits.
pub fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// Nearest rank: the smallest value that so many percent of all do not exceed.
pub fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!(quantile(&values, 50), Some(50));
        assert_eq!(quantile(&values, 95), Some(95));
        assert_eq!(quantile(&values[..1], 95), Some(1));
        assert_eq!(quantile::<u64>(&[], 50), None);
    }
}
