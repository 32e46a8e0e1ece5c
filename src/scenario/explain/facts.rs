//! What the sentences ask of a record, each question in one place. Where packets cannot be seen,
//! none was lost, held up or sent again as far as anybody can say.

use crate::peer::Transport;
use crate::protocol::parameters::MAX_TRANSMIT_SPAN;
use crate::protocol::{Closing, Ending};
use crate::scenario::log::{ExchangeLog, Run};
use crate::scenario::words::{count, outcome, short};
use crate::testbed::Action;
use crate::time::Timestamp;
use crate::trace::TracedPacket;
use crate::trace::reading::{Kind, Reading};
use crate::wire::Direction;

/// Counts the packets that are wanted.
pub(super) fn packets(run: &Run, wanted: impl Fn(&TracedPacket, &Reading) -> bool) -> usize {
    let packets = run.packets().unwrap_or_default();
    packets.iter().filter(|(packet, reading)| wanted(packet, reading)).count()
}

/// Counts the packets with messages that are wanted, one way.
fn loaded(run: &Run, way: Direction, wanted: impl Fn(&TracedPacket, &Reading) -> bool) -> usize {
    packets(run, |packet, reading| {
        packet.direction == way && reading.payload > 0 && wanted(packet, reading)
    })
}

/// Returns how many packets with messages the wire lost, one way.
pub(super) fn lost(run: &Run, way: Direction) -> usize {
    loaded(run, way, |packet, _| packet.lost.is_some())
}

/// Returns how many packets with messages the wire held back, one way.
pub(super) fn held(run: &Run, way: Direction) -> usize {
    loaded(run, way, |packet, _| packet.held.is_some())
}

/// Returns how many packets with messages left again, one way.
pub(super) fn carried_again(run: &Run, way: Direction) -> usize {
    loaded(run, way, |_, reading| reading.again)
}

/// Returns how many datagrams our client, or how many segments a stack sent again.
pub(super) fn again(run: &Run) -> usize {
    run.metrics().retransmissions.unwrap_or_default()
}

/// Returns how many packets the wire doubled.
pub(super) fn doubled(run: &Run) -> usize {
    packets(run, |packet, _| packet.duplicated.is_some())
}

/// Returns how many datagrams met a port that nobody has.
pub(super) fn unreachable(run: &Run) -> usize {
    packets(run, |_, reading| reading.kind == Kind::PortUnreachable)
}

/// Returns whether every exchange got its reply.
pub(super) fn all_replied(run: &Run) -> bool {
    run.exchanges().all(ExchangeLog::is_replied)
}

/// Returns the first request that arrived behind one sent after it, or was lost while that one
/// arrived, with its place among the requests.
pub(super) fn overtaken_on_the_wire(run: &Run) -> Option<(usize, TracedPacket)> {
    let packets = run.packets()?;
    let requests: Vec<&TracedPacket> = packets
        .iter()
        .filter(|(packet, reading)| {
            packet.direction == Direction::ClientToServer && reading.payload > 0 && !reading.again
        })
        .map(|(packet, _)| *packet)
        .collect();
    let arrived = |packet: &TracedPacket| packet.arrivals.first().map(|arrival| arrival.at);
    let place = (0..requests.len()).find(|place| {
        let mine = requests[*place];
        let behind = requests[place + 1..].iter().filter(|other| other.client == mine.client);
        behind.filter_map(|other| arrived(other)).any(|at| arrived(mine).is_none_or(|own| own > at))
    })?;
    Some((place, requests[place].clone()))
}

/// Returns when something was first done to the server.
pub(super) fn acted(run: &Run, wanted: &[Action]) -> Option<Timestamp> {
    run.server.acted.iter().find(|(_, action)| wanted.contains(action)).map(|(at, _)| *at)
}

/// What ended the waiting for a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GaveUp {
    /// The deadline that the program had set.
    OwnClock,
    /// The rules of TCP's stack.
    Stack,
    /// Our client may send no more copies.
    Copies,
    /// Nothing.
    Never,
    /// It did not give up: it got a reply, or was told.
    Told,
}

/// Returns what ended the waiting for a reply.
pub(super) fn gave_up(run: &Run, one: &ExchangeLog) -> GaveUp {
    let at_deadline = run.deadline.is_some_and(|deadline| one.elapsed() >= deadline);
    match (&one.ending, run.column.transport) {
        _ if one.still_waiting => GaveUp::Never,
        (Ending::TimedOut, _) if at_deadline => GaveUp::OwnClock,
        (Ending::TimedOut, Transport::Tcp) => GaveUp::Stack,
        (Ending::BrokenOff(Closing::GaveUp), _) => GaveUp::Stack,
        (Ending::TimedOut, Transport::Udp) => GaveUp::Copies,
        _ => GaveUp::Told,
    }
}

/// Says what ended the waiting for a reply, and after which time.
pub(super) fn end_of_wait(run: &Run, one: &ExchangeLog) -> String {
    let after = short(one.elapsed());
    match gave_up(run, one) {
        GaveUp::OwnClock => format!("the program gave up by its own clock, after {after}"),
        GaveUp::Stack => format!("the stack gave up by its rules, after {after}"),
        GaveUp::Copies => format!("our client gave up by {}, after {after}", limit(run, one)),
        GaveUp::Never => format!("nothing ever ended it, and we stopped looking after {after}"),
        GaveUp::Told => format!("{} after {after}", outcome(one)),
    }
}

/// Says which limit for copies our client had reached.
pub(super) fn limit(run: &Run, one: &ExchangeLog) -> String {
    match run.datagram.retransmissions {
        Some(0) => "its rule to send no copies".to_owned(),
        Some(1) => "its limit of one copy".to_owned(),
        Some(most) if one.retransmissions >= most => format!("its limit of {most} copies"),
        _ => format!("its limit of {} for copies", short(MAX_TRANSMIT_SPAN)),
    }
}

/// Says how much was sent again: `2 segments`, `1 datagram`.
pub(super) fn amount_again(run: &Run) -> String {
    match run.column.transport {
        Transport::Tcp => count(again(run), "segment"),
        Transport::Udp => count(again(run), "datagram"),
    }
}
