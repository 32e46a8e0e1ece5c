//! `compare --server`: the client half of a scenario against a server that somebody else has started.

#![cfg(unix)]

#[path = "support/compare.rs"]
mod door;
#[path = "remote/routed.rs"]
mod routed;
mod support;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use door::{compare, stderr, stdout};
use rustix::process::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use support::program::json_lines;
use support::{Program, Server};

/// What only the server's log, or the packets, could tell.
const NOT_SEEN: &[&str] = &[
    "agreed",
    "executions",
    "duplicates_suppressed",
    "packets_c2s",
    "packets_s2c",
    "packets_lost",
    "ip_bytes",
    "payload_bytes",
    "overhead_percent",
    "time_wait",
    "learned_ms",
    "server_exit_code",
    "server_stop_ms",
];

fn document(arguments: &[&str]) -> Value {
    let output = compare(&[arguments, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn the_client_half_of_a_scenario_is_measured_and_the_rest_is_null() {
    let server = Server::start(&["--log-format", "json"]);
    let address = server.address.to_string();
    for (scenario, columns, asked) in [
        ("happy-path", &["tcp", "udp"][..], 1),
        ("setup-cost", &["tcp_each", "tcp", "udp"], 10),
        ("close-vs-shutdown", &["tcp", "udp"], 3),
    ] {
        let report = document(&[scenario, "--server", &address]);
        assert_eq!(report["network"], "remote");
        assert_eq!(report["server"], address);
        assert_eq!(report["wire"], Value::Null);
        for column in columns {
            let numbers = &report[column];
            assert_eq!(
                (&numbers["outcome"], &numbers["exchanges"]),
                (&"replied".into(), &asked.into())
            );
            assert!(numbers["first_reply_ms"].as_f64() > Some(0.0), "{numbers}");
            for name in NOT_SEEN {
                assert_eq!(numbers.get(name), Some(&Value::Null), "{scenario} {column} {name}");
            }
        }
        assert_eq!(report["tcp"]["retransmissions"], Value::Null, "the stack tells nobody");
        assert_eq!(report["udp"]["retransmissions"], 0);
        assert_eq!(report["reproduce"], format!("compare {scenario} --server {address}"));
    }
    // They were real questions, and the server still runs.
    let log = json_lines(&server.stop().out);
    let executed = log.iter().filter(|line| line["event"] == "exchange").count();
    assert_eq!(executed, 2 + 30 + 6);
}

#[test]
fn the_same_seed_does_not_make_two_runs_one_client() {
    let server = Server::start(&["--log-format", "json"]);
    let address = server.address.to_string();
    for _ in 0..2 {
        let output = compare(&["happy-path", "--server", &address, "--seed", "7"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stderr(&output).contains("--seed draws nothing here"), "{}", stderr(&output));
    }
    let log = json_lines(&server.stop().out);
    let count = |event: &str| log.iter().filter(|line| line["event"] == event).count();
    assert_eq!((count("exchange"), count("duplicate")), (4, 0), "no answer came from memory");
}

#[test]
fn a_table_says_what_the_server_alone_knows() {
    let server = Server::start(&["--number", "50"]);
    let output = compare(&["--server", &server.address.to_string()]);
    let text = stdout(&output);
    assert!(text.contains(&format!("server at {}, a network that is not ours\n", server.address)));
    assert!(text.contains("our side: ") && !text.contains("seed"), "{text}");
    for row in [
        "  sum at client, at server        75, the server knows   75, the server knows\n",
        "  executed by the server          the server knows       the server knows\n",
        "  outcome (exit code)             replied (0)            replied (0)\n",
    ] {
        assert!(text.contains(row), "{row}{text}");
    }
    for sentence in [
        "Both transports carried the same question to the same answer.",
        "The handshake took ",
        "10 questions took ",
        "What the network lost, and TCP repaired, cannot be seen from here.",
    ] {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(sentence), "{sentence}: {text}");
    }
    assert!(!text.contains(", 75 agree") && !text.contains("packets"), "{text}");
}

#[test]
fn many_runs_show_how_what_the_client_measures_is_distributed() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    let report = document(&["happy-path", "--server", &address, "--runs", "5"]);
    assert_eq!(report["runs"], 5);
    for column in ["tcp", "udp"] {
        let numbers = &report[column];
        let times = ["min", "p5", "p50", "p95", "max"];
        let times = times.map(|part| numbers["first_reply_ms"][part].as_f64());
        assert!(times.is_sorted() && times[0] > Some(0.0), "{numbers}");
        assert_eq!(numbers["failed"]["max"], 0.0);
        assert!(NOT_SEEN.iter().all(|name| numbers.get(name).is_none()), "{numbers}");
    }
    let text = stdout(&compare(&["happy-path", "--server", &address, "--runs", "2"]));
    assert!(text.contains("2 runs\n") && !text.contains("executions"), "{text}");
}

#[test]
fn nobody_there_is_what_came_of_the_experiment() {
    // Bound and not listening: the port is ours, and refuses. Over UDP nobody has it.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    socket.bind(&any.into()).expect("a port");
    let address = socket.local_addr().expect("an address").as_socket().expect("IPv4").to_string();
    let report = document(&["happy-path", "--server", &address]);
    for column in ["tcp", "udp"] {
        let numbers = &report[column];
        assert_eq!((&numbers["outcome"], &numbers["exit_code"]), (&"refused".into(), &3.into()));
        assert_eq!((&numbers["failed"], &numbers["executions"]), (&1.into(), &Value::Null));
    }
    let said = report["explanation"].as_str().expect("text");
    assert!(said.starts_with("Neither transport brought an answer."), "{said}");
}

#[test]
fn an_answer_that_is_no_sum_is_none() {
    let server = Server::start(&["--service", "calculator"]);
    let report = document(&["happy-path", "--server", &server.address.to_string()]);
    for column in ["tcp", "udp"] {
        assert_eq!(report[column]["outcome"], "protocol_error", "{report}");
        assert_eq!(report[column]["exit_code"], 8);
    }
}

#[test]
fn a_server_may_be_named_and_its_first_address_need_not_be_the_one() {
    let server = Server::start(&[]);
    let name = format!("localhost:{}", server.address.port());
    let report = document(&["happy-path", "--server", &name]);
    assert_eq!(report["server"], server.address.to_string());
    assert_eq!(report["udp"]["outcome"], "replied");
    let server = Server::start_at("::1", 0, &[]);
    let address = format!("[::1]:{}", server.address.port());
    let report = document(&["happy-path", "--server", &address]);
    assert_eq!(
        (&report["tcp"]["outcome"], &report["udp"]["outcome"]),
        (&"replied".into(), &"replied".into())
    );
    assert_eq!(report["reproduce"], format!("compare happy-path --server '{address}'"));
}

#[test]
fn what_cannot_be_known_or_done_there_is_refused_with_its_reason() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    for (arguments, code, why) in [
        (&["loss"][..], 11, "it is about what a wire of ours does"),
        (&["silent-server"], 11, "no server is to answer in it"),
        (&["server-killed"], 11, "it does something to the server or the wire"),
        (&["out-of-range-shutdown"], 11, "it stops the server, and that is not ours"),
        (&["second-client-serial"], 11, "it compares models of servers"),
        (&["file-transfer"], 11, "it takes a server that is set up for it"),
        (&["close-vs-shutdown.reset"], 11, "what comes of it stands in the server's log"),
        (&["--loss", "10%"], 11, "--loss needs a wire of ours"),
        (&["--drop", "request:1"], 11, "--drop needs a wire of ours"),
        (&["--ladder"], 11, "--ladder draws packets, and on this network we see none"),
        (&["--svg", "x"], 11, "--svg draws packets"),
        (&["--pcap", "x"], 11, "--pcap draws packets"),
        (&["--work", "1s"], 11, "--work is for a server of ours"),
        (&["--number", "5"], 11, "--number is for a server of ours"),
        (&["--goodbye", "on"], 11, "--goodbye is for a server of ours"),
        (&["--tcp-profile", "textbook"], 11, "--tcp-profile is for hosts of our own"),
        (&["--net", "sim"], 2, "cannot be used with"),
        (&["--runs", "2", "--html", "x"], 2, "show one run"),
    ] {
        let output = compare(&[arguments, &["--server", &address]].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
        assert_eq!(stdout(&output), "");
    }
    for wrong in ["::1:12000", "host:0", ":12000", ""] {
        let output = compare(&["--server", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", stderr(&output));
    }
}

#[test]
fn of_all_scenarios_those_are_held_that_can_be() {
    let server = Server::start(&[]);
    let output = compare(&["all", "--server", &server.address.to_string(), "--format", "json"]);
    let said = stderr(&output);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names: Vec<_> =
        report.as_array().expect("several").iter().map(|one| &one["scenario"]).collect();
    assert_eq!(names, ["happy-path", "setup-cost", "close-vs-shutdown"]);
    assert!(said.contains("skipped: loss (it is about what a wire of ours does"), "{said}");
}

#[test]
fn an_interrupt_ends_it_while_nobody_answers() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let address = silent.local_addr().expect("an address").to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_compare"));
    command.args(["happy-path", "--server", &address, "--timeout", "off"]).stdin(Stdio::null());
    let program = Program::start(&mut command);
    let _asking = silent.accept().expect("a connection");
    program.signal(Signal::INT);
    assert_eq!(program.finish().with_code(130).out, "");
}
