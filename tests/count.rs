//! `client --count`: the same question again and again, as ping asks.

#![cfg(unix)]

mod support;

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use support::program::json_lines;
use support::{BOTH, Ended, Program, Server, client, client_command, client_with_input};

/// Asks without a pause in between.
const AT_ONCE: &[&str] = &["--interval", "0s"];

/// Lines that are neither empty nor about a single exchange.
fn summary(client: &Ended) -> Vec<&str> {
    client.out.lines().skip_while(|line| !line.is_empty()).skip(1).collect()
}

/// The four times of a summary, in milliseconds.
fn times(line: &str) -> Vec<f64> {
    let text = line.strip_prefix("round trip: least ").expect("times");
    let text = text.strip_suffix(" ms").expect("milliseconds");
    let parts = text.split(", ").map(|part| part.rsplit(' ').next().unwrap_or_default());
    parts.map(|number| number.parse().expect("a time")).collect()
}

#[test]
fn every_exchange_has_a_line_and_all_together_have_a_summary() {
    let server = Server::start(&["--number", "50", "--log-format", "json"]);
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "25", "--count", "4"];
        let client = server.client(&[&options, AT_ONCE].concat()).with_code(0);
        for (number, line) in (1..=4).zip(client.out.lines()) {
            assert!(line.starts_with(&format!("{number}: 25 + 50 = 75, ")), "{client:#?}");
            assert!(line.ends_with(" ms"), "{client:#?}");
        }
        let [first, second] = summary(&client)[..] else { panic!("{client:#?}") };
        let again = if transport == "udp" { ", 0 sent again" } else { "" };
        assert_eq!(first, format!("4 asked, 4 answered, 0 % unanswered{again}"));
        let times = times(second);
        assert_eq!(times.len(), 4);
        assert!(times.is_sorted() && times[0] > 0.0, "{second}");
    }
    let log = json_lines(&server.stop().out);
    let count = |event: &str| log.iter().filter(|line| line["event"] == event).count();
    assert_eq!(count("exchange"), 8, "each was executed");
    assert_eq!(count("connected"), 1, "in one connection");
}

#[test]
fn json_has_an_object_for_each_exchange_and_one_for_all() {
    let server = Server::start(&["--number", "50"]);
    for transport in BOTH {
        let options = ["--json", "--transport", transport, "--number", "25", "--count", "3"];
        let client = server.client(&[&options, AT_ONCE].concat()).with_code(0);
        let objects = json_lines(&client.out);
        assert_eq!(objects.len(), 4, "{client:#?}");
        assert!(objects[..3].iter().all(|one| one["sum"] == 75 && one["asked"].is_null()));
        let all = &objects[3];
        assert_eq!(
            (&all["asked"], &all["answered"], &all["exit_code"]),
            (&3.into(), &3.into(), &0.into())
        );
        assert_eq!(all["server"], server.address.to_string());
        let again = if transport == "udp" { Value::from(0) } else { Value::Null };
        assert_eq!(all["retransmissions"], again, "over TCP nobody tells us");
        let times = ["min_ms", "p50_ms", "p95_ms", "max_ms"].map(|name| all[name].as_f64());
        assert!(times.is_sorted() && times[0] > Some(0.0), "{all}");
        let most = objects[..3]
            .iter()
            .map(|one| one["elapsed_ms"].as_f64())
            .fold(None, |a, b| if b > a { b } else { a });
        assert_eq!(times[3], most);
    }
}

#[test]
fn silence_over_udp_does_not_end_it() {
    let server = Server::start(&["--number", "50"]);
    let options = ["--transport", "udp", "--number", "25", "--count", "100000"];
    let times = ["--interval", "1ms", "--timeout", "200ms", "--retransmission-timeout", "60ms"];
    let command = &mut client_command(server.address, &[&options[..], &times].concat());
    let client = Program::start(command);
    client.wait_for("25 + 50 = 75");
    server.signal(Signal::STOP);
    let line = client.wait_for("Timed out");
    assert!(line.contains("no answer from udp") && line.ends_with(" attempts."), "{line}");
    server.signal(Signal::CONT);
    client.wait_for("25 + 50 = 75");
    client.signal(Signal::INT);
    let client = client.finish().with_code(0);
    let [first, second] = summary(&client)[..] else { panic!("{client:#?}") };
    let unanswered = client.out.lines().filter(|line| line.contains("Timed out")).count();
    let asked = client.out.lines().take_while(|line| !line.is_empty()).count();
    let answered = asked - unanswered;
    assert!(first.starts_with(&format!("{asked} asked, {answered} answered, ")), "{client:#?}");
    assert!(!first.ends_with(", 0 sent again"), "{first}");
    // What came late was asked for long before, and is in no time but its own.
    assert_eq!(second.matches(", ").count(), 3);
}

