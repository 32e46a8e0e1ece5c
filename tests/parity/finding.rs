//! What is found where the two networks differ by more than they may.

use std::fmt;

use serde_json::Value;
use socklab::scenario::parity::{MOMENT as MOMENT_OF_SINGLE, SHARE as SHARE_OF_SINGLE};

use crate::exceptions::Exception;
use crate::running::Compared;

/// Over UDP these are equal, run by run.
const EQUAL_OVER_UDP: &[&str] = &[
    "outcomes",
    "agreed",
    "executions",
    "attempts",
    "retransmissions",
    "packets_c2s",
    "packets_s2c",
    "lost_c2s",
    "lost_s2c",
];

/// Over UDP the counts among them, over many runs.
pub(crate) const EQUAL_AS_COUNTS: &[&str] = &[
    "agreed",
    "failed",
    "executions",
    "attempts",
    "retransmissions",
    "packets_c2s",
    "packets_s2c",
    "packets_lost",
];

/// And these over TCP.
const EQUAL_OVER_TCP: &[&str] = &["outcomes", "agreed", "executions"];

/// Medians are the same within this share of the simulation's,
pub(crate) const SHARE: f64 = 0.05;

/// or, if they are times, this moment.
pub(crate) const MOMENT: f64 = 20.0; // ms

/// Where one acknowledgement more gives every later packet other luck, the two medians are of two
/// samples, and the times of `loss` lie between 22 and 92 s: of two samples of 20 drawn from the same
/// runs, in one case of ten the medians are a fifth apart, in one of a hundred a third.
const WIDER: &[(&str, &str, f64)] = &[("loss", "median of total_ms", 0.35)];

/// Two networks differ by more than they may.
#[derive(Debug)]
pub(crate) struct Finding {
    scenario: &'static str,
    column: String,
    /// The name of a number; `median of ...` where many runs are compared.
    name: String,
    what: String,
}

impl Finding {
    /// Something of a column of a scenario.
    pub(crate) fn new(scenario: &'static str, column: &str, name: &str, what: String) -> Self {
        Finding { scenario, column: column.to_owned(), name: name.to_owned(), what }
    }

