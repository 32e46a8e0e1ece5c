//! What a server, or somebody who poses as one, may do to our client.

#![cfg(unix)]

mod support;

use std::io::{Read, Write};
use std::net::SocketAddr;

use support::peers::{datagram_server, stream_server};
use support::wire::{ACK, CHALLENGE, Datagram, REPLY, receive_framed, udp_socket};
use support::{BOTH, Ended, client};

/// A server that answers with these bytes.
fn saying(transport: &str, answer: &'static [u8]) -> SocketAddr {
    match transport {
        // The client may have heard enough before the end.
        "tcp" => stream_server(move |mut stream| drop(stream.write_all(answer))),
        _ => datagram_server(move |socket, request, from| {
            let answer = answer.strip_suffix(b"\n").unwrap_or(answer);
            let reply = Datagram {
                length: u16::try_from(answer.len()).expect("short"),
                payload: answer.to_vec(),
                ..request.answer(REPLY, "")
            };
            socket.send_to(&reply.bytes(), from).expect("sent");
        }),
    }
}

fn ask(transport: &str, server: SocketAddr, more: &[&str]) -> Ended {
    let options = ["--transport", transport, "--number", "25"];
    client(server, &[&options[..], more].concat())
}

#[test]
fn an_answer_that_is_not_the_protocol_ends_with_8() {
    for answer in [
        &b"hello\n"[..],
        b"\n",
        b"Server;fifty\n",
        b"Server;50;seventy-five\n",
        b"Server;50;76\n",
        b"Server;50;75;75\n",
        b";50\n",
        b"\xff\xfe\n",
        &[b'x'; 5000],
    ] {
        for transport in BOTH {
            let client = ask(transport, saying(transport, answer), &["--json"]).with_code(8);
            assert_eq!(client.json()["outcome"], "protocol_error", "{client:#?}");
        }
    }
}

#[test]
fn extreme_numbers_are_added_without_a_panic() {
    for (number, sum) in [
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775783"),
    ] {
        for transport in BOTH {
            let answer = format!("Server;{number}\n").into_bytes().leak();
            let client = ask(transport, saying(transport, answer), &[]);
            let calculation = format!("25 (client) + {number} (server) = {sum}\n");
            assert!(client.out.ends_with(&calculation), "{client:#?}");
            assert_eq!(client.err, "");
        }
    }
}

#[test]
fn control_characters_of_a_server_do_not_reach_the_terminal() {
    for answer in [
        "\u{1b}[2J\u{7}Server;50\n",
        "ERR \u{1b}[2J\u{7}\n",
        "BUSY \u{1b}[2J\u{7}\n",
        "\u{1b}[2J\u{7}\n",
        "Server;\u{1b}[2J\u{7}\n",
    ] {
        for transport in BOTH {
            let client = ask(transport, saying(transport, answer.as_bytes()), &["--verbose"]);
            let raw = ['\u{1b}', '\u{7}'];
            assert!(!client.out.contains(raw) && !client.err.contains(raw), "{client:#?}");
            assert!(client.out.contains("\\u{1b}[2J\\u{7}") || client.err.contains("\\u{1b}[2J"));
        }
    }
}

#[test]
fn an_answer_without_end_is_given_up() {
    let (sender, stopped) = std::sync::mpsc::channel();
    let server = stream_server(move |mut stream| {
        while stream.write_all(&[b'x'; 8192]).is_ok() {}
        sender.send(()).expect("a test that waits");
    });
    let client = ask("tcp", server, &[]).with_code(8);
    assert!(client.err.contains("too long"), "{client:#?}");
    stopped.recv_timeout(support::LIMIT).expect("the client has hung up");
}

#[test]
fn an_answer_that_drips_does_not_move_the_deadline() {
    let server = stream_server(|mut stream| {
        // A byte at a time, each sooner than the silence that would end a message.
        let pause = Some(std::time::Duration::from_millis(50));
        stream.set_read_timeout(pause).expect("a limit");
        while stream.write_all(b"x").is_ok() {
            if stream.read(&mut [0; 1]).is_ok() {
                return;
            }
        }
    });
    let client = ask("tcp", server, &["--timeout", "700ms", "--json"]).with_code(4);
    let elapsed = client.json()["elapsed_ms"].as_f64().expect("a time");
    assert!((700.0..4000.0).contains(&elapsed), "{elapsed}");
}

