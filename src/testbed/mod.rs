//! Where a scenario is carried out: a network, a server on it, and what can be done to both.

mod both_ends;
mod forgery;
#[cfg(target_os = "linux")]
pub mod kernel;
mod late;
pub mod loopback;
mod process;
mod profile;
mod record;
pub mod remote;
pub mod shelf;
pub mod sim;
#[cfg(target_os = "linux")]
mod system;

pub use both_ends::BothEnds;
pub use forgery::Forgery;
pub use process::beside_us;
pub use profile::{Patience, TcpProfile};
pub use record::trace_of;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::net::Net;
use crate::peer::Transport;
use crate::protocol::framing::Framing;
use crate::protocol::parameters::{DRAIN, IDLE_TIMEOUT, MAX_MESSAGE};
use crate::server::{Model, Second};
use crate::service::ServiceKind;
use crate::time::{Clock, Timestamp};
use crate::trace::Trace;
use crate::wire::mix;

/// A place for experiments. One is made for each column of a comparison.
pub trait Testbed {
    /// The network on which the clients are.
    type Net: Net;

    /// Returns the network as a client sees it. Clients are counted from 1.
    fn client(&self, number: usize) -> Self::Net;

    /// Returns the clock of the experiment.
    fn clock(&self) -> Clock;

    /// Puts something at the server's address, and returns that address.
    fn listen(
        &mut self,
        listener: Listener,
        options: &ServerOptions,
        transport: Transport,
    ) -> impl Future<Output = io::Result<SocketAddr>>;

    /// Does something to the server, or to the wire before it.
    fn act(&mut self, action: Action) -> impl Future<Output = io::Result<()>>;

    /// Returns what happens at the server, as it happens. To be called once.
    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening>;

    /// Returns whether anything of what happens at the server is told here.
    fn sees_server(&self) -> bool {
        true
    }

    /// Lets what is under way arrive, and returns every packet so far; nothing where packets
    /// cannot be seen.
    fn trace(&mut self) -> impl Future<Output = Option<Trace>>;

    /// Returns what the hosts' kernels say of themselves when a run is over; nothing where they are
    /// not ours to ask.
    fn host_report(&mut self) -> Option<HostReport> {
        None
    }
}

/// What the kernels of hosts of our own said of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// How their TCP was set up, read back from them.
    pub stack: Stack,
    /// What they thought of the client's connections when those ended, in that order.
    pub connections: Vec<ConnectionFacts>,
    /// Packets that their own queues lost before the wire could see them.
    pub unseen: u64,
    /// Datagrams that found the receive buffer of the server's socket full (`RcvbufErrors`).
    pub buffer_full: u64,
    /// What has gone wrong so that the record of a run does not tell all, in words.
    pub troubles: Vec<String>,
}

/// What Linux thought of a TCP connection of the client's (`struct tcp_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// What decided how fast it sent.
    pub congestion_control: String,
    /// Its retransmission timeout, at its end.
    pub retransmission_timeout: Duration,
    /// Its smoothed round trip.
    pub round_trip: Duration,
    /// How much that varied.
    pub round_trip_variation: Duration,
    /// Segments that it sent again.
    pub retransmitted: u32,
    /// Its congestion window, in segments.
    pub window: u32,
}

/// What is at the server's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The real server.
    Server,
    /// A socket that is bound and never read.
    Silent,
    /// A socket that is read late, when nobody sends any more.
    Late,
    /// Nothing.
    Nobody,
}

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// What it does.
    pub service: ServiceKind,
    /// How it serves many at once.
    pub model: Model,
    /// Of the model `serial`: what becomes of a second client.
    pub second: Second,
    /// Clients at once, if it is told.
    pub max_clients: Option<usize>,
    /// How long a client may be silent.
    pub idle_timeout: Duration,
    /// Whether a sensitive request needs a proof of address.
    pub validate: bool,
    /// Whether its TCP port may be taken over from connections in TIME-WAIT.
    pub reuse_address: bool,
    /// Whether its port number is to be free for the other transport, too.
    pub number_for_both: bool,
    /// The length of the file `lecture.bin` that it offers, if it offers one.
    pub file: Option<usize>,
    /// Draws its numbers.
    pub seed: u64,
    /// Its number; drawn from the seed if there is none.
    pub number: Option<u8>,
    /// How long it holds each reply back.
    pub work: Duration,
    /// How long the thread that serves a request is blocked by it; only where there are threads.
    pub block: Duration,
    /// How long it may go on when it stops.
    pub drain: Duration,
    /// Whether it remembers what it executed.
    pub duplicate_cache: bool,
    /// Whether it says BYE.
    pub goodbye: bool,
    /// How TCP bytes become messages.
    pub framing: Framing,
    /// Longest message, in bytes.
    pub max_message: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            service: ServiceKind::Sum,
            model: Model::Tasks,
            second: Second::Refuse,
            max_clients: None,
            idle_timeout: IDLE_TIMEOUT,
            validate: true,
            reuse_address: true,
            number_for_both: false,
            file: None,
            seed: 1,
            number: None,
            work: Duration::ZERO,
            block: Duration::ZERO,
            drain: DRAIN,
            duplicate_cache: true,
            goodbye: true,
            framing: Framing::Auto,
            max_message: MAX_MESSAGE,
        }
    }
}

/// The file that a server offers.
pub const FILE: &str = "lecture.bin";

