//! The catalogue on the simulated network, through the public door: what each scenario must show for
//! every seed, and what it shows for one.

#[path = "support/compare.rs"]
mod door;

use std::process::{Command, Stdio};

use door::{compare, stderr, stdout};
use serde_json::Value;
use socklab::scenario::library::SCENARIOS;
use socklab::scenario::{Network, Scenario};

/// Runs a scenario with several seeds and requires each expectation of every one.
fn always(arguments: &[&str], expectations: &[&str]) {
    for seed in ["1", "2", "7", "4711"] {
        let mut all = arguments.to_vec();
        all.extend(["--seed", seed]);
        for expectation in expectations {
            all.extend(["--expect", expectation]);
        }
        let output = compare(&all);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    }
}

fn report(arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let output = compare(&all);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The scenarios that the simulated network can show.
fn shown() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().filter(|scenario| scenario.refused_on(Network::Sim).is_none())
}

#[test]
fn one_question_costs_two_round_trips_over_tcp_and_one_over_udp() {
    always(
        &["happy-path"],
        &[
            "tcp.agreed==1",
            "udp.agreed==1",
            "tcp.first_reply_ms==100",
            "udp.first_reply_ms==50",
            "tcp.packets_c2s==5",
            "tcp.packets_s2c==4",
            "udp.packets_c2s==1",
            "udp.packets_s2c==1",
            "tcp.retransmissions==0",
        ],
    );
}

#[test]
fn a_connection_for_each_question_doubles_the_round_trips() {
    always(
        &["setup-cost", "--exchanges", "7"],
        &[
            "tcp_each.total_ms==700",
            "tcp.total_ms==400",
            "udp.total_ms==350",
            "tcp_each.handshake_rtts==7",
            "tcp.handshake_rtts==1",
        ],
    );
}

#[test]
fn where_nobody_listens_both_hear_of_it_after_a_round_trip() {
    always(
        &["server-not-running"],
        &["tcp.outcome==refused", "udp.outcome==refused", "tcp.detect_ms==50", "udp.detect_ms==50"],
    );
}

#[test]
fn silence_ends_by_the_programs_own_deadline() {
    for scenario in ["silent-server", "black-hole"] {
        always(
            &[scenario],
            &[
                "tcp.exit_code==4",
                "udp.exit_code==4",
                "tcp.detect_ms==10000",
                "udp.detect_ms==10000",
                "tcp.executions==0",
                "udp.executions==0",
            ],
        );
    }
}

#[test]
fn without_a_deadline_tcp_hopes_for_minutes_and_our_client_for_half_of_one() {
    // RFC 9293 section 3.8.3: at least 3 minutes for a SYN, 100 seconds for data.
    always(
        &["black-hole.no-deadline"],
        &[
            "tcp.detect_ms>=180000",
            "tcp.packets_c2s==8",
            "udp.detect_ms>=25000",
            "udp.detect_ms<=33000",
        ],
    );
    always(
        &["black-hole.established"],
        &["tcp.exit_code==4", "tcp.detect_ms>=100000", "udp.detect_ms<=33000", "tcp.executions==1"],
    );
    always(
        &["black-hole.idle"],
        &["tcp.failed==0", "tcp.learned_ms==null", "udp.learned_ms==null"],
    );
}

#[test]
fn what_comes_without_a_deadline_is_asked_without_one() {
    let table = stdout(&compare(&["--timeout", "2s"]));
    let row = |label: &str| table.lines().find(|line| line.contains(label)).expect("a row");
    assert_eq!(row("gives up after").matches("2 s, exit 4").count(), 2, "{table}");
    assert!(row("without that deadline").contains("183 s"), "{table}");
    let three = report(&["--timeout", "2s"]);
    let patience = three.as_array().expect("an array");
    let patience = patience.iter().find(|one| one["scenario"] == "black-hole.no-deadline");
    assert_eq!(patience.expect("it is among them")["tcp"]["detect_ms"], 183000.0);
    let named = compare(&["black-hole.no-deadline", "--timeout", "2s"]);
    assert!(stderr(&named).contains("keeps none"), "{}", stderr(&named));
}

