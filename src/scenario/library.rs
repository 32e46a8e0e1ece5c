//! The catalogue: every scenario with its question. Adding one touches this file, its page in docs
//! and a test.

use std::time::Duration;

use super::explain;
use super::rows as row;
use super::{Column, Scenario, Script, Step, TCP, TCP_EACH, UDP, When};
use crate::protocol::parameters::TIMEOUT;
use crate::testbed::{Action, Listener};

/// The deadline of an exchange, where the scenario is not about deadlines.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long the server holds a reply back where something shall happen meanwhile.
const WORK: Duration = Duration::from_millis(400);

const BOTH: &[Column] = &[TCP, UDP];

/// A server that answers at once, says goodbye, and outlives the script.
const SERVES: Script = Script {
    server: Listener::Server,
    work: Duration::ZERO,
    goodbye: true,
    clients: &[],
    acts: &[],
    server_ends: false,
};

/// What `compare` runs when no scenario is named: sums, timeouts, shutdown.
pub const MISSION: [&str; 4] =
    ["happy-path", "silent-server", "out-of-range-shutdown", "out-of-range-shutdown.no-goodbye"];

/// Every scenario, in the order of the lesson.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "happy-path",
        question: "What does one question and one answer cost?",
        columns: BOTH,
        timeout: DEADLINE,
        exchanges: 1,
        script: Script { clients: &[&[Step::Ask(25)]], ..SERVES },
        rows: &[row::OUTCOME, row::SUMS, row::SET_UP, row::ANSWER_AFTER, row::EXECUTED],
        explain: explain::happy_path,
    },
    Scenario {
        name: "setup-cost",
        question: "When is the handshake worth it?",
        columns: &[TCP_EACH, TCP, UDP],
        timeout: DEADLINE,
        exchanges: 10,
        script: Script { clients: &[&[Step::Ask(25)]], ..SERVES },
        rows: &[
            row::AGREED,
            row::SET_UP,
            row::ROUND_TRIPS,
            row::HALF_AND_MOST,
            row::ALL_TOOK,
            row::EXECUTED,
        ],
        explain: explain::setup_cost,
    },
    Scenario {
        name: "server-not-running",
        question: "Who tells the client that nobody listens?",
        columns: BOTH,
        timeout: DEADLINE,
        exchanges: 1,
        script: Script { server: Listener::Nobody, clients: &[&[Step::AskOnce(25)]], ..SERVES },
        rows: &[row::OUTCOME, row::WHO_SAYS_SO, row::SENT_AT, row::BELIEVED, row::KNOWN_AFTER],
        explain: explain::server_not_running,
    },
    Scenario {
        name: "silent-server",
        question: "What if somebody listens and never answers?",
        columns: BOTH,
        timeout: TIMEOUT,
        exchanges: 1,
        script: Script { server: Listener::Silent, clients: &[&[Step::AskOnce(25)]], ..SERVES },
        rows: &[row::OUTCOME, row::WHO_SAYS_SO, row::SENT_AT, row::BELIEVED, row::GIVES_UP],
        explain: explain::silent_server,
    },
    OUT_OF_RANGE,
    Scenario {
        name: "out-of-range-shutdown.no-goodbye",
        question: "And if the server leaves without a word?",
        script: Script { goodbye: false, ..OUT_OF_RANGE.script },
        ..OUT_OF_RANGE
    },
    SERVER_KILLED,
    Scenario {
        name: "server-killed.rst",
        question: "And if it had not even read the request?",
        script: Script {
            clients: &[&[
                Step::Open,
                Step::Mark("open"),
                Step::Await(When::Acted(1)),
                Step::AskOnce(25),
            ]],
            acts: &[(When::Marked("open"), Action::Pause), (When::Sent(1), Action::Kill)],
            ..SERVER_KILLED.script
        },
        ..SERVER_KILLED
    },
    Scenario {
        name: "server-killed.restart",
        question: "And if it comes back, and the client asks again?",
        script: Script {
            clients: &[&[Step::AskOnce(25), Step::Await(When::Acted(2)), Step::AskAgainIfLost]],
            acts: &[(When::Executed(1), Action::Kill), (When::ServerEnded, Action::Restart)],
            server_ends: false,
            ..SERVER_KILLED.script
        },
        rows: &[row::OUTCOME, row::SENT_AT, row::ASKED_AGAIN, row::EXECUTED, row::KNOWN_AFTER_KILL],
        explain: explain::server_restarted,
        ..SERVER_KILLED
    },
    Scenario {
        name: "ctrl-c-drain",
        question: "What happens to work in flight?",
        columns: BOTH,
        timeout: DEADLINE,
        exchanges: 1,
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
            row::IN_FLIGHT,
            row::IN_FLIGHT_ENDS,
            row::IDLE_LEARNS,
            row::NEWCOMER,
            row::SERVER_ENDS,
            row::EXECUTED,
        ],
        explain: explain::ctrl_c_drain,
    },
];

const OUT_OF_RANGE: Scenario = Scenario {
    name: "out-of-range-shutdown",
    question: "How does the other client learn that the server is gone?",
    columns: BOTH,
    timeout: DEADLINE,
    exchanges: 1,
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
        row::STOPS_AFTER,
        row::ASKED_STOP,
        row::IDLE_LEARNS,
        row::IDLE_ASKS,
        row::NEWCOMER,
        row::SERVER_ENDS,
    ],
    explain: explain::out_of_range,
};

const SERVER_KILLED: Scenario = Scenario {
    name: "server-killed",
    question: "Was my request executed or not?",
    columns: BOTH,
    timeout: DEADLINE,
    exchanges: 1,
    script: Script {
        work: WORK,
        clients: &[&[Step::AskOnce(25)]],
        acts: &[(When::Executed(1), Action::Kill)],
        server_ends: true,
        ..SERVES
    },
    rows: &[row::EXECUTED, row::OUTCOME, row::WHO_SAYS_SO, row::SENT_AT, row::KNOWN_AFTER_KILL],
    explain: explain::server_killed,
};

const NO_LOSS: &str = "on loopback no program can lose, delay, repeat or reorder a packet of TCP";

/// Scenarios that need a wire between client and server, with the reason why loopback has none.
pub const NEED_A_WIRE: &[(&str, &str, &str)] = &[
    ("black-hole", "How long until silence becomes an error?", NO_LOSS),
    ("loss", "What does x % loss do to time and to the sums?", NO_LOSS),
    ("duplicate", "Why do the two sums disagree?", NO_LOSS),
    ("reorder", "Who puts them back in order?", NO_LOSS),
    ("head-of-line", "Why does one lost packet delay nine others?", NO_LOSS),
    ("lost-reply", "The answer is lost: who repeats, and is the work done twice?", NO_LOSS),
    ("address-change", "What identifies a client?", "on loopback nothing translates addresses"),
];

/// Finds a scenario by its id.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_one_scenarios_and_every_variant_has_its_family() {
        let names: BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        assert!(SCENARIOS.iter().all(|scenario| find(scenario.family()).is_some()));
        assert!(MISSION.iter().all(|name| find(name).is_some()));
        assert!(NEED_A_WIRE.iter().all(|(name, ..)| find(name).is_none()));
    }
}
