//! How a server stops: by a signal or by a number out of range, with a last word for everybody.

#![cfg(unix)]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use rustix::process::Signal;
use support::wire::{BYE, Datagram, REPLY, connect, exchange, read_line, udp_to};
use support::{BOTH, Program, Server, client_command};

#[test]
fn an_interrupt_or_a_termination_ends_it_with_0_at_once_when_nobody_waits() {
    let sentences = [
        (Signal::INT, "Keyboard interrupt received: shutting down the server"),
        (Signal::TERM, "Termination requested: shutting down the server"),
    ];
    for (signal, sentence) in sentences {
        let server = Server::start(&["--log-format", "text", "--drain", "20s"]);
        let mut idle = connect(server.address);
        server.wait_for("connected");
        server.signal(signal);
        // Who has nothing in flight is not waited for: it gets a FIN.
        assert_eq!(idle.read(&mut [0; 10]).expect("a FIN"), 0);
        let server = server.finish().with_code(0);
        assert!(server.out.contains(&format!("{sentence}\n")), "{server:#?}");
        assert_eq!(server.err, "");
        assert!(server.took.as_secs() < 10, "{server:#?}");
    }
}

#[test]
fn a_second_interrupt_ends_it_with_130_at_once() {
    let server = Server::start(&["--work", "10s", "--drain", "20s"]);
    let mut waiting = connect(server.address);
    waiting.write_all(b"Ada;25\n").expect("sent");
    server.wait_for("= ");
    server.signal(Signal::INT);
    server.wait_for("Keyboard interrupt received");
    server.signal(Signal::INT);
    let server = server.finish().with_code(130);
    assert!(server.took.as_secs() < 8, "{server:#?}");
}

#[test]
fn the_first_interrupt_while_it_lingers_after_101_is_no_second_one() {
    let server = Server::start(&["--transport", "udp"]);
    server.client(&["--transport", "udp", "--number", "101"]).with_code(6);
    server.signal(Signal::INT);
    server.wait_for("Keyboard interrupt received");
    server.finish().with_code(0);
}

#[test]
fn accepted_requests_are_answered_while_it_stops_and_new_ones_are_turned_away() {
    let server = Server::start(&["--number", "50", "--work", "1s"]);
    let ask = |transport| {
        let options = ["--transport", transport, "--number", "25", "--json"];
        Program::start(&mut client_command(server.address, &options))
    };
    let accepted = BOTH.map(ask);
    server.wait_for("25 (client) + 50 (server) = 75");
    server.wait_for("25 (client) + 50 (server) = 75");
    server.signal(Signal::TERM);
    server.wait_for("Termination requested");
    // The listener closes a moment after the sentence.
    while TcpStream::connect(server.address).is_ok() {}
    ask("tcp").finish().with_code(3);
    let turned_away = ask("udp").finish().with_code(6);
    assert!(turned_away.out.contains("said BYE, shutting down"), "{turned_away:#?}");
    for client in accepted {
        assert_eq!(client.finish().with_code(0).json()["sum"], 75);
    }
    let server = server.finish().with_code(0);
    assert_eq!(server.out.matches("= 75").count(), 2, "{server:#?}");
}

#[test]
fn without_time_to_drain_it_leaves_accepted_requests_unanswered() {
    let server = Server::start(&["--work", "10s", "--drain", "0s"]);
    let ask = |transport| {
        let options = ["--transport", transport, "--number", "25"];
        let mut command = client_command(server.address, &options);
        Program::start(command.args(["--retransmission-timeout", "300ms"]))
    };
    let [tcp, udp] = BOTH.map(ask);
    server.wait_for("25 (client)");
    server.wait_for("25 (client)");
    server.signal(Signal::TERM);
    let server = server.finish().with_code(0);
    assert!(server.took.as_secs() < 8, "{server:#?}");
    // Both were executed; only over TCP is the end of the server an event of its own.
    tcp.finish().with_code(5);
    udp.finish().with_code(9);
}

#[test]
fn a_number_out_of_range_stops_it_with_0_and_frees_the_port() {
    for transport in BOTH {
        let options = ["--transport", transport, "--drain", "200ms"];
        let mut server = Server::start(&options);
        for number in ["0", "101", "-1", "9223372036854775807"] {
            let address = server.address;
            server.client(&["--transport", transport, "--number", number]).with_code(6);
            let ended = server.finish().with_code(0);
            let warning = format!("out-of-range number {number}: shutting down the server\n");
            assert!(ended.out.contains(&warning), "{ended:#?}");
            assert!(!ended.out.contains("\n\n"), "an empty line: {ended:#?}");
            // It binds again at once, though its side of the connection is in TIME-WAIT.
            server = Server::start_at("127.0.0.1", address.port(), &options);
            server.client(&["--transport", transport, "--number", "1"]).with_code(0);
        }
    }
}

#[test]
fn one_and_one_hundred_are_in_range() {
    let server = Server::start(&["--number", "50"]);
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "1", "--number", "100"];
        let client = server.client(&options).with_code(0);
        assert!(client.out.contains("1 (client) + 50 (server) = 51\n"), "{client:#?}");
        assert!(client.out.contains("100 (client) + 50 (server) = 150\n"), "{client:#?}");
    }
}

#[test]
fn a_copy_that_comes_while_it_leaves_gets_the_old_answer_and_a_new_request_a_goodbye() {
    let server = Server::start(&["--transport", "udp"]);
    let socket = udp_to(server.address);
    let request = Datagram::request(7, 1, "Ada;25");
    let answer = exchange(&socket, &request.bytes());
    assert_eq!(Datagram::read(&answer).kind, REPLY);
    server.signal(Signal::TERM);
    // It says goodbye to whom it has served: the first id that will not be answered is the next.
    let (bye, _) = support::wire::receive_framed(&socket);
    assert_eq!((bye.kind, bye.bye, bye.token, bye.id), (BYE, 1, 7, 2));
    assert_eq!(exchange(&socket, &request.bytes()), answer);
    let next = Datagram::request(7, 2, "Ada;26");
    let bye = Datagram::read(&exchange(&socket, &next.bytes()));
    assert_eq!((bye.kind, bye.bye, bye.token, bye.id), (BYE, 1, 7, 2));
    let server = server.finish().with_code(0);
    assert_eq!(server.out.matches(" (client) + ").count(), 1, "{server:#?}");
}

#[test]
fn a_pipelined_number_out_of_range_does_not_lose_the_answers_before_it() {
    let server = Server::start(&["--number", "50"]);
    let mut stream = connect(server.address);
    stream.write_all(b"Ada;1\nAda;2\nAda;101\nAda;3\n").expect("sent");
    stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(read_line(&mut stream), "Server of socklab;50\n");
    assert_eq!(read_line(&mut stream), "Server of socklab;50\n");
    assert_eq!(stream.read(&mut [0; 10]).expect("a FIN"), 0);
    let server = server.finish().with_code(0);
    assert!(!server.out.contains("3 (client)"), "{server:#?}");
}

#[test]
fn a_silent_connection_is_closed_after_the_idle_timeout() {
    let server = Server::start(&["--idle-timeout", "300ms"]);
    let mut silent = connect(server.address);
    assert_eq!(silent.read(&mut [0; 10]).expect("a FIN"), 0);
    server.wait_for("closed: idle for too long");
    server.client(&["--number", "25"]).with_code(0);
}
