//! A program that sleeps and then reads everything: what has become of the bytes meanwhile?

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Happening, Read, ServerEvent};
use crate::net::{Listener, Net, Received, Stream, Udp};
use crate::peer::Transport;
use crate::time::{Clock, Timestamp};

/// How long it sleeps: longer than anybody sends.
const SLEEP: Duration = Duration::from_secs(3);

/// When nothing has come for so long, there is nothing more.
const QUIET: Duration = Duration::from_secs(1);

/// What one read returns at most.
const BUFFER: usize = 64 * 1024; // bytes

/// Opens a socket that is read late, and returns where it is.
///
/// # Errors
/// If the socket cannot be opened.
pub(super) fn read_late<N: Net>(
    net: &N,
    address: SocketAddr,
    transport: Transport,
    clock: Clock,
    happened: mpsc::UnboundedSender<Happening>,
) -> io::Result<SocketAddr> {
    let tell = move |read: Read| {
        let at = clock.now();
        let text = format!("reads {} bytes at last", read.bytes);
        let event = ServerEvent { read: Some(read), ..ServerEvent::new(at, "read", text) };
        // The experiment may be over already.
        let _ = happened.send(Happening::Logged(event));
        let _ = happened.send(Happening::Ended(at, Some(0)));
    };
    match transport {
        Transport::Tcp => {
            let listener = net.listen(address, true)?;
            let address = listener.local_address()?;
            tokio::spawn(async move { tell(read_stream::<N>(listener, clock).await) });
            Ok(address)
        }
        Transport::Udp => {
            let socket = net.bind(address)?;
            let address = socket.local_address()?;
            tokio::spawn(async move { tell(read_datagrams::<N>(socket, clock).await) });
            Ok(address)
        }
    }
}

async fn read_stream<N: Net>(listener: N::Listener, clock: Clock) -> Read {
    let mut read = Read::default();
    let Ok((mut stream, _)) = listener.accept().await else { return read };
    clock.sleep_until(clock.now() + SLEEP).await;
    let mut buffer = vec![0; BUFFER];
    let mut last = clock.now();
    while let Some(Ok(Received::Bytes(count))) =
        before(clock, last + QUIET, |cx| stream.poll_read(cx, &mut buffer)).await
    {
        read.take(count);
        last = clock.now();
    }
    read
}

async fn read_datagrams<N: Net>(socket: N::Udp, clock: Clock) -> Read {
    let mut read = Read::default();
    clock.sleep_until(clock.now() + SLEEP).await;
    let mut buffer = vec![0; BUFFER];
    let mut last = clock.now();
    while let Some(Ok((count, _))) =
        before(clock, last + QUIET, |cx| socket.poll_receive(cx, &mut buffer)).await
    {
        read.take(count);
        last = clock.now();
    }
    read
}

/// Waits for something until a moment.
async fn before<T>(
    clock: Clock,
    moment: Timestamp,
    mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>,
) -> Option<T> {
    tokio::select! {
        biased;
        found = poll_fn(|cx| poll(cx)) => Some(found),
        () = clock.sleep_until(moment) => None,
    }
}

impl Read {
    fn take(&mut self, count: usize) {
        self.bytes += count;
        self.reads += 1;
    }
}
