//! The model `serial`: one TCP connection is served to its end, then the next. Whoever comes meanwhile
//! is told BUSY, or waits in the kernel's queue without a word. Over UDP every datagram is whole, so
//! nobody holds the server up there.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::awaiting::{Desk, drive_datagrams, drive_stream};
use super::carry::{accepted, admit, dismiss};
use super::{Second, Shared, Sockets};
use crate::net::{Listener, Net, Stream, Udp};
use crate::peer::Peer;
use crate::protocol::datagram::{DatagramServer, Secrets};
use crate::protocol::stream::StreamSession;
use crate::service::Service;

/// What the second client is told, after `BUSY `.
const ONE_AT_A_TIME: &str = "the server serves one client at a time";

/// What each side of the server holds.
#[derive(Clone)]
struct Hold {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    /// When all have dropped this, the receiving half hears the end.
    _alive: mpsc::Sender<()>,
}

/// Runs until everything is served.
pub(super) async fn run<N: Net>(
    sockets: Sockets<N>,
    secrets: &Secrets,
    shared: Arc<Shared>,
    service: Box<dyn Service>,
) {
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let hold = Hold { shared, desk: Arc::new(Desk::new(service)), _alive: alive };
    if let Some(socket) = sockets.udp {
        let session = DatagramServer::new(hold.shared.config.datagram.clone(), secrets);
        tokio::spawn(serve_datagrams(socket, session, hold.clone()));
    }
    match sockets.tcp {
        Some(listener) => accept(listener, hold).await,
        None => drop(hold),
    }
    all_gone.recv().await;
}

async fn accept<L>(listener: L, hold: Hold)
where
    L: Listener,
    L::Stream: Stream,
{
    let mut stopped = pin!(hold.shared.stop.stopped());
    loop {
        let connection = tokio::select! {
            biased;
            () = &mut stopped => return,
            connection = listener.accept() => connection,
        };
        match accepted(connection, &hold.shared) {
            Ok((stream, peer)) => {
                let mut serving = pin!(serve_connection(stream, peer, hold.clone()));
                tokio::select! {
                    biased;
                    () = &mut serving => {}
                    () = refuse_others(&listener, &hold) => {
                        // The server stops: nobody else is let in, this one is served to its end.
                        drop(listener);
                        return serving.await;
                    }
                }
            }
            Err(pause) => tokio::time::sleep(pause).await,
        }
    }
}

async fn serve_connection<S: Stream>(stream: S, peer: Peer, hold: Hold) {
    let Hold { shared, desk, .. } = &hold;
    let (mut session, place) = admit(peer, shared, &mut *desk.lock().service);
    drive_stream(stream, &mut session, peer, shared, desk).await;
    dismiss(&mut session, place, shared, &mut *desk.lock().service);
}

/// Lasts until the server stops.
async fn refuse_others<L>(listener: &L, hold: &Hold)
where
    L: Listener,
    L::Stream: Stream,
{
    let mut stopped = pin!(hold.shared.stop.stopped());
    if hold.shared.config.second == Second::Queue {
        return stopped.await;
    }
    loop {
        let connection = tokio::select! {
            biased;
            () = &mut stopped => return,
            connection = listener.accept() => connection,
        };
        match accepted(connection, &hold.shared) {
            // Saying so takes a moment, up to a second with a client that does not listen. The one
            // who is served, and the next who comes, must not wait for that.
            Ok((stream, peer)) => {
                tokio::spawn(refuse(stream, peer, hold.clone()));
            }
            Err(pause) => tokio::time::sleep(pause).await,
        }
    }
}

async fn refuse<S: Stream>(stream: S, peer: Peer, hold: Hold) {
    let Hold { shared, desk, .. } = &hold;
    let (config, now) = (&shared.config.stream, shared.clock.now());
    let mut session = StreamSession::refused(peer, ONE_AT_A_TIME, config, now);
    drive_stream(stream, &mut session, peer, shared, desk).await;
}

async fn serve_datagrams<U: Udp>(socket: U, mut session: DatagramServer, hold: Hold) {
    drive_datagrams(socket, &mut session, &hold.shared, &hold.desk).await;
}
