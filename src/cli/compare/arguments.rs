//! What `compare` accepts.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::cli::client::{IcmpChoice, SemanticsChoice};
use crate::cli::server::Switch;
use crate::cli::{self, Colour, FramingChoice};
use crate::peer::Transport;
use crate::protocol::datagram::RequesterConfig;
use crate::report::expect::Expectation;
use crate::scenario::{Scenario, Settings};
use crate::testbed::ServerOptions;

/// Asks one question of TCP and of UDP, and shows both answers side by side.
///
/// Without a scenario it asks three: what do sums cost, how long do timeouts take, who notices a
/// shutdown.
#[derive(Debug, Clone, Parser)]
#[command(name = "compare", version, max_term_width = 80, after_help = AFTER_HELP)]
pub struct CompareArguments {
    /// Which scenarios; all runs every one
    pub scenario: Vec<String>,

    /// Show the catalogue, each scenario with its question
    #[arg(long)]
    pub list: bool,

    /// Print every number
    #[arg(long)]
    pub full: bool,

    /// In place of the scenario's own deadline for each exchange
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub timeout: Option<Duration>,

    /// In place of the scenario's own number of exchanges
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub exchanges: Option<u16>,

    /// table for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Check a number of the report, such as udp.retransmissions==1; repeatable
    #[arg(long, value_name = "NAME==VALUE", value_parser = Expectation::parse, help_heading = MORE)]
    pub expect: Vec<Expectation>,

    /// The network; only loopback is part of this version
    #[arg(long, default_value = "loopback", value_name = "NETWORK", help_heading = MORE)]
    pub net: String,

    /// Draws the server's random numbers
    #[arg(long, default_value_t = 1, value_name = "SEED", help_heading = MORE)]
    pub seed: u64,

    /// Say which networks work here, and if not, why
    #[arg(long, help_heading = MORE)]
    pub doctor: bool,

    /// When to use colour
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub color: Colour,

    /// The server's number, 1..100, in place of random ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100),
        help_heading = SERVER)]
    pub number: Option<u8>,

    /// The server holds each reply back for so long
    #[arg(long, value_name = "DURATION", value_parser = cli::server::work, help_heading = SERVER)]
    pub work: Option<Duration>,

    /// How long a stopping server may still answer
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = cli::duration,
        help_heading = SERVER)]
    pub drain: Duration,

    /// How TCP bytes become messages, at both ends
    #[arg(long, value_enum, default_value_t, help_heading = SERVER)]
    pub framing: FramingChoice,

    /// off: over UDP, the server says nothing when it stops
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = SERVER)]
    pub goodbye: Switch,

    /// off: the server forgets what it executed
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = SERVER)]
    pub duplicate_cache: Switch,

    /// What an answer, or none, lets the client conclude
    #[arg(long, value_enum, default_value_t = SemanticsChoice::AtMostOnce, help_heading = UDP)]
    pub semantics: SemanticsChoice,

    /// Wait before the first repetition
    #[arg(long, default_value = "1s", value_name = "DURATION",
        value_parser = cli::client::retransmission_timeout, help_heading = UDP)]
    pub retransmission_timeout: Duration,

    /// Repeat at most so often
    #[arg(long, value_name = "N", help_heading = UDP)]
    pub retransmissions: Option<u8>,

    /// Believe the network at once when it says that nobody listens, or only the second time
    #[arg(long, value_enum, default_value_t = IcmpChoice::Trust, help_heading = UDP)]
    pub icmp: IcmpChoice,

    /// Runs a real server and a real client, and shows what both print
    #[arg(long, value_name = "TRANSPORT", hide = true)]
    pub demo: Option<Demo>,

    #[command(flatten)]
    wire: WireOptions,
}

/// Options of a wire, which loopback does not have: known, so that they are refused by name.
#[derive(Debug, Clone, clap::Args)]
struct WireOptions {
    #[arg(long, hide = true)]
    loss: Vec<String>,
    #[arg(long, hide = true)]
    delay: Vec<String>,
    #[arg(long, hide = true)]
    jitter: Vec<String>,
    #[arg(long, hide = true)]
    duplicate: Vec<String>,
    #[arg(long, hide = true)]
    reorder: Vec<String>,
    #[arg(long, hide = true)]
    rate: Vec<String>,
    #[arg(long, hide = true)]
    queue: Vec<String>,
    #[arg(long, hide = true)]
    drop: Vec<String>,
    #[arg(long, hide = true)]
    dup: Vec<String>,
    #[arg(long, hide = true)]
    hold: Vec<String>,
}

