//! What the programs print, for people and for programs that read it.

#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::json;
use support::peers::Nobody;
use support::program::json_lines;
use support::{BOTH, Program, Server, client_command, server_command};

/// Replaces what differs from run to run.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked += "127.0.0.1:PORT";
        masked += part.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    masked
}

#[test]
fn a_sum_over_tcp_reads_as_the_screens_show_it() {
    let server = Server::start(&["--transport", "tcp", "--number", "50"]);
    let client = server.client(&["--number", "25"]).with_code(0);
    let expected = "\
Connecting to server... connected
Message sent to server: Client of socklab;25
Response received from server: Server of socklab;50
25 (client) + 50 (server) = 75
";
    assert_eq!((client.out.as_str(), client.err.as_str()), (expected, ""));
    server.wait_for(" closed");
    let client = server.client(&["--number", "101"]).with_code(6);
    let expected = "\
Connecting to server... connected
Message sent to server: Client of socklab;101
No response: the server closed the connection (exit 6)
";
    assert_eq!(client.out, expected);
    let server = server.finish().with_code(0);
    let expected = "\
Server is ready to receive on tcp 127.0.0.1:PORT
tcp 127.0.0.1:PORT connected
tcp 127.0.0.1:PORT received \"Client of socklab;25\"
tcp 127.0.0.1:PORT 25 (client) + 50 (server) = 75
tcp 127.0.0.1:PORT sent \"Server of socklab;50\"
tcp 127.0.0.1:PORT closed
tcp 127.0.0.1:PORT connected
tcp 127.0.0.1:PORT received \"Client of socklab;101\"
[WARNING] tcp 127.0.0.1:PORT out-of-range number 101: shutting down the server
tcp 127.0.0.1:PORT closed
";
    assert_eq!((without_ports(&server.out).as_str(), server.err.as_str()), (expected, ""));
}

#[test]
fn a_sum_over_udp_reads_as_the_screens_show_it() {
    let server = Server::start(&["--transport", "udp", "--number", "50", "--drain", "0s"]);
    let udp = ["--transport", "udp", "--number"];
    let client = server.client(&[&udp[..], &["25"]].concat()).with_code(0);
    let expected = "\
No connection to set up: the first datagram is the question
Message sent to server: Client of socklab;25
Response received from server: Server of socklab;50
25 (client) + 50 (server) = 75
";
    assert_eq!((client.out.as_str(), client.err.as_str()), (expected, ""));
    let client = server.client(&[&udp[..], &["101"]].concat()).with_code(6);
    let expected = "\
No connection to set up: the first datagram is the question
Message sent to server: Client of socklab;101
Message sent again, with the server's cookie
No response: the server said BYE, out of range (exit 6)
";
    assert_eq!(client.out, expected);
    let server = server.finish().with_code(0);
    let expected = "\
Server is ready to receive on udp 127.0.0.1:PORT
udp 127.0.0.1:PORT received \"Client of socklab;25\"
udp 127.0.0.1:PORT 25 (client) + 50 (server) = 75
udp 127.0.0.1:PORT sent \"Server of socklab;50\"
udp 127.0.0.1:PORT challenged: that needs a proven address
udp 127.0.0.1:PORT received \"Client of socklab;101\"
[WARNING] udp 127.0.0.1:PORT out-of-range number 101: shutting down the server
";
    assert_eq!((without_ports(&server.out).as_str(), server.err.as_str()), (expected, ""));
}

