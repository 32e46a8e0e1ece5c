//! What is asked of both transports: scenarios, each with a question, and how one is run.
//!
//! A scenario is data: who starts when, what each client does, what happens to the server, and which
//! rows of the report answer the question. [`library`] holds them all; [`run`] carries one out on
//! any testbed.

mod explain;
pub mod library;
pub mod log;
pub mod metrics;
pub mod rows;
pub mod run;

use std::time::Duration;

use crate::peer::Transport;
use crate::protocol::datagram::RequesterConfig;
use crate::testbed::{Action, Listener, ServerOptions};
use log::{Comparison, Run};

/// An experiment with a question.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its id on the command line; variants are `NAME.VARIANT`.
    pub name: &'static str,
    /// What the class is asked before it runs.
    pub question: &'static str,
    /// What is compared.
    pub columns: &'static [Column],
    /// One deadline for each exchange, unless the user says otherwise.
    pub timeout: Duration,
    /// How many exchanges each asking client makes, unless the user says otherwise.
    pub exchanges: usize,
    /// What happens.
    pub script: Script,
    /// What the report shows, besides the outcome.
    pub rows: &'static [Row],
    /// Says what happened, who did the work, what it cost and what it means.
    pub explain: fn(&Comparison) -> String,
}

/// One column of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in JSON and in expectations.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What carries the messages.
    pub transport: Transport,
    /// Whether each exchange has a conversation of its own.
    pub anew: bool,
}

/// Over TCP, one conversation for each client.
pub const TCP: Column = Column { key: "tcp", title: "TCP", transport: Transport::Tcp, anew: false };

/// Over UDP, one conversation for each client.
pub const UDP: Column = Column { key: "udp", title: "UDP", transport: Transport::Udp, anew: false };

/// Over TCP, a new connection for each exchange.
pub const TCP_EACH: Column =
    Column { key: "tcp_each", title: "TCP, each anew", transport: Transport::Tcp, anew: true };

/// What happens in a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// What listens.
    pub server: Listener,
    /// The server holds each reply back for so long.
    pub work: Duration,
    /// The server says BYE when it stops.
    pub goodbye: bool,
    /// Who asks. Their names are A, B, C, ...
    pub clients: &'static [&'static [Step]],
    /// What is done to the server, and when.
    pub acts: &'static [(When, Action)],
    /// Whether the script ends only with the server.
    pub server_ends: bool,
}

/// What a client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Waits until a condition holds.
    Await(When),
    /// Connects; over UDP opens a socket.
    Open,
    /// Asks with this number, as often as the scenario has exchanges, in the open conversation.
    Ask(i64),
    /// Asks once with this number.
    AskOnce(i64),
    /// Asks the last question again, in a new conversation, if it got no answer.
    AskAgainIfLost,
    /// Listens without asking until the server leaves, or until the condition holds.
    Watch(When),
    /// Makes a condition true.
    Mark(&'static str),
}

/// A condition of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Somebody has marked this.
    Marked(&'static str),
    /// So many requests have left the clients.
    Sent(usize),
    /// So many requests have been executed.
    Executed(usize),
    /// The server has ended, once at least.
    ServerEnded,
    /// So many of the script's acts have been done.
    Acted(usize),
}

/// One row of the report.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it says.
    pub label: &'static str,
    /// What stands in a column.
    pub cell: fn(&Run) -> String,
}

/// What the user chose for a comparison.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In place of the scenario's own deadline.
    pub timeout: Option<Duration>,
    /// In place of the scenario's own number.
    pub exchanges: Option<usize>,
    /// How the clients treat datagrams.
    pub datagram: RequesterConfig,
    /// In place of the scenario's own.
    pub work: Option<Duration>,
    /// How the server is set up; the scenario's script may add work, and take the goodbye away.
    pub server: ServerOptions,
}

impl Scenario {
    /// Returns the name without the variant.
    pub fn family(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}
