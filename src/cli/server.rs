//! The command line of `server`.

use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Parser, ValueEnum};
use color_eyre::eyre;
use rand::Rng;

use super::{Colour, Failure, FramingChoice, INTERRUPTED, PORT};
use crate::net::kernel::{Kernel, allow_connections};
use crate::peer::Transport;
use crate::protocol::datagram::{DatagramConfig, Secrets};
use crate::protocol::event::Detail;
use crate::protocol::parameters::{MAX_MESSAGE, MAX_WORK};
use crate::protocol::stream::StreamConfig;
use crate::server::transcript::Transcript;
use crate::server::{BindError, Format, MAX_CLIENTS, ServerConfig, Sockets, Stop, serve};
use crate::service::sum::{ServerNumber, SumService};
use crate::time::Clock;

/// Answers a name and a number with its own name and number, over TCP and over UDP.
///
/// A number outside 1..100 from this computer stops the server.
#[derive(Debug, Clone, Parser)]
#[command(name = "server", version, max_term_width = 80, after_help = AFTER_HELP)]
pub struct ServerArguments {
    /// Address to listen on; 0.0.0.0 or :: listens on all
    #[arg(default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on; 0 takes any free one [default: 12000]
    pub port: Option<u16>,

    /// What to listen on; both share the port number
    #[arg(long, value_enum, default_value_t = TransportChoice::Both)]
    pub transport: TransportChoice,

    /// The server's number, 1..100, or a random one for each request
    #[arg(long, default_value = "random", value_name = "N|random", value_parser = server_number)]
    pub number: NumberChoice,

    /// The server's name
    #[arg(long, default_value = "Server of socklab")]
    pub name: String,

    /// How long accepted requests may still be answered when the server stops
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = super::duration)]
    pub drain: Duration,

    /// Print only ready lines, warnings and errors
    #[arg(short, long)]
    pub quiet: bool,

    /// What the server does
    #[arg(long, value_enum, default_value_t = ServiceChoice::Sum, help_heading = MORE)]
    pub service: ServiceChoice,

    /// How it serves many at once
    #[arg(long, value_enum, default_value_t = Model::Tasks, help_heading = MORE)]
    pub model: Model,

    /// Draw the random numbers from this seed: the same ones each time
    #[arg(long, value_name = "SEED", help_heading = MORE)]
    pub seed: Option<u64>,

    /// TCP connections at once; further ones are told BUSY
    #[arg(long, default_value_t = MAX_CLIENTS, value_name = "N", help_heading = MORE)]
    pub max_clients: usize,

    /// How long a TCP connection may be silent
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = super::duration,
        help_heading = MORE)]
    pub idle_timeout: Duration,

    /// Hold each reply back for so long, 10s at most: the work it pretends to do
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = work,
        help_heading = MORE)]
    pub work: Duration,

    /// How TCP bytes become messages
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub framing: FramingChoice,

    /// Longest message, in bytes
    #[arg(long, default_value_t = MAX_MESSAGE, value_name = "BYTES",
        value_parser = super::message_length, help_heading = MORE)]
    pub max_message: usize,

    /// Obey an out-of-range number from another computer too
    #[arg(long, help_heading = MORE)]
    pub allow_remote_shutdown: bool,

    /// How the transcript is written; json is one object in a line
    #[arg(long, value_enum, default_value_t = LogFormat::Text, help_heading = MORE)]
    pub log_format: LogFormat,

    /// Print also what is dropped in silence
    #[arg(short, long, action = ArgAction::SetTrue, conflicts_with = "quiet", help_heading = MORE)]
    pub verbose: bool,

    /// When to use colour
    #[arg(long, value_enum, default_value_t, help_heading = MORE)]
    pub color: Colour,

    /// off: forget what was executed; over UDP a repeated request is executed again
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = BREAK)]
    pub duplicate_cache: Switch,

    /// off: over UDP, say nothing when the server stops
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = BREAK)]
    pub goodbye: Switch,

    /// Over UDP, believe every source address
    #[arg(long, help_heading = BREAK)]
    pub no_validate: bool,

    /// Over TCP, do not take a port over from connections in TIME-WAIT
    #[arg(long, help_heading = BREAK)]
    pub no_reuseaddr: bool,
}

const MORE: &str = "More options";
const BREAK: &str = "Break it on purpose";
const AFTER_HELP: &str = "\
Exit codes: 0 stopped as asked, 1 local error, 2 usage, 130 stopped at once.
Durations: 200ms, 10s, 5m.";

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
    fn transports(self) -> &'static [Transport] {
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
}

/// How it serves many at once, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// A task for each connection, all on one thread
    #[value(alias = "tokio")]
    Tasks,
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

fn server_number(text: &str) -> Result<NumberChoice, String> {
    match text.parse() {
        _ if text == "random" => Ok(NumberChoice::Random),
        Ok(number @ 1..=100) => Ok(NumberChoice::Fixed(number)),
        _ => Err("must be a number from 1 to 100, or random".to_owned()),
    }
}

pub(crate) fn work(text: &str) -> Result<Duration, String> {
    let work = super::duration(text)?;
    match work <= MAX_WORK {
        true => Ok(work),
        false => Err("must be 10s at most: a client repeats for 25 s only".to_owned()),
    }
}

