//! A trace as a ladder: two rails, and arrows that slant as time passes.

use super::canvas::{Anchor, CHARACTER, Canvas, LINE, Point, WIDTH};
use super::layout::{Fold, Layout, Moment, Placed, Side, What, lay_out};
use super::moments::{CLIENT, MARGIN, beginning, moments, rows_of, side};
use crate::trace::reading::{Reading, read};
use crate::trace::rows::{Names, wrapped};
use crate::trace::{Arrival, Place, Trace, TracedPacket};
use crate::wire::Direction;

/// Where the server's rail stands: as far from the edge as the client's.
const SERVER: f64 = WIDTH - CLIENT;

/// Height at which the rails begin.
const TOP: f64 = 84.0;

/// How far a lost packet is drawn, as a part of the way: its reason must fit behind it.
const LOST_AFTER: f64 = 0.6;

/// Where a forged packet begins, as a part of the way: not at the host whose name it bears.
const FORGED_FROM: f64 = 0.06;

/// How far down an arrow goes that has no end.
const DROOP: f64 = 22.0;

/// How far down it goes at most: its cross belongs to the moment at which it was sent.
const STEEPEST: f64 = 120.0;

/// Draws a ladder, 900 pixels wide. The title stands at its top; title and description are what a
/// screen reader reads.
pub fn ladder(trace: &Trace, title: &str, description: &str) -> String {
    let drawn = beginning(trace);
    let names = Names::of(trace);
    let moments = moments(&drawn, &names);
    let flights: Vec<_> = drawn
        .packets
        .iter()
        .filter_map(|packet| packet.first().map(|arrival| (packet.sent, arrival.at)))
        .collect();
    let picture = Picture {
        readings: read(&drawn),
        layout: lay_out(moments, &flights, TOP + 22.0),
        unseen: rows_of(trace) - rows_of(&drawn),
        trace: drawn,
        names,
        canvas: Canvas::default(),
    };
    picture.draw(title, description)
}

/// A packet's way across the paper.
struct Way<'a> {
    index: usize,
    packet: &'a TracedPacket,
    from: Point,
    /// Where it arrives, or would.
    to: Point,
    /// Where its copy arrives.
    copied: Option<Point>,
}

impl<'a> Way<'a> {
    fn of(index: usize, packets: &'a [TracedPacket], placed: &[Placed]) -> Option<Self> {
        let packet = &packets[index];
        let at = |what| placed.iter().find(|one| one.moment.what == what).map(|one| one.y);
        let from = end(packet.from(), at(What::Sent(index))?);
        // What was lost goes down as steeply as what was under way before it: lines do not cross.
        let before = packets[..index].iter().rposition(|other| {
            other.direction == packet.direction
                && other.first().is_some_and(|arrival| arrival.at > packet.sent)
        });
        let steep =
            before.and_then(|other| Some(at(What::Arrived(other))? - at(What::Sent(other))?));
        let droop = steep.unwrap_or_default().clamp(DROOP / LOST_AFTER, STEEPEST);
        let arrives = at(What::Arrived(index)).unwrap_or(from.y + droop);
        let to = end(packet.to(), arrives);
        let copied = at(What::CopyArrived(index)).map(|y| end(packet.to(), y));
        Some(Way { index, packet, from: begun(packet, from, to), to, copied })
    }

    /// Returns where it ends if it never arrives.
    fn stop(&self) -> Point {
        let Way { from, to, .. } = self;
        let part = |from: f64, to: f64| from + LOST_AFTER * (to - from);
        Point { x: part(from.x, to.x), y: part(from.y, to.y) }
    }
}

struct Picture {
    trace: Trace,
    readings: Vec<Reading>,
    names: Names,
    layout: Layout,
    unseen: usize,
    canvas: Canvas,
}

