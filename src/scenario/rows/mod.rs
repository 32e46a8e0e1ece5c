//! What stands in the rows of a report: each computed from what one column recorded.
//!
//! Here are the rows that any network can fill; those in [`packets`] need to see packets.

pub mod packets;
pub mod pressure;
pub mod shapes;
pub mod weather;

use std::time::Duration;

use super::Row;
use super::log::{ExchangeLog, Run};
use super::metrics::sum;
use crate::peer::Transport;
use crate::protocol::{Closing, Ending};
use crate::testbed::Action;

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
        let answered = run.exchanges().filter(|one| sum(one).is_some()).count();
        let (agreed, all) = (run.agreed(), run.exchanges().count());
        match agreed == answered {
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
pub const ALL_TOOK: Row = Row {
    needs_packets: false,
    label: "all of them took",
    cell: |run| {
        let began = run.exchanges().map(|one| one.asked).min();
        let ended = run.exchanges().map(|one| one.ended).max();
        match (began, ended) {
            (Some(began), Some(ended)) => short(ended.since(began)),
            _ => "-".to_owned(),
        }
    },
};

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
        let all = run.metrics().handshake_rtts + exchanges;
        match run.column.anew {
            true => format!("{all} (2 N)"),
            false if run.column.transport == Transport::Tcp => format!("{all} (N + 1)"),
            false => format!("{all} (N)"),
        }
    },
};

/// How the telling exchange ended.
pub const OUTCOME: Row = Row {
    needs_packets: false,
    label: "outcome (exit code)",
    cell: |run| run.telling_exchange().map_or("-".to_owned(), outcome),
};

/// Who made the client know.
pub const WHO_SAYS_SO: Row = Row {
    needs_packets: false,
    label: "who told it",
    cell: |run| {
        run.telling_exchange()
            .map_or("-", |one| match (&one.ending, run.column.transport) {
                (Ending::Refused, Transport::Tcp) => "the kernel: RST",
                (Ending::Refused | Ending::OutcomeUnknown(_), Transport::Udp) => "the kernel: ICMP",
                (Ending::TimedOut, _) if run.deadline.is_some() => "its own clock",
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
        run.telling_exchange().map_or("-".to_owned(), |one| {
            format!("{}, exit {}", short(one.elapsed()), one.ending.exit_code())
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
    cell: |run| count(run.logged("exchange"), "time"),
};

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
        let busy = run.exchanges().filter(|one| (21..=24).contains(&one.number));
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
            (Some((at, _)), Some(one)) => short(one.ended.since(*at)),
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
pub(super) fn idle_learns(run: &Run) -> String {
    let learned = run.clients.iter().find_map(|client| client.learned);
    match (learned, run.server_stopped()) {
        (Some((at, how)), Some(stopped)) => {
            format!("{}, {} later", how_short(how), short(at.since(stopped)))
        }
        _ => "not until it asks".to_owned(),
    }
}

pub(super) fn how_short(how: Closing) -> &'static str {
    match how {
        Closing::EndOfStream => "FIN",
        Closing::Reset => "RST",
        Closing::GaveUp => "given up",
        Closing::Bye(_) => "BYE",
    }
}

/// Returns the exchange with this number; scripts number their questions apart.
pub(super) fn of_number(run: &Run, number: i64) -> Option<&ExchangeLog> {
    run.exchanges().find(|one| one.number == number)
}

/// Returns how an exchange ended, with its exit code.
pub fn outcome(one: &ExchangeLog) -> String {
    let name = match &one.ending {
        Ending::BrokenOff(how) => format!("broken off: {}", how_short(*how)),
        Ending::ServerShutDown(how) => format!("{}: server gone", how_short(*how)),
        other => other.name().replace('_', " "),
    };
    format!("{name} ({})", one.ending.exit_code())
}

/// Returns how many conversations all clients opened.
pub(super) fn opened(run: &Run) -> usize {
    run.clients.iter().map(|client| client.opened).sum()
}

pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// More round trips than anyone counts are a wait.
const FEW_TRIPS: u128 = 4;

/// Returns a time, and how many round trips it is if it is a whole number of them.
fn in_round_trips(run: &Run, time: Duration) -> String {
    let text = short(time);
    let Some(wire) = &run.wire else { return text };
    let round = wire.c2s.delay + wire.s2c.delay;
    let trips = time.as_micros().checked_div(round.as_micros()).unwrap_or_default();
    match (1..=FEW_TRIPS).contains(&trips)
        && round * u32::try_from(trips).unwrap_or_default() == time
    {
        true => format!("{text} = {trips} RTT"),
        false => text,
    }
}

/// Returns milliseconds as people say them.
pub(super) fn of_ms(ms: f64) -> String {
    short(Duration::from_micros((ms * 1000.0).round() as u64))
}

/// Joins what there is, or a dash; long lists are cut, and say so.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let items: Vec<String> = items.into_iter().collect();
    match items.len() {
        0 => "-".to_owned(),
        many if many > SHOWN => format!("{}, ... {many} in all", items[..SHOWN - 2].join(", ")),
        _ => items.join(", "),
    }
}

/// Returns a number with commas between its thousands.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a duration as people say it: `0.42 ms`, `51 ms`, `10.0 s`, `30 s`.
pub fn short(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if duration.subsec_nanos() == 0 && !duration.is_zero() {
        format!("{} s", duration.as_secs())
    } else if ms < 10.0 && ms.fract() != 0.0 {
        format!("{ms:.2} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if ms < 100_000.0 {
        format!("{:.1} s", ms / 1000.0)
    } else {
        format!("{:.0} s", ms / 1000.0)
    }
}

/// Returns seconds with as many digits as tell something: `0`, `0.05`, `1.5`, `3`.
pub(super) fn seconds(duration: Duration) -> String {
    let places = if duration < Duration::from_secs(1) { 2 } else { 1 };
    let text = format!("{:.places$}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