#[test]
fn a_plot_is_drawn_in_ascii_too() {
    let drawn = stdout(&compare(&["head-of-line", "--ladder", "--ascii"]));
    assert!(drawn.is_ascii(), "{drawn}");
    assert!(drawn.contains("     10 |"), "{drawn}");
}

#[test]
fn a_lost_reply_is_repeated_and_the_work_done_once() {
    always(
        &["lost-reply"],
        &[
            "udp.attempts==2",
            "udp.retransmissions==1",
            "udp.duplicates_suppressed==1",
            "udp.executions==1",
            "udp.agreed==1",
            "tcp.executions==1",
            "tcp.agreed==1",
            "tcp.retransmissions==2",
            "tcp.packets_lost==1",
            "udp.packets_lost==1",
        ],
    );
    let both = report(&["lost-reply"]);
    let explanation = both["explanation"].as_str().expect("a sentence");
    assert!(explanation.contains("Both clients print 80."), "{explanation}");
}

#[test]
fn without_a_memory_the_repeated_request_is_executed_twice() {
    always(
        &["lost-reply", "--semantics", "at-least-once"],
        &["udp.executions==2", "udp.duplicates_suppressed==0", "tcp.executions==1"],
    );
    always(
        &["lost-reply", "--duplicate-cache", "off"],
        &["udp.executions==2", "tcp.executions==1"],
    );
}

#[test]
fn one_try_loses_what_one_of_two_packets_loses() {
    always(
        &["loss", "--loss", "20%", "--timeout", "10s"],
        &[
            "udp_maybe.retransmissions==0",
            "udp_maybe.agreed<85",
            "udp_maybe.agreed>45",
            "udp.agreed>=90",
            "tcp.agreed>=85",
            "udp.retransmissions>20",
            "tcp.retransmissions>20",
            "udp.executions<=100",
        ],
    );
}

#[test]
fn without_loss_nobody_retransmits() {
    always(
        &["loss", "--loss", "0%"],
        &[
            "udp.retransmissions==0",
            "tcp.retransmissions==0",
            "udp_maybe.agreed==100",
            "udp.agreed==100",
            "tcp.agreed==100",
            "tcp.packets_lost==0",
        ],
    );
}

#[test]
fn many_seeds_lie_where_arithmetic_says() {
    let found = report(&["loss", "--loss", "20%", "--timeout", "10s", "--runs", "200"]);
    assert_eq!(found["runs"], 200);
    let mean = |column: &str, name: &str| found[column][name]["mean"].as_f64().expect("a mean");
    // 0.8 x 0.8 of 100 exchanges; the mean of 200 runs has a standard error of 0.34.
    assert!((mean("udp_maybe", "agreed") - 64.0).abs() < 1.5, "{found}");
    // 1 / 0.64 tries each, less those that the deadline cuts off.
    assert!((mean("udp", "attempts") - 156.0).abs() < 8.0, "{found}");
}

#[test]
fn copies_are_executed_again_unless_they_are_remembered() {
    always(
        &["duplicate"],
        &[
            "udp_maybe.executions==6",
            "udp.executions==3",
            "udp.agreed==3",
            "udp.duplicates_suppressed==3",
            "tcp.executions==3",
            "tcp.agreed==3",
        ],
    );
    always(&["duplicate", "--semantics", "at-least-once"], &["udp.executions==6", "udp.agreed==3"]);
    // Which sums disagree depends on the numbers; that the second is another's does not.
    assert_eq!(report(&["duplicate"])["udp_maybe"]["agreed"], 1);
}

#[test]
fn order_is_kept_by_tcp_and_made_unnecessary_by_ids() {
    always(
        &["reorder"],
        &["udp.agreed==3", "tcp.agreed==3", "udp.retransmissions==0", "tcp.retransmissions==0"],
    );
    let table = stdout(&compare(&["reorder"]));
    let row = table.lines().find(|line| line.contains("order at the server")).expect("a row");
    assert_eq!(row.matches("26, 27, 25").count(), 2, "{row}");
    assert!(row.ends_with("25, 26, 27"), "{row}");
}

