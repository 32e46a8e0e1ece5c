//! What a chat is to be, and what its guests are to do.

use std::time::Duration;

use socklab::peer::Transport;
use socklab::protocol::datagram::{IcmpPolicy, Semantics};
use socklab::protocol::framing::Framing;

/// The chat, beside what every server has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChatPlan {
    /// Sessions at once.
    pub(crate) max_guests: usize,
    /// Whether it has files.
    pub(crate) files: bool,
}

/// A client of a chat: it comes, talks and leaves, one visit after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Guest {
    pub(crate) transport: Transport,
    pub(crate) semantics: Semantics,
    /// Of one exchange.
    pub(crate) timeout: Duration,
    pub(crate) retransmission_timeout: Duration,
    pub(crate) retransmissions: Option<u8>,
    pub(crate) window: usize,
    pub(crate) icmp: IcmpPolicy,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) visits: Vec<VisitPlan>,
}

/// One conversation, from HELLO or the greeting to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VisitPlan {
    pub(crate) steps: Vec<Step>,
    pub(crate) leaving: Leaving,
    /// Pause before the next visit.
    pub(crate) pause: Duration,
}

/// What a guest does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Says so many texts at once.
    Say(usize),
    Status,
    StatusAll,
    List,
    /// Gets one of the files.
    Fetch(usize),
    /// Says nothing for so long, but listens.
    Rest(Duration),
}

/// How a guest leaves, if the server has not ended the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// With `exit`; without an answer to it, as with a goodbye.
    Exit,
    /// With a BYE, or a FIN.
    Goodbye,
    /// Over TCP with a reset; over UDP without a word.
    Reset,
    /// The client's computer loses its power.
    PowerOff,
}
