//! One comparison on a page: question, conditions, table, explanation, pictures, numbers.

use maud::{Markup, PreEscaped, html};

use super::figures::{Figure, Figures, Group, LONG};
use crate::report::conditions::conditions;
use crate::report::table::body;
use crate::scenario::Network;
use crate::scenario::log::{Comparison, Run};

/// Shows one comparison, under this name; `reproduce` is the command that runs it again.
pub(super) fn section(
    name: &str,
    comparison: &Comparison,
    figures: &Figures,
    reproduce: &str,
) -> Markup {
    let scenario = &comparison.scenario;
    let (rows, numbers) = rows(comparison);
    html! {
        section aria-labelledby=(name) {
            h2 #(name) {
                span .name { (name) span .spoken { ":" } } " " (scenario.question)
            }
            (terms(comparison))
            (table(comparison, &format!("{name}: what was seen"), &rows))
            p .explanation { ((scenario.explain)(comparison)) }
            (plot(&figures.plot, reproduce))
            (ladders(comparison, &figures.ladders, reproduce))
            details {
                summary { "Every number" }
                (table(comparison, &format!("{name}: every number"), &numbers))
            }
            div .again {
                h3 { "Run it again" }
                (command(reproduce))
            }
        }
    }
}

/// Returns the rows that the terminal shows, and those that it adds with `--full`.
fn rows(comparison: &Comparison) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let mut rows = body(comparison, true);
    let numbers = rows.split_off(body(comparison, false).len());
    (rows, numbers)
}

/// Shows the conditions, each part by itself.
fn terms(comparison: &Comparison) -> Markup {
    let conditions = conditions(comparison);
    let network = comparison.network.name();
    let exchanges = comparison.scenario.exchanges(&comparison.settings);
    html! {
        ul .conditions aria-label="Conditions" {
            @if !conditions.starts_with(network) {
                li { "network " (network) }
            }
            @for part in conditions.split(" | ") {
                li { (part) }
            }
            @if exchanges > 1 {
                li { (exchanges) " exchanges" }
            }
        }
    }
}

fn table(comparison: &Comparison, caption: &str, rows: &[Vec<String>]) -> Markup {
    html! {
        table {
            caption { (caption) }
            thead {
                tr {
                    td {}
                    @for run in &comparison.runs {
                        th scope="col" { (run.column.title) }
                    }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        @for (index, cell) in row.iter().enumerate() {
                            @if index == 0 {
                                th scope="row" { (cell.trim()) }
                            } @else {
                                td { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn plot(plot: &Group, reproduce: &str) -> Markup {
    html! {
        @for drawn in &plot.figures {
            (figure(drawn))
        }
        @if plot.left_out {
            (left_out("The plot is", reproduce))
        }
    }
}

fn ladders(comparison: &Comparison, ladders: &Group, reproduce: &str) -> Markup {
    let beside = html! {
        div .ladders {
            @for drawn in &ladders.figures {
                (figure(drawn))
            }
        }
    };
    let longest = comparison.runs.iter().map(length).max().unwrap_or(0);
    html! {
        h3 { "Every packet" }
        @if ladders.left_out {
            (left_out("The ladders are", reproduce))
        } @else if ladders.figures.is_empty() {
            p { (unseen(comparison.network)) }
        } @else if longest > LONG {
            details .wide {
                summary { "Show the ladders: up to " (longest) " packets and notes each" }
                (beside)
            }
        } @else {
            (beside)
        }
    }
}

fn length(run: &Run) -> usize {
    run.trace.as_ref().map_or(0, |trace| trace.packets.len() + trace.notes.len())
}

/// Says why there is no ladder.
fn unseen(network: Network) -> &'static str {
    match network {
        Network::Loopback => "On loopback packets are not seen: no ladder can be drawn.",
        Network::Remote(_) => "On a network that is not ours packets are not seen: no ladder.",
        Network::Sim | Network::Kernel => "No packet was recorded.",
    }
}

/// Says that pictures are missing, and how to see them.
fn left_out(what: &str, reproduce: &str) -> Markup {
    html! {
        p { (what) " too large for this page. Pictures in a folder of their own:" }
        (command(&format!("{reproduce} --svg pictures")))
    }
}

fn figure(figure: &Figure) -> Markup {
    html! {
        figure {
            (PreEscaped(&figure.svg))
            figcaption { (figure.caption) }
            @if let Some(text) = &figure.text {
                details {
                    summary { "The same, line by line" }
                    pre { (text) }
                }
            }
        }
    }
}

fn command(command: &str) -> Markup {
    html! {
        pre { code { (command) } }
    }
}
