//! Who closed a connection first, and keeps its pair of addresses in TIME-WAIT for it (RFC 9293
//! section 3.6).

use std::collections::BTreeMap;

use super::Trace;
use crate::packet::Packet;
use crate::wire::Direction;

/// Returns how many connections the clients, and how many the server closed first with a FIN that
/// was answered by a FIN.
pub fn closed_first(trace: &Trace) -> (usize, usize) {
    let mut fins: BTreeMap<_, Vec<Direction>> = BTreeMap::new();
    for packet in &trace.packets {
        let Packet::Tcp(segment) = Packet::parse(&packet.bytes) else { continue };
        let pair = match packet.direction {
            Direction::ClientToServer => (segment.from, segment.to),
            Direction::ServerToClient => (segment.to, segment.from),
        };
        let seen = fins.entry(pair).or_default();
        if segment.fin && !seen.contains(&packet.direction) {
            seen.push(packet.direction);
        }
    }
    let both =
        |first: Direction| fins.values().filter(|seen| seen.len() == 2 && seen[0] == first).count();
    (both(Direction::ClientToServer), both(Direction::ServerToClient))
}
