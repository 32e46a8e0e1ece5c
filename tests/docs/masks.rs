//! What differs from run to run, and is therefore not compared.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::renew::is_simulated;

/// Ports that the pages chose, so these are compared.
const CHOSEN: [&str; 2] = ["12000", "12001"];

/// Each pattern, and what stands in place of its `value`. A match without `value` stays as it is,
/// and no other alternative of the pattern looks at it.
const MASKS: [(&str, &str); 8] = [
    // Whose transport layer it is. It also says its shortest retransmission timeout.
    (r"(?<value>\b(?:Linux|Darwin|[A-Z][a-z]*BSD) \d[\d.]*(?:, \w+)?(?:, RTO >= \w+)?)", "STACK"),
    // The system chose the port: behind an address, as an argument, in a sentence.
    (r"(?:(?:\b127\.0\.0\.1|\[?::1\]?|\blocalhost)[: ]|\bport )(?<value>\d{4,5})\b", "PORT"),
    // JSON: times of the day, durations, ids that were drawn, and the stack again.
    (r#""(?:\w+_ms|time|message_id|congestion_control)": ?(?<value>"[^"]*"|\d[\d.]*)"#, "VALUE"),
    // When somebody came, and left.
    (r"\b(?<value>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})\b", "MOMENT"),
    // The seconds at which something was sent: each is drawn, and so many fit before the deadline.
    (r"\b(?<value>0(?:, \d+\.\d)+)\b", "N.N"),
    // Of many exchanges: the unit stands behind the last of the times.
    (r"\b(?:least|half|95 %|most) (?<value>\d+\.\d+)", "TIME"),
    // After how many seconds a SYN was sent again: the unit stands behind the last, too.
    (r"\bSYNs (?<value>\d[\d., ]* s) apart", "TIME"),
    // Durations, whichever unit fits. The default of an option is the same in every run.
    (r"\[default: [^\]]*\]|\b(?<value>\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|min|m|h))\b", "TIME"),
];

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let compiled = MASKS.map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word));
    compiled.into()
});

/// How a line is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// To the letter: what runs on the simulated network prints the same everywhere.
    Exact,
    /// Without what differs from run to run.
    Masked,
}

impl Reading {
    pub(crate) fn of(command: &str) -> Self {
        if is_simulated(command) { Reading::Exact } else { Reading::Masked }
    }

    /// Returns a line as it is compared.
    pub(crate) fn compared(self, line: &str) -> String {
        match self {
            Reading::Exact => line.trim_end().to_owned(),
            Reading::Masked => masked(line),
        }
    }
}

/// Returns a line masked, and with single spaces.
fn masked(line: &str) -> String {
    let mut line = line.to_owned();
    for (pattern, word) in PATTERNS.iter() {
        line = pattern.replace_all(&line, |found: &Captures| replaced(found, word)).into_owned();
    }
    single_spaced(&line)
}

/// Returns a line without the width of its columns: what is masked moves its neighbours.
fn single_spaced(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let indentation = if line.starts_with(char::is_whitespace) { " " } else { "" };
    format!("{indentation}{}", words.join(" ")).trim_end().to_owned()
}

fn replaced(found: &Captures, word: &str) -> String {
    let all = found.get_match();
    match found.name("value") {
        Some(value) if !CHOSEN.contains(&value.as_str()) => {
            let (start, end) = (value.start() - all.start(), value.end() - all.start());
            format!("{}{word}{}", &all.as_str()[..start], &all.as_str()[end..])
        }
        _ => all.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn masks(line: &str, expected: &str) {
        assert_eq!(masked(line), expected);
    }

    #[test]
    fn ports_that_the_system_chose() {
        masks("tcp 127.0.0.1:54321 connected", "tcp 127.0.0.1:PORT connected");
        masks("udp [::1]:54321 connected", "udp [::1]:PORT connected");
        masks("client --number 25 127.0.0.1 40517", "client --number 25 127.0.0.1 PORT");
        masks("Stopped, port 40517 is free", "Stopped, port PORT is free");
        masks("on this computer (127.0.0.1:43351) ==", "on this computer (127.0.0.1:PORT) ==");
    }

    #[test]
    fn ports_that_the_page_chose_are_compared() {
        masks("tcp 127.0.0.1:12000 and port 12001", "tcp 127.0.0.1:12000 and port 12001");
        masks("client 127.0.0.1 12000", "client 127.0.0.1 12000");
    }

    #[test]
    fn durations_whatever_their_unit() {
        masks("after   0.24 ms, 51 ms, 10.0 s, 2m.", "after TIME, TIME, TIME, TIME.");
        masks("10 questions, 3 segments, sent at (s)", "10 questions, 3 segments, sent at (s)");
    }

    #[test]
    fn the_default_of_an_option_is_compared() {
        masks("for 5s [default: 5s]", "for TIME [default: 5s]");
    }

    #[test]
    fn times_of_many_exchanges() {
        let line = "round trip: least 0.5, half 0.6, 95 % 1.2, most 3.1 ms";
        masks(line, "round trip: least TIME, half TIME, 95 % TIME, most TIME ms");
    }

    #[test]
    fn moments_of_coming_and_leaving() {
        let line = "Client01 connected at 2025-02-08 20:10:10.439015 UTC";
        masks(line, "Client01 connected at MOMENT UTC");
    }

    #[test]
    fn moments_of_sending() {
        masks("  sent at (s)   0    0, 1.0, 3.1, 7.2", " sent at (s) 0 N.N");
    }

    #[test]
    fn repetitions_of_a_syn() {
        let line = "measured here: SYNs 1.02, 1 s apart; RTO >= 204 ms";
        masks(line, "measured here: SYNs TIME apart; RTO >= TIME");
    }

    #[test]
    fn the_stack_of_this_computer() {
        let expected = "loopback | STACK | seed 1, deadline TIME";
        masks("loopback | Linux 6.18, bbr, RTO >= 200ms | seed 1, deadline 10s", expected);
        masks("loopback | Darwin 24.1 | seed 1, deadline 10s", expected);
    }

    #[test]
    fn json_without_its_times_and_ids() {
        masks(
            r#"{"time":"2026-11-21T13:49:21.017Z","message_id":1500050141,"sum":75}"#,
            r#"{"time":VALUE,"message_id":VALUE,"sum":75}"#,
        );
        masks(r#"  "first_reply_ms": 0.571,"#, r#" "first_reply_ms": VALUE,"#);
        masks(r#""message_id":null,"elapsed_ms":null"#, r#""message_id":null,"elapsed_ms":null"#);
    }

    #[test]
    fn columns_have_no_width_and_lines_no_spaces_at_their_end() {
        masks("   a    b  ", " a b");
        masks("   ", "");
    }
}
