//! What a guest has seen of one conversation.

use socklab::peer::Transport;
use socklab::protocol::{Closing, Ending, Exchange};
use socklab::time::Timestamp;

/// One conversation of a guest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Visit {
    /// Which client of the world.
    pub(crate) client: usize,
    /// Which of its visits, from 0.
    pub(crate) number: usize,
    pub(crate) transport: Transport,
    /// Over UDP: its name on the wire.
    pub(crate) token: u32,
    /// Everything that was asked, the HELLO first; nothing if no conversation could be opened.
    pub(crate) lines: Vec<Line>,
    pub(crate) fetches: Vec<Fetch>,
    /// That the server has ended the conversation.
    pub(crate) left: Option<(Timestamp, Closing)>,
    /// When the client left.
    pub(crate) ended: Option<Timestamp>,
}

/// One exchange of a guest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) id: u32,
    pub(crate) text: String,
    pub(crate) what: What,
    pub(crate) at: Timestamp,
    pub(crate) ended: Option<(Timestamp, Exchange)>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Hello,
    /// Unlike that of any other guest.
    Text,
    Status,
    StatusAll,
    List,
    Exit,
}

/// A file that was fetched, or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fetch {
    /// Which of the files.
    pub(crate) file: usize,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) outcome: Outcome,
    /// The SHA-256 that was announced.
    pub(crate) announced: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// What came of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Whole,
    Line(String),
    Ended(Ending),
}

impl Visit {
    /// Returns the name that the server gave, and when it was heard.
    pub(crate) fn welcomed(&self) -> Option<(Timestamp, &str)> {
        let (at, exchange) = self.lines.first()?.ended.as_ref()?;
        match &exchange.ending {
            Ending::Replied(name) => Some((*at, name)),
            _ => None,
        }
    }

    /// Returns the number of its session, as far as its name tells.
    pub(crate) fn guest(&self) -> Option<u64> {
        number_of(self.welcomed()?.1)
    }

    /// Returns everything that was asked after the HELLO.
    pub(crate) fn asked(&self) -> &[Line] {
        self.lines.get(1..).unwrap_or_default()
    }
}

impl Line {
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.ended.as_ref().map(|(_, exchange)| &exchange.ending)
    }
}

/// Returns the number in the name of a guest.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("Client")?.parse().ok()
}
