//! What is kept of a world that was lived through, for the checks to judge.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use socklab::net::sim::NetEvent;
use socklab::peer::{Peer, Transport};
use socklab::protocol::datagram::Semantics;
use socklab::protocol::event::Event;
use socklab::protocol::{Ending, Exchange};
use socklab::service::{GuestId, Next};
use socklab::time::Timestamp;

use crate::chat::visit::Visit;
use crate::world::World;

/// Everything that happened.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) lives: Vec<Life>,
    pub(crate) asked: Vec<Asked>,
    /// What the guests of a chat have seen.
    pub(crate) visits: Vec<Visit>,
    /// What went wrong at a client that is no ending.
    pub(crate) trouble: Vec<String>,
    pub(crate) aftermath: Aftermath,
    pub(crate) record: Vec<NetEvent>,
    pub(crate) panics: Vec<String>,
}

/// One server process, from its start to its end.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// From 1. The server's name says it.
    pub(crate) number: usize,
    pub(crate) began: Timestamp,
    /// When it was interrupted.
    pub(crate) interrupted: Option<Timestamp>,
    pub(crate) ended: Option<(Timestamp, End)>,
    pub(crate) executions: Vec<Execution>,
    /// The sessions of the service, as it was told of them.
    pub(crate) sessions: Vec<SessionCall>,
    pub(crate) events: Vec<(Timestamp, Event)>,
    pub(crate) trouble: Vec<String>,
}

/// How a server process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// `serve` returned.
    Stopped,
    Killed,
    PoweredOff,
}

/// A session of the service was opened or closed, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionCall {
    Opened(GuestId),
    Full,
    Closed(GuestId),
}

/// One call of the service.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) at: Timestamp,
    pub(crate) peer: Peer,
    /// In which session.
    pub(crate) guest: Option<GuestId>,
    /// How many calls about sessions there had been.
    pub(crate) sessions: usize,
    pub(crate) request: String,
    /// Of a content its first line, once it was read.
    pub(crate) reply: String,
    pub(crate) next: Next,
}

/// One exchange of a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// Which client of the world.
    pub(crate) client: usize,
    /// Which of its conversations.
    pub(crate) conversation: usize,
    /// Which of the client's requests, from 0.
    pub(crate) number: usize,
    /// Unlike that of any other exchange.
    pub(crate) text: String,
    pub(crate) at: Timestamp,
    /// Each time a copy left.
    pub(crate) copies: Vec<Timestamp>,
    /// Whether the conversation was there before it was asked.
    pub(crate) connected: bool,
    pub(crate) ended: Option<(Timestamp, Exchange)>,
}

/// What was found when everything had ended and every lifetime had passed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aftermath {
    /// Whether a server was running.
    pub(crate) running: bool,
    /// Whose sessions were open.
    pub(crate) still_here: BTreeSet<GuestId>,
    /// How a healthy client's exchanges ended: over each transport, and over as many connections at
    /// once as the server takes.
    pub(crate) probes: Vec<(Transport, Ending)>,
    /// A request of old, said again: what the server answered.
    pub(crate) replays: Vec<(String, Option<String>)>,
    /// How long the server took to stop.
    pub(crate) stopping: Option<Duration>,
    /// Whether everything of the server was gone when it had stopped.
    pub(crate) service_dropped: bool,
    /// Sockets that are left, by host.
    pub(crate) sockets: Vec<usize>,
}

impl Asked {
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.ended.as_ref().map(|(_, exchange)| &exchange.ending)
    }
}

impl Life {
    /// Returns when it began to stop.
    pub(crate) fn stopping(&self) -> Option<Timestamp> {
        let asked = self.executions.iter().find(|one| matches!(one.next, Next::Shutdown { .. }));
        let asked = asked.map(|one| one.at);
        socklab::time::earlier(self.interrupted, asked)
    }

    /// Returns whether it was alive then.
    pub(crate) fn lived_at(&self, at: Timestamp) -> bool {
        self.began <= at && self.ended.is_none_or(|(ended, _)| at <= ended)
    }

    /// Returns whose sessions are open after so many calls about sessions.
    pub(crate) fn guests_after(&self, calls: usize) -> BTreeSet<GuestId> {
        let mut here = BTreeSet::new();
        for call in &self.sessions[..calls] {
            match call {
                SessionCall::Opened(guest) => here.insert(*guest),
                SessionCall::Closed(guest) => here.remove(guest),
                SessionCall::Full => false,
            };
        }
        here
    }

    /// Returns the executions of a request.
    pub(crate) fn executed<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Execution> {
        self.executions.iter().filter(move |one| one.request == text)
    }
}

impl Story {
    /// Returns how a client was to talk.
    pub(crate) fn talk(&self, asked: &Asked) -> &crate::world::Talk {
        match &self.world.clients[asked.client - 1].kind {
            crate::world::Kind::Talker(talk) => talk,
            other => unreachable!("{other:?} asks nothing"),
        }
    }

    /// Returns how a guest was to behave.
    pub(crate) fn guest(&self, client: usize) -> &crate::chat::plan::Guest {
        match &self.world.clients[client - 1].kind {
            crate::world::Kind::Guest(guest) => guest,
            other => unreachable!("{other:?} is no guest"),
        }
    }

    /// Returns the executions of a request, in all lives.
    pub(crate) fn executed<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Execution> {
        self.lives.iter().flat_map(move |life| life.executed(text))
    }

    /// Returns whether the server remembers this exchange.
    pub(crate) fn is_remembered(&self, asked: &Asked) -> bool {
        let talk = self.talk(asked);
        talk.transport == Transport::Udp
            && talk.semantics == Semantics::AtMostOnce
            && self.world.server.duplicate_cache
    }
}

/// Where the server listens.
pub(crate) fn server() -> SocketAddr {
    "10.0.0.2:12000".parse().expect("an address")
}
