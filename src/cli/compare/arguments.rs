//! What `compare` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::remote::ServerName;
use super::wire::WireOptions;
use crate::cli::client::{IcmpChoice, SemanticsChoice};
use crate::cli::server::{SecondChoice, Switch};
use crate::cli::{self, Colour, FramingChoice};
use crate::peer::Transport;
use crate::protocol::datagram::RequesterConfig;
use crate::report::expect::Expectation;
use crate::scenario::Settings;
use crate::testbed::{ServerOptions, TcpProfile};

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

    /// Draw every packet with its fate, and what the programs did
    #[arg(long)]
    pub ladder: bool,

    /// The network: sim, simulated hosts in virtual time; kernel, Linux's own TCP and UDP on the
    /// same wire, in real time; loopback, this computer without a wire; sim,kernel puts two side by
    /// side
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [NetworkChoice::Sim],
        hide_possible_values = true, value_name = "NETWORK")]
    pub net: Vec<NetworkChoice>,

    /// Ask a server that somebody else has started, over whatever lies between, in place of our own
    #[arg(long, value_name = "HOST:PORT", value_parser = ServerName::parse, conflicts_with = "net")]
    pub server: Option<ServerName>,

    /// Draws all luck, and the server's random numbers: your student number?
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    pub seed: u64,

    /// Run with so many seeds, from SEED on, and show how the numbers are distributed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: Option<u32>,

    /// In place of the scenario's own deadline for each exchange; off: as long as the transport
    #[arg(long, value_name = "DURATION|off", value_parser = deadline)]
    pub timeout: Option<Deadline>,

    /// In place of the scenario's own number of exchanges
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub exchanges: Option<u16>,

    /// In place of the scenario's own number of clients, where all do the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub clients: Option<u16>,

    /// On the kernel network: TCP as RFC 6298 has it, or as Linux is
    #[arg(long, value_enum, default_value_t, value_name = "PROFILE")]
    pub tcp_profile: ProfileChoice,

    /// Print every number
    #[arg(long, help_heading = OUTPUT)]
    pub full: bool,

    /// table for people, json for programs, markdown for mails and pages
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = OUTPUT)]
    pub format: Format,

    /// Write a report that any browser shows, all in one file
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub html: Option<PathBuf>,

    /// Write the ladders and plots as pictures
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub svg: Option<PathBuf>,

    /// Write what each host sent and received, for Wireshark
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub pcap: Option<PathBuf>,

    /// Draw with ASCII characters only
    #[arg(long, help_heading = OUTPUT)]
    pub ascii: bool,

    /// Ask the question first, and wait for an answer
    #[arg(long, help_heading = OUTPUT)]
    pub predict: bool,

    /// Check a number of the report, such as udp.retransmissions==1; repeatable
    #[arg(long, value_name = "NAME==VALUE", value_parser = Expectation::parse, help_heading = MORE)]
    pub expect: Vec<Expectation>,

    /// Say which networks work here, and if not, why
    #[arg(long, help_heading = MORE)]
    pub doctor: bool,

    /// Measure what TCP and UDP do by themselves, beside what the RFCs say; takes ten seconds
    #[arg(long, help_heading = MORE, conflicts_with_all = ["scenario", "net", "server", "runs", "html",
        "svg", "pcap", "ladder", "predict", "expect", "list", "doctor"])]
    pub facts: bool,

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

    /// Where it serves one at a time: the second is refused, or waits where nobody tells it
    #[arg(long, value_enum, help_heading = SERVER)]
    pub second: Option<SecondChoice>,

    /// Over UDP, it believes every source address
    #[arg(long, help_heading = SERVER)]
    pub no_validate: bool,

    /// Over TCP, it does not take a port over from connections in TIME-WAIT
    #[arg(long, help_heading = SERVER)]
    pub no_reuseaddr: bool,

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

    /// What the wire does.
    #[command(flatten)]
    pub wire: WireOptions,
}

const MORE: &str = "More options";
const OUTPUT: &str = "Output";
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
    /// A table that mails and pages show
    Markdown,
}

/// Which network, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NetworkChoice {
    /// Simulated hosts and a wire, in virtual time
    Sim,
    /// Real sockets on this computer, without a wire
    Loopback,
    /// Linux's TCP and UDP on hosts of our own, with a wire
    Kernel,
}

/// How TCP is set up, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProfileChoice {
    /// As RFC 6298 has it: reno, no SACK, RACK, TLP or timestamps, RTO of a second at least
    Textbook,
    /// As Linux is
    #[default]
    Linux,
}

impl From<ProfileChoice> for TcpProfile {
    fn from(choice: ProfileChoice) -> Self {
        match choice {
            ProfileChoice::Textbook => TcpProfile::Textbook,
            ProfileChoice::Linux => TcpProfile::Linux,
        }
    }
}

/// A deadline, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Duration>);

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

/// The longest deadline: more than TCP ever waits for an answer to what it sent.
const LONGEST: Duration = Duration::from_secs(3600);

fn deadline(text: &str) -> Result<Deadline, String> {
    if text == "off" {
        return Ok(Deadline(None));
    }
    match cli::duration(text)? {
        Duration::ZERO => Err("must be longer than nothing".to_owned()),
        long if long > LONGEST => Err("must be an hour at most, or off".to_owned()),
        duration => Ok(Deadline(Some(duration))),
    }
}

impl CompareArguments {
    /// Returns what was chosen.
    pub fn settings(&self) -> Settings {
        Settings {
            timeout: self.timeout.map(|Deadline(deadline)| deadline),
            exchanges: self.exchanges.map(usize::from),
            clients: self.clients.map(usize::from),
            wire: self.wire.choices(),
            work: self.work,
            second: self.second.map(Into::into),
            profile: self.tcp_profile.into(),
            one_try: None,
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
                validate: !self.no_validate,
                reuse_address: !self.no_reuseaddr,
                framing: self.framing.into(),
                ..ServerOptions::default()
            },
        }
    }
}
