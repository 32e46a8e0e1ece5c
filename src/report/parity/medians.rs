//! Many runs on two networks: their medians, side by side.

use super::{UNKNOWN, by_cause, heading, titles};
use crate::report::distributions::{Distribution, Distributions};
use crate::report::markdown;
use crate::report::table::{self, grid, row_of};
use crate::scenario::parity::{
    Difference, Fact, MOMENT_OF_MEDIANS, Parity, SHARE_OF_MEDIANS, parity,
};

/// Writes the medians of many runs side by side; marked are those outside their band.
pub fn runs(sim: &Distributions, kernel: &Distributions, full: bool) -> String {
    let mut text = heading(&sim.first, &kernel.first, Some(kernel.runs));
    for (column, found) in medians(sim, kernel).iter().zip(both(sim, kernel)) {
        text.push('\n');
        text.push_str(&grid(rows_of_medians(column, found, full)));
        for note in causes(column) {
            text.push_str(&table::wrap(&note));
        }
    }
    text.push_str(
        "\nEach cell: the median of all runs, and where 5 % to 95 % of them are. Marked with\n\
         *: medians that differ by more than 5 % (and 20 ms, where they are times), with\n\
         what the first seed's records say of it.\n",
    );
    text
}

/// Says for each cause which medians differ; a difference that the first seed does not have comes from
/// the others' luck.
fn causes(column: &Parity) -> Vec<String> {
    let note = |(cause, differences): (&str, Vec<&Difference>)| {
        let names: Vec<&str> = differences.iter().map(|one| one.name).collect();
        let cause = if cause == UNKNOWN { LUCK } else { cause };
        format!("* {}: {cause}", names.join(", "))
    };
    by_cause(column).into_iter().map(note).collect()
}

const LUCK: &str = "not so with the first seed, or for a reason that its records do not show.";

/// Writes the medians of many runs as Markdown.
pub fn runs_in_markdown(sim: &Distributions, kernel: &Distributions, full: bool) -> String {
    let scenario = &sim.first.scenario;
    let mut text = format!("**{}**: {}\n", scenario.name, scenario.question);
    for (column, found) in medians(sim, kernel).iter().zip(both(sim, kernel)) {
        let rows = rows_of_medians(column, found, full);
        text.push_str(&format!("\n{}", markdown::grid(&rows)));
        let notes: String = causes(column).iter().map(|note| format!("\n{note}\n")).collect();
        text.push_str(&notes);
    }
    text + &format!("\n{} seeds; * differs by more than 5 %, times also by 20 ms.\n", kernel.runs)
}

type Distributed = [(&'static str, Distribution)];

/// Returns the numbers of each column that both networks have.
fn both<'a>(
    sim: &'a Distributions,
    kernel: &'a Distributions,
) -> impl Iterator<Item = (&'a Distributed, &'a Distributed)> {
    kernel.columns.iter().filter_map(|(column, numbers)| {
        let found = sim.columns.iter().find(|(other, _)| other.key == column.key)?;
        Some((&found.1[..], &numbers[..]))
    })
}

/// Compares the medians of each column.
pub(super) fn medians(sim: &Distributions, kernel: &Distributions) -> Vec<Parity> {
    let columns = kernel.columns.iter().map(|(column, _)| *column);
    let columns = columns.filter(|one| sim.columns.iter().any(|(other, _)| other.key == one.key));
    let first = parity(&sim.first, &kernel.first);
    columns
        .zip(both(sim, kernel))
        .map(|(column, (sim, kernel))| {
            let mut found =
                Parity { column, same: Vec::new(), differences: Vec::new(), waited: None };
            for (name, here) in sim {
                let Some((_, there)) = kernel.iter().find(|(other, _)| other == name) else {
                    continue;
                };
                if are_medians_alike(name, here.p50, there.p50, exchanges(sim)) {
                    found.same.push(name);
                } else {
                    let (sim, kernel) = (fact(name, here.p50), fact(name, there.p50));
                    let cause = cause_of(&first, column.key, name);
                    found.differences.push(Difference { name, sim, kernel, cause });
                }
            }
            found
        })
        .collect()
}

/// Returns why a number differs in one run on each network, if it does, and if that is known.
fn cause_of(run: &[Parity], column: &str, name: &str) -> Option<&'static str> {
    let found = run.iter().find(|found| found.column.key == column)?;
    found.differences.iter().find(|one| one.name == name)?.cause
}

fn exchanges(numbers: &Distributed) -> f64 {
    let found = numbers.iter().find(|(name, _)| *name == "exchanges");
    found.map_or(0.0, |(_, exchanges)| exchanges.p50)
}

/// Returns whether two medians are the same within their band. Repetitions are compared as
/// transmissions for each request: those that were lost again and again are few.
fn are_medians_alike(name: &str, sim: f64, kernel: f64, exchanges: f64) -> bool {
    let share = match name {
        "retransmissions" => (sim + exchanges) * SHARE_OF_MEDIANS,
        _ => sim.abs() * SHARE_OF_MEDIANS,
    };
    let moment = if name.ends_with("_ms") { MOMENT_OF_MEDIANS } else { 0.0 };
    (sim - kernel).abs() <= share.max(moment)
}

fn fact(name: &str, median: f64) -> Fact {
    match name.ends_with("_ms") || median.fract() != 0.0 {
        true => Fact::Time(median),
        false => Fact::Count(median as usize),
    }
}

fn rows_of_medians(
    column: &Parity,
    (sim, kernel): (&Distributed, &Distributed),
    full: bool,
) -> Vec<Vec<String>> {
    let mut rows = vec![titles(column)];
    for (name, here) in sim.iter().filter(|(name, _)| full || table::TELLING.contains(name)) {
        let Some((_, there)) = kernel.iter().find(|(other, _)| other == name) else { continue };
        let differs = column.differences.iter().any(|one| one.name == *name);
        let label = if differs { format!("{name} *") } else { (*name).to_owned() };
        rows.push(row_of(&label, vec![spread_of(here), spread_of(there)]));
    }
    rows
}

fn spread_of(distribution: &Distribution) -> String {
    let Distribution { p50, p5, p95, .. } = distribution;
    match p5 == p95 && p50 == p5 {
        true => table::number(*p50),
        false => {
            let number = table::number;
            format!("{}, {}..{}", number(*p50), number(*p5), number(*p95))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_alike_within_a_twentieth_or_a_moment() {
        assert!(are_medians_alike("total_ms", 1000.0, 1050.0, 1.0));
        assert!(!are_medians_alike("total_ms", 1000.0, 1051.0, 1.0));
        assert!(are_medians_alike("total_ms", 50.0, 70.0, 1.0));
        assert!(!are_medians_alike("total_ms", 50.0, 71.0, 1.0));
    }

    #[test]
    fn repetitions_are_compared_as_transmissions_for_each_request() {
        assert!(are_medians_alike("retransmissions", 41.0, 37.0, 100.0));
        assert!(!are_medians_alike("retransmissions", 41.0, 33.0, 100.0));
        assert!(!are_medians_alike("packets_lost", 41.0, 37.0, 100.0));
    }
}
