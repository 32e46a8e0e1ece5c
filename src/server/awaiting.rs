//! What `serial` and `tasks` share: they wait with `await`, on any network.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::Shared;
use super::carry::{
    Carried, Connection, DatagramSocket, READ_BUFFER, Timer, carry_datagrams, carry_stream, report,
};
use crate::net::{Received, Stream, Udp};
use crate::peer::Peer;
use crate::protocol::Session;
use crate::protocol::datagram::DatagramServer;
use crate::protocol::stream::StreamSession;
use crate::service::Service;
use crate::time::Timestamp;

/// What is used by one at a time, for moments: no lock on it spans an await.
pub(super) struct Desk(Mutex<OnDesk>);

pub(super) struct OnDesk {
    pub(super) service: Box<dyn Service>,
    /// What was just read; kept here so that an idle connection holds no buffer.
    buffer: Box<[u8]>,
}

impl Desk {
    pub(super) fn new(service: Box<dyn Service>) -> Self {
        Desk(Mutex::new(OnDesk { service, buffer: vec![0; READ_BUFFER].into_boxed_slice() }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, OnDesk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the session of a connection live until it is over.
pub(super) async fn drive_stream<S: Stream>(
    mut stream: S,
    session: &mut StreamSession,
    peer: Peer,
    shared: &Shared,
    desk: &Desk,
) {
    let carry = |cx: &mut Context<'_>, session: &mut StreamSession| {
        let OnDesk { service, buffer } = &mut *desk.lock();
        let mut stream = Polled { socket: &mut stream, cx };
        carry_stream(&mut stream, session, peer, shared, buffer, &mut **service)
    };
    drive(session, shared, desk, carry).await;
}

/// Lets the session of a UDP socket live until it is over.
pub(super) async fn drive_datagrams<U: Udp>(
    mut socket: U,
    session: &mut DatagramServer,
    shared: &Shared,
    desk: &Desk,
) {
    let carry = |cx: &mut Context<'_>, session: &mut DatagramServer| {
        let OnDesk { service, buffer } = &mut *desk.lock();
        let mut socket = Polled { socket: &mut socket, cx };
        carry_datagrams(&mut socket, session, shared, buffer, &mut **service)
    };
    drive(session, shared, desk, carry).await;
}

/// Waits for bytes, the server's stop, and the session's own timer, in this order. Whatever happens,
/// the transcript hears of it before anything is waited for.
async fn drive<S: Session>(
    session: &mut S,
    shared: &Shared,
    desk: &Desk,
    mut carry: impl FnMut(&mut Context<'_>, &mut S) -> Carried,
) {
    let mut stopped = pin!(shared.stop.stopped());
    let mut stopping = false;
    let mut timer = Timer::default();
    let mut sleep = pin!(shared.clock.sleep_until(Timestamp::ZERO));
    loop {
        report(session, shared);
        if let Some(due) = timer.arm(session.poll_timeout()) {
            sleep.as_mut().reset(shared.clock.sleep_until(due).deadline());
        }
        let armed = timer.armed();
        let carried = poll_fn(|cx| match carry(cx, session) {
            // What has left may have made something due sooner: then the sleep is set anew.
            Carried::Nothing if !is_sooner(session.poll_timeout(), armed) => Poll::Pending,
            carried => Poll::Ready(carried),
        });
        tokio::select! {
            biased;
            carried = carried => {
                if carried == Carried::Over {
                    break;
                }
            }
            () = &mut stopped, if !stopping => {
                stopping = true;
                session.shutdown(shared.clock.now(), shared.config.drain);
            }
            () = sleep.as_mut(), if timer.armed().is_some() => {
                timer.fired();
                session.handle_timeout(shared.clock.now(), &mut *desk.lock().service);
            }
        }
    }
    report(session, shared);
}

fn is_sooner(due: Option<Timestamp>, armed: Option<Timestamp>) -> bool {
    due.is_some_and(|due| armed.is_none_or(|armed| due < armed))
}

/// A socket with the task that is to be woken when it can do more.
struct Polled<'a, 'c, T> {
    socket: &'a mut T,
    cx: &'a mut Context<'c>,
}

/// Where a future would wait, a carrier is told "not now"; the task has been noted for waking.
fn now_or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: Stream> Connection for Polled<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        now_or_would_block(self.socket.poll_read(self.cx, buffer))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now_or_would_block(self.socket.poll_write(self.cx, bytes))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.socket.finish()
    }
}

impl<U: Udp> DatagramSocket for Polled<'_, '_, U> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        now_or_would_block(self.socket.poll_receive(self.cx, buffer))
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        now_or_would_block(self.socket.poll_send_to(self.cx, bytes, to))
    }
}
