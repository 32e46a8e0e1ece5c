//! A wire between client and server that loses, delays, repeats and reorders packets: IP packets,
//! below both transports, handshakes and goodbyes included.
//!
//! It does no I/O and has no clock: packets go in with the time, and come out when they are due.
//! Every random decision is a hash of (seed, direction, packet number, purpose). So moving one
//! slider never reshuffles the others, what is lost at 10 % is lost at 20 % too, and both
//! transports meet the same luck for their n-th packet.

mod faults;
mod luck;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use faults::Faults;
pub use faults::{Fault, Rule, What};
pub(crate) use luck::mix;
use luck::{Luck, Purpose};

use crate::time::Timestamp;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From client to server: `c2s`.
    ClientToServer,
    /// From server to client: `s2c`.
    ServerToClient,
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Direction::ClientToServer => "c2s",
            Direction::ServerToClient => "s2c",
        })
    }
}

/// What a wire does to packets that go one way. Probabilities are from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Probability that a packet is lost.
    pub loss: f64,
    /// How long a packet is under way.
    pub delay: Duration,
    /// Up to so much longer, drawn for each packet; the order is kept.
    pub jitter: Duration,
    /// Probability that a packet arrives twice.
    pub duplicate: f64,
    /// Probability that a packet is held back so that later ones overtake it.
    pub reorder: f64,
    /// Bits a second, if limited.
    pub rate: Option<u64>,
    /// Bytes that may wait for their turn at that rate; what comes then is lost.
    pub queue: usize,
}

/// Bytes that wait at most, unless told otherwise: some 40 full packets.
pub const QUEUE: usize = 64 * 1024;

/// How much later a reordered packet arrives: later ones that follow within this overtake it.
pub const REORDER_DELAY: Duration = Duration::from_millis(30);

/// How much later the second copy of a duplicated packet arrives.
pub const DUPLICATE_DELAY: Duration = Duration::from_millis(5);

impl Impairment {
    /// 25 ms, and nothing else.
    pub const CLEAN: Impairment = Impairment {
        loss: 0.0,
        delay: Duration::from_millis(25),
        jitter: Duration::ZERO,
        duplicate: 0.0,
        reorder: 0.0,
        rate: None,
        queue: QUEUE,
    };
}

impl Default for Impairment {
    fn default() -> Self {
        Impairment::CLEAN
    }
}

/// Everything that decides what a wire does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WireConfig {
    /// Draws all luck.
    pub seed: u64,
    /// From client to server.
    pub c2s: Impairment,
    /// From server to client.
    pub s2c: Impairment,
    /// Exact faults.
    pub rules: Vec<Rule>,
    /// Over TCP messages have no line ends: what brings new bytes is a message, as `--framing raw` has
    /// it.
    pub raw: bool,
}

/// A packet on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Which way.
    pub direction: Direction,
    /// Which of the packets that went this way, from 1.
    pub number: u64,
    /// The IP packet.
    pub bytes: Arc<[u8]>,
}

/// What happened to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was put on the wire.
    Sent,
    /// It came out at the other end; `copy` tells the second of two.
    Delivered {
        /// Whether this is the second of two.
        copy: bool,
    },
    /// The dice took it.
    Lost,
    /// It found the queue full.
    QueueFull,
    /// The wire was cut.
    Cut,
    /// The rule with this index took it.
    Dropped(usize),
    /// It was doubled, by the dice or by the rule with this index.
    Duplicated(Option<usize>),
    /// It was held back, by the dice or by the rule with this index.
    Held(Option<usize>),
}

/// What happened to which packet, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireEvent {
    /// When.
    pub at: Timestamp,
    /// To which.
    pub packet: Passing,
    /// What.
    pub fate: Fate,
}

/// The wire.
#[derive(Debug)]
pub struct Wire {
    luck: Luck,
    ways: [Way; 2],
    rules: Vec<Rule>,
    faults: Faults,
    cut: bool,
    due: BinaryHeap<Reverse<Due>>,
    order: u64, // tells packets apart that are due together
    events: VecDeque<WireEvent>,
}

/// One direction.
#[derive(Debug)]
struct Way {
    impairment: Impairment,
    packets: u64,
    /// The last bit of what came before leaves then.
    busy_until: Timestamp,
    /// What came before arrives then; later packets keep behind it.
    arrives: Timestamp,
}

