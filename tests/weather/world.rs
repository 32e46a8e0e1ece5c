//! A world: the wire, the server, its clients, and what happens to them. How it is drawn from a seed
//! is in `drawing`.

use std::time::Duration;

use socklab::peer::Transport;
use socklab::protocol::datagram::{IcmpPolicy, Semantics};
use socklab::protocol::framing::Framing;
use socklab::wire::WireConfig;

use crate::chat::forging::Forgery;
use crate::chat::plan::{ChatPlan, Guest};

/// Everything that decides what happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) wire: WireConfig,
    pub(crate) server: ServerPlan,
    /// Its service is the chat; otherwise the sum.
    pub(crate) chat: Option<ChatPlan>,
    pub(crate) clients: Vec<ClientPlan>,
    /// What happens, in order, each so long after the beginning.
    pub(crate) script: Vec<(Duration, Act)>,
}

/// How the server is started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerPlan {
    pub(crate) work: Duration,
    pub(crate) duplicate_cache: bool,
    pub(crate) goodbye: bool,
    pub(crate) validate: bool,
    pub(crate) allows_shutdown: bool,
    pub(crate) max_clients: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) drain: Duration,
    pub(crate) framing: Framing,
    /// Longer than many a client may be sent before it has proven its address, or not.
    pub(crate) has_long_name: bool,
    /// After it has stopped it is started again, so much later.
    pub(crate) starts_again: Option<Duration>,
}

/// What can happen to the server and the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Start,
    Interrupt,
    Kill,
    PowerOff,
    PowerOn,
    Cut,
    Join,
    /// Another program takes the server's ports, and does not speak the protocol.
    Impostor,
    /// The translator of addresses before this client forgets it.
    ChangeAddress(usize),
    /// Somebody sends a packet in another's name.
    Forge(Forgery),
    /// The files of the chat are replaced by others of the same names.
    NewFiles,
}

/// A client on a host of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClientPlan {
    pub(crate) starts: Duration,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Talker(Talk),
    Guest(Guest),
    /// Connects over TCP and says nothing for so long.
    Idle(Duration),
    /// Says what is not the protocol, so many times, over this transport.
    Hostile(Transport, usize),
}

/// A client that asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Talk {
    pub(crate) transport: Transport,
    pub(crate) semantics: Semantics,
    pub(crate) exchanges: usize,
    /// Questions asked without waiting for answers.
    pub(crate) ahead: usize,
    /// Pause between such questions.
    pub(crate) spacing: Duration,
    pub(crate) window: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retransmission_timeout: Duration,
    pub(crate) retransmissions: Option<u8>,
    pub(crate) icmp: IcmpPolicy,
    pub(crate) framing: Framing,
    /// Pause after an exchange.
    pub(crate) think: Duration,
    /// Each exchange in a conversation of its own, with `ask_once`.
    pub(crate) apart: bool,
    /// The question that asks the server to stop.
    pub(crate) stops_at: Option<usize>,
}

impl World {
    /// Returns how many the server serves at once.
    pub(crate) fn places(&self) -> usize {
        self.chat.as_ref().map_or(self.server.max_clients, |chat| chat.max_guests)
    }
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
