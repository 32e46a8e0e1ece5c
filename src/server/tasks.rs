//! The model `tasks`: one asynchronous task for each TCP connection and one for the UDP socket,
//! all on one thread. A task that waits costs memory, but no thread.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::awaiting::{Desk, drive_datagrams, drive_stream};
use super::carry::{accepted, admit, dismiss};
use super::{Shared, Sockets};
use crate::net::{Listener, Net, Stream, Udp};
use crate::peer::Peer;
use crate::protocol::datagram::{DatagramServer, Secrets};
use crate::service::Service;

/// What each task holds.
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
                tokio::spawn(serve_connection(stream, peer, hold.clone()));
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

async fn serve_datagrams<U: Udp>(socket: U, mut session: DatagramServer, hold: Hold) {
    drive_datagrams(socket, &mut session, &hold.shared, &hold.desk).await;
}