#[test]
fn one_lost_segment_delays_those_behind_it_and_one_lost_datagram_only_itself() {
    always(&["head-of-line"], &["tcp.agreed==10", "udp.agreed==10", "tcp.packets_lost==1"]);
    let table = stdout(&compare(&["head-of-line"]));
    let row = table.lines().find(|line| line.contains("messages that came late")).expect("a row");
    assert!(row.contains("3 to 10") && row.ends_with("only number 3"), "{row}");
}

#[test]
fn a_stream_has_no_boundaries_and_a_datagram_is_one() {
    always(&["message-boundaries"], &["tcp.agreed==3", "udp.agreed==3"]);
    always(&["message-boundaries.raw"], &["tcp.agreed==0", "udp.agreed==3"]);
}

#[test]
fn what_does_not_fit_is_cut_by_tcp_and_by_ip() {
    let pieces = |arguments: &[&str]| {
        let table = stdout(&compare(arguments));
        let row = |label: &str| {
            let found = table.lines().find(|line| line.trim_start().starts_with(label));
            found.unwrap_or_else(|| panic!("no {label} in {table}")).to_owned()
        };
        [row("1,472"), row("1,473"), row("8,000"), row("65,507"), row("65,508")]
    };
    let rows = pieces(&["oversized"]);
    // 1500 bytes less headers of 20 and 8; above, pieces of 1480 bytes (RFC 791).
    assert!(rows[0].ends_with("1 packet, answered"), "{}", rows[0]);
    assert!(rows[1].ends_with("2 packets, answered"), "{}", rows[1]);
    assert!(rows[2].ends_with("6 packets, answered"), "{}", rows[2]);
    assert!(rows[3].ends_with("45 packets, answered"), "{}", rows[3]);
    assert!(rows[4].contains("not sent: message too"), "{}", rows[4]);
    always(
        &["oversized.fragment-lost"],
        &["tcp.executions==1", "udp.executions==0", "udp.exit_code==4", "tcp.packets_lost==1"],
    );
}

#[test]
fn a_slow_reader_holds_tcp_up_and_loses_datagrams() {
    let table = stdout(&compare(&["slow-reader"]));
    let row = |label: &str| {
        let found = table.lines().find(|line| line.trim_start().starts_with(label));
        found.unwrap_or_else(|| panic!("no {label} in {table}"))
    };
    assert!(row("taken, and never read").contains("nothing"), "{table}");
    assert!(row("taken, and never read").ends_with("1,788,000 bytes"), "{table}");
    assert!(row("lost where").contains("receive buffer full"), "{table}");
    assert!(row("and held the sender up for").ends_with(" 0 ms"), "{table}");
}

#[test]
fn half_a_connection_can_be_closed_and_a_datagram_socket_has_no_end() {
    always(&["close-vs-shutdown"], &["tcp.agreed==3", "udp.agreed==3", "tcp.packets_s2c>=3"]);
    always(&["close-vs-shutdown.reset"], &["tcp.agreed==0", "tcp.executions==3"]);
}

#[test]
fn the_idle_client_learns_it_half_a_round_trip_later() {
    always(
        &["out-of-range-shutdown"],
        &[
            "tcp.learned_ms==25",
            "udp.learned_ms==25",
            "tcp.server_exit_code==0",
            "udp.server_exit_code==0",
        ],
    );
    always(
        &["out-of-range-shutdown.no-goodbye"],
        &["tcp.learned_ms==25", "udp.learned_ms==null", "udp.server_exit_code==0"],
    );
}

#[test]
fn how_a_server_dies_decides_what_its_clients_hear() {
    always(
        &["server-killed"],
        &["tcp.exit_code==5", "udp.exit_code==9", "tcp.executions==1", "udp.executions==1"],
    );
    always(
        &["server-killed.rst"],
        &["tcp.exit_code==5", "udp.exit_code==9", "tcp.executions==0", "udp.executions==0"],
    );
    always(&["server-killed.restart"], &["tcp.executions==2", "udp.executions==2"]);
    always(
        &["server-killed.power-off"],
        &["tcp.exit_code==4", "udp.exit_code==4", "tcp.executions==1", "udp.executions==1"],
    );
    always(
        &["server-killed.reboot"],
        &["tcp.exit_code==5", "tcp.detect_ms==50", "udp.exit_code==0"],
    );
    let table = stdout(&compare(&["server-killed.rst"]));
    assert!(table.contains("broken off: RST (5)"), "{table}");
}

