//! A host: smoltcp's stack with what an operating system puts around it. Ports, a receive path that
//! looks at what the stack does not tell, and power.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};

use super::SimConfig;
use super::connection::Connection;
use super::device::Device;
use super::listener::Backlog;
use super::record::Drop;
use super::udp::Datagrams;
use crate::packet::Packet;
use crate::time::{Timestamp, earlier};
use crate::wire::mix;

/// The first of the ports that a host chooses for itself: RFC 6335 section 6.
const FIRST_FREE_PORT: u16 = 49_152;

/// How long the pieces of a datagram wait for the rest. RFC 1122 section 3.3.2 asks for 60 s, Linux
/// waits 30 s. But smoltcp has 32 places for unfinished datagrams in all, so under loss long waits
/// would keep whole datagrams out.
const REASSEMBLY_TIMEOUT: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(2);

/// Rounds of sending at one moment after which a host has to wait: a guard against a stack that
/// always has something to do, far above what full buffers need.
const MAX_ROUNDS: usize = 10_000;

/// All hosts are neighbours, so there are no routers.
const PREFIX: u8 = 8;

/// Names a socket for good: no second one ever has it.
pub(super) type Id = u64;

/// The kinds of ports.
#[derive(Debug, Clone, Copy)]
pub(super) enum Port {
    Tcp,
    Udp,
}

pub(super) struct Host {
    pub(super) address: Ipv4Addr,
    pub(super) interface: Box<Interface>,
    pub(super) device: Device,
    pub(super) sockets: SocketSet<'static>,
    pub(super) listeners: BTreeMap<u16, Backlog>,
    pub(super) connections: BTreeMap<Id, Connection>,
    pub(super) datagrams: BTreeMap<u16, Datagrams>,
    /// When the stack or a limit has something to do next.
    pub(super) due: Option<Timestamp>,
    /// Connections that may wait to be accepted, at each listener.
    pub(super) backlog: usize,
    /// Its programs do nothing more.
    pub(super) paused: bool,
    powered: bool,
    seed: u64,
    boots: u64,
    pub(super) last_id: Id,
    next_ports: [u16; 2],
}

impl Host {
    pub(super) fn new(number: usize, address: Ipv4Addr, config: &SimConfig) -> Self {
        // Hosts draw from another place than the wire, whose purposes and directions are small.
        let seed = mix(mix(config.wire.seed) ^ (1 << 32 | number as u64));
        let mut device = Device::default();
        Host {
            address,
            interface: interface(address, mix(seed), &mut device),
            device,
            sockets: SocketSet::new(Vec::new()),
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            due: None,
            backlog: config.backlog,
            paused: false,
            powered: true,
            seed,
            boots: 0,
            last_id: 0,
            next_ports: [FIRST_FREE_PORT; 2],
        }
    }

    /// Takes a packet from the wire. Returns why it was dropped, if the wire cannot know.
    pub(super) fn receive(&mut self, packet: &Arc<[u8]>, now: Timestamp) -> Option<Drop> {
        if !self.powered {
            return Some(Drop::PoweredOff);
        }
        match Packet::parse(packet) {
            Packet::Tcp(segment) if self.is_beyond_backlog(&segment) => {
                return Some(Drop::BacklogFull);
            }
            Packet::Tcp(segment) => {
                self.hear(&segment, now);
                self.guard_known(&segment);
            }
            Packet::PortUnreachable { from, to } => self.refuse_datagrams(from.port(), to),
            _ => {}
        }
        self.device.inbox.push_back(packet.clone());
        self.interface.poll_ingress_single(instant(now), &mut self.device, &mut self.sockets);
        self.take_datagrams()
    }

    /// Sends all that may be sent, and lets pass what has waited too long.
    pub(super) fn poll(&mut self, now: Timestamp) {
        if !self.powered {
            return;
        }
        let mut due = None;
        for _ in 0..MAX_ROUNDS {
            self.review(now);
            let before = self.device.outbox.len();
            let result = self.interface.poll(instant(now), &mut self.device, &mut self.sockets);
            due = self.interface.poll_at(instant(now), &self.sockets).map(timestamp);
            let sent = self.device.outbox.len() > before || result != PollResult::None;
            // One datagram at a time is cut into fragments, one for each round.
            if !sent || due.is_none_or(|due| due > now) {
                break;
            }
        }
        let limit = self.review(now);
        // The clock must move on whatever the stack thinks.
        let due = due.map(|due| if due > now { due } else { now + Duration::from_millis(1) });
        self.due = earlier(due, limit);
    }

    /// Follows what the sockets went through. Returns when the next of them has waited too long.
    fn review(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.review_backlogs(now);
        self.review_connections(now)
    }

    pub(super) fn new_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    /// Returns a free port.
    pub(super) fn free_port(&mut self, kind: Port) -> io::Result<u16> {
        for _ in FIRST_FREE_PORT..=u16::MAX {
            let next = &mut self.next_ports[kind as usize];
            let port = *next;
            *next = next.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            if !self.uses_port(kind, port) {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn uses_port(&self, kind: Port, port: u16) -> bool {
        match kind {
            Port::Tcp => self.listeners.contains_key(&port) || self.has_connection_at(port),
            Port::Udp => self.datagrams.contains_key(&port),
        }
    }

    /// Returns an error unless a program on this host can use `address`.
    pub(super) fn check_local(&self, address: SocketAddr) -> io::Result<Ipv4Addr> {
        self.check_powered()?;
        match address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() || *v4.ip() == self.address => {
                Ok(*v4.ip())
            }
            SocketAddr::V4(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
            SocketAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns an error unless programs can run here.
    pub(super) fn check_powered(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(io::ErrorKind::NetworkDown.into()) }
    }

    /// Takes the power away: everything is gone, nothing is said.
    pub(super) fn power_off(&mut self) {
        self.powered = false;
        self.due = None;
        self.device = Device::default();
        self.sockets = SocketSet::new(Vec::new());
        self.listeners.clear();
        self.connections.clear();
        self.datagrams.clear();
    }

    /// Starts the host anew: it remembers nothing.
    pub(super) fn reboot(&mut self) {
        self.power_off();
        self.powered = true;
        self.boots += 1;
        let seed = mix(self.seed ^ self.boots);
        self.interface = interface(self.address, seed, &mut self.device);
    }

    /// Closes all sockets, as an operating system does for a process that has died.
    pub(super) fn kill(&mut self) {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.close(id);
        }
        for port in self.listeners.keys().copied().collect::<Vec<_>>() {
            self.stop_listening(port);
        }
        for (_, socket) in std::mem::take(&mut self.datagrams) {
            self.sockets.remove(socket.handle);
        }
    }
}

fn interface(address: Ipv4Addr, seed: u64, device: &mut Device) -> Box<Interface> {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    let mut interface = Box::new(Interface::new(config, device, Instant::ZERO));
    interface.update_ip_addrs(|addresses| {
        // There is room for two.
        let _ = addresses.push(IpCidr::new(address.into(), PREFIX));
    });
    interface.set_reassembly_timeout(REASSEMBLY_TIMEOUT);
    interface
}

/// Returns a moment in smoltcp's words.
pub(super) fn instant(moment: Timestamp) -> Instant {
    Instant::from_micros(i64::try_from(moment.as_micros()).unwrap_or(i64::MAX))
}

fn timestamp(instant: Instant) -> Timestamp {
    Timestamp::from_micros(u64::try_from(instant.total_micros()).unwrap_or(0))
}
