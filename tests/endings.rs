//! Every way in which an exchange can end, over both transports: the client's exit code, what it
//! says, and that it says so in time.

#![cfg(unix)]

mod support;

use std::io::Read;
use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;
#[cfg(target_os = "linux")]
use support::peers::Deaf;
use support::peers::{Nobody, datagram_server, stream_server};
use support::wire::{
    BUSY, BYE, Datagram, STALE, accept, read_line, receive, receive_framed, reset, tcp_listener,
    udp_socket,
};
use support::{BOTH, Ended, Program, Server, client, client_command};

/// Runs a client that asks with 25 and prints JSON.
fn ask(transport: &str, server: SocketAddr, more: &[&str]) -> Ended {
    client(server, &asking(transport, more))
}

fn asking<'a>(transport: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut options = vec!["--transport", transport, "--number", "25", "--json"];
    options.extend(more);
    options
}

/// A server for one exchange over UDP that answers with one framed datagram.
fn one_answer(answer: impl FnOnce(Datagram) -> Datagram + Send + 'static) -> SocketAddr {
    datagram_server(|socket, request, from| {
        let answer = answer(request).bytes();
        socket.send_to(&answer, from).expect("sent");
    })
}

#[track_caller]
fn ended(ended: &Ended, code: i32, outcome: &str) {
    let json = ended.json();
    let seen = (ended.code, &json["exit_code"], &json["outcome"]);
    assert_eq!(seen, (code, &json!(code), &json!(outcome)), "{ended:#?}");
}

#[test]
fn an_answered_question_ends_with_0_and_both_ends_log_the_same_sum() {
    let server = Server::start(&["--log-format", "json"]);
    for transport in BOTH {
        let client = ask(transport, server.address, &[]);
        ended(&client, 0, "replied");
        let client = client.json();
        let line = server.wait_for("\"exchange\"");
        let exchange: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(exchange["transport"], transport);
        let fields = ["client_name", "client_number", "server_name", "server_number", "sum"];
        for field in fields {
            assert_eq!(client[field], exchange[field], "{field}");
        }
        assert_eq!(client["client_number"], 25);
        let server_number = client["server_number"].as_i64().expect("a number");
        assert!((1..=100).contains(&server_number));
        assert_eq!(client["sum"], 25 + server_number);
    }
}

#[test]
fn where_nobody_listens_it_ends_with_3_at_once() {
    for transport in BOTH {
        let nobody = Nobody::over(transport);
        // The ICMP message was once heard of only when the second attempt was sent.
        let patient = ["--retransmission-timeout", "8s", "--timeout", "20s"];
        let client = ask(transport, nobody.address, &patient);
        ended(&client, 3, "refused");
        assert!(client.took.as_secs() < 5, "{client:#?}");
        let attempts = if transport == "tcp" { 0 } else { 1 };
        assert_eq!(client.json()["attempts"], attempts);
    }
}

#[test]
fn a_vetted_refusal_is_believed_when_a_second_attempt_meets_it_too() {
    let nobody = Nobody::over("udp");
    let vet = ["--icmp", "vet", "--retransmission-timeout", "50ms"];
    let client = ask("udp", nobody.address, &vet);
    ended(&client, 3, "refused");
    assert_eq!(client.json()["attempts"], 2);
}

#[test]
fn without_an_answer_it_ends_with_4_at_the_deadline() {
    let (_listener, tcp) = tcp_listener();
    let socket = udp_socket();
    let udp = socket.local_addr().expect("an address");
    for (transport, server) in [("tcp", tcp), ("udp", udp)] {
        let limits = ["--timeout", "400ms", "--retransmission-timeout", "50ms"];
        let client = ask(transport, server, &limits);
        ended(&client, 4, "timed_out");
        let json = client.json();
        let elapsed = json["elapsed_ms"].as_f64().expect("a time");
        assert!((400.0..3000.0).contains(&elapsed), "{json}");
        let attempts = json["attempts"].as_u64().expect("a count");
        let error = json["error"].as_str().expect("an error");
        if transport == "tcp" {
            assert_eq!(attempts, 1);
            assert!(error.ends_with(", connected."), "{error}");
        } else {
            // 50 ms to 75 ms, then twice, then four times as long: three at least.
            assert!(attempts >= 3, "{json}");
            assert!(error.ends_with(&format!(" to {attempts} attempts.")), "{error}");
        }
    }
}

