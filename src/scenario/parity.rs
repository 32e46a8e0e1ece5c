//! Two stacks held against each other: the same scenario, settings and seed on the simulated network
//! and on the kernel's.
//!
//! What is counted must be equal; times in a real kernel are within a band. What differs is listed
//! with its cause, if one is known: `causes` has the table of them, each with the evidence that it
//! asks of the two records.

mod causes;
mod evidence;
mod quantities;

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::Column;
use super::log::{Comparison, Run};
use super::words::{list, of_ms, thousands};
use evidence::Evidence;
use quantities::{Measured, QUANTITIES};

/// One column on both networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Parity {
    /// Which.
    pub column: Column,
    /// The names of what is the same, times within their band.
    pub same: Vec<&'static str>,
    /// What is not.
    pub differences: Vec<Difference>,
    /// How long the kernel's packets and programs waited for this computer, in all; nothing of many
    /// runs.
    pub waited: Option<Duration>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What: the name of a number of the report, or `outcomes`, `lost_c2s`, `lost_s2c`.
    pub name: &'static str,
    /// What the simulation says.
    pub sim: Fact,
    /// What the kernel says.
    pub kernel: Fact,
    /// Why, if that is known.
    pub cause: Option<&'static str>,
}

/// Something that was counted, measured or seen.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Fact {
    /// There is none.
    Nothing,
    /// Something that is counted, and must be equal.
    Count(usize),
    /// Milliseconds, which must be within a band.
    Time(f64),
    /// Something with a name.
    Words(String),
    /// Packets, by their numbers in one direction.
    Packets(Vec<u64>),
}

/// A time of the kernel is that of the simulation if they are this near, as a share of the
/// simulation's: Linux's timers go off up to an eighth late (its timer wheel), and programs wait for
/// their turn.
pub const SHARE: f64 = 0.3;

/// And however short: what a turn of the processor takes, several times.
pub const MOMENT: f64 = 15.0; // ms

/// Of two networks, the medians over many seeds are the same within this share of the simulation's.
pub const SHARE_OF_MEDIANS: f64 = 0.05;

/// And however short.
pub const MOMENT_OF_MEDIANS: f64 = 20.0; // ms

/// Compares column by column; a column that only one of the networks has is left out.
pub fn parity(sim: &Comparison, kernel: &Comparison) -> Vec<Parity> {
    let both = kernel.runs.iter().filter_map(|run| Some((sim.column(run.column.key)?, run)));
    both.map(|(simulated, real)| of_column(simulated, real, kernel)).collect()
}

fn of_column(sim: &Run, kernel: &Run, comparison: &Comparison) -> Parity {
    let (measured, real) = (Measured::of(sim), Measured::of(kernel));
    let evidence = Evidence::of(sim, kernel, comparison);
    let mut found = Parity {
        column: kernel.column,
        same: Vec::new(),
        differences: Vec::new(),
        waited: Some(evidence.waited()),
    };
    for quantity in QUANTITIES {
        let Some((sim_has, kernel_has)) = (quantity.of)(&measured).zip((quantity.of)(&real)) else {
            continue;
        };
        if sim_has == Fact::Nothing && kernel_has == Fact::Nothing {
            continue;
        }
        if sim_has.is_alike(&kernel_has) {
            found.same.push(quantity.name);
            continue;
        }
        let cause = causes::of(quantity.name, &sim_has, &kernel_has, &evidence);
        let name = quantity.name;
        found.differences.push(Difference { name, sim: sim_has, kernel: kernel_has, cause });
    }
    found
}

impl Fact {
    /// Returns whether the kernel's fact is this one of the simulation: times within their band.
    pub fn is_alike(&self, kernel: &Fact) -> bool {
        match (self, kernel) {
            (Fact::Time(sim), Fact::Time(kernel)) => {
                (sim - kernel).abs() <= (sim * SHARE).max(MOMENT)
            }
            _ => self == kernel,
        }
    }

    /// Returns the number that it is, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Fact::Count(count) => Some(*count as f64),
            Fact::Time(time) => Some(*time),
            Fact::Packets(packets) => Some(packets.len() as f64),
            Fact::Nothing | Fact::Words(_) => None,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Nothing => formatter.write_str("-"),
            Fact::Count(count) => formatter.write_str(&thousands(*count)),
            Fact::Time(time) => formatter.write_str(&of_ms(*time)),
            Fact::Words(words) => formatter.write_str(words),
            Fact::Packets(packets) => {
                formatter.write_str(&list(packets.iter().map(u64::to_string)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_equal_or_it_is_not() {
        assert!(Fact::Count(3).is_alike(&Fact::Count(3)));
        assert!(!Fact::Count(100).is_alike(&Fact::Count(101)));
        assert!(!Fact::Count(0).is_alike(&Fact::Nothing));
        assert!(!Fact::Packets(vec![1, 2]).is_alike(&Fact::Packets(vec![1, 3])));
    }

    #[test]
    fn times_are_alike_within_a_third_or_a_moment() {
        assert!(Fact::Time(100.0).is_alike(&Fact::Time(130.0)));
        assert!(!Fact::Time(100.0).is_alike(&Fact::Time(131.0)));
        assert!(!Fact::Time(100.0).is_alike(&Fact::Time(69.0)));
        assert!(Fact::Time(0.5).is_alike(&Fact::Time(15.0)));
        assert!(!Fact::Time(0.5).is_alike(&Fact::Time(16.0)));
    }
}
