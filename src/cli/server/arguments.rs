//! What `server` accepts.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};

use super::choices::{
    LogFormat, ModelChoice, NumberChoice, SecondChoice, ServiceChoice, Switch, TransportChoice,
};
use crate::cli::{self, Colour, Failure, FramingChoice};
use crate::protocol::datagram::DatagramConfig;
use crate::protocol::event::Detail;
use crate::protocol::parameters::{MAX_MESSAGE, MAX_WORK};
use crate::protocol::stream::StreamConfig;
use crate::server::{Format, MAX_CLIENTS, ServerConfig};
use crate::service::chat::MAX_GUESTS;

/// Answers what clients ask, over TCP and over UDP.
///
/// The services:
///   sum         a name and a number are answered with a name and a number;
///               a number outside 1..100 from this computer stops the server
///   calculator  2 * (3 + 4) is answered with 14; + - * / % and brackets
///   echo        whatever is said is said again
///   chat        names its clients Client01, Client02, ..., acknowledges what
///               they say; status, status all, list, get NAME, exit
#[derive(Debug, Clone, Parser)]
#[command(name = "server", version, max_term_width = 80, after_help = AFTER_HELP,
    verbatim_doc_comment)]
pub struct ServerArguments {
    /// Address to listen on; 0.0.0.0 or :: listens on all
    #[arg(default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on; 0 takes any free one [default: 12000]
    pub port: Option<u16>,

    /// What the server does
    #[arg(long, value_enum, default_value_t = ServiceChoice::Sum)]
    pub service: ServiceChoice,

    /// What to listen on; both share the port number
    #[arg(long, value_enum, default_value_t = TransportChoice::Both)]
    pub transport: TransportChoice,

    /// How it serves many at once
    #[arg(long, value_enum, default_value_t = ModelChoice::Tasks)]
    pub model: ModelChoice,

    /// sum: the server's number, 1..100, or a random one for each request [default: random]
    #[arg(long, value_name = "N|random", value_parser = NumberChoice::parse)]
    pub number: Option<NumberChoice>,

    /// sum: the server's name [default: Server of socklab]
    #[arg(long)]
    pub name: Option<String>,

    /// sum: draw the random numbers from this seed: the same ones each time
    #[arg(long, value_name = "SEED", help_heading = MORE)]
    pub seed: Option<u64>,

    /// sum: obey an out-of-range number from another computer too
    #[arg(long, help_heading = MORE)]
    pub allow_remote_shutdown: bool,

    /// chat: the folder whose files `list` and `get` reach
    #[arg(long, value_name = "DIR", help_heading = MORE)]
    pub files: Option<PathBuf>,

    /// Clients at once; further ones are told BUSY. chat: sessions, over TCP and UDP together;
    /// else TCP connections [default: chat 3, else 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..),
        help_heading = MORE)]
    pub max_clients: Option<u32>,

    /// How long a TCP connection, or a chat session, may be silent
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = cli::duration,
        help_heading = MORE)]
    pub idle_timeout: Duration,

    /// How long accepted requests may still be answered when the server stops
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = cli::duration,
        help_heading = MORE)]
    pub drain: Duration,

    /// Hold each reply back for so long, 10s at most: the work it pretends to do
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = work,
        help_heading = MORE)]
    pub work: Duration,

    /// How TCP bytes become messages
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub framing: FramingChoice,

    /// Longest message, in bytes
    #[arg(long, default_value_t = MAX_MESSAGE, value_name = "BYTES",
        value_parser = cli::taken_length, help_heading = MORE)]
    pub max_message: usize,

    /// How the transcript is written; json is one object in a line
    #[arg(long, value_enum, default_value_t = LogFormat::Text, help_heading = MORE)]
    pub log_format: LogFormat,

    /// Print only ready lines, warnings and errors
    #[arg(short, long, help_heading = MORE)]
    pub quiet: bool,

    /// Print also what is dropped in silence
    #[arg(short, long, action = ArgAction::SetTrue, conflicts_with = "quiet", help_heading = MORE)]
    pub verbose: bool,

    /// When to use colour
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub color: Colour,

    /// serial: the second TCP client is refused, or waits where nobody tells it [default: refuse]
    #[arg(long, value_enum, help_heading = BREAK)]
    pub second: Option<SecondChoice>,

    /// off: forget what was executed; over UDP a repeated request is executed again
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = BREAK)]
    pub duplicate_cache: Switch,

    /// off: over UDP, say nothing when the server stops
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = BREAK)]
    pub goodbye: Switch,

    /// Over UDP, believe every source address
    #[arg(long, help_heading = BREAK)]
    pub no_validate: bool,

    /// Block the thread that serves a request for so long, 10s at most: who shares it waits
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = work,
        help_heading = BREAK)]
    pub block: Duration,

    /// Over TCP, do not take a port over from connections in TIME-WAIT
    #[arg(long, help_heading = BREAK)]
    pub no_reuseaddr: bool,
}

const MORE: &str = "More options";
const BREAK: &str = "Break it on purpose";
const AFTER_HELP: &str = "\
Exit codes: 0 stopped as asked, 1 local error, 2 usage, 130 stopped at once.
Durations: 200ms, 10s, 5m.";

