//! The server: sockets, a service, and the sessions between them.
//!
//! What is said is decided in `protocol`, what is answered in `service`; here the bytes are carried
//! from one to the other, in four models: `serial`, `threads`, `poll` and `tasks`. They differ
//! in who waits where, and in nothing else; `docs/models.md` reads them side by side. What they share
//! is in `carry`.

mod apart;
mod awaiting;
mod blocking;
mod carry;
mod files;
mod lines;
mod locked;
mod poll;
mod serial;
mod tasks;
mod threads;
pub mod transcript;

pub use files::Folder;
pub use lines::{Format, name as event_name, sentence};

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use apart::on_a_thread;
use blocking::Blocked;
use thiserror::Error;
use tokio::sync::Notify;

use crate::net::kernel::Kernel;
use crate::net::{Listener, Net, Udp};
use crate::peer::Transport;
use crate::protocol::datagram::{DatagramConfig, Secrets};
use crate::protocol::event::Event;
use crate::protocol::parameters::DRAIN;
use crate::protocol::stream::StreamConfig;
use crate::service::Service;
use crate::time::{Clock, Timestamp};

/// Connections served at once, unless told otherwise.
pub const MAX_CLIENTS: usize = 1024;

/// How a server serves many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Model {
    /// One TCP client at a time; the next one is refused, or waits.
    Serial,
    /// A thread for each TCP client.
    Threads,
    /// One thread that asks the system which sockets are ready.
    Poll,
    /// An asynchronous task for each TCP client, all on one thread.
    #[default]
    Tasks,
}

impl Model {
    /// Returns its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Model::Serial => "serial",
            Model::Threads => "threads",
            Model::Poll => "poll",
            Model::Tasks => "tasks",
        }
    }

    /// Returns whether it runs on the operating system's sockets only.
    pub const fn needs_kernel(self) -> bool {
        matches!(self, Model::Threads | Model::Poll)
    }
}

/// What becomes of the second client of a server that serves one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Second {
    /// It is told BUSY.
    #[default]
    Refuse,
    /// It waits where the kernel keeps it, and nobody tells it.
    Queue,
}

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// How it serves many at once.
    pub model: Model,
    /// Of the model `serial`: what becomes of a second client.
    pub second: Second,
    /// Over TCP.
    pub stream: StreamConfig,
    /// Over UDP.
    pub datagram: DatagramConfig,
    /// Connections served at once; further ones are told BUSY.
    pub max_clients: usize,
    /// How long accepted work may take when the server stops.
    pub drain: Duration,
    /// How long the thread that serves a request is blocked by it before it answers.
    pub block: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            model: Model::default(),
            second: Second::default(),
            stream: StreamConfig::default(),
            datagram: DatagramConfig::default(),
            max_clients: MAX_CLIENTS,
            drain: DRAIN,
            block: Duration::ZERO,
        }
    }
}

/// The open sockets of a server that is not running yet.
#[derive(Debug)]
pub struct Sockets<N: Net> {
    tcp: Option<N::Listener>,
    udp: Option<N::Udp>,
}

/// A socket could not be opened.
#[derive(Debug, Error)]
#[error("Could not bind to {transport} {address}: {source}")]
pub struct BindError {
    /// Which socket.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// How often a free port is looked for on which both transports can be had.
const PORT_ATTEMPTS: usize = 16;

impl<N: Net> Sockets<N> {
    /// Opens the sockets of the named transports, on the same port number.
    ///
    /// # Errors
    /// If a port is taken, or the address is not this host's.
    pub fn bind(
        net: &N,
        address: SocketAddr,
        transports: &[Transport],
        reuse_address: bool,
    ) -> Result<Self, BindError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::bind_once(net, address, transports, reuse_address) {
                // The port that the system chose for TCP may be taken for UDP: choose again.
                Err(error)
                    if address.port() == 0
                        && error.source.kind() == io::ErrorKind::AddrInUse
                        && attempts < PORT_ATTEMPTS => {}
                result => return result,
            }
        }
    }

    fn bind_once(
        net: &N,
        mut address: SocketAddr,
        transports: &[Transport],
        reuse_address: bool,
    ) -> Result<Self, BindError> {
        let failed = |transport, address| move |source| BindError { transport, address, source };
        let mut sockets = Sockets { tcp: None, udp: None };
        if transports.contains(&Transport::Tcp) {
            let failed = failed(Transport::Tcp, address);
            let listener = net.listen(address, reuse_address).map_err(failed)?;
            address.set_port(listener.local_address().map_err(failed)?.port());
            sockets.tcp = Some(listener);
        }
        if transports.contains(&Transport::Udp) {
            let failed = failed(Transport::Udp, address);
            sockets.udp = Some(net.bind(address).map_err(failed)?);
        }
        Ok(sockets)
    }

    /// Returns where the server can be reached.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        let tcp = self.tcp.as_ref().map(|tcp| (Transport::Tcp, tcp.local_address()));
        let udp = self.udp.as_ref().map(|udp| (Transport::Udp, udp.local_address()));
        let known = |(transport, address): (Transport, io::Result<SocketAddr>)| {
            address.ok().map(|address| (transport, address))
        };
        tcp.into_iter().chain(udp).filter_map(known).collect()
    }
}

