//! Drawing the world of a chat from a seed.

use std::time::Duration;

use socklab::peer::Transport;
use socklab::protocol::datagram::header::Type;
use socklab::protocol::datagram::{IcmpPolicy, Semantics};
use socklab::protocol::framing::Framing;
use socklab::wire::{Direction, Fault, Rule, What};

use super::forging::{Forgery, TO_CLIENT, TO_SERVER};
use super::plan::{ChatPlan, Guest, Leaving, Step, VisitPlan};
use super::shelves::FILES;
use crate::drawing::Dice;
use crate::world::{Act, ClientPlan, Kind, ServerPlan, World, ms};

impl World {
    /// Makes a chat of a world.
    pub(crate) fn becomes_a_chat(&mut self, dice: &mut Dice) {
        self.chat = Some(ChatPlan {
            max_guests: dice.one_of(&[1, 2, 2, 3, 3, 8]),
            files: dice.happens(0.8),
        });
        self.server = ServerPlan {
            work: ms(dice.one_of(&[0, 0, 0, 0, 0, 30, 700, 3_000])),
            // What is forged harms nobody only where addresses are proven.
            validate: true,
            max_clients: 1024,
            idle_timeout: ms(dice.one_of(&[2_000, 5_000, 20_000, 40_000, 70_000, 300_000])),
            has_long_name: false,
            ..self.server.clone()
        };
        for client in &mut self.clients {
            if let Kind::Talker(_) = client.kind {
                client.kind = Kind::Guest(Guest::draw(dice));
            }
        }
        self.clients.push(guest(dice));
        for _ in 0..dice.between(0, 4) {
            self.script.push(chat_act(dice, self.clients.len()));
        }
        match dice.between(0, 19) {
            0 => self.has_a_late_hello(dice),
            1 | 2 => self.changes_while_a_file_comes(dice),
            _ => {}
        }
        self.script.sort_by_key(|(at, _)| *at);
    }

    /// A copy of the HELLO arrives when its sender has left.
    fn has_a_late_hello(&mut self, dice: &mut Dice) {
        self.has_a_calm_wire();
        // The HELLO without a cookie was the first.
        let what = What::Packet(Direction::ClientToServer, 2);
        self.wire.rules = vec![Rule { fault: Fault::Hold(dice.time(4_000, 30_000)), what }];
        let steps = vec![Step::Say(1), Step::Status];
        let leaving = dice.one_of(&[Leaving::Exit, Leaving::Exit, Leaving::Goodbye]);
        let visits = vec![VisitPlan { steps, leaving, pause: ms(1_000) }];
        let timeout = ms(10_000);
        let retransmission_timeout = ms(500);
        let draw = Guest::draw(dice);
        let guest = Guest { timeout, retransmission_timeout, visits, ..draw };
        self.has_only(Guest { transport: Transport::Udp, retransmissions: None, ..guest });
    }

    /// A client's address, or the file itself, changes in the middle of a file.
    fn changes_while_a_file_comes(&mut self, dice: &mut Dice) {
        self.has_a_calm_wire();
        self.chat = Some(ChatPlan { max_guests: 2, files: true });
        let steps = vec![Step::Say(1), Step::Fetch(2), Step::Say(2), Step::Status];
        let visits = vec![VisitPlan { steps, leaving: Leaving::Exit, pause: ms(0) }];
        let (timeout, window) = (ms(20_000), dice.one_of(&[1, 2, 4]));
        let draw = Guest::draw(dice);
        let guest = Guest { timeout, window, visits, retransmissions: None, ..draw };
        self.has_only(Guest { transport: Transport::Udp, ..guest });
        let changes = dice.one_of(&[Act::ChangeAddress(1), Act::ChangeAddress(1), Act::NewFiles]);
        self.script.push((dice.time(60, 300), changes));
    }

