//! What happened at the server, for its transcript.
//!
//! A session queues events only as far as someone listens: a quiet server pays nothing for them.

use std::collections::VecDeque;

use crate::peer::Peer;
use crate::service::files::GetRequest;
use crate::service::{Reply, Sum};

/// One thing that happened, and with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// With whom.
    pub peer: Peer,
    /// Over framed UDP: of which message.
    pub message_id: Option<u32>,
    /// What.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A connection was accepted.
    Connected,
    /// A session was opened, under this name.
    Joined(String),
    /// A client goes on with its session from another address; it was here before.
    Moved(std::net::SocketAddr),
    /// A request arrived.
    Received(String),
    /// A sum was executed: once, however often the request is repeated.
    Exchange {
        /// Who asked.
        client_name: String,
        /// Who answered.
        server_name: String,
        /// Their numbers.
        sum: Sum,
    },
    /// A reply was handed to the network.
    Sent(String),
    /// A copy of a request arrived.
    Duplicate {
        /// The copy's attempt number.
        attempt: u8,
        /// What it was answered with.
        answer: DuplicateAnswer,
    },
    /// Something arrived that is not a message of the protocol.
    Malformed(String),
    /// A peer was turned away.
    Busy(String),
    /// A peer was asked to prove its address.
    Challenged(Challenge),
    /// An obeyed number asks the server to stop.
    OutOfRange(i64),
    /// A conversation ended.
    Disconnected(Disconnect),
    /// A session ended.
    Left {
        /// Whose.
        name: String,
        /// How.
        how: Disconnect,
    },
    /// A content could not be read to its end; the client sees that bytes are missing.
    ContentBroken(String),
    /// A datagram was dropped without an answer.
    Dropped(Dropped),
}

/// What a copy of a request was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateAnswer {
    /// The remembered reply.
    FromCache,
    /// An ACK: the work is not done yet.
    StillWorking,
    /// Nothing: it is too old to be remembered.
    TooOld,
}

/// Why a proof of address was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// Obeying would harm others.
    Sensitive,
    /// The reply would be larger than an unproven address may be sent.
    ReplyTooLarge,
    /// The server's memory is three quarters full.
    MemoryShort,
    /// The client of a session comes from another address than before.
    NewAddress,
}

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnect {
    /// FIN in both directions, or ours after our last word.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// Nothing was said for too long.
    Idle,
    /// What we said was not taken for too long.
    Stalled,
    /// The client said goodbye.
    Goodbye,
    /// The server stops.
    Shutdown,
}

/// Why a datagram was dropped without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// Its header lies, or names a type that does not exist or is not for servers.
    Header(super::datagram::header::HeaderError),
    /// A type that a server does not take.
    NotForServers,
    /// The reply would be larger than an unproven address may be sent, and there is no way to ask
    /// a bare datagram's sender for proof.
    ReplyTooLarge,
    /// More challenges a second than the server sends.
    ChallengeLimit,
    /// More work held back than the server keeps.
    TooMuchWork,
}

/// How much is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Warnings only.
    Warnings,
    /// Every exchange.
    Exchanges,
    /// Also what is dropped in silence.
    Everything,
}

/// A queue of events that keeps only what someone listens to.
#[derive(Debug)]
pub struct Events {
    detail: Detail,
    queue: VecDeque<Event>,
}

impl Events {
    /// An empty queue.
    pub fn new(detail: Detail) -> Self {
        Events { detail, queue: VecDeque::new() }
    }

    /// Queues what `make` returns, if exchanges are listened to.
    pub fn exchange(
        &mut self,
        peer: Peer,
        message_id: Option<u32>,
        make: impl FnOnce() -> EventKind,
    ) {
        if self.detail >= Detail::Exchanges {
            self.queue.push_back(Event { peer, message_id, kind: make() });
        }
    }

    /// Queues what every listener hears.
    pub fn warning(&mut self, peer: Peer, message_id: Option<u32>, kind: EventKind) {
        self.queue.push_back(Event { peer, message_id, kind });
    }

    /// Queues that something was no message of the protocol; `error` is what it was answered with.
    pub fn malformed(&mut self, peer: Peer, message_id: Option<u32>, error: &[u8]) {
        let reason = lossy(error.strip_prefix(b"ERR ").unwrap_or(error));
        self.warning(peer, message_id, EventKind::Malformed(reason));
    }

    /// Queues why a datagram was dropped, if that is listened to.
    pub fn dropped(&mut self, peer: Peer, why: Dropped) {
        if self.detail >= Detail::Everything {
            self.queue.push_back(Event { peer, message_id: None, kind: EventKind::Dropped(why) });
        }
    }

    /// Queues the sum that `request` led to, if `reply` holds one.
    pub fn executed(
        &mut self,
        peer: Peer,
        message_id: Option<u32>,
        request: &str,
        reply: &Reply<'_>,
    ) {
        let Some(sum) = reply.sum else { return };
        self.exchange(peer, message_id, || EventKind::Exchange {
            client_name: before_semicolon(request.as_bytes()),
            server_name: before_semicolon(reply.as_bytes()),
            sum,
        });
    }

    /// Queues a request. Those for further parts of a file are many, and only for who wants to hear
    /// everything.
    pub fn received(&mut self, peer: Peer, message_id: Option<u32>, request: &str) {
        let further = GetRequest::parse(request).is_some_and(|get| get.version.is_some());
        if !further || self.detail == Detail::Everything {
            self.exchange(peer, message_id, || EventKind::Received(request.to_owned()));
        }
    }

    /// Queues the first line of a content that is handed to the network; of further parts as
    /// [`Events::received`].
    pub fn sent_content(&mut self, peer: Peer, message_id: Option<u32>, content: &[u8]) {
        let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let further = line.starts_with(b"PART ");
        if !further || self.detail == Detail::Everything {
            self.sent(peer, message_id, line);
        }
    }

    /// Queues the text of a reply that is handed to the network.
    pub fn sent(&mut self, peer: Peer, message_id: Option<u32>, reply: &[u8]) {
        self.exchange(peer, message_id, || EventKind::Sent(lossy(reply)));
    }

    /// Returns the oldest event.
    pub fn poll(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }
}

fn before_semicolon(message: &[u8]) -> String {
    lossy(message.split(|byte| *byte == b';').next().unwrap_or_default())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
