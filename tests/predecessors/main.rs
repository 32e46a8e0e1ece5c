//! What could be done with the five programs that this one replaces, with the real programs and over
//! both transports: as far as no other test shows it. `docs/predecessors.md` has the whole list.

#![cfg(unix)]

mod calculators;
mod chats;
mod page;
mod sums;
#[path = "../support/mod.rs"]
mod support;

use std::process::{ChildStdin, Stdio};

use support::{Program, Server, client_command};

/// Options of a client of this service over this transport.
fn of<'a>(service: &'a str, transport: &'a str) -> [&'a str; 4] {
    ["--service", service, "--transport", transport]
}

/// Starts a client whose lines are still to be typed.
fn start_client(server: &Server, options: &[&str]) -> (Program, ChildStdin) {
    let mut command = client_command(server.address, options);
    let mut client = Program::start(command.stdin(Stdio::piped()));
    let input = client.take_input();
    (client, input)
}

/// Replaces the ports that the system chose, and the moments at which something happened.
fn without_ports_and_moments(text: &str) -> String {
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern");
    let moment = regex::Regex::new(r"\d{4}(-\d\d){2} \d\d(:\d\d){2}\.\d{6}").expect("a pattern");
    moment.replace_all(&port.replace_all(text, "127.0.0.1:PORT"), "MOMENT").into_owned()
}
