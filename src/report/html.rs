//! A report that any browser shows: one file without scripts and without anything to fetch, from a
//! projector to paper and a screen reader.
//!
//! `section` shows one comparison, `figures` chooses what is drawn, `legend` says what its marks
//! mean. Colours and sizes are in `style.css`.

mod figures;
mod legend;
mod section;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::scenario::log::Comparison;
use figures::{Figures, fit};

/// Text and pictures stay below this many bytes. A page is to have less than a megabyte, which mails
/// and course pages take; what stands in for a picture that does not fit needs a little room.
const LIMIT: usize = 950_000;

const STYLE: &str = include_str!("html/style.css");

/// Closed as in XML, which HTML allows and which [`html!`] does not do.
const META: &str = "<meta charset=\"utf-8\"/>\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
    <meta name=\"color-scheme\" content=\"light dark\"/>";

/// Writes the page. `reproduce` is the command that runs a comparison again; a scenario that was
/// named twice is shown once.
pub fn page(comparisons: &[Comparison], reproduce: &dyn Fn(&Comparison) -> String) -> String {
    page_of_both(comparisons, &|_| None, reproduce)
}

/// Writes a page of the same scenarios on several networks. Before a comparison stands what is said
/// of both sides, where `side_by_side` says something.
pub fn page_of_both(
    comparisons: &[Comparison],
    side_by_side: &dyn Fn(&Comparison) -> Option<String>,
    reproduce: &dyn Fn(&Comparison) -> String,
) -> String {
    let shown = each_once(comparisons);
    let mut figures: Vec<Figures> = shown.iter().map(|one| Figures::of(one)).collect();
    let without: Vec<Figures> = shown.iter().map(|_| Figures::default()).collect();
    let text = document(&shown, &without, side_by_side, reproduce).into_string().len();
    fit(&mut figures, LIMIT.saturating_sub(text));
    document(&shown, &figures, side_by_side, reproduce).into_string()
}

fn each_once(comparisons: &[Comparison]) -> Vec<&Comparison> {
    let name = |one: &Comparison| (one.scenario.name, one.network);
    let first = |(index, one): &(usize, &Comparison)| {
        comparisons[..*index].iter().all(|earlier| name(earlier) != name(one))
    };
    comparisons.iter().enumerate().filter(first).map(|(_, one)| one).collect()
}

fn document(
    comparisons: &[&Comparison],
    figures: &[Figures],
    side_by_side: &dyn Fn(&Comparison) -> Option<String>,
    reproduce: &dyn Fn(&Comparison) -> String,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (PreEscaped(META))
                title { (title(comparisons)) }
                style { (PreEscaped(STYLE)) }
                @if let Some(style) = figures.iter().find_map(Figures::style) {
                    style { (PreEscaped(style)) }
                }
            }
            body {
                a .skip href="#results" { "Skip to the results" }
                (header(comparisons))
                main #results tabindex="-1" {
                    @for (comparison, figures) in comparisons.iter().zip(figures) {
                        "\n"
                        @if let Some(text) = side_by_side(comparison) {
                            section aria-label="Side by side" { pre { (text) } }
                        }
                        (section::section(&id(comparison, comparisons), comparison, figures, &reproduce(comparison)))
                    }
                }
                "\n"
                (footer(figures))
            }
        }
        "\n"
    }
}

/// Returns what names a comparison on this page: its scenario, and its network where there are several.
fn id(comparison: &Comparison, all: &[&Comparison]) -> String {
    let name = comparison.scenario.name;
    match all.iter().all(|other| other.network == comparison.network) {
        true => name.to_owned(),
        false => format!("{name}-{}", comparison.network.name()),
    }
}

fn title(comparisons: &[&Comparison]) -> String {
    match comparisons {
        [one] => format!("{}: {TITLE}", one.scenario.name),
        _ => TITLE.to_owned(),
    }
}

const TITLE: &str = "TCP and UDP, side by side";

fn header(comparisons: &[&Comparison]) -> Markup {
    html! {
        header {
            h1 { (TITLE) }
            p { "One application, asked over both transports under the same conditions." }
            @if comparisons.len() > 1 {
                nav aria-label="Scenarios" {
                    ul {
                        @for one in comparisons {
                            li {
                                a href={ "#" (id(one, comparisons)) } { (id(one, comparisons)) }
                                " " (one.scenario.question)
                            }
                        }
                    }
                }
            }
        }
    }
}

fn footer(figures: &[Figures]) -> Markup {
    html! {
        footer {
            @if figures.iter().any(|one| !one.ladders.figures.is_empty()) {
                (legend::legend())
            }
            p {
                "Measured and drawn by socklab " (env!("CARGO_PKG_VERSION"))
                ". Every number and every arrow is from the record of a run."
            }
        }
    }
}
