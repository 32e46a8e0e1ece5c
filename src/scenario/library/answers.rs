//! Questions that get an answer, or at least a refusal, on any network.

use super::{BOTH, PLAIN, SERVES};
use crate::protocol::parameters::TIMEOUT;
use crate::scenario::rows::{self as row, packets, weather};
use crate::scenario::{Plot, Scenario, Script, Step, TCP, TCP_EACH, UDP, explain};
use crate::testbed::Listener;

pub(super) const HAPPY_PATH: Scenario = Scenario {
    name: "happy-path",
    question: "What does one question and one answer cost?",
    follows_faults: true,
    rows: &[
        row::OUTCOME,
        row::SUMS,
        row::SET_UP,
        row::ANSWER_AFTER,
        packets::PACKETS,
        packets::BYTES,
        packets::WITH_MESSAGES,
        row::EXECUTED,
    ],
    explain: explain::answers::happy_path,
    ..PLAIN
};

pub(super) const SETUP_COST: Scenario = Scenario {
    name: "setup-cost",
    question: "When is the handshake worth it?",
    columns: &[TCP_EACH, TCP, UDP],
    exchanges: 10,
    rows: &[
        row::AGREED,
        row::SET_UP,
        row::ROUND_TRIPS,
        row::HALF_AND_MOST,
        row::ALL_TOOK,
        packets::PACKETS,
        packets::BYTES,
        row::SET_UP_EACH,
        packets::TIME_WAIT,
        row::EXECUTED,
    ],
    explain: explain::answers::setup_cost,
    ..PLAIN
};

pub(super) const SERVER_NOT_RUNNING: Scenario = Scenario {
    name: "server-not-running",
    question: "Who tells the client that nobody listens?",
    columns: BOTH,
    script: Script { server: Listener::Nobody, clients: &[&[Step::AskOnce(25)]], ..SERVES },
    rows: &[
        row::OUTCOME,
        row::WHO_SAYS_SO,
        row::SENT_AT,
        row::BELIEVED,
        row::KNOWN_AFTER,
        packets::PACKETS,
    ],
    explain: explain::answers::server_not_running,
    ..PLAIN
};

pub(super) const SILENT_SERVER: Scenario = Scenario {
    name: "silent-server",
    question: "What if somebody listens and never answers?",
    timeout: Some(TIMEOUT),
    script: Script { server: Listener::Silent, clients: &[&[Step::AskOnce(25)]], ..SERVES },
    rows: &[
        row::OUTCOME,
        row::WHO_SAYS_SO,
        row::SENT_AT,
        row::BELIEVED,
        row::GIVES_UP,
        weather::WHAT_LEFT,
    ],
    plot: Plot::Timeline,
    explain: explain::answers::silent_server,
    ..PLAIN
};
