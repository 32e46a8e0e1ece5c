//! Two hosts, a wire, and what a small experiment does with them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::net::record::NetEvent;
use crate::net::{Listener as _, Net, Received, Stream, Udp};
use crate::packet::Packet;
use crate::peer::Transport;
use crate::testbed::{Action, BothEnds, Listener, ServerOptions, trace_of};
use crate::time::{Clock, Timestamp};
use crate::trace::Trace;
use crate::wire::{Direction, Impairment, Rule, WireConfig};

/// Between two looks at what the wire has recorded.
const LOOK: Duration = Duration::from_millis(5);

/// Two hosts and what happened between them.
pub(super) struct Lab<T> {
    pub(super) testbed: T,
    pub(super) clock: Clock,
    /// Where the server's end is to be.
    pub(super) server: SocketAddr,
    /// How long an experiment may wait for what may never come.
    pub(super) longest: Duration,
    rules: Vec<Rule>,
    events: Vec<NetEvent>,
}

/// A TCP connection, both ends of it.
pub(super) struct Pair<N: Net> {
    pub(super) client: N::Stream,
    pub(super) server: N::Stream,
    _listener: N::Listener,
}

/// The wire between the hosts.
pub(super) fn wire(delay: Duration, rules: Vec<Rule>) -> WireConfig {
    let way = Impairment { delay, ..Impairment::CLEAN };
    WireConfig { seed: 1, c2s: way, s2c: way, rules, raw: false }
}

impl<T: BothEnds> Lab<T> {
    /// Nobody is at the server's address yet.
    pub(super) async fn new(
        mut testbed: T,
        rules: Vec<Rule>,
        longest: Duration,
    ) -> io::Result<Self> {
        let nobody = ServerOptions::default();
        let server = testbed.listen(Listener::Nobody, &nobody, Transport::Tcp).await?;
        let clock = testbed.clock();
        Ok(Lab { testbed, clock, server, longest, rules, events: Vec::new() })
    }

    /// Returns the client's network.
    pub(super) fn client(&self) -> T::Net {
        self.testbed.client(1)
    }

    /// Connects, and accepts.
    pub(super) async fn connected(&self) -> io::Result<Pair<T::Net>> {
        let listener = self.testbed.at_server()?.listen(self.server, true)?;
        // The stack finishes the handshake before anybody accepts.
        let client = self.client().connect(self.server).await?;
        let (server, _) = listener.accept().await?;
        Ok(Pair { client, server, _listener: listener })
    }

    /// Connects, and has one exchange, so that the round trip is known.
    pub(super) async fn acquainted(&self) -> io::Result<Pair<T::Net>> {
        let mut pair = self.connected().await?;
        pair.exchange().await?;
        Ok(pair)
    }

    pub(super) async fn cut(&mut self) -> io::Result<()> {
        self.testbed.act(Action::Cut).await
    }

    pub(super) async fn wait(&self, duration: Duration) {
        self.clock.sleep_until(self.clock.now() + duration).await;
    }

    /// Waits for something, but not for longer than this.
    pub(super) async fn within<R>(
        &self,
        limit: Duration,
        what: impl Future<Output = R>,
    ) -> Option<R> {
        tokio::select! {
            biased;
            found = what => Some(found),
            () = self.wait(limit) => None,
        }
    }

    /// Returns all packets so far.
    pub(super) fn trace(&mut self) -> Trace {
        self.events.extend(self.testbed.events());
        trace_of(&self.events, &self.rules)
    }

    /// Returns all segments of TCP so far.
    pub(super) fn segments(&mut self) -> Vec<Seen> {
        segments(&self.trace())
    }

    /// Waits until the segments are as they should be, but not for longer than this.
    pub(super) async fn segments_until(
        &mut self,
        limit: Duration,
        enough: impl Fn(&[Seen]) -> bool,
    ) -> Vec<Seen> {
        let end = self.clock.now() + limit;
        loop {
            let segments = self.segments();
            if enough(&segments) || self.clock.now() >= end {
                return segments;
            }
            self.wait(LOOK).await;
        }
    }
}