#[test]
fn work_in_flight_is_answered_unless_there_is_no_time_for_it() {
    always(
        &["ctrl-c-drain"],
        &["tcp.agreed==5", "udp.agreed==5", "tcp.failed==1", "udp.failed==1"],
    );
    always(&["ctrl-c-drain", "--drain", "0s"], &["tcp.agreed==1", "tcp.executions==5"]);
    always(
        &["ctrl-c-drain.twice"],
        &[
            "tcp.agreed==1",
            "udp.agreed==1",
            "tcp.server_exit_code==130",
            "udp.server_exit_code==130",
        ],
    );
}

#[test]
fn a_serial_server_says_busy_to_its_second_client_or_lets_it_wait() {
    always(
        &["second-client-serial"],
        &[
            "tcp_serial.outcome==busy",
            "tcp_serial.failed==1",
            "tcp_serial.agreed==2",
            "tcp_serial.executions==2",
            "udp_serial.failed==0",
            "udp_serial.agreed==2",
            "udp_serial.max_ms==50",
        ],
    );
    always(
        &["second-client-serial.queue"],
        &["tcp_serial.failed==0", "tcp_serial.max_ms>=2000", "udp_serial.max_ms==50"],
    );
    // Nobody waited for the answer any more, and it was executed all the same.
    always(
        &["second-client-serial", "--second", "queue", "--timeout", "1s"],
        &["tcp_serial.failed==1", "tcp_serial.agreed==2", "tcp_serial.executions==3"],
    );
}

#[test]
fn a_sleeping_client_holds_up_a_serial_server_of_tcp_and_nobody_else() {
    always(
        &["slow-client-models"],
        &[
            "tcp_serial.agreed==10",
            "tcp_serial.p50_ms>=3000",
            "tcp_tasks.agreed==10",
            "tcp_tasks.p50_ms==100",
            "tcp_tasks.max_ms>=3000",
            "udp_serial.agreed==10",
            "udp_serial.max_ms==50",
        ],
    );
    always(
        &["slow-client-models.busy"],
        &["tcp_serial.agreed==1", "tcp_serial.failed==9", "tcp_tasks.agreed==10"],
    );
    let table = stdout(&compare(&["slow-client-models"]));
    let row = |label: &str| table.lines().find(|line| line.contains(label)).expect("a row");
    let answered: Vec<&str> = row("answered while one slept").split_whitespace().collect();
    assert_eq!(answered[4..], ["0", "of", "9", "9", "of", "9", "9", "of", "9"]);
    // One listens, one is served; the others wait where the program does not see them.
    let held: Vec<&str> = row("server: sockets").split_whitespace().collect();
    assert_eq!(held[3..], ["2,", "-", "11,", "-", "1,", "-"]);
}

#[test]
fn each_client_costs_a_socket_over_tcp_and_none_over_udp() {
    always(
        &["many-clients"],
        &["tcp.agreed==500", "udp.agreed==500", "tcp.handshake_rtts==100", "udp.max_ms==50"],
    );
    let table = stdout(&compare(&["many-clients", "--clients", "300", "--exchanges", "1"]));
    let held = table.lines().find(|line| line.contains("held by the server")).expect("a row");
    assert!(held.contains("301 sockets") && held.ends_with("1 socket"), "{held}");
    assert!(table.contains("300 of 300"), "{table}");
}

#[test]
fn who_gets_a_port_is_for_a_real_kernel_to_say() {
    let output = compare(&["port-in-use"]);
    assert_eq!(output.status.code(), Some(11));
    assert!(stderr(&output).contains("--net kernel, or loopback"), "{}", stderr(&output));
}

/// Returns what stands in a row of a table, behind its label.
fn cells(arguments: &[&str], label: &str) -> String {
    let table = stdout(&compare(arguments));
    let row = table.lines().find_map(|line| line.trim_start().strip_prefix(label));
    row.unwrap_or_else(|| panic!("no {label} in {table}")).trim().to_owned()
}

