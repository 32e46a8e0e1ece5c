//! A comparison as a table for an 80-column screen.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use super::conditions::{SEPARATOR, conditions, many};
use super::distributions::{Distribution, Distributions};
use crate::scenario::log::Comparison;
use crate::scenario::rows::WHO_REPEATS;
use crate::scenario::run::clients;
use crate::scenario::{Row, Scenario, Settings};

/// Columns of the screen that everything fits.
pub const WIDTH: u16 = 80;

/// Width of the labels.
const LABELS: u16 = 34;

/// Writes heading, table and explanation; with every metric if `full`.
pub fn render(comparison: &Comparison, full: bool) -> String {
    let mut text = heading(comparison, None);
    let mut rows = vec![titles(comparison)];
    rows.extend(body(comparison, full));
    text.push_str(&grid(rows));
    text.push('\n');
    text.push_str(&wrap(&(comparison.scenario.explain)(comparison)));
    text
}

/// Writes how the numbers of many runs are distributed.
pub fn runs(found: &Distributions, full: bool) -> String {
    let mut text = heading(&found.first, Some(found.runs));
    let mut rows = vec![titles(&found.first)];
    rows.extend(distribution_rows(found, full));
    text.push_str(&grid(rows));
    text.push_str("\nEach cell: the mean of all runs, and where 5 % to 95 % of them are.\n");
    text
}

/// Returns the rows of many runs, with their labels.
pub(super) fn distribution_rows(found: &Distributions, full: bool) -> Vec<Vec<String>> {
    let names = found.columns.iter().flat_map(|(_, numbers)| numbers).map(|(name, _)| *name);
    let mut shown: Vec<&str> = Vec::new();
    for name in names {
        if !shown.contains(&name) && (full || TELLING.contains(&name)) {
            shown.push(name);
        }
    }
    let cell = |numbers: &[(&str, Distribution)], wanted: &str| {
        let found = numbers.iter().find(|(name, _)| *name == wanted);
        found.map_or("-".to_owned(), |(_, distribution)| spread_of(distribution))
    };
    let row = |name: &&str| {
        row_of(name, found.columns.iter().map(|(_, numbers)| cell(numbers, name)).collect())
    };
    shown.iter().map(row).collect()
}

/// Numbers worth a row when many runs are shown.
pub(super) const TELLING: &[&str] = &[
    "exchanges",
    "agreed",
    "failed",
    "executions",
    "attempts",
    "retransmissions",
    "duplicates_suppressed",
    "packets_lost",
    "ip_bytes",
    "first_reply_ms",
    "p50_ms",
    "p95_ms",
    "max_ms",
    "total_ms",
];

fn spread_of(distribution: &Distribution) -> String {
    let Distribution { mean, p5, p95, .. } = distribution;
    match p5 == p95 && mean == p5 {
        true => number(*mean),
        false => format!("{}, {}..{}", number(*mean), number(*p5), number(*p95)),
    }
}

/// As many digits as a reader can use.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        middle if (10.0..99.95).contains(&middle) => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn heading(comparison: &Comparison, runs: Option<usize>) -> String {
    let scenario = &comparison.scenario;
    let several = amount(scenario, &comparison.settings);
    let right = runs.map_or(several, |runs| format!("{runs} {}", many(comparison.network)));
    let question = format!("{}: {}", scenario.name, scenario.question);
    let first = match question.chars().count() + right.len() < usize::from(WIDTH) {
        true => spread(&question, &right),
        false => wrap(&question).trim_end().to_owned(),
    };
    format!("{}\n{}\n", first.trim_end(), by_parts(&conditions(comparison)))
}

/// Says how many clients do the same, and how often they ask, where it is more than one.
fn amount(scenario: &Scenario, settings: &Settings) -> String {
    let (clients, exchanges) = (clients(scenario, settings), scenario.exchanges(settings));
    match (scenario.script.clients.len(), clients, exchanges) {
        (1, 2.., 1) => format!("{clients} clients"),
        (1, 2.., _) => format!("{clients} clients, {exchanges} exchanges each"),
        (_, _, 1) => String::new(),
        _ => format!("{exchanges} exchanges"),
    }
}

