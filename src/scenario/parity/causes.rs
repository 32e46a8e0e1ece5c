//! Why the kernel's run may differ from the simulation's: each cause with what it explains, in which
//! direction, and the evidence without which it is not said.

use std::cmp::Ordering;
use std::time::Duration;

use super::Fact;
use super::evidence::Evidence;
use crate::scenario::log::Run;
use crate::scenario::metrics::ms;
use crate::testbed::{Action, Patience, TcpProfile};
use crate::trace::reading::Kind;
use crate::wire::Direction::{ClientToServer, ServerToClient};

/// A cause.
struct Cause {
    /// What it explains.
    of: &'static [&'static [&'static str]],
    /// What the kernel's number then is, beside the simulation's; any where it may be either.
    kernel_is: Option<Ordering>,
    /// What the two records must show.
    shown: fn(&Evidence) -> bool,
    /// In words.
    words: &'static str,
}

const AGAIN: &[&str] = &["retransmissions", "packets_lost"];
const TO_SERVER: &[&str] = &["packets_c2s"];
const BACK: &[&str] = &["packets_s2c"];
const BYTES: &[&str] = &["ip_bytes"];
const MESSAGES: &[&str] = &["payload_bytes"];
const STOPPED: &[&str] = &["server_exit_code", "server_stop_ms"];
const UNANSWERED: &[&str] = &["detect_ms", "total_ms"];
const TIMES: &[&str] =
    &["first_reply_ms", "detect_ms", "learned_ms", "p50_ms", "p95_ms", "max_ms", "total_ms"];

/// The first that fits is said: what was done on purpose stands before what the stacks do, and that
/// before luck.
const CAUSES: &[Cause] = &[
    Cause {
        of: &[TO_SERVER, BACK, AGAIN, BYTES, MESSAGES, TIMES],
        kernel_is: None,
        shown: |it| it.kernel.run.clients.iter().any(|client| client.pushed.is_some()),
        words: "It sends a message, sleeps for a millisecond by its own clock, and sends the next: real \
                sleeps last longer, so fewer are sent; and real buffers have other sizes.",
    },
    Cause {
        of: &[AGAIN, TO_SERVER, BACK, BYTES, MESSAGES, TIMES],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.scenario.patience != Patience::default(),
        words: "Linux's limits are shortened here, so that nobody has to wait for minutes.",
    },
    Cause {
        of: &[UNANSWERED, STOPPED],
        kernel_is: None,
        shown: |it| it.kernel.run.deadline != it.sim.run.deadline,
        words: "In real time an answer that nobody asks for again is not waited for until the \
                deadline.",
    },
    Cause {
        of: &[AGAIN, TO_SERVER, BACK, BYTES, MESSAGES],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.sim.goes_on_for() > it.kernel.goes_on_for() + A_SECOND,
        words: "What TCP still repeats after the end of the script is not waited for in real time.",
    },
    Cause {
        of: &[AGAIN, BACK, MESSAGES],
        kernel_is: Some(Ordering::Less),
        shown: |it| {
            it.is_tcp()
                && it.sim.repeats_first_request()
                && !it.kernel.repeats_first_request()
                && it.kernel.acknowledges_at_once()
        },
        words: "Linux acknowledged the request at once, so it was not repeated; smoltcp lets the \
                reply say it.",
    },
    Cause {
        of: &[TIMES],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.profile() == TcpProfile::Linux && it.has_losses(),
        words: "Linux repeats after the round trip and 200 ms, probes for a lost tail and uses SACK; \
                RFC 6298 asks for a second at least.",
    },
    Cause {
        of: &[AGAIN, TO_SERVER, BACK, BYTES, MESSAGES],
        kernel_is: Some(Ordering::Greater),
        shown: |it| {
            it.is_tcp()
                && it.profile() == TcpProfile::Linux
                && !it.has_losses()
                && it.kernel.repeated() > it.sim.repeated()
        },
        words: "Linux took what was overtaken, or late, for lost and repeated it; the receiver told \
                it of the copy (D-SACK, RFC 2883).",
    },
    Cause {
        of: &[TO_SERVER, BACK, BYTES],
        kernel_is: Some(Ordering::Greater),
        shown: |it| it.is_tcp() && it.more(Kind::Reset) > 0,
        words: "Linux answers every segment for a connection that is gone with a RST.",
    },
    Cause {
        of: &[AGAIN, TO_SERVER, BACK, BYTES],
        kernel_is: Some(Ordering::Greater),
        shown: |it| it.is_tcp() && it.more(Kind::SynAck) > 0 && !it.has_losses(),
        words: "Linux answers a doubled SYN once more, and each answer has its ACK.",
    },
    Cause {
        of: &[TIMES],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.sim.fills_segments() && it.has_losses(),
        words: "smoltcp begins with a congestion window of 2,048 bytes, Linux with ten segments \
                (RFC 6928); and where several are lost smoltcp waits for its timer more often: \
                partial acknowledgements show Linux the next one (NewReno, RFC 6582).",
    },
    Cause {
        of: &[TIMES],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.sim.fills_segments(),
        words: "smoltcp begins with a congestion window of 2,048 bytes, Linux with ten segments \
                (RFC 6928): more is under way at once.",
    },
    Cause {
        of: &[AGAIN, TO_SERVER, BACK, BYTES, MESSAGES],
        kernel_is: None,
        shown: |it| it.is_tcp() && it.sim.fills_segments(),
        words: "A long stream is cut and acknowledged otherwise: smoltcp begins with a congestion \
                window of 2,048 bytes, Linux with ten segments (RFC 6928).",
    },
    Cause {
        of: &[TIMES],
        kernel_is: Some(Ordering::Greater),
        shown: |it| it.is_tcp() && it.sim.opens_again() && it.kernel.opens_again(),
        words: "After a SYN that had to be repeated Linux begins with an RTO of 3 s (RFC 6298 section \
                5.7); smoltcp keeps the doubled one, 2 s.",
    },
    Cause {
        of: &[AGAIN, TO_SERVER, BACK, BYTES, MESSAGES, TIMES],
        kernel_is: None,
        shown: |it| it.is_tcp() && it.throws_dice() && it.sim.packets() != it.kernel.packets(),
        words: "One acknowledgement more gives every later packet another number, and with it other \
                luck: compare many seeds (--runs 20).",
    },
    Cause {
        of: &[TO_SERVER],
        kernel_is: Some(Ordering::Greater),
        shown: |it| it.is_tcp() && it.more_there(Kind::Ack) > 0,
        words: ACKNOWLEDGED_AT_ONCE,
    },
    Cause {
        of: &[BACK],
        kernel_is: Some(Ordering::Greater),
        shown: |it| it.is_tcp() && it.more_back(Kind::Ack) > 0,
        words: ACKNOWLEDGED_AT_ONCE,
    },
    Cause {
        of: &[TO_SERVER],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.more_there(Kind::Ack) < 0,
        words: ACKNOWLEDGED_WITH_MORE,
    },
    Cause {
        of: &[BACK],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.more_back(Kind::Ack) < 0,
        words: ACKNOWLEDGED_WITH_MORE,
    },
    Cause {
        of: &[BYTES],
        kernel_is: Some(Ordering::Greater),
        shown: |it| {
            it.is_tcp()
                && it.profile() == TcpProfile::Linux
                && it.sim.packets() == it.kernel.packets()
        },
        words: "Linux's segments carry timestamps: 12 bytes each.",
    },
    Cause {
        of: &[BYTES],
        kernel_is: None,
        shown: |it| it.is_tcp() && it.profile() == TcpProfile::Linux,
        words: "Linux's segments carry timestamps, 12 bytes each; the rest is that there are other \
                packets.",
    },
    Cause {
        of: &[BYTES],
        kernel_is: Some(Ordering::Less),
        shown: |it| it.is_tcp() && it.sim.long_acknowledgements() > 0,
        words: "smoltcp's acknowledgements of what came out of order carry SACK blocks, which the \
                textbook profile switches off in Linux.",
    },
    Cause {
        of: &[BYTES],
        kernel_is: None,
        shown: |it| it.is_tcp() && it.sim.packets() != it.kernel.packets(),
        words: "There are other packets, so there are other bytes.",
    },
    Cause {
        of: &[BYTES],
        kernel_is: None,
        shown: |it| it.is_tcp() && it.profile() == TcpProfile::Textbook,
        words: "Without SACK Linux's SYN is 4 bytes shorter.",
    },
    Cause {
        of: &[STOPPED, TIMES],
        kernel_is: Some(Ordering::Greater),
        shown: |it| is_killed(it.kernel.run),
        words: "A real process needs a moment to be killed, and another to begin.",
    },
];

const A_SECOND: Duration = Duration::from_secs(1);

const ACKNOWLEDGED_AT_ONCE: &str = "Linux acknowledges at once while a connection is young (quick \
                                    ACK); smoltcp waits for something that carries it, 40 ms at \
                                    most.";

const ACKNOWLEDGED_WITH_MORE: &str = "Where the program answers at once Linux's answer carries the \
                                      ACK; smoltcp sends a FIN's at once.";

/// Returns the cause of a difference, if one is known.
pub(super) fn of(
    name: &str,
    sim: &Fact,
    kernel: &Fact,
    evidence: &Evidence,
) -> Option<&'static str> {
    let order =
        sim.number().zip(kernel.number()).and_then(|(sim, kernel)| kernel.partial_cmp(&sim));
    let fits = |cause: &&Cause| {
        cause.of.iter().any(|names| names.contains(&name))
            && cause.kernel_is.is_none_or(|wanted| order == Some(wanted))
            && (cause.shown)(evidence)
    };
    let busy = || is_within_waits(sim, kernel, evidence).then_some(BUSY);
    CAUSES.iter().find(fits).map(|cause| cause.words).or_else(busy)
}