impl ServerArguments {
    /// Returns what was typed for another service, or another model, than the chosen one: it would
    /// have no effect, and whoever typed it expects one.
    pub(super) fn misplaced(&self) -> Option<Failure> {
        let sum = self.service == ServiceChoice::Sum;
        let chat = self.service == ServiceChoice::Chat;
        let serial = self.model == ModelChoice::Serial;
        let (option, _, place) = [
            ("--number", !sum && self.number.is_some(), "--service sum"),
            ("--name", !sum && self.name.is_some(), "--service sum"),
            ("--seed", !sum && self.seed.is_some(), "--service sum"),
            ("--allow-remote-shutdown", !sum && self.allow_remote_shutdown, "--service sum"),
            ("--files", !chat && self.files.is_some(), "--service chat"),
            ("--second", !serial && self.second.is_some(), "--model serial"),
        ]
        .into_iter()
        .find(|(_, misplaced, _)| *misplaced)?;
        let what = format!("{option} has no effect without {place}");
        Some(Failure::usage(what, format!("Leave it out, or choose {place}")))
    }

    /// Returns how many sessions a chat has at once.
    pub(super) fn max_guests(&self) -> usize {
        self.max_clients.map_or(MAX_GUESTS, |clients| clients as usize)
    }

    /// Returns how many connections are served at once. A chat turns away whom it has no room for;
    /// it must have been connected to hear that.
    fn max_connections(&self) -> usize {
        match (self.service, self.max_clients) {
            (ServiceChoice::Chat, _) => MAX_CLIENTS.max(self.max_guests()),
            (_, clients) => clients.map_or(MAX_CLIENTS, |clients| clients as usize),
        }
    }

    pub(super) fn config(&self) -> ServerConfig {
        let detail = match (self.quiet, self.verbose) {
            (true, _) => Detail::Warnings,
            (_, true) => Detail::Everything,
            _ => Detail::Exchanges,
        };
        ServerConfig {
            model: self.model.into(),
            second: self.second.unwrap_or(SecondChoice::Refuse).into(),
            stream: StreamConfig {
                framing: self.framing.into(),
                max_message: self.max_message,
                idle_timeout: self.idle_timeout,
                work: self.work,
                detail,
            },
            datagram: DatagramConfig {
                max_message: self.max_message,
                work: self.work,
                duplicate_cache: self.duplicate_cache == Switch::On,
                goodbye: self.goodbye == Switch::On,
                validate: !self.no_validate,
                idle_timeout: self.idle_timeout,
                detail,
            },
            max_clients: self.max_connections(),
            drain: self.drain,
            block: self.block,
        }
    }

    pub(super) fn format(&self) -> Format {
        match self.log_format {
            LogFormat::Json => Format::Json,
            LogFormat::Text => match anstream::AutoStream::choice(&io::stdout()) {
                anstream::ColorChoice::Never => Format::Text,
                _ => Format::ColourText,
            },
        }
    }
}

pub(crate) fn work(text: &str) -> Result<Duration, String> {
    let work = cli::duration(text)?;
    match work <= MAX_WORK {
        true => Ok(work),
        false => Err("must be 10s at most: a client repeats for 25 s only".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::parameters::{DRAIN, IDLE_TIMEOUT};

    fn parse(options: &[&str]) -> ServerArguments {
        ServerArguments::parse_from([&["server"], options].concat())
    }

    #[test]
    fn the_defaults_that_help_shows_are_the_protocols() {
        let arguments = parse(&[]);
        assert_eq!((arguments.drain, arguments.idle_timeout), (DRAIN, IDLE_TIMEOUT));
    }

    #[test]
    fn a_chat_counts_sessions_and_the_others_connections() {
        let limits = |options: &[&str]| {
            let arguments = parse(options);
            (arguments.max_guests(), arguments.config().max_clients)
        };
        assert_eq!(limits(&["--service", "chat"]), (3, 1024));
        assert_eq!(limits(&["--service", "chat", "--max-clients", "5"]), (5, 1024));
        assert_eq!(limits(&["--service", "chat", "--max-clients", "5000"]), (5000, 5000));
        assert_eq!(limits(&["--max-clients", "5"]).1, 5);
        assert_eq!(limits(&[]).1, 1024);
    }

    #[test]
    fn the_models_answer_to_their_other_names() {
        assert_eq!(parse(&["--model", "select"]).model, ModelChoice::Poll);
        assert_eq!(parse(&["--model", "tokio"]).model, ModelChoice::Tasks);
    }

    #[test]
    fn an_option_without_effect_is_refused_with_the_word_that_is_missing() {
        for (options, expected) in [
            (&["--service", "chat", "--number", "50"][..], "--service sum"),
            (&["--service", "echo", "--name", "Ada"], "--service sum"),
            (&["--service", "calculator", "--seed", "1"], "--service sum"),
            (&["--service", "echo", "--allow-remote-shutdown"], "--service sum"),
            (&["--files", "."], "--service chat"),
            (&["--second", "queue"], "--model serial"),
        ] {
            let failure = parse(options).misplaced().expect("a failure");
            assert_eq!(failure.advice, format!("Leave it out, or choose {expected}"));
        }
        for options in [
            &["--number", "50", "--name", "Ada", "--seed", "1"][..],
            &["--service", "chat", "--files", ".", "--model", "serial", "--second", "queue"],
        ] {
            assert!(parse(options).misplaced().is_none(), "{options:?}");
        }
    }
}
