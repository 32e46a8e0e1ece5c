//! smoltcp's stack on its network card, and how TCP sockets are shown to it.
//!
//! smoltcp looks through a whole set of sockets for the one that a packet is for, and again for
//! those that have something to send. A host knows which connection is meant, so each TCP socket is
//! in a set of its own, and hundreds of connections cost no more than those that do something.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::{Config, Context, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};

use super::device::Device;
use crate::time::Timestamp;

/// How long the pieces of a datagram wait for the rest. RFC 1122 section 3.3.2 asks for 60 s, Linux
/// waits 30 s. But smoltcp has 32 places for unfinished datagrams in all, so under loss long waits
/// would keep whole datagrams out.
const REASSEMBLY_TIMEOUT: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(2);

/// Rounds of sending at one moment after which a host has to wait: a guard against a stack that
/// always has something to do, far above what full buffers need.
const MAX_ROUNDS: usize = 10_000;

/// All hosts are neighbours, so there are no routers.
const PREFIX: u8 = 8;

/// smoltcp's stack of one host.
pub(super) struct Stack {
    interface: Box<Interface>,
    device: Device,
}

impl Stack {
    pub(super) fn new(address: Ipv4Addr, seed: u64) -> Self {
        let mut device = Device::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Box::new(Interface::new(config, &mut device, Instant::ZERO));
        interface.update_ip_addrs(|addresses| {
            // There is room for two.
            let _ = addresses.push(IpCidr::new(address.into(), PREFIX));
        });
        interface.set_reassembly_timeout(REASSEMBLY_TIMEOUT);
        Stack { interface, device }
    }

    /// Returns what sockets need to connect.
    pub(super) fn context(&mut self) -> &mut Context {
        self.interface.context()
    }

    /// Gives a packet to the sockets.
    pub(super) fn receive(
        &mut self,
        packet: &Arc<[u8]>,
        sockets: &mut SocketSet<'static>,
        now: Timestamp,
    ) {
        self.device.inbox.push_back(packet.clone());
        self.interface.poll_ingress_single(instant(now), &mut self.device, sockets);
    }

    /// Sends all that the sockets may send. Returns when they have to be asked again.
    pub(super) fn send(
        &mut self,
        sockets: &mut SocketSet<'static>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        for _ in 0..MAX_ROUNDS {
            let before = self.device.outbox.len();
            let result = self.interface.poll_egress(instant(now), &mut self.device, sockets);
            // Fragments leave one in each round, and are not counted as a result.
            if result == PollResult::None && self.device.outbox.len() == before {
                break;
            }
        }
        let due = self.interface.poll_at(instant(now), sockets).map(timestamp)?;
        // The clock must move on whatever the stack thinks.
        Some(if due > now { due } else { now + Duration::from_millis(1) })
    }

    /// Returns the next packet that the host puts on the wire.
    pub(super) fn outgoing(&mut self) -> Option<Arc<[u8]>> {
        self.device.outbox.pop_front()
    }
}

/// Where a TCP socket is.
pub(super) type Place = usize;

/// The TCP sockets of a host, each in a set of its own.
#[derive(Default)]
pub(super) struct TcpSockets(Vec<Option<SocketSet<'static>>>);

impl TcpSockets {
    /// Puts a socket at the first place that is free.
    pub(super) fn add(&mut self, socket: Socket<'static>) -> Place {
        let mut set = SocketSet::new(Vec::with_capacity(1));
        set.add(socket);
        self.put(Some(set))
    }

    /// Moves a socket to the first place that is free, its own included.
    pub(super) fn line_up(&mut self, place: Place) -> Place {
        let set = self.0[place].take();
        self.put(set)
    }

    fn put(&mut self, set: Option<SocketSet<'static>>) -> Place {
        let free = self.0.iter().position(Option::is_none);
        let place = free.unwrap_or(self.0.len());
        if free.is_none() {
            self.0.push(None);
        }
        self.0[place] = set;
        place
    }

    /// Returns the set of the socket at `place`, of which there must be one.
    pub(super) fn set(&mut self, place: Place) -> &mut SocketSet<'static> {
        self.0[place].as_mut().expect("places are given up with their sockets")
    }

    /// Returns the socket at `place`, of which there must be one.
    pub(super) fn get(&mut self, place: Place) -> &mut Socket<'static> {
        // The only one of its set.
        self.set(place).get_mut(SocketHandle::default())
    }

    /// Removes a socket without a packet.
    pub(super) fn remove(&mut self, place: Place) {
        self.0[place] = None;
    }

    /// Removes a socket without a packet, and wakes whoever waits for it.
    pub(super) fn forget(&mut self, place: Place) {
        self.get(place).abort();
        self.remove(place);
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

fn instant(moment: Timestamp) -> Instant {
    Instant::from_micros(i64::try_from(moment.as_micros()).unwrap_or(i64::MAX))
}

fn timestamp(instant: Instant) -> Timestamp {
    Timestamp::from_micros(u64::try_from(instant.total_micros()).unwrap_or(0))
}
