//! Many runs of one scenario, each with a seed of its own: how the numbers are distributed.
//!
//! One seed is an anecdote. What is said of a number here is said of the runs in which there was one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use crate::scenario::Column;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::{NAMES, quantile};

/// How the numbers of many runs are distributed.
#[derive(Debug, Clone)]
pub struct Distributions {
    /// The first of the runs: its conditions are everybody's, but for the seed.
    pub first: Comparison,
    /// How many runs there were.
    pub runs: usize,
    /// For each column, each number that is one.
    pub columns: Vec<(Column, Vec<(&'static str, Distribution)>)>,
}

/// How one number is distributed over the runs that have it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Distribution {
    /// The sum by the number of runs.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// 5 % of the runs are at or below.
    pub p5: f64,
    /// Half of the runs are at or below.
    pub p50: f64,
    /// 95 % of the runs are at or below.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

/// The numbers of one run, column by column, in the order of [`NAMES`].
pub type Numbers = Vec<Vec<Option<f64>>>;

/// Returns the numbers of one run: all that is kept of it.
pub fn numbers(comparison: &Comparison) -> Numbers {
    let column = |run: &Run| {
        let metrics = json::metrics(run);
        NAMES.iter().map(|name| metrics.get(*name)?.as_f64()).collect()
    };
    comparison.runs.iter().map(column).collect()
}

/// Puts the numbers of many runs together; `first` is one of these runs.
pub fn of(first: Comparison, runs: &[Numbers]) -> Distributions {
    let columns = first.runs.iter().enumerate().map(|(index, run)| {
        let numbers = NAMES.iter().enumerate().filter_map(|(place, name)| {
            let values = runs.iter().filter_map(|numbers| numbers[index][place]);
            Some((*name, distribution(values.collect())?))
        });
        (run.column, numbers.collect())
    });
    Distributions { columns: columns.collect(), runs: runs.len(), first }
}

fn distribution(mut values: Vec<f64>) -> Option<Distribution> {
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some(Distribution {
        // Six digits say more than the runs can.
        mean: (mean * 1e6).round() / 1e6,
        min: *values.first()?,
        p5: quantile(&values, 5)?,
        p50: quantile(&values, 50)?,
        p95: quantile(&values, 95)?,
        max: *values.last()?,
    })
}

/// Returns the numbers of one column by their names.
pub(super) fn by_name(numbers: &[(&'static str, Distribution)]) -> BTreeMap<String, Distribution> {
    numbers.iter().map(|(name, distribution)| ((*name).to_owned(), *distribution)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_made_of_what_was_measured() {
        let hundred = distribution((1..=100).map(f64::from).collect()).expect("values");
        assert_eq!((hundred.min, hundred.p5, hundred.p50), (1.0, 5.0, 50.0));
        assert_eq!((hundred.p95, hundred.max, hundred.mean), (95.0, 100.0, 50.5));
        let one = distribution(vec![7.0]).expect("a value");
        assert_eq!((one.min, one.p5, one.max), (7.0, 7.0, 7.0));
        assert_eq!(distribution(Vec::new()), None);
    }
}
