//! Questions about an attacker who writes any address into a packet.

use std::time::Duration;

use super::{PLAIN, SERVES, WORK};
use crate::scenario::rows::spoofed;
use crate::scenario::{
    Column, Network, Scenario, Script, Step, TCP, UDP, UDP_MAYBE, When, explain,
};
use crate::testbed::{Action, Forgery};

/// Longer than the work that a believed forgery did not wait for.
const A_WHILE: Duration = Duration::from_secs(1);

/// Over UDP, beside the column without ids.
const UDP_IDS: Column = Column { title: "UDP, with ids", ..UDP };

pub(super) const SPOOFED: Scenario = Scenario {
    name: "spoofed",
    question: "Who may speak in my conversation?",
    refused: &[(Network::Loopback, "it takes an attacker who may forge addresses")],
    columns: &[Column { title: "UDP, bare", ..UDP_MAYBE }, UDP_IDS, TCP],
    script: Script {
        alone: true,
        work: WORK,
        clients: &[&[
            Step::AskOnce(25),
            Step::Mark("answered"),
            Step::Await(When::Acted(2)),
            Step::Wait(A_WHILE),
            Step::AskOnce(26),
        ]],
        acts: &[
            (When::Arrived(1), Action::Forge(Forgery::Reply)),
            (When::Marked("answered"), Action::Forge(Forgery::Shutdown)),
        ],
        ..SERVES
    },
    rows: &[
        spoofed::BELIEVED,
        spoofed::GUESS_REPLY,
        spoofed::SUMS,
        spoofed::OBEYED,
        spoofed::GUESS_SHUTDOWN,
        spoofed::PROOF,
        spoofed::ONCE_MORE,
        spoofed::SERVER_NOW,
    ],
    explain: explain::spoofed::spoofed,
    ..PLAIN
};

pub(super) const NO_VALIDATE: Scenario = Scenario {
    name: "spoofed.no-validate",
    question: "And if the server believes every source address?",
    script: Script { validate: false, ..SPOOFED.script },
    ..SPOOFED
};
