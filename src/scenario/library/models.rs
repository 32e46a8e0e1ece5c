//! Questions about the program behind the port: whom it serves while it serves somebody, what each
//! client costs it, and whether it gets the port at all.

use std::time::Duration;

use super::{BOTH, PLAIN, SERVES};
use crate::protocol::framing::Framing;
use crate::scenario::rows::{self as row, models, packets, weather};
use crate::scenario::{
    Network, Scenario, Script, Step, TCP_POLL, TCP_SERIAL, TCP_TASKS, TCP_THREADS, UDP_SERIAL,
    When, explain,
};
use crate::server::Second;
use crate::testbed::Action;

/// Long enough that nobody takes it for the network.
const A_STAY: Duration = Duration::from_secs(2);

pub(super) const SECOND_CLIENT: Scenario = Scenario {
    name: "second-client-serial",
    question: "Why does my program hang instead of failing?",
    columns: &[TCP_SERIAL, UDP_SERIAL],
    script: Script {
        clients: &[
            &[
                Step::AskOnce(25),
                Step::Mark("in"),
                Step::Wait(A_STAY),
                Step::Leave,
                Step::Mark("out"),
            ],
            &[
                Step::Await(When::Marked("in")),
                Step::AskOnce(26),
                Step::Await(When::Marked("out")),
                Step::AskAgainIfLost,
            ],
        ],
        ..SERVES
    },
    rows: &[
        models::CONNECTED_AFTER,
        models::SECOND_IS_TOLD,
        models::TOLD_AFTER,
        models::FIRST_THEN,
        models::ASKED_AGAIN,
        row::EXECUTED,
        packets::PACKETS,
    ],
    explain: explain::models::second_client,
    ..PLAIN
};

pub(super) const SECOND_QUEUE: Scenario = Scenario {
    name: "second-client-serial.queue",
    question: "And if the server just does not get to it?",
    script: Script { second: Second::Queue, ..SECOND_CLIENT.script },
    ..SECOND_CLIENT
};

/// One of those who ask while the first sleeps, and stay until the server's sockets are counted.
const AWAKE: &[Step] =
    &[Step::Await(When::Marked("half")), Step::AskOnce(4), Step::Await(When::Acted(1))];

pub(super) const SLOW_CLIENT: Scenario = Scenario {
    name: "slow-client-models",
    question: "Why does one sleeping student block the class?",
    columns: &[TCP_SERIAL, TCP_THREADS, TCP_POLL, TCP_TASKS, UDP_SERIAL],
    script: Script {
        // Refused, they would be served at once, with a BUSY.
        second: Second::Queue,
        // Silence does not end a message: half a line is half a message.
        framing: Some(Framing::Line),
        clients: &[
            &[
                Step::Half(22),
                Step::Mark("half"),
                // All others have asked, and whoever is not held up has been answered.
                Step::Wait(Duration::from_secs(1)),
                Step::Mark("asleep"),
                Step::Wait(Duration::from_secs(2)),
                Step::OtherHalf,
            ],
            AWAKE,
            AWAKE,
            AWAKE,
            AWAKE,
            AWAKE,
            AWAKE,
            AWAKE,
            AWAKE,
            AWAKE,
        ],
        acts: &[(When::Marked("asleep"), Action::Measure)],
        ..SERVES
    },
    rows: &[
        models::ANSWERED_MEANWHILE,
        models::MOST_WAITED,
        models::ANSWERED_AT_ALL,
        models::SLEEPER,
        models::SOCKETS_AND_THREADS,
    ],
    explain: explain::models::slow_client,
    ..PLAIN
};

pub(super) const SLOW_BUSY: Scenario = Scenario {
    name: "slow-client-models.busy",
    question: "And if the serial server says that it is busy?",
    script: Script { second: Second::Refuse, ..SLOW_CLIENT.script },
    ..SLOW_CLIENT
};

/// One of those who ask at the same moment.
const AT_ONCE: &[Step] = &[
    Step::Open,
    Step::MarkTogether("all there"),
    Step::Await(When::Marked("all there")),
    Step::AskOnce(4),
    Step::Leave,
];

