//! The options of the wire, as typed: for both directions, or for one (`c2s:10%`).

use std::time::Duration;

use clap::Args;

use crate::cli;
use crate::scenario::wiring::{WayChoices, WireChoices};
use crate::wire::{Direction, Fault, Rule, What};

const WIRE: &str = "The wire (both ways, or one: c2s:VALUE to the server, s2c:VALUE back)";

/// A value for both directions, or for one of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way<T> {
    direction: Option<Direction>,
    value: T,
}

/// What the wire does. Each may be given twice, once for each direction.
#[derive(Debug, Clone, Args)]
pub struct WireOptions {
    /// Lose so many packets, such as 10% or c2s:10%
    #[arg(long, value_name = "PERCENT", value_parser = way(percent), help_heading = WIRE)]
    pub loss: Vec<Way<f64>>,

    /// Packets are under way for so long, in whole milliseconds [default: 25ms]
    #[arg(long, value_name = "DURATION", value_parser = way(milliseconds), help_heading = WIRE)]
    pub delay: Vec<Way<Duration>>,

    /// Up to so much longer, drawn for each packet; their order is kept
    #[arg(long, value_name = "DURATION", value_parser = way(milliseconds), help_heading = WIRE)]
    pub jitter: Vec<Way<Duration>>,

    /// So many packets arrive twice
    #[arg(long, value_name = "PERCENT", value_parser = way(percent), help_heading = WIRE)]
    pub duplicate: Vec<Way<f64>>,

    /// So many packets are held back for 30 ms, and overtaken
    #[arg(long, value_name = "PERCENT", value_parser = way(percent), help_heading = WIRE)]
    pub reorder: Vec<Way<f64>>,

    /// Bits a second, such as 10mbit
    #[arg(long, value_name = "RATE", value_parser = way(rate), help_heading = WIRE)]
    pub rate: Vec<Way<u64>>,

    /// Bytes that may wait for their turn at that rate, such as 64kb [default: 64kb]
    #[arg(long, value_name = "BYTES", value_parser = way(bytes), help_heading = WIRE)]
    pub queue: Vec<Way<usize>>,

    /// Lose this packet: c2s:3, request:1, reply:1, syn, synack, fin or bye; repeatable
    #[arg(long, value_name = "WHAT", help_heading = EXACT)]
    pub drop: Vec<What>,

    /// Deliver this packet twice
    #[arg(long, value_name = "WHAT", help_heading = EXACT)]
    pub dup: Vec<What>,

    /// Deliver this packet so much later: request:1=5s
    #[arg(long, value_name = "WHAT=DURATION", value_parser = hold, help_heading = EXACT)]
    pub hold: Vec<(What, Duration)>,
}

const EXACT: &str = "Exact faults, in place of the scenario's own";

/// The longest delay that makes sense here; the scenarios' limits are minutes.
const LONGEST: Duration = Duration::from_secs(60);

impl WireOptions {
    /// Returns what was chosen.
    pub fn choices(&self) -> WireChoices {
        let mut choices = WireChoices::default();
        set(&mut choices, &self.loss, |way, value| way.loss = Some(value));
        set(&mut choices, &self.delay, |way, value| way.delay = Some(value));
        set(&mut choices, &self.jitter, |way, value| way.jitter = Some(value));
        set(&mut choices, &self.duplicate, |way, value| way.duplicate = Some(value));
        set(&mut choices, &self.reorder, |way, value| way.reorder = Some(value));
        set(&mut choices, &self.rate, |way, value| way.rate = Some(value));
        set(&mut choices, &self.queue, |way, value| way.queue = Some(value));
        let rule = |fault| move |what: &What| Rule { fault, what: *what };
        choices.rules.extend(self.drop.iter().map(rule(Fault::Drop)));
        choices.rules.extend(self.dup.iter().map(rule(Fault::Duplicate)));
        let held = |(what, by): &(What, Duration)| Rule { fault: Fault::Hold(*by), what: *what };
        choices.rules.extend(self.hold.iter().map(held));
        choices
    }

