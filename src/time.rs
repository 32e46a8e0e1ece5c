//! Time as the rest of the crate sees it: a [`Timestamp`] that is handed in.
//!
//! Nothing but [`Clock`] asks what time it is. Because of this a two-second timeout is tested in
//! no time at all, and the same code runs under a simulated clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::{Duration, SystemTime};

/// A moment, as the time since the run began. Microsecond resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment the run began.
    pub const ZERO: Timestamp = Timestamp(0);

    /// The moment `milliseconds` after the run began.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Timestamp(milliseconds * 1_000)
    }

    /// The moment `microseconds` after the run began.
    pub const fn from_micros(microseconds: u64) -> Self {
        Timestamp(microseconds)
    }

    /// Microseconds since the run began.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to this moment; zero if `earlier` is in fact later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(microseconds))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Timestamp) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    /// Seconds with three decimals, as a ladder prints them: `1.095`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:03}", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}

/// Returns the earlier of two deadlines, where `None` means "never".
pub fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The only reader of a clock. Copies of it agree on when the run began.
///
/// It asks tokio's clock, so a paused runtime gives virtual time to everything above.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: tokio::time::Instant,
    wall_origin: SystemTime,
}

impl Clock {
    /// Starts the run now. Call it inside the runtime whose time is meant.
    #[expect(clippy::disallowed_methods, reason = "the clock is where time is read")]
    pub fn start() -> Self {
        Clock { origin: tokio::time::Instant::now(), wall_origin: SystemTime::now() }
    }

    /// Returns the present moment.
    #[expect(clippy::disallowed_methods, reason = "the clock is where time is read")]
    pub fn now(&self) -> Timestamp {
        Timestamp::ZERO + tokio::time::Instant::now().saturating_duration_since(self.origin)
    }

    /// Waits until `moment`; returns at once if it has passed.
    pub fn sleep_until(&self, moment: Timestamp) -> tokio::time::Sleep {
        tokio::time::sleep_until(self.origin + moment.since(Timestamp::ZERO))
    }

    /// Returns the moment of a calendar time, as another process on this computer wrote it.
    pub fn moment(&self, calendar: SystemTime) -> Timestamp {
        Timestamp::ZERO + calendar.duration_since(self.wall_origin).unwrap_or_default()
    }

    /// Returns the calendar time of `moment`, for transcripts.
    pub fn calendar(&self, moment: Timestamp) -> SystemTime {
        self.wall_origin + moment.since(Timestamp::ZERO)
    }
}

/// What the calendar says at each moment: handed to those who may not ask a clock.
#[derive(Debug, Clone, Copy)]
pub struct Calendar {
    origin: SystemTime,
}

impl Calendar {
    /// The calendar of the clock's run.
    pub const fn of(clock: &Clock) -> Self {
        Calendar { origin: clock.wall_origin }
    }

    /// A calendar on which the run began at `origin`.
    pub const fn from(origin: SystemTime) -> Self {
        Calendar { origin }
    }

    /// Writes a moment as people read it, in UTC: `2025-02-08 20:08:47.904069 UTC`.
    pub fn write(&self, moment: Timestamp) -> String {
        written(self.origin + moment.since(Timestamp::ZERO))
    }
}

/// Writes a calendar time as people read it, in UTC.
pub fn written(at: SystemTime) -> String {
    let text = humantime::format_rfc3339_micros(at).to_string();
    format!("{} UTC", text.trim_end_matches('Z').replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_seconds_with_milliseconds() {
        assert_eq!(Timestamp::from_micros(1_095_700).to_string(), "1.095");
    }

    #[test]
    fn time_before_the_beginning_is_no_time() {
        assert_eq!(Timestamp::ZERO.since(Timestamp::from_millis(5)), Duration::ZERO);
    }

    #[test]
    fn never_is_later_than_any_deadline() {
        let soon = Some(Timestamp::from_millis(1));
        assert_eq!(earlier(None, soon), soon);
        assert_eq!(earlier(Some(Timestamp::from_millis(2)), soon), soon);
        assert_eq!(earlier(None, None), None);
    }
}
