//! What is between two hosts: their cables, the wire, and the record of what passed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::ours::{destination, is_ours, port, source};
use super::recorder::Recorder;
use crate::net::record::{Drop as Dropped, NetEvent, NetFate};
use crate::net::{Nat, host_address};
use crate::time::{Clock, Timestamp};
use crate::wire::{Direction, Fate, Passing, Wire, WireConfig};

/// Packets that are read from one host before the other has its turn.
const BURST: usize = 32;

/// What is carried, and between whom.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) wire: Wire,
    /// The hosts' ends of the cable, by the direction in which each sends; none without power.
    pub(super) ends: [Option<Arc<File>>; 2],
    /// What stands between the first client and the wire.
    nat: Nat,
    /// The ports from which the first client has sent.
    ports: BTreeSet<u16>,
    pub(super) last_of_first_client: Option<Arc<[u8]>>,
    pub(super) record: Recorder,
    /// Whose device has been taken from us, by the direction in which it sent.
    torn: [bool; 2],
    /// When the last packet came or went.
    pub(super) moved: Timestamp,
    pub(super) over: bool,
}

impl Load {
    /// Nothing yet, between client and server.
    pub(super) fn new(wire: &WireConfig, [client, server]: [Arc<File>; 2]) -> Self {
        Load {
            wire: Wire::new(wire),
            ends: [Some(client), Some(server)],
            nat: Nat::default(),
            ports: BTreeSet::new(),
            last_of_first_client: None,
            record: Recorder::default(),
            torn: [false; 2],
            moved: Timestamp::ZERO,
            over: false,
        }
    }

    /// Gives what the first client has open new ports.
    pub(super) fn change_address(&mut self) {
        let open = std::mem::take(&mut self.ports);
        self.nat.rebind(open);
    }

    /// Puts a packet onto the wire that no host has sent.
    pub(super) fn forge(&mut self, direction: Direction, bytes: &[u8], now: Timestamp) {
        self.wire.receive(direction, bytes.into(), now);
        let begun = self.record.len();
        self.keep_events();
        let sent = self.record.since(begun).iter().find(|event| is_sent(event)).cloned();
        if let Some(NetEvent { at, packet, .. }) = sent {
            self.record.keep(NetEvent { at, packet, fate: NetFate::Forged });
        }
    }

    /// Returns, in words, what has gone wrong so that the record does not tell all.
    pub(super) fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        if self.record.missing() > 0 {
            let missing = self.record.missing();
            troubles.push(format!("the record is full: {missing} packets at its end are missing"));
        }
        for (host, _) in ["client's", "server's"].iter().zip(self.torn).filter(|(_, torn)| *torn) {
            troubles.push(format!("the {host} device was removed by somebody else"));
        }
        troubles
    }

    /// Returns whether nothing is under way, nor sent and not read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.wire.poll_timeout().is_none() && !self.has_unread()
    }

    /// Returns whether a host has sent something that the thread has not come to read yet.
    fn has_unread(&self) -> bool {
        let ends = self.ends.iter().flatten();
        let mut files: Vec<PollFd> =
            ends.map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)).collect();
        poll(&mut files, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    /// Reads what the hosts have sent, in turns; returns whether there may be more.
    pub(super) fn take_in(&mut self, buffer: &mut [u8], clock: &Clock) -> bool {
        let mut more = false;
        for direction in [Direction::ClientToServer, Direction::ServerToClient] {
            let Some(end) = self.ends[direction as usize].clone() else { continue };
            let mut read = 0;
            while read < BURST {
                match (&*end).read(buffer) {
                    Ok(length @ 1..) => {
                        self.put_on_wire(direction, &buffer[..length], clock.now());
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Nothing will ever come of it again, and waiting for it would not wait.
                    Ok(_) | Err(_) => {
                        self.ends[direction as usize] = None;
                        self.torn[direction as usize] = true;
                        break;
                    }
                }
                read += 1;
            }
            more |= read == BURST;
        }
        more
    }

    fn put_on_wire(&mut self, direction: Direction, packet: &[u8], now: Timestamp) {
        if !is_ours(direction, packet) {
            return;
        }
        self.moved = now;
        let mut bytes: Arc<[u8]> = packet.into();
        if direction == Direction::ClientToServer && source(packet) == host_address(1).octets() {
            self.ports.extend(port(packet));
            bytes = self.nat.leaving(bytes);
            self.last_of_first_client = Some(bytes.clone());
        }
        self.wire.receive(direction, bytes, now);
        self.keep_events();
    }

    /// Writes what is due.
    pub(super) fn hand_out(&mut self, clock: &Clock) {
        loop {
            let now = clock.now();
            let Some(packet) = self.wire.poll_transmit(now) else { return };
            self.moved = now;
            let dropped = self.deliver(&packet);
            let begun = self.record.len();
            self.keep_events();
            for event in self.record.since(begun) {
                event.at = now;
            }
            if let Some(why) = dropped {
                self.record.keep(NetEvent { at: now, packet, fate: NetFate::AtHost(why) });
            }
        }
    }

    fn deliver(&self, packet: &Passing) -> Option<Dropped> {
        // Who receives is who sends in the other direction.
        let (end, bytes) = match packet.direction {
            Direction::ClientToServer => (&self.ends[1], Some(packet.bytes.clone())),
            Direction::ServerToClient if destination(&packet.bytes) == host_address(1).octets() => {
                (&self.ends[0], self.nat.arriving(packet.bytes.clone()))
            }
            Direction::ServerToClient => (&self.ends[0], Some(packet.bytes.clone())),
        };
        let Some(end) = end else { return Some(Dropped::PoweredOff) };
        let Some(bytes) = bytes else { return Some(Dropped::NoSuchPort) };
        (&**end).write(&bytes).is_err().then_some(Dropped::Refused)
    }

    fn keep_events(&mut self) {
        while let Some(event) = self.wire.poll_event() {
            self.record.keep(event.into());
        }
    }
}

/// Returns whether a packet was put on the wire.
pub(super) fn is_sent(event: &NetEvent) -> bool {
    event.fate == NetFate::OnWire(Fate::Sent)
}