const BUSY: &str = "This computer was busy: packets and programs waited for their turn.";

/// Returns whether a time is no longer than what waited for the computer can make it.
fn is_within_waits(sim: &Fact, kernel: &Fact, evidence: &Evidence) -> bool {
    match (sim, kernel) {
        (Fact::Time(simulated), Fact::Time(measured)) if measured > simulated => {
            // A wire that is late by more than this is at fault itself.
            let waited = ms(evidence.waited()).min((simulated * 0.2).max(50.0));
            sim.is_alike(&Fact::Time((measured - waited).max(*simulated)))
        }
        _ => false,
    }
}

fn is_killed(run: &Run) -> bool {
    run.server.acted.iter().any(|(_, action)| matches!(action, Action::Kill | Action::PowerOff))
}

impl Evidence<'_> {
    fn has_losses(&self) -> bool {
        self.sim.has_losses() || self.kernel.has_losses()
    }

    fn more_there(&self, kind: Kind) -> i64 {
        self.kernel.count(kind, ClientToServer) - self.sim.count(kind, ClientToServer)
    }

    fn more_back(&self, kind: Kind) -> i64 {
        self.kernel.count(kind, ServerToClient) - self.sim.count(kind, ServerToClient)
    }

    fn more(&self, kind: Kind) -> i64 {
        self.more_there(kind) + self.more_back(kind)
    }
}