/// Returns what is in [`FILE`]: bytes that are drawn from the seed, so that nothing compresses them
/// and no piece is like another.
pub fn lecture(length: usize, seed: u64) -> Vec<u8> {
    let words = (0..length.div_ceil(8) as u64).map(|word| mix(mix(seed) ^ word).to_be_bytes());
    let mut bytes: Vec<u8> = words.flatten().collect();
    bytes.truncate(length);
    bytes
}

/// What can be done to the server, and to the wire before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ctrl+C: it finishes and stops.
    Interrupt,
    /// It is stopped in its tracks and reads nothing more (SIGSTOP).
    Pause,
    /// It is killed; nobody runs its code any more (SIGKILL).
    Kill,
    /// Its host loses power: it says nothing more, and forgets everything.
    PowerOff,
    /// Its host has power again; the server is not started yet.
    PowerOn,
    /// It is started again, on the same port.
    Restart,
    /// The wire is cut, in both directions.
    Cut,
    /// The wire is joined again.
    Join,
    /// The first client's address towards the network changes; nobody is told.
    NewAddress,
    /// An attacker sends something that it has forged.
    Forge(Forgery),
    /// Another server is started on the same port: told as an event `another`.
    StartAnother,
    /// A server of the other transport is started on the same port number: told as an event
    /// `another`.
    StartBeside,
    /// The server's sockets are counted, and its memory: told as an event `measured`.
    Measure,
}

/// Something that happened at the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A line of its log.
    Logged(ServerEvent),
    /// Its process ended, with this exit code; none if it was killed.
    Ended(Timestamp, Option<i32>),
}

/// One line of the server's log, as far as reports need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// When.
    pub at: Timestamp,
    /// What: the `event` of the JSON log.
    pub event: String,
    /// What the transcript says of it, without the peer; empty where only JSON was read.
    pub text: String,
    /// Of an execution: who asked, both numbers and the sum.
    pub executed: Option<Executed>,
    /// Of a late reader: what it found.
    pub read: Option<Read>,
    /// Of a measurement: what it found.
    pub measured: Option<Measured>,
    /// With whom, if with anybody. Boxed, as an attempt is: most events are small.
    pub peer: Option<Box<SocketAddr>>,
    /// Of a session that began or ended: what its client is called.
    pub guest: Option<String>,
    /// Of an attempt to start another server, or the same one again: what came of it.
    pub attempt: Option<Box<Attempt>>,
}

/// An attempt to start a server on a port that is in use, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Over which transport.
    pub transport: Transport,
    /// Connections in TIME-WAIT that kept the port just before, where that can be seen.
    pub time_wait: Option<usize>,
    /// How it failed; nothing if it listens.
    pub failed: Option<Failed>,
}

/// How a server ended that could not listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its exit code, if it was not killed.
    pub code: Option<i32>,
    /// What it said.
    pub text: String,
}

/// What a server holds at some moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// Sockets that its program holds, listening ones included.
    pub sockets: usize,
    /// Threads of its process, where it has one.
    pub threads: Option<usize>,
    /// Memory of its process that is resident, in bytes, where it has one.
    pub memory: Option<usize>,
}

/// What a reader found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Bytes, all together.
    pub bytes: usize,
    /// Calls that returned some.
    pub reads: usize,
}

impl ServerEvent {
    /// Something of which nothing more is known.
    pub fn new(at: Timestamp, event: &str, text: String) -> Self {
        ServerEvent {
            at,
            event: event.to_owned(),
            text,
            executed: None,
            read: None,
            measured: None,
            peer: None,
            guest: None,
            attempt: None,
        }
    }

    /// Returns what a ladder says of it, if anything: packets speak for what was received and sent.
    pub fn in_ladder(&self) -> Option<String> {
        match (&self.executed, self.event.as_str()) {
            (Some(Executed { client_number, server_number, sum, .. }), _) => {
                Some(format!("{client_number} + {server_number} = {sum}"))
            }
            (None, "received" | "sent" | "connected" | "disconnected" | "ready" | "measured") => {
                None
            }
            (None, _) => Some(self.text.clone()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Action::Interrupt => "Ctrl+C",
            Action::Pause => "the server is stopped in its tracks",
            Action::Kill => "the server is killed",
            Action::PowerOff => "the host loses power",
            Action::PowerOn => "the host has power again",
            Action::Restart => "the server is started again",
            Action::Cut => "the wire is cut",
            Action::Join => "the wire is joined",
            Action::NewAddress => "the first client's address changes",
            Action::Forge(Forgery::Reply) => "an attacker answers in the server's name",
            Action::Forge(Forgery::Shutdown) => "an attacker asks 101 in the client's name",
            Action::StartAnother => "another server is started on the same port",
            Action::StartBeside => "a server of the other transport is started on the same number",
            Action::Measure => "the server's sockets are counted",
        })
    }
}

/// An execution, as the server logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Who asked.
    pub client_name: String,
    /// The client's number.
    pub client_number: i64,
    /// The server's number.
    pub server_number: i64,
    /// The sum as the server computed it.
    pub sum: i64,
}

/// The implementation of TCP and UDP whose behaviour is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Name and version.
    pub name: String,
    /// What decides how fast TCP sends, if it is known.
    pub congestion_control: Option<String>,
    /// The least time before TCP repeats, if it is known.
    pub rto_floor: Option<Duration>,
    /// How else it was set up, in words; empty where it is as it is.
    pub set_up: Vec<String>,
}

/// Has the system kill what this command starts when the thread that starts it ends: nothing stays of
/// us, not even after SIGKILL. Only Linux can.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_us(command: &mut tokio::process::Command) {
    system::die_with_us(command.as_std_mut());
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_us(_command: &mut tokio::process::Command) {}
