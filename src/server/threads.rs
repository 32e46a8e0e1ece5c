//! The model `threads`: one thread for each TCP connection and one for the UDP socket. A thread waits
//! inside its call of `read`, and that is all the bookkeeping there is. The price: a stack for each
//! client, and a lock around what they share.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::Shared;
use super::apart::BareSockets;
use super::blocking::Blocked;
use super::carry::{
    ACCEPT_PAUSE, Connection, DatagramSocket, READ_BUFFER, Sent, accepted, admit, dismiss, receive,
    receive_datagram, report, transmit, transmit_datagrams,
};
use super::locked::Locked;
use crate::net::Received;
use crate::peer::Peer;
use crate::protocol::Session;
use crate::protocol::datagram::{DatagramServer, Secrets};
use crate::service::Service;

/// No call waits for longer: a thread that waits hears of nothing else, not even of the stop. A class
/// does not notice it, and a thousand idle threads that wake this often take 7 % of a processor.
const TICK: Duration = Duration::from_millis(100);

/// The shortest wait; zero would mean for ever.
const GLANCE: Duration = Duration::from_millis(1);

/// As much as one read of a connection can return: each thread has a buffer of its own.
const STREAM_BUFFER: usize = 16 * 1024; // bytes

/// What each thread holds.
#[derive(Clone)]
struct Hold {
    shared: Arc<Shared>,
    service: Locked,
    /// When all have dropped this, the receiving half hears the end.
    _alive: mpsc::Sender<()>,
}

/// Runs until everything is served.
pub(super) fn run(
    sockets: BareSockets,
    secrets: &Secrets,
    shared: Arc<Shared>,
    service: Box<dyn Service>,
) -> io::Result<()> {
    let (alive, all_gone) = mpsc::channel::<()>();
    let hold = Hold { shared, service: Locked::new(service), _alive: alive };
    if let Some(socket) = sockets.udp {
        socket.set_nonblocking(false)?;
        let session = DatagramServer::new(hold.shared.config.datagram.clone(), secrets);
        let hold = hold.clone();
        spawn(move || serve_datagrams(socket, session, hold))?;
    }
    match sockets.tcp {
        Some(listener) => accept(&listener, hold)?,
        None => drop(hold),
    }
    // Nobody ever sends: this is the end of the last thread.
    let _ = all_gone.recv();
    Ok(())
}

