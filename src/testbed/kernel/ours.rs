//! Which of the packets that a host sends are of our experiment, and between whom they go.

use crate::net::host_address;
use crate::packet::Packet;
use crate::wire::Direction;

/// Returns whether a packet is of our experiment: TCP, UDP or ICMP over IPv4, between a client and the
/// server. What else a kernel says of itself (multicast memberships, IPv6) is none of it, and must not
/// be counted.
pub(super) fn is_ours(direction: Direction, packet: &[u8]) -> bool {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let is_ipv4 = packet.len() >= 20 && packet[0] >> 4 == 4;
    let (client, server) = match direction {
        Direction::ClientToServer => (source(packet), destination(packet)),
        Direction::ServerToClient => (destination(packet), source(packet)),
    };
    let own = host_address(0).octets();
    let between_us = server == own && client[0] == own[0] && client != own;
    is_ipv4 && matches!(packet[9], ICMP | TCP | UDP) && between_us
}

/// Returns where a packet comes from; zeros if it is cut short.
pub(super) fn source(packet: &[u8]) -> [u8; 4] {
    packet.get(12..16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// Returns where a packet goes; zeros if it is cut short.
pub(super) fn destination(packet: &[u8]) -> [u8; 4] {
    packet.get(16..20).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// Returns the port from which a packet comes, if it has one.
pub(super) fn port(packet: &[u8]) -> Option<u16> {
    match Packet::parse(packet) {
        Packet::Tcp(segment) => Some(segment.from.port()),
        Packet::Udp(datagram) => Some(datagram.from.port()),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An IPv4 header, which is all that is looked at.
    pub(in crate::testbed::kernel) fn packet(protocol: u8, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        (packet[0], packet[9]) = (0x45, protocol);
        packet[12..16].copy_from_slice(&from);
        packet[16..20].copy_from_slice(&to);
        packet
    }

    pub(in crate::testbed::kernel) const CLIENT: [u8; 4] = [10, 0, 0, 1];
    pub(in crate::testbed::kernel) const SERVER: [u8; 4] = [10, 0, 0, 2];

    #[test]
    fn what_a_kernel_says_of_itself_is_not_counted() {
        let c2s = Direction::ClientToServer;
        for protocol in [1, 6, 17] {
            assert!(is_ours(c2s, &packet(protocol, CLIENT, SERVER)));
            assert!(is_ours(Direction::ServerToClient, &packet(protocol, SERVER, CLIENT)));
        }
        // A multicast membership (IGMP), mDNS, a broadcast, a stranger, our own packets backwards.
        assert!(!is_ours(c2s, &packet(2, CLIENT, [224, 0, 0, 22])));
        assert!(!is_ours(c2s, &packet(17, CLIENT, [224, 0, 0, 251])));
        assert!(!is_ours(c2s, &packet(17, CLIENT, [10, 255, 255, 255])));
        assert!(!is_ours(c2s, &packet(17, [192, 168, 0, 1], SERVER)));
        assert!(!is_ours(c2s, &packet(17, SERVER, CLIENT)));
        // A router solicitation over IPv6, and something cut short.
        assert!(!is_ours(c2s, &[&[0x60, 0, 0, 0][..], &[0; 44]].concat()));
        assert!(!is_ours(c2s, &packet(17, CLIENT, SERVER)[..19]));
        assert!(!is_ours(c2s, &[]));
    }
}
