//! The server: sockets, a service, and the sessions between them.
//!
//! What is said is decided in `protocol`, what is answered in `service`; here the bytes are carried
//! from one to the other. The model `tasks` does it with one asynchronous task for each connection.

mod lines;
mod tasks;
pub mod transcript;

pub use lines::{Format, name as event_name, sentence};

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;

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

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Over TCP.
    pub stream: StreamConfig,
    /// Over UDP.
    pub datagram: DatagramConfig,
    /// Connections served at once; further ones are told BUSY.
    pub max_clients: usize,
    /// How long accepted work may take when the server stops.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            stream: StreamConfig::default(),
            datagram: DatagramConfig::default(),
            max_clients: MAX_CLIENTS,
            drain: DRAIN,
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

    /// Waits until the server is asked to stop.
    pub async fn stopped(&self) {
        let mut notified = pin!(self.0.waiting.notified());
        // From here on no call of `stop` is missed.
        notified.as_mut().enable();
        if !self.0.stopped.load(Ordering::Acquire) {
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
    desk: Mutex<Desk>,
}

/// What is used by one at a time, for moments: no lock on it spans an await.
struct Desk {
    service: Box<dyn Service>,
    /// What was just read; kept here so that an idle connection holds no buffer.
    buffer: Box<[u8]>,
    clients: usize,
}

/// As much as one read can return: a whole datagram, whatever its length.
const READ_BUFFER: usize = 64 * 1024; // bytes

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until it is stopped, by `stop` or by a peer that may; returns when every accepted
/// request has been answered or the time for it has passed.
pub async fn serve<N: Net>(
    sockets: Sockets<N>,
    config: ServerConfig,
    secrets: &Secrets,
    service: Box<dyn Service>,
    clock: Clock,
    transcript: Arc<dyn Listening>,
    stop: Stop,
) {
    let buffer = vec![0; READ_BUFFER].into_boxed_slice();
    let desk = Mutex::new(Desk { service, buffer, clients: 0 });
    let shared = Arc::new(Shared { config, clock, stop, transcript, desk });
    tasks::run::<N>(sockets, secrets, shared).await;
}
