//! What is asked of both transports: scenarios, each with a question, and how one is run.
//!
//! A scenario is data: on which wire, who starts when, what each client does, what happens to the
//! server, and which rows of the report answer the question. [`library`] holds them all; [`run`]
//! carries one out on any testbed.

mod executions;
mod explain;
pub mod facts;
mod guests;
pub mod library;
pub mod log;
pub mod metrics;
pub mod parity;
mod remote;
pub mod rows;
pub mod run;
pub mod wiring;
pub mod words;

use std::net::SocketAddr;
use std::time::Duration;

use crate::peer::Transport;
use crate::protocol::datagram::{RequesterConfig, Semantics};
use crate::protocol::framing::Framing;
use crate::protocol::parameters::WINDOW;
use crate::server::{Model, Second};
use crate::service::ServiceKind;
use crate::service::sum::RANGE;
use crate::testbed::{Action, Listener, Patience, ServerOptions, TcpProfile};
use log::{Comparison, Run};
use wiring::{WireChoices, WirePlan};

/// An experiment with a question.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its id on the command line; variants are `NAME.VARIANT`.
    pub name: &'static str,
    /// What the class is asked before it runs.
    pub question: &'static str,
    /// Why it would mislead on some networks.
    pub refused: &'static [(Network, &'static str)],
    /// What is compared.
    pub columns: &'static [Column],
    /// One deadline for each exchange, unless the user says otherwise; none waits as long as the
    /// transport does.
    pub timeout: Option<Duration>,
    /// Whether its question is what comes without a deadline: then nobody can give it one.
    pub about_no_deadline: bool,
    /// How many exchanges each asking client makes, unless the user says otherwise.
    pub exchanges: usize,
    /// Whether exact faults of the user decide how many exchanges there are: as many as the highest
    /// request or reply that is named.
    pub follows_faults: bool,
    /// What the wire does, unless the user says otherwise.
    pub wire: WirePlan,
    /// How long TCP tries where time is real, in place of the minutes that are its own.
    pub patience: Patience,
    /// What happens.
    pub script: Script,
    /// What the report shows, besides the outcome.
    pub rows: &'static [Row],
    /// What is drawn besides the ladders.
    pub plot: Plot,
    /// Says what happened, who did the work, what it cost and what it means.
    pub explain: fn(&Comparison) -> String,
}

/// A network on which scenarios are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Simulated hosts and a wire, in virtual time.
    Sim,
    /// This computer's kernel, without a wire.
    Loopback,
    /// This computer's kernel on hosts of our own, with the wire of the simulation, in real time.
    Kernel,
    /// Whatever lies between this computer and a server at this address, which somebody else has
    /// started.
    Remote(SocketAddr),
}

impl Network {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Network::Sim => "sim",
            Network::Loopback => "loopback",
            Network::Kernel => "kernel",
            Network::Remote(_) => "remote",
        }
    }
}

/// What is drawn besides the ladders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// Nothing.
    None,
    /// When the telling exchange's packets left, one row for each column.
    Timeline,
    /// When each message was sent, and when the program at the other end had it.
    Arrivals,
}

/// One column of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in JSON and in expectations.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What carries the messages.
    pub transport: Transport,
    /// Whether each exchange has a conversation of its own.
    pub anew: bool,
    /// Over UDP: how datagrams are treated, in place of the user's choice.
    pub semantics: Option<Semantics>,
    /// How the server serves many at once.
    pub model: Model,
    /// Over UDP: exchanges that a client may have outstanding, in place of the script's.
    pub window: Option<usize>,
}

/// Over TCP, one conversation for each client.
pub const TCP: Column = Column {
    key: "tcp",
    title: "TCP",
    transport: Transport::Tcp,
    anew: false,
    semantics: None,
    model: Model::Tasks,
    window: None,
};

/// Over UDP, one conversation for each client.
pub const UDP: Column = Column { key: "udp", title: "UDP", transport: Transport::Udp, ..TCP };

/// Over TCP, a new connection for each exchange.
pub const TCP_EACH: Column = Column { key: "tcp_each", title: "TCP, each anew", anew: true, ..TCP };

/// Over UDP, bare datagrams, one try.
pub const UDP_MAYBE: Column =
    Column { key: "udp_maybe", title: "UDP, one try", semantics: Some(Semantics::Maybe), ..UDP };

/// Over UDP, bare datagrams, where nothing else is compared.
pub const UDP_BARE: Column =
    Column { title: "UDP, bare", semantics: Some(Semantics::Maybe), ..UDP };

/// Over UDP, beside the column of one try.
pub const UDP_REPEATING: Column = Column { title: "UDP, repeating", ..UDP };

/// Over TCP, to a server that serves one client at a time.
pub const TCP_SERIAL: Column =
    Column { key: "tcp_serial", title: "TCP, serial", model: Model::Serial, ..TCP };

/// Over TCP, to a server with a thread for each client.
pub const TCP_THREADS: Column =
    Column { key: "tcp_threads", title: "TCP, threads", model: Model::Threads, ..TCP };

