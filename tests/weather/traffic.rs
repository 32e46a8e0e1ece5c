//! The packets of a story, read: which request arrived when and from where, and what was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use socklab::net::sim::{NetEvent, NetFate};
use socklab::packet::{Datagram, Packet};
use socklab::protocol::datagram::header::{Cookie, Header, Type, is_framed};
use socklab::time::Timestamp;
use socklab::wire::{Direction, Fate};

/// What the checks need to know of the packets.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Requests over UDP that reached the server's host, by text.
    pub(crate) arrived: BTreeMap<String, Vec<Arrival>>,
    /// From where a request first left, by text.
    pub(crate) senders: BTreeMap<String, SocketAddrV4>,
    /// Framed requests that left a client, by token and id, in order.
    pub(crate) copies: BTreeMap<(u32, u32), Vec<Copy>>,
    /// Refusals that reached a client.
    pub(crate) refusals: Vec<Refusal>,
    /// Goodbyes that left the server.
    pub(crate) goodbyes: Vec<(Timestamp, Header)>,
    /// Bytes over UDP, by client: when, which way, how many.
    pub(crate) bytes: BTreeMap<SocketAddrV4, Vec<(Timestamp, Direction, usize)>>,
    /// Clients that have shown a cookie.
    pub(crate) proven: BTreeSet<SocketAddrV4>,
    /// Cookies that the server gave, and to whom.
    given: BTreeSet<(SocketAddrV4, Cookie)>,
    /// Tokens by the message ids that were used with them.
    pub(crate) tokens: BTreeMap<u32, u32>,
    /// Framed datagrams that reached the server's host, in order.
    pub(crate) heard: Vec<Heard>,
    /// Packets in the server's name that reached a client, and that no host has sent.
    pub(crate) forged_at_clients: usize,
    /// Goodbyes that left a client and never arrived: their tokens.
    pub(crate) lost_byes: BTreeSet<u32>,
}

/// A framed datagram that reached the server's host.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Timestamp,
    pub(crate) from: SocketAddrV4,
    pub(crate) header: Header,
    /// No host has sent it.
    pub(crate) forged: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) at: Timestamp,
    pub(crate) from: SocketAddrV4,
    /// Which packet from a client it was.
    pub(crate) packet: u64,
}

/// A framed request as it left.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub(crate) from: SocketAddrV4,
    pub(crate) header: Header,
    pub(crate) text: Vec<u8>,
}

/// A port unreachable that reached a client.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) at: Timestamp,
    pub(crate) client: SocketAddrV4,
    /// Which packet from the server it was.
    pub(crate) packet: u64,
    /// What the datagram that was refused said.
    pub(crate) about: String,
}

impl Traffic {
    pub(crate) fn read(record: &[NetEvent]) -> Self {
        let mut traffic = Traffic::default();
        // What was delivered last: a host refuses at once.
        let mut last = String::new();
        let mut about = BTreeMap::new();
        let forged: BTreeSet<_> =
            record.iter().filter(|event| event.fate == NetFate::Forged).map(named).collect();
        for event in record {
            let packet = Packet::parse(&event.packet.bytes);
            let number = event.packet.number;
            match (event.fate, event.packet.direction, packet) {
                (NetFate::OnWire(Fate::Sent), direction, Packet::Udp(datagram))
                    if !forged.contains(&named(event)) =>
                {
                    traffic.left(event, direction, &datagram);
                }
                (NetFate::OnWire(Fate::Sent), _, Packet::PortUnreachable { .. }) => {
                    about.insert((event.packet.direction, number), last.clone());
                }
                (
                    NetFate::OnWire(Fate::Delivered { .. }),
                    Direction::ClientToServer,
                    Packet::Udp(datagram),
                ) => {
                    last = text(datagram.payload);
                    traffic.came(event, &datagram, forged.contains(&named(event)));
                }
                (
                    NetFate::OnWire(Fate::Delivered { .. }),
                    Direction::ServerToClient,
                    Packet::Udp(_),
                ) if forged.contains(&named(event)) => traffic.forged_at_clients += 1,
                (
                    NetFate::OnWire(Fate::Delivered { .. }),
                    Direction::ServerToClient,
                    Packet::PortUnreachable { from, .. },
                ) => {
                    let about = about.get(&(Direction::ServerToClient, number));
                    let about = about.cloned().unwrap_or_default();
                    let (at, client) = (event.at, from);
                    traffic.refusals.push(Refusal { at, client, packet: number, about });
                }
                _ => {}
            }
        }
        traffic
    }

    fn left(&mut self, event: &NetEvent, direction: Direction, datagram: &Datagram<'_>) {
        let header = Header::parse(datagram.payload);
        if direction == Direction::ServerToClient {
            let length = event.packet.bytes.len();
            self.bytes.entry(datagram.to).or_default().push((event.at, direction, length));
            if let Ok((header, _)) = header {
                self.given.extend(header.cookie.map(|cookie| (datagram.to, cookie)));
                if header.kind == Type::Bye {
                    self.goodbyes.push((event.at, header));
                }
            }
            return;
        }
        self.senders.entry(text(datagram.payload)).or_insert(datagram.from);
        if let Ok((header, _)) = header
            && header.kind == Type::Bye
        {
            self.lost_byes.insert(header.token);
        }
        if let Ok((header, text)) = header
            && header.kind == Type::Request
        {
            let (from, text) = (datagram.from, text.to_vec());
            let key = (header.token, header.message_id);
            self.copies.entry(key).or_default().push(Copy { from, header, text });
        }
    }

    fn came(&mut self, event: &NetEvent, datagram: &Datagram<'_>, forged: bool) {
        let arrival = Arrival { at: event.at, from: datagram.from, packet: event.packet.number };
        self.arrived.entry(text(datagram.payload)).or_default().push(arrival);
        let bytes = (event.at, event.packet.direction, event.packet.bytes.len());
        self.bytes.entry(datagram.from).or_default().push(bytes);
        let Ok((header, _)) = Header::parse(datagram.payload) else { return };
        if header.cookie.is_some() {
            self.proven.insert(datagram.from);
        }
        if header.kind == Type::Bye {
            self.lost_byes.remove(&header.token);
        }
        if !forged {
            self.tokens.entry(header.message_id).or_insert(header.token);
        }
        let (at, from) = (event.at, datagram.from);
        self.heard.push(Heard { at, from, header, forged });
    }

    /// Returns whether a datagram has the cookie that was given to the address from which it came.
    pub(crate) fn proves(&self, heard: &Heard) -> bool {
        heard.header.cookie.is_some_and(|cookie| self.given.contains(&(heard.from, cookie)))
    }

    /// Returns the arrivals of a request.
    pub(crate) fn arrivals(&self, text: &str) -> &[Arrival] {
        self.arrived.get(text).map_or(&[], Vec::as_slice)
    }
}

/// What tells a packet from all others.
fn named(event: &NetEvent) -> (Direction, u64) {
    (event.packet.direction, event.packet.number)
}

/// What a datagram asks, framed or bare.
fn text(datagram: &[u8]) -> String {
    let text = match is_framed(datagram) {
        true => Header::parse(datagram)
            .ok()
            .filter(|(header, _)| header.kind == Type::Request)
            .map_or(&b""[..], |(_, payload)| payload),
        false => datagram,
    };
    String::from_utf8_lossy(text).into_owned()
}
