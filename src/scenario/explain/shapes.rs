//! About where messages begin and end, and how long they may be.

use super::both;
use super::facts::{lost, overtaken_on_the_wire, packets};
use crate::packet::Packet;
use crate::protocol::framing::Framing;
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::rows::{answered, of_number, opened};
use crate::scenario::words::{list, short, thousands};
use crate::trace::{Loss, TracedPacket};
use crate::wire::Direction;

pub(in crate::scenario) fn message_boundaries(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let how = match tcp.framing {
            _ if tcp.logged("exchange") + tcp.logged("malformed") == 0 => {
                "Over TCP no message reached the server".to_owned()
            }
            Framing::Raw => raw(tcp),
            _ => lines(tcp),
        };
        format!("{}{how} ({} answered). {}", what_gathered_them(tcp), answered(tcp), datagrams(udp))
    })
}

/// Says how messages were sent and found where each is a datagram.
fn datagrams(udp: &Run) -> String {
    let copies = match udp.exchanges().map(|one| usize::from(one.retransmissions)).sum() {
        0_usize => String::new(),
        1 => ", 1 of them a copy,".to_owned(),
        copies => format!(", {copies} of them copies,"),
    };
    let found = udp.logged("exchange") + udp.logged("duplicate") + udp.logged("malformed");
    let came = match found {
        0 => "and none reached the server (0 answered)".to_owned(),
        _ => format!(
            "and each recv one message ({} answered), in the order in which they came",
            answered(udp)
        ),
    };
    format!("Over UDP each send was a datagram{copies} {came}.")
}

/// Says what made several messages arrive in the stack's stream at one moment, if something did.
fn what_gathered_them(tcp: &Run) -> String {
    let Some((place, packet)) = overtaken_on_the_wire(tcp) else { return String::new() };
    let what = match (place, packet.lost) {
        (0, None) if packet.held.is_some() => "The wire held the first packet up",
        (0, Some(_)) => "The wire lost the first packet",
        (_, Some(_)) => "The wire lost a packet",
        _ => "The wire held a packet up",
    };
    let which = match place {
        0 if came_together(tcp) => "all arrived together",
        _ => "those behind it arrived together with it",
    };
    let when = if packet.lost.is_some() { ", when it was repeated" } else { "" };
    format!("{what}, so that {which}{when}. ")
}

/// Returns whether the server had all messages at the same moment.
fn came_together(tcp: &Run) -> bool {
    let mut found = tcp
        .server
        .events
        .iter()
        .filter(|event| event.executed.is_some() || event.event == "malformed")
        .map(|event| event.at);
    let first = found.next();
    found.all(|at| Some(at) == first)
}

/// `all three`, `all 5`.
fn all(count: usize) -> String {
    match count {
        3 => "all three".to_owned(),
        _ => format!("all {count}"),
    }
}

/// Says what became of a server that takes each read for a message.
fn raw(tcp: &Run) -> String {
    let (asked, reads) =
        (tcp.exchanges().count(), tcp.logged("exchange") + tcp.logged("malformed"));
    let came = match (tcp.logged("malformed"), reads) {
        (0, _) => "here each had come by itself, which is luck".to_owned(),
        (_, 1) => format!("{} had come together", all(asked)),
        (_, _) => "several had come together".to_owned(),
    };
    format!(
        "Over TCP the server took what one recv returned for one message, and {came}: TCP is a stream \
         of bytes and keeps no boundaries. Whoever wants messages must mark their ends"
    )
}

/// Says how a server finds messages by their line ends.
fn lines(tcp: &Run) -> String {
    let came = match overtaken_on_the_wire(tcp) {
        Some((0, _)) if came_together(tcp) => {
            format!("{} came in one recv", all(tcp.logged("exchange")))
        }
        _ => "a recv may return any part of what was sent".to_owned(),
    };
    format!(
        "Over TCP {came}: a stream of bytes keeps no boundaries, the server found the messages by \
         their line ends"
    )
}

pub(in crate::scenario) fn oversized(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let asked = tcp.exchanges().count();
        let over_tcp = match opened(tcp) {
            0 => format!("TCP never got a connection ({} of {asked} answered)", answered(tcp)),
            _ => format!(
                "TCP cut every message into segments that fit ({} of {asked} answered); the program \
                 never saw it",
                answered(tcp)
            ),
        };
        let refused: usize = udp.clients.iter().map(|client| client.not_sent.len()).sum();
        let refused = match refused {
            0 => String::new(),
            1 => ", and 1 was longer than a datagram can be: the system refused to send it"
                .to_owned(),
            _ => format!(
                ", and {refused} were longer than a datagram can be: the system refused to send them"
            ),
        };
        format!(
            "{over_tcp}. Over UDP a datagram above 1,472 bytes left in pieces that only the other \
             host puts together ({} answered){refused}. If one piece is lost, all are: \
             oversized.fragment-lost.",
            answered(udp)
        )
    })
}

pub(in crate::scenario) fn fragment_lost(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let same = lost_pieces(tcp) == lost_pieces(udp) && !lost_pieces(udp).is_empty();
        let end = |run: &Run| of_number(run, 13).map_or("-".to_owned(), ended);
        format!(
            "{}{}: {}. {}: {}.",
            if same { "The same packet was lost over both. " } else { "" },
            piece_of_tcp(tcp, same),
            end(tcp),
            piece_of_udp(udp, same),
            end(udp)
        )
    })
}

