//! Sockets, as far as the programs need them: the network below can be exchanged.
//!
//! The traits say what TCP and UDP sockets do in the words of this project; [`kernel`] implements
//! them with the sockets of the operating system, `sim` with simulated hosts in virtual time.

pub mod kernel;
mod nat;
pub mod record;
pub mod sim;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

pub(crate) use nat::Nat;

/// A network on which one can listen and connect.
pub trait Net: Clone + Send + Sync + 'static {
    /// A TCP connection.
    type Stream: Stream;
    /// A TCP socket that accepts connections.
    type Listener: Listener<Stream = Self::Stream>;
    /// A UDP socket.
    type Udp: Udp;

    /// Opens a TCP listener; port 0 takes any free port.
    fn listen(&self, address: SocketAddr, reuse_address: bool) -> io::Result<Self::Listener>;

    /// Opens a UDP socket; port 0 takes any free port.
    fn bind(&self, address: SocketAddr) -> io::Result<Self::Udp>;

    /// Connects over TCP.
    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Opens a UDP socket that hears only `to`, its refusals included. No packet is sent.
    fn bind_connected(&self, to: SocketAddr) -> io::Result<Self::Udp>;
}

/// What a read returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many bytes; over UDP there may be none, for an empty datagram is legal.
    Bytes(usize),
    /// The peer's FIN: nothing more will come. Only TCP has it.
    EndOfStream,
}

/// A TCP connection.
pub trait Stream: Send + 'static {
    /// Reads into `buffer`, or arranges to be woken.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>>;

    /// Writes as much of `bytes` as there is room for, or arranges to be woken.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Closes our direction with a FIN (half-close); the peer's may still flow.
    fn finish(&mut self) -> io::Result<()>;

    /// Ends the connection at once with a RST.
    fn reset(self);
}

/// A TCP socket that accepts connections.
pub trait Listener: Send + 'static {
    /// What it accepts.
    type Stream;

    /// Accepts a connection and says from where.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// Returns where it listens.
    fn local_address(&self) -> io::Result<SocketAddr>;
}

/// A UDP socket.
pub trait Udp: Send + Sync + 'static {
    /// Receives one datagram, and from where; what does not fit into `buffer` is lost.
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>>;

    /// Sends one datagram to the given address.
    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<()>>;

    /// Sends one datagram to the connected address.
    fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<()>>;

    /// Returns where it is bound.
    fn local_address(&self) -> io::Result<SocketAddr>;

    /// Waits until the network reports that what was sent did not arrive. Where such a report is
    /// only ever met by the next send or receive, this waits for ever.
    fn refusal(&self) -> impl Future<Output = io::Error> + Send {
        std::future::pending()
    }
}

/// Returns the address of a host on a network of ours: the server, host 0, is 10.0.0.2; the clients
/// are 10.0.0.1, 10.0.0.3 and so on. In the lessons, 1 asks 2.
pub fn host_address(number: usize) -> Ipv4Addr {
    let last = match number {
        0 => 2,
        1 => 1,
        number => number + 1,
    };
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + last as u32)
}
