//! What is drawn on a page: plots and ladders, as many as fit.

use crate::report::pictures::{Picture, ladder, plot};
use crate::scenario::Plot;
use crate::scenario::log::{Comparison, Run};
use crate::trace::Trace;
use crate::trace::ladder::{Glyphs, ladder as text_ladder};

/// The pictures of one comparison.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) plot: Group,
    pub(super) ladders: Group,
}

/// Pictures that belong beside each other: all of them are shown, or none.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) figures: Vec<Figure>,
    /// Whether there are some for which the page has no room.
    pub(super) left_out: bool,
}

/// A picture with what is said below it.
#[derive(Debug)]
pub(super) struct Figure {
    /// The picture, without its style.
    pub(super) svg: String,
    /// Every picture brings the same style; a page has it once.
    pub(super) style: String,
    pub(super) caption: String,
    /// The same as text, for who reads or hears it line by line.
    pub(super) text: Option<String>,
}

impl Figures {
    /// Draws everything there is to draw.
    pub(super) fn of(comparison: &Comparison) -> Self {
        let ladders = comparison.runs.iter().filter_map(|run| {
            let mut figure = Figure::new(&ladder(comparison, run)?, counted(run));
            figure.text = run.trace.as_ref().filter(is_short).map(in_words);
            Some(figure)
        });
        let meaning = meaning(comparison.scenario.plot).to_owned();
        let plot = plot(comparison).map(|picture| Figure::new(&picture, meaning));
        Figures { plot: Group::of(plot), ladders: Group::of(ladders) }
    }

    /// Returns the style of the pictures, if there are any.
    pub(super) fn style(&self) -> Option<&str> {
        let first = self.plot.figures.iter().chain(&self.ladders.figures).next();
        first.map(|figure| figure.style.as_str())
    }
}

impl Group {
    fn of(figures: impl IntoIterator<Item = Figure>) -> Self {
        Group { figures: figures.into_iter().collect(), left_out: false }
    }

    fn size(&self) -> usize {
        let size = |figure: &Figure| {
            figure.svg.len() + figure.caption.len() + figure.text.as_ref().map_or(0, String::len)
        };
        self.figures.iter().map(size).sum()
    }
}

impl Figure {
    fn new(picture: &Picture, caption: String) -> Self {
        let parts = || {
            let (before, rest) = picture.svg.split_once("<style>")?;
            let (style, after) = rest.split_once("</style>")?;
            Some((format!("{before}{after}"), style.to_owned()))
        };
        let (svg, style) = parts().unwrap_or_else(|| (picture.svg.clone(), String::new()));
        Figure { svg, style, caption, text: None }
    }
}

/// A ladder with more packets and notes than this is folded away until it is asked for, and not
/// repeated in text: some four screens.
pub(super) const LONG: usize = 100;

fn is_short(trace: &&Trace) -> bool {
    trace.packets.len() + trace.notes.len() <= LONG
}

fn in_words(trace: &Trace) -> String {
    text_ladder(trace, Glyphs::Ascii)
}

/// Leaves out the largest pictures until the others have `room`.
pub(super) fn fit(figures: &mut [Figures], room: usize) {
    let groups = figures.iter_mut().flat_map(|one| [&mut one.plot, &mut one.ladders]);
    let mut groups: Vec<&mut Group> = groups.collect();
    while groups.iter().map(|group| group.size()).sum::<usize>() > room {
        let Some(largest) = groups.iter_mut().max_by_key(|group| group.size()) else { return };
        **largest = Group { figures: Vec::new(), left_out: true };
    }
}

/// Says what the shapes of a plot mean.
fn meaning(plot: Plot) -> &'static str {
    match plot {
        Plot::None => "",
        Plot::Timeline => {
            "A dot each time something was sent. At the end a cross, or a hollow dot if there was \
             an answer."
        }
        Plot::Arrivals => "The longer a line, the longer the message took.",
    }
}

/// Says how many packets a ladder has.
fn counted(run: &Run) -> String {
    let metrics = run.metrics();
    let sent = metrics.packets_c2s.unwrap_or(0) + metrics.packets_s2c.unwrap_or(0);
    let lost = match metrics.packets_lost {
        None | Some(0) => "none lost".to_owned(),
        Some(lost) => format!("{lost} lost"),
    };
    let packets = if sent == 1 { "packet" } else { "packets" };
    format!("{}: {sent} {packets}, {lost}", run.column.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(sizes: &[usize]) -> Group {
        let figure = |size: &usize| Figure {
            svg: "x".repeat(*size),
            style: String::new(),
            caption: String::new(),
            text: None,
        };
        Group { figures: sizes.iter().map(figure).collect(), left_out: false }
    }

    #[test]
    fn the_largest_group_goes_first_and_goes_whole() {
        let mut figures = [
            Figures { plot: group(&[10]), ladders: group(&[40, 20]) },
            Figures { plot: group(&[]), ladders: group(&[50]) },
        ];
        fit(&mut figures, 60);
        assert!(figures[0].ladders.left_out && figures[0].ladders.figures.is_empty());
        assert_eq!((figures[0].plot.size(), figures[1].ladders.size()), (10, 50));
        assert!(!figures[0].plot.left_out && !figures[1].ladders.left_out);
    }

    #[test]
    fn without_any_room_nothing_is_left() {
        let mut figures = [Figures { plot: group(&[10]), ladders: group(&[40, 20]) }];
        fit(&mut figures, 0);
        assert!(figures[0].plot.left_out && figures[0].ladders.left_out);
    }

    #[test]
    fn the_style_is_taken_out_of_a_picture() {
        let svg = "<svg><title>t</title><style>.a{}</style><path/></svg>".to_owned();
        let picture = Picture { name: String::new(), title: String::new(), svg };
        let figure = Figure::new(&picture, String::new());
        assert_eq!(figure.svg, "<svg><title>t</title><path/></svg>");
        assert_eq!(figure.style, ".a{}");
    }
}
