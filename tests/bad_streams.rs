//! What peers may do to a server over TCP, and what nobody else notices of it.

#![cfg(unix)]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use support::peers::Guest;
use support::wire::{connect, conversation, read_line, read_to_end, reset};
use support::{HASTY, Server, Stopwatch};

/// Sends this, and listens until the server closes.
#[track_caller]
fn said_to(server: &Server, bytes: &[u8]) -> (String, bool) {
    let mut stream = connect(server.address);
    stream.write_all(bytes).expect("sent");
    read_to_end(&stream)
}

#[test]
fn a_malformed_request_gets_its_reason_and_a_close_and_the_server_goes_on() {
    let server = Server::start(&[]);
    let mut guest = Guest::at(server.address);
    for (request, reason) in [
        (&b"\n"[..], "empty message"),
        (b"Ada 25\n", "no semicolon: expected NAME;NUMBER"),
        (b"Ada;25;26\n", "several semicolons in NAME;NUMBER"),
        (b"Ada;25;sum;26\n", "several semicolons in NAME;NUMBER"),
        (b";25\n", "the name is empty"),
        (b"Ada;\n", "not an integer"),
        (b"Ada;many\n", "not an integer"),
        (b"Ada;2.5\n", "not an integer"),
        (b"Ada;9223372036854775808\n", "the integer is beyond 64 bits"),
        (b"Ada;-9223372036854775809\n", "the integer is beyond 64 bits"),
        (b"Ad\xff;25\n", "not UTF-8"),
        (&[&[b'A'; 1174][..], b";25\n"].concat(), "too long"),
    ] {
        let expected = (format!("ERR {reason}\n"), true);
        assert_eq!(said_to(&server, request), expected, "{request:?}");
        guest.is_served();
    }
}

#[test]
fn nothing_after_a_malformed_request_is_taken() {
    let server = Server::start(HASTY);
    let mut guest = Guest::at(server.address);
    let (said, finished) = said_to(&server, b"Ada;1\nbad\nAda;2\nAda;101\n");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((lines.len(), finished), (2, true), "{said}");
    assert_eq!(lines[1], "ERR no semicolon: expected NAME;NUMBER");
    guest.is_served();
    let server = server.stop();
    assert!(!server.out.contains("Ada;2") && !server.out.contains("out-of-range"), "{server:#?}");
}

#[test]
fn what_comes_after_the_error_is_thrown_away_for_a_while_and_not_answered_with_a_reset() {
    let server = Server::start(&[]);
    let mut guest = Guest::at(server.address);
    let mut stream = connect(server.address);
    stream.write_all(b"bad\n").expect("sent");
    assert_eq!(read_to_end(&stream), ("ERR no semicolon: expected NAME;NUMBER\n".into(), true));
    // The FIN is here. A socket that was closed, not only half, would answer with a RST, which the
    // next write would meet.
    for _ in 0..3 {
        stream.write_all(b"Ada;25\n").expect("taken");
        guest.is_served();
    }
}

#[test]
fn a_web_page_cannot_stop_the_server() {
    let server = Server::start(HASTY);
    let mut guest = Guest::at(server.address);
    // What a browser sends for fetch(url, {method: "POST", body: "Eve;101"}), and with a path that
    // tries to look like a request.
    for path in ["/", "/;101", "/Eve;101;sum"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\n\r\n");
        for body in ["Eve;101", "Eve;101\n"] {
            let answer = conversation(server.address, (head.clone() + body).as_bytes());
            assert!(answer.starts_with("ERR ") && answer.lines().count() == 1, "{answer:?}");
            guest.is_served();
        }
    }
    assert!(!server.stop().out.contains("out-of-range"));
}

#[test]
fn without_a_line_end_silence_or_a_fin_ends_the_first_message() {
    let server = Server::start(&["--number", "50"]);
    let mut stream = connect(server.address);
    let clock = Stopwatch::start();
    // Silence, twice: no line end has been seen yet.
    for request in ["Ada;25", "Ada;26"] {
        stream.write_all(request.as_bytes()).expect("sent");
        assert_eq!(read_line(&mut stream), "Server of socklab;50\n");
    }
    assert!(clock.elapsed().as_millis() >= 400, "{:?}", clock.elapsed());
    assert_eq!(conversation(server.address, b"Ada;25"), "Server of socklab;50\n");
}

