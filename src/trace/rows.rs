//! What the ladders show, row by row, and the words that they share.

use std::collections::BTreeSet;

use super::{Arrival, Cause, Note, Place, Trace, TracedPacket};
use crate::time::Timestamp;

/// One row of a ladder.
#[derive(Debug, Clone, Copy)]
pub(super) enum Row<'a> {
    /// A packet, which has this index in its trace.
    Packet(usize, &'a TracedPacket),
    /// The second arrival of a packet that was doubled.
    Copy(usize, &'a TracedPacket, &'a Arrival),
    /// Something that a program did.
    Note(&'a Note),
}

/// Returns the rows of a trace in the order of time: packets by when they were sent. At the same
/// time a copy arrives before the program speaks of it, and it speaks before it sends.
pub(super) fn rows(trace: &Trace) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = trace.notes.iter().map(Row::Note).collect();
    for (index, packet) in trace.packets.iter().enumerate() {
        rows.push(Row::Packet(index, packet));
        rows.extend(packet.copy().map(|copy| Row::Copy(index, packet, copy)));
    }
    rows.sort_by_key(|row| match row {
        Row::Copy(_, _, copy) => (copy.at, 0),
        Row::Note(note) => (note.at, 1),
        Row::Packet(_, packet) => (packet.sent, 2),
    });
    rows
}

impl TracedPacket {
    /// Returns when it arrived for the first time, if it did.
    pub(super) fn first(&self) -> Option<&Arrival> {
        self.arrivals.iter().find(|arrival| !arrival.copy)
    }

    /// Returns when its copy arrived, if it was doubled.
    pub(super) fn copy(&self) -> Option<&Arrival> {
        self.arrivals.iter().find(|arrival| arrival.copy)
    }

    /// Returns what stands before its label whatever room there is: that it was forged, if it was.
    pub(super) fn warning(&self) -> &'static str {
        if self.forged { "forged: " } else { "" }
    }

    /// Returns what is to be said of it besides its label, at length and in short; the last says
    /// nothing: `held by luck, took 0.055 s`, `held, took 0.055 s`, ``.
    pub(super) fn remarks(&self) -> [String; 3] {
        let took = self.first().map(|arrival| format!(", took {}", seconds(self.sent, arrival.at)));
        let took = took.unwrap_or_default();
        let copy_is_missing = self.copy().is_none() && !self.arrivals.is_empty();
        let missing = "copy still under way";
        let held = self.held.map(|cause| (format!("held by {cause}{took}"), format!("held{took}")));
        let doubled = self.duplicated.filter(|_| copy_is_missing);
        let doubled = doubled
            .map(|cause| (format!("doubled by {cause}, {missing}"), format!("doubled, {missing}")));
        let (long, short): (Vec<_>, Vec<_>) = held.into_iter().chain(doubled).unzip();
        [long.join(", "), short.join(", "), String::new()]
    }
}

impl std::fmt::Display for Cause {
    /// Completes "held by ..."; `rule c2s:1`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cause::Luck => formatter.write_str("luck"),
            Cause::Rule(what) => write!(formatter, "rule {what}"),
        }
    }
}

/// Writes a time span as the margins of a ladder do: `1.000 s`.
pub(super) fn seconds(earlier: Timestamp, later: Timestamp) -> String {
    format!("{} s", Timestamp::ZERO + later.since(earlier))
}

/// What the clients are called. One client is just the client.
#[derive(Debug)]
pub(super) struct Names(BTreeSet<usize>);

impl Names {
    pub(super) fn of(trace: &Trace) -> Self {
        let noted = trace.notes.iter().filter_map(|note| match note.place {
            Place::Client(number) => Some(number),
            Place::Server => None,
        });
        Names(trace.packets.iter().map(|packet| packet.client).chain(noted).collect())
    }

    /// Returns what stands before a label or a note of this client: `B: `, or nothing.
    pub(super) fn before(&self, client: usize) -> String {
        if self.0.len() > 1 { format!("{}: ", letter(client)) } else { String::new() }
    }

    /// Returns what stands over the clients' rail: `client`, `clients A, B, C`.
    pub(super) fn heading(&self) -> String {
        let letters: Vec<_> = self.0.iter().map(|client| letter(*client)).collect();
        match &letters[..] {
            [] | [_] => "client".to_owned(),
            [first, .., last] if letters.len() > 6 => format!("clients {first} to {last}"),
            _ => format!("clients {}", letters.join(", ")),
        }
    }
}

/// Names a client: A is the first; behind Z they have numbers.
fn letter(client: usize) -> String {
    match u8::try_from(client).ok().filter(|number| (1..=26).contains(number)) {
        Some(number) => char::from(b'A' + number - 1).to_string(),
        None => client.to_string(),
    }
}

/// Splits a text into lines of at most `width` characters, between words where that is possible.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length <= width {
            used += 1 + length;
            lines.last_mut().expect("there is one").extend([" ", word]);
            continue;
        }
        let characters: Vec<char> = word.chars().collect();
        for piece in characters.chunks(width.max(1)) {
            used = piece.len();
            lines.push(piece.iter().collect());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_in_words_that_are_too_long() {
        assert_eq!(wrapped("no answer for 1.095 s", 10), ["no answer", "for 1.095", "s"]);
        assert_eq!(wrapped("a abcdefgh", 4), ["a", "abcd", "efgh"]);
        assert_eq!(wrapped("", 4), [""; 0]);
    }

    #[test]
    fn clients_have_letters_only_where_there_are_several() {
        let note = |place| Note { at: Timestamp::ZERO, place, text: String::new() };
        let alone = Trace { packets: Vec::new(), notes: vec![note(Place::Client(2))] };
        assert_eq!(
            (Names::of(&alone).before(2).as_str(), Names::of(&alone).heading()),
            ("", "client".to_owned())
        );
        let notes = [1, 3, 2].map(|number| note(Place::Client(number))).into();
        let three = Names::of(&Trace { packets: Vec::new(), notes });
        assert_eq!(
            (three.before(2).as_str(), three.heading()),
            ("B: ", "clients A, B, C".to_owned())
        );
    }
}
