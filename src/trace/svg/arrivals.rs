//! A plot of arrivals: how long each message was on its way, and who had to wait for whom.

use super::canvas::{Anchor, Canvas, LINE, Point};
use super::timeline::Scale;
use crate::trace::plots::{ArrivalSeries, MessageTimes, last_of_arrivals};

const TOP: f64 = 60.0;

/// Height of a series: between these, so that few messages and many can be told apart.
const LOWEST: f64 = 120.0;
const HIGHEST: f64 = 420.0;

/// From one message to the next, if there is room.
const ROW: f64 = 16.0;

/// Draws all series below each other on one axis of time; the higher a message, the later its number.
/// A hollow dot is when it was sent, a full one when it was handed over, a cross says never.
pub fn arrivals(series: &[ArrivalSeries], title: &str, description: &str) -> String {
    let mut canvas = Canvas::default();
    let scale = Scale { last: last_of_arrivals(series) };
    let bottom = TOP + series.iter().map(|one| height(one) + 2.0 * LINE).sum::<f64>();
    scale.grid(&mut canvas, TOP, bottom);
    let mut top = TOP;
    for one in series {
        draw_series(&mut canvas, &scale, one, top);
        top += height(one) + 2.0 * LINE;
    }
    let at = Point { x: 20.0, y: bottom + 2.5 * LINE };
    let legend = "One line for each message, the first lowest. Hollow: sent. Full: handed to the \
                  program at the other end. Cross: never.";
    canvas.text("ladder-quiet", at, Anchor::Start, legend);
    canvas.finish(bottom + 4.0 * LINE, title, description)
}

fn height(series: &ArrivalSeries) -> f64 {
    (ROW * highest(series) as f64).clamp(LOWEST, HIGHEST)
}

fn highest(series: &ArrivalSeries) -> u64 {
    series.messages.iter().map(|message| message.number).max().unwrap_or(1)
}

fn draw_series(canvas: &mut Canvas, scale: &Scale, series: &ArrivalSeries, top: f64) {
    let at = Point { x: 44.0, y: top + LINE / 2.0 };
    canvas.text("ladder-head", at, Anchor::Start, &series.label);
    let bottom = top + LINE + height(series);
    let each = height(series) / highest(series) as f64;
    let y = |number: u64| bottom - each * (number as f64 - 0.5);
    let numbers = [1, highest(series)];
    for number in numbers.iter().take(if numbers[0] == numbers[1] { 1 } else { 2 }) {
        let at = Point { x: 30.0, y: y(*number) };
        canvas.text("ladder-quiet", at, Anchor::End, &number.to_string());
    }
    for message in &series.messages {
        draw_message(canvas, scale, message, y(message.number));
    }
}

fn draw_message(canvas: &mut Canvas, scale: &Scale, message: &MessageTimes, y: f64) {
    let sent = Point { x: scale.x(message.sent), y };
    match message.handed_over.iter().max() {
        Some(last) => canvas.line("ladder-line", sent, Point { x: scale.x(*last), y }),
        None => canvas.cross(Point { x: sent.x + 16.0, y }),
    }
    for at in &message.handed_over {
        canvas.dot("ladder-full", Point { x: scale.x(*at), y });
    }
    canvas.dot("ladder-hollow", sent);
}