fn titles(comparison: &Comparison) -> Vec<String> {
    row_of("", comparison.runs.iter().map(|run| run.column.title.to_owned()).collect())
}

/// Returns the rows of a comparison, with their labels.
pub(super) fn body(comparison: &Comparison, full: bool) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = rows(comparison).map(|row| cells(comparison, row)).collect();
    if full {
        rows.extend(metrics(comparison));
    }
    rows
}

/// Returns the rows that can be filled on this network.
fn rows(comparison: &Comparison) -> impl Iterator<Item = &Row> {
    let seen = comparison.runs.iter().all(|run| run.trace.is_some());
    let rows = std::iter::once(&WHO_REPEATS).chain(comparison.scenario.rows);
    rows.filter(move |row| seen || !row.needs_packets)
}

fn cells(comparison: &Comparison, row: &Row) -> Vec<String> {
    row_of(row.label, comparison.runs.iter().map(|run| (row.cell)(run)).collect())
}

fn metrics(comparison: &Comparison) -> Vec<Vec<String>> {
    let columns: Vec<_> = comparison.runs.iter().map(super::json::metrics).collect();
    let Some(names) = columns.first() else {
        return Vec::new();
    };
    let show = |value: Option<&serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => "-".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let row =
        |name: &String| row_of(name, columns.iter().map(|column| show(column.get(name))).collect());
    names.keys().map(row).collect()
}

/// A row from its label and its cells.
pub(super) fn row_of(label: &str, cells: Vec<String>) -> Vec<String> {
    let label = if label.is_empty() { String::new() } else { format!("  {label}") };
    std::iter::once(label).chain(cells).collect()
}

/// Sets rows in columns of equal width; what is too long is continued below.
pub(super) fn grid(rows: Vec<Vec<String>>) -> String {
    let columns = rows.first().map_or(1, Vec::len);
    let others = u16::try_from(columns.max(2) - 1).unwrap_or(1);
    // Four columns leave less room for the labels.
    let labels = if others > 2 { LABELS - 5 } else { LABELS };
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let width = if index == 0 { labels } else { (WIDTH - labels) / others };
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        column.set_padding((0, 1)).set_cell_alignment(CellAlignment::Left);
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Puts `right` at the right end of the line that begins with `left`, if there is room.
pub(super) fn spread(left: &str, right: &str) -> String {
    let used = left.chars().count() + right.chars().count();
    match usize::from(WIDTH).checked_sub(used) {
        Some(gap) if gap > 0 => format!("{left}{}{right}", " ".repeat(gap)),
        _ => format!("{left}\n{right}"),
    }
}

/// Sets conditions in lines, each with as many as fit.
pub(super) fn by_parts(conditions: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in conditions.split(SEPARATOR) {
        let fits = |line: &String| {
            line.chars().count() + SEPARATOR.len() + part.chars().count() <= usize::from(WIDTH)
        };
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => line.push_str(&format!("{SEPARATOR}{part}")),
            None => lines.push(wrap(part).trim_end().to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

/// Breaks a paragraph into lines.
pub(super) fn wrap(text: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let needed = word.chars().count();
        if length > 0 && length + 1 + needed > usize::from(WIDTH) {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += needed;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let words = "word ".repeat(100);
        assert!(wrap(&words).lines().all(|line| line.len() <= 80));
        let long = vec![row_of("a label", vec![words.clone(), words])];
        assert!(grid(long).lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_line_is_spread_over_the_whole_width_or_broken() {
        assert_eq!(spread("left", "right").len(), 80);
        assert_eq!(spread(&"x".repeat(80), "right").lines().count(), 2);
    }
}
