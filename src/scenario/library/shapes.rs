//! Questions about where messages begin and end, and how long they may be.

use std::time::Duration;

use super::{FIRST_HELD, NEEDS_BUFFERS, NEEDS_MTU, NEEDS_WIRE, PLAIN, SERVES};
use crate::protocol::framing::Framing;
use crate::protocol::parameters::{TIMEOUT, WINDOW};
use crate::scenario::rows::{self as row, packets, pressure, shapes};
use crate::scenario::wiring::{CLEAN, WirePlan};
use crate::scenario::{Scenario, Script, Step, TCP, UDP_BARE, explain};
use crate::testbed::Listener;
use crate::wire::{Direction, Fault, Rule, What};

/// Three messages one after the other; the first is held up so that all arrive together.
pub(super) const MESSAGE_BOUNDARIES: Scenario = Scenario {
    name: "message-boundaries",
    question: "Is one send one recv?",
    refused: NEEDS_WIRE,
    timeout: Some(TIMEOUT),
    exchanges: 3,
    wire: FIRST_HELD,
    script: Script {
        window: WINDOW,
        clients: &[&[Step::Send { first: 25, every: Duration::ZERO }, Step::Collect]],
        ..SERVES
    },
    rows: &[
        row::AGREED,
        shapes::SENDS,
        packets::WITH_REQUESTS,
        shapes::FOUND,
        shapes::FIRST_FOUND,
        shapes::CUT_BY,
    ],
    explain: explain::shapes::message_boundaries,
    ..PLAIN
};

pub(super) const RAW: Scenario = Scenario {
    name: "message-boundaries.raw",
    question: "And if the server takes each recv for a message?",
    script: Script { framing: Some(Framing::Raw), ..MESSAGE_BOUNDARIES.script },
    ..MESSAGE_BOUNDARIES
};

pub(super) const OVERSIZED: Scenario = Scenario {
    name: "oversized",
    question: "What if the message does not fit?",
    refused: NEEDS_MTU,
    columns: &[TCP, UDP_BARE],
    timeout: Some(TIMEOUT),
    script: Script {
        // A line of TCP may be longer than a datagram; silence does not end it.
        max_message: 66_000,
        framing: Some(Framing::Line),
        clients: &[&[
            Step::AskLong(11, 1472),
            Step::AskLong(12, 1473),
            Step::AskLong(13, 8000),
            Step::AskLong(14, 65_507),
            Step::AskLong(15, 65_508),
        ]],
        ..SERVES
    },
    rows: &[
        shapes::BYTES_1472,
        shapes::BYTES_1473,
        shapes::BYTES_8000,
        shapes::BYTES_65507,
        shapes::BYTES_65508,
        packets::PACKETS,
        packets::BYTES,
    ],
    explain: explain::shapes::oversized,
    ..PLAIN
};

pub(super) const FRAGMENT_LOST: Scenario = Scenario {
    name: "oversized.fragment-lost",
    question: "And if one piece of it is lost?",
    wire: WirePlan {
        rules: &[Rule { fault: Fault::Drop, what: What::Packet(Direction::ClientToServer, 4) }],
        ..CLEAN
    },
    script: Script { clients: &[&[Step::AskLong(13, 8000)]], ..OVERSIZED.script },
    rows: &[
        row::OUTCOME,
        shapes::BYTES_8000,
        packets::SENT_AND_LOST,
        row::EXECUTED,
        packets::BYTES_AGAIN,
        row::KNOWN_AFTER,
        shapes::FRAGMENT_THEORY,
    ],
    explain: explain::shapes::fragment_lost,
    ..OVERSIZED
};

/// Two seconds, at a message a millisecond: more than any buffer here holds.
const PUSHING: Duration = Duration::from_secs(2);

pub(super) const SLOW_READER: Scenario = Scenario {
    name: "slow-reader",
    question: "Where do the bytes go when nobody reads?",
    refused: NEEDS_BUFFERS,
    columns: &[TCP, UDP_BARE],
    script: Script {
        server: Listener::Late,
        clients: &[&[Step::Push(PUSHING)]],
        server_ends: true,
        ..SERVES
    },
    rows: &[
        pressure::ACCEPTED,
        pressure::HELD_UP,
        pressure::READ,
        pressure::READS,
        pressure::GONE,
        pressure::WHERE,
        pressure::PROBES,
    ],
    explain: explain::shapes::slow_reader,
    ..PLAIN
};
