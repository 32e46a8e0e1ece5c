//! How numbers, times and endings are said, in tables and in sentences.

use std::time::Duration;

use super::log::{ExchangeLog, Run};
use crate::protocol::datagram::header::ByeReason;
use crate::protocol::{Closing, Ending};

/// Returns how an exchange ended, with its exit code.
pub fn outcome(one: &ExchangeLog) -> String {
    if one.still_waiting {
        return "still waiting".to_owned();
    }
    let name = match &one.ending {
        Ending::BrokenOff(how) => format!("broken off: {}", how_short(*how)),
        Ending::ServerShutDown(how @ Closing::Bye(ByeReason::Idle)) => {
            format!("{}: silent too long", how_short(*how))
        }
        Ending::ServerShutDown(how) => format!("{}: server gone", how_short(*how)),
        other => other.name().replace('_', " "),
    };
    format!("{name} ({})", one.ending.exit_code())
}

/// More round trips than anyone counts are a wait.
const FEW_TRIPS: u128 = 4;

/// Returns a time, and how many round trips it is if it is a whole number of them.
pub fn in_round_trips(run: &Run, time: Duration) -> String {
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
pub fn of_ms(ms: f64) -> String {
    short(Duration::from_micros((ms * 1000.0).round() as u64))
}

/// Joins what there is, or a dash; long lists are cut, and say so.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let items: Vec<String> = items.into_iter().collect();
    match items.len() {
        0 => "-".to_owned(),
        many if many > SHOWN => format!("{}, ... {many} in all", items[..SHOWN - 2].join(", ")),
        _ => items.join(", "),
    }
}

/// Returns a number with commas between its thousands.
pub fn thousands(number: usize) -> String {
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
pub fn seconds(duration: Duration) -> String {
    let places = if duration < Duration::from_secs(1) { 2 } else { 1 };
    let text = format!("{:.places$}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns how the other end left, in one word.
pub fn how_short(how: Closing) -> &'static str {
    match how {
        Closing::EndOfStream => "FIN",
        Closing::Reset => "RST",
        Closing::GaveUp => "given up",
        Closing::Bye(_) => "BYE",
    }
}

/// `1 time`, `3 times`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
