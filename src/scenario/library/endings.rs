//! Questions about leaving: closing, goodbyes, kills, power.

use std::time::Duration;

use super::{NEEDS_HOSTS, PLAIN, SERVES, WORK};
use crate::protocol::parameters::WINDOW;
use crate::scenario::rows::{self as row, endings, packets, shapes};
use crate::scenario::{Scenario, Script, Step, When, explain};
use crate::testbed::Action;

/// Longer than any answer takes here.
const A_WHILE: Duration = Duration::from_secs(2);

/// Longer than a transcript waits before it is written (100 ms).
const A_MOMENT: Duration = Duration::from_millis(200);

pub(super) const CLOSE_VS_SHUTDOWN: Scenario = Scenario {
    name: "close-vs-shutdown",
    question: "How do I say: I have finished, but I still listen?",
    exchanges: 3,
    script: Script {
        window: WINDOW,
        clients: &[&[
            Step::Send { first: 25, every: Duration::ZERO },
            Step::HalfClose,
            Step::Collect,
            Step::WatchFor(A_WHILE),
        ]],
        ..SERVES
    },
    rows: &[
        row::AGREED,
        shapes::SAYS_NO_MORE,
        shapes::ANSWERS_AFTER_IT,
        shapes::SERVER_FINISHED,
        packets::PACKETS,
    ],
    explain: explain::endings::close_vs_shutdown,
    ..PLAIN
};

pub(super) const CLOSE_RESET: Scenario = Scenario {
    name: "close-vs-shutdown.reset",
    question: "And if it hangs up at once?",
    script: Script {
        clients: &[&[Step::Send { first: 25, every: Duration::ZERO }, Step::Reset]],
        ..CLOSE_VS_SHUTDOWN.script
    },
    rows: &[
        row::AGREED,
        row::EXECUTED,
        shapes::HANGS_UP_BY,
        shapes::SERVER_NOTICED,
        packets::TIME_WAIT,
        packets::PACKETS,
    ],
    explain: explain::endings::close_reset,
    ..CLOSE_VS_SHUTDOWN
};

pub(super) const OUT_OF_RANGE: Scenario = Scenario {
    name: "out-of-range-shutdown",
    question: "How does the other client learn that the server is gone?",
    script: Script {
        clients: &[
            &[
                Step::AskOnce(10),
                Step::Mark("idle"),
                Step::Watch(When::ServerEnded),
                Step::AskOnce(30),
            ],
            &[Step::Await(When::Marked("idle")), Step::AskOnce(101)],
            &[Step::Await(When::ServerEnded), Step::AskOnce(40)],
        ],
        server_ends: true,
        ..SERVES
    },
    rows: &[
        endings::STOPS_AFTER,
        endings::ASKED_STOP,
        endings::IDLE_LEARNS,
        endings::IDLE_ASKS,
        endings::NEWCOMER,
        endings::SERVER_ENDS,
    ],
    explain: explain::endings::out_of_range,
    ..PLAIN
};

pub(super) const NO_GOODBYE: Scenario = Scenario {
    name: "out-of-range-shutdown.no-goodbye",
    question: "And if the server leaves without a word?",
    script: Script { goodbye: false, ..OUT_OF_RANGE.script },
    ..OUT_OF_RANGE
};

pub(super) const SERVER_KILLED: Scenario = Scenario {
    name: "server-killed",
    question: "Was my request executed or not?",
    script: Script {
        work: WORK,
        clients: &[&[Step::AskOnce(25)]],
        acts: &[(When::Executed(1), Action::Kill)],
        server_ends: true,
        ..SERVES
    },
    rows: &[row::EXECUTED, row::OUTCOME, row::WHO_SAYS_SO, row::SENT_AT, endings::KNOWN_AFTER_KILL],
    explain: explain::endings::server_killed,
    ..PLAIN
};