#[test]
fn the_fourth_client_is_turned_away_and_no_name_is_given_twice() {
    always(
        &["client-limit"],
        &["tcp.exit_code==7", "udp.exit_code==7", "tcp.failed==1", "udp.failed==1"],
    );
    let names = cells(&["client-limit"], "Client...: A, B, C, D");
    assert_eq!(names.matches("01, 02, 03, BUSY").count(), 2, "{names}");
    let newcomer = cells(&["client-limit"], "who comes 2 s later");
    assert_eq!(newcomer.matches("is Client04").count(), 2, "{newcomer}");
    // The handshake and the greeting in its place; a proof of address, then BUSY.
    let told = cells(&["client-limit"], "D is told after");
    assert_eq!(told.matches("100 ms = 2 RTT").count(), 2, "{told}");
}

#[test]
fn a_lost_goodbye_holds_a_place_until_its_client_was_silent_for_too_long() {
    always(
        &["client-limit.bye-lost"],
        &["tcp.failed==0", "udp.exit_code==7", "tcp.packets_lost==1", "udp.packets_lost==1"],
    );
    let free = cells(&["client-limit.bye-lost"], "B leaves; its place is free");
    // The stack repeats its FIN after a second, RFC 6298 section 2.4.
    assert!(free.starts_with("1.0 s later ") && free.ends_with("29.9 s later (idle)"), "{free}");
    always(&["client-limit", "--drop", "bye"], &["tcp.failed==1", "udp.failed==2"]);
    let again = cells(&["client-limit.bye-lost"], "the same, 28 s later");
    assert!(again.ends_with("is Client04"), "{again}");
}

#[test]
fn who_was_silent_for_too_long_begins_anew_under_another_name() {
    always(
        &["idle-expiry"],
        &["tcp.failed==0", "udp.failed==0", "tcp.handshake_rtts==3", "udp.handshake_rtts==3"],
    );
    always(&["idle-expiry.bye-lost"], &["tcp.failed==0", "udp.exit_code==9", "udp.failed==1"]);
    let answered = |name: &str| cells(&[name], "answered after");
    assert_eq!(answered("idle-expiry").matches("150 ms = 3 RTT").count(), 2);
    assert!(answered("idle-expiry.bye-lost").ends_with("200 ms = 4 RTT"));
    let called = cells(&["idle-expiry"], "A is called");
    assert_eq!(called.matches("Client01, Client03").count(), 2, "{called}");
    let killed = cells(&["idle-expiry"], "killed client's place is free");
    assert!(killed.starts_with("25 ms later") && killed.ends_with("(idle)"), "{killed}");
}

/// Returns what stands in both columns of a row.
fn both_cells(arguments: &[&str], label: &str) -> Vec<String> {
    let row = cells(arguments, label);
    row.split("  ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn silence_is_measured_by_the_servers_clock_on_any_wire() {
    let wires: &[&[&str]] = &[
        &[],
        &["--delay", "1s"],
        &["--delay", "2s"],
        &["--work", "2s"],
        &["--loss", "20%"],
        &["--loss", "20%", "--seed", "2"],
        &["--loss", "20%", "--seed", "3"],
        &["--loss", "20%", "--seed", "4"],
    ];
    for wire in wires {
        let arguments = [&["idle-expiry"], *wire].concat();
        let drawn = stdout(&compare(&[&arguments[..], &["--ladder"]].concat()));
        let ladders: Vec<&str> = drawn.split("\nidle-expiry, ").skip(1).collect();
        let row = both_cells(&arguments, "A's session ends");
        assert_eq!((ladders.len(), row.len()), (2, 2), "{drawn}");
        for (ladder, cell) in ladders.iter().zip(row) {
            let idle = ladder.contains("Client01 left (idle)");
            let wanted = if idle { "idle, 5 s silent" } else { "not by silence" };
            assert_eq!(cell, wanted, "{arguments:?} {ladder}");
        }
        let said = drawn.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!said.contains("A's last question was answered. It began anew"), "{said}");
    }
    // A had asked when the FIN, or the BYE, came.
    assert_eq!(
        both_cells(&["idle-expiry", "--delay", "2s"], "A hears of it"),
        ["FIN, 2 s later", "BYE, 2 s later"]
    );
    assert_eq!(
        both_cells(&["idle-expiry", "--work", "2s"], "A hears of it"),
        ["FIN, 3.0 s later", "BYE, 3.0 s later"]
    );
}

