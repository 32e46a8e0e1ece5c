//! `compare` on loopback, through its public door: what each scenario must show for every run, and
//! what is refused.

#[path = "support/compare.rs"]
mod door;

use std::io::Read;
use std::process::{Command, Output, Stdio};

use door::{stderr, stdout};
use serde_json::Value;
use socklab::scenario::library::SCENARIOS;
use socklab::scenario::{Network, Scenario};

fn compare(arguments: &[&str]) -> Output {
    let mut all = vec!["--net", "loopback"];
    all.extend(arguments);
    door::compare(&all)
}

/// Runs a scenario and requires each expectation; on failure shows what was seen.
fn expect(arguments: &[&str], expectations: &[&str]) {
    let mut all = arguments.to_vec();
    for expectation in expectations {
        all.extend(["--expect", expectation]);
    }
    let output = compare(&all);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}

fn fits_the_screen(table: &str) {
    assert!(table.lines().count() <= 24, "{} lines:\n{table}", table.lines().count());
    let wide = table.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "too wide");
}

#[test]
fn one_question_has_one_answer_over_both() {
    expect(
        &["happy-path"],
        &[
            "tcp.exit_code==0",
            "udp.exit_code==0",
            "tcp.agreed==1",
            "udp.agreed==1",
            "tcp.executions==1",
            "udp.executions==1",
            "tcp.handshake_rtts==1",
            "udp.handshake_rtts==0",
            "udp.attempts==1",
        ],
    );
}

#[test]
fn a_handshake_is_paid_once_for_each_connection() {
    expect(
        &["setup-cost", "--exchanges", "7"],
        &[
            "tcp_each.handshake_rtts==7",
            "tcp.handshake_rtts==1",
            "udp.handshake_rtts==0",
            "tcp_each.agreed==7",
            "tcp.agreed==7",
            "udp.agreed==7",
        ],
    );
}

#[test]
fn where_nobody_listens_both_are_refused() {
    expect(
        &["server-not-running"],
        &[
            "tcp.outcome==refused",
            "udp.outcome==refused",
            "tcp.attempts==0",
            "udp.attempts==1",
            "tcp.executions==0",
        ],
    );
}

#[test]
fn silence_ends_by_the_programs_own_deadline() {
    expect(
        &["silent-server", "--timeout", "1500ms", "--retransmission-timeout", "200ms"],
        &[
            "tcp.outcome==timed_out",
            "udp.outcome==timed_out",
            "tcp.attempts==1",
            "udp.attempts>=3",
            "tcp.detect_ms>=1500",
            "udp.detect_ms>=1500",
        ],
    );
}

#[test]
fn the_idle_client_learns_it_by_fin_or_by_bye() {
    expect(
        &["out-of-range-shutdown"],
        &[
            "tcp.learned_ms>=0",
            "udp.learned_ms>=0",
            "tcp.server_exit_code==0",
            "udp.server_exit_code==0",
            "tcp.executions==1",
            "udp.executions==1",
        ],
    );
}

#[test]
fn without_a_goodbye_only_the_kernel_tells() {
    expect(
        &["out-of-range-shutdown.no-goodbye"],
        &["tcp.learned_ms>=0", "udp.learned_ms==null", "udp.server_exit_code==0"],
    );
}

#[test]
fn a_killed_server_leaves_the_outcome_open() {
    expect(
        &["server-killed", "--retransmission-timeout", "200ms"],
        &["tcp.exit_code==5", "udp.exit_code==9", "tcp.executions==1", "udp.executions==1"],
    );
}

#[test]
fn a_server_killed_before_it_read_resets() {
    expect(
        &["server-killed.rst", "--retransmission-timeout", "200ms"],
        &["tcp.exit_code==5", "udp.exit_code==9", "tcp.executions==0", "udp.executions==0"],
    );
    let table = stdout(&compare(&["server-killed.rst", "--retransmission-timeout", "200ms"]));
    assert!(table.contains("broken off: RST (5)"), "{table}");
}

#[test]
fn asked_again_after_a_restart_it_is_executed_again() {
    expect(
        &["server-killed.restart"],
        &["tcp.executions==2", "udp.executions==2", "udp.exit_code==0", "tcp.exchanges==2"],
    );
}

#[test]
fn work_in_flight_is_answered_unless_there_is_no_time_for_it() {
    expect(
        &["ctrl-c-drain"],
        &[
            "tcp.agreed==5",
            "udp.agreed==5",
            "tcp.failed==1",
            "udp.failed==1",
            "tcp.server_exit_code==0",
            "udp.server_exit_code==0",
        ],
    );
    expect(&["ctrl-c-drain", "--drain", "0s"], &["tcp.agreed==1", "tcp.executions==5"]);
}

