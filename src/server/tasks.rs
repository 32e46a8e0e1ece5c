//! The model `tasks`: one asynchronous task for each TCP connection and one for the UDP socket,
//! all on one thread. A task that waits costs memory, but no thread.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::{Shared, Sockets};
use crate::net::{Listener, Net, Received, Stream, Udp};
use crate::peer::Peer;
use crate::protocol::datagram::{DatagramServer, Secrets};
use crate::protocol::stream::StreamSession;
use crate::protocol::{Input, Session, Transmit};
use crate::time::Timestamp;

/// How long the server waits before it accepts again, when the system had no room for one more
/// connection: long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs until everything is served.
pub(super) async fn run<N: Net>(sockets: Sockets<N>, secrets: &Secrets, shared: Arc<Shared>) {
    // Every task holds the sending half: when all are gone, the receiving half hears the end.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    if let Some(udp) = sockets.udp {
        let session = DatagramServer::new(shared.config.datagram.clone(), secrets);
        tokio::spawn(serve_datagrams(udp, session, shared.clone(), alive.clone()));
    }
    match sockets.tcp {
        Some(listener) => accept(listener, &shared, alive).await,
        None => drop(alive),
    }
    all_gone.recv().await;
}

async fn accept<L>(listener: L, shared: &Arc<Shared>, alive: mpsc::Sender<()>)
where
    L: Listener,
    L::Stream: Stream,
{
    let mut stopped = pin!(shared.stop.stopped());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let peer = Peer::tcp(from);
                tokio::spawn(serve_connection(stream, peer, shared.clone(), alive.clone()));
            }
            // The peer was gone before we got to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                let now = shared.clock.now();
                shared.transcript.trouble(now, format!("Could not accept a connection: {error}"));
                shared.clock.sleep_until(now + ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection<S: Stream>(
    mut stream: S,
    peer: Peer,
    shared: Arc<Shared>,
    alive: mpsc::Sender<()>,
) {
    let (mut session, counted) = admit(peer, &shared);
    let carry = |cx: &mut Context<'_>, session: &mut StreamSession| {
        carry_stream(cx, &mut stream, session, peer, &shared)
    };
    drive(&mut session, &shared, carry).await;
    if counted {
        shared.desk().clients -= 1;
    }
    drop(alive);
}

/// Lets a session live until it is over: bytes, the server's stop, and its own timer, in this
/// order. Whatever happens, the transcript hears of it before anything is waited for.
async fn drive<S: Session>(
    session: &mut S,
    shared: &Shared,
    mut carry: impl FnMut(&mut Context<'_>, &mut S) -> Poll<bool>,
) {
    let mut stopped = pin!(shared.stop.stopped());
    let mut stopping = false;
    let mut timer = Timer::new();
    let mut sleep = pin!(shared.clock.sleep_until(Timestamp::ZERO));
    loop {
        report(session, shared);
        timer.arm(sleep.as_mut(), session.poll_timeout(), shared);
        tokio::select! {
            biased;
            over = poll_fn(|cx| carry(cx, session)) => {
                if over {
                    break;
                }
            }
            () = &mut stopped, if !stopping => {
                stopping = true;
                session.shutdown(shared.clock.now(), shared.config.drain);
            }
            () = sleep.as_mut(), if timer.is_armed() => {
                timer.fired();
                session.handle_timeout(shared.clock.now(), &mut *shared.desk().service);
            }
        }
    }
    report(session, shared);
}

fn admit(peer: Peer, shared: &Shared) -> (StreamSession, bool) {
    let now = shared.clock.now();
    let limit = shared.config.max_clients;
    let mut desk = shared.desk();
    if desk.clients >= limit {
        let reason = format!("server full ({limit} clients)");
        return (StreamSession::refused(peer, &reason, &shared.config.stream, now), false);
    }
    desk.clients += 1;
    (StreamSession::new(peer, &shared.config.stream, now), true)
}

/// Writes what the session has to say, then reads once. Returns whether the connection is over.
fn carry_stream<S: Stream>(
    cx: &mut Context<'_>,
    stream: &mut S,
    session: &mut StreamSession,
    peer: Peer,
    shared: &Shared,
) -> Poll<bool> {
    while let Some(transmit) = session.poll_transmit() {
        let written = match transmit {
            Transmit::Bytes { bytes, .. } => match stream.poll_write(cx, bytes) {
                Poll::Ready(written) => written,
                Poll::Pending => break,
            },
            Transmit::HalfClose => stream.finish().map(|()| 0),
            Transmit::Close => return Poll::Ready(true),
        };
        let now = shared.clock.now();
        match written {
            Ok(count) => session.transmitted(count, now),
            Err(_) => {
                session.receive(peer, Input::Reset, now, &mut *shared.desk().service);
            }
        }
    }
    if !session.wants_input() {
        return Poll::Pending;
    }
    let desk = &mut *shared.desk();
    let received = ready!(stream.poll_read(cx, &mut desk.buffer));
    let input = match received {
        Ok(Received::Bytes(count)) => Input::Bytes(&desk.buffer[..count]),
        Ok(Received::EndOfStream) => Input::EndOfStream,
        Err(_) => Input::Reset,
    };
    session.receive(peer, input, shared.clock.now(), &mut *desk.service);
    if session.wants_shutdown() {
        shared.stop.stop();
    }
    Poll::Ready(false)
}

async fn serve_datagrams<U: Udp>(
    socket: U,
    mut session: DatagramServer,
    shared: Arc<Shared>,
    alive: mpsc::Sender<()>,
) {
    let carry = |cx: &mut Context<'_>, session: &mut DatagramServer| {
        carry_datagrams(cx, &socket, session, &shared)
    };
    drive(&mut session, &shared, carry).await;
    drop(alive);
}

