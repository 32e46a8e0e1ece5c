//! What `client` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::cli::server::ServiceChoice;
use crate::cli::{self, Colour, Failure, FramingChoice};
use crate::client::ClientConfig;
use crate::peer::Transport;
use crate::protocol::datagram::{IcmpPolicy, RequesterConfig, Semantics};
use crate::protocol::parameters::{MAX_MESSAGE, WINDOW};

/// Asks a server, over TCP or over UDP, and shows what it answers.
///
/// Without --number or --request it asks you; from a pipe it reads one request a line.
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

    /// What the server does
    #[arg(long, value_enum, default_value_t = ServiceChoice::Sum)]
    pub service: ServiceChoice,

    /// Sum: ask with this number, without a prompt; repeatable. Outside 1..100 it stops the server
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub number: Vec<i64>,

    /// Send exactly this text, without a prompt; repeatable
    #[arg(long, value_name = "TEXT")]
    pub request: Vec<String>,

    /// How long to wait for one answer, connecting included; off waits as long as the transport
    #[arg(long, default_value = "10s", value_name = "DURATION|off",
        value_parser = cli::duration_or_off)]
    pub timeout: Limit,

    /// Print one JSON object for each request
    #[arg(long, help_heading = MORE)]
    pub json: bool,

    /// Ask the same so often, one after the other in one conversation, and sum up at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_COUNT),
        help_heading = MORE)]
    pub count: Option<u32>,

    /// With --count: from one question to the next, or until the answer if that takes longer
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = cli::duration,
        help_heading = MORE)]
    pub interval: Duration,

    /// Sum: your name
    #[arg(long, default_value = "Client of socklab", help_heading = MORE)]
    pub name: String,

    /// Sum: ask the server for the sum too, and check it
    #[arg(long, help_heading = MORE)]
    pub verify: bool,

    /// Chat: where a file goes that was asked for with get NAME
    #[arg(long, default_value = ".", value_name = "DIR", help_heading = MORE)]
    pub save: PathBuf,

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

    /// Chat: pieces of a file that are asked for at once, 1 to 64
    #[arg(long, default_value = "1", value_name = "N", value_parser = window, help_heading = UDP)]
    pub window: usize,

    /// Chat: after so long a silence, 15s at least, say that we are still there
    #[arg(long, default_value = "off", value_name = "DURATION|off", value_parser = keep_alive,
        help_heading = UDP)]
    pub keepalive: Limit,

    /// Believe the network at once when it says that nobody listens, or only the second time
    #[arg(long, value_enum, default_value_t = IcmpChoice::Trust, help_heading = UDP)]
    pub icmp: IcmpChoice,
}

/// As often as the same is asked at most: the time of each answer is kept, in 8 bytes.
const MAX_COUNT: i64 = 1_000_000;

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
In a chat: any text, status, status all, list, get NAME, exit.
Durations: 200ms, 10s, 5m.";

/// Below it, keeping a session alive costs more than it is worth: RFC 8085 section 3.5.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(15);

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

/// Returns a service as it is typed.
pub(super) fn service_name(service: ServiceChoice) -> &'static str {
    match service {
        ServiceChoice::Sum => "sum",
        ServiceChoice::Calculator => "calculator",
        ServiceChoice::Echo => "echo",
        ServiceChoice::Chat => "chat",
    }
}

pub(crate) fn retransmission_timeout(text: &str) -> Result<Duration, String> {
    let timeout = cli::duration(text)?;
    match timeout >= Duration::from_millis(1) {
        true => Ok(timeout),
        false => Err("must be 1ms at least".to_owned()),
    }
}

fn keep_alive(text: &str) -> Result<Limit, String> {
    match cli::duration_or_off(text)? {
        Some(silence) if silence < MIN_KEEP_ALIVE => Err("must be 15s at least, or off".to_owned()),
        silence => Ok(silence),
    }
}

fn window(text: &str) -> Result<usize, String> {
    let window = text.parse().ok().filter(|window| (1..=WINDOW).contains(window));
    window.ok_or_else(|| format!("must be from 1 to {WINDOW}"))
}

impl ClientArguments {
    /// Reads the command line of this program.
    ///
    /// # Errors
    /// If an option has no meaning beside the others.
    pub(super) fn read() -> Result<Self, Failure> {
        let matches = Self::command().get_matches();
        let arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        match arguments.misplaced(typed) {
            Some((what, advice)) => Err(Failure::usage(what, advice)),
            None => Ok(arguments),
        }
    }

    /// Returns what was typed in vain, and what to do.
    fn misplaced(&self, typed: impl Fn(&str) -> bool) -> Option<(&'static str, &'static str)> {
        let sum = self.service == ServiceChoice::Sum;
        let chat = self.service == ServiceChoice::Chat;
        let chat_over_udp = chat && self.transport == TransportChoice::Udp;
        let rules = [
            (
                typed("interval") && !typed("count"),
                "--interval is from one question to the next, and there is one",
                "Ask more often with: --count 5",
            ),
            (
                typed("count") && chat,
                "--count asks the same again, and a chat is no such thing",
                "Take --service echo, calculator or sum",
            ),
            (typed("number") && !sum, "--number is for sums", "Ask with: --request TEXT"),
            (typed("name") && !sum, "--name is for sums", "A chat gives you a name itself"),
            (typed("verify") && !sum, "--verify is for sums", "Leave it out"),
            (typed("save") && !chat, "--save is for files", "They are had with: --service chat"),
            (
                typed("window") && !chat_over_udp,
                "--window is for files over UDP",
                "They are had with: --service chat --transport udp",
            ),
            (
                typed("keepalive") && !chat_over_udp,
                "--keepalive is for a chat over UDP",
                "Nothing else has sessions of its own: leave it out",
            ),
            (
                chat_over_udp && self.semantics == SemanticsChoice::Maybe,
                "a chat has sessions, and a bare datagram belongs to none",
                "Take --semantics at-most-once, or another service",
            ),
        ];
        rules.into_iter().find(|(wrong, ..)| *wrong).map(|(_, what, advice)| (what, advice))
    }

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
                window: self.window,
                keep_alive: self.keepalive,
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
