//! The sockets of a host of ours, used from anywhere.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use super::host::Hands;
use crate::net::{Listener, Net, Received, Stream, kernel};
use crate::testbed::{ConnectionFacts, system};

/// A host's network, from one of its addresses.
#[derive(Debug, Clone)]
pub struct HostNet {
    hands: Hands,
    address: Ipv4Addr,
    /// What Linux thought of the connections that have ended.
    facts: Arc<Mutex<Vec<ConnectionFacts>>>,
}

impl HostNet {
    pub(super) fn new(
        hands: Hands,
        address: Ipv4Addr,
        facts: Arc<Mutex<Vec<ConnectionFacts>>>,
    ) -> Self {
        HostNet { hands, address, facts }
    }

    /// Makes a socket of this host, for whoever needs one as the system has them.
    ///
    /// # Errors
    /// If the system does not make it, or the host has no power.
    pub fn socket(&self, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        self.hands.socket(kind, protocol)
    }

    /// Returns this address, with any free port.
    pub fn any_port(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), 0)
    }
}

impl Net for HostNet {
    type Stream = WatchedStream;
    type Listener = HostListener;
    type Udp = UdpSocket;

    fn listen(&self, address: SocketAddr, reuse_address: bool) -> io::Result<HostListener> {
        let socket = self.socket(Type::STREAM, Protocol::TCP)?;
        let listener = kernel::listen(socket, address, reuse_address)?;
        Ok(HostListener { listener, facts: self.facts.clone() })
    }

    fn bind(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = self.socket(Type::DGRAM, Protocol::UDP)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        // With the buffer that the system gives: where datagrams are lost is part of what is shown.
        UdpSocket::from_std(socket.into())
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<WatchedStream> {
        let socket = self.socket(Type::STREAM, Protocol::TCP)?;
        socket.set_nonblocking(true)?;
        socket.bind(&self.any_port().into())?;
        let stream = TcpSocket::from_std_stream(socket.into()).connect(to).await?;
        kernel::at_once(&stream);
        Ok(WatchedStream { stream, facts: self.facts.clone() })
    }

    fn bind_connected(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        let socket = self.bind(self.any_port())?;
        SockRef::from(&socket).connect(&to.into())?;
        Ok(socket)
    }
}

/// A listener whose connections are watched.
#[derive(Debug)]
pub struct HostListener {
    listener: TcpListener,
    facts: Arc<Mutex<Vec<ConnectionFacts>>>,
}

impl Listener for HostListener {
    type Stream = WatchedStream;

    async fn accept(&self) -> io::Result<(WatchedStream, SocketAddr)> {
        let (stream, from) = Listener::accept(&self.listener).await?;
        Ok((WatchedStream { stream, facts: self.facts.clone() }, from))
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection of which we take down, when it ends, what Linux thought of it.
#[derive(Debug)]
pub struct WatchedStream {
    stream: TcpStream,
    facts: Arc<Mutex<Vec<ConnectionFacts>>>,
}

impl WatchedStream {
    /// Asks Linux what it thinks of this connection.
    ///
    /// # Errors
    /// If it does not say.
    pub fn facts(&self) -> io::Result<ConnectionFacts> {
        facts_of(&self.stream)
    }
}

/// Connections of which the facts are kept.
const KEPT: usize = 1024;

impl Drop for WatchedStream {
    fn drop(&mut self) {
        if let Ok(facts) = facts_of(&self.stream) {
            let mut kept = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT {
                kept.push(facts);
            }
        }
    }
}

/// Asks Linux what it thinks of a connection.
///
/// # Errors
/// If it does not say.
pub fn facts_of(stream: &TcpStream) -> io::Result<ConnectionFacts> {
    let info = system::tcp_info(stream.as_fd())?;
    let control = SockRef::from(stream).tcp_congestion()?;
    let micros = |micros: u32| Duration::from_micros(micros.into());
    Ok(ConnectionFacts {
        congestion_control: String::from_utf8_lossy(&control).trim_end_matches('\0').to_owned(),
        retransmission_timeout: micros(info.tcpi_rto),
        round_trip: micros(info.tcpi_rtt),
        round_trip_variation: micros(info.tcpi_rttvar),
        retransmitted: info.tcpi_total_retrans,
        window: info.tcpi_snd_cwnd,
    })
}

impl Stream for WatchedStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>> {
        Stream::poll_read(&mut self.stream, cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Stream::poll_write(&mut self.stream, cx, bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        Stream::finish(&mut self.stream)
    }

    fn reset(self) {
        // Closing with a linger time of zero sends RST instead of FIN. If it cannot be set, the
        // connection is gone already.
        let _ = self.stream.set_zero_linger();
    }
}
