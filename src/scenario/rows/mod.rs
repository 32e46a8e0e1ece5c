//! What stands in the rows of a report: each computed from what one column recorded.
//!
//! Here are the rows that any network can fill; those in [`packets`] need to see packets.

pub mod endings;
pub mod files;
pub mod models;
pub mod packets;
pub mod pressure;
pub mod sessions;
pub mod shapes;
pub mod spoofed;
pub mod weather;

use super::Row;
use super::log::{ExchangeLog, Run};
use super::metrics::sum;
use super::words::{count, in_round_trips, of_ms, outcome, seconds, short};
use crate::peer::Transport;
use crate::protocol::{Closing, Ending};

/// The first row of every table.
pub const WHO_REPEATS: Row = Row {
    needs_packets: false,
    label: "who repeats what is lost",
    cell: |run| match run.repeats() {
        "stack" => "the TCP stack".to_owned(),
        "client" => "our client".to_owned(),
        nobody => nobody.to_owned(),
    },
};

/// The sum at both ends.
pub const SUMS: Row = Row {
    needs_packets: false,
    label: "sum at client, at server",
    cell: |run| {
        let at_client = run.exchanges().find_map(sum);
        let executed = run.server.events.iter().find_map(|event| event.executed.as_ref());
        match (at_client, executed) {
            (Some(client), None) if run.server.unseen => format!("{client}, {SERVER_KNOWS}"),
            (Some(client), Some(server)) => {
                let verdict = if client == server.sum { "agree" } else { "DIFFER" };
                format!("{client}, {} {verdict}", server.sum)
            }
            _ => "none".to_owned(),
        }
    },
};

/// How many sums both ends logged alike.
pub const AGREED: Row = Row {
    needs_packets: false,
    label: "answered, sums agree",
    cell: |run| {
        let answered = answered(run);
        let (agreed, all) = (run.agreed(), run.exchanges().count());
        match agreed == answered {
            _ if run.server.unseen => format!("{answered} of {all}, {SERVER_KNOWS}"),
            true => format!("{agreed} of {all}"),
            false => format!("{agreed} of {all}, {} DIFFER", answered - agreed),
        }
    },
};

/// What precedes the first question.
pub const SET_UP: Row = Row {
    needs_packets: false,
    label: "set up before the question",
    cell: |run| match run.column.transport {
        Transport::Tcp => count(opened(run), "handshake"),
        Transport::Udp => "nothing".to_owned(),
    },
};

/// Time to the first answer.
pub const ANSWER_AFTER: Row = Row {
    needs_packets: false,
    label: "answer after",
    cell: |run| {
        let first = run.exchanges().find(|one| one.is_replied());
        first.map_or("-".to_owned(), |one| in_round_trips(run, one.elapsed()))
    },
};

/// Time for all questions.
pub const ALL_TOOK: Row = Row { needs_packets: false, label: "all of them took", cell: all_took };

/// Returns the time from the first question to the last answer.
pub(super) fn all_took(run: &Run) -> String {
    let began = run.exchanges().map(|one| one.asked).min();
    let ended = run.exchanges().map(|one| one.ended).max();
    match (began, ended) {
        (Some(began), Some(ended)) => short(ended.since(began)),
        _ => "-".to_owned(),
    }
}

/// How the times of the answers are distributed.
pub const HALF_AND_MOST: Row = Row {
    needs_packets: false,
    label: "answered after: half, 95 %",
    cell: |run| {
        let metrics = run.metrics();
        match (metrics.p50_ms, metrics.p95_ms) {
            (Some(half), Some(most)) => format!("{}, {}", of_ms(half), of_ms(most)),
            _ => "-".to_owned(),
        }
    },
};

/// Round trips, counted: handshakes and questions.
pub const ROUND_TRIPS: Row = Row {
    needs_packets: false,
    label: "round trips, N questions",
    cell: |run| {
        let exchanges = run.exchanges().count();
        let handshakes = run.metrics().handshake_rtts;
        let all = handshakes + exchanges;
        let expected = match (run.column.anew, run.column.transport) {
            (true, _) => exchanges,
            (false, Transport::Tcp) => 1,
            (false, Transport::Udp) => 0,
        };
        match run.column.anew {
            _ if handshakes != expected || answered(run) < exchanges => all.to_string(),
            true => format!("{all} (2 N)"),
            false if run.column.transport == Transport::Tcp => format!("{all} (N + 1)"),
            false => format!("{all} (N)"),
        }
    },
};

