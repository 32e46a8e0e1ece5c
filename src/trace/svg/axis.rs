//! From time to pixels: how far apart two moments stand, and where time is folded.

use std::time::Duration;

/// As long as a packet usually is under way, so far down does its arrow go.
const FLIGHT: f64 = 36.0;

/// Two moments that differ stand at least so far apart.
const LEAST: f64 = 5.0;

/// Idle time that would take more room than this is folded...
const MOST: f64 = 110.0;

/// ...to this much.
const FOLD: f64 = 56.0;

/// If nothing ever arrives: the delay of our wire unless told otherwise.
const USUAL_FLIGHT: Duration = Duration::from_millis(25);

/// A scale of time.
#[derive(Debug)]
pub(super) struct Axis {
    /// Pixels for a second.
    scale: f64,
}

/// The room between two moments.
#[derive(Debug, PartialEq)]
pub(super) enum Gap {
    /// To scale.
    Plain(f64),
    /// Less than that.
    Folded(f64),
}

impl Axis {
    /// Chooses a scale for packets that were under way for so long.
    pub(super) fn for_flights(mut flights: Vec<Duration>) -> Self {
        flights.retain(|flight| !flight.is_zero());
        flights.sort();
        let median = flights.get(flights.len() / 2).copied().unwrap_or(USUAL_FLIGHT);
        Axis { scale: FLIGHT / median.as_secs_f64() }
    }

    /// Returns the room for a time in which nothing happens.
    pub(super) fn gap(&self, time: Duration) -> Gap {
        let room = self.scale * time.as_secs_f64();
        if room > MOST { Gap::Folded(FOLD) } else { Gap::Plain(room.max(LEAST)) }
    }
}

/// The distance between the marks of a linear axis up to `end`: 1, 2 or 5 times a power of ten, with
/// at most ten of them.
pub(super) fn step(end: Duration) -> Duration {
    let mut power = Duration::from_millis(1);
    loop {
        for times in [1, 2, 5] {
            if power * times * 10 >= end {
                return power * times;
            }
        }
        power *= 10;
    }
}

/// Writes a time span with the digits that it needs: `25 ms`, `975 ms`, `1.0 s`, `183.0 s`.
pub(super) fn span(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..1_000 => format!("{micros} µs"),
        micros @ ..1_000_000 => format!("{} ms", micros / 1_000),
        micros => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_usual_flight_is_drawn_and_a_second_is_folded() {
        let axis = Axis::for_flights(vec![ms(25), ms(25), ms(500)]);
        assert_eq!(axis.gap(ms(25)), Gap::Plain(FLIGHT));
        assert_eq!(axis.gap(ms(1_000)), Gap::Folded(FOLD));
        assert_eq!(axis.gap(Duration::from_micros(1)), Gap::Plain(LEAST));
    }

    #[test]
    fn marks_stand_at_round_numbers() {
        let steps = [ms(7), ms(10_000), ms(63_000), ms(183_000)].map(step);
        assert_eq!(steps, [ms(1), ms(1_000), ms(10_000), ms(20_000)]);
    }

    #[test]
    fn time_spans_are_short() {
        assert_eq!(
            [ms(25), ms(975), ms(1_050), ms(183_000)].map(span),
            ["25 ms", "975 ms", "1.0 s", "183.0 s"]
        );
    }
}