#[test]
fn a_json_transcript_is_one_object_a_line_and_only_an_exchange_has_a_sum() {
    let server = Server::start(&["--log-format", "json", "--drain", "0s"]);
    for transport in BOTH {
        let questions = ["--number", "25", "--request", "bad"];
        server.client(&[&["--transport", transport], &questions[..]].concat()).with_code(8);
    }
    server.client(&["--transport", "udp", "--number", "101"]).with_code(6);
    let server = server.finish().with_code(0);
    let events = json_lines(&server.out);
    for (event, transport) in events.iter().zip(BOTH) {
        assert_eq!((&event["event"], &event["transport"]), (&json!("ready"), &json!(transport)));
        assert!(event["text"].as_str().is_some_and(|text| text.contains("ready to receive")));
    }
    let names = events.iter().filter_map(|event| event["event"].as_str());
    // A malformed message may be the same warning as one before, and then is only counted.
    let names: BTreeSet<_> = names.filter(|name| *name != "warning").collect();
    let expected = ["ready", "connected", "received", "exchange", "sent", "disconnected"];
    let more = ["challenged", "malformed", "out_of_range", "shutdown"];
    assert_eq!(names, expected.into_iter().chain(more).collect());
    let mut sums = 0;
    for event in &events {
        let is_exchange = event["event"] == "exchange";
        assert_eq!(event.get("sum").is_some(), is_exchange, "{event}");
        if is_exchange {
            sums += 1;
            let numbers = [&event["client_number"], &event["server_number"], &event["sum"]];
            let [client, server, sum] = numbers.map(|it| it.as_i64().expect("a number"));
            assert_eq!((client, client + server), (25, sum));
            assert_eq!(event["message_id"].is_u64(), event["transport"] == "udp", "{event}");
        }
    }
    assert_eq!(sums, 2);
    let shutdown = events.iter().find(|event| event["event"] == "shutdown");
    assert_eq!(shutdown.map(|event| &event["reason"]), Some(&json!("out_of_range")));
}

#[test]
fn a_quiet_server_prints_ready_lines_and_warnings_only() {
    let server = Server::start(&["--quiet"]);
    server.client(&["--number", "25"]).with_code(0);
    server.client(&["--request", "bad"]).with_code(8);
    server.wait_for("[WARNING] ");
    server.signal(Signal::INT);
    let server = server.finish().with_code(0);
    let expected = "\
Server is ready to receive on tcp 127.0.0.1:PORT
Server is ready to receive on udp 127.0.0.1:PORT
[WARNING] tcp 127.0.0.1:PORT malformed: no semicolon: expected NAME;NUMBER
";
    assert_eq!(without_ports(&server.out), expected);
}

#[test]
fn json_of_a_client_is_one_object_for_each_request_also_when_it_fails() {
    let keys = [
        "transport",
        "server",
        "service",
        "client_name",
        "client_number",
        "server_name",
        "server_number",
        "sum",
        "request",
        "reply",
        "attempts",
        "elapsed_ms",
        "outcome",
        "exit_code",
        "error",
    ];
    let server = Server::start(&[]);
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "25", "--json"];
        let replied = server.client(&options).with_code(0);
        assert_eq!(replied.json()["error"], json!(null));
        let refused = support::client(Nobody::over(transport).address, &options).with_code(3);
        assert!(refused.json()["error"].is_string());
        for ended in [replied, refused] {
            assert_eq!(ended.err, "");
            let json = ended.json();
            let object = json.as_object().expect("an object");
            assert_eq!(object.keys().collect::<Vec<_>>(), keys);
        }
    }
}

#[test]
fn a_server_whose_reader_leaves_goes_on() {
    let mut command = server_command("127.0.0.1", 0, &["--drain", "300ms"]);
    let (server, out) = Program::start_unread(&mut command);
    let mut ready = String::new();
    BufReader::new(out).read_line(&mut ready).expect("a line");
    let address = support::address_in(ready.trim_end());
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "25"];
        support::client(address, &options).with_code(0);
    }
    let said = server.wait_for_error("The transcript ends here, the server goes on");
    assert!(said.starts_with("[WARNING] "), "{said}");
    support::client(address, &["--number", "101"]).with_code(6);
    server.finish().with_code(0);
}

#[test]
fn a_client_whose_reader_leaves_ends_without_a_word() {
    let server = Server::start(&["--quiet"]);
    let mut command = client_command(server.address, &[]);
    let (mut client, out) = Program::start_unread(command.stdin(Stdio::piped()));
    let mut input = client.take_input();
    let numbers = thread::spawn(move || while input.write_all(b"25\n").is_ok() {});
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("a line");
    assert_eq!(line, "Connecting to server... connected\n");
    // The pipe is closed: 141 is what a shell calls a death by SIGPIPE.
    let client = client.finish().with_code(141);
    assert_eq!(client.err, "");
    numbers.join().expect("a broken pipe");
}
