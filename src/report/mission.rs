//! The mission's three questions in one table: sums, timeouts, shutdown.

use super::table::{WIDTH, grid, row_of, spread, stack, wrap};
use crate::scenario::Row;
use crate::scenario::log::Comparison;
use crate::scenario::rows as row;

/// Writes the table that fits one screen, from the mission's scenarios in their order.
pub fn render(comparisons: &[Comparison]) -> String {
    let [sums, silence, shutdown, no_goodbye] = comparisons else {
        return String::new();
    };
    let conditions = format!(
        "loopback, nothing is lost | {} | seed {}",
        stack(&sums.stack),
        sums.settings.server.seed
    );
    let mut text =
        format!("TCP and UDP, the same three questions on this computer\n{}\n", wrap(&conditions));
    text.push_str(&grid(vec![row_of("", vec!["TCP".to_owned(), "UDP".to_owned()])]));
    text.push_str(&section("SUMS", sums, &[row::SUMS, row::SET_UP, row::ANSWER_AFTER]));
    text.push_str(&section("TIMEOUTS", silence, &[row::SENT_AT, row::BELIEVED, row::GIVES_UP]));
    text.push_str(&section("SHUTDOWN", shutdown, &[row::STOPS_AFTER, row::IDLE_LEARNS]));
    let without = row_of(
        "and if nobody says goodbye",
        no_goodbye.runs.iter().map(|run| (row::IDLE_LEARNS.cell)(run)).collect(),
    );
    text.push_str(&grid(vec![without]));
    text.push('\n');
    text.push_str(&wrap(
        "TCP's handshake and goodbye are the kernel's; over UDP the first question needs none, and \
         a goodbye is a message that our program sends. Deadlines are the program's own over both.",
    ));
    text
}

fn section(title: &str, comparison: &Comparison, rows: &[Row]) -> String {
    let question = format!("{title}: {}", comparison.scenario.question);
    let name = comparison.scenario.name;
    let heading = match question.chars().count() + name.len() < usize::from(WIDTH) {
        true => spread(&question, name),
        false => question,
    };
    let rows = rows
        .iter()
        .map(|row| row_of(row.label, comparison.runs.iter().map(|run| (row.cell)(run)).collect()))
        .collect();
    format!("{heading}\n{}", grid(rows))
}
