//! Load on the simulated network: the real server and the real client, every reply checked; and
//! bulk transfers, every byte counted.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Conversation};
use socklab::net::sim::{NetFate, Run, Sim, SimConfig, run};
use socklab::net::{Listener, Net, Received, Stream};
use socklab::peer::Transport;
use socklab::protocol::datagram::Secrets;
use socklab::protocol::event::Event;
use socklab::protocol::{Ending, Question, RequesterEvent};
use socklab::server::{Listening, ServerConfig, Sockets, Stop, serve};
use socklab::service::Service;
use socklab::service::sum::{ServerNumber, SumService};
use socklab::time::Timestamp;
use socklab::wire::{Fate, Impairment, WireConfig};

use crate::load::Tally;

/// Virtual time that a run may take: TCP backs off far.
pub(crate) const HORIZON: Duration = Duration::from_secs(100 * 3_600);

/// What happens on the simulated network, between one client and one server.
#[derive(Clone, Copy)]
pub(crate) enum Workload {
    /// So many exchanges one after the other in one conversation, at 10 % loss each way and 50 ms.
    Exchanges { transport: Transport, count: u64 },
    /// A program writes so many bytes over TCP, another reads them, over 25 ms each way.
    Transfer { bytes: usize, loss: f64, rate: Option<u64> },
}

/// What was simulated, in how much real time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cell {
    /// Packets that were put on the wire.
    pub(crate) packets: u64,
    pub(crate) elapsed: Duration,
}

impl Cell {
    /// Packets a second.
    pub(crate) fn rate(&self) -> f64 {
        self.packets as f64 / self.elapsed.as_secs_f64()
    }
}

impl Workload {
    /// Runs it once, from an empty network to the record of every packet.
    pub(crate) fn run(self, seed: u64, tally: &mut Tally) -> io::Result<Cell> {
        let start = Instant::now();
        let (packets, exchanges) = match self {
            Workload::Exchanges { transport, count } => {
                let way = Impairment {
                    loss: 0.1,
                    delay: Duration::from_millis(50),
                    ..Impairment::default()
                };
                finish(run(config(seed, way), HORIZON, move |sim| exchange(sim, transport, count)))?
            }
            Workload::Transfer { bytes, loss, rate } => {
                let way = Impairment { loss, rate, ..Impairment::default() };
                finish(run(config(seed, way), HORIZON, move |sim| transfer(sim, bytes)))?
            }
        };
        let elapsed = start.elapsed();
        tally.add(&Tally { exchanges, elapsed, ..Tally::default() });
        Ok(Cell { packets, elapsed })
    }

    /// Runs it for so long, with one seed after the other.
    pub(crate) fn repeat(
        self,
        seed: u64,
        duration: Duration,
        tally: &mut Tally,
    ) -> io::Result<Cell> {
        let mut sum = Cell::default();
        let mut seeds = seed..;
        while sum.elapsed < duration {
            let cell = self.run(seeds.next().unwrap_or(seed), tally)?;
            sum.packets += cell.packets;
            sum.elapsed += cell.elapsed;
        }
        Ok(sum)
    }
}

pub(crate) fn config(seed: u64, way: Impairment) -> SimConfig {
    let wire = WireConfig { seed, c2s: way, s2c: way, rules: Vec::new(), raw: false };
    SimConfig { wire, ..SimConfig::default() }
}

/// Returns how many packets were sent and how many exchanges were answered.
fn finish(run: Run<io::Result<u64>>) -> io::Result<(u64, u64)> {
    let exchanges = run.output.map_err(io::Error::other)??;
    let sent = run.record.iter().filter(|event| event.fate == NetFate::OnWire(Fate::Sent));
    Ok((sent.count() as u64, exchanges))
}

pub(crate) fn server() -> SocketAddr {
    // The server's host is 10.0.0.2, the port the one that lessons use.
    (Ipv4Addr::new(10, 0, 0, 2), 12_000).into()
}

/// Makes exchanges one after the other, in one conversation as long as it lasts. Returns how many
/// were answered; at this loss a few are not.
async fn exchange(sim: Sim, transport: Transport, count: u64) -> io::Result<u64> {
    let service = SumService::new("Server of B".into(), ServerNumber::Fixed(50), false);
    start_server(&sim, transport, Box::new(service))?;
    let (net, clock, mut random) = (sim.client(1), sim.clock(), ChaCha8Rng::seed_from_u64(1));
    let config = ClientConfig::new(transport);
    let (mut open, mut answered) = (None, 0);
    for number in 0..count {
        let text = format!("Client of B;{}", number % 100 + 1);
        let mut conversation = match open.take() {
            Some(conversation) => conversation,
            None => Conversation::open(&net, server(), &config, clock, &mut random).await?,
        };
        conversation.ask(Question::line(&text), Some(clock.now() + HORIZON));
        let ending = loop {
            if let RequesterEvent::Ended(exchange) = conversation.next_event().await? {
                break exchange.ending;
            }
        };
        match ending {
            Ending::Replied(reply) if reply == "Server of B;50" => {
                answered += 1;
                open = Some(conversation);
            }
            Ending::TimedOut => {}
            other => return Err(io::Error::other(format!("not a right reply: {other:?}"))),
        }
    }
    Ok(answered)
}

/// Starts the server that never says anything.
pub(crate) fn start_server(
    sim: &Sim,
    transport: Transport,
    service: Box<dyn Service>,
) -> io::Result<()> {
    let sockets = Sockets::bind(&sim.server(), server(), &[transport], true);
    let sockets = sockets.map_err(io::Error::other)?;
    let (secrets, clock) = (Secrets { key: [7; 16], epoch: 1 }, sim.clock());
    tokio::spawn(async move {
        let config = ServerConfig::default();
        serve(sockets, config, &secrets, service, clock, Arc::new(Quiet), Stop::default()).await;
    });
    Ok(())
}

struct Quiet;

impl Listening for Quiet {
    fn event(&self, _at: Timestamp, _event: Event) {}

    fn trouble(&self, _at: Timestamp, text: String) {
        panic!("the server is in trouble: {text}");
    }
}

/// Transfers so many bytes from the client to the server.
async fn transfer(sim: Sim, bytes: usize) -> io::Result<u64> {
    let listener = sim.server().listen(server(), true)?;
    let mut client = sim.client(1).connect(server()).await?;
    let (mut accepted, _) = listener.accept().await?;
    let sender = tokio::spawn(async move {
        let data = vec![b'x'; bytes];
        let mut sent = 0;
        while sent < bytes {
            sent += poll_fn(|cx| client.poll_write(cx, &data[sent..])).await?;
        }
        client.finish().map(|()| client)
    });
    let (mut buffer, mut received) = (vec![0; 65_536], 0);
    while let Received::Bytes(count) = poll_fn(|cx| accepted.poll_read(cx, &mut buffer)).await? {
        received += count;
    }
    sender.await.map_err(io::Error::other)??;
    match received == bytes {
        true => Ok(0),
        false => Err(io::Error::other(format!("{received} of {bytes} bytes arrived"))),
    }
}
