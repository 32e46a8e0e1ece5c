//! What the records of the two runs say about why they differ.

use std::time::Duration;

use crate::peer::Transport;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::{Scenario, Settings};
use crate::testbed::TcpProfile;
use crate::time::Timestamp;
use crate::trace::reading::{Kind, Reading};
use crate::trace::{Place, TracedPacket};
use crate::wire::{Direction, WireConfig};

/// Both runs of a column, and what they were run with.
pub(super) struct Evidence<'a> {
    pub(super) sim: Side<'a>,
    pub(super) kernel: Side<'a>,
    pub(super) scenario: &'a Scenario,
    pub(super) settings: &'a Settings,
}

/// One of the two runs, with its packets.
pub(super) struct Side<'a> {
    pub(super) run: &'a Run,
    packets: Vec<(&'a TracedPacket, Reading)>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(sim: &'a Run, kernel: &'a Run, comparison: &'a Comparison) -> Self {
        Evidence {
            sim: Side::of(sim),
            kernel: Side::of(kernel),
            scenario: &comparison.scenario,
            settings: &comparison.settings,
        }
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.kernel.run.column.transport == Transport::Tcp
    }

    pub(super) fn profile(&self) -> TcpProfile {
        self.settings.profile
    }

    /// Returns how long the kernel's packets and programs waited for this computer, in all, beyond what
    /// the simulation's have in the same places.
    pub(super) fn waited(&self) -> Duration {
        self.kernel.waits().saturating_sub(self.sim.waits())
    }

    /// Returns whether the wire throws dice, so that a packet's luck depends on its number.
    pub(super) fn throws_dice(&self) -> bool {
        let WireConfig { c2s, s2c, .. } = self.scenario.wire(self.settings);
        let is_luck = |share: f64| share > 0.0 && share < 1.0;
        [c2s, s2c]
            .iter()
            .any(|way| is_luck(way.loss) || is_luck(way.duplicate) || is_luck(way.reorder))
            || [c2s, s2c].iter().any(|way| !way.jitter.is_zero())
    }
}

impl<'a> Side<'a> {
    fn of(run: &'a Run) -> Self {
        Side { run, packets: run.packets().unwrap_or_default() }
    }

    /// Returns how many packets of a kind went one way.
    pub(super) fn count(&self, kind: Kind, direction: Direction) -> i64 {
        let is_meant = |(packet, reading): &&(&TracedPacket, Reading)| {
            packet.direction == direction && reading.kind == kind
        };
        i64::try_from(self.packets.iter().filter(is_meant).count()).unwrap_or(i64::MAX)
    }

    pub(super) fn packets(&self) -> usize {
        self.packets.len()
    }

    /// Returns whether any packet was lost.
    pub(super) fn has_losses(&self) -> bool {
        self.packets.iter().any(|(packet, _)| {
            packet.lost.is_some() || packet.arrivals.iter().any(|it| it.dropped.is_some())
        })
    }

    /// Returns whether the server's stack acknowledges the first request before there is a reply.
    pub(super) fn acknowledges_at_once(&self) -> bool {
        let back =
            self.packets.iter().filter(|(packet, _)| packet.direction == Direction::ServerToClient);
        let first = back.map(|(_, reading)| reading.kind).find(|kind| *kind != Kind::SynAck);
        first == Some(Kind::Ack)
    }

    /// Returns whether the first request was sent more than once, though it was not lost.
    pub(super) fn repeats_first_request(&self) -> bool {
        let data = self.packets.iter().filter(|(packet, reading)| {
            packet.direction == Direction::ClientToServer && reading.kind == Kind::Data
        });
        let mut data = data.peekable();
        let arrived = data.peek().is_some_and(|(packet, _)| packet.lost.is_none());
        arrived && data.nth(1).is_some_and(|(_, reading)| reading.again)
    }

