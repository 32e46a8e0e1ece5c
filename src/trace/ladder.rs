//! A trace as a ladder in text: time runs down, the client stands left, the server right.

use super::reading::{Reading, read};
use super::rows::{Names, Row, rows, wrapped};
use super::{Arrival, Loss, Note, Place, Trace, TracedPacket};
use crate::time::Timestamp;
use crate::wire::Direction;

/// Columns of a terminal that nobody has changed.
const WIDTH: usize = 80;

/// With which signs a ladder is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Lines, arrowheads and crosses.
    Unicode,
    /// `-->`, `==>` for what is sent again, `x`, `|`; every other sign is escaped.
    Ascii,
}

/// Draws a ladder of at most 80 columns. A packet stands where it was sent; an arrow that ends in a
/// cross was lost, one with two heads was doubled, a dashed one carries what was sent before.
pub fn ladder(trace: &Trace, glyphs: Glyphs) -> String {
    let sheet = Sheet::new(trace, glyphs);
    let readings: Vec<_> =
        read(trace).iter().map(|reading| reading.spelled(|text| sheet.visible(text))).collect();
    let mut out = sheet.heading();
    for row in rows(trace) {
        let lines = match row {
            Row::Packet(index, packet) => vec![sheet.packet(packet, &readings[index])],
            Row::Copy(index, packet, copy) => vec![sheet.copy(packet, copy, &readings[index])],
            Row::Note(note) => sheet.note(note),
        };
        for line in lines {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// The page, and how it is divided.
struct Sheet {
    glyphs: Glyphs,
    names: Names,
    /// Columns of the longest time.
    time: usize,
    /// Columns from rail to rail, both included.
    inner: usize,
}

impl Sheet {
    fn new(trace: &Trace, glyphs: Glyphs) -> Self {
        let sent = trace.packets.iter().map(|packet| packet.sent);
        let arrived = trace.packets.iter().flat_map(|packet| &packet.arrivals).map(|one| one.at);
        let noted = trace.notes.iter().map(|note| note.at);
        let last = sent.chain(arrived).chain(noted).max().unwrap_or_default();
        let time = last.to_string().len();
        // Two columns before the client's time, one between each time and its rail.
        Sheet { glyphs, names: Names::of(trace), time, inner: WIDTH - 2 * time - 4 }
    }

    fn heading(&self) -> String {
        let clients = format!(" {}", self.names.heading());
        format!("{clients}{:>1$}\n", "server", WIDTH - clients.len())
    }

    fn packet(&self, packet: &TracedPacket, reading: &Reading) -> String {
        let first = packet.first();
        let far = match (packet.lost, first) {
            (Some(loss), _) => self.lost(loss),
            (None, None) => vec![" still under way ".to_owned(), String::new(), self.rail()],
            (None, Some(arrival)) => {
                self.arrived(packet, arrival, 1 + usize::from(packet.duplicated.is_some()))
            }
        };
        let who = self.names.before(packet.client) + packet.warning();
        // Two signs of line before the label, two after it at least.
        let room = self.inner.saturating_sub(4 + width(&far) + who.len());
        let label = who + &remarked(packet, reading, room);
        let mut parts = vec![self.line(reading.again, 2), label];
        let free = self.inner.saturating_sub(width(&parts) + width(&far));
        let line = self.line_length(packet.lost, width(&parts), free);
        parts.push(self.line(reading.again, line));
        parts.extend(far);
        for gap in parts.iter_mut().filter(|part| part.is_empty()) {
            *gap = " ".repeat(free - line);
        }
        self.row(packet.direction, Some(packet.sent), first.map(|one| one.at), parts)
    }

    /// Returns how long the line is behind the label. A full queue is where the wire begins; what is
    /// lost otherwise is drawn as if it had come half way.
    fn line_length(&self, lost: Option<Loss>, before: usize, free: usize) -> usize {
        match lost {
            Some(Loss::QueueFull) => free.min(2),
            Some(_) => free.min((self.inner / 2).saturating_sub(before).max(2)),
            None => free,
        }
    }

    /// Returns what stands behind the line of a packet that was lost.
    fn lost(&self, loss: Loss) -> Vec<String> {
        vec![self.cross(), format!(" {loss} "), String::new(), self.rail()]
    }

    /// Returns the end of the line of a packet that came out of the wire.
    fn arrived(&self, packet: &TracedPacket, arrival: &Arrival, heads: usize) -> Vec<String> {
        match arrival.dropped {
            Some(why) => vec![format!(" {why} "), self.cross()],
            None => vec![self.head(packet.direction).repeat(heads)],
        }
    }

    fn copy(&self, packet: &TracedPacket, copy: &Arrival, reading: &Reading) -> String {
        let far = self.arrived(packet, copy, 1);
        let cause = packet.duplicated.map(|cause| format!("doubled by {cause}: "));
        let who = self.names.before(packet.client) + packet.warning();
        let before = who + &cause.unwrap_or_default();
        // A rail, a space before the label, two signs of line after it.
        let room = self.inner.saturating_sub(4 + columns(&before) + width(&far));
        let label = before + &reading.fit(room);
        let gap = self.inner.saturating_sub(3 + columns(&label) + width(&far));
        let mut parts = vec![self.rail(), " ".repeat(gap), label, self.line(false, 2)];
        parts.extend(far);
        self.row(packet.direction, None, Some(copy.at), parts)
    }

    /// Puts the parts of a row in order, which begin at the sender, with the times at their ends.
    fn row(
        &self,
        direction: Direction,
        sent: Option<Timestamp>,
        arrived: Option<Timestamp>,
        mut parts: Vec<String>,
    ) -> String {
        match direction {
            Direction::ClientToServer => self.framed(sent, &parts.concat(), arrived),
            Direction::ServerToClient => {
                parts.reverse();
                self.framed(arrived, &parts.concat(), sent)
            }
        }
    }

    fn framed(&self, left: Option<Timestamp>, inner: &str, right: Option<Timestamp>) -> String {
        let time = |time: Option<Timestamp>| time.map(|at| at.to_string()).unwrap_or_default();
        format!("{:>2$} {inner} {}", time(left), time(right), self.time + 2)
    }

    fn note(&self, note: &Note) -> Vec<String> {
        let room = self.inner - 6;
        let text = match note.place {
            Place::Client(client) => format!("{}{}", self.names.before(client), note.text),
            Place::Server => note.text.clone(),
        };
        let lines = wrapped(&self.visible(&text), room);
        let at = |index: usize| (index == 0).then_some(note.at);
        let rail = self.rail();
        let drawn = |(index, line): (usize, &String)| match note.place {
            Place::Client(_) => {
                self.framed(at(index), &format!("{rail} {line:<0$}{rail}", self.inner - 3), None)
            }
            Place::Server => {
                let inner = format!("{rail}{line:>0$}  {rail}", self.inner - 4);
                self.framed(None, &inner, at(index))
            }
        };
        lines.iter().enumerate().map(drawn).collect()
    }
}

/// Signs.
impl Sheet {
    fn pick(&self, unicode: &str, ascii: &str) -> String {
        match self.glyphs {
            Glyphs::Unicode => unicode.to_owned(),
            Glyphs::Ascii => ascii.to_owned(),
        }
    }

    fn rail(&self) -> String {
        self.pick("│", "|")
    }

    fn cross(&self) -> String {
        self.pick("✗", "x")
    }

    fn line(&self, again: bool, length: usize) -> String {
        if again { self.pick("╌", "=") } else { self.pick("─", "-") }.repeat(length)
    }

    fn head(&self, direction: Direction) -> String {
        match direction {
            Direction::ClientToServer => self.pick("▶", ">"),
            Direction::ServerToClient => self.pick("◀", "<"),
        }
    }

    /// Escapes what would not take exactly one column: from Hangul on, scripts take two.
    fn visible(&self, text: &str) -> String {
        let is_narrow = |sign: char| match self.glyphs {
            Glyphs::Ascii => sign.is_ascii(),
            Glyphs::Unicode => matches!(sign, '\0'..'\u{1100}' | '\u{2010}'..='\u{22ff}'),
        };
        let mut out = String::new();
        for sign in text.chars() {
            if is_narrow(sign) { out.push(sign) } else { out.extend(sign.escape_unicode()) }
        }
        out
    }
}

/// Returns the label with what else is to be said of the packet, in at most `room` columns.
fn remarked(packet: &TracedPacket, reading: &Reading, room: usize) -> String {
    let remarks = packet
        .remarks()
        .map(|remark| if remark.is_empty() { remark } else { format!(", {remark}") });
    let shortest = reading.shortest();
    let fitting = remarks.iter().find(|remark| shortest + columns(remark) <= room);
    let remark = fitting.map(String::as_str).unwrap_or_default();
    format!("{}{remark}", reading.fit(room - columns(remark)))
}

fn width(parts: &[String]) -> usize {
    parts.iter().map(|part| columns(part)).sum()
}

fn columns(text: &str) -> usize {
    text.chars().count()
}
