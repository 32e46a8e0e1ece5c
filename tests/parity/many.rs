//! Twenty seeds where no dice are thrown: one program runs them side by side, and says how their
//! numbers are distributed.

use serde_json::Value;
use socklab::scenario::Scenario;
use socklab::scenario::library::SCENARIOS;

use crate::finding::{EQUAL_AS_COUNTS, Finding, MOMENT, SHARE};
use crate::running::{document, is_on_both, throws_dice, virtual_time};

/// As many as where dice are thrown.
const SEEDS: &str = "20";

/// What takes longer than this would take minutes, twenty times in real time.
const SHORT: f64 = 3_000.0; // ms

/// Returns the scenarios that are soon over.
pub(crate) fn short_ones() -> impl Iterator<Item = &'static Scenario> {
    let all = SCENARIOS.iter().filter(|scenario| is_on_both(scenario) && !throws_dice(scenario));
    all.filter(|scenario| !scenario.is_busy() && virtual_time(scenario.name) < SHORT)
}

/// Returns where the distributions over all seeds differ by more than they may.
pub(crate) fn findings(scenario: &Scenario) -> Vec<Finding> {
    let document = document(&[scenario.name, "--runs", SEEDS]);
    let (sim, kernel) = (&document["sim"], &document["kernel"]);
    let columns = kernel.as_object().expect("a report").iter();
    let columns = columns.filter(|(_, numbers)| numbers["exchanges"].get("p50").is_some());
    let mut found = Vec::new();
    for (column, there) in columns {
        let here = &sim[column];
        let mut find = |name: &str, what: String| {
            found.push(Finding::new(scenario.name, column, name, what));
        };
        let over_tcp = column.starts_with("tcp");
        let equal =
            if over_tcp { &["agreed", "failed", "executions"][..] } else { EQUAL_AS_COUNTS };
        for name in equal.iter().filter(|name| here[**name] != there[**name]) {
            find(name, format!("{}, {}", here[*name], there[*name]));
        }
        let medians = [
            ("median of transmissions", transmissions(here), transmissions(there), 0.0),
            // They run side by side: of twenty the least was hardly disturbed.
            ("median of total_ms", least(here, "total_ms"), least(there, "total_ms"), MOMENT),
        ];
        for (name, here, there, moment) in medians.into_iter().filter(|_| over_tcp) {
            let Some((here, there)) = here.zip(there) else { continue };
            if (here - there).abs() > (here * SHARE).max(moment) {
                find(name, format!("{here}, {there}"));
            }
        }
    }
    found
}

fn median(numbers: &Value, name: &str) -> Option<f64> {
    numbers[name]["p50"].as_f64()
}

fn least(numbers: &Value, name: &str) -> Option<f64> {
    numbers[name]["min"].as_f64()
}

fn transmissions(numbers: &Value) -> Option<f64> {
    let requests = median(numbers, "exchanges").filter(|requests| *requests > 0.0)?;
    Some((requests + median(numbers, "retransmissions")?) / requests)
}
