//! Load over UDP: bare messages, our framed datagrams, and memcached's, with a fixed window.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::load::{Load, REPLY, REQUEST, Tally};

/// Silence after which everything outstanding counts as lost. Loopback answers within
/// a millisecond, so nothing late is taken for lost.
const SILENCE: Duration = Duration::from_millis(200);

/// Silences in a row after which the server counts as gone.
const SILENCES: u32 = 10;

/// Our datagrams: magic and version, the types in the high four bits, the header's length.
const MAGIC: u8 = 0xF9;
const TYPE_REQUEST: u8 = 0x00;
const TYPE_REPLY: u8 = 0x10;
const HEADER: usize = 16;

/// memcached's frame header: request id, sequence number 0, one datagram in all, reserved.
const MEMCACHED_HEADER: usize = 8;

/// How a datagram is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Dialect {
    /// The message and nothing else: any reply answers the oldest request.
    Bare,
    /// The message behind our header with token and message id.
    Framed,
    /// memcached's `version` request.
    Memcached,
}

/// What one receive has brought.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Reply,
    WrongReply,
    Nothing,
}

/// A connected UDP socket with its window of outstanding requests.
pub(crate) struct Peer {
    socket: UdpSocket,
    dialect: Dialect,
    request: Vec<u8>,
    token: u32,
    next: u32,
    /// The oldest id outstanding, or `next` where none is.
    oldest: u32,
    /// Bit `id % 64` is set while `id` is outstanding.
    outstanding: u64,
}

impl Peer {
    /// Connects a blocking socket to `address`, with a token of its own.
    pub(crate) fn open(address: SocketAddr, dialect: Dialect) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let payload = REQUEST.len() as u16;
        let request = match dialect {
            Dialect::Bare => REQUEST.to_vec(),
            Dialect::Framed => [&header(TYPE_REQUEST, payload)[..], REQUEST].concat(),
            Dialect::Memcached => b"\0\0\0\0\0\x01\0\0version\r\n".to_vec(),
        };
        let mut peer =
            Self { socket, dialect, request, token: 0, next: 1, oldest: 1, outstanding: 0 };
        peer.change_token();
        Ok(peer)
    }

    /// Takes a token that nobody in this run has had: to the server, a new client.
    pub(crate) fn change_token(&mut self) {
        static TOKENS: AtomicU32 = AtomicU32::new(1);
        // An odd factor permutes the 32-bit numbers: scattered as random tokens are, yet distinct.
        self.token = TOKENS.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B1);
        if self.dialect == Dialect::Framed {
            self.request[8..12].copy_from_slice(&self.token.to_be_bytes());
        }
    }

    /// Sends requests until `depth` ids, counted from the oldest outstanding one, are in use.
    pub(crate) fn fill(&mut self, depth: u32) -> io::Result<()> {
        while self.next.wrapping_sub(self.oldest) < depth {
            match self.dialect {
                Dialect::Bare => {}
                Dialect::Framed => self.request[12..16].copy_from_slice(&self.next.to_be_bytes()),
                Dialect::Memcached => {
                    self.request[..2].copy_from_slice(&(self.next as u16).to_be_bytes());
                }
            }
            self.socket.send(&self.request)?;
            self.outstanding |= bit(self.next);
            self.next = self.next.wrapping_add(1);
        }
        Ok(())
    }

    /// Receives one datagram, or nothing if none comes for a while (at once if non-blocking).
    pub(crate) fn receive(&mut self) -> io::Result<Heard> {
        let mut buffer = [0; 128];
        let length = match self.socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Heard::Nothing),
            Err(error) => return Err(error),
        };
        let Some(id) = self.answered(&buffer[..length]) else {
            return Ok(Heard::WrongReply);
        };
        let ahead = id.wrapping_sub(self.oldest);
        if ahead >= 64 || self.outstanding & bit(id) == 0 {
            return Ok(Heard::WrongReply);
        }
        self.outstanding &= !bit(id);
        while self.oldest != self.next && self.outstanding & bit(self.oldest) == 0 {
            self.oldest = self.oldest.wrapping_add(1);
        }
        Ok(Heard::Reply)
    }

    /// The id that this datagram answers, if it is a right reply.
    fn answered(&self, datagram: &[u8]) -> Option<u32> {
        match self.dialect {
            Dialect::Bare => (datagram == REPLY).then_some(self.oldest),
            Dialect::Framed => {
                let (head, text) = datagram.split_at_checked(HEADER)?;
                let expected = header(TYPE_REPLY, REPLY.len() as u16);
                let right = head[..8] == expected[..8]
                    && head[8..12] == self.token.to_be_bytes()
                    && text == REPLY;
                right.then(|| u32::from_be_bytes([head[12], head[13], head[14], head[15]]))
            }
            Dialect::Memcached => {
                let (head, text) = datagram.split_at_checked(MEMCACHED_HEADER)?;
                let right = head[2..] == [0, 0, 0, 1, 0, 0] && text.starts_with(b"VERSION ");
                // The header has 16 bits of the id; the window tells the rest.
                let low = u16::from_be_bytes([head[0], head[1]]);
                let ahead = low.wrapping_sub(self.oldest as u16);
                right.then(|| self.oldest.wrapping_add(u32::from(ahead)))
            }
        }
    }

    /// Gives up everything outstanding and says how much it was.
    fn forget(&mut self) -> u64 {
        self.oldest = self.next;
        u64::from(std::mem::take(&mut self.outstanding).count_ones())
    }
}