#[test]
fn scenarios_about_one_client_or_one_question_keep_them() {
    for name in ["address-change", "file-transfer", "spoofed"] {
        let alone = compare(&[name, "--seed", "1"]);
        let many = compare(&[name, "--clients", "5"]);
        assert_eq!(stdout(&alone), stdout(&many), "{name}");
        let note = format!("{name} keeps its own clients");
        assert!(String::from_utf8_lossy(&many.stderr).contains(&note), "{name}");
    }
    for name in [
        "second-client-serial",
        "client-limit",
        "idle-expiry",
        "spoofed",
        "file-transfer",
        "slow-client-models",
    ] {
        let more = compare(&[name, "--exchanges", "3"]);
        let note = format!("{name} keeps its own number of exchanges");
        assert!(String::from_utf8_lossy(&more.stderr).contains(&note), "{name}");
        assert!(!stdout(&more).contains("3 exchanges"), "{name}");
    }
}

#[test]
fn a_datagram_leaves_for_every_send_copies_included() {
    let wires: &[&[&str]] = &[&[], &["--loss", "20%"], &["--delay", "1s"], &["--loss", "100%"]];
    for wire in wires {
        let arguments = [&["message-boundaries"], *wire].concat();
        let sends = both_cells(&arguments, "sends of the program");
        assert_eq!(both_cells(&arguments, "packets that carried them"), sends, "{arguments:?}");
    }
    let found = both_cells(&["message-boundaries", "--delay", "1s"], "messages the server found");
    assert_eq!(found, ["3", "3, and 3 copies"]);
}

#[test]
fn a_new_address_ends_a_connection_and_is_proven_by_a_session() {
    always(
        &["address-change"],
        &[
            "tcp.exit_code==5",
            "tcp.exchanges==3",
            "udp.exit_code==0",
            "udp.exchanges==2",
            "udp.handshake_rtts==2",
        ],
    );
    let called = cells(&["address-change"], "A is called");
    let names: Vec<&str> = called.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
    assert_eq!(names, ["Client01, Client02", "Client01"]);
    let held = cells(&["address-change"], "places taken at the end");
    assert_eq!(held.split_whitespace().collect::<Vec<_>>(), ["2", "1"]);
}

#[test]
fn forged_answers_are_believed_where_nothing_must_be_guessed() {
    // Of 25 and 26 the first is answered by the attacker's 99.
    always(
        &["spoofed", "--number", "50"],
        &[
            "udp_maybe.agreed==1",
            "udp.agreed==2",
            "tcp.agreed==2",
            "udp_maybe.server_exit_code==null",
            "udp.server_exit_code==null",
            "tcp.server_exit_code==null",
        ],
    );
    always(
        &["spoofed.no-validate", "--number", "50"],
        &["udp.exit_code==6", "udp.executions==1", "udp_maybe.executions==1", "tcp.agreed==2"],
    );
    // Later than the answer to the first question it meets the second.
    let late = &["spoofed", "--delay", "2s"];
    assert!(cells(late, "forged answers believed").starts_with("1 of 2, for 26 "));
    assert!(cells(late, "sum at client, at server").starts_with("125, 67 DIFFER "));
    // 64 KiB of window, of 32 bits of numbers.
    assert!(cells(&["spoofed"], "to be believed, guess").ends_with(" 16 bits (RST 32)"));
    assert!(cells(&["spoofed"], "to be obeyed, guess").ends_with(" 16 bits (RST 32)"));
    let by_option = cells(&["spoofed", "--no-validate"], "forged 101 obeyed");
    let obeyed: Vec<&str> = by_option.split_whitespace().collect();
    assert_eq!(obeyed, ["1", "of", "2", "1", "of", "2", "0", "of", "2"]);
}

