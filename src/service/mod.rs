//! What a server does with a request, without knowing which transport brought it.
//!
//! A service reads text and writes text. It opens no socket, reads no clock and repeats nothing;
//! that a request may arrive twice is the concern of `protocol::datagram`.

pub mod calculator;
pub mod chat;
pub mod content;
pub mod echo;
pub mod files;
pub mod sum;

use content::Content;

use crate::peer::Peer;
use crate::time::Timestamp;

/// Something a server can do.
pub trait Service: Send {
    /// Returns whether obeying `request` would harm others, so that over UDP the peer must first
    /// prove that it can receive at the address it claims.
    fn is_sensitive(&self, caller: Caller, request: &str) -> bool;

    /// Executes `request`, writes the answer into `reply` and says how the conversation goes on.
    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next;

    /// Returns what opens and closes sessions, if clients must have one before they ask.
    fn sessions(&mut self) -> Option<&mut dyn Sessions> {
        None
    }
}

/// Which service a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServiceKind {
    /// A number is answered with a number; both ends compute the sum.
    #[default]
    Sum,
    /// An expression is answered with its value.
    Calculator,
    /// Text is answered with the same text.
    Echo,
    /// Clients have names and sessions; there may be files.
    Chat,
}

impl ServiceKind {
    /// Returns its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            ServiceKind::Sum => "sum",
            ServiceKind::Calculator => "calculator",
            ServiceKind::Echo => "echo",
            ServiceKind::Chat => "chat",
        }
    }

    /// Returns whether its clients open a session before they ask.
    pub const fn has_sessions(self) -> bool {
        matches!(self, ServiceKind::Chat)
    }
}

/// A service that knows its clients from their first word to their last.
pub trait Sessions {
    /// Opens a session for a client that has just come.
    ///
    /// # Errors
    /// If there is no room for it; the reason follows `BUSY ` on the wire.
    fn open(&mut self, peer: Peer, now: Timestamp) -> Result<Greeting, String>;

    /// Takes note that a client has left, whether it said so or not. Once is enough; more does no
    /// harm.
    fn close(&mut self, guest: GuestId, now: Timestamp);
}

/// What a service calls a client that has opened a session. Never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestId(pub u64);

/// What a client hears when its session opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Whose session it is.
    pub guest: GuestId,
    /// The name it was given: the first words on the wire.
    pub name: String,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub peer: Peer,
    /// In which session, if the service has them.
    pub guest: Option<GuestId>,
}

impl From<Peer> for Caller {
    fn from(peer: Peer) -> Self {
        Caller { peer, guest: None }
    }
}

/// How a conversation goes on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send the reply and wait for the next request.
    Continue,
    /// The request broke the rules: send the reply; a connection is then closed.
    Close,
    /// The client says goodbye: send the reply; its session is over, and a connection is closed.
    Leave,
    /// The request asks the server to stop: no reply.
    Shutdown {
        /// The number that was out of range.
        number: i64,
    },
}

/// Where a service writes its answer: straight into the bytes that will leave.
#[derive(Debug)]
pub struct Reply<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    /// The sum that was computed, if the request was one: what the transcript reports.
    pub sum: Option<Sum>,
    /// What follows the text written so far, read piece by piece as it is sent.
    pub content: Option<Box<dyn Content>>,
}

/// Both numbers of an executed sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// What the client sent, 1..100.
    pub client_number: u8,
    /// What the server drew, 1..100.
    pub server_number: u8,
}

impl Sum {
    /// Returns the sum of both numbers.
    pub const fn total(self) -> u16 {
        self.client_number as u16 + self.server_number as u16
    }
}

impl<'a> Reply<'a> {
    /// A reply that will be appended to `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        let start = bytes.len();
        Reply { bytes, start, sum: None, content: None }
    }

    /// Appends `text`.
    pub fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends `number` in decimal.
    pub fn push_number(&mut self, number: impl itoa::Integer) {
        self.push_str(itoa::Buffer::new().format(number));
    }

    /// Replaces a text of more than `longest` bytes by an error: no client would take it.
    pub fn keep_within(&mut self, longest: usize) {
        if self.as_bytes().len() > longest {
            self.bytes.truncate(self.start);
            self.push_str("ERR the reply would be too long");
        }
    }

    /// Returns what has been written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}
