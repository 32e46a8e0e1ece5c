//! Questions about what a bad network does: silence, loss, copies, disorder.

use std::time::Duration;

use super::{FIRST_HELD, NEEDS_WIRE, PLAIN, SERVES};
use crate::protocol::parameters::{TIMEOUT, WINDOW};
use crate::scenario::rows::{self as row, packets, weather};
use crate::scenario::wiring::{CLEAN, WirePlan};
use crate::scenario::{
    Network, Plot, Scenario, Script, Step, TCP, UDP, UDP_MAYBE, UDP_REPEATING, When, explain,
};
use crate::testbed::{Action, Patience};
use crate::wire::{Fault, Impairment, Rule, What};

/// One try, repeating, and TCP.
const THREE: &[crate::scenario::Column] = &[UDP_MAYBE, UDP_REPEATING, TCP];

pub(super) const BLACK_HOLE: Scenario = Scenario {
    name: "black-hole",
    question: "How long until silence becomes an error?",
    refused: NEEDS_WIRE,
    timeout: Some(TIMEOUT),
    script: Script {
        clients: &[&[Step::Await(When::Acted(1)), Step::AskOnce(25)]],
        acts: &[(When::Acted(0), Action::Cut)],
        ..SERVES
    },
    rows: &[
        row::OUTCOME,
        row::WHO_SAYS_SO,
        weather::WHAT_LEFT,
        weather::IN_VAIN,
        row::BELIEVED,
        row::GIVES_UP,
        row::EXECUTED,
    ],
    plot: Plot::Timeline,
    explain: explain::weather::black_hole,
    ..PLAIN
};

pub(super) const NO_DEADLINE: Scenario = Scenario {
    name: "black-hole.no-deadline",
    question: "And if the program has no deadline of its own?",
    timeout: None,
    about_no_deadline: true,
    // Linux would try for more than two minutes.
    patience: Patience { syn_retries: Some(2), data_retries: None },
    ..BLACK_HOLE
};

pub(super) const ESTABLISHED: Scenario = Scenario {
    name: "black-hole.established",
    question: "And if the wire is cut when all was well?",
    timeout: None,
    // Linux would try for some sixteen minutes.
    patience: Patience { syn_retries: None, data_retries: Some(4) },
    script: Script {
        clients: &[&[
            Step::AskOnce(10),
            // The last acknowledgement is through: all is quiet.
            Step::Wait(Duration::from_secs(1)),
            Step::Mark("well"),
            Step::Await(When::Acted(1)),
            Step::Wait(Duration::from_secs(1)),
            Step::AskOnce(25),
        ]],
        acts: &[(When::Marked("well"), Action::Cut)],
        ..SERVES
    },
    ..BLACK_HOLE
};

/// Longer than a class, and than any timer of TCP but keepalive, which is off unless asked for.
const TWO_HOURS: Duration = Duration::from_secs(7200);

pub(super) const IDLE: Scenario = Scenario {
    name: "black-hole.idle",
    question: "And if the client asks nothing more?",
    refused: &[
        NEEDS_WIRE[0],
        (Network::Kernel, "it watches for two hours, and real time has no shortcut"),
    ],
    script: Script {
        clients: &[&[
            Step::AskOnce(10),
            // The last acknowledgement is through: all is quiet.
            Step::Wait(Duration::from_secs(1)),
            Step::Mark("well"),
            Step::Await(When::Acted(1)),
            Step::WatchFor(TWO_HOURS),
        ]],
        acts: &[(When::Marked("well"), Action::Cut)],
        ..SERVES
    },
    rows: &[row::OUTCOME, weather::WATCHED, weather::NOTICED, packets::AFTER_THE_CUT],
    plot: Plot::None,
    explain: explain::weather::idle,
    ..BLACK_HOLE
};

/// A tenth of all packets, each way.
const TENTH: Impairment = Impairment { loss: 0.1, ..Impairment::CLEAN };

