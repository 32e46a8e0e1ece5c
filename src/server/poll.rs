//! The model `poll`: one thread that asks the system which sockets are ready (epoll on Linux, kqueue
//! on the BSDs), and serves those. No call on a socket waits, so nobody holds the others up; nothing is
//! shared, so there is no lock. The price: what a thread keeps on its stack, and a task in its future,
//! is kept here by hand.

mod timers;
mod watched;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Poll, Token, Waker};

use super::Shared;
use super::apart::BareSockets;
use super::carry::{
    Carried, Place, READ_BUFFER, Timer, accepted, admit, carry_datagrams, carry_stream, dismiss,
    is_not_now, report,
};
use crate::peer::Peer;
use crate::protocol::Session;
use crate::protocol::datagram::{DatagramServer, Secrets};
use crate::protocol::stream::StreamSession;
use crate::service::Service;
use timers::Timers;
use watched::Watched;

const WAKER: Token = Token(0);
const LISTENER: Token = Token(1);
const DATAGRAMS: Token = Token(2);
/// The token of the first connection; the others follow.
const FIRST: usize = 3;

/// Changes that are asked for at once: those of a class. More come with the next call.
const EVENTS: usize = 256;

/// Connections accepted in one turn, and exchanges with one connection: then others have theirs.
const ACCEPTS: usize = 32;
/// See [`ACCEPTS`]: once to read, once more to answer what was read.
const EXCHANGES: usize = 2;

/// The whole server.
pub(super) struct Server {
    shared: Arc<Shared>,
    service: Box<dyn Service>,
    poll: Poll,
    waker: Arc<Waker>,
    listener: Option<Watched<TcpListener>>,
    datagrams: Option<Datagrams>,
    connections: Vec<Option<Box<Client>>>,
    free: Vec<usize>, // slots of `connections`
    /// Who is to have a turn.
    line: VecDeque<Token>,
    timers: Timers,
    /// What was just read: one buffer for all.
    buffer: Box<[u8]>,
    stopping: bool,
}

/// One connection: all that another model keeps on a stack.
struct Client {
    stream: Watched<TcpStream>,
    peer: Peer,
    session: StreamSession,
    timer: Timer,
    place: Option<Place>,
}

/// The UDP socket.
struct Datagrams {
    socket: Watched<UdpSocket>,
    session: DatagramServer,
    timer: Timer,
}

impl Server {
    /// Has the system watch the sockets.
    pub(super) fn new(
        sockets: BareSockets,
        secrets: &Secrets,
        shared: Arc<Shared>,
        service: Box<dyn Service>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let listener = sockets.tcp.map(TcpListener::from_std);
        let listener =
            listener.map(|it| Watched::new(it, LISTENER, poll.registry())).transpose()?;
        let socket = sockets.udp.map(UdpSocket::from_std);
        let socket = socket.map(|it| Watched::new(it, DATAGRAMS, poll.registry())).transpose()?;
        let session = || DatagramServer::new(shared.config.datagram.clone(), secrets);
        let datagrams =
            socket.map(|socket| Datagrams { socket, session: session(), timer: Timer::default() });
        Ok(Server {
            shared,
            service,
            poll,
            waker,
            listener,
            datagrams,
            connections: Vec::new(),
            free: Vec::new(),
            line: VecDeque::new(),
            timers: Timers::default(),
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            stopping: false,
        })
    }