/// Returns which packets with a piece of a message were lost.
fn lost_pieces(run: &Run) -> Vec<(Direction, u64)> {
    let packets = run.packets().unwrap_or_default();
    let lost =
        packets.iter().filter(|(packet, reading)| packet.lost.is_some() && reading.payload > 0);
    lost.map(|(packet, _)| (packet.direction, packet.number)).collect()
}

fn ended(one: &ExchangeLog) -> String {
    let how = match one.still_waiting {
        true => "still waiting".to_owned(),
        false => one.ending.name().replace('_', " "),
    };
    format!("{how} after {}", short(one.elapsed()))
}

fn piece_of_tcp(tcp: &Run, same: bool) -> &'static str {
    let again = packets(tcp, |_, reading| reading.again && reading.payload > 0);
    match (lost_pieces(tcp).len(), again) {
        _ if opened(tcp) == 0 => "Over TCP no piece of the message ever left",
        (0, _) => "Over TCP no piece of the message was lost",
        (_, 0) => "TCP sent nothing of it again in that time",
        _ if same => "TCP sent again what was in it",
        _ => "TCP sent again what was lost",
    }
}

fn piece_of_udp(udp: &Run, same: bool) -> &'static str {
    let to_server = Direction::ClientToServer;
    let sent = packets(udp, |packet, _| packet.direction == to_server);
    let answered = udp.exchanges().all(ExchangeLog::is_replied);
    match lost(udp, to_server) {
        0 if answered => "Over UDP every piece arrived",
        0 => "Over UDP every piece arrived, but not the answer, and nobody is told",
        lost if lost == sent => "Over UDP no piece arrived, and nobody is told",
        _ if same => {
            "Over UDP the other pieces arrived for nothing; a datagram is whole or not at all, and \
             nobody is told"
        }
        _ => {
            "Over UDP a piece was lost, and the others arrived for nothing; a datagram is whole or \
             not at all, and nobody is told"
        }
    }
}

pub(in crate::scenario) fn slow_reader(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let fates = Fates::of(udp);
        let lesson = match (fates.buffer, fates.wire + fates.queue) {
            (0, 0) => "",
            (0, _) => " Here it was the network that lost them, and nobody was told.",
            _ => " Not all loss is the network's.",
        };
        format!(
            "Nobody read for three seconds. {}. Over UDP nothing holds a sender up: {}.{lesson}",
            held_up_by_tcp(tcp),
            fates.say(udp)
        )
    })
}

fn held_up_by_tcp(tcp: &Run) -> String {
    let closed = packets(tcp, |packet, _| {
        let segment = Packet::parse(&packet.bytes);
        packet.direction == Direction::ServerToClient
            && matches!(segment, Packet::Tcp(segment) if segment.window == 0 && !segment.rst)
    });
    let held_up = tcp.clients.iter().filter_map(|client| client.pushed.as_ref());
    let held_up = held_up.map(|pushed| pushed.held_up).any(|time| !time.is_zero());
    let why = match (tcp.pushed(), closed) {
        (0, _) => {
            return "Over TCP no connection came about in time, and nothing was sent".to_owned();
        }
        (_, 1..) => "the receiver's window closed, and send() held the sender up (flow control)",
        _ if held_up => {
            "the window stayed open, but send() held the sender up, because its own buffer was full \
             of bytes not yet acknowledged"
        }
        _ => "there was room for everything",
    };
    let read = match tcp.pushed().saturating_sub(tcp.read().bytes) {
        0 => "every byte that send() took was read in the end",
        _ => "not everything that send() took was read",
    };
    format!("Over TCP {why}: {read}")
}

/// Where the bytes of datagrams went that nobody read.
struct Fates {
    /// Dropped by the receiver's host: its buffer was full.
    buffer: usize,
    /// Lost by the wire.
    wire: usize,
    /// Dropped before the wire: its queue was full.
    queue: usize,
}

impl Fates {
    fn of(udp: &Run) -> Self {
        let all = udp.packets().unwrap_or_default();
        let bytes = |wanted: fn(&TracedPacket) -> bool| {
            let packets = all.iter().filter(|(packet, _)| wanted(packet));
            packets.map(|(_, reading)| reading.payload).sum()
        };
        Fates {
            buffer: bytes(|packet| {
                let arrivals = &packet.arrivals;
                !arrivals.is_empty() && arrivals.iter().all(|arrival| arrival.dropped.is_some())
            }),
            wire: bytes(|packet| matches!(packet.lost, Some(Loss::By(_) | Loss::Cut))),
            queue: bytes(|packet| packet.lost == Some(Loss::QueueFull)),
        }
    }

    fn say(&self, udp: &Run) -> String {
        let (taken, gone) = (udp.pushed(), udp.pushed().saturating_sub(udp.read().bytes));
        let rest = gone.saturating_sub(self.buffer + self.wire + self.queue);
        if gone == 0 {
            return "everything fitted into the receiver's buffer".to_owned();
        }
        let parts = [
            (self.buffer, "died in the receiver's own buffer"),
            (self.queue, "found the wire's queue full"),
            (self.wire, "were lost by the wire"),
            (rest, "were not read by the end"),
        ];
        let mut parts = parts.into_iter().filter(|(bytes, _)| *bytes > 0);
        let died = match (self.buffer == gone, parts.next()) {
            (true, Some((bytes, what))) => format!(", and {} of them {what}", thousands(bytes)),
            (_, first) => {
                let said = first.into_iter().chain(parts);
                format!(
                    "; {}",
                    list(said.map(|(bytes, what)| format!("{} {what}", thousands(bytes))))
                )
            }
        };
        format!("send() took {} bytes{died}, with no error on either side", thousands(taken))
    }
}
