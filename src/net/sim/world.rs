//! All hosts and the wire between them: what happens next, and when.
//!
//! Nothing here reads a clock. [`World::run_until`] replays everything that is due, in the order in
//! which it is due, to the microsecond; so it does not matter how late it is called.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::SimConfig;
use super::alarm::Alarm;
use super::host::Host;
use crate::net::record::{Drop, NetEvent, NetFate};
use crate::net::{Nat, host_address};
use crate::time::{Timestamp, earlier};
use crate::wire::{Direction, Fate, Passing, Wire};

/// The first of the hosts is the server.
pub(super) const SERVER: usize = 0;

pub(super) struct World {
    pub(super) wire: Wire,
    pub(super) hosts: Vec<Host>,
    by_address: BTreeMap<Ipv4Addr, usize>,
    /// When each host has something to do next.
    due: Vec<Option<Timestamp>>,
    record: Vec<NetEvent>,
    /// What stands between each host and the wire.
    nats: Vec<Nat>,
    /// The last packet that each host sent.
    last: Vec<Option<Arc<[u8]>>>,
    /// Wakes the driver.
    pub(super) alarm: Alarm,
    /// The run has ended: nothing happens any more.
    pub(super) over: bool,
}

impl World {
    pub(super) fn new(config: &SimConfig, alarm: Alarm) -> Self {
        let hosts: Vec<_> = (0..=config.clients)
            .map(|number| Host::new(number, host_address(number), config))
            .collect();
        World {
            wire: Wire::new(&config.wire),
            by_address: hosts.iter().map(|host| host.address).zip(0..).collect(),
            due: vec![None; hosts.len()],
            nats: hosts.iter().map(|_| Nat::default()).collect(),
            last: vec![None; hosts.len()],
            hosts,
            record: Vec::new(),
            alarm,
            over: false,
        }
    }

    /// Returns when something happens next, if no program does anything.
    pub(super) fn next_event(&self) -> Option<Timestamp> {
        let hosts = self.due.iter().flatten().min().copied();
        earlier(self.wire.poll_timeout(), hosts)
    }

    /// Lets everything happen that is due by `now`.
    pub(super) fn run_until(&mut self, now: Timestamp) {
        while let Some(at) = self.next_event().filter(|at| *at <= now) {
            if let Some(packet) = self.wire.poll_transmit(at) {
                self.keep_events();
                self.deliver(packet, at);
                continue;
            }
            for index in 0..self.hosts.len() {
                if self.due[index].is_some_and(|due| due <= at) {
                    self.poll(index, at);
                }
            }
        }
    }

    /// Lets a host send what it has to send.
    pub(super) fn poll(&mut self, index: usize, now: Timestamp) {
        let host = &mut self.hosts[index];
        host.poll(now);
        while let Some(bytes) = host.stack.outgoing() {
            if destination(&bytes) == host.address {
                // What a host says to itself never leaves it.
                host.receive(&bytes, now);
                host.poll(now);
                continue;
            }
            let direction = match index {
                SERVER => Direction::ServerToClient,
                _ => Direction::ClientToServer,
            };
            let bytes = self.nats[index].leaving(bytes);
            self.last[index] = Some(bytes.clone());
            self.wire.receive(direction, bytes, now);
        }
        self.due[index] = host.due();
        self.keep_events();
    }

    fn deliver(&mut self, packet: Passing, now: Timestamp) {
        let host = self.by_address.get(&destination(&packet.bytes)).copied();
        let dropped = match host {
            Some(index) => match self.nats[index].arriving(packet.bytes.clone()) {
                Some(bytes) => self.hosts[index].receive(&bytes, now),
                None => Some(Drop::NoSuchPort),
            },
            None => Some(Drop::NoSuchHost),
        };
        if let Some(why) = dropped {
            self.record.push(NetEvent { at: now, packet, fate: NetFate::AtHost(why) });
        }
        if let Some(index) = host {
            self.poll(index, now);
        }
    }

    /// Gives a host new ports for everything that it has open.
    pub(super) fn rebind(&mut self, index: usize) {
        let open = self.hosts[index].ports();
        self.nats[index].rebind(open);
    }

    /// Puts a packet onto the wire that no host has sent.
    pub(super) fn forge(&mut self, direction: Direction, bytes: Arc<[u8]>, now: Timestamp) {
        self.wire.receive(direction, bytes, now);
        let begun = self.record.len();
        self.keep_events();
        let sent = self.record[begun..].iter().find(|event| {
            event.packet.direction == direction && event.fate == NetFate::OnWire(Fate::Sent)
        });
        if let Some(NetEvent { at, packet, .. }) = sent.cloned() {
            self.record.push(NetEvent { at, packet, fate: NetFate::Forged });
        }
    }

    /// Returns the last packet that a host sent.
    pub(super) fn last_from(&self, index: usize) -> Option<Arc<[u8]>> {
        self.last.get(index).cloned().flatten()
    }

    fn keep_events(&mut self) {
        self.record.extend(std::iter::from_fn(|| self.wire.poll_event()).map(NetEvent::from));
    }

    pub(super) fn take_record(&mut self) -> Vec<NetEvent> {
        std::mem::take(&mut self.record)
    }
}

fn destination(packet: &Arc<[u8]>) -> Ipv4Addr {
    match packet.get(16..20) {
        Some(&[a, b, c, d]) => Ipv4Addr::new(a, b, c, d),
        _ => Ipv4Addr::UNSPECIFIED,
    }
}
