//! TCP connections: what smoltcp leaves to the operating system. How long to wait, why a connection
//! ended, and what to do about data that nobody will read. What programs do with them is in
//! `stream`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket, SocketBuffer, State};
use smoltcp::wire::IpEndpoint;

use super::host::{Host, Id, Port};
use crate::packet::Segment;
use crate::time::{Timestamp, earlier};

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
    pub(super) socket: Option<SocketHandle>,
    pub(super) port: u16,
    pub(super) peer: SocketAddrV4,
    pub(super) owner: Owner,
    state: State,
    since: Timestamp,
    heard: Timestamp,
    /// Something is unacknowledged since then.
    waiting_since: Option<Timestamp>,
    /// What was received and not read when the stack was done with it.
    pub(super) unread: VecDeque<u8>,
    /// How it ended, for who reads on.
    pub(super) end: Option<Result<(), io::ErrorKind>>,
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
        socket: SocketHandle,
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
        }
    }

    /// Returns whether the segment belongs to this connection.
    pub(super) fn is_of(&self, segment: &Segment<'_>) -> bool {
        self.socket.is_some() && self.port == segment.to.port() && self.peer == segment.from
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
                Some(since + if orphan { ORPHAN_LIMIT } else { DATA_LIMIT })
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
            .connect(self.interface.context(), IpEndpoint::from(to), port)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let id = self.new_id();
        let handle = self.sockets.add(socket);
        self.connections.insert(id, Connection::new(handle, port, to, Owner::Program, now));
        Ok(id)
    }

    /// Takes note that the peer is there.
    pub(super) fn hear(&mut self, segment: &Segment<'_>, now: Timestamp) {
        if let Some(known) = self.connections.values_mut().find(|known| known.is_of(segment)) {
            known.heard = now;
        }
    }

    pub(super) fn has_connection_at(&self, port: u16) -> bool {
        self.connections.values().any(|known| known.port == port && known.socket.is_some())
    }

    /// Follows all connections. Returns when the next of them has waited too long.
    pub(super) fn review_connections(&mut self, now: Timestamp) -> Option<Timestamp> {
        let sockets = &mut self.sockets;
        let mut next = None;
        self.connections.retain(|_, connection| {
            let Some(handle) = connection.socket else { return true };
            let socket = sockets.get_mut::<Socket<'_>>(handle);
            connection.follow(socket, now);
            // A RST leaves only with the next round: until then the socket knows its peer.
            let forgotten = socket.state() == State::Closed && socket.remote_endpoint().is_none();
            let limit = connection.limit();
            if limit.is_some_and(|limit| limit <= now) {
                connection.conclude(socket, io::ErrorKind::TimedOut);
                forget(sockets, handle);
                connection.socket = None;
            } else if forgotten {
                sockets.remove(handle);
                connection.socket = None;
            } else {
                next = earlier(next, limit);
            }
            connection.socket.is_some() || connection.owner != Owner::Nobody
        });
        next
    }
}

/// Removes a socket without a packet, and wakes whoever waits for it.
pub(super) fn forget(sockets: &mut SocketSet<'static>, handle: SocketHandle) {
    if let smoltcp::socket::Socket::Tcp(mut socket) = sockets.remove(handle) {
        socket.abort();
    }
}