impl<N: Net> Pair<N> {
    /// The client asks, the server answers.
    pub(super) async fn exchange(&mut self) -> io::Result<()> {
        write_all(&mut self.client, REQUEST).await?;
        read(&mut self.server).await?;
        write_all(&mut self.server, b"reply\n").await?;
        read(&mut self.client).await?;
        Ok(())
    }
}

/// What a client writes: a line, so that the wire can count it.
pub(super) const REQUEST: &[u8] = b"request\n";

/// Reads once.
pub(super) async fn read(stream: &mut impl Stream) -> io::Result<Received> {
    let mut buffer = [0; 1024];
    poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await
}

/// Writes once; returns how much was taken.
pub(super) async fn write(stream: &mut impl Stream, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_write(cx, bytes)).await
}

pub(super) async fn write_all(stream: &mut impl Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = write(stream, bytes).await?;
        bytes = &bytes[taken..];
    }
    Ok(())
}

/// Receives a datagram, or the news that one was refused.
pub(super) async fn receive(socket: &impl Udp, buffer: &mut [u8]) -> io::Result<usize> {
    tokio::select! {
        biased;
        received = poll_fn(|cx| socket.poll_receive(cx, buffer)) => received.map(|(count, _)| count),
        refusal = socket.refusal() => Err(refusal),
    }
}

/// A segment of TCP on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) direction: Direction,
    pub(super) sent: Timestamp,
    /// When it first arrived, if it did.
    pub(super) arrived: Option<Timestamp>,
    pub(super) syn: bool,
    pub(super) rst: bool,
    pub(super) sequence: u32,
    pub(super) payload: usize,
    /// Bytes of TCP's header.
    pub(super) header: usize,
}

impl Seen {
    pub(super) fn is_from_client(&self) -> bool {
        self.direction == Direction::ClientToServer
    }

    /// Whether it carries data to the server that was sent since.
    pub(super) fn is_request_since(&self, since: Timestamp) -> bool {
        self.is_from_client() && self.payload > 0 && self.sent >= since
    }
}

fn segments(trace: &Trace) -> Vec<Seen> {
    let seen = |packet: &crate::trace::TracedPacket| {
        let Packet::Tcp(segment) = Packet::parse(&packet.bytes) else { return None };
        Some(Seen {
            direction: packet.direction,
            sent: packet.sent,
            arrived: packet.arrivals.first().map(|arrival| arrival.at),
            syn: segment.syn,
            rst: segment.rst,
            sequence: segment.sequence,
            payload: segment.payload.len(),
            header: packet.bytes.len() - IP_HEADER - segment.payload.len(),
        })
    };
    trace.packets.iter().filter_map(seen).collect()
}

/// An IPv4 header without options (RFC 791 section 3.1): neither stack sends any.
const IP_HEADER: usize = 20; // bytes

/// Returns the times between these moments.
pub(super) fn gaps(moments: impl IntoIterator<Item = Timestamp>) -> Vec<Duration> {
    let moments: Vec<Timestamp> = moments.into_iter().collect();
    moments.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

/// Returns what the system calls an error.
pub(super) fn name(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED".to_owned(),
        io::ErrorKind::ConnectionReset => "ECONNRESET".to_owned(),
        io::ErrorKind::BrokenPipe => "EPIPE".to_owned(),
        io::ErrorKind::TimedOut => "ETIMEDOUT".to_owned(),
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH".to_owned(),
        _ if error.raw_os_error() == Some(EMSGSIZE) => "EMSGSIZE".to_owned(),
        _ => error.to_string(),
    }
}

/// "Message too long", as Linux numbers it (`asm-generic/errno.h`).
const EMSGSIZE: i32 = 90;
