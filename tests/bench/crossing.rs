//! Load between two hosts: one message there and back at a time, or as many packets as go.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread::{self, sleep, yield_now};
use std::time::{Duration, Instant};

use socket2::{SockAddr, Socket};
use socklab::net::host_address;
use socklab::peer::Transport;

use crate::load::PATIENCE;
use crate::process::pin_this_thread_to;
use crate::two_hosts::TwoHosts;

/// Bytes of each message.
const MESSAGE: usize = 64;

/// Datagrams that one end sends, or receives, before it is the other's turn.
const BATCH: usize = 32;

/// Datagrams under way at most: fewer than a host's queue (500) and a socket's buffer (208 KiB, of
/// which each takes about one) hold, so that none is lost.
const WINDOW: usize = 4 * BATCH;

/// Packets are counted so often, for a record is kept of each, and not of any number.
const LOOK: Duration = Duration::from_millis(10);

/// What is written to TCP at a time.
const PIECE: usize = 64 << 10;

/// The congestion control of all transfers: the one that every Linux has.
const CONTROL: &[u8] = b"reno";

/// Two sockets that are connected to each other.
struct Pair {
    client: Socket,
    server: Socket,
}

impl Pair {
    fn new(hosts: &impl TwoHosts, transport: Transport) -> io::Result<Self> {
        let any_port = |host| SockAddr::from(SocketAddr::new(host_address(host).into(), 0));
        let (server, client) = (hosts.socket(0, transport)?, hosts.socket(1, transport)?);
        server.bind(&any_port(0))?;
        client.bind(&any_port(1))?;
        let server = match transport {
            Transport::Udp => {
                client.connect(&server.local_addr()?)?;
                server.connect(&client.local_addr()?)?;
                server
            }
            Transport::Tcp => {
                client.set_tcp_congestion(CONTROL)?;
                client.set_tcp_nodelay(true)?;
                server.listen(1)?;
                client.connect(&server.local_addr()?)?;
                let (connection, _) = server.accept()?;
                connection.set_tcp_nodelay(true)?;
                connection
            }
        };
        client.set_read_timeout(Some(PATIENCE))?;
        server.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { client, server })
    }
}

/// Returns the seconds that each of `count` messages needed, there and back.
pub(crate) fn round_trips(
    hosts: &impl TwoHosts,
    transport: Transport,
    count: usize,
) -> io::Result<Vec<f64>> {
    let Pair { mut client, mut server } = Pair::new(hosts, transport)?;
    let echo = move || -> io::Result<()> {
        let mut message = [0; MESSAGE];
        for _ in 0..count {
            server.read_exact(&mut message)?;
            server.write_all(&message)?;
        }
        Ok(())
    };
    let mut ask = |number: usize| -> io::Result<f64> {
        let (sent, mut received) = ([number as u8; MESSAGE], [0; MESSAGE]);
        let start = Instant::now();
        client.write_all(&sent)?;
        client.read_exact(&mut received)?;
        let needed = start.elapsed().as_secs_f64();
        if received == sent { Ok(needed) } else { Err(io::Error::other("another echo")) }
    };
    thread::scope(|scope| {
        let echo = scope.spawn(echo);
        let times = (0..count).map(&mut ask).collect();
        echo.join().unwrap_or_else(|_| Err(io::Error::other("the echo panicked")))?;
        times
    })
}

/// What went while as much went as goes.
pub(crate) struct Crossed {
    /// Packets that were delivered, both ways.
    pub(crate) packets: f64,
    /// Seconds.
    pub(crate) elapsed: f64,
}

/// Has as many packets go for so long as go: datagrams one way, or a transfer over TCP with its
/// acknowledgements. Who sends and receives is on `core`, if one is named.
pub(crate) fn cross(
    hosts: &mut impl TwoHosts,
    transport: Transport,
    duration: Duration,
    core: Option<usize>,
) -> io::Result<Crossed> {
    let pair = Pair::new(hosts, transport)?;
    let load = move || {
        core.map_or(Ok(()), pin_this_thread_to)?;
        let start = Instant::now();
        match transport {
            Transport::Udp => flood(pair, start, duration)?,
            Transport::Tcp => transfer(pair, start, duration)?,
        }
        Ok(start.elapsed().as_secs_f64())
    };
    hosts.delivered()?;
    thread::scope(|scope| {
        let load = scope.spawn(load);
        let mut packets = 0;
        while !load.is_finished() {
            sleep(LOOK);
            packets += hosts.delivered()?;
        }
        let panicked = |_| Err(io::Error::other("the load panicked"));
        let elapsed = load.join().unwrap_or_else(panicked)?;
        Ok(Crossed { packets: packets as f64, elapsed })
    })
}

/// Sends datagrams for so long, never more than the window ahead of who receives them. It does not
/// wait for them, so that nobody has to be woken: what is measured is the way between.
fn flood(pair: Pair, start: Instant, duration: Duration) -> io::Result<()> {
    let Pair { client, mut server } = pair;
    server.set_nonblocking(true)?;
    let mut message = [0; MESSAGE];
    let mut outstanding = 0;
    loop {
        let over = start.elapsed() >= duration;
        if !over && outstanding + BATCH <= WINDOW {
            for _ in 0..BATCH {
                client.send(&message)?;
            }
            outstanding += BATCH;
        }
        match server.read(&mut message) {
            Ok(_) => outstanding -= 1,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if over && outstanding == 0 => return Ok(()),
            Err(error) if start.elapsed() > duration + PATIENCE => return Err(error),
            // Where there is one core, the others need it.
            Err(_) => yield_now(),
        }
    }
}

/// Writes for so long, and reads on the other host until the end.
fn transfer(pair: Pair, start: Instant, duration: Duration) -> io::Result<()> {
    let Pair { mut client, mut server } = pair;
    let write = move || -> io::Result<()> {
        let piece = vec![0; PIECE];
        while start.elapsed() < duration {
            client.write_all(&piece)?;
        }
        client.shutdown(Shutdown::Write)
    };
    thread::scope(|scope| {
        let writer = scope.spawn(write);
        let mut buffer = vec![0; PIECE];
        while server.read(&mut buffer)? > 0 {}
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))
    })
}
