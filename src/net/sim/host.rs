//! A host: smoltcp's stack with what an operating system puts around it. Ports, a receive path that
//! looks at what the stack does not tell, and power.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use smoltcp::iface::SocketSet;
use smoltcp::socket::udp::Socket;

use super::SimConfig;
use super::listener::{Backlog, opens};
use super::stack::{Stack, TcpSockets};
use super::table::Connections;
use super::udp::Datagrams;
use crate::net::record::Drop;
use crate::packet::{Packet, Segment};
use crate::time::Timestamp;
use crate::wire::mix;

/// The first of the ports that a host chooses for itself: RFC 6335 section 6.
const FIRST_FREE_PORT: u16 = 49_152;

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
    pub(super) stack: Stack,
    pub(super) listeners: BTreeMap<u16, Backlog>,
    pub(super) connections: Connections,
    /// TCP's sockets.
    pub(super) streams: TcpSockets,
    pub(super) datagrams: BTreeMap<u16, Datagrams>,
    /// UDP's sockets.
    pub(super) sockets: SocketSet<'static>,
    /// UDP's sockets that were closed, ready for the next.
    pub(super) idle_sockets: Vec<Socket<'static>>,
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
        Host {
            address,
            stack: Stack::new(address, mix(seed)),
            listeners: BTreeMap::new(),
            connections: Connections::default(),
            streams: TcpSockets::default(),
            datagrams: BTreeMap::new(),
            sockets: SocketSet::new(Vec::new()),
            idle_sockets: Vec::new(),
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
            Packet::Tcp(segment) => return self.receive_segment(packet, &segment, now),
            Packet::PortUnreachable { from, to } => self.refuse_datagrams(from.port(), to),
            _ => {}
        }
        self.stack.receive(packet, &mut self.sockets, now);
        self.take_datagrams()
    }

    /// Gives a segment to the connection that it is for, or to who listens.
    fn receive_segment(
        &mut self,
        packet: &Arc<[u8]>,
        segment: &Segment<'_>,
        now: Timestamp,
    ) -> Option<Drop> {
        let port = segment.to.port();
        if let Some(place) = self.connections.hear(port, segment.from, now) {
            self.stack.receive(packet, self.streams.set(place), now);
            if opens(segment) {
                self.line_up_spare(port);
            }
            return None;
        }
        match self.listeners.get(&port).map(|backlog| backlog.spare) {
            Some(Some(spare)) => {
                self.stack.receive(packet, self.streams.set(spare), now);
                self.begin_handshake(port, now);
            }
            // As Linux does: the client will repeat it.
            Some(None) if opens(segment) => return Some(Drop::BacklogFull),
            _ => self.stack.receive(packet, &mut SocketSet::new(Vec::new()), now),
        }
        None
    }

    /// Sends all that may be sent, and lets pass what has waited too long.
    pub(super) fn poll(&mut self, now: Timestamp) {
        if !self.powered {
            return;
        }
        self.connections.touch_due(now);
        while let Some(id) = self.connections.next_touched() {
            self.connections.poll(id, &mut self.streams, &mut self.stack, now);
            self.review_handshake(id);
        }
    }

    /// Returns when a connection has something to do next. Datagrams leave when they are sent.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.connections.due()
    }

    /// Returns the ports that are in use.
    pub(super) fn ports(&self) -> Vec<u16> {
        let used =
            |port: &u16| [Port::Tcp, Port::Udp].into_iter().any(|kind| self.uses_port(kind, *port));
        (FIRST_FREE_PORT..=u16::MAX).filter(used).collect()
    }

    /// Returns how many sockets there are, also those that no program holds any more.
    pub(super) fn count_sockets(&self) -> usize {
        // A connection that the stack has forgotten may still be held by its program.
        self.streams.count() + self.connections.count_forgotten() + self.datagrams.len()
    }

    /// Returns how many sockets programs hold; what waits to be accepted is the kernel's.
    pub(super) fn count_held(&self) -> usize {
        self.listeners.len() + self.connections.count_held() + self.datagrams.len()
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
            Port::Tcp => self.listeners.contains_key(&port) || self.connections.occupy(port),
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
        self.streams = TcpSockets::default();
        self.sockets = SocketSet::new(Vec::new());
        self.listeners.clear();
        self.connections = Connections::default();
        self.datagrams.clear();
    }

    /// Starts the host anew: it remembers nothing.
    pub(super) fn reboot(&mut self) {
        self.power_off();
        self.powered = true;
        self.boots += 1;
        self.stack = Stack::new(self.address, mix(self.seed ^ self.boots));
    }

    /// Closes all sockets, as an operating system does for a process that has died.
    pub(super) fn kill(&mut self) {
        for id in self.connections.ids() {
            self.close(id);
        }
        for port in self.listeners.keys().copied().collect::<Vec<_>>() {
            self.stop_listening(port);
        }
        for port in self.datagrams.keys().copied().collect::<Vec<_>>() {
            self.unbind(port);
        }
    }
}