/// Over TCP, to a server that asks which sockets are ready.
pub const TCP_POLL: Column =
    Column { key: "tcp_poll", title: "TCP, poll", model: Model::Poll, ..TCP };

/// Over TCP, to a server with a task for each client.
pub const TCP_TASKS: Column = Column { key: "tcp_tasks", title: "TCP, tasks", ..TCP };

/// Over UDP, to a server that serves one datagram at a time.
pub const UDP_SERIAL: Column =
    Column { key: "udp_serial", title: "UDP, serial", model: Model::Serial, ..UDP };

/// Over UDP, several exchanges outstanding.
pub const UDP_WINDOW: Column =
    Column { key: "udp_window", title: "UDP, window 8", window: Some(8), ..UDP };

/// What happens in a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// What the server does.
    pub service: ServiceKind,
    /// Of a server that serves one client at a time: what becomes of a second one.
    pub second: Second,
    /// Clients at once, if the server is told.
    pub max_clients: Option<usize>,
    /// How long a client may be silent.
    pub idle_timeout: Duration,
    /// Whether a sensitive request needs a proof of address.
    pub validate: bool,
    /// Whether the server's TCP port may be taken over from connections in TIME-WAIT.
    pub reuse_address: bool,
    /// The length of the file that the server offers, if it offers one.
    pub file: Option<usize>,
    /// How many clients do what the first one's steps say, where there is only one, unless the user
    /// says otherwise.
    pub copies: usize,
    /// Whether the only client stays the only one, whatever the user says: what is done, and what the
    /// report shows, is about this one.
    pub alone: bool,
    /// What listens.
    pub server: Listener,
    /// The server holds each reply back for so long.
    pub work: Duration,
    /// The thread that serves a request is blocked by it for so long.
    pub block: Duration,
    /// The server says BYE when it stops.
    pub goodbye: bool,
    /// How TCP bytes become messages, in place of the user's choice.
    pub framing: Option<Framing>,
    /// Over UDP: exchanges that a client may have outstanding.
    pub window: usize,
    /// Longest message, in bytes, at both ends.
    pub max_message: usize,
    /// Who asks. Their names are A, B, C, ...
    pub clients: &'static [&'static [Step]],
    /// What is done to the server, and when.
    pub acts: &'static [(When, Action)],
    /// Whether the script ends only with the server.
    pub server_ends: bool,
}