#[test]
fn a_single_try_ends_with_4_and_was_one_bare_datagram() {
    let socket = udp_socket();
    let server = socket.local_addr().expect("an address");
    let maybe = ["--semantics", "maybe", "--timeout", "300ms", "--retransmission-timeout", "10ms"];
    ended(&ask("udp", server, &maybe), 4, "timed_out");
    assert_eq!(receive(&socket).0, b"Client of socklab;25");
    socket.set_nonblocking(true).expect("set");
    let second = socket.recv(&mut [0; 100]);
    assert!(second.is_err(), "another datagram came");
}

#[cfg(target_os = "linux")]
#[test]
fn a_handshake_that_nobody_answers_ends_with_4_too() {
    let deaf = Deaf::listener();
    let client = ask("tcp", deaf.address, &["--timeout", "300ms"]);
    ended(&client, 4, "timed_out");
    let json = client.json();
    assert_eq!(json["attempts"], 0);
    let error = json["error"].as_str().expect("an error");
    assert!(error.ends_with(", no handshake."), "{error}");
}

#[test]
fn a_client_whose_deadline_has_passed_resets_the_connection() {
    let (listener, server) = tcp_listener();
    ended(&ask("tcp", server, &["--timeout", "200ms"]), 4, "timed_out");
    let mut stream = accept(&listener);
    assert_eq!(read_line(&mut stream), "Client of socklab;25\n");
    let end = stream.read(&mut [0; 10]).map_err(|error| error.kind());
    assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn a_connection_that_ends_before_the_answer_ends_it_with_5() {
    let closing = stream_server(drop);
    let client = ask("tcp", closing, &[]);
    ended(&client, 5, "broken_off");
    assert!(client.out.contains(": FIN before the answer."), "{client:#?}");
    let resetting = stream_server(reset);
    let client = ask("tcp", resetting, &[]);
    ended(&client, 5, "broken_off");
    assert!(client.out.contains(": RST before the answer."), "{client:#?}");
}

#[test]
fn a_reset_right_after_the_handshake_is_a_reset_however_it_is_told() {
    for _ in 0..40 {
        let (listener, address) = tcp_listener();
        let resetting = std::thread::spawn(move || reset(accept(&listener)));
        let client = ask("tcp", address, &[]);
        ended(&client, 5, "broken_off");
        assert!(client.out.contains(": RST before the answer."), "{client:#?}");
        resetting.join().expect("it has reset");
    }
}

#[test]
fn ones_own_number_out_of_range_ends_with_6_and_so_does_the_server_with_0() {
    for transport in BOTH {
        let server = Server::start(&["--transport", transport, "--drain", "300ms"]);
        let options = ["--transport", transport, "--number", "101", "--json"];
        let client = client(server.address, &options);
        ended(&client, 6, "server_shut_down");
        assert!(client.err.contains("[WARNING] 101 is not in 1..100"), "{client:#?}");
        server.finish().with_code(0);
    }
}

#[test]
fn a_goodbye_while_waiting_ends_with_6() {
    let server = one_answer(|request| Datagram { bye: 1, ..request.answer(BYE, "") });
    let client = ask("udp", server, &[]);
    ended(&client, 6, "server_shut_down");
    assert!(client.out.contains("said BYE, shutting down"), "{client:#?}");
}

#[test]
fn a_full_server_says_busy_and_ends_it_with_7_until_another_client_leaves() {
    let server = Server::start(&["--max-clients", "1"]);
    let first = support::wire::connect(server.address);
    server.wait_for("connected");
    let client = ask("tcp", server.address, &[]);
    ended(&client, 7, "busy");
    assert!(client.out.contains("Busy: server full (1 clients)"), "{client:#?}");
    server.wait_for("turned away: server full (1 clients)");
    let (first_address, line) = (first.local_addr().expect("an address"), " closed");
    drop(first);
    server.wait_for(&format!("{first_address}{line}"));
    ended(&ask("tcp", server.address, &[]), 0, "replied");
}

#[test]
fn busy_in_a_datagram_ends_with_7() {
    let server = one_answer(|request| request.answer(BUSY, "too many clients"));
    let client = ask("udp", server, &[]);
    ended(&client, 7, "busy");
    assert!(client.out.contains("Busy: too many clients"), "{client:#?}");
}

#[test]
fn an_error_for_an_answer_ends_with_8() {
    let server = Server::start(&[]);
    for transport in BOTH {
        let options = ["--transport", transport, "--request", "no number", "--json"];
        let client = server.client(&options);
        ended(&client, 8, "protocol_error");
        let json = client.json();
        assert_eq!(json["reply"], "ERR no semicolon: expected NAME;NUMBER");
        assert_eq!(json["sum"], json!(null));
    }
}

#[test]
fn a_server_that_goes_between_two_attempts_leaves_the_outcome_unknown_9() {
    // It takes the request, perhaps executes it, and is gone before it answers.
    let server = datagram_server(|socket, request, _| {
        assert_eq!(request.attempt, 1);
        drop(socket);
    });
    let client = ask("udp", server, &["--retransmission-timeout", "100ms"]);
    ended(&client, 9, "outcome_unknown");
    assert_eq!(client.json()["attempts"], 2);
}

#[test]
fn a_restarted_server_leaves_the_outcome_unknown_9() {
    let server = one_answer(|request| request.answer(STALE, ""));
    ended(&ask("udp", server, &[]), 9, "outcome_unknown");
}

#[test]
fn an_interrupt_while_waiting_ends_with_130_at_once() {
    let (listener, tcp) = tcp_listener();
    let socket = udp_socket();
    let udp = socket.local_addr().expect("an address");
    for (transport, server) in [("tcp", tcp), ("udp", udp)] {
        let client = Program::start(&mut client_command(server, &asking(transport, &[])));
        // Its request is the sign that it waits.
        let _connection = match transport {
            "tcp" => {
                let mut stream = accept(&listener);
                read_line(&mut stream);
                Some(stream)
            }
            _ => {
                receive_framed(&socket);
                None
            }
        };
        client.signal(Signal::INT);
        let client = client.finish().with_code(130);
        assert!(client.took.as_secs() < 8, "{client:#?}");
    }
}

#[test]
fn of_several_questions_the_last_failure_decides() {
    let server = Server::start(&["--number", "50"]);
    let options = ["--number", "25", "--number", "26", "--request", "bad", "--json"];
    let client = server.client(&options).with_code(8);
    let outcomes = support::program::json_lines(&client.out);
    let codes: Vec<_> = outcomes.iter().map(|one| one["exit_code"].clone()).collect();
    assert_eq!(codes, [0, 0, 8]);
}

#[test]
fn a_command_line_that_cannot_be_understood_ends_with_2() {
    for wrong in [
        &["--bogus"][..],
        &["--transport", "sctp"],
        &["--number", "many"],
        &["--timeout", "soon"],
        &["--window", "65"],
        &["12000"],
        &["--request", "two\nlines"],
    ] {
        let client = Program::start(Command::new(support::CLIENT).args(wrong)).finish();
        assert_eq!((client.code, client.out.as_str()), (2, ""), "{wrong:?} {client:#?}");
    }
}
