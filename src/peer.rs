//! Who is at the other end, and which transport carries what we say to each other.

use std::fmt;
use std::net::SocketAddr;

/// The two transports this project compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A byte stream: connected, repeated, ordered and flow-controlled by the stack.
    Tcp,
    /// Datagrams: boundaries kept, everything else left to the program.
    Udp,
}

impl Transport {
    /// Returns the name as users type and read it: `tcp` or `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        }
    }

    /// Returns the other one.
    pub const fn other(self) -> Self {
        match self {
            Transport::Tcp => Transport::Udp,
            Transport::Udp => Transport::Tcp,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The address at the other end of a conversation. Prints as `tcp 127.0.0.1:54321`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// How we speak with it.
    pub transport: Transport,
    /// Where it says it is. Over UDP this can be forged; see `protocol::datagram::cookie`.
    pub address: SocketAddr,
}

impl Peer {
    /// A peer reached over TCP.
    pub const fn tcp(address: SocketAddr) -> Self {
        Peer { transport: Transport::Tcp, address }
    }

    /// A peer reached over UDP.
    pub const fn udp(address: SocketAddr) -> Self {
        Peer { transport: Transport::Udp, address }
    }

    /// Returns whether the peer is on this very host (also as an IPv4-mapped IPv6 address).
    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.transport, self.address)
    }
}
