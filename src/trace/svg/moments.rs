//! What happens at the two rails of a ladder, and what is written beside them.

use super::canvas::CHARACTER;
use super::layout::{Moment, Said, Side, What};
use crate::trace::rows::{Names, Row, rows, wrapped};
use crate::trace::{Arrival, Place, Trace, TracedPacket};

/// Packets and notes that are drawn: some thirty screens. What comes later is only counted.
const MOST: usize = 400;

/// Where the client's rail stands: beside it a short note fits, behind it a label of 50 characters.
pub(super) const CLIENT: f64 = 200.0;

/// Between a rail and what is written beside it.
pub(super) const MARGIN: f64 = 10.0;

/// Room that a packet takes which never arrived: its cross, and the reason in two lines.
const LOST_ROOM: f64 = 44.0;

/// Returns what is drawn of a trace: all of it, unless it is too much.
pub(super) fn beginning(trace: &Trace) -> Trace {
    if rows_of(trace) <= MOST {
        return trace.clone();
    }
    let originals = rows(trace).into_iter().filter(|row| !matches!(row, Row::Copy(..)));
    let mut drawn = Trace::default();
    let mut kept = Vec::new();
    for row in originals.take(MOST) {
        match row {
            Row::Packet(index, _) | Row::Copy(index, ..) => kept.push(index),
            Row::Note(note) => drawn.notes.push(note.clone()),
        }
    }
    kept.sort_unstable();
    drawn.packets = kept.into_iter().map(|index| trace.packets[index].clone()).collect();
    drawn
}

pub(super) fn rows_of(trace: &Trace) -> usize {
    trace.packets.len() + trace.notes.len()
}

/// Returns everything that happens at a rail. What arrives may be spoken of and answered at once.
pub(super) fn moments(trace: &Trace, names: &Names) -> Vec<Moment> {
    let mut moments = Vec::new();
    for row in rows(trace) {
        match row {
            Row::Note(note) => {
                let text = match note.place {
                    Place::Client(client) => format!("{}{}", names.before(client), note.text),
                    Place::Server => note.text.clone(),
                };
                let (side, lines) = (side(note.place), said(&text, "ladder-strong"));
                let (at, what) = (note.at, What::Noted);
                moments.push(Moment { at, side, order: 1, lines, room: 0.0, what });
            }
            Row::Packet(index, packet) => {
                moments.push(sent(index, packet));
                moments.extend(packet.first().map(|first| arrived(index, packet, first)));
            }
            Row::Copy(index, packet, copy) => moments.push(arrived(index, packet, copy)),
        }
    }
    moments
}

fn sent(index: usize, packet: &TracedPacket) -> Moment {
    let (at, side, lines) = (packet.sent, side(packet.from()), Vec::new());
    let room = if packet.first().is_none() { LOST_ROOM } else { 0.0 };
    Moment { at, side, order: 2, lines, room, what: What::Sent(index) }
}

fn arrived(index: usize, packet: &TracedPacket, arrival: &Arrival) -> Moment {
    let [remark, ..] = packet.remarks();
    let (what, remark) = match packet.duplicated.filter(|_| arrival.copy) {
        Some(cause) => (What::CopyArrived(index), format!("copy: doubled by {cause}")),
        None => (What::Arrived(index), remark),
    };
    let mut lines = said(&remark, "");
    if let Some(why) = arrival.dropped {
        lines.extend(said(why, "ladder-said-lost"));
    }
    // Without any delay it still arrives after it was sent.
    let order = if arrival.at == packet.sent { 3 } else { 0 };
    Moment { at: arrival.at, side: side(packet.to()), order, lines, room: 0.0, what }
}

pub(super) fn side(place: Place) -> Side {
    match place {
        Place::Client(_) => Side::Client,
        Place::Server => Side::Server,
    }
}

fn said(text: &str, class: &'static str) -> Vec<Said> {
    let width = ((CLIENT - 2.0 * MARGIN) / CHARACTER) as usize;
    wrapped(text, width).into_iter().map(|text| Said { text, class }).collect()
}
