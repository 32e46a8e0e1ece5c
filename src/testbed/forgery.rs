//! What an attacker sends who knows both addresses and ports, and nothing else: neither sequence
//! numbers, nor tokens, nor cookies. It guesses those.

use std::net::{SocketAddr, SocketAddrV4};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    UdpPacket, UdpRepr,
};

use crate::packet::Packet;
use crate::peer::Transport;
use crate::protocol::datagram::header::{Header, Type};
use crate::wire::{Direction, mix};

/// What the attacker wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// To answer the client in the server's name.
    Reply,
    /// To stop the server in the client's name.
    Shutdown,
}

impl Forgery {
    /// Returns what it says.
    pub const fn text(self) -> &'static str {
        match self {
            Forgery::Reply => REPLY,
            Forgery::Shutdown => SHUTDOWN,
        }
    }
}

/// What is said in the server's name.
const REPLY: &str = "Server of EVE;99";

/// What is said in the client's name.
const SHUTDOWN: &str = "Client of EVE;101";

/// Returns what an attacker sends, and which way, who has seen this packet of the client's; nothing if
/// there was none to see.
pub(super) fn forged_by_witness(
    seen: Option<&[u8]>,
    what: Forgery,
    transport: Transport,
    server: SocketAddr,
    seed: u64,
) -> Option<(Direction, Vec<Vec<u8>>)> {
    let client = match Packet::parse(seen?) {
        Packet::Tcp(segment) => segment.from,
        Packet::Udp(datagram) => datagram.from,
        _ => return None,
    };
    let SocketAddr::V4(server) = server else { return None };
    let direction = match what {
        Forgery::Reply => Direction::ServerToClient,
        Forgery::Shutdown => Direction::ClientToServer,
    };
    Some((direction, forged(what, transport, client, server, seed)))
}

/// Returns the packets that an attacker sends: over UDP a bare and a framed message, over TCP data and
/// a reset. `seed` draws what is guessed.
fn forged(
    what: Forgery,
    transport: Transport,
    client: SocketAddrV4,
    server: SocketAddrV4,
    seed: u64,
) -> Vec<Vec<u8>> {
    let guess = mix(seed ^ GUESSES);
    let text = what.text();
    let (from, to) = match what {
        Forgery::Reply => (server, client),
        Forgery::Shutdown => (client, server),
    };
    match transport {
        Transport::Udp => {
            let kind = if what == Forgery::Reply { Type::Reply } else { Type::Request };
            let (token, message_id) = ((guess >> 32) as u32, guess as u32);
            let mut framed = Vec::new();
            Header::new(kind, 1, token, message_id).write(text.as_bytes(), &mut framed);
            vec![datagram(from, to, text.as_bytes()), datagram(from, to, &framed)]
        }
        Transport::Tcp => {
            let line = format!("{text}\n");
            let (sequence, acknowledgement) = ((guess >> 32) as u32, guess as u32);
            let data =
                segment(from, to, sequence, acknowledgement, TcpControl::Psh, line.as_bytes());
            vec![data, segment(from, to, sequence, acknowledgement, TcpControl::Rst, b"")]
        }
    }
}

/// The attacker draws from a place of its own.
const GUESSES: u64 = 0x4556_4500_0000_0000; // "EVE"

fn datagram(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let udp = UdpRepr { src_port: from.port(), dst_port: to.port() };
    let length = udp.header_len() + payload.len();
    packet(from, to, IpProtocol::Udp, length, |inner, from, to| {
        let mut packet = UdpPacket::new_unchecked(inner);
        let write = |room: &mut [u8]| room.copy_from_slice(payload);
        let checksums = ChecksumCapabilities::default();
        udp.emit(&mut packet, &from, &to, payload.len(), write, &checksums);
    })
}

fn segment(
    from: SocketAddrV4,
    to: SocketAddrV4,
    sequence: u32,
    acknowledgement: u32,
    control: TcpControl,
    payload: &[u8],
) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: from.port(),
        dst_port: to.port(),
        control,
        seq_number: TcpSeqNumber(sequence as i32),
        ack_number: Some(TcpSeqNumber(acknowledgement as i32)),
        window_len: 1024,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    };
    packet(from, to, IpProtocol::Tcp, tcp.buffer_len(), |inner, from, to| {
        let mut packet = TcpPacket::new_unchecked(inner);
        tcp.emit(&mut packet, &from, &to, &ChecksumCapabilities::default());
    })
}

fn packet(
    from: SocketAddrV4,
    to: SocketAddrV4,
    next_header: IpProtocol,
    payload_len: usize,
    write: impl FnOnce(&mut [u8], IpAddress, IpAddress),
) -> Vec<u8> {
    /// As the hosts' own packets (RFC 1700: 64).
    const HOP_LIMIT: u8 = 64;
    let (src_addr, dst_addr, hop_limit) = (*from.ip(), *to.ip(), HOP_LIMIT);
    let ip = Ipv4Repr { src_addr, dst_addr, next_header, payload_len, hop_limit };
    let mut bytes = vec![0; ip.buffer_len() + payload_len];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    write(packet.payload_mut(), src_addr.into(), dst_addr.into());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Packet;

    #[test]
    fn a_forged_packet_reads_like_a_real_one() {
        let client = "10.0.0.1:50000".parse().expect("an address");
        let server = "10.0.0.2:12000".parse().expect("an address");
        let udp = forged(Forgery::Reply, Transport::Udp, client, server, 1);
        match Packet::parse(&udp[0]) {
            Packet::Udp(datagram) => {
                assert_eq!((datagram.from, datagram.to), (server, client));
                assert_eq!(datagram.payload, REPLY.as_bytes());
            }
            other => panic!("{other:?}"),
        }
        let tcp = forged(Forgery::Shutdown, Transport::Tcp, client, server, 1);
        match (Packet::parse(&tcp[0]), Packet::parse(&tcp[1])) {
            (Packet::Tcp(data), Packet::Tcp(reset)) => {
                assert_eq!((data.from, data.to), (client, server));
                assert_eq!(data.payload, b"Client of EVE;101\n");
                assert!(reset.rst && !data.rst);
            }
            other => panic!("{other:?}"),
        }
    }
}