    fn has_a_calm_wire(&mut self) {
        for way in [&mut self.wire.c2s, &mut self.wire.s2c] {
            (way.loss, way.delay, way.jitter, way.rate) = (0.0, ms(5), Duration::ZERO, None);
        }
        self.wire.rules.clear();
        self.server.work = Duration::ZERO;
        self.server.idle_timeout = self.server.idle_timeout.max(ms(5_000));
        self.script = vec![(Duration::ZERO, Act::Start)];
    }

    fn has_only(&mut self, guest: Guest) {
        self.clients = vec![ClientPlan { starts: ms(10), kind: Kind::Guest(guest) }];
    }
}

fn guest(dice: &mut Dice) -> ClientPlan {
    ClientPlan { starts: dice.time(0, 3_000), kind: Kind::Guest(Guest::draw(dice)) }
}

/// Something that happens to a chat besides.
fn chat_act(dice: &mut Dice, clients: usize) -> (Duration, Act) {
    let latest = dice.one_of(&[3_000, 10_000, 30_000]);
    let at = dice.time(10, latest);
    let client = dice.between(1, clients as u64) as usize;
    let act = match dice.between(0, 9) {
        0..=3 => Act::ChangeAddress(client),
        4 => Act::NewFiles,
        _ => Act::Forge(Forgery::draw(dice, client)),
    };
    (at, act)
}

impl Forgery {
    fn draw(dice: &mut Dice, client: usize) -> Self {
        let (direction, kind): (_, Type) = match dice.happens(0.6) {
            true => (Direction::ClientToServer, dice.one_of(&TO_SERVER)),
            false => (Direction::ServerToClient, dice.one_of(&TO_CLIENT)),
        };
        let mut guess = || dice.between(0, u64::from(u32::MAX)) as u32;
        Forgery { direction, client, kind, token: guess(), message_id: guess() }
    }
}

impl Guest {
    fn draw(dice: &mut Dice) -> Self {
        let window = dice.one_of(&[1, 1, 2, 4, 8]);
        let patience = dice.one_of(&[2_000, 10_000, 30_000]);
        Guest {
            transport: dice.one_of(&[Transport::Tcp, Transport::Udp, Transport::Udp]),
            semantics: match dice.happens(0.15) {
                true => Semantics::AtLeastOnce,
                false => Semantics::AtMostOnce,
            },
            timeout: dice.time(1_000, patience),
            retransmission_timeout: ms(dice.one_of(&[50, 200, 1_000, 1_000, 3_000])),
            retransmissions: dice.happens(0.1).then(|| dice.between(0, 4) as u8),
            window,
            icmp: dice.one_of(&[IcmpPolicy::Trust, IcmpPolicy::Trust, IcmpPolicy::Vet]),
            framing: dice.one_of(&[Framing::Auto, Framing::Line]),
            // RFC 8085 section 3.5: no more often than that.
            keep_alive: dice.happens(0.4).then_some(ms(15_000)),
            visits: (0..dice.between(1, 4)).map(|_| VisitPlan::draw(dice)).collect(),
        }
    }
}

impl VisitPlan {
    fn draw(dice: &mut Dice) -> Self {
        let steps = (0..dice.between(0, 7)).map(|_| Step::draw(dice)).collect();
        VisitPlan {
            steps,
            leaving: match dice.between(0, 9) {
                0..=3 => Leaving::Exit,
                4..=6 => Leaving::Goodbye,
                7 | 8 => Leaving::Reset,
                _ => Leaving::PowerOff,
            },
            pause: ms(dice.one_of(&[0, 0, 500, 3_000, 20_000])),
        }
    }
}

impl Step {
    fn draw(dice: &mut Dice) -> Self {
        match dice.between(0, 11) {
            0..=4 => Step::Say(dice.one_of(&[1, 1, 1, 3, 8])),
            5 | 6 => Step::Status,
            7 => Step::StatusAll,
            8 => Step::List,
            9 => Step::Fetch(dice.between(0, FILES.len() as u64 - 1) as usize),
            _ => {
                let longest = dice.one_of(&[1_000, 8_000, 50_000]);
                Step::Rest(dice.time(10, longest))
            }
        }
    }
}
