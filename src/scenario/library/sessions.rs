//! Questions about sessions: who may come in, how long one may be silent, and what a client is known
//! by.

use std::time::Duration;

use super::{NEEDS_WIRE, PLAIN, SERVES};
use crate::scenario::rows::{packets, sessions};
use crate::scenario::wiring::{CLEAN, WirePlan};
use crate::scenario::{Network, Scenario, Script, Step, When, explain};
use crate::service::ServiceKind;
use crate::testbed::Action;
use crate::wire::{Fault, Rule, What};

/// The wire loses what says goodbye: over UDP the first BYE, over TCP the first FIN.
const GOODBYE_LOST: WirePlan = WirePlan {
    rules: &[
        Rule { fault: Fault::Drop, what: What::Bye },
        Rule { fault: Fault::Drop, what: What::Fin },
    ],
    ..CLEAN
};

/// From one client to the next: longer than coming in takes on any wire of a class.
const APART: Duration = Duration::from_millis(100);

/// Longer than a stack waits before it repeats a FIN (RFC 6298 section 2.4: a second).
const A_WHILE: Duration = Duration::from_secs(2);

/// Longer than all that the others do while a place is held for nobody.
const HELD: Duration = Duration::from_secs(30);

/// A chat; clients open a session before they speak.
const CHATS: Script = Script { service: ServiceKind::Chat, ..SERVES };

/// Of the clients that stay until the last one has come.
const STAYS: &[Step] = &[Step::Say("hello"), Step::Watch(When::Marked("over"))];

pub(super) const CLIENT_LIMIT: Scenario = Scenario {
    name: "client-limit",
    question: "What does client number 4 see?",
    script: Script {
        max_clients: Some(3),
        idle_timeout: HELD,
        clients: &[
            STAYS,
            &[
                Step::Wait(APART),
                Step::Say("hello"),
                Step::Await(When::Marked("fourth")),
                Step::Leave,
                Step::Mark("left"),
            ],
            &[
                Step::Wait(Duration::from_millis(200)),
                Step::Say("hello"),
                Step::Watch(When::Marked("over")),
            ],
            &[Step::Wait(Duration::from_millis(300)), Step::Say("hello"), Step::Mark("fourth")],
            &[
                Step::Await(When::Marked("left")),
                Step::Wait(A_WHILE),
                Step::Say("hello"),
                Step::Mark("over"),
            ],
        ],
        ..CHATS
    },
    rows: &[
        sessions::CALLED,
        sessions::FOURTH_ENDS,
        sessions::FOURTH_KNOWS,
        sessions::REFUSED_BY,
        sessions::PLACE_FREE,
        sessions::NEWCOMER,
        packets::PACKETS,
    ],
    explain: explain::sessions::client_limit,
    ..PLAIN
};

/// Of the clients that stay, and say something before they have been silent for too long.
const SPEAKS_ON: &[Step] = &[
    Step::Say("hello"),
    Step::Watch(When::Marked("refused")),
    Step::Say("still here"),
    Step::Watch(When::Marked("over")),
];

pub(super) const BYE_LOST: Scenario = Scenario {
    name: "client-limit.bye-lost",
    question: "And if the goodbye of client number 2 is lost?",
    refused: NEEDS_WIRE,
    wire: GOODBYE_LOST,
    script: Script {
        clients: &[
            SPEAKS_ON,
            &[
                Step::Wait(APART),
                Step::Say("hello"),
                Step::Await(When::Marked("third")),
                Step::Leave,
                Step::Mark("left"),
            ],
            &[
                Step::Wait(Duration::from_millis(200)),
                Step::Say("hello"),
                Step::Mark("third"),
                Step::Watch(When::Marked("refused")),
                Step::Say("still here"),
                Step::Watch(When::Marked("over")),
            ],
            &[
                Step::Await(When::Marked("left")),
                Step::Wait(A_WHILE),
                Step::Say("hello"),
                Step::Mark("refused"),
                // Now the second client has been silent for too long; the others have not.
                Step::Wait(Duration::from_secs(28)),
                Step::SayAgainIfLost("hello"),
                Step::Mark("over"),
            ],
        ],
        ..CLIENT_LIMIT.script
    },
    rows: &[
        sessions::CALLED,
        sessions::PLACE_FREE,
        sessions::NEWCOMER,
        sessions::NEWCOMER_AGAIN,
        sessions::NEWCOMER_WAITED,
        packets::SENT_AND_LOST,
    ],
    ..CLIENT_LIMIT
};

/// How long a client of [`IDLE_EXPIRY`] may be silent.
const SILENT: Duration = Duration::from_secs(5);

pub(super) const IDLE_EXPIRY: Scenario = Scenario {
    name: "idle-expiry",
    question: "How long may a client be silent?",
    script: Script {
        idle_timeout: SILENT,
        clients: &[
            &[
                Step::Say("hello"),
                Step::Wait(Duration::from_secs(4)),
                Step::Say("still here"),
                Step::Wait(Duration::from_secs(8)),
                Step::Say("and now?"),
                Step::SayAgainIfLost("and now?"),
                // Until the place of the other one is free.
                Step::Wait(Duration::from_secs(4)),
                Step::Leave,
            ],
            &[Step::Wait(Duration::from_secs(10)), Step::Say("hello"), Step::Vanish],
        ],
        ..CHATS
    },
    rows: &[
        sessions::EXPIRES,
        sessions::HEARS,
        sessions::MEETS,
        sessions::ASKED_AGAIN,
        sessions::ANSWERED_AFTER,
        sessions::NAMES,
        sessions::KILLED_FREE,
        packets::PACKETS,
    ],
    explain: explain::sessions::idle_expiry,
    ..PLAIN
};

pub(super) const IDLE_BYE_LOST: Scenario = Scenario {
    name: "idle-expiry.bye-lost",
    question: "And if the server's goodbye is lost?",
    refused: NEEDS_WIRE,
    wire: GOODBYE_LOST,
    ..IDLE_EXPIRY
};

pub(super) const ADDRESS_CHANGE: Scenario = Scenario {
    name: "address-change",
    question: "What identifies a client?",
    refused: &[(Network::Loopback, "on loopback nobody translates addresses")],
    script: Script {
        alone: true,
        clients: &[&[
            Step::Say("hello"),
            Step::Mark("said"),
            Step::Await(When::Acted(1)),
            Step::Say("status"),
            Step::SayAgainIfLost("status"),
        ]],
        acts: &[(When::Marked("said"), Action::NewAddress)],
        ..CHATS
    },
    rows: &[
        sessions::MEETS,
        sessions::ASKED_AGAIN,
        sessions::ANSWERED_AFTER,
        sessions::NAMES,
        sessions::PROOFS,
        sessions::PLACES_HELD,
        sessions::STATUS_NAMES,
        packets::PACKETS,
    ],
    explain: explain::sessions::address_change,
    ..PLAIN
};