/// One socket with `depth` requests outstanding: as fast as replies come, requests go.
pub(crate) struct OneSocket {
    peer: Peer,
    depth: u32,
}

impl OneSocket {
    /// Opens a socket towards `address`.
    pub(crate) fn open(address: SocketAddr, depth: u32, dialect: Dialect) -> io::Result<Self> {
        Ok(Self { peer: Peer::open(address, dialect)?, depth })
    }
}

impl Load for OneSocket {
    fn run(&mut self, duration: Duration) -> io::Result<Tally> {
        let start = Instant::now();
        let mut tally = Tally::default();
        let mut silences = 0;
        self.peer.fill(self.depth)?;
        while self.peer.outstanding != 0 {
            match self.peer.receive()? {
                Heard::Reply => {
                    tally.exchanges += 1;
                    silences = 0;
                }
                Heard::WrongReply => tally.wrong += 1,
                Heard::Nothing => {
                    tally.lost += self.peer.forget();
                    silences = count_silence(silences)?;
                }
            }
            if start.elapsed() < duration {
                self.peer.fill(self.depth)?;
            }
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

/// Many sockets with one request outstanding on each.
pub(crate) struct ManySockets {
    epoll: OwnedFd,
    peers: Vec<Peer>,
}

impl ManySockets {
    /// Opens `count` sockets towards `address`.
    pub(crate) fn open(address: SocketAddr, count: usize, dialect: Dialect) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut peers = Vec::with_capacity(count);
        for index in 0..count {
            let peer = Peer::open(address, dialect)?;
            peer.socket.set_nonblocking(true)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &peer.socket, data, epoll::EventFlags::IN)?;
            peers.push(peer);
        }
        Ok(Self { epoll, peers })
    }
}

impl Load for ManySockets {
    fn run(&mut self, duration: Duration) -> io::Result<Tally> {
        let silence = Timespec::try_from(SILENCE).map_err(io::Error::other)?;
        let start = Instant::now();
        let mut tally = Tally::default();
        let mut events = Vec::with_capacity(self.peers.len());
        let mut silences = 0;
        for peer in &mut self.peers {
            peer.fill(1)?;
        }
        while self.peers.iter().any(|peer| peer.outstanding != 0) {
            let more = start.elapsed() < duration;
            if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&silence))? == 0 {
                tally.lost += self.peers.iter_mut().map(Peer::forget).sum::<u64>();
                silences = count_silence(silences)?;
                if more {
                    self.peers.iter_mut().try_for_each(|peer| peer.fill(1))?;
                }
            }
            for event in events.drain(..) {
                let peer = &mut self.peers[event.data.u64() as usize];
                match peer.receive()? {
                    Heard::Reply => {
                        tally.exchanges += 1;
                        silences = 0;
                    }
                    Heard::WrongReply => tally.wrong += 1,
                    Heard::Nothing => {}
                }
                if more {
                    peer.fill(1)?;
                }
            }
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

fn count_silence(silences: u32) -> io::Result<u32> {
    if silences == SILENCES { Err(ErrorKind::TimedOut.into()) } else { Ok(silences + 1) }
}

fn bit(id: u32) -> u64 {
    1 << (id % 64)
}

/// Our header for attempt 1, with token and message id still 0.
fn header(kind: u8, payload: u16) -> [u8; HEADER] {
    let [high, low] = payload.to_be_bytes();
    [MAGIC, kind, 1, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}
