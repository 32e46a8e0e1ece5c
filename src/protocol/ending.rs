//! How an exchange can end, over either transport, and what the client's half reports on its way.

use std::fmt;
use std::sync::Arc;

/// What a [`Requester`](super::Requester) reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequesterEvent {
    /// A request left.
    Sent {
        /// Which exchange.
        id: u32,
        /// From 1; over TCP always 1, because its stack repeats.
        attempt: u8,
        /// Why it left.
        reason: Transmission,
    },
    /// The server says that it has the request and is working on it.
    Acknowledged {
        /// Which exchange.
        id: u32,
    },
    /// A piece of a content, in order.
    Content {
        /// Which exchange.
        id: u32,
        /// The line before the first piece; the exchange ends with it, after the last one.
        head: Arc<str>,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// Something came that answers nothing we asked; it was dropped.
    Unexpected,
    /// A bare datagram came, while only framed ones are spoken; it was dropped.
    Unframed,
    /// An exchange has ended.
    Ended(Exchange),
    /// The server has ended the conversation.
    Left(Closing),
    /// The server has ended the conversation before we asked anything, and said why.
    TurnedAway(Ending),
}

/// Why a request left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transmission {
    /// For the first time.
    First,
    /// Again: no answer came in time.
    Retransmission,
    /// Again, with the cookie that the server asked for.
    WithCookie,
}

/// One request with its reply, retransmissions and duplicates included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Which exchange.
    pub id: u32,
    /// How often the request left.
    pub attempts: u8,
    /// Of these, how often because no answer came.
    pub retransmissions: u8,
    /// How it ended.
    pub ending: Ending,
}

/// How an exchange can end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The server answered with this text.
    Replied(String),
    /// Nobody listens there: the request was not executed.
    Refused,
    /// The deadline passed, or no copy was left to send.
    TimedOut,
    /// The connection ended while the request was outstanding.
    BrokenOff(Closing),
    /// The server has stopped.
    ServerShutDown(Closing),
    /// The server has no room for us; its reason.
    Busy(String),
    /// The server said something that is not the protocol.
    ProtocolError(String),
    /// The request may have been executed, or not; nobody can tell us any more.
    OutcomeUnknown(Unknown),
}

/// How the other end left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// FIN: it closed the connection.
    EndOfStream,
    /// RST: it reset the connection.
    Reset,
    /// It did not: our own stack gave the connection up, because nothing came back.
    GaveUp,
    /// BYE: it said goodbye in a datagram, with this reason.
    Bye(super::datagram::header::ByeReason),
}

/// Why an outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// An earlier attempt met no refusal, a later one did: the server went away in between.
    RefusedLater,
    /// The server that answers now is not the one that was asked.
    Stale,
}

impl Ending {
    /// Returns the exit code by which a script tells the endings apart.
    pub fn exit_code(&self) -> u8 {
        match self {
            Ending::Replied(_) => 0,
            Ending::Refused => 3,
            Ending::TimedOut => 4,
            Ending::BrokenOff(_) => 5,
            Ending::ServerShutDown(_) => 6,
            Ending::Busy(_) => 7,
            Ending::ProtocolError(_) => 8,
            Ending::OutcomeUnknown(_) => 9,
        }
    }

    /// Returns one word, or a few joined by underscores, for JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Ending::Replied(_) => "replied",
            Ending::Refused => "refused",
            Ending::TimedOut => "timed_out",
            Ending::BrokenOff(_) => "broken_off",
            Ending::ServerShutDown(_) => "server_shut_down",
            Ending::Busy(_) => "busy",
            Ending::ProtocolError(_) => "protocol_error",
            Ending::OutcomeUnknown(_) => "outcome_unknown",
        }
    }
}

impl fmt::Display for Closing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closing::EndOfStream => formatter.write_str("the server closed the connection"),
            Closing::Reset => formatter.write_str("the server reset the connection"),
            Closing::GaveUp => formatter.write_str("nothing came back, and TCP gave up"),
            Closing::Bye(reason) => write!(formatter, "the server said BYE, {reason}"),
        }
    }
}