#[test]
fn a_forged_packet_is_told_wherever_it_is_drawn() {
    let drawn = stdout(&compare(&["spoofed", "--ladder"]));
    // To each client two, and two to each server.
    assert_eq!(drawn.matches("forged: ").count(), 12, "{drawn}");
    assert!(drawn.contains("forged: RST, number guessed"), "{drawn}");
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().display().to_string();
    compare(&["spoofed", "--svg", &inside, "--pcap", &inside]);
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("a file");
    let picture = String::from_utf8(read("spoofed-udp.svg")).expect("text");
    assert_eq!(picture.matches(">forged: ").count(), 4, "{picture}");
    assert!(picture.contains("Circle: forged, no host has sent it"));
    let capture = read("spoofed-udp-client-1.pcapng");
    let said = capture.windows(7).filter(|bytes| bytes == b"forged:").count();
    assert_eq!(said, 2, "what came in the server's name; nothing that was sent in its own");
}

#[test]
fn a_file_is_the_same_at_both_ends_and_takes_as_many_round_trips_as_its_window_says() {
    always(
        &["file-transfer"],
        &[
            "tcp.exchanges==1",
            "udp.exchanges==177",
            "udp.p50_ms==50",
            "udp.failed==0",
            "udp.retransmissions==0",
            "tcp.total_ms<2000",
            "udp.total_ms>8000",
            "udp_window.failed==0",
            "udp_window.total_ms<2000",
        ],
    );
    for name in ["file-transfer", "file-transfer.loss"] {
        let right = cells(&[name], "bytes, SHA-256");
        assert_eq!(right.matches("204,800, right").count(), 3, "{right}");
    }
    let theory = cells(&["file-transfer"], "theory, without loss");
    assert!(theory.contains("177 / 1 = 177") && theory.ends_with("177 / 8 = 23"), "{theory}");
    let trips = cells(&["file-transfer"], "that is, in round trips");
    assert!(trips.ends_with("177              23.0"), "{trips}");
    always(
        &["file-transfer.loss"],
        &["udp.failed==0", "udp.retransmissions>5", "tcp.failed==0", "tcp.retransmissions>3"],
    );
    always(
        &["file-transfer", "--loss", "c2s:100%"],
        &["tcp.exit_code==4", "udp.exit_code==4", "udp_window.exit_code==4"],
    );
}

#[test]
fn every_default_table_fits_the_screen() {
    let mut pages: Vec<Vec<&str>> = shown().map(|scenario| vec![scenario.name]).collect();
    pages.push(Vec::new());
    pages.push(vec!["loss", "--runs", "20"]);
    for page in pages {
        let table = stdout(&compare(&page));
        assert!(table.lines().count() <= 24, "{} lines:\n{table}", table.lines().count());
        let wide = table.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "too wide in {page:?}");
        assert!(table.lines().count() > 5, "{page:?} says nothing");
    }
    let list = stdout(&compare(&["--list"]));
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
}

#[test]
fn every_scenario_explains_what_happened() {
    let all = report(&["all"]);
    let all = all.as_array().expect("an array");
    assert_eq!(all.len(), shown().count());
    for report in all {
        let explanation = report["explanation"].as_str().expect("text");
        assert!(explanation.len() > 100, "{}: {explanation}", report["scenario"]);
    }
}

#[test]
fn exact_faults_decide_how_many_exchanges_there_are() {
    always(
        &["loss", "--drop", "request:2", "--drop", "reply:4"],
        &["udp.exchanges==4", "udp.retransmissions==2", "udp_maybe.agreed==3", "tcp.agreed==4"],
    );
    always(
        &["happy-path", "--drop", "syn"],
        &["tcp.exchanges==1", "tcp.first_reply_ms==1100", "udp.first_reply_ms==50"],
    );
    always(&["happy-path", "--drop", "s2c:1"], &["tcp.first_reply_ms==1100", "udp.attempts==2"]);
    always(&["lost-reply", "--drop", "request:1"], &["udp.duplicates_suppressed==0"]);
}

#[test]
fn the_wires_options_are_for_both_ways_or_for_one() {
    always(
        &["happy-path", "--delay", "10ms"],
        &["tcp.first_reply_ms==40", "udp.first_reply_ms==20"],
    );
    always(&["happy-path", "--delay", "c2s:100ms"], &["udp.first_reply_ms==125"]);
    always(
        &["happy-path", "--duplicate", "s2c:100%"],
        &["udp.executions==1", "udp.agreed==1", "tcp.agreed==1"],
    );
    always(
        &["loss", "--loss", "c2s:100%", "--exchanges", "2"],
        &["udp.executions==0", "tcp.failed==2"],
    );
    // 1,000 bits take a second: 45 bytes of request and 64 of reply, each way its own.
    always(
        &["happy-path", "--rate", "1kbit"],
        &["udp.first_reply_ms>=400", "udp.first_reply_ms<2000"],
    );
}

