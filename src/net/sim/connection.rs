//! TCP connections: what smoltcp leaves to the operating system. How long to wait, why a connection
//! ended, and what to do about data that nobody will read. What programs do with them is in
//! `stream`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket, SocketBuffer, State};
use smoltcp::wire::IpEndpoint;

use super::host::{Host, Id, Port};
use super::stack::{Place, TcpSockets};
use crate::time::Timestamp;

/// Bytes that may wait in a connection, each way. With it the window needs one bit of scaling.
const BUFFER: usize = 64 * 1024;

/// How long data may wait for an acknowledgement of its own: what Linux does. RFC 9293 section
/// 3.8.6.3 allows up to 500 ms.
const ACK_DELAY: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(40);

/// How long a SYN is repeated: RFC 9293 section 3.8.3 asks for 3 minutes at least, and the next
/// copy would leave then: 0, 1, 3, 7, 15, 31, 63, 123 s.
const SYN_LIMIT: Duration = Duration::from_secs(183);

/// How long a SYN-ACK is repeated: five times, as Linux does (tcp_synack_retries).
const SYN_ACK_LIMIT: Duration = Duration::from_secs(63);

/// How long data is repeated while nothing is heard: as Linux does (tcp_retries2 is 15, which "yields
/// a hypothetical timeout of 924.6 seconds"); RFC 9293 section 3.8.3 asks for 100 s at least.
const DATA_LIMIT: Duration = Duration::from_millis(924_600);

/// The same when no program holds the connection any more.
const ORPHAN_LIMIT: Duration = Duration::from_secs(100);

/// How long we wait for the peer's FIN when no program does: as Linux (tcp_fin_timeout). RFC 9293
/// would wait for ever.
const FIN_WAIT_2_LIMIT: Duration = Duration::from_secs(60);

/// Who has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A program.
    Program,
    /// The listener at its port: not accepted yet.
    Listener,
    /// Nobody: the program has closed it.
    Nobody,
}

/// A connection.
pub(super) struct Connection {
    /// Nothing, once the stack has forgotten it.
    pub(super) socket: Option<Place>,
    pub(super) port: u16,
    pub(super) peer: SocketAddrV4,
    pub(super) owner: Owner,
    state: State,
    since: Timestamp,
    pub(super) heard: Timestamp,
    /// Something is unacknowledged since then.
    waiting_since: Option<Timestamp>,
    /// What was received and not read when the stack was done with it.
    pub(super) unread: VecDeque<u8>,
    /// How it ended, for who reads on.
    pub(super) end: Option<Result<(), io::ErrorKind>>,
    /// When it has something to do by itself.
    pub(super) due: Option<Timestamp>,
}

/// A TCP socket as hosts make them.
pub(super) fn new_socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = Socket::new(buffer(), buffer());
    // A comparison is worth nothing without congestion control, and Reno is what textbooks teach.
    socket.set_congestion_control(CongestionControl::Reno);
    socket.set_ack_delay(Some(ACK_DELAY));
    // As the kernel's sockets: one write is one segment, sent at once.
    socket.set_nagle_enabled(false);
    socket
}

impl Connection {
    pub(super) fn new(
        socket: Place,
        port: u16,
        peer: SocketAddrV4,
        owner: Owner,
        now: Timestamp,
    ) -> Self {
        Connection {
            socket: Some(socket),
            port,
            peer,
            owner,
            state: State::Closed,
            since: now,
            heard: now,
            waiting_since: None,
            unread: VecDeque::new(),
            end: None,
            due: None,
        }
    }

    /// Follows what the socket went through, and removes it when that is over. Returns when it will
    /// have waited too long.
    pub(super) fn review(&mut self, sockets: &mut TcpSockets, now: Timestamp) -> Option<Timestamp> {
        let place = self.socket?;
        let socket = sockets.get(place);
        self.follow(socket, now);
        // A RST leaves only with the next round: until then the socket knows its peer.
        let forgotten = socket.state() == State::Closed && socket.remote_endpoint().is_none();
        let limit = self.limit();
        if limit.is_some_and(|limit| limit <= now) {
            self.conclude(socket, io::ErrorKind::TimedOut);
            sockets.forget(place);
            self.socket = None;
        } else if forgotten {
            sockets.remove(place);
            self.socket = None;
        }
        self.socket.and(limit)
    }

    /// Follows what the socket went through.
    fn follow(&mut self, socket: &mut Socket<'_>, now: Timestamp) {
        if self.owner == Owner::Nobody && self.end.is_none() && socket.recv_queue() > 0 {
            // Data for a program that is gone, unread or late. Linux sends a RST; smoltcp would take
            // it in silence.
            socket.abort();
        }
        let before = std::mem::replace(&mut self.state, socket.state());
        if before != self.state {
            self.since = now;
        }
        if matches!(self.state, State::TimeWait | State::Closed) && self.end.is_none() {
            let refused = before == State::SynSent;
            self.conclude(socket, if refused { REFUSED } else { RESET });
        }
        let closing = matches!(self.state, State::FinWait1 | State::Closing | State::LastAck);
        match socket.send_queue() > 0 || closing {
            true => self.waiting_since = self.waiting_since.or(Some(now)),
            false => self.waiting_since = None,
        }
    }

    /// Keeps what can still be read: smoltcp forgets it when TIME-WAIT ends.
    fn conclude(&mut self, socket: &mut Socket<'_>, otherwise: io::ErrorKind) {
        let mut piece = [0; 2048];
        self.end = Some(loop {
            match socket.recv_slice(&mut piece) {
                Ok(0) => break Err(otherwise),
                Ok(count) => self.unread.extend(&piece[..count]),
                Err(RecvError::Finished) => break Ok(()),
                Err(RecvError::InvalidState) => break Err(otherwise),
            }
        });
    }

    /// Returns when to give up.
    fn limit(&self) -> Option<Timestamp> {
        let orphan = self.owner == Owner::Nobody;
        match self.state {
            State::SynSent => Some(self.since + SYN_LIMIT),
            State::SynReceived => Some(self.since + SYN_ACK_LIMIT),
            State::FinWait2 if orphan => Some(self.since + FIN_WAIT_2_LIMIT),
            State::Closed | State::TimeWait => None,
            _ => {
                let since = self.waiting_since?.max(self.heard);
                Some(match orphan {
                    // Patience with an orphan begins when the program left it.
                    true => since.max(self.since) + ORPHAN_LIMIT,
                    false => since + DATA_LIMIT,
                })
            }
        }
    }
}

const REFUSED: io::ErrorKind = io::ErrorKind::ConnectionRefused;
pub(super) const RESET: io::ErrorKind = io::ErrorKind::ConnectionReset;

impl Host {
    /// Begins a handshake.
    pub(super) fn open(&mut self, to: SocketAddrV4, now: Timestamp) -> io::Result<Id> {
        self.check_powered()?;
        let port = self.free_port(Port::Tcp)?;
        let mut socket = new_socket();
        socket
            .connect(self.stack.context(), IpEndpoint::from(to), port)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let id = self.new_id();
        let place = self.streams.add(socket);
        self.connections.insert(id, Connection::new(place, port, to, Owner::Program, now));
        Ok(id)
    }
}
