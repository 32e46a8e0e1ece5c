//! The programs as they are typed: numbers from a pipe, options, help.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use support::wire::{Datagram, REPLY, receive, udp_socket};
use support::{BOTH, CLIENT, Program, SERVER, Server, client_command, client_with_input};

#[test]
fn a_client_that_verifies_asks_for_the_sum_and_checks_it() {
    let server = Server::start(&["--number", "50"]);
    let udp = udp_socket();
    let forgetful = udp.local_addr().expect("an address");
    thread::spawn(move || {
        let (bytes, from) = receive(&udp);
        let answer = Datagram::read(&bytes).answer(REPLY, "Server;50");
        udp.send_to(&answer.bytes(), from).expect("sent");
    });
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "25", "--verify"];
        let client = server.client(&options).with_code(0);
        assert!(client.out.contains("sent to server: Client of socklab;25;sum\n"), "{client:#?}");
        assert!(client.out.ends_with(" = 75, and the server says so too\n"), "{client:#?}");
    }
    let options = ["--transport", "udp", "--number", "25", "--verify"];
    let client = support::client(forgetful, &options).with_code(8);
    assert!(client.err.contains("The server did not send the sum to check"), "{client:#?}");
}

#[test]
fn from_a_pipe_every_line_is_a_question_and_a_bad_one_does_not_stop_the_others() {
    let server = Server::start(&["--number", "50"]);
    for transport in BOTH {
        let options = ["--transport", transport, "--quiet"];
        let client = client_with_input(server.address, &options, "25\n 7 \r\n100").with_code(0);
        let sums = "25 (client) + 50 (server) = 75\n7 (client) + 50 (server) = 57\n";
        assert_eq!(client.out, format!("{sums}100 (client) + 50 (server) = 150\n"));
        let client = client_with_input(server.address, &options, "25\nmany\n\n7\n").with_code(2);
        assert_eq!(client.out, sums);
        let error = "[ERROR] Invalid input. Please enter a valid integer.\n";
        assert_eq!(client.err, error.repeat(2));
    }
}

#[test]
fn a_line_without_end_on_standard_input_is_given_up() {
    let server = Server::start(&[]);
    let mut command = client_command(server.address, &[]);
    let mut client = Program::start(command.stdin(Stdio::piped()));
    let mut input = client.take_input();
    let endless = thread::spawn(move || while input.write_all(&[b'1'; 4096]).is_ok() {});
    let client = client.finish().with_code(2);
    assert!(client.err.contains("The line is too long"), "{client:#?}");
    endless.join().expect("a broken pipe");
}

#[test]
fn help_fits_a_terminal_and_names_the_exit_codes() {
    for program in [SERVER, CLIENT] {
        let help = Program::start(Command::new(program).arg("--help")).finish().with_code(0);
        let wide: Vec<_> = help.out.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        assert!(help.out.contains("\nExit codes:"), "{help:#?}");
    }
}