impl Picture {
    fn draw(mut self, title: &str, description: &str) -> String {
        let mut bottom = self.layout.bottom + 30.0;
        self.rails(bottom);
        let placed = std::mem::take(&mut self.layout.placed);
        let packets = std::mem::take(&mut self.trace.packets);
        let ways: Vec<_> =
            (0..packets.len()).map(|index| Way::of(index, &packets, &placed)).collect();
        // Lines first: no label is crossed out.
        for way in ways.iter().flatten() {
            self.lines(way);
        }
        for way in ways.iter().flatten().filter(|way| way.packet.forged) {
            self.canvas.dot("ladder-hollow", way.from);
        }
        for way in ways.iter().flatten() {
            self.label(way);
        }
        // Last, so that no label covers it.
        for way in ways.iter().flatten().filter(|way| way.packet.first().is_none()) {
            self.reason(way.packet, way.stop());
        }
        for Placed { moment, y } in &placed {
            self.beside(moment, *y);
        }
        for text in self.below(&packets) {
            bottom += LINE;
            self.canvas.text("ladder-quiet", Point { x: 20.0, y: bottom }, Anchor::Start, &text);
        }
        self.canvas.finish(bottom + 16.0, title, description)
    }

    /// Draws the rails, with a break wherever time is folded.
    fn rails(&mut self, bottom: f64) {
        for (x, name) in [(CLIENT, self.names.heading()), (SERVER, "server".to_owned())] {
            self.canvas.text("ladder-head", Point { x, y: TOP - 18.0 }, Anchor::Middle, &name);
            let mut top = TOP;
            for Fold { top: above, bottom: below, .. } in &self.layout.folds {
                let middle = (above + below) / 2.0;
                let (from, to) = (Point { x, y: top }, Point { x, y: middle - 5.0 });
                self.canvas.line("ladder-rail", from, to);
                for y in [middle - 5.0, middle + 5.0] {
                    let (from, to) =
                        (Point { x: x - 9.0, y: y + 4.0 }, Point { x: x + 9.0, y: y - 4.0 });
                    self.canvas.line("ladder-rail", from, to);
                }
                top = middle + 5.0;
            }
            self.canvas.line("ladder-rail", Point { x, y: top }, Point { x, y: bottom });
        }
        for Fold { top, bottom, text } in &self.layout.folds {
            let at = Point { x: WIDTH / 2.0, y: (top + bottom) / 2.0 };
            self.canvas.text("ladder-quiet", at, Anchor::Middle, text);
        }
    }