#[test]
fn whatever_the_network_does_the_experiment_ends_and_says_what_came_of_it() {
    let options: &[&[&str]] = &[
        &["--timeout", "40ms"],
        &["--timeout", "off", "--loss", "30%"],
        &["--loss", "c2s:100%"],
        &["--loss", "s2c:100%"],
        &["--semantics", "maybe", "--drop", "syn"],
        &["--rate", "10kbit", "--jitter", "80ms", "--reorder", "30%"],
    ];
    for options in options {
        let mut arguments = vec!["all"];
        arguments.extend(*options);
        assert_eq!(report(&arguments).as_array().map(Vec::len), Some(shown().count()));
    }
    always(&["out-of-range-shutdown", "--semantics", "maybe"], &["udp.server_exit_code==null"]);
    always(
        &["silent-server", "--timeout", "off"],
        &["tcp.outcome==still_waiting", "tcp.exit_code==null", "udp.outcome==timed_out"],
    );
}

#[test]
fn several_clients_do_the_same_side_by_side() {
    always(
        &["loss", "--clients", "5", "--exchanges", "10", "--loss", "0%"],
        &["udp.exchanges==50", "udp.agreed==50", "tcp.agreed==50", "tcp.handshake_rtts==5"],
    );
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused_with_one_thing_to_do() {
    for arguments in [
        &["loss", "--loss", "10"][..],
        &["loss", "--loss", "101%"],
        &["loss", "--loss", "up:10%"],
        &["loss", "--delay", "100us"],
        &["loss", "--drop", "c2s"],
        &["loss", "--drop", "reply:0"],
        &["loss", "--hold", "reply:1"],
        &["loss", "--rate", "10"],
        &["loss", "--runs", "0"],
        &["loss", "--runs", "5", "--ladder"],
        &["loss", "--timeout", "0s"],
        &["loss", "--net", "moon"],
        &["head-of-line", "--exchanges", "65"],
        &["many-clients", "--clients", "1001"],
        &["happy-path", "--ladder", "--format", "json"],
    ] {
        let output = compare(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_report_says_how_to_run_it_again_and_that_gives_the_same() {
    let first = report(&[
        "loss",
        "--loss",
        "c2s:15%",
        "--seed",
        "9",
        "--exchanges",
        "20",
        "--timeout",
        "1s 500ms",
        "--hold",
        "reply:1=2s",
        "--semantics",
        "at-least-once",
        "--full",
    ]);
    let command = first["reproduce"].as_str().expect("a command");
    let quoted: Vec<String> = command
        .replace("'1s 500ms'", "1s500ms")
        .split_whitespace()
        .skip(1)
        .map(str::to_owned)
        .collect();
    let again = report(&quoted.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(first["udp"], again["udp"], "{command}");
    assert!(!command.contains("--full") && command.contains("--loss c2s:15%"), "{command}");
}

#[test]
fn a_prediction_is_asked_for_before_the_answer() {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(["happy-path", "--predict"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("compare starts");
    child.stdin.take().expect("stdin").write_all(b"ten and two\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let asked = stderr(&output);
    assert!(asked.contains("What does one question and one answer cost?\nYour prediction: ten"));
    assert!(stdout(&output).starts_with("happy-path: "));
}

#[test]
fn markdown_has_the_rows_of_the_table() {
    let output = compare(&["lost-reply", "--format", "markdown"]);
    let text = stdout(&output);
    assert!(text.contains("|  | TCP | UDP |\n| --- | --- | --- |\n"), "{text}");
    assert!(
        text.contains("| copies met by the server | in the stack | 1, known by id |"),
        "{text}"
    );
    assert!(text.contains("`compare lost-reply --net sim --seed 1`"), "{text}");
    let drawn = stdout(&compare(&["lost-reply", "--format", "markdown", "--ladder"]));
    let ladder = drawn.split("```").nth(1).expect("a block of its own");
    assert!(ladder.contains("client") && ladder.contains("server"), "{drawn}");
}
