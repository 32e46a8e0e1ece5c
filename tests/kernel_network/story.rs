//! As root and as an ordinary user, the kernel tells the story of the simulation.

use serde_json::Value;

use crate::programs::{ORDINARY, report_of};
use crate::{Programs, is_root, skip};

/// What the two stacks must agree on, over both transports.
const OUTCOME: &[&str] = &["exit_code", "outcome", "exchanges", "agreed", "failed", "executions"];

/// What they must agree on over UDP, whose packets are all our own.
const PACKETS: &[&str] = &[
    "attempts",
    "retransmissions",
    "duplicates_suppressed",
    "packets_c2s",
    "packets_s2c",
    "packets_lost",
    "ip_bytes",
];

const LOST_REPLY: &[&str] = &["lost-reply"];
const LOSS: &[&str] =
    &["loss", "--exchanges", "5", "--loss", "10%", "--delay", "25ms", "--seed", "7"];

fn report(programs: &Programs, within: &[&str], scenario: &[&str], network: &[&str]) -> Value {
    let arguments = [scenario, &["--format", "json", "--net"], network].concat();
    report_of(&programs.run(within, &arguments).with_code(0))
}

#[track_caller]
fn same_story(programs: &Programs, within: &[&str], scenario: &[&str]) {
    let sim = report(programs, &[], scenario, &["sim"]);
    let kernel = report(programs, within, scenario, &["kernel", "--tcp-profile", "textbook"]);
    assert_eq!(kernel["network"], "kernel");
    for transport in ["tcp", "udp"] {
        let packets = if transport == "udp" { PACKETS } else { &[] };
        for field in OUTCOME.iter().chain(packets) {
            let (ours, theirs) = (&sim[transport][field], &kernel[transport][field]);
            assert!(!ours.is_null() || *field == "failed", "{transport} has no {field}");
            assert_eq!(ours, theirs, "{scenario:?}, {field} over {transport}");
        }
    }
}

#[test]
fn the_kernel_tells_the_story_of_the_simulation() {
    let Some(programs) = Programs::on_kernel() else { return };
    same_story(&programs, &[], LOST_REPLY);
    same_story(&programs, &[], LOSS);
}

#[test]
fn an_ordinary_user_sees_the_same_without_any_rights() {
    let Some(programs) = Programs::on_kernel() else { return };
    if !is_root() {
        return skip("an ordinary user runs all of these tests");
    }
    same_story(&programs, ORDINARY, LOST_REPLY);
    same_story(&programs, ORDINARY, LOSS);
}

#[test]
fn a_wire_that_loses_nothing_carries_every_packet() {
    let Some(programs) = Programs::on_kernel() else { return };
    let long = ["loss", "--loss", "0%", "--exchanges", "150", "--delay", "1ms"];
    let report = report(&programs, &[], &long, &["kernel", "--tcp-profile", "textbook"]);
    for column in ["udp_maybe", "udp", "tcp"] {
        assert_eq!(report[column]["agreed"], 150, "{column}");
        assert_eq!(report[column]["packets_lost"], 0, "{column}");
    }
    assert_eq!(
        (&report["udp"]["attempts"], &report["udp"]["retransmissions"]),
        (&150.into(), &0.into())
    );
    assert_eq!(report["tcp"]["retransmissions"], 0);
}

/// Of many runs the quickest was hardly disturbed by whatever else the computer did.
#[test]
fn the_wire_is_as_slow_as_it_was_told_to_be_and_no_slower() {
    let Some(programs) = Programs::on_kernel() else { return };
    let report = report(&programs, &[], &["happy-path", "--runs", "20"], &["kernel"]);
    let least = |column: &str| report[column]["first_reply_ms"]["min"].as_f64().expect("a time");
    // 25 ms each way: over UDP one round trip, over TCP two.
    assert!((50.0..53.0).contains(&least("udp")), "{}", least("udp"));
    assert!((100.0..105.0).contains(&least("tcp")), "{}", least("tcp"));
}