/// Returns the cells of a row of a table, word by word.
fn words<'a>(table: &'a str, label: &str) -> Vec<&'a str> {
    let row = table.lines().find_map(|line| line.trim_start().strip_prefix(label));
    row.unwrap_or_else(|| panic!("no {label} in {table}")).split_whitespace().collect()
}

#[test]
fn four_models_serve_a_class_in_which_one_sleeps_and_three_of_them_do_it_well() {
    let table = stdout(&compare(&["slow-client-models"]));
    let answered = words(&table, "answered while one slept").join(" ");
    assert_eq!(answered, "0 of 9 9 of 9 9 of 9 9 of 9 9 of 9", "{table}");
    let held = words(&table, "server: sockets, threads");
    let number = |word: &&str| word.trim_end_matches(',').parse::<usize>().expect("a number");
    let sockets: Vec<usize> = held.iter().step_by(2).map(number).collect();
    assert_eq!(sockets, [2, 11, 11, 11, 1], "{table}");
    let threads: Vec<usize> = held.iter().skip(1).step_by(2).map(number).collect();
    // Each of the ten connections has its own.
    assert!(threads[1] >= threads[3] + 10 && threads[2] <= threads[3] + 1, "{table}");
    expect(
        &["slow-client-models.busy"],
        &["tcp_serial.failed==9", "tcp_threads.agreed==10", "tcp_poll.agreed==10"],
    );
}

#[test]
fn only_threads_are_blocked_side_by_side() {
    let table = stdout(&compare(&["slow-client-models.blocking"]));
    assert_eq!(words(&table, "answered, sums agree").join(" "), ["4 of 4"; 5].join(" "), "{table}");
    let sentence = table.split_whitespace().collect::<Vec<_>>().join(" ");
    let turns = "One after the other: TCP, serial; TCP, poll; TCP, tasks; UDP, serial.";
    assert!(sentence.contains(turns), "{table}");
    assert!(sentence.contains("Side by side: TCP, threads."), "{table}");
}

#[test]
fn a_second_client_is_told_or_waits_for_the_first_to_leave() {
    expect(
        &["second-client-serial"],
        &["tcp_serial.outcome==busy", "tcp_serial.agreed==2", "udp_serial.failed==0"],
    );
    expect(
        &["second-client-serial", "--second", "queue"],
        &["tcp_serial.failed==0", "tcp_serial.max_ms>=1900", "udp_serial.max_ms<1900"],
    );
}

#[test]
fn a_port_has_one_server_of_each_transport() {
    let table = stdout(&compare(&["port-in-use"]));
    let second = words(&table, "a second server, same port").join(" ");
    assert_eq!(second, "cannot (exit 1) cannot (exit 1)", "{table}");
    assert!(table.contains("Address already in use"), "{table}");
    let beside = words(&table, "one of the other transport").join(" ");
    assert_eq!(beside, "UDP: listens TCP: listens", "{table}");
    expect(&["port-in-use"], &["tcp.agreed==2", "udp.agreed==2"]);
}

#[test]
fn time_wait_keeps_a_server_from_its_port_unless_it_reuses_the_address() {
    expect(&["port-in-use.restart"], &["tcp.agreed==2", "udp.agreed==2"]);
    for arguments in [&["port-in-use.no-reuseaddr"][..], &["port-in-use.restart", "--no-reuseaddr"]]
    {
        expect(arguments, &["tcp.outcome==refused", "tcp.agreed==1", "udp.agreed==2"]);
        let table = stdout(&compare(arguments));
        let again = words(&table, "started again at once").join(" ");
        assert_eq!(again, "cannot (exit 1) listens", "{table}");
    }
}

#[test]
fn a_crowd_holds_a_socket_each_over_tcp_and_one_together_over_udp() {
    let arguments = ["many-clients", "--clients", "200", "--exchanges", "2"];
    expect(&arguments, &["tcp.agreed==400", "udp.agreed==400"]);
    let table = stdout(&compare(&arguments));
    let held = words(&table, "held by the server then");
    assert_eq!((&held[..2], &held[4..6]), (&["201", "sockets,"][..], &["1", "socket,"][..]));
}

