//! Captures: what Wireshark makes of them. Real exchanges on the simulated network, read by tshark.

mod datagrams;
mod drawing;
mod retransmissions;
mod streams;
mod tshark;
mod vantage_points;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Outcome, ask_once};
use socklab::net::sim::{Sim, SimConfig, run};
use socklab::net::{Stream, Udp};
use socklab::peer::Transport;
use socklab::protocol::Question;
use socklab::protocol::datagram::Secrets;
use socklab::protocol::event::Event;
use socklab::server::{Listening, ServerConfig, Sockets, Stop, serve};
use socklab::service::sum::{ServerNumber, SumService};
use socklab::testbed::trace_of;
use socklab::time::Timestamp;
use socklab::trace::Trace;
use socklab::wire::{Fault, Impairment, Rule, What, WireConfig};

pub(crate) const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// Hours of virtual time: TCP backs off far.
const HORIZON: Duration = Duration::from_secs(100 * 3_600);

/// Where the server listens.
pub(crate) fn server() -> SocketAddr {
    "10.0.0.2:12000".parse().expect("an address")
}

/// A wire of 25 ms each way with these faults.
pub(crate) fn faulty(rules: &[(Fault, What)]) -> WireConfig {
    let rules = rules.iter().map(|&(fault, what)| Rule { fault, what }).collect();
    WireConfig { rules, ..WireConfig::default() }
}

/// A wire that loses packets both ways.
pub(crate) fn lossy(seed: u64, loss: f64) -> WireConfig {
    let way = Impairment { loss, ..Impairment::default() };
    WireConfig { seed, c2s: way, s2c: way, rules: Vec::new(), raw: false }
}

/// Runs a program on a network of its own, and returns every packet of it.
pub(crate) fn play<F>(wire: WireConfig, program: impl FnOnce(Sim) -> F + Send + 'static) -> Trace
where
    F: Future<Output = ()>,
{
    let rules = wire.rules.clone();
    let run = run(SimConfig { wire, ..SimConfig::default() }, HORIZON, |sim| async move {
        program(sim.clone()).await;
        sim.settle(Duration::from_secs(60)).await;
    });
    run.output.expect("the program ends");
    trace_of(&run.record, &rules)
}

/// Some exchanges with the sum server, one after the other, each over both transports.
pub(crate) fn exchanges(wire: WireConfig, count: u64) -> Trace {
    play(wire, move |sim| async move {
        start_server(&sim);
        for number in 1..=count {
            for transport in BOTH {
                ask(&sim, &ClientConfig::new(transport), number).await;
            }
        }
    })
}

/// Starts the sum server on the server's host.
pub(crate) fn start_server(sim: &Sim) {
    let sockets = Sockets::bind(&sim.server(), server(), &BOTH, true).expect("free ports");
    let clock = sim.clock();
    tokio::spawn(async move {
        let service = Box::new(SumService::new("Server".into(), ServerNumber::seeded(1), false));
        let secrets = Secrets { key: [7; 16], epoch: 1 };
        let (config, stop) = (ServerConfig::default(), Stop::default());
        serve(sockets, config, &secrets, service, clock, Arc::new(Deaf), stop).await;
    });
}

/// Asks for a sum, as patiently as can be.
pub(crate) async fn ask(sim: &Sim, config: &ClientConfig, number: u64) -> Outcome {
    let config = ClientConfig { timeout: Some(HORIZON), ..config.clone() };
    let text = format!("Client;{};sum", number % 100 + 1);
    let question = Question::line(&text);
    let mut random = ChaCha8Rng::seed_from_u64(number);
    ask_once(&sim.client(1), &[server()], &config, question, sim.clock(), &mut random, &mut |_| ())
        .await
        .expect("sockets work")
}

/// Hears nothing: what is on the wire is the subject here.
struct Deaf;

impl Listening for Deaf {
    fn event(&self, _at: Timestamp, _event: Event) {}

    fn trouble(&self, _at: Timestamp, text: String) {
        panic!("the server is in trouble: {text}");
    }
}

/// Sends a datagram.
pub(crate) async fn send(socket: &impl Udp, bytes: &[u8]) {
    poll_fn(|cx| socket.poll_send(cx, bytes)).await.expect("sent");
}

/// Writes all of it.
pub(crate) async fn write(stream: &mut impl Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = poll_fn(|cx| stream.poll_write(cx, bytes)).await.expect("room, later");
        bytes = &bytes[count..];
    }
}

/// Lets time pass.
pub(crate) async fn pause(sim: &Sim, time: Duration) {
    let clock = sim.clock();
    clock.sleep_until(clock.now() + time).await;
}
