//! Packets in another's name, by somebody who knows addresses and ports, and guesses the token.

use std::net::SocketAddrV4;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr};
use socklab::net::sim::Sim;
use socklab::packet::Packet;
use socklab::protocol::datagram::header::{ByeReason, Header, Type};
use socklab::wire::Direction;

use crate::story::server;

/// A packet that nobody has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forgery {
    /// In the name of a client, or of the server.
    pub(crate) direction: Direction,
    /// Which client.
    pub(crate) client: usize,
    pub(crate) kind: Type,
    pub(crate) token: u32,
    pub(crate) message_id: u32,
}

/// What can be forged that way. The first four are meant for the server.
pub(crate) const TO_SERVER: [Type; 4] = [Type::Bye, Type::Ping, Type::Hello, Type::Request];

/// See [`TO_SERVER`].
pub(crate) const TO_CLIENT: [Type; 5] =
    [Type::Bye, Type::Reply, Type::Welcome, Type::Stale, Type::Busy];

/// Sends it, if that client has sent anything over UDP.
pub(crate) fn forge(sim: &Sim, forgery: Forgery) {
    let Some(seen) = sim.last_from(forgery.client) else { return };
    let Packet::Udp(datagram) = Packet::parse(&seen) else { return };
    let std::net::SocketAddr::V4(server) = server() else { return };
    let (from, to) = match forgery.direction {
        Direction::ClientToServer => (datagram.from, server),
        Direction::ServerToClient => (server, datagram.from),
    };
    let bye = (forgery.kind == Type::Bye).then_some(match forgery.direction {
        Direction::ClientToServer => ByeReason::ClientLeaves,
        Direction::ServerToClient => ByeReason::Shutdown,
    });
    let header = Header { bye, ..Header::new(forgery.kind, 1, forgery.token, forgery.message_id) };
    let text: &[u8] = match forgery.kind {
        Type::Request | Type::Reply | Type::Welcome | Type::Busy => b"forged",
        _ => b"",
    };
    let mut payload = Vec::new();
    header.write(text, &mut payload);
    sim.forge(forgery.direction, packet(from, to, &payload));
}

/// Returns an IPv4 packet that carries a datagram.
fn packet(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let (src_addr, dst_addr) = (*from.ip(), *to.ip());
    let udp = UdpRepr { src_port: from.port(), dst_port: to.port() };
    let payload_len = udp.header_len() + payload.len();
    let next_header = IpProtocol::Udp;
    let ip = Ipv4Repr { src_addr, dst_addr, next_header, payload_len, hop_limit: 64 };
    let mut bytes = vec![0; ip.buffer_len() + payload_len];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    let mut inner = UdpPacket::new_unchecked(packet.payload_mut());
    let write = |room: &mut [u8]| room.copy_from_slice(payload);
    let (from, to) = (src_addr.into(), dst_addr.into());
    udp.emit(&mut inner, &from, &to, payload.len(), write, &ChecksumCapabilities::default());
    bytes
}
