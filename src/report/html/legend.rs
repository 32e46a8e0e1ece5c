//! What the marks of a ladder mean, each with a picture of it.

use maud::{Markup, html};

/// Each mark: its lines, solid shapes, crosses, and what it says. All on paper of 72 by 24.
const MARKS: &[Mark] = &[
    Mark {
        lines: &[("line", "M4 6L62 17")],
        solid: "M66 18L53.5 20.5L55.4 10.7Z",
        lost: "",
        means: "a packet; time runs downwards, in seconds at both ends",
    },
    Mark {
        lines: &[("line", "M4 6L44 14")],
        solid: "",
        lost: "M38 8L50 20M38 20L50 8",
        means: "lost: it never arrived, or was dropped where it did",
    },
    Mark {
        lines: &[("line again", "M4 6L62 17")],
        solid: "M66 18L53.5 20.5L55.4 10.7Z",
        lost: "",
        means: "sent again, by our client or by the TCP stack",
    },
    Mark {
        lines: &[("line", "M4 6L62 17"), ("line copy", "M34 12L62 22")],
        solid: "M66 18L53.5 20.5L55.4 10.7ZM56 16.1L43.5 18.6L45.4 8.8Z",
        lost: "",
        means: "doubled by the wire; the copy is dotted",
    },
    Mark {
        lines: &[("line", "M4 2L4 10M16 8L62 17"), ("line", "M12.5 7.5A4 4 0 1 0 12.5 7.4")],
        solid: "M66 18L53.5 20.5L55.4 10.7Z",
        lost: "",
        means: "forged: no host has sent it, whatever it claims",
    },
    Mark {
        lines: &[("line rail", "M36 0L36 8M36 16L36 24M27 11L45 5M27 19L45 13")],
        solid: "",
        lost: "",
        means: "time in which nothing happened is folded",
    },
];

struct Mark {
    /// Class and path of each line.
    lines: &'static [(&'static str, &'static str)],
    solid: &'static str,
    lost: &'static str,
    means: &'static str,
}

/// Shows what the marks mean.
pub(super) fn legend() -> Markup {
    html! {
        h2 { "How to read a ladder" }
        ul .legend {
            @for mark in MARKS {
                li { (drawing(mark)) (mark.means) }
            }
        }
    }
}

/// Draws a mark. It says nothing that the words beside it do not say: screen readers skip it.
fn drawing(mark: &Mark) -> Markup {
    html! {
        svg .mark width="72" height="24" viewBox="0 0 72 24" aria-hidden="true" {
            @for (class, path) in mark.lines {
                path class=(class) d=(path) {}
            }
            @if !mark.solid.is_empty() {
                path .solid d=(mark.solid) {}
            }
            @if !mark.lost.is_empty() {
                path .line.lost d=(mark.lost) {}
            }
        }
    }
}