#[test]
fn a_broken_connection_is_opened_anew_for_the_next_question_and_said() {
    let server = Server::start(&["--number", "50"]);
    let port = server.address.port();
    let options = ["--number", "25", "--count", "100000", "--interval", "20ms"];
    let client = Program::start(&mut client_command(server.address, &options));
    client.wait_for_error("Connected to server at");
    client.wait_for("25 + 50 = 75");
    drop(server);
    client.wait_for_error("has closed the connection");
    client.wait_for("Refused: nobody listens on tcp");
    let _again = Server::start_at("127.0.0.1", port, &["--number", "51"]);
    client.wait_for_error("Connected to server at");
    client.wait_for("25 + 51 = 76");
    client.signal(Signal::INT);
    let client = client.finish().with_code(0);
    assert!(!summary(&client)[0].contains(" 0 % unanswered"), "{client:#?}");
}

#[test]
fn without_any_answer_the_exit_code_is_that_of_the_last_failure() {
    let server = Server::start(&[]);
    let address = server.address;
    server.stop();
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "25", "--count", "2"];
        let client = client(address, &[&options, AT_ONCE].concat()).with_code(3);
        assert!(client.out.contains("2 asked, 0 answered, 100 % unanswered"), "{client:#?}");
        assert!(!client.out.contains("round trip"), "{client:#?}");
    }
}

#[test]
fn an_answer_that_is_an_error_is_an_answer_but_no_success() {
    let server = Server::start(&[]);
    let options = ["--transport", "udp", "--request", "no number", "--count", "2"];
    let client = server.client(&[&options, AT_ONCE].concat()).with_code(8);
    assert!(client.out.contains("1: The server answered with an error: "), "{client:#?}");
    assert!(client.out.contains("2 asked, 2 answered, 0 % unanswered"), "{client:#?}");
}

#[test]
fn other_services_show_what_they_answer() {
    for (service, request, reply) in [("echo", "hello", "hello"), ("calculator", "6 * 7", "42")] {
        let server = Server::start(&["--service", service]);
        for transport in BOTH {
            let options = ["--service", service, "--transport", transport, "--count", "2"];
            let options = [&options, AT_ONCE, &["--request", request]].concat();
            let client = server.client(&options).with_code(0);
            assert!(client.out.starts_with(&format!("1: {reply}, ")), "{client:#?}");
            assert!(client.out.contains(&format!("\n2: {reply}, ")), "{client:#?}");
        }
    }
}

#[test]
fn one_question_is_read_from_a_pipe() {
    let server = Server::start(&["--number", "50"]);
    let options = [&["--count", "2"], AT_ONCE].concat();
    let client = client_with_input(server.address, &options, "7\n8\n").with_code(0);
    assert!(client.out.starts_with("1: 7 + 50 = 57, "), "{client:#?}");
    assert!(client.out.contains("\n2: 7 + 50 = 57, "), "{client:#?}");
    let client = client_with_input(server.address, &options, "").with_code(2);
    assert!(client.err.contains("There is nothing to ask"), "{client:#?}");
}

#[test]
fn an_interrupt_before_the_first_answer_is_130_and_has_no_summary() {
    let server = Server::start(&["--work", "10s"]);
    let options = ["--number", "25", "--count", "3", "--timeout", "off"];
    let client = Program::start(client_command(server.address, &options).stdin(Stdio::null()));
    client.wait_for_error("Connected to server at");
    client.signal(Signal::INT);
    let client = client.finish().with_code(130);
    assert_eq!(client.out, "");
}

#[test]
fn what_cannot_be_repeated_is_refused() {
    let server = Server::start(&[]);
    for (options, why) in [
        (&["--count", "2", "--number", "101"][..], "101 is not in 1..100: it stops the server"),
        (&["--count", "2", "--request", "Ada;0"], "0 is not in 1..100: it stops the server"),
        (&["--count", "2", "--number", "1", "--number", "2"], "--count repeats one question"),
        (&["--count", "2", "--service", "chat"], "a chat is no such thing"),
        (&["--interval", "2s", "--number", "1"], "--interval is from one question to the next"),
        (&["--count", "0", "--number", "1"], "0 is not in 1..=1000000"),
        (&["--count", "1000001", "--number", "1"], "1000001 is not in 1..=1000000"),
    ] {
        let client = server.client(options).with_code(2);
        assert!(client.err.contains(why), "{options:?}: {client:#?}");
        assert_eq!(client.out, "");
    }
}
