//! Real programs on loopback sockets: started, watched, and never left behind.
//!
//! Here are our two programs; [`program`] runs any, [`peers`] and [`wire`] are the other ends of
//! their conversations. Nothing sleeps: what a test waits for is a line, a reply or an end, and
//! [`LIMIT`] bounds the wait.

#![allow(dead_code, reason = "each file of tests uses a part of this")]

pub(crate) mod peers;
pub(crate) mod program;
pub(crate) mod wire;

use std::io::Write;
use std::net::SocketAddr;
use std::ops::Deref;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use program::{Ended, Program};
use rustix::process::Signal;

/// What takes so long is broken: far above what a busy machine needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Options of a server that leaves without a linger for late copies.
pub(crate) const HASTY: &[&str] = &["--drain", "0s"];

/// As options name them.
pub(crate) const BOTH: [&str; 2] = ["tcp", "udp"];

/// A running server; dropping it kills it.
pub(crate) struct Server {
    program: Program,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1 and waits until it is ready.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1", 0, options)
    }

    pub(crate) fn start_at(host: &str, port: u16, options: &[&str]) -> Self {
        let program = Program::start(&mut server_command(host, port, options));
        // A server of both transports says UDP last.
        let only_tcp = options.windows(2).any(|pair| pair == ["--transport", "tcp"]);
        let transport = if only_tcp { "tcp" } else { "udp" };
        let line = program.wait_for(&format!("ready to receive on {transport} "));
        let address = address_in(&line);
        Server { program, address }
    }

    /// Runs a client that asks this server.
    pub(crate) fn client(&self, options: &[&str]) -> Ended {
        client(self.address, options)
    }

    /// Stops the server at once and waits until it has ended.
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.program.finish().with_code(0)
    }

    /// Waits until the server has ended.
    pub(crate) fn finish(self) -> Ended {
        self.program.finish()
    }
}

impl Deref for Server {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

/// The address at the end of a ready line.
pub(crate) fn address_in(ready: &str) -> SocketAddr {
    let address = ready.rsplit(' ').next().unwrap_or_default();
    let address = address.trim_end_matches(['"', '}']);
    address.parse().unwrap_or_else(|_| panic!("no address in {ready:?}"))
}

pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_server");
pub(crate) const CLIENT: &str = env!("CARGO_BIN_EXE_client");

pub(crate) fn server_command(host: &str, port: u16, options: &[&str]) -> Command {
    let mut command = Command::new(SERVER);
    command.args(options).args([host, &port.to_string()]);
    command.stdin(Stdio::null());
    command
}

pub(crate) fn client_command(server: SocketAddr, options: &[&str]) -> Command {
    let mut command = Command::new(CLIENT);
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    command.args(options).args([host, port]);
    command.stdin(Stdio::null());
    command
}

/// Runs a client to its end.
pub(crate) fn client(server: SocketAddr, options: &[&str]) -> Ended {
    Program::start(&mut client_command(server, options)).finish()
}

/// Runs a client to its end, with this on its standard input.
pub(crate) fn client_with_input(server: SocketAddr, options: &[&str], input: &str) -> Ended {
    let mut program = Program::start(client_command(server, options).stdin(Stdio::piped()));
    // A client that has given up reads no more.
    let _ = program.take_input().write_all(input.as_bytes());
    program.finish()
}

/// Measures real time, for the bounds on what programs may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

#[expect(clippy::disallowed_methods, reason = "real programs take real time")]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Says why a test has nothing to test here.
pub(crate) fn skip(why: &str) {
    println!("SKIP: {why}");
}
