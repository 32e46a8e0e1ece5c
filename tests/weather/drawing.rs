//! Drawing a world from a seed.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use socklab::peer::Transport;
use socklab::protocol::datagram::{IcmpPolicy, Semantics};
use socklab::protocol::framing::Framing;
use socklab::wire::{Direction, Fault, Impairment, Rule, What, WireConfig};

use crate::world::{Act, ClientPlan, Kind, ServerPlan, Talk, World, ms};

/// Of so many worlds one has a chat, the others exchange sums.
const CHATS: u64 = 3;

/// Draws from a seed.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Returns whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability)
    }

    /// Returns a number from `from` to `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..=to)
    }

    /// Returns a whole number of milliseconds.
    pub(crate) fn time(&mut self, from: u64, to: u64) -> Duration {
        ms(self.between(from, to))
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    fn maybe<T>(&mut self, probability: f64, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.happens(probability).then(|| draw(self))
    }
}

impl World {
    pub(crate) fn draw(seed: u64) -> World {
        let dice = &mut Dice::new(seed);
        let ways = (impairment(dice), impairment(dice));
        let rules = (0..dice.one_of(&[0, 0, 1, 3])).map(|_| rule(dice)).collect();
        let wire = WireConfig { seed, c2s: ways.0, s2c: ways.1, rules, raw: false };
        let server = ServerPlan::draw(dice);
        let clients = (0..dice.between(1, 4)).map(|_| ClientPlan::draw(dice)).collect();
        let script = script(dice);
        let mut world = World { seed, wire, server, chat: None, clients, script };
        if seed.is_multiple_of(CHATS) {
            world.becomes_a_chat(dice);
            return world;
        }
        // Two stories that chance alone would hardly ever tell.
        match dice.between(0, 39) {
            0 => world.has_an_old_copy(dice),
            1 | 2 => world.has_a_client_that_stops_it_and_asks_on(dice),
            _ => {}
        }
        world
    }

    /// A copy of an early request arrives when the server has answered more than it remembers.
    fn has_an_old_copy(&mut self, dice: &mut Dice) {
        for way in [&mut self.wire.c2s, &mut self.wire.s2c] {
            (way.loss, way.delay, way.jitter, way.rate) = (0.0, ms(5), Duration::ZERO, None);
        }
        let what = What::Packet(Direction::ClientToServer, dice.between(1, 4));
        self.wire.rules = vec![Rule { fault: Fault::Hold(dice.time(3_000, 20_000)), what }];
        self.server.work = Duration::ZERO;
        let talk = Talk {
            transport: Transport::Udp,
            semantics: Semantics::AtMostOnce,
            exchanges: 80,
            retransmission_timeout: ms(200),
            think: Duration::ZERO,
            spacing: Duration::ZERO,
            apart: false,
            stops_at: None,
            ..Talk::draw(dice)
        };
        self.clients = vec![ClientPlan { starts: ms(10), kind: Kind::Talker(talk) }];
        self.script.truncate(1);
    }

    /// The client holds a cookie of a server that is there no more.
    fn has_a_client_that_stops_it_and_asks_on(&mut self, dice: &mut Dice) {
        self.server.allows_shutdown = true;
        self.server.validate = true;
        self.server.starts_again = Some(dice.time(0, 5_000));
        let talk = Talk {
            transport: Transport::Udp,
            semantics: dice.one_of(&[Semantics::AtMostOnce, Semantics::AtLeastOnce]),
            exchanges: 20,
            apart: false,
            stops_at: Some(dice.between(0, 3) as usize),
            ..Talk::draw(dice)
        };
        self.clients.insert(0, ClientPlan { starts: ms(10), kind: Kind::Talker(talk) });
    }
}

fn impairment(dice: &mut Dice) -> Impairment {
    let loss = match dice.between(0, 9) {
        0..=3 => 0,
        4..=6 => dice.between(1, 10),
        7 | 8 => dice.between(10, 30),
        _ => dice.between(30, 50),
    };
    let percent = |dice: &mut Dice, probability, most| {
        dice.maybe(probability, |dice| dice.between(1, most) as f64 / 100.0).unwrap_or(0.0)
    };
    let jitter = dice.one_of(&[0, 0, 5, 50, 400]);
    Impairment {
        loss: loss as f64 / 100.0,
        delay: ms(dice.one_of(&[0, 1, 5, 25, 25, 100, 400, 1_500])),
        jitter: ms(jitter),
        duplicate: percent(dice, 0.4, 30),
        reorder: percent(dice, 0.4, 30),
        rate: dice.maybe(0.25, |dice| dice.one_of(&[20_000, 100_000, 1_000_000])),
        queue: dice.one_of(&[600, 4_000, 64 * 1024]),
    }
}

fn rule(dice: &mut Dice) -> Rule {
    let direction = dice.one_of(&[Direction::ClientToServer, Direction::ServerToClient]);
    let number = dice.between(1, 12);
    let what = match dice.between(0, 9) {
        0..=3 => What::Packet(direction, number),
        4 | 5 => What::Request(number),
        6 | 7 => What::Reply(number),
        8 => What::Syn,
        _ => dice.one_of(&[What::SynAck, What::Fin]),
    };
    let fault = match dice.between(0, 3) {
        0 => Fault::Drop,
        1 => Fault::Duplicate,
        // Now and then beyond everything that the server remembers.
        _ => Fault::Hold(match dice.happens(0.1) {
            true => dice.time(60_000, 120_000),
            false => dice.time(100, 20_000),
        }),
    };
    Rule { fault, what }
}

