//! A retransmission timeline: who sends the same again, and how the waits grow.

use super::axis::step;
use super::canvas::{Anchor, CHARACTER, Canvas, Point, WIDTH};
use crate::time::Timestamp;
use crate::trace::plots::{TimelineRow, last_of_timeline, short_seconds, times};

const LEFT: f64 = 40.0;
const RIGHT: f64 = WIDTH - 50.0;
const TOP: f64 = 60.0;

/// Height of a row: its name, the times, and the line with its dots.
const ROW: f64 = 96.0;

/// Draws when each row's sender sent, on one linear axis: a dot each time, at the end a cross or, if
/// it was answered, a hollow dot.
pub fn timeline(rows: &[TimelineRow], title: &str, description: &str) -> String {
    let mut canvas = Canvas::default();
    let scale = Scale { last: last_of_timeline(rows) };
    let bottom = TOP + ROW * rows.len() as f64;
    scale.grid(&mut canvas, TOP, bottom);
    for (index, row) in (0..).zip(rows) {
        draw_row(&mut canvas, &scale, row, TOP + ROW * f64::from(index));
    }
    canvas.finish(bottom + 56.0, title, description)
}

fn draw_row(canvas: &mut Canvas, scale: &Scale, row: &TimelineRow, top: f64) {
    let y = top + 66.0;
    let times = format!("{}, sent at {}", row.label, times(row));
    canvas.text("ladder-head", Point { x: LEFT, y: top + 16.0 }, Anchor::Start, &times);
    let ends = row.end.as_ref().map(|end| end.at);
    let last = row.sent.iter().copied().chain(ends).max().unwrap_or_default();
    canvas.line(
        "ladder-line",
        Point { x: scale.x(Timestamp::ZERO), y },
        Point { x: scale.x(last), y },
    );
    let mut free = 0.0;
    for sent in &row.sent {
        let at = Point { x: scale.x(*sent), y };
        canvas.dot("ladder-full", at);
        let text = short_seconds(*sent);
        let half = CHARACTER * text.len() as f64 / 2.0;
        // Where dots stand close together, the first of them says when.
        if at.x - half >= free {
            canvas.text("", Point { x: at.x, y: y - 22.0 }, Anchor::Middle, &text);
            free = at.x + half + CHARACTER;
        }
    }
    let Some(end) = &row.end else { return };
    let at = Point { x: scale.x(end.at), y };
    let class = if end.answered {
        canvas.dot("ladder-hollow", at);
        "ladder-strong"
    } else {
        canvas.cross(at);
        "ladder-strong ladder-said-lost"
    };
    let text = format!("{} s: {}", short_seconds(end.at), end.text);
    let width = CHARACTER * text.chars().count() as f64;
    let (anchor, x) =
        if at.x - width > LEFT { (Anchor::End, at.x + 6.0) } else { (Anchor::Start, at.x - 6.0) };
    canvas.text(class, Point { x, y: y + 20.0 }, anchor, &text);
}

/// A linear axis of time across the paper.
#[derive(Debug)]
pub(super) struct Scale {
    pub(super) last: Timestamp,
}

impl Scale {
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let all = self.last.as_micros().max(1) as f64;
        LEFT + (RIGHT - LEFT) * (at.as_micros() as f64 / all)
    }

    /// Draws a line at each round time, and says below which time it is.
    pub(super) fn grid(&self, canvas: &mut Canvas, top: f64, bottom: f64) {
        let step = step(self.last.since(Timestamp::ZERO));
        let mut at = Timestamp::ZERO;
        while at <= self.last {
            let x = self.x(at);
            canvas.line("ladder-grid", Point { x, y: top }, Point { x, y: bottom });
            let text = format!("{} s", short_seconds(at));
            canvas.text("ladder-quiet", Point { x, y: bottom + 16.0 }, Anchor::Middle, &text);
            at += step;
        }
    }
}
