//! What `client` accepts.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::cli::server::ServiceChoice;
use crate::cli::{self, Colour, FramingChoice};
use crate::client::ClientConfig;
use crate::peer::Transport;
use crate::protocol::datagram::{IcmpPolicy, RequesterConfig, Semantics};
use crate::protocol::parameters::MAX_MESSAGE;

/// Sends your name and a number to the server, and adds its number to yours.
///
/// Asks for the number if none is given; from a pipe it reads one number a line.
#[derive(Debug, Clone, Parser)]
#[command(name = "client", version, max_term_width = 80, after_help = AFTER_HELP)]
pub struct ClientArguments {
    /// The server's name or address
    #[arg(default_value = "127.0.0.1")]
    pub host: String,

    /// The server's port [default: 12000]
    pub port: Option<u16>,

    /// What carries the question
    #[arg(long, value_enum, default_value_t = TransportChoice::Tcp)]
    pub transport: TransportChoice,

    /// Ask with this number, without a prompt; repeatable. Outside 1..100 it stops the server
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub number: Vec<i64>,

    /// Your name
    #[arg(long, default_value = "Client of socklab")]
    pub name: String,

    /// How long to wait for one answer, connecting included; off waits as long as the transport
    #[arg(long, default_value = "10s", value_name = "DURATION|off",
        value_parser = cli::duration_or_off)]
    pub timeout: Limit,

    /// Print one JSON object for each request
    #[arg(long)]
    pub json: bool,

    /// What the server does
    #[arg(long, value_enum, default_value_t = ServiceChoice::Sum, help_heading = MORE)]
    pub service: ServiceChoice,

    /// Send exactly this text; repeatable
    #[arg(long, value_name = "TEXT", help_heading = MORE)]
    pub request: Vec<String>,

    /// Ask the server for the sum too, and check it
    #[arg(long, help_heading = MORE)]
    pub verify: bool,

    /// TCP: how bytes become messages; with raw nothing ends a request
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub framing: FramingChoice,

    /// Longest message, in bytes
    #[arg(long, default_value_t = MAX_MESSAGE, value_name = "BYTES",
        value_parser = cli::message_length, help_heading = MORE)]
    pub max_message: usize,

    /// Print also what came and was dropped
    #[arg(short, long, help_heading = MORE)]
    pub verbose: bool,

    /// Print only results and errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = MORE)]
    pub quiet: bool,

    /// When to use colour
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub color: Colour,

    /// What an answer, or none, lets you conclude
    #[arg(long, value_enum, default_value_t = SemanticsChoice::AtMostOnce, help_heading = UDP)]
    pub semantics: SemanticsChoice,

    /// Wait before the first repetition (times a random 1 to 1.5); doubles up to 8s
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = retransmission_timeout,
        help_heading = UDP)]
    pub retransmission_timeout: Duration,

    /// Repeat at most so often [default: until the deadline, 25s at most]
    #[arg(long, value_name = "N", help_heading = UDP)]
    pub retransmissions: Option<u8>,

    /// Believe the network at once when it says that nobody listens, or only the second time
    #[arg(long, value_enum, default_value_t = IcmpChoice::Trust, help_heading = UDP)]
    pub icmp: IcmpChoice,
}

/// A duration, or none.
type Limit = Option<Duration>;

const MORE: &str = "More options";
const UDP: &str = "Over UDP";
const AFTER_HELP: &str = "\
Exit codes:
  0 answered               5 broken off: the connection ended first
  1 local error            6 the server has shut down
  2 usage                  7 busy: the server has no room
  3 refused: nobody there  8 the answer was an error, or not the protocol
  4 timed out              9 outcome unknown    130 interrupted
Durations: 200ms, 10s, 5m.";

/// Over which transport, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TransportChoice {
    /// A connection
    Tcp,
    /// Datagrams
    Udp,
}

/// Which semantics, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SemanticsChoice {
    /// One bare datagram, one try
    Maybe,
    /// Repeat until answered; every copy may be executed
    AtLeastOnce,
    /// Repeat until answered; the server remembers and executes one copy
    AtMostOnce,
}

/// What to believe of refusals, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IcmpChoice {
    /// At once
    Trust,
    /// When a second attempt meets it too
    Vet,
}

pub(crate) fn retransmission_timeout(text: &str) -> Result<Duration, String> {
    let timeout = cli::duration(text)?;
    match timeout >= Duration::from_millis(1) {
        true => Ok(timeout),
        false => Err("must be 1ms at least".to_owned()),
    }
}

impl ClientArguments {
    /// Returns whether no question is on the command line.
    pub(super) fn asks_nobody(&self) -> bool {
        self.number.is_empty() && self.request.is_empty()
    }

    /// Returns the transport.
    pub fn transport(&self) -> Transport {
        match self.transport {
            TransportChoice::Tcp => Transport::Tcp,
            TransportChoice::Udp => Transport::Udp,
        }
    }

    /// Returns how the client shall behave.
    pub fn config(&self) -> ClientConfig {
        ClientConfig {
            transport: self.transport(),
            timeout: self.timeout,
            framing: self.framing.into(),
            max_message: self.max_message,
            datagram: RequesterConfig {
                semantics: self.semantics.into(),
                retransmission_timeout: self.retransmission_timeout,
                retransmissions: self.retransmissions,
                icmp: self.icmp.into(),
                max_message: self.max_message,
                ..RequesterConfig::default()
            },
        }
    }
}

impl From<IcmpChoice> for IcmpPolicy {
    fn from(choice: IcmpChoice) -> Self {
        match choice {
            IcmpChoice::Trust => IcmpPolicy::Trust,
            IcmpChoice::Vet => IcmpPolicy::Vet,
        }
    }
}

impl From<SemanticsChoice> for Semantics {
    fn from(choice: SemanticsChoice) -> Self {
        match choice {
            SemanticsChoice::Maybe => Semantics::Maybe,
            SemanticsChoice::AtLeastOnce => Semantics::AtLeastOnce,
            SemanticsChoice::AtMostOnce => Semantics::AtMostOnce,
        }
    }
}
