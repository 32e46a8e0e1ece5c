//! Programs that others wrote, at the other end: what students write in five lines of Python, and
//! netcat. They end no message with a line end, read once, and know nothing of our protocol.

#![cfg(unix)]

mod calculators;
mod chats;
mod netcat;
mod sums;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use support::{Program, skip};

/// How each of their servers over TCP begins.
const LISTENING: &str = "
import socket
server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server_socket.bind(('127.0.0.1', 0))
server_socket.listen(5)
print(server_socket.getsockname()[1])
";

/// How each of their servers over UDP begins.
const BOUND: &str = "
import socket
server_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_socket.bind(('127.0.0.1', 0))
print(server_socket.getsockname()[1])
";

/// How each of their clients over TCP begins.
const CONNECTED: &str = "
import socket, sys
client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client_socket.connect((sys.argv[1], int(sys.argv[2])))
";

/// How each of their clients over UDP begins.
const WITH_A_SOCKET: &str = "
import socket, sys
client_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_address = (sys.argv[1], int(sys.argv[2]))
";

/// Starts a program of theirs that speaks first, if this computer has Python. What is typed into it
/// comes from a pipe.
fn their_client(script: &[&str], server: SocketAddr) -> Option<Program> {
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    python(script, &[&host, &port])
}

/// Starts a server of theirs; returns it with its address.
fn their_server(script: &[&str]) -> Option<(Program, SocketAddr)> {
    let program = python(script, &[])?;
    let port = program.wait_for("").parse().expect("a port");
    Some((program, SocketAddr::from(([127, 0, 0, 1], port))))
}

fn python(script: &[&str], arguments: &[&str]) -> Option<Program> {
    if Command::new("python3").arg("--version").output().is_err() {
        skip("this computer has no python3");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-u", "-c", &script.concat()]).args(arguments).stdin(Stdio::piped());
    Some(Program::start(&mut command))
}
