//! What a packet says, in words: from its bytes, and from what was sent before it.
//!
//! Numbers are relative, as Wireshark shows them: the SYN is 0, the first byte of a stream is 1.

mod message;
mod streams;

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use super::{Trace, TracedPacket};
use crate::packet::{Datagram, Packet};
use crate::protocol::datagram::header::{self, Cookie, Header, Type};
use message::Fragment;
use streams::Streams;

/// As wide as a label may be when nobody asks for less: it fits an arrow on 80 columns.
const LABEL_WIDTH: usize = 60;

/// A message is cut rather than shown in fewer columns than this, quotes included.
const SHORTEST_QUOTE: usize = 12;

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// In words, with the size of the packet: `DATA 1..21 "Client A;25", 61 B`.
    pub label: String,
    /// Whether its sender repeats itself. TCP: it carries bytes, SYN or FIN that were sent before;
    /// probes of a closed window and keep-alives do not count, nor do they in Wireshark. UDP: a
    /// request whose attempt is above 1, unless it brings a cookie for the first time; an answer
    /// that was sent before for the same id.
    pub again: bool,
    /// Bytes of messages in it: without the headers of IP, TCP, UDP, and ours.
    pub payload: usize,
    /// What it is for.
    pub kind: Kind,
    words: Words,
}

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP: opens a connection.
    Syn,
    /// TCP: accepts one.
    SynAck,
    /// TCP: bytes of the stream, perhaps with FIN.
    Data,
    /// TCP: the end of the stream, without bytes.
    Fin,
    /// TCP: an acknowledgement and nothing else.
    Ack,
    /// TCP: the connection is gone at once.
    Reset,
    /// TCP: asks whether a closed window is open again, or whether the other side is there.
    Probe,
    /// UDP: a framed datagram of this type.
    Framed(Type),
    /// UDP: a bare message, or something that is no message at all.
    Bare,
    /// A later fragment of a datagram.
    Fragment,
    /// ICMP: nobody has that UDP port.
    PortUnreachable,
    /// Anything else.
    Other,
}

/// The parts of a label, so that it can be made to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Words {
    /// `DATA 1..21`
    head: String,
    /// Messages, escaped.
    messages: Vec<String>,
    /// `ACK 22`, `61 B`; the last goes first if there is no room.
    tail: Vec<String>,
}

/// Reads all packets of a trace. The readings stand in the order of `trace.packets`.
pub fn read(trace: &Trace) -> Vec<Reading> {
    let mut moments = Vec::new();
    for (index, packet) in trace.packets.iter().enumerate() {
        moments.push((packet.sent, Moment::Sent, index));
        for arrival in packet.arrivals.iter().filter(|arrival| arrival.dropped.is_none()) {
            // On a wire without delay a packet still arrives after it was sent.
            let late = arrival.at == packet.sent;
            let moment = if late { Moment::ArrivedAtOnce } else { Moment::Arrived };
            moments.push((arrival.at, moment, index));
        }
    }
    moments.sort();
    let mut reader = Reader::default();
    let mut readings = vec![None; trace.packets.len()];
    for (_, moment, index) in moments {
        let packet = &trace.packets[index];
        match moment {
            Moment::Sent => readings[index] = Some(reader.sent(packet)),
            Moment::Arrived | Moment::ArrivedAtOnce => reader.arrived(packet),
        }
    }
    readings.into_iter().flatten().collect()
}

/// In the order in which they happen at the same time: what arrives may be answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Arrived,
    Sent,
    ArrivedAtOnce,
}

/// What was said so far.
#[derive(Debug, Default)]
struct Reader {
    streams: Streams,
    answers: BTreeSet<(SocketAddrV4, SocketAddrV4, u8, u32, u32)>,
    proofs: BTreeSet<(SocketAddrV4, u32, u32, Cookie)>,
}

