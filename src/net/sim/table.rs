//! The connections of a host: which one a segment is for, and which of them has something to do.
//! Only those are looked at that a packet, a program or a moment concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::connection::{Connection, Owner};
use super::host::Id;
use super::stack::{Place, Stack, TcpSockets};
use crate::time::{Timestamp, earlier};

/// All connections of a host.
#[derive(Default)]
pub(super) struct Connections {
    known: BTreeMap<Id, Connection>,
    /// Those that have a socket, by their own port and their peer.
    by_ends: BTreeMap<(u16, SocketAddrV4), Id>,
    /// When a connection has something to do that nobody asks of it.
    agenda: BTreeSet<(Timestamp, Place, Id)>,
    /// A packet came for them, or their program did something.
    touched: Vec<(Place, Id)>,
}

impl Connections {
    pub(super) fn insert(&mut self, id: Id, connection: Connection) {
        self.by_ends.insert((connection.port, connection.peer), id);
        self.touched.extend(connection.socket.map(|place| (place, id)));
        self.known.insert(id, connection);
    }

    /// Removes a connection; its socket is left.
    pub(super) fn remove(&mut self, id: Id) -> Option<Connection> {
        let connection = self.known.remove(&id)?;
        if let Some(place) = connection.socket {
            self.by_ends.remove(&(connection.port, connection.peer));
            if let Some(due) = connection.due {
                self.agenda.remove(&(due, place, id));
            }
        }
        Some(connection)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Connection> {
        self.known.get_mut(&id)
    }

    pub(super) fn ids(&self) -> Vec<Id> {
        self.known.keys().copied().collect()
    }

    pub(super) fn count_forgotten(&self) -> usize {
        self.known.values().filter(|known| known.socket.is_none()).count()
    }

    pub(super) fn count_held(&self) -> usize {
        self.known.values().filter(|known| known.owner == Owner::Program).count()
    }

    /// Takes note that a segment came from this peer to this port. Returns the socket it is for.
    pub(super) fn hear(&mut self, port: u16, from: SocketAddrV4, now: Timestamp) -> Option<Place> {
        let id = *self.by_ends.get(&(port, from))?;
        let connection = self.known.get_mut(&id)?;
        connection.heard = now;
        let place = connection.socket?;
        self.touch(place, id);
        Some(place)
    }

    /// Returns whether the stack has a connection at this port.
    pub(super) fn occupy(&self, port: u16) -> bool {
        let first = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let last = SocketAddrV4::new(Ipv4Addr::BROADCAST, u16::MAX);
        self.by_ends.range((port, first)..=(port, last)).next().is_some()
    }

    /// Takes note that a connection has to be polled before anything else happens.
    pub(super) fn touch(&mut self, place: Place, id: Id) {
        self.touched.push((place, id));
    }

    /// Returns when the next connection has something to do by itself.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.agenda.first().map(|&(at, ..)| at)
    }

    /// Takes note of those that have something to do by `now`. Sockets take turns by place.
    pub(super) fn touch_due(&mut self, now: Timestamp) {
        let due = self.agenda.range(..=(now, Place::MAX, Id::MAX));
        self.touched.extend(due.map(|&(_, place, id)| (place, id)));
        self.touched.sort_unstable_by(|one, other| other.cmp(one));
        self.touched.dedup();
    }

    /// Returns the next connection to be polled.
    pub(super) fn next_touched(&mut self) -> Option<Id> {
        self.touched.pop().map(|(_, id)| id)
    }

    /// Lets a connection send what it may, and follows what it went through.
    pub(super) fn poll(
        &mut self,
        id: Id,
        sockets: &mut TcpSockets,
        stack: &mut Stack,
        now: Timestamp,
    ) {
        let Some(connection) = self.known.get_mut(&id) else { return };
        let Some(place) = connection.socket else { return };
        connection.review(sockets, now);
        let due = connection.socket.and_then(|place| stack.send(sockets.set(place), now));
        let limit = connection.review(sockets, now);
        let due = connection.socket.and(earlier(due, limit));
        if due != connection.due {
            self.agenda.extend(due.map(|due| (due, place, id)));
            if let Some(before) = std::mem::replace(&mut connection.due, due) {
                self.agenda.remove(&(before, place, id));
            }
        }
        if connection.socket.is_none() {
            self.by_ends.remove(&(connection.port, connection.peer));
            if connection.owner == Owner::Nobody {
                self.known.remove(&id);
            }
        }
    }
}
