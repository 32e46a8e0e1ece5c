//! What a server costs before and between exchanges: its start, its memory.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use socklab::server::Model;

use crate::contender::Contender;
use crate::datagram_load::{Dialect, Heard, Peer};
use crate::load::{REPLY, Tally};
use crate::measure::{Plan, Spread};
use crate::process::Server;
use crate::report::Measured;
use crate::rows::Target;
use crate::stream_load::PingPong;

const CONNECTIONS: u64 = 10_000;
/// Files that a process has open beside its connections, at most.
const SPARE: u64 = 64;

const TOKENS: u64 = 20_000;

/// What a token may cost: 160 bytes, and for the reply it remembers 40 bytes and the text.
pub(crate) const BYTES_PER_TOKEN: usize = 160 + 40 + REPLY.len();

/// Long enough for what follows an exchange (timers, buffers given back) to be over.
const SETTLE: Duration = Duration::from_millis(500);

/// Why connections cannot be counted on this machine, if they cannot.
pub(crate) fn missing() -> Option<&'static str> {
    let here = getrlimit(Resource::Nofile).current.is_none_or(|limit| limit > CONNECTIONS + SPARE);
    (!here).then_some("10,000 connections need as many open files (ulimit -Hn)")
}

/// Memory of an idle connection that has made one exchange, ours beside tokio's.
pub(crate) fn connection_memory(contender: Contender, target: Target) -> io::Result<Measured> {
    let reference = memory_of_connections(Contender::BareTokio)?;
    let ours = memory_of_connections(contender)?;
    Ok(Measured {
        ours: format!("{ours:.0} B"),
        reference: format!("{reference:.0} B {}", Contender::BareTokio.name()),
        ratio: format!("{:.3}", ours / reference),
        met: target.is_met(ours),
        total: Tally { exchanges: 2 * (CONNECTIONS + 1), ..Tally::default() },
        remark: Some(format!("growth of anonymous resident memory / {CONNECTIONS} connections")),
    })
}

fn memory_of_connections(contender: Contender) -> io::Result<f64> {
    let server = Server::start(contender, "tcp")?;
    // The first connection brings in what is there once, not once a connection.
    PingPong::open(server.address)?.exchange()?;
    sleep(SETTLE);
    let before = server.private_memory()?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = PingPong::open(server.address)?;
        connection.exchange()?;
        connections.push(connection);
    }
    sleep(SETTLE);
    let growth = server.private_memory()?.saturating_sub(before);
    Ok(growth as f64 / CONNECTIONS as f64)
}

/// Memory of a token with one remembered reply; each reply is awaited, so that none is lost.
pub(crate) fn token_memory(target: Target) -> io::Result<Measured> {
    let server = Server::start(Contender::Model(Model::Tasks), "udp")?;
    let mut peer = Peer::open(server.address, Dialect::Framed)?;
    exchange(&mut peer)?;
    sleep(SETTLE);
    let before = server.private_memory()?;
    for _ in 0..TOKENS {
        peer.change_token();
        exchange(&mut peer)?;
    }
    sleep(SETTLE);
    let growth = server.private_memory()?.saturating_sub(before);
    let ours = growth as f64 / TOKENS as f64;
    Ok(Measured {
        ours: format!("{ours:.0} B"),
        reference: "-".to_owned(),
        ratio: "-".to_owned(),
        met: target.is_met(ours),
        total: Tally { exchanges: TOKENS + 1, ..Tally::default() },
        remark: Some(format!(
            "growth of anonymous resident memory / {TOKENS} tokens; the target is 160 B for \
             a token, 40 B and {} B of text for its reply",
            REPLY.len()
        )),
    })
}

fn exchange(peer: &mut Peer) -> io::Result<()> {
    peer.fill(1)?;
    match peer.receive()? {
        Heard::Reply => Ok(()),
        heard => Err(io::Error::other(format!("instead of a reply: {heard:?}"))),
    }
}

/// From the start of the process to the first reply over TCP, in turn with tokio.
pub(crate) fn cold_start(
    contender: Contender,
    plan: &Plan,
    target: Target,
) -> io::Result<Measured> {
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..plan.starts {
        ours.push(milliseconds_to_first_reply(contender)?);
        reference.push(milliseconds_to_first_reply(Contender::BareTokio)?);
    }
    let ratio = Spread::of_ratios(&ours, &reference);
    let [ours, reference] = [ours, reference].map(|times| Spread::of(times).median);
    Ok(Measured {
        ours: format!("{ours:.2} ms"),
        reference: format!("{reference:.2} ms {}", Contender::BareTokio.name()),
        ratio: ratio.to_string(),
        met: target.is_met(ratio.median),
        total: Tally { exchanges: 2 * plan.starts as u64, ..Tally::default() },
        remark: None,
    })
}

fn milliseconds_to_first_reply(contender: Contender) -> io::Result<f64> {
    let start = Instant::now();
    let server = Server::start_bare(contender, "tcp")?;
    PingPong::open(server.address)?.exchange()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}
