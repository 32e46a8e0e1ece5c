//! A comparison as a Markdown table, for mails and pages.

use super::conditions::{conditions, many};
use super::distributions::Distributions;
use super::table::{body, distribution_rows};
use crate::scenario::log::Comparison;

/// Writes heading, table, explanation and the command that runs it again; with every metric if
/// `full`.
pub fn render(comparison: &Comparison, full: bool, reproduce: &str) -> String {
    format!(
        "{}{}\n{}\n\n`{reproduce}`\n",
        heading(comparison),
        table(comparison, body(comparison, full)),
        (comparison.scenario.explain)(comparison)
    )
}

/// Writes how the numbers of many runs are distributed.
pub fn runs(found: &Distributions) -> String {
    format!(
        "{}{}\n{} {}. Each cell: the mean of all runs, and where 5 % to 95 % of them are.\n",
        heading(&found.first),
        table(&found.first, distribution_rows(found, true)),
        found.runs,
        many(found.first.network)
    )
}

fn heading(comparison: &Comparison) -> String {
    let scenario = &comparison.scenario;
    format!("**{}**: {}\n\n{}\n\n", scenario.name, scenario.question, conditions(comparison))
}

fn table(comparison: &Comparison, rows: Vec<Vec<String>>) -> String {
    let titles = comparison.runs.iter().map(|run| run.column.title.to_owned());
    let titles = std::iter::once(String::new()).chain(titles).collect();
    grid(&std::iter::once(titles).chain(rows).collect::<Vec<_>>())
}

/// Writes rows, the first of which are the titles.
pub(super) fn grid(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text.push_str(&line(row.iter().map(|cell| escape(cell.trim()))));
        if index == 0 {
            text.push_str(&line(row.iter().map(|_| "---".to_owned())));
        }
    }
    text
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Keeps what is special in a table of Markdown from being that.
fn escape(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}
