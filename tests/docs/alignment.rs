//! What a page shows beside what was printed: whether they agree, and where they do not.

use crate::masks::Reading;

/// Stands for any lines.
pub(crate) const ANYTHING: &str = "...";

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
    /// A line on both sides agrees.
    Agree,
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
            Step::Agree => (1, 1),
            Step::Missing | Step::Leave => (1, 0),
            Step::Unexpected | Step::Take => (0, 1),
        }
    }

    fn cost(self) -> (usize, usize) {
        match self {
            Step::Agree | Step::Leave => (0, 0),
            Step::Take => (0, 1),
            Step::Missing | Step::Unexpected => (1, 1),
        }
    }
}

impl<'a> Alignment<'a> {
    pub(crate) fn new(shown: &'a [String], printed: &'a [String], reading: Reading) -> Self {
        let far = Cell { cost: (usize::MAX, 0), by: Step::Missing };
        let cells = vec![vec![far; printed.len() + 1]; shown.len() + 1];
        let mut alignment = Alignment { shown, printed, cells };
        alignment.fill(reading);
        alignment
    }

    fn fill(&mut self, reading: Reading) {
        let read = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| reading.compared(line)).collect()
        };
        let (read_shown, read_printed) = (read(self.shown), read(self.printed));
        self.cells[0][0].cost = (0, 0);
        for shown in 0..=self.shown.len() {
            for printed in 0..=self.printed.len() {
                let one = read_shown.get(shown);
                if one.is_some_and(|line| line == ANYTHING) {
                    self.step(shown, printed, Step::Leave);
                    self.step(shown, printed, Step::Take);
                    continue;
                }
                if one.is_some() && one == read_printed.get(printed) {
                    self.step(shown, printed, Step::Agree);
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
                Step::Agree => lines.push(format!("      {}", self.shown[shown])),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn complete(shown: &str, printed: &str) -> bool {
        Alignment::new(&lines(shown), &lines(printed), Reading::Masked).is_complete()
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
    fn what_prints_the_same_everywhere_is_compared_to_the_letter() {
        let exactly = |shown: &str, printed: &str| {
            Alignment::new(&lines(shown), &lines(printed), Reading::Exact).is_complete()
        };
        assert!(exactly("a  10 s  \n...", "a  10 s\nb"));
        assert!(!exactly("a  10 s", "a  11 s"));
        assert!(!exactly("a  10 s", "a 10 s"));
    }

    #[test]
    fn output_that_still_comes_is_compared_as_far_as_it_is_there() {
        let (shown, begun) = (lines("a\n...\nd"), lines("a\nb"));
        let alignment = Alignment::new(&shown, &begun, Reading::Masked);
        assert!(alignment.may_go_on() && !alignment.is_begun());
        let more = lines("a\nb\nd\ne");
        let alignment = Alignment::new(&shown, &more, Reading::Masked);
        assert!(alignment.is_begun() && !alignment.is_complete());
        let (shown, other) = (lines("a\nb"), lines("c"));
        assert!(!Alignment::new(&shown, &other, Reading::Masked).may_go_on());
    }

    #[test]
    fn a_difference_shows_both_sides_in_their_order() {
        let (shown, printed) = (lines("a\n...\nc 1 ms\nd\nf"), lines("a\nx\nc 2 ms\ne\nf"));
        let expected = "      a\n      ...\n      c 1 ms\n    - d\n    + e\n      f";
        assert_eq!(Alignment::new(&shown, &printed, Reading::Masked).difference(), expected);
    }
}
