//! What the wire does: a scenario's plan, and what the user chose in its place.

use std::time::Duration;

use super::{Scenario, Settings};
use crate::protocol::framing::Framing;
use crate::wire::{Direction, Impairment, Rule, What, WireConfig};

/// What a scenario asks of its wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WirePlan {
    /// From client to server.
    pub c2s: Impairment,
    /// From server to client.
    pub s2c: Impairment,
    /// Exact faults.
    pub rules: &'static [Rule],
}

/// 25 ms each way, and nothing else.
pub const CLEAN: WirePlan = WirePlan { c2s: Impairment::CLEAN, s2c: Impairment::CLEAN, rules: &[] };

/// What the user chose for one direction.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WayChoices {
    /// Probability that a packet is lost.
    pub loss: Option<f64>,
    /// How long a packet is under way.
    pub delay: Option<Duration>,
    /// Up to so much longer.
    pub jitter: Option<Duration>,
    /// Probability that a packet arrives twice.
    pub duplicate: Option<f64>,
    /// Probability that a packet is held back.
    pub reorder: Option<f64>,
    /// Bits a second.
    pub rate: Option<u64>,
    /// Bytes that may wait for their turn.
    pub queue: Option<usize>,
}

/// What the user chose for the wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WireChoices {
    /// From client to server.
    pub c2s: WayChoices,
    /// From server to client.
    pub s2c: WayChoices,
    /// Exact faults.
    pub rules: Vec<Rule>,
}

impl WireChoices {
    /// Returns the highest request or reply that an exact fault names.
    pub fn highest_message(&self) -> Option<usize> {
        let named = self.rules.iter().filter_map(|rule| match rule.what {
            What::Request(number) | What::Reply(number) => usize::try_from(number).ok(),
            _ => None,
        });
        match self.rules.is_empty() {
            true => None,
            false => Some(named.max().unwrap_or(1)),
        }
    }

    /// Returns what was chosen for one direction.
    pub fn way(&mut self, direction: Direction) -> &mut WayChoices {
        match direction {
            Direction::ClientToServer => &mut self.c2s,
            Direction::ServerToClient => &mut self.s2c,
        }
    }
}

impl Scenario {
    /// Returns the wire of a run: the scenario's plan with the user's choices. Exact faults take the
    /// place of the plan's, and of its loss: who names the packet does not want dice besides.
    pub fn wire(&self, settings: &Settings) -> WireConfig {
        let chosen = &settings.wire;
        let exact = !chosen.rules.is_empty();
        let way = |plan: Impairment, way: WayChoices| Impairment {
            loss: way.loss.unwrap_or(if exact { 0.0 } else { plan.loss }),
            delay: way.delay.unwrap_or(plan.delay),
            jitter: way.jitter.unwrap_or(plan.jitter),
            duplicate: way.duplicate.unwrap_or(plan.duplicate),
            reorder: way.reorder.unwrap_or(plan.reorder),
            rate: way.rate.or(plan.rate),
            queue: way.queue.unwrap_or(plan.queue),
        };
        WireConfig {
            seed: settings.server.seed,
            c2s: way(self.wire.c2s, chosen.c2s),
            s2c: way(self.wire.s2c, chosen.s2c),
            rules: if exact { chosen.rules.clone() } else { self.wire.rules.to_vec() },
            raw: self.framing(settings) == Framing::Raw,
        }
    }
}
