//! What a page shows beside what was printed: whether they agree, and where they do not.

use crate::masks::{masked, single_spaced};

/// Stands for any lines.
pub(crate) const ANYTHING: &str = "...";

/// No paragraph that we print is longer.
const PARAGRAPH: usize = 8; // lines

/// A line that was wrapped at 80 columns is no shorter: its next word had no room.
const WRAPPED: usize = 60; // columns

/// The cheapest way to turn the lines of a page into the lines that were printed.
pub(crate) struct Alignment<'a> {
    shown: &'a [String],
    printed: &'a [String],
    /// By how many lines of each were used.
    cells: Vec<Vec<Cell>>,
}

/// How many lines disagree up to here, how many do not agree, and the last step that led here.
#[derive(Clone, Copy)]
struct Cell {
    cost: (usize, usize),
    by: Step,
}

/// What becomes of the next lines.
#[derive(Clone, Copy)]
enum Step {
    /// So many lines on both sides agree.
    Agree(usize, usize),
    /// A line is shown, but was not printed.
    Missing,
    /// A line was printed, but is not shown.
    Unexpected,
    /// `...` takes a line that was printed.
    Take,
    /// `...` takes no more.
    Leave,
}

impl Step {
    fn lines(self) -> (usize, usize) {
        match self {
            Step::Agree(shown, printed) => (shown, printed),
            Step::Missing | Step::Leave => (1, 0),
            Step::Unexpected | Step::Take => (0, 1),
        }
    }

    fn cost(self) -> (usize, usize) {
        match self {
            Step::Agree(..) | Step::Leave => (0, 0),
            Step::Take => (0, 1),
            Step::Missing | Step::Unexpected => (1, 1),
        }
    }
}

impl<'a> Alignment<'a> {
    pub(crate) fn new(shown: &'a [String], printed: &'a [String]) -> Self {
        let far = Cell { cost: (usize::MAX, 0), by: Step::Missing };
        let cells = vec![vec![far; printed.len() + 1]; shown.len() + 1];
        let mut alignment = Alignment { shown, printed, cells };
        alignment.fill();
        alignment
    }

    fn fill(&mut self) {
        let masked_shown: Vec<String> = self.shown.iter().map(|line| masked(line)).collect();
        let masked_printed: Vec<String> = self.printed.iter().map(|line| masked(line)).collect();
        self.cells[0][0].cost = (0, 0);
        for shown in 0..=self.shown.len() {
            for printed in 0..=self.printed.len() {
                let one = masked_shown.get(shown);
                if one.is_some_and(|line| line == ANYTHING) {
                    self.step(shown, printed, Step::Leave);
                    self.step(shown, printed, Step::Take);
                    continue;
                }
                if let Some((one, other)) = one.zip(masked_printed.get(printed)) {
                    if one == other {
                        self.step(shown, printed, Step::Agree(1, 1));
                    } else if one.split(' ').next() == other.split(' ').next() {
                        self.wrap(shown, printed);
                    }
                }
                self.step(shown, printed, Step::Missing);
                self.step(shown, printed, Step::Unexpected);
            }
        }
    }

    /// Goes on from a cell, unless a better way is known.
    fn step(&mut self, shown: usize, printed: usize, by: Step) {
        let (before, step) = (self.cells[shown][printed].cost, by.cost());
        let cost = (before.0 + step.0, before.1 + step.1);
        let (more_shown, more_printed) = by.lines();
        let row = self.cells.get_mut(shown + more_shown);
        if let Some(cell) = row.and_then(|row| row.get_mut(printed + more_printed))
            && cost <= cell.cost
        {
            *cell = Cell { cost, by };
        }
    }

    /// Paragraphs agree if only their lines end elsewhere, because what is masked in them was
    /// shorter or longer.
    fn wrap(&mut self, shown: usize, printed: usize) {
        let ours = joined(&self.shown[shown..]);
        let theirs = joined(&self.printed[printed..]);
        if ours.len().max(theirs.len()) < 2 {
            return;
        }
        let theirs: Vec<String> = theirs.iter().map(|text| masked(text)).collect();
        for (text, lines) in ours.iter().zip(1..) {
            let compared = masked(text);
            if let Some(index) = theirs.iter().position(|other| *other == compared)
                && compared != single_spaced(text)
            {
                self.step(shown, printed, Step::Agree(lines, index + 1));
            }
        }
    }