    /// Returns whether an exception names it.
    pub(crate) fn is_covered_by(&self, exception: &Exception) -> bool {
        exception.scenarios.contains(&self.scenario)
            && self.column.starts_with(exception.column)
            && exception.names.contains(&self.name.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { scenario, column, name, what } = self;
        write!(formatter, "{scenario} {column} {name}: {what}")
    }
}

/// Returns what of a scenario is not as it must be.
pub(crate) fn findings(compared: &Compared) -> Vec<Finding> {
    let mut found = Vec::new();
    let kernel = compared.documents[0]["kernel"].as_object().expect("a report");
    let sim = &compared.documents[0]["sim"];
    let is_column = |key: &&String| sim[key.as_str()].get("retransmitted_by").is_some();
    for column in kernel.keys().filter(is_column) {
        found.extend(of_single_runs(compared, column));
        if column.starts_with("tcp") {
            found.extend(of_medians(compared, column));
        }
    }
    found
}

/// Returns what differs from run to run: what must be equal in one of them, times in most of them.
fn of_single_runs(compared: &Compared, column: &str) -> Vec<Finding> {
    let equal = if column.starts_with("tcp") { EQUAL_OVER_TCP } else { EQUAL_OVER_UDP };
    let runs = compared.documents.len();
    let mut names: Vec<(&str, Vec<String>)> = Vec::new();
    for document in &compared.documents {
        for one in document["differences"].as_array().expect("a list") {
            let name = one["name"].as_str().expect("a name");
            if one["column"] != column || !(equal.contains(&name) || name.ends_with("_ms")) {
                continue;
            }
            if name.ends_with("_ms") && is_only_late(one, document, column) {
                continue;
            }
            let seed = &document["sim"]["seed"];
            let what = format!("seed {seed}: {}, {}", one["sim"], one["kernel"]);
            match names.iter_mut().find(|(other, _)| *other == name) {
                Some((_, found)) => found.push(what),
                None => names.push((name, vec![what])),
            }
        }
    }
    // Other programs can only make a time longer. Where no dice are thrown all runs are alike, and
    // one that was hardly disturbed tells.
    let are_many = |found: usize| match compared.throws_dice {
        true => found * 2 > runs,
        false => found == runs,
    };
    names.retain(|(name, found)| equal.contains(name) || are_many(found.len()));
    let finding = |(name, found): (&str, Vec<String>)| Finding {
        scenario: compared.scenario,
        column: column.to_owned(),
        name: name.to_owned(),
        what: found.join("; "),
    };
    names.into_iter().map(finding).collect()
}

/// A number of a document, by the network.
type Number<'a> = dyn Fn(&Value, &str) -> Option<f64> + 'a;

/// Returns which medians over all runs differ.
fn of_medians(compared: &Compared, column: &str) -> Vec<Finding> {
    let transmissions = |document: &Value, network: &str| {
        let report = &document[network][column];
        let requests = report["exchanges"].as_f64().filter(|it| *it > 0.0)?;
        Some((requests + report["retransmissions"].as_f64()?) / requests)
    };
    let total = |document: &Value, network: &str| {
        let of = |network: &str| document[network][column]["total_ms"].as_f64();
        let (sim, kernel) = of("sim").zip(of("kernel"))?;
        Some(if network == "sim" { sim } else { undisturbed(sim, kernel, document, column) })
    };
    let all: [(&str, &Number, f64); 2] =
        [("median of transmissions", &transmissions, 0.0), ("median of total_ms", &total, MOMENT)];
    let mut found = Vec::new();
    for (name, number, moment) in all {
        let of = |network: &str| {
            let numbers = compared.documents.iter().filter_map(|it| number(it, network));
            if compared.throws_dice { median(numbers) } else { numbers.reduce(f64::min) }
        };
        let Some((sim, kernel)) = of("sim").zip(of("kernel")) else { continue };
        if (sim - kernel).abs() > (sim * share(compared.scenario, name)).max(moment) {
            let (scenario, column, name) = (compared.scenario, column.to_owned(), name.to_owned());
            found.push(Finding { scenario, column, name, what: format!("{sim}, {kernel}") });
        }
    }
    found
}

/// Returns a time of the kernel without what packets and programs waited for this computer, as far as
/// that makes it longer than the simulation's.
fn undisturbed(sim: f64, kernel: f64, document: &Value, column: &str) -> f64 {
    let waited = document["waited_ms"][column].as_f64().expect("a time");
    if kernel > sim { (kernel - waited).max(sim) } else { kernel }
}

/// Returns whether a time of the kernel is only as late as the record of its run explains.
fn is_only_late(difference: &Value, document: &Value, column: &str) -> bool {
    let times = difference["sim"].as_f64().zip(difference["kernel"].as_f64());
    times.is_some_and(|(sim, kernel)| {
        let band = (sim * SHARE_OF_SINGLE).max(MOMENT_OF_SINGLE);
        (undisturbed(sim, kernel, document, column) - sim).abs() <= band
    })
}

/// Returns within which share of the simulation's the kernel's median must be.
fn share(scenario: &str, name: &str) -> f64 {
    let wider = WIDER.iter().find(|(other, it, _)| *other == scenario && *it == name);
    wider.map_or(SHARE, |(.., share)| *share)
}

/// Returns the middle one, or the mean of the two in the middle.
fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let above = *numbers.get(numbers.len() / 2)?;
    let below = numbers[(numbers.len() - 1) / 2];
    Some(f64::midpoint(below, above))
}

#[test]
fn a_median_is_in_the_middle() {
    assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
    assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
    assert_eq!(median(std::iter::empty()), None);
}