pub(super) const BLOCKING: Scenario = Scenario {
    name: "slow-client-models.blocking",
    question: "And if each answer waits half a second for a disk?",
    refused: &[(Network::Sim, "virtual time stands still while a thread is blocked")],
    script: Script {
        block: Duration::from_millis(500),
        clients: &[AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE],
        acts: &[],
        framing: None,
        ..SLOW_CLIENT.script
    },
    rows: &[row::AGREED, models::FIRST_ANSWER, models::LAST_ANSWER],
    explain: explain::models::blocking,
    ..SLOW_CLIENT
};

/// A class, and more.
const CROWD: usize = 100;

pub(super) const MANY_CLIENTS: Scenario = Scenario {
    name: "many-clients",
    question: "What does client number 1000 cost?",
    exchanges: 5,
    script: Script {
        copies: CROWD,
        clients: &[&[
            Step::Stagger(Duration::from_secs(1)),
            Step::Ask(25),
            Step::MarkTogether("all there"),
            Step::Await(When::Acted(1)),
        ]],
        acts: &[(When::Marked("all there"), Action::Measure)],
        ..SERVES
    },
    rows: &[
        row::AGREED,
        row::HALF_AND_MOST,
        models::SLOWEST,
        row::ALL_TOOK,
        models::HELD,
        weather::RETRANSMITTED,
        packets::PACKETS,
        packets::BYTES,
    ],
    explain: explain::models::many_clients,
    ..PLAIN
};

/// Why the simulation cannot show who gets a port.
const NEEDS_KERNEL: &[(Network, &str)] =
    &[(Network::Sim, "a real kernel decides who gets a port: --net kernel, or loopback")];

pub(super) const PORT_IN_USE: Scenario = Scenario {
    name: "port-in-use",
    question: "Why can I not restart my server?",
    refused: NEEDS_KERNEL,
    columns: BOTH,
    script: Script {
        clients: &[&[
            Step::AskOnce(25),
            Step::Mark("in"),
            Step::Await(When::Acted(2)),
            Step::AskOnce(26),
        ]],
        acts: &[(When::Marked("in"), Action::StartAnother), (When::Acted(1), Action::StartBeside)],
        ..SERVES
    },
    rows: &[
        models::ANOTHER,
        models::ANOTHER_SAYS,
        models::BESIDE,
        models::FIRST_CLIENT_ASKS,
        row::EXECUTED,
    ],
    explain: explain::ports::port_in_use,
    ..PLAIN
};

/// Longer than a FIN is under way on any wire of a class.
const A_MOMENT: Duration = Duration::from_millis(200);

pub(super) const PORT_RESTART: Scenario = Scenario {
    name: "port-in-use.restart",
    question: "And if I stop it, and start it again at once?",
    script: Script {
        clients: &[&[
            Step::AskOnce(25),
            Step::Mark("in"),
            Step::Watch(When::ServerEnded),
            Step::Leave,
            Step::Await(When::ServerEnded),
            // Whatever closes a connection is there.
            Step::Wait(A_MOMENT),
            Step::Mark("gone"),
            Step::Await(When::Acted(2)),
            Step::AskOnce(26),
        ]],
        acts: &[(When::Marked("in"), Action::Interrupt), (When::Marked("gone"), Action::Restart)],
        ..SERVES
    },
    rows: &[
        models::CLOSED_FIRST,
        models::TIME_WAIT_THEN,
        models::STARTED_AGAIN,
        models::STARTED_AGAIN_SAYS,
        models::FIRST_CLIENT_ASKS,
        row::EXECUTED,
    ],
    explain: explain::ports::port_restart,
    ..PORT_IN_USE
};

pub(super) const NO_REUSEADDR: Scenario = Scenario {
    name: "port-in-use.no-reuseaddr",
    question: "And without SO_REUSEADDR?",
    script: Script { reuse_address: false, ..PORT_RESTART.script },
    ..PORT_RESTART
};