    /// Returns the first option that was given, if one was.
    pub fn given(&self) -> Option<&'static str> {
        let options = [
            ("--loss", self.loss.is_empty()),
            ("--delay", self.delay.is_empty()),
            ("--jitter", self.jitter.is_empty()),
            ("--duplicate", self.duplicate.is_empty()),
            ("--reorder", self.reorder.is_empty()),
            ("--rate", self.rate.is_empty()),
            ("--queue", self.queue.is_empty()),
            ("--drop", self.drop.is_empty()),
            ("--dup", self.dup.is_empty()),
            ("--hold", self.hold.is_empty()),
        ];
        options.into_iter().find(|(_, absent)| !absent).map(|(name, _)| name)
    }
}

fn set<T: Copy>(choices: &mut WireChoices, given: &[Way<T>], put: impl Fn(&mut WayChoices, T)) {
    for Way { direction, value } in given {
        for way in [Direction::ClientToServer, Direction::ServerToClient] {
            if direction.is_none_or(|only| only == way) {
                put(choices.way(way), *value);
            }
        }
    }
}

/// Makes a parser of values into one that also takes a direction.
fn way<T>(
    value: fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Way<T>, String> + Clone + Send + Sync + 'static
where
    T: 'static,
{
    move |text| {
        let (direction, rest) = match text.split_once(':') {
            Some(("c2s", rest)) => (Some(Direction::ClientToServer), rest),
            Some(("s2c", rest)) => (Some(Direction::ServerToClient), rest),
            Some(_) => return Err("the directions are c2s: and s2c:".to_owned()),
            None => (None, text),
        };
        Ok(Way { direction, value: value(rest)? })
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let wrong = || "must be a percentage from 0% to 100%, such as 10%".to_owned();
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let value: f64 = number.trim().parse().map_err(|_| wrong())?;
    match (0.0..=100.0).contains(&value) {
        true => Ok(value / 100.0),
        false => Err(wrong()),
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let duration = cli::duration(text)?;
    if duration.subsec_nanos() % 1_000_000 != 0 {
        return Err("must be whole milliseconds: the simulated programs' clock has no finer".into());
    }
    match duration <= LONGEST {
        true => Ok(duration),
        false => Err("must be a minute at most".to_owned()),
    }
}

fn hold(text: &str) -> Result<(What, Duration), String> {
    let wrong = || "name a packet and a time: request:1=5s".to_owned();
    let (what, by) = text.split_once('=').ok_or_else(wrong)?;
    Ok((what.parse()?, milliseconds(by)?))
}

fn rate(text: &str) -> Result<u64, String> {
    let units = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];
    let wrong = "must be a rate such as 10mbit, 256kbit or 9600bit";
    match scaled(text, &units) {
        // Slower than this, and even a small packet takes minutes.
        Some(rate) if rate >= 1_000 => Ok(rate),
        Some(_) => Err("must be 1kbit at least".to_owned()),
        None => Err(wrong.to_owned()),
    }
}

fn bytes(text: &str) -> Result<usize, String> {
    let units = [("mb", 1024 * 1024), ("kb", 1024), ("b", 1), ("", 1)];
    scaled(text, &units)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "must be a size such as 64kb or 3000".to_owned())
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, scale) =
        units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))?;
    number.trim().parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_for_both_ways_or_for_one() {
        let loss = way(percent);
        assert_eq!(loss("10%"), Ok(Way { direction: None, value: 0.1 }));
        let there = Some(Direction::ClientToServer);
        assert_eq!(loss("c2s:10%"), Ok(Way { direction: there, value: 0.1 }));
        assert!(loss("up:10%").is_err() && loss("10").is_err() && loss("101%").is_err());
        assert!(loss("-1%").is_err() && loss("nan%").is_err());
    }

    #[test]
    fn rates_and_sizes_have_units() {
        assert_eq!(rate("10mbit"), Ok(10_000_000));
        assert_eq!(rate("256Kbit"), Ok(256_000));
        assert!(rate("10").is_err() && rate("0mbit").is_err() && rate("-1bit").is_err());
        assert_eq!((bytes("64kb"), bytes("3000")), (Ok(65_536), Ok(3_000)));
        assert!(bytes("99999999999mb").is_err() || cfg!(target_pointer_width = "64"));
    }

    #[test]
    fn times_are_whole_milliseconds() {
        assert!(milliseconds("25ms").is_ok() && milliseconds("0ms").is_ok());
        assert!(milliseconds("100us").is_err() && milliseconds("2m").is_err());
        assert_eq!(hold("request:1=5s"), Ok((What::Request(1), Duration::from_secs(5))));
        assert!(hold("request:1").is_err() && hold("request:0=5s").is_err());
    }
}
