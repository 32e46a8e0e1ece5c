//! Files from the server's folder to the client's, over both transports: with the sockets of this
//! computer, and on a simulated network that loses packets.

mod changes;
mod contents;
mod folder;
mod losses;
mod order;
mod saving;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::fetch::{FetchConfig, Fetched, Sink, fetch};
use socklab::client::{ClientConfig, Conversation};
use socklab::net::Net;
use socklab::net::kernel::Kernel;
use socklab::net::sim::{SimConfig, SimNet, run};
use socklab::peer::Transport;
use socklab::protocol::datagram::Secrets;
use socklab::protocol::event::Detail;
use socklab::protocol::event::{Event, EventKind};
use socklab::protocol::{Ending, Question, RequesterEvent};
use socklab::server::{Folder, Listening, Model, ServerConfig, Sockets, Stop, serve, serve_kernel};
use socklab::service::Service;
use socklab::service::chat::ChatService;
use socklab::service::files::{Head, Repository, hexadecimal};
use socklab::time::{Calendar, Clock, Timestamp};

pub(crate) const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// What takes so long is broken: far above what a busy machine needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Much virtual time: what waits longer waits for ever.
const HORIZON: Duration = Duration::from_secs(3_600);

/// A chat server with files, and the network on which its clients are.
pub(crate) struct Place<N: Net> {
    pub(crate) net: N,
    pub(crate) server: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) heard: Arc<Heard>,
    /// Each conversation draws from a seed of its own, or two would have the same token.
    conversations: Cell<u64>,
}

/// What the server says of itself.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<EventKind>>);

impl Listening for Heard {
    fn event(&self, _at: Timestamp, event: Event) {
        self.0.lock().expect("no panic").push(event.kind);
    }

    fn trouble(&self, _at: Timestamp, text: String) {
        panic!("the server is in trouble: {text}");
    }
}

impl Heard {
    /// The requests that the server has received.
    pub(crate) fn requests(&self) -> Vec<String> {
        let heard = self.0.lock().expect("no panic");
        let text = |kind: &EventKind| match kind {
            EventKind::Received(text) => Some(text.clone()),
            _ => None,
        };
        heard.iter().filter_map(text).collect()
    }
}

/// Runs a test with a server on this computer that gives out `files`.
pub(crate) fn on_loopback<F: Future>(
    files: impl Repository + 'static,
    test: impl FnOnce(Place<Kernel>) -> F,
) -> F::Output {
    served_by(Model::Tasks, files, test)
}

/// As [`on_loopback`], with this model of serving many at once.
pub(crate) fn served_by<F: Future>(
    model: Model,
    files: impl Repository + 'static,
    test: impl FnOnce(Place<Kernel>) -> F,
) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let address = "127.0.0.1:0".parse().expect("an address");
        let sockets = Sockets::bind(&Kernel, address, &BOTH, true).expect("free ports");
        let server = sockets.addresses()[0].1;
        let (clock, heard, stop) = (Clock::start(), Arc::new(Heard::default()), Stop::default());
        let config = ServerConfig { model, drain: Duration::ZERO, ..told_everything() };
        let (service, transcript, stopping) = (chat(&clock, files), heard.clone(), stop.clone());
        let serving = tokio::spawn(async move {
            serve_kernel(sockets, config, &secrets(), service, clock, transcript, stopping).await
        });
        let test = test(Place { net: Kernel, server, clock, heard, conversations: Cell::new(0) });
        let output = tokio::time::timeout(LIMIT, test).await.expect("it ends");
        stop.stop();
        serving.await.expect("no panic").expect("the server ends");
        output
    })
}

/// Runs a test on a simulated network.
pub(crate) fn simulated<T, F>(
    config: SimConfig,
    files: impl Repository + 'static,
    test: impl FnOnce(Place<SimNet>) -> F + Send + 'static,
) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let run = run(config, HORIZON, move |sim| async move {
        let server = "10.0.0.2:12000".parse().expect("an address");
        let sockets = Sockets::bind(&sim.server(), server, &BOTH, true).expect("free ports");
        let (clock, heard) = (sim.clock(), Arc::new(Heard::default()));
        let (service, transcript) = (chat(&clock, files), heard.clone());
        tokio::spawn(async move {
            let (config, stop) = (told_everything(), Stop::default());
            serve(sockets, config, &secrets(), service, clock, transcript, stop).await;
        });
        test(Place { net: sim.client(1), server, clock, heard, conversations: Cell::new(0) }).await
    });
    run.output.expect("the program ends")
}

fn chat(clock: &Clock, files: impl Repository + 'static) -> Box<dyn Service> {
    Box::new(ChatService::new(Calendar::of(clock), 3, Some(Box::new(files))))
}

fn secrets() -> Secrets {
    Secrets { key: [7; 16], epoch: 1 }
}

impl<N: Net> Place<N> {
    /// Opens a conversation and a session in it.
    pub(crate) async fn join(&self, transport: Transport, window: usize) -> Conversation<N> {
        let mut config = ClientConfig { timeout: None, ..ClientConfig::new(transport) };
        config.datagram.window = window;
        let seed = self.conversations.get();
        self.conversations.set(seed + 1);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let opened =
            Conversation::open(&self.net, self.server, &config, self.clock, &mut random).await;
        let mut conversation = opened.expect("the server is there");
        conversation.ask(Question::HELLO, None);
        let welcome = answer(&mut conversation).await;
        assert!(
            matches!(&welcome, Ending::Replied(name) if name.starts_with("Client")),
            "{welcome:?}"
        );
        conversation
    }

    /// Asks once, in a conversation of its own.
    pub(crate) async fn fetch(&self, transport: Transport, request: &str) -> (Fetched, Collected) {
        let window = 8;
        let mut conversation = self.join(transport, window).await;
        let mut sink = Collected::default();
        let fetched = fetch(&mut conversation, request, fetching(window), &mut sink).await;
        conversation.leave().await;
        (fetched.expect("sockets work"), sink)
    }
}

pub(crate) fn fetching(window: usize) -> FetchConfig {
    FetchConfig { timeout: Some(Duration::from_secs(30)), window }
}

/// Waits for the end of one exchange.
pub(crate) async fn answer<N: Net>(conversation: &mut Conversation<N>) -> Ending {
    loop {
        if let RequesterEvent::Ended(exchange) = conversation.next_event().await.expect("sockets") {
            return exchange.ending;
        }
    }
}

/// Keeps what comes.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) head: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Sink for Collected {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        assert_eq!(self.head, None, "the head comes once");
        self.head = Some(head.to_string());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(self.head.is_some(), "the head comes first");
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Returns bytes of all values, line ends among them, without a short period.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hexadecimal(&sha2::Sha256::digest(bytes))
}

/// Makes a folder with these files, and opens it for giving out.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(place.path().join(name), bytes).expect("a file");
    }
    let folder = open(place.path());
    (place, folder)
}

pub(crate) fn open(path: &Path) -> Folder {
    Folder::open(path).expect("it can be opened")
}

/// A server whose transcript hears of every block.
fn told_everything() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.stream.detail = Detail::Everything;
    config.datagram.detail = Detail::Everything;
    config
}
