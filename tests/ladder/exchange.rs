//! Real exchanges on the simulated network, and the notes that their programs leave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Progress, ask_once};
use socklab::net::sim::{Run, Sim, run};
use socklab::peer::Transport;
use socklab::protocol::Question;
use socklab::protocol::datagram::Secrets;
use socklab::protocol::event::{DuplicateAnswer, Event, EventKind};
use socklab::protocol::{Ending, RequesterEvent, Transmission};
use socklab::server::{Listening, ServerConfig, Sockets, Stop, serve};
use socklab::service::sum::{ServerNumber, SumService};
use socklab::testbed::trace_of;
use socklab::time::Timestamp;
use socklab::trace::{Note, Place, Trace};
use socklab::wire::WireConfig;

use super::network;

const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];
const HORIZON: Duration = Duration::from_secs(36_000);

type Notes = Arc<Mutex<Vec<Note>>>;

/// Runs `(client, exchanges)` side by side and records everything. Each client sends 25, and then
/// what comes after it.
pub(crate) fn exchanges(
    wire: &WireConfig,
    transport: Transport,
    asks: &[(usize, usize)],
    who: &str,
) -> Trace {
    let clients = asks.iter().map(|(client, _)| *client).max().unwrap_or(1);
    let (asks, who) = (asks.to_vec(), who.to_owned());
    let notes = Notes::default();
    let kept = notes.clone();
    let Run { output, record, .. } = run(network(wire, clients), HORIZON, move |sim| async move {
        start_server(&sim, &kept);
        let mut tasks = Vec::new();
        for (number, count) in asks {
            let (sim, name, notes) = (sim.clone(), who.clone(), kept.clone());
            let client = Client { sim, number, name, notes };
            tasks.push(tokio::spawn(client.ask(count, transport)));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        sim.settle(Duration::from_secs(60)).await;
    });
    output.expect("the program ends");
    let mut trace = trace_of(&record, &wire.rules);
    trace.notes = std::mem::take(&mut *notes.lock().expect("no panic"));
    trace.notes.sort_by_key(|note| note.at);
    trace
}

/// A client that asks, one exchange after the other.
struct Client {
    sim: Sim,
    number: usize,
    name: String,
    notes: Notes,
}

impl Client {
    async fn ask(self, count: usize, transport: Transport) {
        let timeout = Some(Duration::from_secs(30));
        let config = ClientConfig { timeout, ..ClientConfig::new(transport) };
        let mut random = ChaCha8Rng::seed_from_u64(self.number as u64);
        let (net, clock) = (self.sim.client(self.number), self.sim.clock());
        for number in 25..25 + count {
            let text = format!("{};{number}", self.name);
            let question = Question::line(&text);
            let mut progress = |progress| self.note_repetition(&progress);
            let (at, dice) = ([server()], &mut random);
            let asking = ask_once(&net, &at, &config, question, clock, dice, &mut progress);
            let outcome = asking.await.expect("sockets work");
            self.note(match outcome.exchange.ending {
                Ending::Replied(_) => format!("answered after {:?}", outcome.elapsed),
                Ending::TimedOut => "gives up".to_owned(),
                _ => "no reply".to_owned(),
            });
        }
    }

    fn note_repetition(&self, progress: &Progress) {
        if let Progress::Exchange(RequesterEvent::Sent { reason, .. }) = progress
            && *reason == Transmission::Retransmission
        {
            self.note("no answer: repeat".to_owned());
        }
    }

    fn note(&self, text: String) {
        let place = Place::Client(self.number);
        let note = Note { at: self.sim.clock().now(), place, text };
        self.notes.lock().expect("no panic").push(note);
    }
}

fn server() -> SocketAddr {
    "10.0.0.2:12000".parse().expect("an address")
}

fn start_server(sim: &Sim, notes: &Notes) {
    let sockets = Sockets::bind(&sim.server(), server(), &BOTH, true).expect("free ports");
    let (clock, heard) = (sim.clock(), Arc::new(Heard(notes.clone())));
    tokio::spawn(async move {
        let number = ServerNumber::seeded(1);
        let service = Box::new(SumService::new("Server of socklab".into(), number, false));
        let secrets = Secrets { key: [7; 16], epoch: 1 };
        let config = ServerConfig::default();
        serve(sockets, config, &secrets, service, clock, heard, Stop::default()).await;
    });
}

struct Heard(Notes);

impl Listening for Heard {
    fn event(&self, at: Timestamp, event: Event) {
        let text = match &event.kind {
            EventKind::Exchange { sum, .. } => {
                format!("{} + {} = {}", sum.client_number, sum.server_number, sum.total())
            }
            EventKind::Duplicate { answer: DuplicateAnswer::FromCache, .. } => {
                "duplicate: answered from the cache".to_owned()
            }
            _ => return,
        };
        self.0.lock().expect("no panic").push(Note { at, place: Place::Server, text });
    }

    fn trouble(&self, _at: Timestamp, text: String) {
        panic!("the server is in trouble: {text}");
    }
}