pub(super) const LOSS: Scenario = Scenario {
    name: "loss",
    question: "What does loss do to time and to the sums?",
    refused: NEEDS_WIRE,
    columns: THREE,
    exchanges: 100,
    follows_faults: true,
    wire: WirePlan { c2s: TENTH, s2c: TENTH, rules: &[] },
    script: Script { clients: &[&[Step::AskRising(1)]], ..SERVES },
    rows: &[
        row::AGREED,
        weather::GAVE_UP,
        row::EXECUTED,
        weather::RETRANSMITTED,
        weather::DUPLICATES,
        packets::SENT_AND_LOST,
        packets::BYTES,
        row::HALF_AND_MOST,
        row::ALL_TOOK,
        weather::LOSS_THEORY,
    ],
    explain: explain::weather::loss,
    ..PLAIN
};

pub(super) const LOST_REPLY: Scenario = Scenario {
    name: "lost-reply",
    question: "The answer is lost: who repeats, is the work done twice?",
    refused: NEEDS_WIRE,
    wire: WirePlan { rules: &[Rule { fault: Fault::Drop, what: What::Reply(1) }], ..CLEAN },
    rows: &[
        row::OUTCOME,
        row::SUMS,
        row::EXECUTED,
        weather::SERVER_SUMS,
        weather::RETRANSMITTED,
        weather::DUPLICATES,
        row::ANSWER_AFTER,
        packets::SENT_AND_LOST,
    ],
    explain: explain::weather::lost_reply,
    ..PLAIN
};

pub(super) const DUPLICATE: Scenario = Scenario {
    name: "duplicate",
    question: "Why do the two sums disagree?",
    refused: NEEDS_WIRE,
    columns: THREE,
    exchanges: 3,
    wire: WirePlan { c2s: Impairment { duplicate: 1.0, ..Impairment::CLEAN }, ..CLEAN },
    script: Script { clients: &[&[Step::AskRising(25)]], ..SERVES },
    rows: &[
        row::AGREED,
        weather::CLIENT_SUMS,
        weather::SERVER_SUMS,
        row::EXECUTED,
        weather::DUPLICATES,
        weather::STALE,
        packets::SENT_AND_DOUBLED,
    ],
    explain: explain::weather::duplicate,
    ..PLAIN
};

pub(super) const REORDER: Scenario = Scenario {
    name: "reorder",
    question: "Who puts them back in order?",
    refused: NEEDS_WIRE,
    columns: THREE,
    exchanges: 3,
    wire: FIRST_HELD,
    script: Script {
        window: WINDOW,
        clients: &[&[Step::Send { first: 25, every: Duration::from_millis(2) }, Step::Collect]],
        ..SERVES
    },
    rows: &[
        weather::ORDER_SENT,
        weather::ORDER_EXECUTED,
        weather::ARRIVED_AT,
        row::AGREED,
        weather::CLIENT_SUMS,
        weather::SERVER_SUMS,
        weather::RETRANSMITTED,
    ],
    plot: Plot::Arrivals,
    explain: explain::weather::reorder,
    ..PLAIN
};

pub(super) const HEAD_OF_LINE: Scenario = Scenario {
    name: "head-of-line",
    question: "Why does one lost packet delay nine others?",
    refused: NEEDS_WIRE,
    columns: &[TCP, UDP],
    exchanges: 10,
    wire: WirePlan { rules: &[Rule { fault: Fault::Drop, what: What::Request(3) }], ..CLEAN },
    script: Script {
        window: WINDOW,
        clients: &[&[
            Step::Open,
            Step::Send { first: 1, every: Duration::from_millis(10) },
            Step::Collect,
        ]],
        ..SERVES
    },
    rows: &[
        row::AGREED,
        weather::LATE,
        weather::SLOWEST,
        weather::WAITED,
        weather::RETRANSMITTED,
        row::ALL_TOOK,
    ],
    plot: Plot::Arrivals,
    explain: explain::weather::head_of_line,
    ..PLAIN
};