    /// Whether everything agrees.
    pub(crate) fn is_complete(&self) -> bool {
        self.cells[self.shown.len()][self.printed.len()].cost.0 == 0
    }

    /// Whether everything shown was printed, and perhaps more behind it.
    pub(crate) fn is_begun(&self) -> bool {
        self.cells[self.shown.len()].iter().any(|cell| cell.cost.0 == 0)
    }

    /// Whether everything printed is shown, and perhaps more behind it.
    pub(crate) fn may_go_on(&self) -> bool {
        self.cells.iter().any(|row| row[self.printed.len()].cost.0 == 0)
    }

    /// Both sides in one: `-` is shown on the page only, `+` was printed only.
    pub(crate) fn difference(&self) -> String {
        let (mut shown, mut printed) = (self.shown.len(), self.printed.len());
        let mut lines = Vec::new();
        while shown + printed > 0 {
            let by = self.cells[shown][printed].by;
            let (fewer_shown, fewer_printed) = by.lines();
            shown -= fewer_shown;
            printed -= fewer_printed;
            match by {
                Step::Agree(count, _) => {
                    let agreed = self.shown[shown..shown + count].iter().rev();
                    lines.extend(agreed.map(|line| format!("      {line}")));
                }
                Step::Missing => lines.push(format!("    - {}", self.shown[shown])),
                Step::Unexpected => lines.push(format!("    + {}", self.printed[printed])),
                Step::Leave => lines.push(format!("      {ANYTHING}")),
                Step::Take => {}
            }
        }
        lines.reverse();
        lines.join("\n")
    }
}

/// The first line, the first two in one, and so on to the end of the paragraph.
fn joined(lines: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    let mut text = String::new();
    for line in lines.iter().take(PARAGRAPH) {
        if line.trim().is_empty() {
            break;
        }
        text.push_str(line);
        text.push(' ');
        all.push(text.clone());
        if line.chars().count() < WRAPPED {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn complete(shown: &str, printed: &str) -> bool {
        Alignment::new(&lines(shown), &lines(printed)).is_complete()
    }

    #[test]
    fn what_is_masked_is_equal_all_else_is_not() {
        assert!(complete("a 0.24 ms  b", "a 51 ms b"));
        assert!(!complete("a\nb", "a\nc"));
        assert!(!complete("a", "a\nb"));
        assert!(!complete("a\nb", "a"));
    }

    #[test]
    fn three_dots_stand_for_any_lines() {
        assert!(complete("a\n...\nd", "a\nb\nc\nd"));
        assert!(complete("a\n...\nd", "a\nd"));
        assert!(complete("...", ""));
        assert!(complete("a\n...\nb\n...", "a\nx\nb\ny\nb"));
        assert!(!complete("a\n...\nd", "a\nb\nc"));
    }

    #[test]
    fn a_paragraph_may_be_wrapped_elsewhere_only_if_something_in_it_varies() {
        let long = "Nobody answered, and our program gave up by its own clock after 10.0 s,\n\
                    which is no surprise\nend";
        let wrapped = "Nobody answered, and our program gave up by its own clock after 9 s, which\n\
                       is no surprise\nend";
        assert!(complete(long, wrapped));
        assert!(!complete(long, &wrapped.replace("no", "a")));
        let constant = |text: &str| text.replace("10.0 s", "a while").replace("9 s", "a while");
        assert!(!complete(&constant(long), &constant(wrapped)));
    }

    #[test]
    fn output_that_still_comes_is_compared_as_far_as_it_is_there() {
        let (shown, begun) = (lines("a\n...\nd"), lines("a\nb"));
        let alignment = Alignment::new(&shown, &begun);
        assert!(alignment.may_go_on() && !alignment.is_begun());
        let more = lines("a\nb\nd\ne");
        let alignment = Alignment::new(&shown, &more);
        assert!(alignment.is_begun() && !alignment.is_complete());
        let (shown, other) = (lines("a\nb"), lines("c"));
        assert!(!Alignment::new(&shown, &other).may_go_on());
    }

    #[test]
    fn a_difference_shows_both_sides_in_their_order() {
        let (shown, printed) = (lines("a\n...\nc 1 ms\nd\nf"), lines("a\nx\nc 2 ms\ne\nf"));
        let expected = "      a\n      ...\n      c 1 ms\n    - d\n    + e\n      f";
        assert_eq!(Alignment::new(&shown, &printed).difference(), expected);
    }
}
