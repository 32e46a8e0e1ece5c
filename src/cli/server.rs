//! The command line of `server`.

mod arguments;
mod choices;
mod signals;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use color_eyre::eyre;
use rand::Rng;

pub use arguments::ServerArguments;
pub(crate) use arguments::work;
use choices::NumberChoice;
pub use choices::{SecondChoice, ServiceChoice, Switch};
use signals::{Signals, until_signals};

use super::{Failure, PORT};
use crate::net::kernel::{Kernel, allow_connections};
use crate::peer::Transport;
use crate::protocol::datagram::Secrets;
use crate::server::transcript::Transcript;
use crate::server::{BindError, Folder, ServerConfig, Sockets, Stop, serve_kernel};
use crate::service::Service;
use crate::service::calculator::CalculatorService;
use crate::service::chat::ChatService;
use crate::service::echo::EchoService;
use crate::service::files::Repository;
use crate::service::sum::{ServerNumber, SumService};
use crate::time::{Calendar, Clock};

/// What the server calls itself, unless told otherwise.
const NAME: &str = "Server of socklab";

/// Runs `server` as typed.
pub fn main() -> ExitCode {
    let arguments = ServerArguments::parse();
    arguments.color.apply();
    super::run(run(arguments))
}

async fn run(arguments: ServerArguments) -> eyre::Result<u8> {
    if let Some(misplaced) = arguments.misplaced() {
        return Err(misplaced.into());
    }
    let clock = Clock::start();
    let mut random = super::system_random()?;
    let service = service(&arguments, clock, random.next_u64())?;
    let address = super::resolve(&arguments.host, arguments.port, "server").await?[0];
    let transports = arguments.transport.transports();
    let sockets = Sockets::bind(&Kernel, address, transports, !arguments.no_reuseaddr)
        .map_err(|error| explain(&error))?;
    let config = arguments.config();
    allow_connections(config.max_clients);

    let transcript = Transcript::start(io::stdout(), arguments.format(), arguments.quiet, clock);
    // Who has read that we are ready may stop us.
    let signals = Signals::new()?;
    for (transport, address) in sockets.addresses() {
        transcript.ready(transport, address);
    }
    let mut key = [0; 16];
    random.fill_bytes(&mut key);
    let secrets = Secrets { key, epoch: random.next_u32() as u16 };
    let stop = Stop::default();
    let serving = serve_as_chosen(sockets, config, &secrets, service, clock, &transcript, &stop);
    let code = until_signals(signals, serving, &stop, &transcript).await?;
    transcript.finish();
    Ok(code)
}

async fn serve_as_chosen(
    sockets: Sockets<Kernel>,
    config: ServerConfig,
    secrets: &Secrets,
    service: Box<dyn Service>,
    clock: Clock,
    transcript: &Transcript,
    stop: &Stop,
) -> io::Result<()> {
    let listening = Arc::new(transcript.clone());
    serve_kernel(sockets, config, secrets, service, clock, listening, stop.clone()).await
}

/// Makes the service that was chosen; `random` is the seed of its numbers, unless one was typed.
fn service(
    arguments: &ServerArguments,
    clock: Clock,
    random: u64,
) -> Result<Box<dyn Service>, Failure> {
    Ok(match arguments.service {
        ServiceChoice::Sum => Box::new(sum(arguments, random)?),
        ServiceChoice::Calculator => Box::new(CalculatorService),
        ServiceChoice::Echo => Box::new(EchoService),
        ServiceChoice::Chat => {
            let calendar = Calendar::of(&clock);
            let repository = repository(arguments)?;
            Box::new(ChatService::new(calendar, arguments.max_guests(), repository))
        }
    })
}

fn sum(arguments: &ServerArguments, random: u64) -> Result<SumService, Failure> {
    let name = arguments.name.as_deref().unwrap_or(NAME);
    if let Some(wrong) = super::wrong_name(name) {
        return Err(wrong);
    }
    let number = match arguments.number {
        Some(NumberChoice::Fixed(number)) => ServerNumber::Fixed(number),
        Some(NumberChoice::Random) | None => ServerNumber::seeded(arguments.seed.unwrap_or(random)),
    };
    Ok(SumService::new(name.to_owned(), number, arguments.allow_remote_shutdown))
}

fn repository(arguments: &ServerArguments) -> Result<Option<Box<dyn Repository>>, Failure> {
    let Some(path) = &arguments.files else { return Ok(None) };
    let folder = Folder::open(path).map_err(|error| {
        let what = format!("Could not use {} for --files: {error}", path.display());
        Failure::local(what, "--files wants a folder that you may read, for instance --files .")
    })?;
    Ok(Some(Box::new(folder)))
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
