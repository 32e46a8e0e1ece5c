//! A translator of addresses before a client's host, as home networks have one: from some moment on
//! it gives what the client had open other ports. Neither client nor server is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::packet::{End, Packet, with_port};

/// The first port that it gives: none that a host here chooses for itself before it has made 12,000
/// connections.
const FIRST_PORT: u16 = 61_000;

/// What it has translated since the client's address changed.
#[derive(Debug, Default)]
pub(crate) struct Nat {
    /// From the ports that the client has open to those that the server sees.
    outside: BTreeMap<u16, u16>,
}

impl Nat {
    /// Gives new ports to what is open now.
    pub(crate) fn rebind(&mut self, open: impl IntoIterator<Item = u16>) {
        self.outside = open.into_iter().zip(FIRST_PORT..).collect();
    }

    /// Translates a packet on its way out.
    pub(crate) fn leaving(&self, packet: Arc<[u8]>) -> Arc<[u8]> {
        if self.outside.is_empty() {
            return packet;
        }
        let outside = ports(&packet).and_then(|(from, _)| self.outside.get(&from));
        match outside.and_then(|port| with_port(&packet, End::Source, *port)) {
            Some(translated) => translated.into(),
            None => packet,
        }
    }

    /// Translates a packet on its way in; nothing if it is for a port that nobody has any more.
    pub(crate) fn arriving(&self, packet: Arc<[u8]>) -> Option<Arc<[u8]>> {
        if self.outside.is_empty() {
            return Some(packet);
        }
        let Some((_, to)) = ports(&packet) else { return Some(packet) };
        if self.outside.contains_key(&to) {
            return None;
        }
        let inside = self.outside.iter().find(|(_, outside)| **outside == to);
        match inside {
            Some((inside, _)) => with_port(&packet, End::Destination, *inside).map(Into::into),
            None => Some(packet),
        }
    }
}

fn ports(packet: &[u8]) -> Option<(u16, u16)> {
    match Packet::parse(packet) {
        Packet::Tcp(segment) => Some((segment.from.port(), segment.to.port())),
        Packet::Udp(datagram) => Some((datagram.from.port(), datagram.to.port())),
        _ => None,
    }
}