/// A packet that will arrive.
#[derive(Debug)]
struct Due {
    at: Timestamp,
    order: u64,
    copy: bool,
    packet: Passing,
}

impl Wire {
    /// A wire on which nothing is under way.
    pub fn new(config: &WireConfig) -> Self {
        let way = |impairment| Way {
            impairment,
            packets: 0,
            busy_until: Timestamp::ZERO,
            arrives: Timestamp::ZERO,
        };
        Wire {
            luck: Luck::new(config.seed),
            ways: [way(config.c2s), way(config.s2c)],
            rules: config.rules.clone(),
            faults: Faults::new(config.raw),
            cut: false,
            due: BinaryHeap::new(),
            order: 0,
            events: VecDeque::new(),
        }
    }

    /// Takes a packet. The effects, in this order: exact faults, loss, queue, rate, delay with
    /// jitter, reordering, duplication.
    pub fn receive(&mut self, direction: Direction, bytes: Arc<[u8]>, now: Timestamp) {
        let way = &mut self.ways[direction as usize];
        way.packets += 1;
        let number = way.packets;
        let impairment = way.impairment;
        let packet = Passing { direction, number, bytes };
        let happened = |fate| WireEvent { at: now, packet: packet.clone(), fate };
        self.events.push_back(happened(Fate::Sent));
        if self.cut {
            return self.events.push_back(happened(Fate::Cut));
        }
        let met = self.faults.meet(&self.rules, &packet);
        if let Some(rule) = met.dropped_by {
            return self.events.push_back(happened(Fate::Dropped(rule)));
        }
        let dice = |purpose| self.luck.draw(direction, number, purpose);
        if dice(Purpose::Loss) < impairment.loss {
            return self.events.push_back(happened(Fate::Lost));
        }
        let Some(left) = way.serialise(packet.bytes.len(), now) else {
            return self.events.push_back(happened(Fate::QueueFull));
        };
        let jitter = whole_milliseconds(impairment.jitter.mul_f64(dice(Purpose::Jitter)));
        let mut arrives = (left + impairment.delay + jitter).max(way.arrives);
        if let Some((rule, by)) = met.held_by {
            arrives += by;
            self.events.push_back(happened(Fate::Held(Some(rule))));
        } else if dice(Purpose::Reorder) < impairment.reorder {
            arrives += REORDER_DELAY;
            self.events.push_back(happened(Fate::Held(None)));
        } else {
            way.arrives = arrives;
        }
        let doubled = dice(Purpose::Duplicate) < impairment.duplicate;
        if doubled || met.duplicated_by.is_some() {
            self.events.push_back(happened(Fate::Duplicated(met.duplicated_by)));
            self.deliver(arrives + DUPLICATE_DELAY, true, packet.clone());
        }
        self.deliver(arrives, false, packet);
    }

    fn deliver(&mut self, at: Timestamp, copy: bool, packet: Passing) {
        self.order += 1;
        self.due.push(Reverse(Due { at, order: self.order, copy, packet }));
    }

    /// Returns the next packet that has arrived by `now`.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Passing> {
        if self.due.peek().is_none_or(|Reverse(due)| due.at > now) {
            return None;
        }
        let Reverse(Due { at, copy, packet, .. }) = self.due.pop()?;
        let fate = Fate::Delivered { copy };
        self.events.push_back(WireEvent { at, packet: packet.clone(), fate });
        Some(packet)
    }

    /// Returns when the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    /// Returns what happened, in the order in which it did.
    pub fn poll_event(&mut self) -> Option<WireEvent> {
        self.events.pop_front()
    }

    /// Cuts the wire, or joins it again. What is under way still arrives.
    pub fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
    }
}

impl Way {
    /// Returns when the last bit of a packet has left, or nothing if the queue is full.
    fn serialise(&mut self, length: usize, now: Timestamp) -> Option<Timestamp> {
        let Some(rate) = self.impairment.rate else { return Some(now) };
        let time = |bytes: usize| {
            Duration::from_micros((bytes as u64 * 8 * 1_000_000).div_ceil(rate.max(1)))
        };
        let waiting = self.busy_until.since(now);
        if waiting > time(self.impairment.queue) {
            return None;
        }
        self.busy_until = self.busy_until.max(now) + time(length);
        Some(self.busy_until)
    }
}

/// The programs' clock has whole milliseconds; so have the delays.
fn whole_milliseconds(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
