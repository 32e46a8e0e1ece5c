//! What was recorded while a scenario ran. Everything a report says is computed from this.

use std::time::Duration;

use super::facts::StackFacts;
use super::{Column, Network, Scenario, Settings};
use crate::peer::Transport;
use crate::protocol::datagram::RequesterConfig;
use crate::protocol::framing::Framing;
use crate::protocol::{Closing, Ending};
use crate::service::ServiceKind;
use crate::testbed::{Action, HostReport, ServerEvent, Stack};
use crate::time::Timestamp;
use crate::trace::Trace;
use crate::wire::WireConfig;

/// A scenario that has been run, once for each of its columns.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What was run.
    pub scenario: Scenario,
    /// With which choices.
    pub settings: Settings,
    /// On which network.
    pub network: Network,
    /// Whose TCP and UDP.
    pub stack: Stack,
    /// What that stack was found to do by itself, where it was asked.
    pub measured: Option<Result<StackFacts, String>>,
    /// What came of it.
    pub runs: Vec<Run>,
}

impl Comparison {
    /// Returns the first column over `transport`.
    pub fn over(&self, transport: Transport) -> Option<&Run> {
        self.runs.iter().find(|run| run.column.transport == transport)
    }

    /// Returns the column with this key.
    pub fn column(&self, key: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.column.key == key)
    }
}

/// One column of a scenario, carried out.
#[derive(Debug, Clone)]
pub struct Run {
    /// Which.
    pub column: Column,
    /// What the server did.
    pub service: ServiceKind,
    /// Over UDP: how the client treats datagrams.
    pub datagram: RequesterConfig,
    /// Over UDP: whether the server knows a copy when it meets one.
    pub remembers: bool,
    /// Over UDP: whether the server asks for a proof of address where obeying might do harm.
    pub validates: bool,
    /// The clients, in the order of the script.
    pub clients: Vec<ClientLog>,
    /// The server, all its lives.
    pub server: ServerLog,
    /// How TCP bytes became messages.
    pub framing: Framing,
    /// When an exchange was given up, from asking, if ever.
    pub deadline: Option<Duration>,
    /// When the script was over.
    pub ended: Timestamp,
    /// What the wire did, where there is one.
    pub wire: Option<WireConfig>,
    /// Every packet and what the programs did, where packets can be seen.
    pub trace: Option<Trace>,
    /// What the hosts' kernels said of themselves, where they are ours to ask.
    pub host: Option<HostReport>,
}

/// What a client went through.
#[derive(Debug, Clone, Default)]
pub struct ClientLog {
    /// Its exchanges, in the order of asking.
    pub exchanges: Vec<ExchangeLog>,
    /// Conversations that it opened; over TCP, handshakes.
    pub opened: usize,
    /// How long each of them took to open: over TCP its handshake.
    pub opening: Vec<Duration>,
    /// When it said goodbye, or its program was killed.
    pub left: Option<Timestamp>,
    /// When it learned that the server had left, without asking, and how.
    pub learned: Option<(Timestamp, Closing)>,
    /// Requests that left once more with the server's cookie: over UDP a round trip each.
    pub proofs: usize,
    /// Datagrams that answered nothing and were dropped.
    pub unexpected: usize,
    /// When it said that it would ask no more.
    pub half_closed: Option<Timestamp>,
    /// Numbers that the system refused to send, and what it said.
    pub not_sent: Vec<(i64, String)>,
    /// If it only sent: how much the transport took.
    pub pushed: Option<Pushed>,
    /// Sessions that it asked for, and what it was called in them or why it got none.
    pub sessions: Vec<SessionLog>,
    /// Files that it asked for.
    pub fetched: Vec<FetchLog>,
    /// What it did, in words, for the ladder.
    pub notes: Vec<(Timestamp, String)>,
}

/// One attempt to open a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLog {
    /// When it decided to.
    pub asked: Timestamp,
    /// When it was answered, or given up.
    pub ended: Timestamp,
    /// Over UDP: HELLOs that left, copies included.
    pub sent: usize,
    /// Of these, copies sent because no answer came.
    pub retransmissions: usize,
    /// The name that it was given, or how it ended without one.
    pub result: Result<String, Ending>,
}

/// One file that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchLog {
    /// When.
    pub asked: Timestamp,
    /// When it was there, or given up.
    pub ended: Timestamp,
    /// Bytes that came.
    pub bytes: u64,
    /// Whether their SHA-256 is the one that was announced; nothing if it never came to that.
    pub intact: Option<bool>,
    /// Exchanges that it took.
    pub exchanges: usize,
    /// Over UDP: requests that were sent again.
    pub retransmissions: usize,
    /// How the last exchange ended, if not with a reply.
    pub failed: Option<Ending>,
}

/// What a transport took from a client that only sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Bytes.
    pub bytes: usize,
    /// How long the client had to wait until it was taken.
    pub held_up: Duration,
}

/// One exchange, seen by its client.
#[derive(Debug, Clone)]
pub struct ExchangeLog {
    /// What the client sent; 0 if it was no number.
    pub number: i64,
    /// What the client sent, if it was no number.
    pub text: Option<String>,
    /// When it decided to ask.
    pub asked: Timestamp,
    /// When the request left, each time.
    pub sent: Vec<Timestamp>,
    /// When it was over.
    pub ended: Timestamp,
    /// How it ended.
    pub ending: Ending,
    /// Of the copies, those sent because no answer came.
    pub retransmissions: u8,
    /// Nothing ended it: it was without a deadline, and we stopped looking.
    pub still_waiting: bool,
}

impl ExchangeLog {
    /// Returns how long it took from the decision to ask.
    pub fn elapsed(&self) -> Duration {
        self.ended.since(self.asked)
    }

    /// Returns whether the request was answered.
    pub fn is_replied(&self) -> bool {
        matches!(self.ending, Ending::Replied(_))
    }
}

/// What the server's own log says, and how its process ended.
#[derive(Debug, Clone, Default)]
pub struct ServerLog {
    /// Whether nobody tells us: then it is not known what happened, and nothing here means nothing.
    pub unseen: bool,
    /// What happened, in the order of its log.
    pub events: Vec<ServerEvent>,
    /// What was done to it, and when.
    pub acted: Vec<(Timestamp, Action)>,
    /// When its first life ended, and with which exit code (none if it was killed).
    pub ended: Option<(Timestamp, Option<i32>)>,
}