impl ServerArguments {
    fn config(&self) -> ServerConfig {
        let detail = match (self.quiet, self.verbose) {
            (true, _) => Detail::Warnings,
            (_, true) => Detail::Everything,
            _ => Detail::Exchanges,
        };
        ServerConfig {
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
                detail,
            },
            max_clients: self.max_clients,
            drain: self.drain,
        }
    }

    fn service(&self, random: u64) -> SumService {
        let number = match self.number {
            NumberChoice::Fixed(number) => ServerNumber::Fixed(number),
            NumberChoice::Random => ServerNumber::seeded(self.seed.unwrap_or(random)),
        };
        SumService::new(self.name.clone(), number, self.allow_remote_shutdown)
    }

    fn format(&self) -> Format {
        match self.log_format {
            LogFormat::Json => Format::Json,
            LogFormat::Text => match anstream::AutoStream::choice(&io::stdout()) {
                anstream::ColorChoice::Never => Format::Text,
                _ => Format::ColourText,
            },
        }
    }
}

/// Runs `server` as typed.
pub fn main() -> ExitCode {
    let arguments = ServerArguments::parse();
    arguments.color.apply();
    super::run(run(arguments))
}

async fn run(arguments: ServerArguments) -> eyre::Result<u8> {
    if let Some(wrong) = super::wrong_name(&arguments.name) {
        return Err(wrong.into());
    }
    let address = super::resolve(&arguments.host, arguments.port, "server").await?[0];
    let transports = arguments.transport.transports();
    let sockets = Sockets::bind(&Kernel, address, transports, !arguments.no_reuseaddr)
        .map_err(|error| explain(&error))?;
    allow_connections(arguments.max_clients);

    let clock = Clock::start();
    let format = arguments.format();
    let transcript = Transcript::start(io::stdout(), format, arguments.quiet, clock);
    // Who has read that we are ready may stop us.
    let signals = Signals::new()?;
    for (transport, address) in sockets.addresses() {
        transcript.ready(transport, address);
    }
    let mut random = super::system_random()?;
    let mut key = [0; 16];
    random.fill_bytes(&mut key);
    let secrets = Secrets { key, epoch: random.next_u32() as u16 };
    let service = Box::new(arguments.service(random.next_u64()));
    let stop = Stop::default();
    let listening = Arc::new(transcript.clone());
    let config = arguments.config();
    let serving = serve(sockets, config, &secrets, service, clock, listening, stop.clone());
    let code = until_signals(signals, serving, &stop, &transcript).await?;
    transcript.finish();
    Ok(code)
}

async fn until_signals(
    mut signals: Signals,
    serving: impl Future<Output = ()>,
    stop: &Stop,
    transcript: &Transcript,
) -> io::Result<u8> {
    let mut serving = pin!(serving);
    let (mut stopping, mut interrupted) = (false, false);
    loop {
        tokio::select! {
            biased;
            () = &mut serving => break,
            // A peer asked for it: the warning has said so to people, this says it to programs.
            () = stop.stopped(), if !stopping => transcript.shutdown("out_of_range", ""),
            signal = signals.next() => match signal {
                Signal::Interrupt if interrupted => return Ok(INTERRUPTED),
                Signal::Interrupt => {
                    interrupted = true;
                    let again = if io::stdin().is_terminal() { " (again: at once)" } else { "" };
                    let sentence =
                        format!("Keyboard interrupt received: shutting down the server{again}");
                    transcript.shutdown("interrupt", &sentence);
                }
                Signal::Terminate if stopping => {}
                Signal::Terminate => {
                    let sentence = "Termination requested: shutting down the server";
                    transcript.shutdown("terminate", sentence);
                }
            },
        }
        stopping = true;
        stop.stop();
    }
    Ok(0)
}

enum Signal {
    Interrupt,
    Terminate,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        // Without a console there is nobody to interrupt us.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

fn explain(error: &BindError) -> Failure {
    let BindError { transport, address, source } = error;
    let port = address.port();
    let advice = match source.kind() {
        io::ErrorKind::AddrInUse => {
            let sockets = if *transport == Transport::Tcp { "-ltnp" } else { "-lunp" };
            format!(
                "Another program has this port (ss {sockets} 'sport = :{port}' shows it).\n\
                 Stop it, or take another port: server {} {}",
                address.ip(),
                port.checked_add(1).unwrap_or(PORT)
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("Ports below 1024 are the administrator's: try {PORT}")
        }
        io::ErrorKind::AddrNotAvailable => {
            "This computer has no such address: try 127.0.0.1, or 0.0.0.0 for all".to_owned()
        }
        _ => "Try: server 127.0.0.1 0".to_owned(),
    };
    Failure::local(error.to_string(), advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::parameters::{DRAIN, IDLE_TIMEOUT};

    #[test]
    fn the_defaults_that_help_shows_are_the_protocols() {
        let arguments = ServerArguments::parse_from(["server"]);
        assert_eq!((arguments.drain, arguments.idle_timeout), (DRAIN, IDLE_TIMEOUT));
    }
}
