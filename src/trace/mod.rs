//! What was recorded of a run: every packet with its fate, and what the programs did, each with
//! time and place. Ladders, plots and captures are pure functions of it, and nothing stands in them
//! that is not in the record.

pub mod closings;
pub mod ladder;
pub mod pcapng;
pub mod plots;
pub mod reading;
mod rows;
pub mod svg;

use std::fmt;
use std::sync::Arc;

use crate::time::Timestamp;
use crate::wire::{Direction, What};

/// The record of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Every packet that was put on the wire, in the order in which they were.
    pub packets: Vec<TracedPacket>,
    /// What the programs did, in the order of time.
    pub notes: Vec<Note>,
}

/// Where something happened. Sorted: clients before the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A client's host, from 1.
    Client(usize),
    /// The server's host.
    Server,
}

/// A packet, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedPacket {
    /// Which way.
    pub direction: Direction,
    /// Which of the packets that went this way, from 1.
    pub number: u64,
    /// The client's host, whichever way it went.
    pub client: usize,
    /// The IP packet.
    pub bytes: Arc<[u8]>,
    /// When it was put on the wire.
    pub sent: Timestamp,
    /// Why it never arrived, if the wire lost it.
    pub lost: Option<Loss>,
    /// What held it back, if something did.
    pub held: Option<Cause>,
    /// What doubled it, if something did.
    pub duplicated: Option<Cause>,
    /// Whether no host has sent it, whatever it claims.
    pub forged: bool,
    /// When it arrived; twice if it was doubled. Empty if it was lost, or was still under way at the
    /// end of the record.
    pub arrivals: Vec<Arrival>,
}

/// Why the wire lost a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The dice, or a rule.
    By(Cause),
    /// The queue was full.
    QueueFull,
    /// The wire was cut.
    Cut,
}

/// What decided over a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The dice.
    Luck,
    /// The rule about this.
    Rule(What),
}

/// A packet came out of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Timestamp,
    /// Whether this is the second of two.
    pub copy: bool,
    /// Why the host dropped it there, if it did: `backlog full`.
    pub dropped: Option<&'static str>,
}

/// Something that a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub place: Place,
    /// What, in a few words: `25 + 61 = 86`. Already escaped.
    pub text: String,
}

impl TracedPacket {
    /// Returns where it came from.
    pub fn from(&self) -> Place {
        match self.direction {
            Direction::ClientToServer => Place::Client(self.client),
            Direction::ServerToClient => Place::Server,
        }
    }

    /// Returns where it was going.
    pub fn to(&self) -> Place {
        match self.direction {
            Direction::ClientToServer => Place::Server,
            Direction::ServerToClient => Place::Client(self.client),
        }
    }
}

impl fmt::Display for Loss {
    /// Completes "lost: ..."; `dropped by rule reply:1`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::By(Cause::Luck) => formatter.write_str("lost by luck"),
            Loss::By(Cause::Rule(what)) => write!(formatter, "dropped by rule {what}"),
            Loss::QueueFull => formatter.write_str("dropped, the queue was full"),
            Loss::Cut => formatter.write_str("lost, the wire was cut"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Client(number) => write!(formatter, "client {number}"),
            Place::Server => formatter.write_str("server"),
        }
    }
}
