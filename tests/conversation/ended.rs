//! Conversations that end before they are over: servers that stop, are killed, or fall silent.

use std::io::Write;
use std::process::{ChildStdin, Stdio};
use std::thread;

use rustix::process::Signal;

use crate::support::wire::{
    BYE, Datagram, REPLY, accept, read_line, read_to_end, receive_framed, tcp_listener, udp_socket,
};
use crate::support::{BOTH, HASTY, Program, Server, client, client_command, client_with_input};

/// A client whose next line has not been written yet.
fn waiting(server: &Server, service: &str, transport: &str) -> (Program, ChildStdin) {
    let options = ["--service", service, "--transport", transport];
    let mut command = client_command(server.address, &options);
    let mut client = Program::start(command.stdin(Stdio::piped()));
    let mut input = client.take_input();
    input.write_all(b"one\n").expect("written");
    client.wait_for("Server replied: one");
    (client, input)
}

fn started_again(server: &str, port: u16, service: &str) -> Server {
    Server::start_at(server, port, &[&["--service", service], HASTY].concat())
}

#[test]
fn after_the_server_has_stopped_the_next_line_begins_a_new_conversation() {
    for service in ["echo", "chat"] {
        for transport in BOTH {
            let server = Server::start(&[&["--service", service], HASTY].concat());
            let port = server.address.port();
            let (client, mut input) = waiting(&server, service, transport);
            server.stop();
            client.wait_for_error(match transport {
                "tcp" => "The server has closed the connection",
                _ => "The server said BYE, shutting down",
            });
            let _server = started_again("127.0.0.1", port, service);
            input.write_all(b"two\n").expect("written");
            client.wait_for("Server replied: two");
            drop(input);
            let client = client.finish().with_code(0);
            let beginnings = match (service, transport) {
                ("chat", "tcp") => "Connected as Client01",
                ("chat", _) => "Welcome as Client01",
                (_, "tcp") => "Connected to server at ",
                _ => "No connection to set up",
            };
            assert_eq!(client.err.matches(beginnings).count(), 2, "{client:#?}");
        }
    }
}

#[test]
fn a_killed_server_fails_the_lines_that_follow_and_over_udp_that_is_explained() {
    for service in ["echo", "chat"] {
        for transport in BOTH {
            let server = Server::start(&["--service", service]);
            let port = server.address.port();
            let (client, mut input) = waiting(&server, service, transport);
            server.signal(Signal::KILL);
            server.finish();
            input.write_all(b"two\nthree\n").expect("written");
            drop(input);
            let client = client.finish().with_code(3);
            assert_eq!(client.err.matches("[ERROR] Refused: nobody listens").count(), 2);
            let start = format!("server --service {service} 127.0.0.1 {port}");
            assert_eq!(client.err.matches(&start).count(), 2, "{client:#?}");
            let told = client.err.contains("its system told us at once");
            let untold = client.err.contains("nobody told us until we asked");
            assert_eq!((told, untold), (transport == "tcp", transport == "udp"), "{client:#?}");
        }
    }
}

#[test]
fn a_connection_on_which_an_answer_is_late_is_given_up_and_the_next_line_opens_another() {
    let (listener, address) = tcp_listener();
    let server = thread::spawn(move || {
        let mut silent = accept(&listener);
        assert_eq!(read_line(&mut silent), "one\n");
        let mut answering = accept(&listener);
        assert_eq!(read_line(&mut answering), "two\n");
        answering.write_all(b"2\n").expect("sent");
        (read_to_end(&silent).1, read_to_end(&answering).1)
    });
    let options = ["--service", "calculator", "--timeout", "300ms"];
    let client = client_with_input(address, &options, "one\ntwo\n").with_code(4);
    assert_eq!(client.out, "Server replied: 2\n");
    assert!(client.err.contains("Timed out: no answer from tcp "), "{client:#?}");
    let (first_finished, second_finished) = server.join().expect("as told");
    assert!(!first_finished, "reset, so that no late answer can be taken for the next one's");
    assert!(second_finished, "left with a FIN");
}

/// Over UDP a late answer carries its id: the same conversation goes on.
#[test]
fn a_late_answer_over_udp_is_not_taken_for_the_next_one() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let (late, from) = receive_framed(&socket);
        let next = loop {
            let (request, _) = receive_framed(&socket);
            if request.id != late.id {
                break request;
            }
        };
        assert_eq!(next.token, late.token);
        for answer in [late.answer(REPLY, "late"), next.answer(REPLY, "in time")] {
            socket.send_to(&answer.bytes(), from).expect("sent");
        }
    });
    let options =
        ["--service", "calculator", "--transport", "udp", "--timeout", "300ms", "--verbose"];
    let client = client_with_input(address, &options, "one\ntwo\n").with_code(4);
    assert_eq!(client.out, "Server replied: in time\n");
    assert!(client.err.contains("answers nothing we asked: dropped"), "{client:#?}");
}

#[test]
fn an_idle_chat_is_ended_by_the_server_and_the_next_line_begins_a_new_session() {
    let server = Server::start(&["--service", "chat", "--idle-timeout", "300ms"]);
    for (transport, told) in [
        ("tcp", "The server has closed the connection"),
        ("udp", "The server said BYE, idle for too long"),
    ] {
        let (client, mut input) = waiting(&server, "chat", transport);
        client.wait_for_error(told);
        input.write_all(b"two\n").expect("written");
        client.wait_for("Server replied: twoACK");
        drop(input);
        let client = client.finish().with_code(0);
        assert_eq!(client.err.matches(" as Client").count(), 2, "a new name: {client:#?}");
    }
}

#[test]
fn what_was_asked_too_late_is_asked_again_in_a_new_conversation() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let (first, from) = receive_framed(&socket);
        socket.send_to(&first.answer(REPLY, "1").bytes(), from).expect("sent");
        let bye = Datagram { bye: 3, ..Datagram::new(BYE, first.token, first.id + 1, "") };
        socket.send_to(&bye.bytes(), from).expect("sent");
        let (second, from) = receive_framed(&socket);
        assert_ne!(second.token, first.token);
        socket.send_to(&second.answer(REPLY, "2").bytes(), from).expect("sent");
    });
    let options = ["--service", "calculator", "--transport", "udp"];
    let requests = ["--request", "one", "--request", "two"];
    let client = client(address, &[&options[..], &requests[..]].concat()).with_code(0);
    assert_eq!(client.out, "Server replied: 1\nServer replied: 2\n");
    assert!(client.err.contains("The server said BYE, idle for too long"), "{client:#?}");
}

/// As the students' servers do.
#[test]
fn a_chat_that_closes_the_connection_instead_of_a_goodbye_is_left_without_an_error() {
    let (listener, address) = tcp_listener();
    thread::spawn(move || {
        let mut stream = accept(&listener);
        stream.write_all(b"Client01\n").expect("sent");
        assert_eq!(read_line(&mut stream), "exit\n");
    });
    let client = client_with_input(address, &["--service", "chat"], "exit\n").with_code(0);
    assert_eq!((client.out.as_str(), client.err.as_str()), ("", "Connected as Client01\n"));
}