    fn lines(&mut self, way: &Way<'_>) {
        let Way { packet, from, to, .. } = *way;
        let class = if self.readings[way.index].again { "ladder-again" } else { "" };
        let Some(first) = packet.first() else {
            let stop = way.stop();
            self.canvas.line(&format!("ladder-line {class}"), from, stop);
            if packet.lost.is_some() {
                self.canvas.cross(stop);
            }
            return;
        };
        self.arrow(class, from, to, first);
        if packet.duplicated.is_some() && first.dropped.is_none() {
            let along = direction(from, to);
            self.canvas.head(Point { x: to.x - 10.0 * along.x, y: to.y - 10.0 * along.y }, along);
        }
        if let (Some(copied), Some(copy)) = (way.copied, packet.copy()) {
            // The wire doubled it under way.
            let half = Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 };
            self.arrow("ladder-copy", half, copied, copy);
        }
    }

    fn arrow(&mut self, class: &str, from: Point, to: Point, arrival: &Arrival) {
        self.canvas.line(&format!("ladder-line {class}"), from, to);
        match arrival.dropped {
            Some(_) => self.canvas.cross(to),
            None => self.canvas.head(to, direction(from, to)),
        }
    }

    /// Writes a packet's label along its arrow, at the sender's end.
    fn label(&mut self, way: &Way<'_>) {
        let Way { index, packet, from, to, .. } = *way;
        let part = if packet.first().is_some() { 1.0 } else { LOST_AFTER };
        let who = self.names.before(packet.client) + packet.warning();
        let room = part * (SERVER - CLIENT) - 2.5 * MARGIN;
        let columns = ((room / CHARACTER) as usize).saturating_sub(who.len());
        let text = who + &self.readings[index].fit(columns);
        let along = direction(from, to);
        let at = Point { x: from.x + 14.0 * along.x, y: from.y + 14.0 * along.y };
        match packet.direction {
            Direction::ClientToServer => self.canvas.text_along(at, along, Anchor::Start, &text),
            Direction::ServerToClient => {
                let along = Point { x: -along.x, y: -along.y };
                self.canvas.text_along(at, along, Anchor::End, &text);
            }
        }
    }

    /// Writes why a packet never arrived.
    fn reason(&mut self, packet: &TracedPacket, stop: Point) {
        let (text, tone) = match packet.lost {
            Some(loss) => (loss.to_string(), "ladder-said-lost"),
            None => ("... still under way".to_owned(), "ladder-quiet"),
        };
        let (anchor, side) = match packet.direction {
            Direction::ClientToServer => (Anchor::Start, 1.0),
            Direction::ServerToClient => (Anchor::End, -1.0),
        };
        let room = (1.0 - LOST_AFTER) * (SERVER - CLIENT) - 3.0 * MARGIN;
        let lines = wrapped(&text, (room / CHARACTER) as usize);
        let first = stop.y - LINE / 2.0 * (lines.len() - 1) as f64;
        for (line, text) in (0..).zip(&lines) {
            let at = Point { x: stop.x + 14.0 * side, y: first + LINE * f64::from(line) };
            self.canvas.text(tone, at, anchor, text);
        }
    }

    /// Writes time and notes on the outer side of a rail.
    fn beside(&mut self, moment: &Moment, y: f64) {
        let (x, anchor) = match moment.side {
            Side::Client => (CLIENT - MARGIN, Anchor::End),
            Side::Server => (SERVER + MARGIN, Anchor::Start),
        };
        for (line, said) in (0..).zip(&moment.lines) {
            let at = Point { x, y: y + LINE * f64::from(line) };
            self.canvas.text(said.class, at, anchor, &said.text);
        }
    }

    /// Returns what stands under the picture: what its shapes mean, and what is not drawn.
    fn below(&self, packets: &[TracedPacket]) -> Vec<String> {
        let mut shapes = vec!["Times in seconds"];
        let is_gone = |packet: &TracedPacket| {
            packet.lost.is_some() || packet.arrivals.iter().any(|one| one.dropped.is_some())
        };
        if packets.iter().any(is_gone) {
            shapes.push("Cross: lost");
        }
        if self.readings.iter().any(|reading| reading.again) {
            shapes.push("Dashed: sent again");
        }
        if packets.iter().any(|packet| packet.forged) {
            shapes.push("Circle: forged, no host has sent it");
        }
        if packets.iter().any(|packet| packet.duplicated.is_some()) {
            shapes.push("Double head: doubled by the wire, the copy is dotted");
        }
        let mut lines = vec![shapes.join(". ") + "."];
        if self.unseen > 0 {
            lines.push(format!("{} more packets and notes are not drawn.", self.unseen));
        }
        lines
    }
}

/// Returns where the line of a packet begins: at a host, or, if no host has sent it, on the way.
fn begun(packet: &TracedPacket, from: Point, to: Point) -> Point {
    match packet.forged {
        true => Point {
            x: from.x + FORGED_FROM * (to.x - from.x),
            y: from.y + FORGED_FROM * (to.y - from.y),
        },
        false => from,
    }
}

fn end(place: Place, y: f64) -> Point {
    match side(place) {
        Side::Client => Point { x: CLIENT, y },
        Side::Server => Point { x: SERVER, y },
    }
}

/// Returns the direction from one point to another, with length 1.
fn direction(from: Point, to: Point) -> Point {
    let (x, y) = (to.x - from.x, to.y - from.y);
    let length = (x * x + y * y).sqrt();
    Point { x: x / length, y: y / length }
}