impl Reader {
    fn sent(&mut self, packet: &TracedPacket) -> Reading {
        let fragment = Fragment::of(&packet.bytes);
        let (kind, again, payload, mut words) = match Packet::parse(&packet.bytes) {
            Packet::Tcp(segment) if packet.forged => streams::forged(&segment),
            Packet::Tcp(segment) => self.streams.sent(&segment, packet.sent),
            // Of what was said so far a forged one is no part.
            Packet::Udp(datagram) if packet.forged => Reader::default().datagram(&datagram),
            Packet::Udp(datagram) => self.datagram(&datagram),
            Packet::Fragment { .. } => {
                let payload = fragment.as_ref().map_or(0, Fragment::length);
                (Kind::Fragment, false, payload, Words::of("fragment"))
            }
            Packet::PortUnreachable { .. } => {
                (Kind::PortUnreachable, false, 0, Words::of("ICMP port unreachable"))
            }
            Packet::Other => (Kind::Other, false, 0, Words::of("something else")),
        };
        match fragment {
            Some(fragment) if kind == Kind::Fragment => words.head = fragment.to_string(),
            Some(fragment) => words.tail.push(fragment.to_string()),
            None => {}
        }
        words.tail.push(format!("{} B", packet.bytes.len()));
        Reading { label: words.fit(LABEL_WIDTH), again, payload, kind, words }
    }

    fn arrived(&mut self, packet: &TracedPacket) {
        if let Packet::Tcp(segment) = Packet::parse(&packet.bytes)
            && !packet.forged
        {
            self.streams.arrived(&segment);
        }
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> (Kind, bool, usize, Words) {
        if !header::is_framed(datagram.payload) {
            let messages = message::lines(datagram.payload);
            let words = Words { messages, ..Words::of("DATAGRAM") };
            return (Kind::Bare, false, datagram.payload.len(), words);
        }
        match message::first_part(datagram) {
            Ok((header, payload)) => {
                let again = self.repeats(datagram, &header);
                let messages = message::said(datagram).into_iter().collect();
                let words = Words { messages, ..Words::of(&message::name(&header)) };
                (Kind::Framed(header.kind), again, payload, words)
            }
            Err(error) => {
                let words = Words::of(&format!("DATAGRAM, {error}"));
                (Kind::Bare, false, datagram.payload.len(), words)
            }
        }
    }

    fn repeats(&mut self, datagram: &Datagram<'_>, header: &Header) -> bool {
        let Header { kind, token, message_id: id, .. } = *header;
        let (from, to) = (datagram.from, datagram.to);
        match kind {
            Type::Request | Type::Hello | Type::Ping => {
                let proof = |cookie| self.proofs.insert((from, token, id, cookie));
                let brings_proof = header.cookie.is_some_and(proof);
                header.attempt > 1 && !brings_proof
            }
            _ => !self.answers.insert((from, to, kind as u8, token, id)),
        }
    }
}

impl Reading {
    /// Returns the label in at most `width` columns. What is missed least goes first: the
    /// size of the packet, then the ends of long messages.
    pub fn fit(&self, width: usize) -> String {
        self.words.fit(width)
    }

    /// Returns how many columns the label needs at least, if nothing is cut that has a number.
    pub(super) fn shortest(&self) -> usize {
        columns(&self.words.head)
    }

    /// Returns the same with its messages spelled in another way.
    pub(super) fn spelled(&self, spell: impl Fn(&str) -> String) -> Reading {
        let messages = self.words.messages.iter().map(|message| spell(message)).collect();
        let words = Words { messages, ..self.words.clone() };
        Reading { label: words.fit(LABEL_WIDTH), words, ..*self }
    }
}

impl Words {
    fn of(head: &str) -> Self {
        Words { head: head.to_owned(), ..Words::default() }
    }

    fn fit(&self, width: usize) -> String {
        let whole: String = self.messages.iter().map(|message| format!(" \"{message}\"")).collect();
        let tails: Vec<String> =
            (0..=self.tail.len()).rev().map(|kept| joined(&self.tail[..kept])).collect();
        for tail in &tails {
            let label = format!("{}{whole}{tail}", self.head);
            if columns(&label) <= width {
                return label;
            }
        }
        for tail in &tails {
            let room = width.saturating_sub(columns(&self.head) + columns(tail));
            if room > SHORTEST_QUOTE {
                return format!("{}{}{tail}", self.head, message::shortened(&self.messages, room));
            }
        }
        message::cut(&self.head, width)
    }
}

fn joined(tail: &[String]) -> String {
    tail.iter().map(|part| format!(", {part}")).collect()
}

fn columns(text: &str) -> usize {
    text.chars().count()
}
