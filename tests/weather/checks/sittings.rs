//! The sessions of a chat as the server's transcript tells them.

use std::net::SocketAddr;

use socklab::peer::{Peer, Transport};
use socklab::protocol::datagram::header::Type;
use socklab::protocol::event::{Disconnect, EventKind};
use socklab::service::GuestId;
use socklab::time::Timestamp;

use crate::chat::visit::{Visit, number_of};
use crate::story::{Life, Story};
use crate::traffic::{Heard, Traffic};
use crate::world::ms;

/// One session, from `joined` to `left`.
#[derive(Debug, Clone)]
pub(crate) struct Sitting<'a> {
    pub(crate) life: &'a Life,
    pub(crate) name: &'a str,
    pub(crate) peer: Peer,
    pub(crate) joined: Timestamp,
    /// Over UDP.
    pub(crate) token: Option<u32>,
    /// How often, when and how it ended.
    pub(crate) left: Vec<(Timestamp, Disconnect)>,
    /// Where its client was, each since when.
    pub(crate) addresses: Vec<(Timestamp, SocketAddr)>,
}

/// Returns the sessions of a life, in the order in which they began.
pub(crate) fn sittings<'a>(life: &'a Life, traffic: &Traffic) -> Vec<Sitting<'a>> {
    let mut sittings: Vec<Sitting<'a>> = Vec::new();
    for (at, event) in &life.events {
        let (at, peer) = (*at, event.peer);
        let token = event.message_id.and_then(|id| traffic.tokens.get(&id).copied());
        match &event.kind {
            EventKind::Joined(name) => {
                let (left, addresses) = (Vec::new(), vec![(at, peer.address)]);
                sittings.push(Sitting { life, name, peer, joined: at, token, left, addresses });
            }
            EventKind::Left { name, how } => {
                let found = sittings.iter_mut().rev().find(|one| one.name == name);
                if let Some(sitting) = found {
                    sitting.left.push((at, *how));
                }
            }
            EventKind::Moved(before) => {
                // A PING that moves a session is told without its message id.
                let was_there = |one: &&mut Sitting<'_>| match token {
                    Some(token) => one.token == Some(token),
                    None => one.left.is_empty() && one.address() == Some(*before),
                };
                if let Some(sitting) = sittings.iter_mut().rev().find(was_there) {
                    sitting.addresses.push((at, peer.address));
                }
            }
            _ => {}
        }
    }
    sittings
}

/// Returns the sessions that a visit may have been in: over UDP those of its token, over TCP those of
/// its name that began while it waited for one.
pub(crate) fn of_visit<'a>(story: &'a Story, traffic: &Traffic, visit: &Visit) -> Vec<Sitting<'a>> {
    let all = story.lives.iter().flat_map(|life| sittings(life, traffic));
    let Some((heard, name)) = visit.welcomed() else { return Vec::new() };
    let of_it = |one: &Sitting<'_>| {
        let sameness = match visit.transport {
            Transport::Udp => one.token == Some(visit.token),
            Transport::Tcp => one.name == name && one.joined >= visit.lines[0].at,
        };
        sameness && one.peer.transport == visit.transport && one.joined <= heard
    };
    all.filter(of_it).collect()
}

impl Sitting<'_> {
    /// Returns the number in its name.
    pub(crate) fn guest(&self) -> Option<GuestId> {
        number_of(self.name).map(GuestId)
    }

    /// Returns where its client was last.
    fn address(&self) -> Option<SocketAddr> {
        self.addresses.last().map(|(_, address)| *address)
    }

    /// Returns when it ended, also with the server's life.
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        let left = self.left.first().map(|(at, _)| *at);
        socklab::time::earlier(left, self.life.ended.map(|(at, _)| at))
    }

    /// Returns whether it was open all that time, ends included.
    pub(crate) fn was_open(&self, from: Timestamp, to: Timestamp) -> bool {
        self.joined < from && self.ended().is_none_or(|ended| ended > to)
    }

    /// Returns whether the server knew its client at this address at this moment. The programs'
    /// clock has whole milliseconds: a change may have been 1 ms earlier or later.
    pub(crate) fn was_at(&self, address: SocketAddr, at: Timestamp) -> bool {
        let mut known = self.addresses.windows(2).map(|pair| (pair[0], Some(pair[1].0)));
        let last = self.addresses.last().map(|last| (*last, None));
        let there = |((since, here), until): ((Timestamp, SocketAddr), Option<Timestamp>)| {
            here == address && since <= at + ms(1) && until.is_none_or(|until| at <= until + ms(1))
        };
        known.any(there) || last.is_some_and(there)
    }

    /// Returns whether it was there, and nowhere else for a moment before and after.
    pub(crate) fn surely_at(&self, address: SocketAddr, at: Timestamp) -> bool {
        let near = |since: Timestamp| since <= at + ms(2) && at <= since + ms(2);
        let moves = self.addresses.iter().skip(1).any(|(since, _)| near(*since));
        !moves && self.was_at(address, at)
    }

    /// Returns the datagrams of one type that its client sent, and that arrived.
    pub(crate) fn heard<'t>(
        &self,
        traffic: &'t Traffic,
        kind: Type,
    ) -> impl Iterator<Item = &'t Heard> {
        self.all_heard(traffic).filter(move |one| one.header.kind == kind)
    }

    /// Returns all datagrams with its token that arrived, but for what was forged.
    pub(crate) fn all_heard<'t>(&self, traffic: &'t Traffic) -> impl Iterator<Item = &'t Heard> {
        let token = self.token;
        let own = move |one: &&Heard| !one.forged && Some(one.header.token) == token;
        traffic.heard.iter().filter(own)
    }
}
