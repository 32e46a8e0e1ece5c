//! One scenario on two networks, side by side: what the simulation and the kernel have in common, what
//! differs, and why. `medians` does so for many runs.

mod medians;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::conditions::{measured_here, network, stack};
use super::distributions::{Distribution, Distributions};
use super::json::{self, Report};
use super::table::{body, grid, row_of, spread, wrap};
use super::{markdown, table};
use crate::scenario::log::Comparison;
use crate::scenario::metrics::{Metrics, ms};
use crate::scenario::parity::{Difference, Fact, Parity, parity};
use medians::medians;
pub use medians::{runs, runs_in_markdown};

/// One scenario on both networks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ParityReport<Numbers> {
    /// The scenario's id.
    scenario: &'static str,
    /// For each column the names of what is the same, times within their band.
    same: BTreeMap<&'static str, Vec<&'static str>>,
    /// What is not.
    differences: Vec<DifferenceReport>,
    /// For each column how long the kernel's packets and programs waited for this computer, in all:
    /// so much longer its times may be. Empty of several runs.
    waited_ms: BTreeMap<&'static str, f64>,
    /// What the simulation says.
    sim: Report<Numbers>,
    /// What the kernel says.
    kernel: Report<Numbers>,
}

/// Something that differs between the two networks; of several runs, a median.
#[derive(Debug, Serialize, JsonSchema)]
struct DifferenceReport {
    /// The key of the column.
    column: &'static str,
    /// What: the name of a number, or `outcomes`, `lost_c2s`, `lost_s2c`.
    name: &'static str,
    /// What the simulation says.
    sim: Fact,
    /// What the kernel says.
    kernel: Fact,
    /// Why, if that is known; of several runs as the first seed's records say it.
    cause: Option<&'static str>,
}

/// What is said where a difference has no cause in the table of causes.
const UNKNOWN: &str = "No cause known: please look, with --ladder.";

/// Writes both networks side by side, for an 80-column screen; with every number if `full`.
pub fn render(sim: &Comparison, kernel: &Comparison, full: bool) -> String {
    let mut text = heading(sim, kernel, None);
    for column in parity(sim, kernel) {
        text.push('\n');
        text.push_str(&grid(side_by_side(sim, kernel, &column, full)));
        text.push_str(&in_words(&column));
    }
    text
}

/// Writes both networks side by side as Markdown.
pub fn in_markdown(sim: &Comparison, kernel: &Comparison, full: bool, reproduce: &str) -> String {
    let scenario = &sim.scenario;
    let mut text = format!("**{}**: {}\n\n", scenario.name, scenario.question);
    for line in conditions(sim, kernel) {
        text.push_str(&format!("- {line}\n"));
    }
    for column in parity(sim, kernel) {
        let rows = side_by_side(sim, kernel, &column, full);
        text.push_str(&format!("\n{}\n{}\n", markdown::grid(&rows), said_to_be_same(&column)));
        for (cause, differences) in by_cause(&column) {
            let differences: Vec<String> = differences.into_iter().map(in_short).collect();
            text.push_str(&format!("- {}: {cause}\n", differences.join("; ")));
        }
    }
    text + &format!("\n`{reproduce}`\n")
}

/// Writes one run on each network, for programs.
pub fn object(sim: &Comparison, kernel: &Comparison, reproduce: &str) -> Value {
    let columns = parity(sim, kernel);
    let of = |comparison| json::one(comparison, reproduce);
    json::value(&report(sim, &columns, of(sim), of(kernel)))
}

/// Writes many runs on each network, for programs.
pub fn runs_object(sim: &Distributions, kernel: &Distributions, reproduce: &str) -> Value {
    let columns = medians(sim, kernel);
    let of = |found| json::many(found, reproduce);
    json::value(&report(&sim.first, &columns, of(sim), of(kernel)))
}