impl ServerPlan {
    fn draw(dice: &mut Dice) -> Self {
        ServerPlan {
            work: ms(dice.one_of(&[0, 0, 0, 0, 30, 700, 3_000, 10_000])),
            duplicate_cache: !dice.happens(0.08),
            goodbye: !dice.happens(0.15),
            validate: !dice.happens(0.05),
            allows_shutdown: dice.happens(0.4),
            max_clients: dice.one_of(&[1, 2, 5, 1024]),
            idle_timeout: ms(dice.one_of(&[2_000, 30_000, 300_000])),
            drain: ms(dice.one_of(&[0, 500, 5_000, 5_000, 20_000])),
            framing: dice.one_of(&[Framing::Auto, Framing::Auto, Framing::Line]),
            has_long_name: dice.happens(0.15),
            starts_again: dice.maybe(0.5, |dice| dice.time(0, 20_000)),
        }
    }
}

impl ClientPlan {
    fn draw(dice: &mut Dice) -> Self {
        let kind = match dice.between(0, 11) {
            0 => Kind::Idle(dice.time(1_000, 60_000)),
            1 => Kind::Hostile(Transport::Tcp, dice.between(1, 8) as usize),
            2 => Kind::Hostile(Transport::Udp, dice.between(1, 20) as usize),
            _ => Kind::Talker(Talk::draw(dice)),
        };
        ClientPlan { starts: dice.time(0, 3_000), kind }
    }
}

impl Talk {
    fn draw(dice: &mut Dice) -> Self {
        let transport = dice.one_of(&[Transport::Tcp, Transport::Udp, Transport::Udp]);
        let semantics = match dice.between(0, 5) {
            0 => Semantics::Maybe,
            1 => Semantics::AtLeastOnce,
            _ => Semantics::AtMostOnce,
        };
        let window = dice.one_of(&[1, 1, 2, 4, 8]);
        // Rarely so many that early requests fall out of the server's memory.
        let exchanges = if dice.happens(0.04) { 80 } else { dice.between(1, 20) as usize };
        Talk {
            transport,
            semantics,
            exchanges,
            ahead: window * dice.one_of(&[1, 1, 2]),
            spacing: ms(dice.one_of(&[0, 0, 20, 300])),
            window,
            timeout: dice.maybe(0.85, |dice| {
                let from = dice.one_of(&[50, 1_000, 10_000, 10_000]);
                dice.time(from, from * 4)
            }),
            retransmission_timeout: ms(dice.one_of(&[50, 200, 1_000, 1_000, 3_000])),
            retransmissions: dice.maybe(0.15, |dice| dice.between(0, 4) as u8),
            icmp: dice.one_of(&[IcmpPolicy::Trust, IcmpPolicy::Trust, IcmpPolicy::Vet]),
            framing: dice.one_of(&[Framing::Auto, Framing::Line]),
            think: ms(dice.one_of(&[0, 0, 10, 500, 3_000])),
            apart: dice.happens(0.3),
            stops_at: dice.maybe(0.12, |dice| dice.between(0, exchanges as u64 - 1) as usize),
        }
    }
}

/// What happens to the server and the wire, one thing after the other.
fn script(dice: &mut Dice) -> Vec<(Duration, Act)> {
    let start = if dice.happens(0.15) { dice.time(0, 4_000) } else { Duration::ZERO };
    let mut acts = vec![(start, Act::Start)];
    let mut at = start;
    for _ in 0..dice.one_of(&[0, 0, 1, 1, 2, 3]) {
        at += match dice.happens(0.6) {
            true => dice.time(10, 3_000),
            false => dice.time(3_000, 30_000),
        };
        for (act, after) in incident(dice) {
            at += after;
            acts.push((at, act));
        }
    }
    acts
}

/// One thing that goes wrong: acts, each so long after the one before.
fn incident(dice: &mut Dice) -> Vec<(Act, Duration)> {
    let long = dice.one_of(&[15_000, 15_000, 60_000]);
    let (soon, later) = (dice.time(0, 1_500), dice.time(0, long));
    let comes_back = dice.happens(0.8);
    let now = Duration::ZERO;
    let mut acts = match dice.between(0, 9) {
        0 | 1 => return vec![(Act::Cut, now), (Act::Join, dice.time(100, 40_000))],
        2..=4 => vec![(Act::Kill, now), (Act::Start, later)],
        5 => {
            let impostor = [(Act::Impostor, soon), (Act::Kill, later)];
            return [&[(Act::Kill, now)], &impostor[..], &[(Act::Start, soon)]].concat();
        }
        6 | 7 => vec![(Act::PowerOff, now), (Act::PowerOn, later), (Act::Start, soon)],
        _ => vec![(Act::Interrupt, now), (Act::Start, later + ms(30_000))],
    };
    if !comes_back {
        acts.truncate(1);
    }
    acts
}
