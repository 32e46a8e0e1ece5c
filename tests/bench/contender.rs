//! The servers that are compared: which command starts each of them.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

use socklab::server::Model;

use crate::references::{self, REFERENCE};

/// Idle connections need room that a beginner's server does not.
const MAX_CLIENTS: &str = "10240";

/// A server under test or beside it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Contender {
    /// Our server with `-q`.
    Ours,
    /// Our server with its transcript, written to a file.
    OursWithTranscript,
    /// Our server in one of its models, with `-q` and room for thousands of connections.
    Model(Model),
    /// The same, as a calculator.
    Calculator(Model),
    /// One thread around epoll: about the least a TCP server can do.
    RawEpoll,
    /// A thread for each connection, or one for the UDP socket, with blocking calls.
    RawThreads,
    /// A loop around recvfrom and sendto: about the least a UDP server can do.
    RawDatagram,
    /// One thread around epoll, over UDP.
    RawDatagramEpoll,
    /// tokio, one task a connection, on one thread.
    BareTokio,
    /// memcached over UDP, one worker thread: a mature server in C.
    Memcached,
}

impl Contender {
    /// What the table calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours, quiet",
            Self::Model(model) | Self::Calculator(model) => model.name(),
            Self::OursWithTranscript => "ours, transcript",
            Self::RawEpoll | Self::RawDatagramEpoll => "raw epoll",
            Self::RawThreads => "raw threads",
            Self::RawDatagram => "raw recvfrom",
            Self::BareTokio => "bare tokio",
            Self::Memcached => "memcached",
        }
    }

    /// Why it cannot take part on this machine, if it cannot.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let here = self != Self::Memcached || on_path("memcached");
        (!here).then_some("memcached not installed (apt-get install memcached)")
    }

    /// The command that starts it over the transport, `tcp` or `udp`; with its port where that
    /// has to be fixed beforehand.
    pub(crate) fn command(self, transport: &str) -> io::Result<(Command, Option<u16>)> {
        let mut fixed_port = None;
        let command = match self {
            Self::Ours => ours(&["-q"], transport)?,
            Self::OursWithTranscript => ours(&[], transport)?,
            Self::Model(model) => {
                let options = ["-q", "--model", model.name(), "--max-clients", MAX_CLIENTS];
                ours(&options, transport)?
            }
            Self::Calculator(model) => calculator(model, transport)?,
            Self::RawEpoll => reference(references::EPOLL)?,
            Self::RawThreads => {
                let mut command = reference(references::THREADS)?;
                command.arg(transport);
                command
            }
            Self::RawDatagram => reference(references::DATAGRAM)?,
            Self::RawDatagramEpoll => reference(references::DATAGRAM_EPOLL)?,
            Self::BareTokio => reference(references::TOKIO)?,
            Self::Memcached => {
                let port = unused_udp_port()?;
                fixed_port = Some(port);
                let mut command = Command::new("memcached");
                command.args(["-u", "root", "-l", "127.0.0.1", "-t", "1", "-p", "0"]);
                command.args(["-U", &port.to_string()]);
                command
            }
        };
        Ok((command, fixed_port))
    }
}

fn ours(options: &[&str], transport: &str) -> io::Result<Command> {
    let mut command = server()?;
    command.args(options);
    command.args(["--number", "50", "--transport", transport, "127.0.0.1", "0"]);
    Ok(command)
}

fn calculator(model: Model, transport: &str) -> io::Result<Command> {
    let mut command = server()?;
    command.args(["-q", "--service", "calculator", "--model", model.name()]);
    command.args(["--transport", transport, "127.0.0.1", "0"]);
    Ok(command)
}

/// Our server, without any option yet.
pub(crate) fn server() -> io::Result<Command> {
    let built = option_env!("CARGO_BIN_EXE_server").map(PathBuf::from);
    let path = env::var_os("SOCKLAB_SERVER").map(PathBuf::from).or(built);
    let path = path.ok_or_else(|| io::Error::other("no server binary: set SOCKLAB_SERVER"))?;
    Ok(Command::new(path))
}

/// The references are this program itself, so that they are built with the same settings.
pub(crate) fn reference(kind: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args([REFERENCE, kind]);
    Ok(command)
}

/// memcached takes 0 for "off", so its port is chosen here: below the ephemeral range, where
/// neither a client's socket nor its TIME-WAIT can sit on it.
fn unused_udp_port() -> io::Result<u16> {
    let free = |port: &u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (21_000..22_000).find(free).ok_or_else(|| io::Error::other("no free port in 21000-21999"))
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
