//! The cable between two hosts: a thread that reads the packets of each, takes them through the
//! [`Wire`], and writes them to the other when they are due, in real time.
//!
//! What the wire is told is the time at which a packet was read; what is recorded of an arrival is
//! when it was written, not when it was due.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::net::record::{Drop as Dropped, NetEvent, NetFate};
use crate::net::{Nat, host_address};
use crate::packet::Packet;
use crate::time::{Clock, Timestamp};
use crate::wire::{Direction, Fate, Passing, Wire, WireConfig};

/// Packets that are read from one host before the other has its turn.
const BURST: usize = 32;

/// The longest packet of IPv4.
const LONGEST: usize = 65_536; // bytes

/// A carrier at work. When it is dropped, it ends.
#[derive(Debug)]
pub(super) struct Carrier {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    load: Mutex<Load>,
    /// Wakes the thread when something has changed.
    bell: OwnedFd,
    clock: Clock,
}

/// What is carried, and between whom.
#[derive(Debug)]
struct Load {
    wire: Wire,
    /// The hosts' ends of the cable, by the direction in which each sends; none without power.
    ends: [Option<Arc<File>>; 2],
    /// What stands between the first client and the wire.
    nat: Nat,
    /// The ports from which the first client has sent.
    ports: BTreeSet<u16>,
    last_of_first_client: Option<Arc<[u8]>>,
    record: Vec<NetEvent>,
    /// When the last packet came or went.
    moved: Timestamp,
    over: bool,
}

impl Carrier {
    /// Begins to carry between client and server.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub(super) fn new(
        wire: &WireConfig,
        client: Arc<File>,
        server: Arc<File>,
        clock: Clock,
    ) -> io::Result<Self> {
        let load = Load {
            wire: Wire::new(wire),
            ends: [Some(client), Some(server)],
            nat: Nat::default(),
            ports: BTreeSet::new(),
            last_of_first_client: None,
            record: Vec::new(),
            moved: Timestamp::ZERO,
            over: false,
        };
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared = Arc::new(Shared { load: Mutex::new(load), bell, clock });
        let own = shared.clone();
        let thread = thread::Builder::new().name("wire".to_owned()).spawn(move || own.carry())?;
        Ok(Carrier { shared, thread: Some(thread) })
    }

    /// Cuts the wire, or joins it again.
    pub(super) fn set_cut(&self, cut: bool) {
        self.change(|load, _| load.wire.set_cut(cut));
    }

    /// Takes the power from a host, by the direction in which it sends, or gives it another life.
    pub(super) fn plug(&self, direction: Direction, end: Option<Arc<File>>) {
        self.change(|load, _| load.ends[direction as usize] = end);
    }

    /// Gives what the first client has open new ports.
    pub(super) fn change_address(&self) {
        self.change(|load, _| {
            let open = std::mem::take(&mut load.ports);
            load.nat.rebind(open);
        });
    }

    /// Returns the last packet that the first client sent.
    pub(super) fn last_of_first_client(&self) -> Option<Arc<[u8]>> {
        self.shared.load().last_of_first_client.clone()
    }

    /// Puts a packet onto the wire that no host has sent.
    pub(super) fn forge(&self, direction: Direction, bytes: &[u8]) {
        self.change(|load, now| {
            load.wire.receive(direction, bytes.into(), now);
            let begun = load.record.len();
            load.keep_events();
            let sent = load.record[begun..].iter().find(|event| is_sent(event)).cloned();
            if let Some(NetEvent { at, packet, .. }) = sent {
                load.record.push(NetEvent { at, packet, fate: NetFate::Forged });
            }
        });
    }

    /// Returns whether nothing is under way, and has not been for so long.
    pub(super) fn is_quiet(&self, for_long: Duration) -> bool {
        let now = self.shared.clock.now();
        let load = self.shared.load();
        load.wire.poll_timeout().is_none() && now.since(load.moved) >= for_long
    }

    /// Takes the record so far.
    pub(super) fn take_record(&self) -> Vec<NetEvent> {
        std::mem::take(&mut self.shared.load().record)
    }

    fn change(&self, change: impl FnOnce(&mut Load, Timestamp)) {
        change(&mut self.shared.load(), self.shared.clock.now());
        self.shared.ring();
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.change(|load, _| load.over = true);
        if let Some(thread) = self.thread.take() {
            // If it has panicked it has ended, too.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        // If it cannot be written it rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Carries until it is over.
    fn carry(&self) {
        // A timer may be late by this much more than its moment: the least that the kernel takes.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1)); // ns
        let mut buffer = vec![0; LONGEST];
        loop {
            let (ends, next, more) = {
                let mut load = self.load();
                if load.over {
                    return;
                }
                let more = load.take_in(&mut buffer, &self.clock);
                load.hand_out(&self.clock);
                (load.ends.clone(), load.wire.poll_timeout(), more)
            };
            if !more {
                self.wait(&ends, next);
            }
        }
    }

    /// Waits until a host sends something, a packet is due, or the bell rings.
    fn wait(&self, ends: &[Option<Arc<File>>; 2], next: Option<Timestamp>) {
        let until = next.map(|next| next.since(self.clock.now()));
        let timeout = until.and_then(|until| Timespec::try_from(until).ok());
        let mut files = vec![PollFd::new(&self.bell, PollFlags::IN)];
        files.extend(
            ends.iter().flatten().map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)),
        );
        // Interrupted or not: whoever waits looks again.
        let _ = poll(&mut files, timeout.as_ref());
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
    }
}

