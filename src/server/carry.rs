//! What all models share: who is let in, and how bytes get from a socket into a session and back.
//!
//! Nothing here waits. A socket that cannot do more for the moment says `WouldBlock`, and what to do
//! until then is what the models differ in.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::net::Received;
use crate::peer::Peer;
use crate::protocol::datagram::DatagramServer;
use crate::protocol::stream::StreamSession;
use crate::protocol::{Input, Session, Transmit};
use crate::service::Service;
use crate::time::Timestamp;

/// As much as one read can return: a whole datagram, whatever its length.
pub(super) const READ_BUFFER: usize = 64 * 1024; // bytes

/// How long the server waits before it accepts again, when the system had no room for one more
/// connection: long enough not to spin, short enough not to be noticed.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Writes to one connection, before timers, the stop and other connections have their turn: 1 MiB of
/// a file.
const WRITES: usize = 16;

/// Datagrams taken in one go, before timers and the transcript have their turn.
const BATCH: usize = 32;

/// A connection, in whichever way its model waits for it.
pub(super) trait Connection {
    /// Reads what has come; `WouldBlock` if nothing has.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Writes what there is room for; `WouldBlock` if there is none.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Closes our direction with a FIN.
    fn finish(&mut self) -> io::Result<()>;
}

/// A UDP socket, in whichever way its model waits for it.
pub(super) trait DatagramSocket {
    /// Receives one datagram; `WouldBlock` if none has come.
    fn receive_from(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// Sends one datagram; `WouldBlock` if there is no room for it.
    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<()>;
}

/// What came of an attempt to carry bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// Something moved, and more may at once.
    Something,
    /// Nothing moves before the socket, a timer or the stop has its say.
    Nothing,
    /// It is over: the socket is to be dropped.
    Over,
}

/// What became of all that a session had to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It has left.
    Everything,
    /// The socket takes no more for the moment.
    Blocked,
    /// There is more, but others have their turn now.
    Enough,
    /// The session is over: the socket is to be dropped.
    Over,
}

/// Returns whether an error says "not now". (Where a read that was bounded in time says it with
/// `TimedOut`, that is it too; elsewhere `TimedOut` is the end of the connection.)
pub(super) fn is_not_now(error: &io::Error) -> bool {
    match error.kind() {
        ErrorKind::WouldBlock => true,
        ErrorKind::TimedOut => cfg!(windows),
        _ => false,
    }
}

/// A place among the clients that are served at once; dropping it makes room for the next.
pub(super) struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Lets a connection in, with a place if there is one. If there is none, its session says so.
pub(super) fn admit(
    peer: Peer,
    shared: &Arc<Shared>,
    service: &mut dyn Service,
) -> (StreamSession, Option<Place>) {
    let now = shared.clock.now();
    let (config, limit) = (&shared.config.stream, shared.config.max_clients);
    let place = Place(shared.clone());
    if shared.clients.fetch_add(1, Ordering::AcqRel) >= limit {
        let reason = format!("server full ({limit} clients)");
        return (StreamSession::refused(peer, &reason, config, now), None);
    }
    (StreamSession::new(peer, config, now, service), Some(place))
}

/// Ends a session whose connection is over. Its place is free before the transcript says so: who reads
/// it may send the next client.
pub(super) fn dismiss(
    session: &mut StreamSession,
    place: Option<Place>,
    shared: &Shared,
    service: &mut dyn Service,
) {
    drop(place);
    session.end(shared.clock.now(), service);
    report(session, shared);
}

/// Returns the connection that was accepted, or how long to wait before the next attempt.
pub(super) fn accepted<S>(
    result: io::Result<(S, SocketAddr)>,
    shared: &Shared,
) -> Result<(S, Peer), Duration> {
    match result {
        Ok((stream, from)) => Ok((stream, Peer::tcp(from))),
        Err(error) if is_not_now(&error) => Err(Duration::ZERO),
        // The second: the peer was gone before we got to it.
        Err(error)
            if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) =>
        {
            Err(Duration::ZERO)
        }
        Err(error) => {
            let trouble = format!("Could not accept a connection: {error}");
            shared.transcript.trouble(shared.clock.now(), trouble);
            Err(ACCEPT_PAUSE)
        }
    }
}

/// Writes what the session has to say, then reads once.
pub(super) fn carry_stream(
    stream: &mut impl Connection,
    session: &mut StreamSession,
    peer: Peer,
    shared: &Shared,
    buffer: &mut [u8],
    service: &mut dyn Service,
) -> Carried {
    match transmit(stream, session, peer, shared, service) {
        Sent::Over => Carried::Over,
        Sent::Enough => Carried::Something,
        Sent::Everything | Sent::Blocked => receive(stream, session, peer, shared, buffer, service),
    }
}

