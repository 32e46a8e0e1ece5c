//! The table: one line for each row as soon as it is measured, and the sum of them at the end.

use std::fmt;
use std::fs;
use std::io;
use std::time::Instant;

use crate::load::Tally;
use crate::measure::{Comparison, Metric, Plan, Spread};
use crate::rows::{Row, Target};

/// How a row ended.
pub(crate) enum Outcome {
    Measured(Measured),
    Skipped(&'static str),
    Failed(String),
}

/// The columns of a row that was measured.
pub(crate) struct Measured {
    pub(crate) ours: String,
    pub(crate) reference: String,
    pub(crate) ratio: String,
    pub(crate) met: bool,
    pub(crate) total: Tally,
    pub(crate) remark: Option<String>,
}

impl Measured {
    /// The columns for a comparison under load.
    pub(crate) fn of_exchanges(
        result: Comparison,
        metric: Metric,
        reference: &str,
        target: Target,
    ) -> Self {
        Self {
            ours: metric.show(result.ours),
            reference: format!("{} {reference}", metric.show(result.reference)),
            ratio: result.ratio.to_string(),
            met: target.is_met(result.ratio.median),
            total: result.total,
            remark: result.remark,
        }
    }

    /// The columns of a row that has no reference.
    pub(crate) fn alone(total: Tally) -> Self {
        let none = || "-".to_owned();
        Self { ours: none(), reference: none(), ratio: none(), met: false, total, remark: None }
    }

    fn verdict(&self) -> String {
        let Tally { wrong, lost, .. } = self.total;
        let mut verdict = if self.met { "pass" } else { "MISS" }.to_owned();
        if wrong > 0 {
            verdict = format!("WRONG replies: {wrong}");
        }
        if lost > 0 {
            verdict += &format!(", {lost} lost");
        }
        verdict
    }
}

/// Writes so many a second.
pub(crate) fn thousands(rate: f64) -> String {
    format!("{:.1} k/s", rate / 1e3)
}

impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3} [{:.2} {:.2}]", self.median, self.least, self.greatest)
    }
}

/// Names the machine, the method and the columns.
pub(crate) fn print_header(processors: impl fmt::Display, core: usize, plan: &Plan, null: bool) {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    println!(
        "{}, {processors} processors, Linux {}, load average {load}",
        processor_model(),
        kernel.trim()
    );
    println!(
        "Numbers are RATIOS on ONE core: server and load generator both on core {core}, in turn \
         with the reference."
    );
    println!(
        "{} rounds of {} ms; ratio = ours / reference, median of the pairs [least greatest]; \
         below 3 % is a tie.",
        plan.rounds,
        plan.cell.as_millis()
    );
    if null {
        println!("NULL TEST: \"ours\" is the reference too; every ratio should be about 1.");
    }
    println!();
    print_line(["row", "ours", "reference", "ratio", "target", "verdict"]);
}

fn processor_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(": ")).map(|(_, model)| model);
    model.unwrap_or("unknown processor").to_owned()
}

fn print_line([row, ours, reference, ratio, target, verdict]: [&str; 6]) {
    println!("{row:<27} {ours:<13} {reference:<26} {ratio:<18} {target:<9} {verdict}");
}

/// The counts over all rows.
pub(crate) struct Summary {
    start: Instant,
    passed: u32,
    missed: u32,
    skipped: u32,
    failed: u32,
    total: Tally,
}

impl Summary {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        let (start, total) = (Instant::now(), Tally::default());
        Self { start, passed: 0, missed: 0, skipped: 0, failed: 0, total }
    }

    /// Prints the row and counts it.
    pub(crate) fn add(&mut self, row: &Row, outcome: Outcome) {
        let target = row.target.to_string();
        match outcome {
            Outcome::Measured(measured) => {
                self.count(&measured);
                let Measured { ours, reference, ratio, remark, .. } = &measured;
                print_line([&row.name, ours, reference, ratio, &target, &measured.verdict()]);
                if let Some(remark) = remark {
                    println!("    {remark}");
                }
            }
            Outcome::Skipped(reason) => {
                self.skipped += 1;
                println!("{:<27} skipped: {reason}", row.name);
            }
            Outcome::Failed(reason) => {
                self.failed += 1;
                println!("{:<27} FAILED: {reason}", row.name);
            }
        }
    }

    /// Counts a table that has printed itself.
    pub(crate) fn add_table(&mut self, name: &str, seen: io::Result<Tally>) {
        match seen {
            Ok(seen) => {
                self.total.add(&seen);
                self.failed += u32::from(seen.wrong > 0);
            }
            Err(error) => {
                self.failed += 1;
                println!("{name:<27} FAILED: {error}");
            }
        }
    }

    fn count(&mut self, measured: &Measured) {
        self.total.add(&measured.total);
        match measured {
            Measured { total: Tally { wrong: 1.., .. }, .. } => self.failed += 1,
            Measured { met: true, .. } => self.passed += 1,
            Measured { met: false, .. } => self.missed += 1,
        }
    }

    /// Whether every row could be measured and every reply was right; targets do not matter.
    pub(crate) fn worked(&self) -> bool {
        self.failed == 0
    }

    /// Prints the last lines.
    pub(crate) fn print(&self) {
        let (passed, missed) = (self.passed, self.missed);
        let (skipped, failed) = (self.skipped, self.failed);
        let Tally { exchanges, wrong, lost, .. } = self.total;
        println!();
        println!("{passed} pass, {missed} MISS, {skipped} skipped, {failed} failed.");
        println!(
            "{exchanges} replies checked, {wrong} wrong; {lost} datagrams lost; {:.0} s.",
            self.start.elapsed().as_secs_f64()
        );
    }
}