/// What a client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Waits until a condition holds.
    Await(When),
    /// Waits for so long.
    Wait(Duration),
    /// Connects; over UDP opens a socket.
    Open,
    /// Asks with this number, as often as the scenario has exchanges, in the open conversation.
    Ask(i64),
    /// As `Ask`, with a number one higher each time.
    AskRising(i64),
    /// Asks once with this number.
    AskOnce(i64),
    /// Asks once with this number, in a message of so many bytes.
    AskLong(i64, usize),
    /// Asks the last question again, in a new conversation, if it got no answer.
    AskAgainIfLost,
    /// Asks as often as the scenario has exchanges, one question each `every`, without waiting for
    /// answers. The numbers rise from `first`.
    Send {
        /// The first number.
        first: i64,
        /// From one question to the next.
        every: Duration,
    },
    /// Waits for the ends of everything that was asked.
    Collect,
    /// Says that it will ask no more, but still listens: over TCP with a FIN. Over UDP there is no
    /// way to say it.
    HalfClose,
    /// Ends the conversation at once: over TCP with a RST.
    Reset,
    /// Sends messages that nobody asked for, for so long, as fast as the transport takes them.
    Push(Duration),
    /// Listens without asking until the server leaves, or until the condition holds.
    Watch(When),
    /// Listens without asking until the server leaves, or for so long.
    WatchFor(Duration),
    /// Makes a condition true.
    Mark(&'static str),
    /// Says this, and waits for the answer; opens a conversation if there is none, and with it a
    /// session if the service has them.
    Say(&'static str),
    /// As `Say`, unless there is a conversation that still lives: then it is not opened anew.
    SayAgainIfLost(&'static str),
    /// Says goodbye: over TCP a FIN, over UDP one BYE, where there is a session.
    Leave,
    /// Its program is killed: over TCP the kernel says FIN, over UDP nobody says anything.
    Vanish,
    /// Sends the first half of a question: over TCP its bytes, without the line's end. A datagram has
    /// no halves: over UDP nothing is sent.
    Half(i64),
    /// Sends the other half, over UDP all of it, and waits for the answer.
    OtherHalf,
    /// Waits for its turn: all clients begin within so long, one after the other.
    Stagger(Duration),
    /// Makes a condition true once every client has come so far.
    MarkTogether(&'static str),
    /// Gets the server's file, checks it against its SHA-256, and keeps nothing.
    Fetch,
}

/// A condition of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Somebody has marked this.
    Marked(&'static str),
    /// So many requests have left the clients.
    Sent(usize),
    /// So many requests have left the clients, and a moment has passed in which they arrived.
    Arrived(usize),
    /// So many requests have been executed.
    Executed(usize),
    /// The server has ended, once at least.
    ServerEnded,
    /// So many of the script's acts have been done.
    Acted(usize),
}

/// One row of the report.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it says.
    pub label: &'static str,
    /// Whether it is shown only where packets can be seen.
    pub needs_packets: bool,
    /// What stands in a column.
    pub cell: fn(&Run) -> String,
}

/// What the user chose for a comparison.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In place of the scenario's own deadline; `Some(None)` is none at all.
    pub timeout: Option<Option<Duration>>,
    /// In place of the scenario's own number.
    pub exchanges: Option<usize>,
    /// In place of the scenario's own number.
    pub clients: Option<usize>,
    /// In place of what the scenario's wire does.
    pub wire: WireChoices,
    /// How the clients treat datagrams.
    pub datagram: RequesterConfig,
    /// In place of the scenario's own.
    pub work: Option<Duration>,
    /// In place of the scenario's own.
    pub second: Option<Second>,
    /// How TCP is set up, where that can be chosen.
    pub profile: TcpProfile,
    /// Where time is real: how long an answer is waited for that nobody will ask for again.
    pub one_try: Option<Duration>,
    /// How the server is set up; the scenario's script may add work, and take the goodbye away.
    pub server: ServerOptions,
}

/// Who waits so long has nothing to do with what is measured in milliseconds.
const A_SECOND: Duration = Duration::from_secs(1);

impl Scenario {
    /// Returns the columns that can be shown on a network: some models need the system's own sockets.
    pub fn columns_on(&self, network: Network) -> Vec<Column> {
        let all = self.columns.iter().copied();
        all.filter(|column| network != Network::Sim || !column.model.needs_kernel()).collect()
    }

    /// Returns the name without the variant.
    pub fn family(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// Returns why it is refused on a network, if it is.
    pub fn refused_on(&self, network: Network) -> Option<&'static str> {
        if let Network::Remote(_) = network {
            return self.refused_remote();
        }
        self.refused.iter().find(|(other, _)| *other == network).map(|(_, reason)| *reason)
    }

    /// Returns the deadline of an exchange, if there is one.
    pub fn timeout(&self, settings: &Settings) -> Option<Duration> {
        let chosen = settings.timeout.filter(|_| !self.about_no_deadline);
        chosen.unwrap_or(self.timeout)
    }

    /// Returns how TCP bytes become messages: as the user wants, unless that is left to us.
    pub fn framing(&self, settings: &Settings) -> Framing {
        let chosen = settings.server.framing;
        self.script.framing.filter(|_| chosen == Framing::default()).unwrap_or(chosen)
    }

    /// Returns whether its clients do little but wait: nobody is disturbed by a run beside it.
    pub fn mostly_waits(&self) -> bool {
        let mut steps = self.script.clients.iter().flat_map(|steps| steps.iter());
        let waits = |step: &Step| matches!(step, Step::Wait(time) if *time >= A_SECOND);
        let silent = self.script.server == Listener::Silent;
        silent || !self.script.block.is_zero() || steps.any(waits)
    }

    /// Returns whether it keeps processors busy: who runs beside it would be measured with it.
    pub fn is_busy(&self) -> bool {
        let mut steps = self.script.clients.iter().flat_map(|steps| steps.iter());
        let works = |step: &Step| matches!(step, Step::Push(_) | Step::Fetch | Step::Stagger(_));
        self.script.copies > 1 || steps.any(works)
    }

    /// Returns whether one of its servers serves one TCP client at a time.
    pub fn has_serial_server(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.transport == Transport::Tcp && column.model == Model::Serial)
    }

    /// Returns whether its clients ask as often as the user wants.
    pub fn repeats(&self) -> bool {
        let steps = self.script.clients.iter().flat_map(|steps| steps.iter());
        steps
            .copied()
            .any(|step| matches!(step, Step::Ask(_) | Step::AskRising(_) | Step::Send { .. }))
    }

    /// Returns whether it has as many clients as its script says, whatever the user wants.
    pub fn keeps_its_clients(&self) -> bool {
        self.script.alone || self.script.clients.len() > 1
    }

    /// Returns how many exchanges there may be: where questions are asked without waiting, their
    /// numbers tell them apart, and a client may have so many outstanding.
    pub fn most_exchanges(&self) -> Option<usize> {
        let steps = self.script.clients.iter().flat_map(|steps| steps.iter());
        let first = steps.filter_map(|step| match step {
            Step::Send { first, .. } => usize::try_from(*first).ok(),
            _ => None,
        });
        let last = usize::try_from(*RANGE.end()).unwrap_or_default();
        first.map(|first| (last + 1 - first).min(WINDOW)).min()
    }

    /// Returns how many exchanges each asking client makes: as many as the user wants, where it
    /// repeats anything.
    pub fn exchanges(&self, settings: &Settings) -> usize {
        let chosen = settings.exchanges.filter(|_| self.repeats());
        let named = settings.wire.highest_message().filter(|_| self.follows_faults);
        let exchanges = chosen.or(named).unwrap_or(self.exchanges);
        self.most_exchanges().map_or(exchanges, |most| exchanges.min(most))
    }
}