/// Who listens to what happens at the server.
pub trait Listening: Send + Sync + 'static {
    /// Takes note of something that happened with a peer.
    fn event(&self, at: Timestamp, event: Event);

    /// Takes note of something that happened to the server itself.
    fn trouble(&self, at: Timestamp, text: String);
}

/// What tells a server to stop. Its copies are one. (tokio's `watch` would wake those who wait in an
/// order that it draws; here they go in the order in which they came.)
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    stopped: AtomicBool,
    waiting: Notify,
}

impl Stop {
    /// Asks the server to finish what it has accepted, and to stop.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.waiting.notify_waiters();
    }

    /// Returns whether the server has been asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Waits until the server is asked to stop.
    pub async fn stopped(&self) {
        let mut notified = pin!(self.0.waiting.notified());
        // From here on no call of `stop` is missed.
        notified.as_mut().enable();
        if !self.is_stopped() {
            notified.await;
        }
    }
}

/// What everything in a running server shares.
struct Shared {
    config: ServerConfig,
    clock: Clock,
    stop: Stop,
    transcript: Arc<dyn Listening>,
    /// Connections that are served now.
    clients: AtomicUsize,
}

/// Serves on any network until it is stopped, by `stop` or by a peer that may; returns when every
/// accepted request has been answered or the time for it has passed.
///
/// # Panics
/// If the model [needs the kernel](Model::needs_kernel); [`serve_kernel`] has all four.
pub async fn serve<N: Net>(
    sockets: Sockets<N>,
    config: ServerConfig,
    secrets: &Secrets,
    service: Box<dyn Service>,
    clock: Clock,
    transcript: Arc<dyn Listening>,
    stop: Stop,
) {
    let model = config.model;
    let service = blocked(service, config.block);
    let clients = AtomicUsize::new(0);
    let shared = Arc::new(Shared { config, clock, stop, transcript, clients });
    match model {
        Model::Serial => serial::run(sockets, secrets, shared, service).await,
        Model::Tasks => tasks::run(sockets, secrets, shared, service).await,
        Model::Threads | Model::Poll => {
            panic!("the model {} needs the sockets of the operating system", model.name())
        }
    }
}

/// As [`serve`], on the sockets of the operating system, in any model. Threads and poll get a thread
/// of their own: the caller's runtime goes on meanwhile.
///
/// # Errors
/// If the system has no room for what the model needs.
pub async fn serve_kernel(
    sockets: Sockets<Kernel>,
    config: ServerConfig,
    secrets: &Secrets,
    service: Box<dyn Service>,
    clock: Clock,
    transcript: Arc<dyn Listening>,
    stop: Stop,
) -> io::Result<()> {
    let (model, block) = (config.model, config.block);
    if !model.needs_kernel() {
        serve(sockets, config, secrets, service, clock, transcript, stop).await;
        return Ok(());
    }
    let (clients, stopping) = (AtomicUsize::new(0), stop.clone());
    let shared = Arc::new(Shared { config, clock, stop, transcript, clients });
    let sockets = sockets.into_bare()?;
    if model == Model::Threads {
        let secrets = secrets.clone();
        let run = move || threads::run(sockets, &secrets, shared, service);
        return on_a_thread(run, stopping, || Ok(())).await;
    }
    let service = blocked(service, block);
    let server = poll::Server::new(sockets, secrets, shared, service)?;
    let waker = server.waker();
    on_a_thread(move || server.run(), stopping, || waker.wake()).await
}

/// Has a service block its thread, where one serves all.
fn blocked(service: Box<dyn Service>, time: Duration) -> Box<dyn Service> {
    match time.is_zero() {
        true => service,
        false => Box::new(Blocked { service, time }),
    }
}