fn report<Numbers>(
    comparison: &Comparison,
    columns: &[Parity],
    sim: Report<Numbers>,
    kernel: Report<Numbers>,
) -> ParityReport<Numbers> {
    let of_column = |found: &Parity| {
        let column = found.column.key;
        let all = found.differences.clone().into_iter();
        all.map(move |Difference { name, sim, kernel, cause }| DifferenceReport {
            column,
            name,
            sim,
            kernel,
            cause,
        })
    };
    ParityReport {
        scenario: comparison.scenario.name,
        same: columns.iter().map(|found| (found.column.key, found.same.clone())).collect(),
        differences: columns.iter().flat_map(of_column).collect(),
        waited_ms: columns.iter().filter_map(|it| Some((it.column.key, ms(it.waited?)))).collect(),
        sim,
        kernel,
    }
}

fn heading(sim: &Comparison, kernel: &Comparison, runs: Option<usize>) -> String {
    let question = format!("{}: {}", sim.scenario.name, sim.scenario.question);
    let seed = format!("seed {}", sim.settings.server.seed);
    let right = runs.map_or(seed, |runs| format!("{runs} seeds"));
    let first = match question.chars().count() + right.len() < usize::from(table::WIDTH) {
        true => spread(&question, &right) + "\n",
        false => wrap(&format!("{question} ({right})")),
    };
    conditions(sim, kernel).iter().fold(first, |text, line| text + &wrap(line))
}

/// Returns the wire, which is the same, and whose TCP and UDP it joined.
fn conditions(sim: &Comparison, kernel: &Comparison) -> [String; 3] {
    let measured = kernel.measured.as_ref();
    let measured = measured.map_or(String::new(), |it| format!("; {}", measured_here(it)));
    [
        network(sim),
        format!("simulation: {}", stack(&sim.stack)),
        format!("kernel: {}{measured}", stack(&kernel.stack)),
    ]
}

/// Returns the scenario's own rows of one column, with a cell for each network.
fn side_by_side(
    sim: &Comparison,
    kernel: &Comparison,
    found: &Parity,
    full: bool,
) -> Vec<Vec<String>> {
    let mut rows = vec![titles(found)];
    let place = |comparison: &Comparison| {
        let at = comparison.runs.iter().position(|run| run.column.key == found.column.key);
        at.unwrap_or_default() + 1
    };
    let (at_sim, at_kernel) = (place(sim), place(kernel));
    let both = body(sim, full).into_iter().zip(body(kernel, full));
    rows.extend(both.map(|(sim, kernel)| {
        let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
        vec![cell(&sim, 0), cell(&sim, at_sim), cell(&kernel, at_kernel)]
    }));
    rows
}

fn titles(found: &Parity) -> Vec<String> {
    vec![found.column.title.to_owned(), "simulation".to_owned(), "kernel".to_owned()]
}

/// Says what is the same, and what differs, cause by cause.
fn in_words(found: &Parity) -> String {
    let mut text = wrap(&said_to_be_same(found));
    for (cause, differences) in by_cause(found) {
        text.push_str(&grid(differences.into_iter().map(|one| row(one, "differs: ")).collect()));
        text.push_str(&wrap(cause));
    }
    text
}

fn said_to_be_same(found: &Parity) -> String {
    match found.differences.is_empty() {
        true => "The same on both.".to_owned(),
        false => format!("The same: {}.", found.same.join(", ")),
    }
}

fn row(difference: &Difference, before: &str) -> Vec<String> {
    let label = format!("{before}{}", difference.name);
    row_of(&label, vec![difference.sim.to_string(), difference.kernel.to_string()])
}

fn in_short(difference: &Difference) -> String {
    format!("{} {}, {}", difference.name, difference.sim, difference.kernel)
}

/// Returns the differences by their causes, in the order in which the causes first appear.
fn by_cause(found: &Parity) -> Vec<(&'static str, Vec<&Difference>)> {
    let mut groups: Vec<(&str, Vec<&Difference>)> = Vec::new();
    for one in &found.differences {
        let cause = one.cause.unwrap_or(UNKNOWN);
        match groups.iter_mut().find(|(other, _)| *other == cause) {
            Some((_, differences)) => differences.push(one),
            None => groups.push((cause, vec![one])),
        }
    }
    groups
}

/// A report of one run on each network.
pub type OfOneRun = ParityReport<Metrics>;

/// A report of many runs on each network.
pub type OfManyRuns = ParityReport<BTreeMap<String, Distribution>>;
