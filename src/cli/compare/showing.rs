//! How what was found is shown: tables, documents, ladders, files.

use clap::ArgMatches;
use color_eyre::eyre;
use serde_json::Value;

use super::arguments::{CompareArguments, Format};
use super::reproduce::reproduce;
use super::{files, print};
use crate::report::pictures::plot_text;
use crate::report::{html, json, markdown, mission, table};
use crate::scenario::log::Comparison;
use crate::trace::ladder::{Glyphs, ladder};

/// Shows one run of each scenario, and returns what JSON says of it.
pub(super) fn show(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    comparisons: &[Comparison],
) -> eyre::Result<Vec<Value>> {
    let again = |comparison: &Comparison| reproduce(matches, comparison.scenario.name);
    let reports: Vec<Value> =
        comparisons.iter().map(|comparison| json::object(comparison, &again(comparison))).collect();
    match arguments.format {
        Format::Json => print_json(arguments, &reports)?,
        Format::Markdown => {
            print(&join(comparisons, |one| markdown::render(one, arguments.full, &again(one))))?
        }
        Format::Table if is_mission(arguments) && !arguments.full => {
            print(&mission::render(comparisons))?;
        }
        Format::Table => {
            print(&join(comparisons, |one| table::render(one, arguments.full)))?;
        }
    }
    draw(arguments, comparisons, again)?;
    if let Some(file) = &arguments.html {
        let page = html::page(comparisons, &again);
        files::write(file, page.as_bytes())?;
    }
    Ok(reports)
}

/// Draws the ladders, and writes the pictures and captures that are asked for; where there are several
/// networks, with the network in the name of each file.
///
/// # Errors
/// If something cannot be written.
pub(super) fn draw(
    arguments: &CompareArguments,
    comparisons: &[Comparison],
    again: impl Fn(&Comparison) -> String,
) -> eyre::Result<()> {
    if arguments.ladder {
        let ladders = ladders(arguments, comparisons);
        match arguments.format {
            Format::Markdown => print(&format!("\n```text{ladders}```\n"))?,
            _ => print(&ladders)?,
        }
    }
    if let Some(folder) = &arguments.svg {
        files::write_pictures(folder, comparisons)?;
    }
    match &arguments.pcap {
        Some(folder) => files::write_captures(folder, comparisons, again),
        None => Ok(()),
    }
}

/// Returns whether the three questions are asked that fit one screen.
fn is_mission(arguments: &CompareArguments) -> bool {
    arguments.scenario.is_empty() && arguments.server.is_none()
}

fn join(comparisons: &[Comparison], say: impl Fn(&Comparison) -> String) -> String {
    comparisons.iter().map(say).collect::<Vec<_>>().join("\n")
}

/// Draws every column of every comparison.
fn ladders(arguments: &CompareArguments, comparisons: &[Comparison]) -> String {
    let glyphs = if arguments.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
    let mut text = String::new();
    for comparison in comparisons {
        if let Some(plot) = plot_text(comparison) {
            if arguments.net.len() > 1 {
                text.push_str(&format!("\n{}:", comparison.network.name()));
            }
            text.push_str(&format!("\n{plot}"));
        }
        for run in &comparison.runs {
            if let Some(trace) = &run.trace {
                let mut title = format!("{}, {}", comparison.scenario.name, run.column.title);
                if arguments.net.len() > 1 {
                    title.push_str(&format!(", {}", comparison.network.name()));
                }
                text.push_str(&format!("\n{title}\n{}", ladder(trace, glyphs)));
            }
        }
    }
    text
}

/// Prints one document: an object for one scenario, an array for several.
pub(super) fn print_json(arguments: &CompareArguments, reports: &[Value]) -> eyre::Result<()> {
    let one = arguments.scenario.len() == 1 && arguments.scenario[0] != "all";
    let whole = match reports {
        [report] if one => report.clone(),
        reports => Value::from(reports.to_vec()),
    };
    print(&format!("{}\n", serde_json::to_string_pretty(&whole)?))
}