/// Writes what the session has to say, as far as the socket takes it.
pub(super) fn transmit(
    stream: &mut impl Connection,
    session: &mut StreamSession,
    peer: Peer,
    shared: &Shared,
    service: &mut dyn Service,
) -> Sent {
    for _ in 0..WRITES {
        let written = match session.poll_transmit() {
            None => return Sent::Everything,
            Some(Transmit::Bytes { bytes, .. }) => stream.write(bytes),
            Some(Transmit::HalfClose) => stream.finish().map(|()| 0),
            Some(Transmit::Close) => return Sent::Over,
        };
        match written {
            Ok(count) => session.transmitted(count, shared.clock.now()),
            Err(error) if is_not_now(&error) => return Sent::Blocked,
            Err(_) => session.receive(peer, Input::Reset, shared.clock.now(), service),
        }
    }
    Sent::Enough
}

/// Reads once, if the session wants to hear more.
pub(super) fn receive(
    stream: &mut impl Connection,
    session: &mut StreamSession,
    peer: Peer,
    shared: &Shared,
    buffer: &mut [u8],
    service: &mut dyn Service,
) -> Carried {
    if !session.wants_input() {
        return Carried::Nothing;
    }
    let input = match stream.read(buffer) {
        Ok(Received::Bytes(count)) => Input::Bytes(&buffer[..count]),
        Ok(Received::EndOfStream) => Input::EndOfStream,
        Err(error) if is_not_now(&error) => return Carried::Nothing,
        Err(_) => Input::Reset,
    };
    session.receive(peer, input, shared.clock.now(), service);
    if session.wants_shutdown() {
        shared.stop.stop();
    }
    Carried::Something
}

/// Sends what the session has to say and receives, in turn.
pub(super) fn carry_datagrams(
    socket: &mut impl DatagramSocket,
    session: &mut DatagramServer,
    shared: &Shared,
    buffer: &mut [u8],
    service: &mut dyn Service,
) -> Carried {
    let now = shared.clock.now();
    for taken in 0..BATCH {
        match transmit_datagrams(socket, session, now) {
            Sent::Over => return Carried::Over,
            Sent::Blocked => return Carried::Nothing,
            Sent::Everything | Sent::Enough => {}
        }
        match receive_datagram(socket, session, shared, buffer, service) {
            Carried::Nothing if taken == 0 => return Carried::Nothing,
            Carried::Nothing => break,
            _ if session.wants_shutdown() => break,
            _ => {}
        }
    }
    Carried::Something
}

/// Sends every datagram that the session has ready.
pub(super) fn transmit_datagrams(
    socket: &mut impl DatagramSocket,
    session: &mut DatagramServer,
    now: Timestamp,
) -> Sent {
    while let Some(transmit) = session.poll_transmit() {
        let Transmit::Bytes { to, bytes } = transmit else { return Sent::Over };
        match socket.send_to(bytes, to.address) {
            Err(error) if is_not_now(&error) => return Sent::Blocked,
            // A datagram that cannot be sent is lost, like any other; the client will repeat.
            Ok(()) | Err(_) => session.transmitted(0, now),
        }
    }
    Sent::Everything
}

/// Receives one datagram.
pub(super) fn receive_datagram(
    socket: &mut impl DatagramSocket,
    session: &mut DatagramServer,
    shared: &Shared,
    buffer: &mut [u8],
    service: &mut dyn Service,
) -> Carried {
    match socket.receive_from(buffer) {
        Ok((count, from)) => {
            let input = Input::Bytes(&buffer[..count]);
            session.receive(Peer::udp(from), input, shared.clock.now(), service);
            if session.wants_shutdown() {
                shared.stop.stop();
            }
            Carried::Something
        }
        Err(error) if is_not_now(&error) => Carried::Nothing,
        // Some systems report here that an earlier datagram met no listener: not our concern.
        Err(_) => Carried::Something,
    }
}

/// Tells the transcript what happened.
pub(super) fn report(session: &mut impl Session, shared: &Shared) {
    while let Some(event) = session.poll_event() {
        shared.transcript.event(shared.clock.now(), event);
    }
}

/// Remembers for when a wake-up is set. A deadline that moves away is not followed: waking early does
/// no harm, and setting it anew for each request would cost more than the request.
#[derive(Debug, Default)]
pub(super) struct Timer {
    armed: Option<Timestamp>,
}

impl Timer {
    /// Returns for when the wake-up is to be set, if that is sooner than it is.
    pub(super) fn arm(&mut self, due: Option<Timestamp>) -> Option<Timestamp> {
        let sooner = due.filter(|due| self.armed.is_none_or(|armed| *due < armed));
        self.armed = sooner.or(self.armed);
        sooner
    }

    /// Returns for when it is set.
    pub(super) fn armed(&self) -> Option<Timestamp> {
        self.armed
    }

    /// Takes note that the wake-up has come.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }
}
