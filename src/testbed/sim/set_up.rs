//! How a server on a simulated host is set up.

use std::time::{Duration, SystemTime};

use crate::protocol::datagram::DatagramConfig;
use crate::protocol::event::Detail;
use crate::protocol::stream::StreamConfig;
use crate::server::{MAX_CLIENTS, ServerConfig};
use crate::service::calculator::CalculatorService;
use crate::service::chat::{ChatService, MAX_GUESTS};
use crate::service::echo::EchoService;
use crate::service::files::Repository;
use crate::service::sum::{ServerNumber, SumService};
use crate::service::{Service, ServiceKind};
use crate::testbed::shelf::Shelf;
use crate::testbed::{FILE, ServerOptions, lecture};
use crate::time::Calendar;

/// Returns how the server treats its connections and datagrams.
pub(super) fn config(options: &ServerOptions) -> ServerConfig {
    let sessions = options.service.has_sessions();
    ServerConfig {
        model: options.model,
        second: options.second,
        stream: StreamConfig {
            framing: options.framing,
            max_message: options.max_message,
            idle_timeout: options.idle_timeout,
            work: options.work,
            detail: Detail::Everything,
        },
        datagram: DatagramConfig {
            max_message: options.max_message,
            work: options.work,
            duplicate_cache: options.duplicate_cache,
            goodbye: options.goodbye,
            validate: options.validate,
            idle_timeout: options.idle_timeout,
            detail: Detail::Everything,
        },
        // Where clients have sessions, those are counted.
        max_clients: options.max_clients.filter(|_| !sessions).unwrap_or(MAX_CLIENTS),
        drain: options.drain,
        // A thread that sleeps would hold virtual time up.
        block: Duration::ZERO,
    }
}

/// Returns what the server does, in one of its lives.
pub(super) fn service(options: &ServerOptions, boots: u64) -> Box<dyn Service> {
    match options.service {
        ServiceKind::Sum => Box::new(sum_service(options, boots)),
        ServiceKind::Calculator => Box::new(CalculatorService),
        ServiceKind::Echo => Box::new(EchoService),
        ServiceKind::Chat => {
            let guests = options.max_clients.unwrap_or(MAX_GUESTS);
            // Simulated time began with the epoch.
            let calendar = Calendar::from(SystemTime::UNIX_EPOCH);
            Box::new(ChatService::new(calendar, guests, repository(options)))
        }
    }
}

fn sum_service(options: &ServerOptions, boots: u64) -> SumService {
    let number = match options.number {
        Some(number) => ServerNumber::Fixed(number),
        // What it drew in an earlier life it has forgotten.
        None => ServerNumber::seeded(options.seed.wrapping_add(boots)),
    };
    // All hosts are ours: anyone may stop the server.
    SumService::new("Server of socklab".to_owned(), number, true)
}

fn repository(options: &ServerOptions) -> Option<Box<dyn Repository>> {
    let file = (FILE.to_owned(), lecture(options.file?, options.seed));
    Some(Box::new(Shelf::new([file])))
}
