//! What happens at a server, as far as reports need it.

use std::net::SocketAddr;

use crate::peer::Transport;
use crate::time::Timestamp;

/// Something that happened at the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A line of its log.
    Logged(ServerEvent),
    /// Its process ended, with this exit code; none if it was killed.
    Ended(Timestamp, Option<i32>),
}

/// One line of the server's log, as far as reports need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// When.
    pub at: Timestamp,
    /// What: the `event` of the JSON log.
    pub event: String,
    /// What the transcript says of it, without the peer; empty where only JSON was read.
    pub text: String,
    /// Of an execution: who asked, both numbers and the sum.
    pub executed: Option<Executed>,
    /// Of a late reader: what it found.
    pub read: Option<Read>,
    /// Of a measurement: what it found.
    pub measured: Option<Measured>,
    /// With whom, if with anybody. Boxed, as an attempt is: most events are small.
    pub peer: Option<Box<SocketAddr>>,
    /// Of a session that began or ended: what its client is called.
    pub guest: Option<String>,
    /// Of an attempt to start another server, or the same one again: what came of it.
    pub attempt: Option<Box<Attempt>>,
}

/// An attempt to start a server on a port that is in use, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Over which transport.
    pub transport: Transport,
    /// Connections in TIME-WAIT that kept the port just before, where that can be seen.
    pub time_wait: Option<usize>,
    /// How it failed; nothing if it listens.
    pub failed: Option<Failed>,
}

/// How a server ended that could not listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its exit code, if it was not killed.
    pub code: Option<i32>,
    /// What it said.
    pub text: String,
}

/// What a server holds at some moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// Sockets that its program holds, listening ones included.
    pub sockets: usize,
    /// Threads of its process, where it has one.
    pub threads: Option<usize>,
    /// Memory of its process that is resident, in bytes, where it has one.
    pub memory: Option<usize>,
}

/// What a reader found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Bytes, all together.
    pub bytes: usize,
    /// Calls that returned some.
    pub reads: usize,
}

impl ServerEvent {
    /// Something of which nothing more is known.
    pub fn new(at: Timestamp, event: &str, text: String) -> Self {
        ServerEvent {
            at,
            event: event.to_owned(),
            text,
            executed: None,
            read: None,
            measured: None,
            peer: None,
            guest: None,
            attempt: None,
        }
    }

    /// Returns what a ladder says of it, if anything: packets speak for what was received and sent.
    pub fn in_ladder(&self) -> Option<String> {
        match (&self.executed, self.event.as_str()) {
            (Some(Executed { client_number, server_number, sum, .. }), _) => {
                Some(format!("{client_number} + {server_number} = {sum}"))
            }
            (None, "received" | "sent" | "connected" | "disconnected" | "ready" | "measured") => {
                None
            }
            (None, _) => Some(self.text.clone()),
        }
    }
}

/// An execution, as the server logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Who asked.
    pub client_name: String,
    /// The client's number.
    pub client_number: i64,
    /// The server's number.
    pub server_number: i64,
    /// The sum as the server computed it.
    pub sum: i64,
}
