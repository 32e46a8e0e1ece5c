//! Where a scenario is carried out: a network, a server on it, and what can be done to both.

mod action;
mod both_ends;
mod forgery;
mod happening;
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
mod stack;
#[cfg(target_os = "linux")]
mod system;

pub use action::Action;
pub use both_ends::BothEnds;
pub use forgery::Forgery;
pub use happening::{Attempt, Executed, Failed, Happening, Measured, Read, ServerEvent};
pub use process::beside_us;
pub use profile::{Patience, TcpProfile};
pub use record::trace_of;
pub use stack::{ConnectionFacts, HostReport, Stack};

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
use crate::time::Clock;
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

/// Has the system kill what this command starts when the thread that starts it ends: nothing stays of
/// us, not even after SIGKILL. Only Linux can.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_us(command: &mut tokio::process::Command) {
    system::die_with_us(command.as_std_mut());
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_us(_command: &mut tokio::process::Command) {}
