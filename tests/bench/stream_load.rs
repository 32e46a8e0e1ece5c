//! Load over TCP: one line out, one line back, on as many connections as the row asks for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::load::{Load, PATIENCE, REPLY, REQUEST, Tally, wrong_reply};

/// New connections per second of a cell, at most. The client closes first and keeps TIME-WAIT for
/// a minute; all rounds of a row together must fit the 28,000 ephemeral ports.
const NEW_CONNECTIONS_PER_SECOND: f64 = 5_000.0;

/// A TCP connection that makes one exchange at a time with blocking calls.
pub(crate) struct PingPong {
    stream: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl PingPong {
    /// Connects to `address`.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, request: lines(REQUEST, 1), reply: lines(REPLY, 1) })
    }

    /// Makes one exchange and checks the reply.
    pub(crate) fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request)?;
        let mut received = [0; 64];
        let mut length = 0;
        while length < self.reply.len() {
            length += read_some(&mut self.stream, &mut received[length..])?;
        }
        if received[..length] == self.reply {
            Ok(())
        } else {
            Err(wrong_reply(&received[..length]))
        }
    }
}

impl Load for PingPong {
    fn run(&mut self, duration: Duration) -> io::Result<Tally> {
        let start = Instant::now();
        let mut tally = Tally::default();
        while start.elapsed() < duration {
            self.exchange()?;
            tally.exchanges += 1;
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

/// A new connection for every exchange, one after another; the client closes first.
pub(crate) struct NewConnections {
    pub(crate) address: SocketAddr,
}

impl Load for NewConnections {
    fn run(&mut self, duration: Duration) -> io::Result<Tally> {
        let most = (duration.as_secs_f64() * NEW_CONNECTIONS_PER_SECOND) as u64;
        let start = Instant::now();
        let mut tally = Tally::default();
        while start.elapsed() < duration && tally.exchanges < most {
            PingPong::open(self.address)?.exchange()?;
            tally.exchanges += 1;
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

/// Connections that each write a batch of requests at once, wait for all its replies, and repeat.
pub(crate) struct Streams {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    requests: Vec<u8>,
    replies: Vec<u8>,
    depth: u64,
}

struct Connection {
    stream: TcpStream,
    /// Bytes of this batch's replies that have arrived, all of them right.
    received: usize,
}

impl Streams {
    /// Opens `count` connections for batches of `depth` requests.
    pub(crate) fn open(address: SocketAddr, count: usize, depth: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
            connections.push(Connection { stream, received: 0 });
        }
        let (requests, replies) = (lines(REQUEST, depth), lines(REPLY, depth));
        Ok(Self { epoll, connections, requests, replies, depth: depth as u64 })
    }
}

impl Load for Streams {
    fn run(&mut self, duration: Duration) -> io::Result<Tally> {
        let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        let start = Instant::now();
        let mut tally = Tally::default();
        let mut events = Vec::with_capacity(self.connections.len());
        let mut scratch = vec![0; self.replies.len()];
        for connection in &mut self.connections {
            connection.send(&self.requests)?;
        }
        let mut outstanding = self.connections.len();
        while outstanding > 0 {
            if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&patience))? == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
            let more = start.elapsed() < duration;
            for event in events.drain(..) {
                let connection = &mut self.connections[event.data.u64() as usize];
                if !connection.receive(&self.replies, &mut scratch)? {
                    continue;
                }
                tally.exchanges += self.depth;
                if more {
                    connection.send(&self.requests)?;
                } else {
                    outstanding -= 1;
                }
            }
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

impl Connection {
    fn send(&mut self, requests: &[u8]) -> io::Result<()> {
        self.received = 0;
        // A batch is a few kilobytes and the last one was answered: it always fits the buffer.
        self.stream.write_all(requests)
    }

    /// Reads once; true when the batch is answered in full.
    fn receive(&mut self, replies: &[u8], scratch: &mut [u8]) -> io::Result<bool> {
        let length = read_some(&mut self.stream, scratch)?;
        let seen = &scratch[..length];
        if !replies[self.received..].starts_with(seen) {
            return Err(wrong_reply(seen));
        }
        self.received += length;
        Ok(self.received == replies.len())
    }
}

/// Reads at least one byte: the end of the stream is an error while a reply is outstanding.
fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match stream.read(buffer)? {
        0 => Err(io::Error::other("the server closed with a request outstanding")),
        length => Ok(length),
    }
}

/// The message `count` times, each with its LF.
fn lines(message: &[u8], count: usize) -> Vec<u8> {
    [message, b"\n"].concat().repeat(count)
}