    /// Returns how many segments were sent again.
    pub(super) fn repeated(&self) -> usize {
        self.packets.iter().filter(|(_, reading)| reading.again).count()
    }

    /// Returns how many acknowledgements without data have options behind their header: where there
    /// are no timestamps, SACK blocks.
    pub(super) fn long_acknowledgements(&self) -> usize {
        /// Headers of IPv4 and TCP without options.
        const HEADERS: usize = 40; // bytes
        let is_long = |(packet, reading): &&(&TracedPacket, Reading)| {
            reading.kind == Kind::Ack && packet.bytes.len() > HEADERS
        };
        self.packets.iter().filter(is_long).count()
    }

    /// Returns whether a SYN was sent again.
    pub(super) fn opens_again(&self) -> bool {
        self.packets.iter().any(|(_, reading)| reading.again && reading.kind == Kind::Syn)
    }

    /// Returns whether a stream was longer than one segment at a time.
    pub(super) fn fills_segments(&self) -> bool {
        /// Less than any segment has room for behind its header, more than any of our short messages.
        const LONG: usize = 1400; // bytes
        self.packets.iter().any(|(packet, _)| packet.bytes.len() >= LONG)
    }

    /// Returns how long after the end of the script the last packet left.
    pub(super) fn goes_on_for(&self) -> Duration {
        let last = self.packets.iter().map(|(packet, _)| packet.sent).max().unwrap_or_default();
        last.since(self.run.ended)
    }

    /// Returns how long packets and programs waited for their turn, in all: packets longer on the wire
    /// than it takes, and programs between what came and what they did.
    fn waits(&self) -> Duration {
        let programs = self.waits_of_clients().chain(self.waits_before_sending());
        self.waits_on_wire().chain(programs).sum()
    }

    fn waits_on_wire(&self) -> impl Iterator<Item = Duration> {
        self.packets.iter().filter_map(|(packet, _)| {
            let arrival = packet.arrivals.first().filter(|_| packet.held.is_none())?;
            let wire = self.run.wire.as_ref()?;
            let way = match packet.direction {
                Direction::ClientToServer => wire.c2s,
                Direction::ServerToClient => wire.s2c,
            };
            let due = way.delay + way.jitter;
            way.rate.is_none().then(|| arrival.at.since(packet.sent).saturating_sub(due))
        })
    }

    /// Returns, for each answer, how long after its last packet the program had it.
    fn waits_of_clients(&self) -> impl Iterator<Item = Duration> {
        let clients = self.run.clients.iter().enumerate();
        clients.flat_map(move |(index, client)| {
            let replied = client.exchanges.iter().filter(|one| one.is_replied());
            replied.filter_map(move |one| {
                let last = self.last_arrival(Place::Client(index + 1), one.ended)?;
                Some(one.ended.since(last))
            })
        })
    }

    /// Returns, for each message that is sent for the first time, how long before something arrived: to
    /// that it is the answer, if it was not long ago.
    fn waits_before_sending(&self) -> impl Iterator<Item = Duration> {
        /// Whoever waits so long waits for a timer: the least of RFC 6298, and of our client.
        const LONG: Duration = Duration::from_secs(1);
        let is_message = |kind| matches!(kind, Kind::Data | Kind::Framed(_) | Kind::Bare);
        let first_sent = self
            .packets
            .iter()
            .filter(move |(_, reading)| is_message(reading.kind) && !reading.again);
        let before = first_sent.filter_map(|(packet, _)| {
            Some(packet.sent.since(self.last_arrival(packet.from(), packet.sent)?))
        });
        before.filter(|wait| *wait < LONG)
    }

    fn last_arrival(&self, place: Place, before: Timestamp) -> Option<Timestamp> {
        let here = self.packets.iter().filter(|(packet, _)| packet.to() == place);
        let arrivals = here.flat_map(|(packet, _)| packet.arrivals.iter().map(|it| it.at));
        arrivals.filter(|at| *at <= before).max()
    }
}