const MORE: &str = "More options";
const SERVER: &str = "The server";
const UDP: &str = "The client over UDP";
const AFTER_HELP: &str = "\
Exit codes: 0 the experiment ran, whatever the transports met; 1 local error;
2 usage; 10 an expectation was not met; 11 it cannot be shown here; 130 interrupted.";

/// How the report is written, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// 80 columns
    Table,
    /// One object, or an array for several scenarios
    Json,
}

/// Which demonstration, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Demo {
    /// Over TCP
    Tcp,
    /// Over UDP
    Udp,
}

impl From<Demo> for Transport {
    fn from(demo: Demo) -> Self {
        match demo {
            Demo::Tcp => Transport::Tcp,
            Demo::Udp => Transport::Udp,
        }
    }
}

fn positive(text: &str) -> Result<Duration, String> {
    match cli::duration(text)? {
        Duration::ZERO => Err("must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}

impl CompareArguments {
    /// Returns what was chosen.
    pub fn settings(&self) -> Settings {
        Settings {
            timeout: self.timeout,
            exchanges: self.exchanges.map(usize::from),
            work: self.work,
            datagram: RequesterConfig {
                semantics: self.semantics.into(),
                retransmission_timeout: self.retransmission_timeout,
                retransmissions: self.retransmissions,
                icmp: self.icmp.into(),
                ..RequesterConfig::default()
            },
            server: ServerOptions {
                seed: self.seed,
                number: self.number,
                work: self.work.unwrap_or_default(),
                drain: self.drain,
                duplicate_cache: self.duplicate_cache == Switch::On,
                goodbye: self.goodbye == Switch::On,
                framing: self.framing.into(),
            },
        }
    }

    /// Returns the first option that needs a wire, if one was given.
    pub(super) fn wire_option(&self) -> Option<&'static str> {
        let wire = &self.wire;
        let options = [
            ("--loss", &wire.loss),
            ("--delay", &wire.delay),
            ("--jitter", &wire.jitter),
            ("--duplicate", &wire.duplicate),
            ("--reorder", &wire.reorder),
            ("--rate", &wire.rate),
            ("--queue", &wire.queue),
            ("--drop", &wire.drop),
            ("--dup", &wire.dup),
            ("--hold", &wire.hold),
        ];
        options.into_iter().find(|(_, given)| !given.is_empty()).map(|(name, _)| name)
    }

    /// Returns the command that runs this scenario again with the same choices.
    pub(super) fn reproduce(&self, scenario: &Scenario) -> String {
        let defaults = CompareArguments::parse_from(["compare"]);
        let mut command =
            format!("compare {} --net {} --seed {}", scenario.name, self.net, self.seed);
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                command.push_str(&format!(" --{name} {value}"));
            }
        };
        let time = |duration: Duration| humantime::format_duration(duration).to_string();
        let typed = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned())
        };
        option("timeout", self.timeout.map(time));
        option("exchanges", self.exchanges.map(|count| count.to_string()));
        option("number", self.number.map(|number| number.to_string()));
        option("work", self.work.map(time));
        option("drain", (self.drain != defaults.drain).then(|| time(self.drain)));
        if self.framing != defaults.framing {
            option("framing", typed(self.framing.to_possible_value()));
        }
        if self.goodbye != defaults.goodbye {
            option("goodbye", typed(self.goodbye.to_possible_value()));
        }
        if self.duplicate_cache != defaults.duplicate_cache {
            option("duplicate-cache", typed(self.duplicate_cache.to_possible_value()));
        }
        if self.semantics != defaults.semantics {
            option("semantics", typed(self.semantics.to_possible_value()));
        }
        if self.retransmission_timeout != defaults.retransmission_timeout {
            option("retransmission-timeout", Some(time(self.retransmission_timeout)));
        }
        option("retransmissions", self.retransmissions.map(|count| count.to_string()));
        if self.icmp != defaults.icmp {
            option("icmp", typed(self.icmp.to_possible_value()));
        }
        command
    }
}
