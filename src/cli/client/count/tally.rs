//! What is kept of many exchanges, and what is said of them all: exact, for every time is kept.

use std::fmt;
use std::io;

use serde::Serialize;

use super::is_answered;
use crate::cli::client::ClientArguments;
use crate::cli::client::arguments::service_name;
use crate::client::Outcome;
use crate::peer::Transport;
use crate::scenario::metrics::quantile;

/// What is kept of the exchanges so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    asked: usize,
    /// Over UDP: requests that our client sent again.
    sent_again: usize,
    /// Of the answers, in microseconds: a million of them fill 8 MB.
    round_trips: Vec<u64>,
    /// Whether one was as it should be.
    any_right: bool,
    /// The exit code of the last failure.
    failure: u8,
    /// With whom the last one was held.
    server: String,
}

impl Tally {
    /// Takes note of how an exchange ended.
    pub(super) fn take(&mut self, outcome: &io::Result<Outcome>, exit_code: u8) {
        self.asked += 1;
        match exit_code {
            0 => self.any_right = true,
            code => self.failure = code,
        }
        if let Ok(Outcome { server, exchange, elapsed }) = outcome {
            self.server = server.to_string();
            self.sent_again += usize::from(exchange.retransmissions);
            if is_answered(outcome) {
                self.round_trips.push(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
            }
        }
    }

    /// Returns how many exchanges have ended.
    pub(super) fn asked(&self) -> usize {
        self.asked
    }

    /// Returns 0 if any was answered as it should be, else the code of the last failure.
    pub(super) fn exit_code(&self) -> u8 {
        if self.any_right { 0 } else { self.failure }
    }
}

/// What is said of all exchanges together, also as `--json` prints it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    transport: &'static str,
    server: String,
    service: &'static str,
    asked: usize,
    answered: usize,
    unanswered_percent: f64,
    /// Nothing over TCP: there the stack repeats, and nobody tells us.
    retransmissions: Option<usize>,
    min_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    max_ms: Option<f64>,
    exit_code: u8,
}

impl Summary {
    /// Sums up.
    pub(super) fn of(arguments: &ClientArguments, tally: &Tally) -> Self {
        let mut sorted = tally.round_trips.clone();
        sorted.sort_unstable();
        let ms = |micros: u64| micros as f64 / 1000.0;
        let answered = sorted.len();
        let unanswered = (tally.asked - answered) as f64 / tally.asked.max(1) as f64;
        let over_udp = arguments.transport() == Transport::Udp;
        Summary {
            transport: arguments.transport().name(),
            server: tally.server.clone(),
            service: service_name(arguments.service),
            asked: tally.asked,
            answered,
            unanswered_percent: tenths(unanswered * 100.0),
            retransmissions: over_udp.then_some(tally.sent_again),
            min_ms: sorted.first().copied().map(ms),
            p50_ms: quantile(&sorted, 50).map(ms),
            p95_ms: quantile(&sorted, 95).map(ms),
            max_ms: sorted.last().copied().map(ms),
            exit_code: tally.exit_code(),
        }
    }
}

/// Rounds to tenths, but not to all or to none what is neither.
fn tenths(percent: f64) -> f64 {
    match (percent * 10.0).round() / 10.0 {
        0.0 if percent > 0.0 => 0.1,
        100.0 if percent < 100.0 => 99.9,
        rounded => rounded,
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { asked, answered, unanswered_percent, .. } = self;
        write!(formatter, "{asked} asked, {answered} answered, {unanswered_percent} % unanswered")?;
        match self.retransmissions {
            Some(again) => writeln!(formatter, ", {again} sent again")?,
            None => writeln!(formatter)?,
        }
        match (self.min_ms, self.p50_ms, self.p95_ms, self.max_ms) {
            (Some(least), Some(half), Some(p95), Some(most)) => writeln!(
                formatter,
                "round trip: least {least:.3}, half {half:.3}, 95 % {p95:.3}, most {most:.3} ms"
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use std::time::Duration;

    use super::*;
    use crate::protocol::{Ending, Exchange};

    fn outcome(ending: Ending, retransmissions: u8, ms: u64) -> io::Result<Outcome> {
        let exchange = Exchange { id: 1, attempts: 1 + retransmissions, retransmissions, ending };
        let elapsed = Duration::from_millis(ms);
        Ok(Outcome { server: ([127, 0, 0, 1], 12000).into(), exchange, elapsed })
    }

    fn summary(tally: &Tally, words: &[&str]) -> Summary {
        let arguments = ClientArguments::parse_from([&["client"], words].concat());
        Summary::of(&arguments, tally)
    }

    fn replied() -> Ending {
        Ending::Replied("Server;1".to_owned())
    }

    #[test]
    fn a_summary_counts_what_was_asked_answered_and_repeated() {
        let mut tally = Tally::default();
        for (ms, again) in [(1, 0), (3, 1), (2, 0), (9, 0)] {
            tally.take(&outcome(replied(), again, ms), 0);
        }
        tally.take(&outcome(Ending::TimedOut, 2, 5000), 4);
        let text = "5 asked, 4 answered, 20 % unanswered, 3 sent again\n\
                    round trip: least 1.000, half 2.000, 95 % 9.000, most 9.000 ms\n";
        assert_eq!(summary(&tally, &["--transport", "udp"]).to_string(), text);
        let over_tcp = summary(&tally, &[]).to_string();
        assert!(over_tcp.starts_with("5 asked, 4 answered, 20 % unanswered\n"), "{over_tcp}");
    }

    #[test]
    fn one_right_answer_is_success_and_without_any_the_last_failure_tells() {
        let mut tally = Tally::default();
        tally.take(&outcome(Ending::TimedOut, 0, 5), 4);
        tally.take(&outcome(Ending::Refused, 0, 5), 3);
        assert_eq!(tally.exit_code(), 3);
        assert_eq!(summary(&tally, &[]).to_string(), "2 asked, 0 answered, 100 % unanswered\n");
        tally.take(&outcome(replied(), 0, 5), 0);
        tally.take(&outcome(Ending::Refused, 0, 5), 3);
        assert_eq!(tally.exit_code(), 0);
    }

    #[test]
    fn a_wrong_answer_is_an_answer_but_no_success() {
        let mut tally = Tally::default();
        tally.take(&outcome(Ending::Replied("ERR no".to_owned()), 0, 5), 8);
        assert_eq!((summary(&tally, &[]).answered, tally.exit_code()), (1, 8));
    }
}
