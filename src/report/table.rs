//! A comparison as a table for an 80-column screen.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use crate::scenario::Row;
use crate::scenario::log::Comparison;
use crate::scenario::rows::WHO_REPEATS;
use crate::testbed::Stack;

/// Columns of the screen that everything fits.
pub const WIDTH: u16 = 80;

/// Width of the labels.
const LABELS: u16 = 37;

/// Writes heading, table and explanation; with every metric if `full`.
pub fn render(comparison: &Comparison, full: bool) -> String {
    let mut text = heading(comparison);
    let headings: Vec<String> =
        comparison.runs.iter().map(|run| run.column.title.to_owned()).collect();
    let mut rows = vec![row_of("", headings)];
    for row in std::iter::once(&WHO_REPEATS).chain(comparison.scenario.rows) {
        rows.push(cells(comparison, row));
    }
    if full {
        rows.extend(metrics(comparison));
    }
    text.push_str(&grid(rows));
    text.push('\n');
    text.push_str(&wrap(&(comparison.scenario.explain)(comparison)));
    text
}

fn heading(comparison: &Comparison) -> String {
    let scenario = &comparison.scenario;
    let timeout = comparison.settings.timeout.unwrap_or(scenario.timeout);
    let conditions = format!(
        "{}, nothing is lost | {} | seed {}, deadline {}",
        comparison.network,
        stack(&comparison.stack),
        comparison.settings.server.seed,
        humantime::format_duration(timeout)
    );
    format!("{}: {}\n{}\n", scenario.name, scenario.question, wrap(&conditions))
}

/// Names the stack with what decides about its times.
pub fn stack(stack: &Stack) -> String {
    let mut text = stack.name.clone();
    if let Some(control) = &stack.congestion_control {
        text.push_str(&format!(", {control}"));
    }
    if let Some(floor) = stack.rto_floor {
        text.push_str(&format!(", RTO >= {}", humantime::format_duration(floor)));
    }
    text
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
    let labels = if others > 2 { LABELS - 7 } else { LABELS };
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
