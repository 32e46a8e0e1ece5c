//! What a window is worth over UDP: the same file over the same simulated wire, 50 ms there and back,
//! once block by block and once with eight outstanding. The time is virtual, so the ratio is exact and
//! the same on every machine.

use std::io;
use std::time::{Duration, SystemTime};

use rand::{SeedableRng, rngs::ChaCha8Rng};
use sha2::{Digest, Sha256};
use socklab::client::fetch::{FetchConfig, Fetched, Sink, fetch};
use socklab::client::{ClientConfig, Conversation};
use socklab::net::sim::{Sim, SimNet, run};
use socklab::peer::Transport;
use socklab::protocol::{Ending, Question, RequesterEvent};
use socklab::service::chat::{ChatService, MAX_GUESTS};
use socklab::service::files::{GetRequest, Head, hexadecimal};
use socklab::testbed::shelf::Shelf;
use socklab::testbed::{FILE, lecture};
use socklab::time::Calendar;
use socklab::wire::Impairment;

use crate::load::Tally;
use crate::report::Measured;
use crate::rows::Target;
use crate::simulated_load::{HORIZON, config, server, start_server};

/// Bytes of the file.
const LENGTH: usize = 200_000;

const WINDOW: usize = 8;

/// One way.
const DELAY: Duration = Duration::from_millis(25);

/// How many times as fast as stop-and-wait.
pub(crate) fn beside_stop_and_wait(target: Target) -> io::Result<Measured> {
    let (one, many) = (time(1)?, time(WINDOW)?);
    let ratio = one.as_secs_f64() / many.as_secs_f64();
    Ok(Measured {
        ours: format!("{:.3} s", many.as_secs_f64()),
        reference: format!("{:.3} s stop-and-wait", one.as_secs_f64()),
        ratio: format!("{ratio:.3}"),
        met: target.is_met(ratio),
        total: Tally { exchanges: 2, ..Tally::default() },
        remark: Some("virtual time; 200 kB, 50 ms there and back, nothing lost".to_owned()),
    })
}

/// From the request to the last byte.
fn time(window: usize) -> io::Result<Duration> {
    let way = Impairment { delay: DELAY, ..Impairment::default() };
    let run = run(config(1, way), HORIZON, move |sim| get(sim, window));
    run.output.map_err(io::Error::other)?
}

async fn get(sim: Sim, window: usize) -> io::Result<Duration> {
    let bytes = lecture(LENGTH, 1);
    let expected = hexadecimal(&Sha256::digest(&bytes));
    let shelf = Shelf::new([(FILE.to_owned(), bytes)]);
    let calendar = Calendar::from(SystemTime::UNIX_EPOCH);
    let service = ChatService::new(calendar, MAX_GUESTS, Some(Box::new(shelf)));
    start_server(&sim, Transport::Udp, Box::new(service))?;
    let (net, clock, mut random) = (sim.client(1), sim.clock(), ChaCha8Rng::seed_from_u64(1));
    let mut client = ClientConfig::new(Transport::Udp);
    client.datagram.window = window;
    let mut conversation = Conversation::open(&net, server(), &client, clock, &mut random).await?;
    conversation.ask(Question::HELLO, None);
    welcome(&mut conversation).await?;
    let asked = clock.now();
    let request = GetRequest { name: FILE, offset: 0, version: None }.format();
    let mut sink = Hashing(Sha256::new());
    match fetch(&mut conversation, &request, FetchConfig { timeout: None, window }, &mut sink)
        .await?
    {
        Fetched::Whole if hexadecimal(&sink.0.finalize()) == expected => {
            Ok(clock.now().since(asked))
        }
        other => Err(io::Error::other(format!("not the file: {other:?}"))),
    }
}

async fn welcome(conversation: &mut Conversation<SimNet>) -> io::Result<()> {
    loop {
        if let RequesterEvent::Ended(exchange) = conversation.next_event().await? {
            return match exchange.ending {
                Ending::Replied(_) => Ok(()),
                other => Err(io::Error::other(format!("no welcome: {other:?}"))),
            };
        }
    }
}

/// Keeps nothing of a file but its SHA-256.
struct Hashing(Sha256);

impl Sink for Hashing {
    fn head(&mut self, _head: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.update(bytes);
        Ok(())
    }
}