fn accept(listener: &TcpListener, hold: Hold) -> io::Result<()> {
    listener.set_nonblocking(false)?;
    // Of `accept`, too: socket(7).
    SockRef::from(listener).set_read_timeout(Some(TICK))?;
    while !hold.shared.stop.is_stopped() {
        match accepted(listener.accept(), &hold.shared) {
            Ok((stream, peer)) => {
                let theirs = hold.clone();
                if let Err(error) = spawn(move || serve_connection(stream, peer, theirs)) {
                    let trouble = format!("Could not start a thread for {peer}: {error}");
                    hold.shared.transcript.trouble(hold.shared.clock.now(), trouble);
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
            Err(pause) => thread::sleep(pause),
        }
    }
    Ok(())
}

/// Starts a thread. Should it panic, it takes nobody else with it.
fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("client".to_owned()).spawn(body).map(drop)
}

fn serve_connection(stream: TcpStream, peer: Peer, hold: Hold) {
    let Hold { shared, service, _alive } = hold;
    // Outside the lock: while this thread is blocked, the others go on.
    let service = Box::new(service);
    let mut service = Blocked { service, time: shared.config.block };
    let mut stream = Blocking::over_tcp(stream);
    // Given back before the connection is closed, also by a panic: who hears the end may come back.
    let (mut session, place) = admit(peer, &shared, &mut service);
    let mut buffer = vec![0; STREAM_BUFFER];
    let mut stopping = false;
    loop {
        report(&mut session, &shared);
        let sent = transmit(&mut stream, &mut session, peer, &shared, &mut service);
        if sent == Sent::Over {
            break;
        }
        let wait = meanwhile(&mut session, &shared, &mut service, &mut stopping);
        let (Some(wait), true) = (wait, sent != Sent::Enough) else { continue };
        // Who does not take our replies was waited for while writing.
        let wait = if sent == Sent::Blocked { GLANCE } else { wait };
        if session.wants_input() {
            stream.wait_at_most(wait);
            receive(&mut stream, &mut session, peer, &shared, &mut buffer, &mut service);
        } else {
            thread::sleep(wait);
        }
    }
    dismiss(&mut session, place, &shared, &mut service);
}

fn serve_datagrams(socket: UdpSocket, mut session: DatagramServer, hold: Hold) {
    let Hold { shared, service, _alive } = hold;
    let service = Box::new(service);
    let mut service = Blocked { service, time: shared.config.block };
    let mut buffer = vec![0; READ_BUFFER];
    let mut socket = Blocking::over_udp(socket);
    let mut stopping = false;
    loop {
        report(&mut session, &shared);
        let sent = transmit_datagrams(&mut socket, &mut session, shared.clock.now());
        if sent == Sent::Over {
            break;
        }
        let wait = meanwhile(&mut session, &shared, &mut service, &mut stopping);
        let (Some(wait), true) = (wait, sent == Sent::Everything) else { continue };
        socket.wait_at_most(wait);
        receive_datagram(&mut socket, &mut session, &shared, &mut buffer, &mut service);
    }
    report(&mut session, &shared);
}

/// Does what a waiting thread would miss: the stop, and the session's timer. Returns for how long it
/// may wait now; `None` if something has changed.
fn meanwhile(
    session: &mut impl Session,
    shared: &Shared,
    service: &mut dyn Service,
    stopping: &mut bool,
) -> Option<Duration> {
    let now = shared.clock.now();
    if !*stopping && shared.stop.is_stopped() {
        *stopping = true;
        session.shutdown(now, shared.config.drain);
        return None;
    }
    match session.poll_timeout() {
        Some(due) if due <= now => {
            session.handle_timeout(now, service);
            None
        }
        Some(due) => Some(due.since(now).clamp(GLANCE, TICK)),
        None => Some(TICK),
    }
}

/// A socket whose calls wait, but not for ever.
struct Blocking<T> {
    socket: T,
    /// For how long a read waits now.
    wait: Duration,
}

impl Blocking<TcpStream> {
    fn over_tcp(stream: TcpStream) -> Self {
        // The replies to one read leave in one write: nothing to wait for. A connection that is gone
        // already says so here, and again when it is read.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(TICK));
        Blocking { socket: stream, wait: Duration::ZERO }
    }
}

impl Blocking<UdpSocket> {
    fn over_udp(socket: UdpSocket) -> Self {
        let _ = socket.set_write_timeout(Some(TICK));
        Blocking { socket, wait: Duration::ZERO }
    }
}

impl<T> Blocking<T>
where
    for<'a> SockRef<'a>: From<&'a T>,
{
    /// Bounds the next read. That is a system call of its own: made only when the bound changes.
    fn wait_at_most(&mut self, wait: Duration) {
        if wait != self.wait && SockRef::from(&self.socket).set_read_timeout(Some(wait)).is_ok() {
            self.wait = wait;
        }
    }
}

/// A call that a signal has ended is one that has waited long enough.
fn waited<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => ErrorKind::WouldBlock.into(),
        _ => error,
    })
}

impl Connection for Blocking<TcpStream> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        waited(self.socket.read(buffer)).map(|count| match count {
            0 => Received::EndOfStream,
            count => Received::Bytes(count),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waited(self.socket.write(bytes))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

impl DatagramSocket for Blocking<UdpSocket> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        waited(self.socket.recv_from(buffer))
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        waited(self.socket.send_to(bytes, to)).map(drop)
    }
}