impl Load {
    /// Reads what the hosts have sent, in turns; returns whether there may be more.
    fn take_in(&mut self, buffer: &mut [u8], clock: &Clock) -> bool {
        let mut more = false;
        for direction in [Direction::ClientToServer, Direction::ServerToClient] {
            let Some(end) = self.ends[direction as usize].clone() else { continue };
            let mut read = 0;
            while read < BURST
                && let Ok(length) = (&*end).read(buffer)
            {
                read += 1;
                self.put_on_wire(direction, &buffer[..length], clock.now());
            }
            more |= read == BURST;
        }
        more
    }

    fn put_on_wire(&mut self, direction: Direction, packet: &[u8], now: Timestamp) {
        if !is_ours(packet) {
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
    fn hand_out(&mut self, clock: &Clock) {
        loop {
            let now = clock.now();
            let Some(packet) = self.wire.poll_transmit(now) else { return };
            self.moved = now;
            let dropped = self.deliver(&packet);
            let begun = self.record.len();
            self.keep_events();
            for event in &mut self.record[begun..] {
                event.at = now;
            }
            if let Some(why) = dropped {
                self.record.push(NetEvent { at: now, packet, fate: NetFate::AtHost(why) });
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
        self.record.extend(std::iter::from_fn(|| self.wire.poll_event()).map(NetEvent::from));
    }
}

fn is_sent(event: &NetEvent) -> bool {
    event.fate == NetFate::OnWire(Fate::Sent)
}

/// Returns whether a packet is of our experiment: IPv4, and TCP, UDP or ICMP. What else a kernel says
/// of itself (multicast memberships, IPv6) is none of it, and must not be counted.
fn is_ours(packet: &[u8]) -> bool {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let is_ipv4 = packet.len() >= 20 && packet[0] >> 4 == 4;
    is_ipv4 && matches!(packet[9], ICMP | TCP | UDP)
}

fn source(packet: &[u8]) -> [u8; 4] {
    packet.get(12..16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

fn destination(packet: &[u8]) -> [u8; 4] {
    packet.get(16..20).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// Returns the port from which a packet comes, if it has one.
fn port(packet: &[u8]) -> Option<u16> {
    match Packet::parse(packet) {
        Packet::Tcp(segment) => Some(segment.from.port()),
        Packet::Udp(datagram) => Some(datagram.from.port()),
        _ => None,
    }
}