#[test]
fn what_answers_nothing_we_asked_is_dropped_and_the_answer_still_counts() {
    let server = datagram_server(|socket, request, from| {
        let right = request.answer(REPLY, "Server;50");
        let wrong = "Server;99";
        let kind = |kind| Datagram { kind, ..request.answer(REPLY, wrong) }.bytes();
        let unasked = [
            Vec::new(),
            b"Server;99".to_vec(),
            b"\xf9".to_vec(),
            right.bytes()[..20].to_vec(),
            [right.bytes(), b"0".to_vec()].concat(),
            Datagram { token: !request.token, ..request.answer(REPLY, wrong) }.bytes(),
            Datagram { id: request.id.wrapping_add(1), ..request.answer(REPLY, wrong) }.bytes(),
            Datagram { id: request.id.wrapping_sub(1), ..request.answer(REPLY, wrong) }.bytes(),
            // A request, HELLO, WELCOME, PING, PONG, and types that do not exist.
            kind(0),
            kind(6),
            kind(7),
            kind(8),
            kind(9),
            kind(11),
            kind(15),
        ];
        for datagram in &unasked {
            socket.send_to(datagram, from).expect("sent");
        }
        socket.send_to(&right.bytes(), from).expect("sent");
    });
    let client = ask("udp", server, &["--verbose", "--timeout", "20s"]).with_code(0);
    assert!(client.out.ends_with("25 (client) + 50 (server) = 75\n"), "{client:#?}");
    let said = |what: &str| client.err.matches(what).count();
    assert_eq!(said("answers nothing we asked: dropped"), 13, "{client:#?}");
    assert_eq!(said("is not framed: dropped"), 2, "{client:#?}");
}

#[test]
fn a_datagram_from_anyone_but_the_server_is_not_heard() {
    let server = datagram_server(|socket, request, from| {
        // It knows token and id, and is believed no more for it.
        let forger = udp_socket();
        let forged = request.answer(REPLY, "Server;99").bytes();
        forger.send_to(&forged, from).expect("sent");
        socket.send_to(&request.answer(REPLY, "Server;50").bytes(), from).expect("sent");
    });
    let client = ask("udp", server, &[]).with_code(0);
    assert!(client.out.ends_with("25 (client) + 50 (server) = 75\n"), "{client:#?}");
}

#[test]
fn a_late_answer_to_the_first_attempt_counts_for_the_second() {
    let server = datagram_server(|socket, first, _| {
        let (second, from) = receive_framed(&socket);
        assert_eq!((first.attempt, second.attempt), (1, 2));
        // The same bytes but for the number of the attempt.
        assert_eq!(Datagram { attempt: 1, ..second }, first);
        socket.send_to(&first.answer(REPLY, "Server;50").bytes(), from).expect("sent");
    });
    let options = ["--retransmission-timeout", "100ms", "--json"];
    let json = ask("udp", server, &options).with_code(0).json();
    assert_eq!((&json["sum"], &json["attempts"]), (&75.into(), &2.into()));
}

#[test]
fn a_server_that_only_says_that_it_works_does_not_move_the_deadline() {
    let server = datagram_server(|socket, request, from| {
        let mut copy = Some(request);
        while let Some(request) = copy {
            socket.send_to(&request.answer(ACK, "").bytes(), from).expect("sent");
            // The last one may find that the client has gone.
            let mut buffer = [0; 100];
            copy = socket.recv(&mut buffer).ok().map(|count| Datagram::read(&buffer[..count]));
        }
    });
    let options = ["--timeout", "500ms", "--retransmission-timeout", "50ms"];
    let client = ask("udp", server, &options).with_code(4);
    assert!(client.err.contains("The server has the request and is working on it"), "{client:#?}");
}

#[test]
fn a_server_that_asks_for_proof_again_and_again_is_called_broken_8() {
    let server = datagram_server(|socket, request, mut from| {
        let mut request = request;
        for cookie in 1..=4 {
            let challenge = request.answer(CHALLENGE, "").with_cookie(&[cookie; 8]);
            socket.send_to(&challenge.bytes(), from).expect("sent");
            if cookie < 4 {
                (request, from) = receive_framed(&socket);
                assert_eq!(request.cookie, [cookie; 8]);
            }
        }
    });
    let client = ask("udp", server, &["--json"]).with_code(8);
    assert_eq!(client.json()["attempts"], 4);
}
