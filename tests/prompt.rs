//! The client at a terminal: it asks, explains what it cannot read, and asks again.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};

use support::peers::Nobody;
use support::{BOTH, CLIENT, Program, Server, skip};

const PROMPT: &str = "Enter an integer between 1 and 100: ";

/// Python can give a program a terminal; ours is then at its other end.
const AT_A_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// Starts a client that believes to be at a terminal; what is written is what is typed.
fn at_a_terminal(server: SocketAddr, options: &[&str]) -> Option<(Program, ChildStdin)> {
    if Command::new("python3").arg("--version").output().is_err() {
        skip("this computer has no python3");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", AT_A_TERMINAL, CLIENT]).args(options);
    command.args([server.ip().to_string(), server.port().to_string()]);
    command.env("TERM", "xterm").stdin(Stdio::piped());
    let mut program = Program::start(&mut command);
    let keyboard = program.take_input();
    program.wait_for_text(PROMPT);
    Some((program, keyboard))
}

#[test]
fn what_is_no_integer_is_explained_and_asked_for_again_without_any_connection() {
    let server = Server::start(&["--number", "50", "--drain", "0s"]);
    for transport in BOTH {
        let options = ["--transport", transport];
        let Some((client, mut keyboard)) = at_a_terminal(server.address, &options) else { return };
        for typed in [&b"abc\r"[..], b"\r", b"2.5\r"] {
            keyboard.write_all(typed).expect("typed");
            client.wait_for("[ERROR]");
            client.wait_for_text(PROMPT);
        }
        keyboard.write_all(b"25\r").expect("typed");
        client.wait_for("25 (client) + 50 (server) = 75");
        client.finish().with_code(0);
    }
    let lines = server.stop().out;
    assert_eq!(lines.matches(" received ").count(), 2, "{lines}");
}

#[test]
fn it_asks_once_and_its_exit_code_is_that_of_the_exchange() {
    for transport in BOTH {
        let nobody = Nobody::over(transport);
        let options = ["--transport", transport];
        let Some((client, mut keyboard)) = at_a_terminal(nobody.address, &options) else { return };
        keyboard.write_all(b"25\r").expect("typed");
        let client = client.finish().with_code(3);
        assert_eq!(client.out.matches("nobody listens on").count(), 1, "{client:#?}");
    }
}

#[test]
fn a_number_out_of_range_is_warned_of_and_sent() {
    let server = Server::start(&["--transport", "tcp"]);
    let Some((client, mut keyboard)) = at_a_terminal(server.address, &[]) else { return };
    keyboard.write_all(b"101\r").expect("typed");
    client.wait_for("101 is not in 1..100: it asks the server to stop");
    client.finish().with_code(6);
    server.finish().with_code(0);
}

#[test]
fn an_interrupt_at_the_prompt_ends_with_130_and_an_end_of_input_with_0() {
    let nobody = Nobody::over("tcp");
    for (key, code) in [(b"\x03", 130), (b"\x04", 0)] {
        let Some((client, mut keyboard)) = at_a_terminal(nobody.address, &[]) else { return };
        keyboard.write_all(key).expect("typed");
        let client = client.finish().with_code(code);
        assert!(!client.out.contains("Connecting"), "{client:#?}");
    }
}
