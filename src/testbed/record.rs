//! From the events of a network to a trace: what happened to each packet, put together.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::net::record::{Drop, NetEvent, NetFate};
use crate::trace::{Arrival, Cause, Loss, Trace, TracedPacket};
use crate::wire::{Direction, Fate, Passing, Rule};

/// Puts the events of a record together, packet by packet. `rules` are the wire's.
pub fn trace_of(record: &[NetEvent], rules: &[Rule]) -> Trace {
    let mut packets: Vec<TracedPacket> = Vec::new();
    let mut places: BTreeMap<(Direction, u64), usize> = BTreeMap::new();
    let cause = |rule: Option<usize>| match rule.and_then(|index| rules.get(index)) {
        Some(rule) => Cause::Rule(rule.what),
        None => Cause::Luck,
    };
    for event in record {
        let key = (event.packet.direction, event.packet.number);
        let place = *places.entry(key).or_insert_with(|| {
            packets.push(begun(&event.packet));
            packets.len() - 1
        });
        let packet = &mut packets[place];
        match event.fate {
            NetFate::OnWire(Fate::Sent) => packet.sent = event.at,
            NetFate::OnWire(Fate::Delivered { copy }) => {
                packet.arrivals.push(Arrival { at: event.at, copy, dropped: None });
            }
            NetFate::OnWire(Fate::Lost) => packet.lost = Some(Loss::By(Cause::Luck)),
            NetFate::OnWire(Fate::Dropped(rule)) => packet.lost = Some(Loss::By(cause(Some(rule)))),
            NetFate::OnWire(Fate::QueueFull) => packet.lost = Some(Loss::QueueFull),
            NetFate::OnWire(Fate::Cut) => packet.lost = Some(Loss::Cut),
            NetFate::OnWire(Fate::Duplicated(rule)) => packet.duplicated = Some(cause(rule)),
            NetFate::OnWire(Fate::Held(rule)) => packet.held = Some(cause(rule)),
            NetFate::Forged => packet.forged = true,
            NetFate::AtHost(why) => {
                if let Some(arrival) = packet.arrivals.last_mut() {
                    arrival.dropped = Some(reason(why));
                }
            }
        }
    }
    Trace { packets, notes: Vec::new() }
}

fn begun(packet: &Passing) -> TracedPacket {
    TracedPacket {
        direction: packet.direction,
        number: packet.number,
        client: client(packet),
        bytes: packet.bytes.clone(),
        sent: crate::time::Timestamp::ZERO,
        lost: None,
        held: None,
        duplicated: None,
        forged: false,
        arrivals: Vec::new(),
    }
}

/// Returns which client's host sent a packet or is to get it: see `net::sim` for their addresses.
fn client(packet: &Passing) -> usize {
    let at = match packet.direction {
        Direction::ClientToServer => 12,
        Direction::ServerToClient => 16,
    };
    let Some(&[a, b, c, d]) = packet.bytes.get(at..at + 4) else { return 1 };
    match Ipv4Addr::new(a, b, c, d).to_bits() & 0x00ff_ffff {
        first @ 0..=1 => first.max(1) as usize,
        other => other as usize - 1,
    }
}

fn reason(why: Drop) -> &'static str {
    match why {
        Drop::BacklogFull => "backlog full",
        Drop::ReceiveBufferFull => "receive buffer full",
        Drop::NotItsPeer => "not its peer",
        Drop::PoweredOff => "powered off",
        Drop::Refused => "not taken by the host",
        Drop::NoSuchHost => "no such host",
        Drop::NoSuchPort => "no such port",
    }
}