    /// Returns what ends a wait, so that the stop is heard.
    pub(super) fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Runs until everything is served.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.is_over() {
            match self.poll.poll(&mut events, self.wait()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                self.changed(event);
            }
            if !self.stopping && self.shared.stop.is_stopped() {
                self.shutdown();
            }
            self.handle_timeouts();
            for _ in 0..self.line.len() {
                match self.line.pop_front() {
                    Some(LISTENER) => self.accept(),
                    Some(DATAGRAMS) => self.serve_datagrams(),
                    Some(token) => self.serve_connection(token),
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let nobody = self.connections.len() == self.free.len();
        self.stopping && nobody && self.datagrams.is_none()
    }

    /// Returns how long to wait for a change; `None` is for ever.
    fn wait(&self) -> Option<Duration> {
        if !self.line.is_empty() {
            return Some(Duration::ZERO);
        }
        self.timers.first().map(|due| due.since(self.shared.clock.now()))
    }

    fn changed(&mut self, event: &Event) {
        let line = &mut self.line;
        match event.token() {
            WAKER => {}
            LISTENER => {
                self.listener.iter_mut().for_each(|it| it.changed(event, line));
            }
            DATAGRAMS => {
                self.datagrams.iter_mut().for_each(|it| it.socket.changed(event, line));
            }
            token => {
                // It may have been closed in this very turn.
                if let Some(Some(client)) = self.connections.get_mut(token.0 - FIRST) {
                    client.stream.changed(event, line);
                }
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS {
            let Some(listener) = &mut self.listener else { return };
            let connection = listener.socket.accept();
            if connection.as_ref().is_err_and(is_not_now) {
                return listener.leave_line();
            }
            match accepted(connection, &self.shared) {
                Ok((stream, peer)) => self.let_in(stream, peer),
                Err(Duration::ZERO) => {}
                // It stays in line, but in that of the timers.
                Err(pause) => {
                    self.timers.set(self.shared.clock.now() + pause, LISTENER);
                    return;
                }
            }
        }
        // There may be more, and no change will be reported for them.
        self.line.push_back(LISTENER);
    }

    fn let_in(&mut self, stream: TcpStream, peer: Peer) {
        // The replies to one read leave in one write: nothing to wait for. A connection that is gone
        // already says so here, and again when it is read.
        let _ = stream.set_nodelay(true);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let token = Token(FIRST + slot);
        match Watched::new(stream, token, self.poll.registry()) {
            Ok(mut stream) => {
                let (session, place) = admit(peer, &self.shared, &mut *self.service);
                stream.stand_in_line(token, &mut self.line);
                let client = Client { stream, peer, session, timer: Timer::default(), place };
                self.connections[slot] = Some(Box::new(client));
            }
            Err(error) => {
                let trouble = format!("Could not watch the connection of {peer}: {error}");
                self.shared.transcript.trouble(self.shared.clock.now(), trouble);
                self.free.push(slot);
            }
        }
    }

    fn serve_connection(&mut self, token: Token) {
        let slot = token.0 - FIRST;
        let Some(Some(client)) = self.connections.get_mut(slot) else { return };
        client.stream.leave_line();
        let (shared, service) = (&*self.shared, &mut *self.service);
        let mut carried = Carried::Something;
        for _ in 0..EXCHANGES {
            let Client { stream, session, peer, .. } = &mut **client;
            carried = carry_stream(stream, session, *peer, shared, &mut self.buffer, service);
            report(session, shared);
            if carried != Carried::Something {
                break;
            }
        }
        match carried {
            Carried::Over => {
                dismiss(&mut client.session, client.place.take(), shared, service);
                self.timers.disarm(token, &client.timer);
                self.connections[slot] = None;
                self.free.push(slot);
                return;
            }
            Carried::Something => client.stream.stand_in_line(token, &mut self.line),
            Carried::Nothing => {}
        }
        self.timers.arm(token, &mut client.timer, client.session.poll_timeout());
    }

    fn serve_datagrams(&mut self) {
        let Some(Datagrams { socket, session, timer }) = &mut self.datagrams else { return };
        socket.leave_line();
        let (shared, service) = (&*self.shared, &mut *self.service);
        let mut carried = Carried::Something;
        for _ in 0..EXCHANGES {
            carried = carry_datagrams(socket, session, shared, &mut self.buffer, service);
            report(session, shared);
            if carried != Carried::Something {
                break;
            }
        }
        match carried {
            Carried::Over => {
                self.timers.disarm(DATAGRAMS, timer);
                self.datagrams = None;
                return;
            }
            Carried::Something => socket.stand_in_line(DATAGRAMS, &mut self.line),
            Carried::Nothing => {}
        }
        self.timers.arm(DATAGRAMS, timer, session.poll_timeout());
    }

    fn handle_timeouts(&mut self) {
        let now = self.shared.clock.now();
        while let Some(token) = self.timers.pop(now) {
            match token {
                LISTENER => self.line.push_back(LISTENER),
                DATAGRAMS => {
                    if let Some(Datagrams { socket, session, timer }) = &mut self.datagrams {
                        timer.fired();
                        session.handle_timeout(now, &mut *self.service);
                        socket.stand_in_line(token, &mut self.line);
                    }
                }
                _ => {
                    if let Some(Some(client)) = self.connections.get_mut(token.0 - FIRST) {
                        client.timer.fired();
                        client.session.handle_timeout(now, &mut *self.service);
                        client.stream.stand_in_line(token, &mut self.line);
                    }
                }
            }
        }
    }

    /// Lets nobody else in; everybody who is in is served to the end.
    fn shutdown(&mut self) {
        self.stopping = true;
        self.listener = None;
        let (now, drain) = (self.shared.clock.now(), self.shared.config.drain);
        if let Some(Datagrams { socket, session, .. }) = &mut self.datagrams {
            session.shutdown(now, drain);
            socket.stand_in_line(DATAGRAMS, &mut self.line);
        }
        for (slot, client) in self.connections.iter_mut().enumerate() {
            if let Some(client) = client {
                client.session.shutdown(now, drain);
                client.stream.stand_in_line(Token(FIRST + slot), &mut self.line);
            }
        }
    }
}