/// What connecting costs each question.
pub const SET_UP_EACH: Row = Row {
    needs_packets: false,
    label: "set-up, for each question",
    cell: |run| {
        let each = run.metrics().handshake_rtts as f64 / run.exchanges().count().max(1) as f64;
        match each {
            0.0 => "none".to_owned(),
            _ => format!("{} RTT", (each * 100.0).round() / 100.0),
        }
    },
};

/// How the telling exchange ended.
pub const OUTCOME: Row = Row {
    needs_packets: false,
    label: "outcome (exit code)",
    cell: |run| {
        let not_sent = run.clients.iter().find_map(|client| client.not_sent.first());
        match (run.telling_exchange(), not_sent) {
            (Some(one), _) => outcome(one),
            (None, Some((_, why))) => why.clone(),
            (None, None) => "-".to_owned(),
        }
    },
};

/// Who made the client know.
pub const WHO_SAYS_SO: Row = Row {
    needs_packets: false,
    label: "who told it",
    cell: |run| {
        run.telling_exchange()
            .map_or("-", |one| match (&one.ending, run.column.transport) {
                _ if one.still_waiting => "nobody, ever",
                (Ending::Refused, Transport::Tcp) => "the kernel: RST",
                (Ending::Refused | Ending::OutcomeUnknown(_), Transport::Udp) => "the kernel: ICMP",
                (Ending::TimedOut, _) if run.deadline.is_some_and(|it| one.elapsed() >= it) => {
                    "its own clock"
                }
                (Ending::TimedOut, Transport::Tcp) => "the TCP stack gave up",
                (Ending::TimedOut, Transport::Udp) => "its limit for copies",
                (Ending::BrokenOff(Closing::Reset), _) => "the kernel: RST",
                (Ending::BrokenOff(_), _) => "the kernel: FIN",
                _ => "the server",
            })
            .to_owned()
    },
};

/// When the program knew, from asking.
pub const KNOWN_AFTER: Row = Row {
    needs_packets: false,
    label: "the program knows after",
    cell: |run| run.telling_exchange().map_or("-".to_owned(), |one| short(one.elapsed())),
};

/// When the program gave up.
pub const GIVES_UP: Row = Row {
    needs_packets: false,
    label: "gives up after",
    cell: |run| {
        run.telling_exchange().map_or("-".to_owned(), |one| match one.still_waiting {
            true => format!("never: {} so far", short(one.elapsed())),
            false => format!("{}, exit {}", short(one.elapsed()), one.ending.exit_code()),
        })
    },
};

/// When our program sent; what the stack repeats below it is another row.
pub const SENT_AT: Row = Row {
    needs_packets: false,
    label: "our program sent at (s)",
    cell: |run| {
        let Some(one) = run.telling_exchange() else {
            return "-".to_owned();
        };
        let times: Vec<String> = one.sent.iter().map(|at| seconds(at.since(one.asked))).collect();
        match times.is_empty() {
            true => "never".to_owned(),
            false => times.join(", "),
        }
    },
};

/// What the program had been told before it knew better.
pub const BELIEVED: Row = Row {
    needs_packets: false,
    label: "what send() had said",
    cell: |run| {
        let Some(one) = run.telling_exchange() else {
            return "-".to_owned();
        };
        match (run.column.transport, one.sent.len()) {
            (Transport::Tcp, 0) => "never got to send".to_owned(),
            (Transport::Tcp, _) => "connected, then ok".to_owned(),
            (Transport::Udp, times) => format!("ok, {times} x"),
        }
    },
};

/// How often the server did the work.
pub const EXECUTED: Row = Row {
    needs_packets: false,
    label: "executed by the server",
    cell: |run| match run.server.unseen {
        true => SERVER_KNOWS.to_owned(),
        false => count(run.logged("exchange"), "time"),
    },
};

/// Stands where only the server's log could say anything, and is not seen.
const SERVER_KNOWS: &str = "the server knows";

/// Returns the exchange with this number; scripts number their questions apart.
pub(super) fn of_number(run: &Run, number: i64) -> Option<&ExchangeLog> {
    run.exchanges().find(|one| one.number == number)
}

/// Returns how many questions got an answer that is one.
pub(super) fn answered(run: &Run) -> usize {
    run.exchanges().filter(|one| sum(one).is_some()).count()
}

/// Returns how many conversations all clients opened.
pub(super) fn opened(run: &Run) -> usize {
    run.clients.iter().map(|client| client.opened).sum()
}