#[test]
fn half_a_line_and_a_fin_is_an_error_once_lines_are_spoken() {
    let server = Server::start(&["--number", "50"]);
    let mut guest = Guest::at(server.address);
    let said = conversation(server.address, b"Ada;25\nAda;2");
    assert_eq!(said, "Server of socklab;50\nERR incomplete\n");
    guest.is_served();
    let strict = Server::start(&["--framing", "line"]);
    assert_eq!(conversation(strict.address, b"Ada;25"), "ERR incomplete\n");
}

#[test]
fn an_endless_line_is_ended_with_an_error_and_takes_no_memory() {
    let server = Server::start(&[]);
    let mut guest = Guest::at(server.address);
    for chunk in [&[b'A'; 8192][..], &[0xC3, 0xB6].repeat(4096)] {
        let mut stream = connect(server.address);
        let mut sent = 0;
        while stream.write_all(chunk).is_ok() {
            sent += chunk.len();
            // What the kernel holds for a reader who stays away is less than this.
            assert!(sent < 64 * 1024 * 1024, "it reads and reads");
        }
        // The reason has arrived before the reset.
        assert_eq!(read_line(&mut stream), "ERR too long\n");
        guest.is_served();
    }
}

#[test]
fn control_characters_of_a_peer_do_not_reach_the_terminal() {
    let server = Server::start(HASTY);
    let mut guest = Guest::at(server.address);
    let name = "\u{1b}[2J\u{7}\u{202e}Eve\r";
    conversation(server.address, format!("{name};25\n{name}\u{85}\n").as_bytes());
    let line = server.wait_for(r#"received "\u{1b}[2J\u{7}\u{202e}Eve\r;25""#);
    assert!(line.starts_with("tcp 127.0.0.1:"), "{line}");
    guest.is_served();
    let server = server.stop();
    let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!server.out.contains(raw) && server.err.is_empty(), "{server:#?}");
}

#[test]
fn a_reset_in_the_middle_is_logged_and_nothing_more() {
    let server = Server::start(&[]);
    let mut guest = Guest::at(server.address);
    let mut stream = connect(server.address);
    stream.write_all(b"Ada;25\nAda;").expect("sent");
    read_line(&mut stream);
    reset(stream);
    server.wait_for("reset by the client");
    guest.is_served();
}

#[test]
fn a_peer_that_never_reads_is_not_read_from_for_ever() {
    let server = Server::start(&["--quiet"]);
    let mut guest = Guest::at(server.address);
    let mut deaf = connect(server.address);
    deaf.set_nonblocking(true).expect("set");
    let requests = b"Ada;25\n".repeat(1000);
    let mut sent = 0;
    // The server has stopped reading when the kernel takes nothing for as long as another client
    // is served many times.
    let mut full = 0;
    while full < 50 {
        match deaf.write(&requests) {
            Ok(count) => (sent, full) = (sent + count, 0),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => full += 1,
            Err(error) => panic!("{error}"),
        }
        guest.is_served();
        assert!(sent < 64 * 1024 * 1024, "it reads and reads");
    }
}

#[test]
fn two_hundred_streams_of_anything_stop_nothing() {
    let server = Server::start(&["--quiet", "--drain", "0s"]);
    let mut guest = Guest::at(server.address);
    let mut random = ChaCha8Rng::seed_from_u64(200);
    let pieces: [&[u8]; 10] =
        [b"Ada", b";", b"2", b"\n", b"\r\n", b" ", b";sum", b"\xff", b"\0", "ö".as_bytes()];
    for number in 0..200 {
        let mut stream = connect(server.address);
        for _ in 0..random.random_range(0..40) {
            let piece = pieces[random.random_range(0..pieces.len())];
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        match number % 3 {
            0 => reset(stream),
            1 => drop(stream),
            _ => read_everything(stream),
        }
        if number % 20 == 0 {
            guest.is_served();
        }
    }
    guest.is_served();
    assert_eq!(server.stop().err, "");
}

/// Says that nothing more will come, and waits for the server's end.
fn read_everything(mut stream: TcpStream) {
    // It may have been reset already.
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}
