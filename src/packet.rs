//! Reading a packet: what an IPv4 packet says, from its bytes alone.
//!
//! The wire reads packets to find "the second request", pictures to label their arrows. Nothing is
//! believed that the bytes do not say.

use std::net::SocketAddrV4;

use smoltcp::wire::{
    Icmpv4DstUnreachable, Icmpv4Message, Icmpv4Packet, IpProtocol, Ipv4Packet, TcpOption,
    TcpPacket, UdpPacket,
};

/// What a packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A segment of TCP.
    Tcp(Segment<'a>),
    /// A datagram of UDP, or the first fragment of one.
    Udp(Datagram<'a>),
    /// A later fragment of a datagram; it has no ports.
    Fragment {
        /// Where in the datagram it begins, in bytes.
        offset: usize,
    },
    /// An ICMP message about a datagram that met no listener.
    PortUnreachable {
        /// From where the datagram came.
        from: SocketAddrV4,
        /// To where it was sent.
        to: SocketAddrV4,
    },
    /// Anything else.
    Other,
}

/// A segment of TCP (RFC 9293 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// From where.
    pub from: SocketAddrV4,
    /// To where.
    pub to: SocketAddrV4,
    /// Sequence number of the first byte.
    pub sequence: u32,
    /// Next byte expected from the other side, if ACK is set.
    pub acknowledgement: Option<u32>,
    /// The SYN flag.
    pub syn: bool,
    /// The FIN flag.
    pub fin: bool,
    /// The RST flag.
    pub rst: bool,
    /// The window field, not scaled: 0 is "send nothing now", whatever the scale.
    pub window: u16,
    /// With SYN: by how many bits its sender's windows are shifted from then on (RFC 7323 section 2).
    pub window_scale: Option<u8>,
    /// The bytes of the stream.
    pub payload: &'a [u8],
}

/// A datagram of UDP (RFC 768).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// From where.
    pub from: SocketAddrV4,
    /// To where.
    pub to: SocketAddrV4,
    /// The message, or as much of it as this packet carries.
    pub payload: &'a [u8],
    /// Whether more of it follows in other packets.
    pub more_fragments: bool,
}

impl<'a> Packet<'a> {
    /// Reads an IPv4 packet.
    pub fn parse(bytes: &'a [u8]) -> Self {
        Self::try_parse(bytes).unwrap_or(Packet::Other)
    }

    fn try_parse(bytes: &'a [u8]) -> Option<Self> {
        let ip = Ipv4Packet::new_checked(bytes).ok()?;
        if ip.frag_offset() > 0 {
            return Some(Packet::Fragment { offset: usize::from(ip.frag_offset()) });
        }
        let (from, to) = (ip.src_addr(), ip.dst_addr());
        let header = usize::from(ip.header_len());
        let inner = bytes.get(header..usize::from(ip.total_len()))?;
        match ip.next_header() {
            IpProtocol::Tcp => {
                let tcp = TcpPacket::new_checked(inner).ok()?;
                Some(Packet::Tcp(Segment {
                    from: SocketAddrV4::new(from, tcp.src_port()),
                    to: SocketAddrV4::new(to, tcp.dst_port()),
                    sequence: tcp.seq_number().0 as u32,
                    acknowledgement: tcp.ack().then(|| tcp.ack_number().0 as u32),
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    window: tcp.window_len(),
                    window_scale: window_scale(tcp.options()),
                    payload: inner.get(usize::from(tcp.header_len())..)?,
                }))
            }
            IpProtocol::Udp => {
                // The length field of a fragmented datagram is that of the whole: not checked.
                let udp = UdpPacket::new_unchecked(inner.get(..8).map(|_| inner)?);
                let end = usize::from(udp.len()).clamp(8, inner.len());
                Some(Packet::Udp(Datagram {
                    from: SocketAddrV4::new(from, udp.src_port()),
                    to: SocketAddrV4::new(to, udp.dst_port()),
                    payload: &inner[8..end],
                    more_fragments: ip.more_frags(),
                }))
            }
            IpProtocol::Icmp => port_unreachable(inner),
            _ => None,
        }
    }
}

fn window_scale(mut options: &[u8]) -> Option<u8> {
    while !options.is_empty() {
        match TcpOption::parse(options).ok()? {
            (_, TcpOption::EndOfList) => return None,
            (_, TcpOption::WindowScale(shift)) => return Some(shift),
            (rest, _) => options = rest,
        }
    }
    None
}

/// Returns an IPv4 packet of TCP or UDP with another source or destination port, as a translator of
/// addresses (NAT) makes it, checksum included; nothing if it has no ports.
pub fn with_port(bytes: &[u8], end: End, port: u16) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let ip = Ipv4Packet::new_checked(&bytes).ok()?;
    let (from, to, protocol) = (ip.src_addr().into(), ip.dst_addr().into(), ip.next_header());
    let header = usize::from(ip.header_len());
    let inner = bytes.get_mut(header..)?;
    match protocol {
        IpProtocol::Tcp => {
            let mut tcp = TcpPacket::new_checked(inner).ok()?;
            match end {
                End::Source => tcp.set_src_port(port),
                End::Destination => tcp.set_dst_port(port),
            }
            tcp.fill_checksum(&from, &to);
        }
        IpProtocol::Udp => {
            let mut udp = UdpPacket::new_checked(inner).ok()?;
            match end {
                End::Source => udp.set_src_port(port),
                End::Destination => udp.set_dst_port(port),
            }
            udp.fill_checksum(&from, &to);
        }
        _ => return None,
    }
    Some(bytes)
}

/// One end of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// Reads the quotation in an ICMP port unreachable: IP header and 8 bytes (RFC 792).
fn port_unreachable(bytes: &[u8]) -> Option<Packet<'static>> {
    let icmp = Icmpv4Packet::new_checked(bytes).ok()?;
    let port = u8::from(Icmpv4DstUnreachable::PortUnreachable);
    if icmp.msg_type() != Icmpv4Message::DstUnreachable || icmp.msg_code() != port {
        return None;
    }
    let quoted = Ipv4Packet::new_unchecked(icmp.data().get(..20).map(|_| icmp.data())?);
    let inner = icmp.data().get(usize::from(quoted.header_len())..)?;
    let port = |at: usize| Some(u16::from_be_bytes([*inner.get(at)?, *inner.get(at + 1)?]));
    Some(Packet::PortUnreachable {
        from: SocketAddrV4::new(quoted.src_addr(), port(0)?),
        to: SocketAddrV4::new(quoted.dst_addr(), port(2)?),
    })
}
