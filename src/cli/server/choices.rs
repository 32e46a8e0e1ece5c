//! What can be chosen on the server's command line.

use clap::ValueEnum;

use crate::peer::Transport;
use crate::server::{Model, Second};

/// Which transports to serve, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TransportChoice {
    /// TCP only
    Tcp,
    /// UDP only
    Udp,
    /// Both, on the same port number
    Both,
}

impl TransportChoice {
    pub(super) fn transports(self) -> &'static [Transport] {
        match self {
            TransportChoice::Tcp => &[Transport::Tcp],
            TransportChoice::Udp => &[Transport::Udp],
            TransportChoice::Both => &[Transport::Tcp, Transport::Udp],
        }
    }
}

/// What the server does, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServiceChoice {
    /// A number is answered with a number; both ends compute the sum
    Sum,
    /// An expression is answered with its value
    Calculator,
    /// A text is answered with itself
    Echo,
    /// A text is acknowledged; the server knows its clients, and may have files
    Chat,
}

/// How it serves many at once, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelChoice {
    /// One TCP client at a time
    Serial,
    /// A thread for each TCP client
    Threads,
    /// One thread that asks the system which sockets are ready
    #[value(alias = "select")]
    Poll,
    /// A task for each TCP client, all on one thread
    #[value(alias = "tokio")]
    Tasks,
}

impl From<ModelChoice> for Model {
    fn from(choice: ModelChoice) -> Self {
        match choice {
            ModelChoice::Serial => Model::Serial,
            ModelChoice::Threads => Model::Threads,
            ModelChoice::Poll => Model::Poll,
            ModelChoice::Tasks => Model::Tasks,
        }
    }
}

/// What becomes of a second client of a server that serves one at a time, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecondChoice {
    /// It is told BUSY
    Refuse,
    /// It waits in the system's queue
    Queue,
}

impl From<SecondChoice> for Second {
    fn from(choice: SecondChoice) -> Self {
        match choice {
            SecondChoice::Refuse => Second::Refuse,
            SecondChoice::Queue => Second::Queue,
        }
    }
}

/// How the transcript is written, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// JSON Lines
    Json,
}

/// Something that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// As it should be
    On,
    /// Broken on purpose
    Off,
}

/// The server's number, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberChoice {
    /// One draw for each request.
    Random,
    /// Always this.
    Fixed(u8),
}

impl NumberChoice {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "random" => Ok(NumberChoice::Random),
            Ok(number @ 1..=100) => Ok(NumberChoice::Fixed(number)),
            _ => Err("must be a number from 1 to 100, or random".to_owned()),
        }
    }
}
