//! The client at a terminal: it asks, explains what it cannot read, and asks again. In a conversation
//! it listens while one types, and says at once what the network says at once.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;
use support::peers::Nobody;
use support::wire::{accept, read_line, read_to_end, tcp_listener};
use support::{BOTH, CLIENT, HASTY, Program, Server, skip};

const PROMPT: &str = "Enter an integer between 1 and 100: ";
const MESSAGE: &str = "Please enter the message to the server: ";
const CHAT: &str = "> Enter message (or 'exit' to quit, 'status' for client information) ";

/// Python can give a program a terminal; ours is then at its other end.
const AT_A_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// Starts a client that believes to be at a terminal; what is written is what is typed.
fn at_a_terminal(server: SocketAddr, options: &[&str]) -> Option<(Program, ChildStdin)> {
    let (client, keyboard) = started_at_a_terminal(server, options)?;
    client.wait_for_text(PROMPT);
    Some((client, keyboard))
}

fn started_at_a_terminal(server: SocketAddr, options: &[&str]) -> Option<(Program, ChildStdin)> {
    if Command::new("python3").arg("--version").output().is_err() {
        skip("this computer has no python3");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", AT_A_TERMINAL, CLIENT]).args(options);
    command.args([server.ip().to_string(), server.port().to_string()]);
    command.env("TERM", "xterm").env("NO_COLOR", "1").stdin(Stdio::piped());
    let mut program = Program::start(&mut command);
    let keyboard = program.take_input();
    Some((program, keyboard))
}

/// A conversation at a terminal.
struct Typist {
    client: Program,
    keyboard: ChildStdin,
    prompt: &'static str,
}

impl Typist {
    /// Begins a conversation, and waits for the prompt.
    fn at(server: SocketAddr, service: &str, transport: &str) -> Option<Self> {
        let options = ["--service", service, "--transport", transport];
        let (client, keyboard) = started_at_a_terminal(server, &options)?;
        let prompt = if service == "chat" { CHAT } else { MESSAGE };
        client.wait_for_text(prompt);
        Some(Typist { client, keyboard, prompt })
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
    }

    /// Types a line, and waits for this answer and for the next prompt.
    fn says(&mut self, keys: &str, answer: &str) {
        self.types(keys);
        self.types("\r");
        self.reads(answer);
        self.client.wait_for_text(self.prompt);
    }

    /// Waits for a line on the screen.
    fn reads(&self, line: &str) {
        self.client.wait_for(line);
    }

    /// Types these last keys, and waits for the end.
    fn leaves(mut self, keys: &str, code: i32) -> String {
        self.types(keys);
        self.client.finish().with_code(code).out
    }
}

/// Starts another server where one was.
fn started_again(server: SocketAddr, service: &str) -> Server {
    let options = [&["--service", service], HASTY].concat();
    Server::start_at("127.0.0.1", server.port(), &options)
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

#[test]
fn a_conversation_asks_again_after_each_answer_until_one_leaves() {
    let server = Server::start(&["--service", "calculator"]);
    for transport in BOTH {
        let Some(mut typist) = Typist::at(server.address, "calculator", transport) else { return };
        typist.says("22 + 44", "Server replied: 66");
        typist.says("1 / 0", "[ERROR] The server answered with an error: division by zero");
        typist.says("4 / 2", "Server replied: 2");
        let screen = typist.leaves("exit\r", 0);
        assert!(!screen.contains("(exit "), "codes are for scripts: {screen}");
    }
}

#[test]
fn lines_can_be_edited_and_called_back() {
    let server = Server::start(&["--service", "calculator"]);
    let Some(mut typist) = Typist::at(server.address, "calculator", "tcp") else { return };
    typist.says("22 + 45\x7f4", "Server replied: 66");
    typist.says("2 * 3\x014", "Server replied: 126");
    // Arrow up: once for the last line, twice for the one before.
    typist.says("\x1b[A", "Server replied: 126");
    typist.says("\x1b[A\x1b[A", "Server replied: 66");
    typist.leaves("\x04", 0);
}

#[test]
fn several_pasted_lines_are_several_messages() {
    let server = Server::start(&["--service", "echo"]);
    for transport in BOTH {
        let Some(mut typist) = Typist::at(server.address, "echo", transport) else { return };
        typist.types("\x1b[200~one\ntwo\x1b[201~\r");
        typist.reads("Server replied: one");
        typist.reads("Server replied: two");
        typist.client.wait_for_text(MESSAGE);
        typist.leaves("\x04", 0);
    }
}

/// What comes behind the Enter is read together with it, and is of the next lines.
#[test]
fn lines_that_arrive_together_are_several_messages_at_a_terminal_that_marks_no_paste() {
    let server = Server::start(&["--service", "echo"]);
    for transport in BOTH {
        let Some(mut typist) = Typist::at(server.address, "echo", transport) else { return };
        typist.types("one\rtwo\rthree\rha");
        for answer in ["one", "two", "three"] {
            typist.reads(&format!("Server replied: {answer}"));
        }
        typist.types("lf\r");
        typist.reads("Server replied: half");
        typist.client.wait_for_text(MESSAGE);
        typist.leaves("\x04", 0);
    }
}

#[test]
fn a_chat_is_left_by_exit_by_the_end_of_input_and_by_an_interrupt() {
    let server = Server::start(&["--service", "chat", "--max-clients", "1"]);
    for transport in BOTH {
        for (keys, code) in [("exit\r", 0), ("\x04", 0), ("\x03", 130)] {
            let Some(mut typist) = Typist::at(server.address, "chat", transport) else { return };
            typist.says("hello", "Server replied: helloACK");
            let screen = typist.leaves(keys, code);
            assert_eq!(screen.contains("Server replied: Goodbye, Client"), keys == "exit\r");
            // The only place is free for the next one.
            server.wait_for(" left (");
        }
    }
}

#[test]
fn an_interrupt_while_an_answer_is_waited_for_leaves_a_chat_too() {
    let options = ["--service", "chat", "--max-clients", "1", "--work", "10s"];
    let server = Server::start(&options);
    for transport in BOTH {
        let options = ["--service", "chat", "--transport", transport];
        let Some((client, mut keyboard)) = started_at_a_terminal(server.address, &options) else {
            return;
        };
        if transport == "udp" {
            // There the name is an answer, and held back like any other.
            server.wait_for(" joined as ");
        } else {
            client.wait_for_text(CHAT);
            keyboard.write_all(b"hello\r").expect("typed");
            server.wait_for(" received ");
        }
        keyboard.write_all(b"\x03").expect("typed");
        client.finish().with_code(130);
        server.wait_for(" left (");
    }
}

/// The half line that was typed is still there, and is sent to the next server.
#[test]
fn over_tcp_one_is_told_at_once_that_the_server_was_killed_and_goes_on_typing() {
    for service in ["echo", "chat"] {
        let server = Server::start(&["--service", service]);
        let address = server.address;
        let Some(mut typist) = Typist::at(address, service, "tcp") else { return };
        typist.types("half a ");
        typist.client.wait_for_text("half a ");
        server.signal(Signal::KILL);
        server.finish();
        typist.reads("The server has closed the connection: its system told us at once");
        let _server = started_again(address, service);
        typist.says("line", "Server replied: half a line");
        let screen = typist.leaves("exit\r", 0);
        let again = if service == "chat" { "Connected as Client01" } else { "Connected to server" };
        assert_eq!(screen.matches(again).count(), 2, "{screen}");
    }
}

#[test]
fn over_udp_a_server_that_stops_says_so_and_one_goes_on_typing() {
    for service in ["echo", "chat"] {
        let server = Server::start(&[&["--service", service], HASTY].concat());
        let address = server.address;
        let Some(mut typist) = Typist::at(address, service, "udp") else { return };
        typist.says("hello", "Server replied: hello");
        typist.types("half a ");
        typist.client.wait_for_text("half a ");
        server.stop();
        typist.reads("The server said BYE, shutting down: its program told us, not UDP.");
        let _server = started_again(address, service);
        typist.says("line", "Server replied: half a line");
        typist.leaves("exit\r", 0);
    }
}

#[test]
fn over_udp_a_killed_server_is_news_only_to_the_next_message() {
    for (service, code) in [("echo", 3), ("chat", 3)] {
        let server = Server::start(&["--service", service]);
        let address = server.address;
        let Some(mut typist) = Typist::at(address, service, "udp") else { return };
        typist.says("hello", "Server replied: hello");
        server.signal(Signal::KILL);
        server.finish();
        typist.types("still there?\r");
        typist.reads("[ERROR] Refused: nobody listens on udp ");
        typist.reads("UDP keeps no connection: nobody told us until we asked.");
        typist.client.wait_for_text(typist.prompt);
        let _server = started_again(address, service);
        typist.says("again", "Server replied: again");
        let screen = typist.leaves("exit\r", code);
        assert!(!screen.contains("told us at once"), "{screen}");
    }
}

#[test]
fn who_is_turned_away_is_told_while_the_prompt_stands_and_may_try_again() {
    let (listener, address) = tcp_listener();
    let (prompt_stands, told) = mpsc::channel();
    thread::spawn(move || {
        let mut first = accept(&listener);
        told.recv().expect("told");
        first.write_all(b"BUSY one at a time\n").expect("sent");
        drop(first);
        let mut stream = accept(&listener);
        read_line(&mut stream);
        stream.write_all(b"42\n").expect("sent");
        read_to_end(&stream);
    });
    let Some(mut typist) = Typist::at(address, "calculator", "tcp") else { return };
    prompt_stands.send(()).expect("listening");
    typist.reads("[ERROR] Busy: one at a time (tcp ");
    typist.client.wait_for_text(MESSAGE);
    typist.says("6 * 7", "Server replied: 42");
    typist.leaves("exit\r", 7);
}
