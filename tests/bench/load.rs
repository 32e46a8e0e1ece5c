//! The load generators' common ground: what is asked, what must be answered, what is counted.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::datagram_load::{Dialect, ManySockets, OneSocket};
use crate::stream_load::{NewConnections, PingPong, Streams};

/// The request of the exercise, without a line end.
pub(crate) const REQUEST: &[u8] = b"Client of B;25";

/// The reply to it from a server whose number is 50.
pub(crate) const REPLY: &[u8] = b"Server of socklab;50";

/// How long an exchange over TCP may take before the row is given up: nothing is lost on loopback.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What one run of a load has seen. Every reply was compared with what it has to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) exchanges: u64,
    pub(crate) wrong: u64,
    /// Datagrams that nobody answered.
    pub(crate) lost: u64,
    pub(crate) elapsed: Duration,
}

impl Tally {
    /// Counts what another run has seen, too.
    pub(crate) fn add(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.elapsed += other.elapsed;
    }
}

/// A client that keeps a fixed number of requests outstanding, and stops with none outstanding.
pub(crate) trait Load {
    /// Makes exchanges for about `duration`.
    ///
    /// # Errors
    /// Where the server cannot be reached, closes, or stops answering.
    fn run(&mut self, duration: Duration) -> io::Result<Tally>;
}

/// The patterns of load. `64x1` is 64 connections with one request outstanding on each.
#[derive(Clone, Copy)]
pub(crate) enum Pattern {
    /// One TCP connection, one request outstanding, blocking calls.
    PingPong,
    /// TCP connections with `depth` pipelined requests on each, written at once.
    Streams { connections: usize, depth: usize },
    /// A new TCP connection for every exchange.
    NewConnections,
    /// One UDP socket with `depth` requests outstanding.
    OneSocket { depth: u32, dialect: Dialect },
    /// UDP sockets with one request outstanding on each.
    ManySockets { sockets: usize, dialect: Dialect },
}

impl Pattern {
    /// Opens the sockets of this load towards `address`.
    pub(crate) fn open(self, address: SocketAddr) -> io::Result<Box<dyn Load>> {
        Ok(match self {
            Self::PingPong => Box::new(PingPong::open(address)?),
            Self::Streams { connections, depth } => {
                Box::new(Streams::open(address, connections, depth)?)
            }
            Self::NewConnections => Box::new(NewConnections { address }),
            Self::OneSocket { depth, dialect } => {
                Box::new(OneSocket::open(address, depth, dialect)?)
            }
            Self::ManySockets { sockets, dialect } => {
                Box::new(ManySockets::open(address, sockets, dialect)?)
            }
        })
    }

    /// The same load in another dialect; TCP has just the one.
    pub(crate) fn in_dialect(self, dialect: Dialect) -> Self {
        match self {
            Self::OneSocket { depth, .. } => Self::OneSocket { depth, dialect },
            Self::ManySockets { sockets, .. } => Self::ManySockets { sockets, dialect },
            stream => stream,
        }
    }

    /// What the server has to listen on.
    pub(crate) fn transport(self) -> &'static str {
        match self {
            Self::PingPong | Self::Streams { .. } | Self::NewConnections => "tcp",
            Self::OneSocket { .. } | Self::ManySockets { .. } => "udp",
        }
    }
}

/// The error for bytes that are not the reply.
pub(crate) fn wrong_reply(seen: &[u8]) -> io::Error {
    let shown = String::from_utf8_lossy(&seen[..seen.len().min(60)]);
    io::Error::other(format!("wrong reply {shown:?}"))
}
