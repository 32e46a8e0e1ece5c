//! The programs on the simulated network: the same server and the same client, exact virtual times.

mod bad_wires;
mod connections;
mod datagrams;
mod exchanges;
mod hosts;
mod listeners;
mod repeatable;
mod wire;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Outcome, ask_once};
use socklab::net::sim::{NetEvent, NetFate, Run, Sim, SimConfig, SimNet, run};
use socklab::net::{Net, Received, Stream, Udp};
use socklab::packet::{Packet, Segment};
use socklab::peer::Transport;
use socklab::protocol::Ending;
use socklab::protocol::Question;
use socklab::protocol::datagram::Secrets;
use socklab::protocol::event::{Event, EventKind};
use socklab::server::{Listening, ServerConfig, Sockets, Stop, serve};
use socklab::service::sum::{ServerNumber, SumService};
use socklab::time::Timestamp;
use socklab::wire::{Direction, Fate, Fault, Rule, What, WireConfig};

pub(crate) const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// Where the server listens.
pub(crate) fn server() -> SocketAddr {
    "10.0.0.2:12000".parse().expect("an address")
}

/// Long enough for every test that does not say otherwise.
pub(crate) const HORIZON: Duration = Duration::from_secs(600);

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A wire of 25 ms each way, with these faults.
pub(crate) fn faulty(rules: &[(Fault, What)]) -> SimConfig {
    let rules = rules.iter().map(|&(fault, what)| Rule { fault, what }).collect();
    SimConfig { wire: WireConfig { rules, ..WireConfig::default() }, ..SimConfig::default() }
}

/// Runs a program and insists that it ends.
pub(crate) fn play<T, F>(
    config: SimConfig,
    program: impl FnOnce(Sim) -> F + Send + 'static,
) -> (T, Vec<NetEvent>)
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let Run { output, record, .. } = run(config, HORIZON, program);
    (output.expect("the program ends"), record)
}

/// A transcript that tests can read.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<(Timestamp, Event)>>);

impl Listening for Heard {
    fn event(&self, at: Timestamp, event: Event) {
        self.0.lock().expect("no panic").push((at, event));
    }

    fn trouble(&self, _at: Timestamp, text: String) {
        panic!("the server is in trouble: {text}");
    }
}

impl Heard {
    pub(crate) fn kinds(&self) -> Vec<EventKind> {
        self.0.lock().expect("no panic").iter().map(|(_, event)| event.kind.clone()).collect()
    }

    pub(crate) fn executed(&self) -> usize {
        let executed = |kind: &&EventKind| matches!(kind, EventKind::Exchange { .. });
        self.kinds().iter().filter(executed).count()
    }
}

/// Starts the sum server on the server's host.
pub(crate) fn start_server(sim: &Sim, stop: &Stop) -> Arc<Heard> {
    let sockets = Sockets::bind(&sim.server(), server(), &BOTH, true).expect("free ports");
    let heard = Arc::new(Heard::default());
    let (clock, transcript, stop) = (sim.clock(), heard.clone(), stop.clone());
    tokio::spawn(async move {
        let service = SumService::new("Server".into(), ServerNumber::seeded(1), false);
        let secrets = Secrets { key: [7; 16], epoch: 1 };
        let config = ServerConfig::default();
        serve(sockets, config, &secrets, Box::new(service), clock, transcript, stop).await;
    });
    heard
}

/// Asks for a sum from one host.
pub(crate) async fn ask(sim: &Sim, net: &SimNet, transport: Transport, number: u64) -> Outcome {
    let config = ClientConfig { timeout: Some(HORIZON), ..ClientConfig::new(transport) };
    let text = format!("Client;{};sum", number % 100 + 1);
    let question = Question::line(&text);
    let mut random = ChaCha8Rng::seed_from_u64(number);
    ask_once(net, &[server()], &config, question, sim.clock(), &mut random, &mut |_| ())
        .await
        .expect("sockets work")
}

/// One exchange on a network of its own, and what the server saw.
pub(crate) fn exchange(
    config: SimConfig,
    transport: Transport,
) -> (Outcome, Vec<EventKind>, Vec<NetEvent>) {
    let ((outcome, heard), record) = play(config, move |sim| async move {
        let heard = start_server(&sim, &Stop::default());
        let outcome = ask(&sim, &sim.client(1), transport, 24).await;
        sim.settle(ms(60_000)).await;
        (outcome, heard.kinds())
    });
    (outcome, heard, record)
}

pub(crate) fn replied(outcome: &Outcome) -> bool {
    matches!(outcome.exchange.ending, Ending::Replied(_))
}

/// The packets with this fate.
pub(crate) fn with_fate(record: &[NetEvent], fate: NetFate) -> Vec<&NetEvent> {
    record.iter().filter(|event| event.fate == fate).collect()
}

pub(crate) fn sent(record: &[NetEvent]) -> Vec<&NetEvent> {
    with_fate(record, NetFate::OnWire(Fate::Sent))
}

/// The segments that were sent, with when and which way.
pub(crate) fn segments(record: &[NetEvent]) -> Vec<(Timestamp, Direction, Segment<'_>)> {
    fn parse(event: &NetEvent) -> Option<(Timestamp, Direction, Segment<'_>)> {
        match Packet::parse(&event.packet.bytes) {
            Packet::Tcp(segment) => Some((event.at, event.packet.direction, segment)),
            _ => None,
        }
    }
    sent(record).into_iter().filter_map(parse).collect()
}

/// Reads once.
pub(crate) async fn read(stream: &mut impl Stream) -> io::Result<Option<String>> {
    let mut buffer = [0; 65_536];
    Ok(match poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await? {
        Received::Bytes(count) => Some(String::from_utf8_lossy(&buffer[..count]).into_owned()),
        Received::EndOfStream => None,
    })
}

/// Writes all of it.
pub(crate) async fn write(stream: &mut impl Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        bytes = &bytes[count..];
    }
    Ok(())
}

pub(crate) async fn send(udp: &impl Udp, bytes: &[u8]) -> io::Result<()> {
    poll_fn(|cx| udp.poll_send(cx, bytes)).await
}

pub(crate) async fn receive(udp: &impl Udp) -> io::Result<(Vec<u8>, SocketAddr)> {
    let mut buffer = vec![0; 65_536];
    let (count, from) = poll_fn(|cx| udp.poll_receive(cx, &mut buffer)).await?;
    buffer.truncate(count);
    Ok((buffer, from))
}

/// Opens a listener on the server's host.
pub(crate) fn listen(sim: &Sim) -> <SimNet as Net>::Listener {
    sim.server().listen(server(), true).expect("a free port")
}