/// Datagrams taken in one go, before timers and the transcript have their turn.
const BATCH: usize = 32;

/// Sends what the session has to say and receives, in turn. Returns whether it is over.
fn carry_datagrams<U: Udp>(
    cx: &mut Context<'_>,
    socket: &U,
    session: &mut DatagramServer,
    shared: &Shared,
) -> Poll<bool> {
    let mut now = None;
    for taken in 0..BATCH {
        while let Some(transmit) = session.poll_transmit() {
            let Transmit::Bytes { to, bytes } = transmit else {
                return Poll::Ready(true);
            };
            // A datagram that cannot be sent is lost, like any other; the client will repeat.
            if socket.poll_send_to(cx, bytes, to.address).is_pending() {
                return Poll::Pending;
            }
            session.transmitted(0, *now.get_or_insert_with(|| shared.clock.now()));
        }
        let desk = &mut *shared.desk();
        match socket.poll_receive(cx, &mut desk.buffer) {
            Poll::Ready(Ok((count, from))) => {
                let now = *now.get_or_insert_with(|| shared.clock.now());
                let input = Input::Bytes(&desk.buffer[..count]);
                session.receive(Peer::udp(from), input, now, &mut *desk.service);
            }
            // Some systems report here that an earlier datagram met no listener: not our concern.
            Poll::Ready(Err(_)) => break,
            Poll::Pending if taken == 0 => return Poll::Pending,
            Poll::Pending => break,
        }
        if session.wants_shutdown() {
            shared.stop.stop();
            break;
        }
    }
    Poll::Ready(false)
}

fn report(session: &mut impl Session, shared: &Shared) {
    while let Some(event) = session.poll_event() {
        shared.transcript.event(shared.clock.now(), event);
    }
}

/// Remembers for when the sleep is set. A deadline that moves away is not followed: waking early
/// does no harm, and setting the sleep anew for each request would cost more than the request.
struct Timer {
    armed: Option<Timestamp>,
}

impl Timer {
    fn new() -> Self {
        Timer { armed: None }
    }

    fn arm(&mut self, sleep: Pin<&mut Sleep>, due: Option<Timestamp>, shared: &Shared) {
        if let Some(due) = due
            && self.armed.is_none_or(|armed| due < armed)
        {
            self.armed = Some(due);
            sleep.reset(shared.clock.sleep_until(due).deadline());
        }
    }

    fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    fn fired(&mut self) {
        self.armed = None;
    }
}