pub(super) const KILLED_RST: Scenario = Scenario {
    name: "server-killed.rst",
    question: "And if it had not even read the request?",
    script: Script {
        clients: &[&[
            Step::Open,
            Step::Mark("open"),
            Step::Await(When::Acted(1)),
            Step::AskOnce(25),
            Step::Mark("done"),
        ]],
        acts: &[(When::Marked("open"), Action::Pause), (When::Arrived(1), Action::Kill)],
        ..SERVER_KILLED.script
    },
    ..SERVER_KILLED
};

pub(super) const KILLED_RESTART: Scenario = Scenario {
    name: "server-killed.restart",
    question: "And if it comes back, and the client asks again?",
    script: Script {
        clients: &[&[Step::AskOnce(25), Step::Await(When::Acted(2)), Step::AskAgainIfLost]],
        acts: &[(When::Executed(1), Action::Kill), (When::ServerEnded, Action::Restart)],
        server_ends: false,
        ..SERVER_KILLED.script
    },
    rows: &[
        row::OUTCOME,
        row::SENT_AT,
        endings::ASKED_AGAIN,
        row::EXECUTED,
        endings::KNOWN_AFTER_KILL,
    ],
    explain: explain::endings::server_restarted,
    ..SERVER_KILLED
};

pub(super) const POWER_OFF: Scenario = Scenario {
    name: "server-killed.power-off",
    question: "And if its computer loses power?",
    refused: NEEDS_HOSTS,
    script: Script { acts: &[(When::Executed(1), Action::PowerOff)], ..SERVER_KILLED.script },
    explain: explain::endings::power_off,
    ..SERVER_KILLED
};

pub(super) const REBOOT: Scenario = Scenario {
    name: "server-killed.reboot",
    question: "And if it comes back while the client is idle?",
    refused: NEEDS_HOSTS,
    script: Script {
        work: Duration::ZERO,
        clients: &[&[
            Step::AskOnce(10),
            // Idle: all that there is to say is said, by the server's transcript, too.
            Step::Wait(A_MOMENT),
            Step::Mark("idle"),
            Step::Await(When::Acted(3)),
            Step::AskOnce(25),
        ]],
        acts: &[
            (When::Marked("idle"), Action::PowerOff),
            (When::Acted(1), Action::PowerOn),
            (When::Acted(2), Action::Restart),
        ],
        server_ends: false,
        ..SERVER_KILLED.script
    },
    rows: &[row::OUTCOME, row::WHO_SAYS_SO, row::SENT_AT, row::EXECUTED, row::KNOWN_AFTER],
    explain: explain::endings::reboot,
    ..SERVER_KILLED
};

pub(super) const CTRL_C_DRAIN: Scenario = Scenario {
    name: "ctrl-c-drain",
    question: "What happens to work in flight?",
    script: Script {
        work: WORK,
        clients: &[
            &[
                Step::AskOnce(10),
                Step::Mark("idle"),
                Step::Watch(When::ServerEnded),
                Step::Mark("learned"),
            ],
            &[Step::Await(When::Marked("idle")), Step::AskOnce(21)],
            &[Step::Await(When::Marked("idle")), Step::AskOnce(22)],
            &[Step::Await(When::Marked("idle")), Step::AskOnce(23)],
            &[Step::Await(When::Marked("idle")), Step::AskOnce(24)],
            &[Step::Await(When::Marked("learned")), Step::AskOnce(40)],
        ],
        acts: &[(When::Executed(5), Action::Interrupt)],
        server_ends: true,
        ..SERVES
    },
    rows: &[
        endings::IN_FLIGHT,
        endings::IN_FLIGHT_ENDS,
        endings::IDLE_LEARNS,
        endings::NEWCOMER,
        endings::SERVER_ENDS,
        row::EXECUTED,
    ],
    explain: explain::endings::ctrl_c_drain,
    ..PLAIN
};

pub(super) const CTRL_C_TWICE: Scenario = Scenario {
    name: "ctrl-c-drain.twice",
    question: "And if Ctrl+C is pressed once more?",
    script: Script {
        acts: &[
            (When::Executed(5), Action::Interrupt),
            (When::Marked("learned"), Action::Interrupt),
        ],
        ..CTRL_C_DRAIN.script
    },
    ..CTRL_C_DRAIN
};