#[test]
fn one_seed_draws_the_same_numbers_for_both() {
    let sums = |seed: &str| {
        let table = stdout(&compare(&["happy-path", "--seed", seed]));
        let row = table.lines().find(|line| line.contains("sum at client")).map(str::to_owned);
        row.unwrap_or_else(|| panic!("no sums in {table}"))
    };
    let seven = sums("7");
    assert_eq!(seven, sums("7"));
    assert_ne!(seven, sums("8"));
    let cells: Vec<&str> = seven.split_whitespace().collect();
    assert_eq!(cells[5..8], cells[8..11], "{seven}");
}

#[test]
fn every_default_table_fits_the_screen() {
    let quick = ["--timeout", "1s", "--retransmission-timeout", "200ms"];
    let mission = compare(&quick);
    assert_eq!(mission.status.code(), Some(0));
    fits_the_screen(&stdout(&mission));
    let shown = |scenario: &&Scenario| scenario.refused_on(Network::Loopback).is_none();
    for scenario in SCENARIOS.iter().filter(shown) {
        let mut arguments = vec![scenario.name];
        arguments.extend(quick);
        fits_the_screen(&stdout(&compare(&arguments)));
    }
    fits_the_screen(&stdout(&compare(&["--doctor"])));
}

#[test]
fn json_is_one_document_also_for_several() {
    let one: Value =
        serde_json::from_slice(&compare(&["happy-path", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(one["scenario"], "happy-path");
    assert_eq!(one["reproduce"], "compare happy-path --net loopback --seed 1");
    let two = compare(&["happy-path", "server-not-running", "--format", "json"]);
    let two: Value = serde_json::from_slice(&two.stdout).expect("JSON");
    assert_eq!(two.as_array().map(Vec::len), Some(2));
}

#[test]
fn the_names_that_can_be_expected_are_those_of_the_report() {
    let report: Value =
        serde_json::from_slice(&compare(&["happy-path", "--format", "json"]).stdout).expect("JSON");
    let numbers = report["tcp"].as_object().expect("a column");
    assert!(numbers.keys().eq(socklab::scenario::metrics::NAMES.iter()));
}

#[test]
fn an_idle_client_is_not_the_one_that_asked() {
    let output = compare(&["out-of-range-shutdown", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["tcp"]["learned_ms"].is_number());
    let killed =
        compare(&["server-killed", "--format", "json", "--retransmission-timeout", "50ms"]);
    let report: Value = serde_json::from_slice(&killed.stdout).expect("JSON");
    assert!(report["tcp"]["learned_ms"].is_null(), "it had asked: {report}");
}

#[test]
fn with_one_try_nobody_repeats() {
    expect(&["happy-path", "--semantics", "maybe"], &["udp.retransmitted_by==nobody"]);
}

#[test]
fn an_expectation_that_is_not_met_ends_with_10() {
    let output = compare(&["happy-path", "--expect", "udp.attempts==2"]);
    assert_eq!(output.status.code(), Some(10));
    let table = stdout(&output);
    assert!(table.contains("NOT AS EXPECTED: expected udp.attempts==2, seen 1"), "{table}");
    let misspelt = compare(&["happy-path", "--expect", "udp.atempts>=0"]);
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(stderr(&misspelt).contains("nothing to compare with udp.atempts>=0"));
}

#[test]
fn what_loopback_cannot_show_is_refused_with_the_reason() {
    for arguments in [&["loss"][..], &["happy-path", "--loss", "10%"], &["happy-path", "--ladder"]]
    {
        let output = compare(arguments);
        assert_eq!(output.status.code(), Some(11), "{arguments:?}");
        assert!(stdout(&output).is_empty());
        assert!(stderr(&output).starts_with("[ERROR] "), "{}", stderr(&output));
    }
    let several = compare(&["loss", "server-not-running"]);
    assert_eq!(several.status.code(), Some(0));
    assert!(stderr(&several).contains("skipped: loss ("), "{}", stderr(&several));
}

#[test]
fn a_name_that_does_not_exist_is_a_usage_error_with_a_suggestion() {
    let output = compare(&["happy"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Did you mean happy-path?"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(["server-not-running", "--full"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("compare starts");
    drop(child.stdout.take());
    let status = child.wait().expect("it ends");
    let mut errors = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut errors).expect("text");
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
}

#[test]
fn the_demonstrations_end_by_themselves_with_equal_sums() {
    for transport in ["tcp", "udp"] {
        let output = compare(&["--demo", transport]);
        let transcript = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{transcript}{}", stderr(&output));
        assert!(transcript.contains("Sum at the client 75, at the server 75: equal."));
        assert!(transcript.contains(" is free (exit 0)"), "{transcript}");
        fits_the_screen(&transcript);
    }
}
