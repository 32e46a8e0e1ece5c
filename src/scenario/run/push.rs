//! Sending without asking: as much as the transport takes, whoever reads it.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::net::{Net, Stream, Udp};
use crate::peer::Transport;
use crate::scenario::log::Pushed;
use crate::time::{Clock, Timestamp};

/// One message: longer than a question, and still one packet.
const MESSAGE: [u8; 1000] = [b'x'; 1000];

/// A message each millisecond, as fast as the programs' clock ticks: 1 MB a second.
const PACE: Duration = Duration::from_millis(1);

/// Sends for so long, then closes.
///
/// # Errors
/// If the socket cannot be made, or fails.
pub(super) async fn push<N: Net>(
    net: &N,
    server: SocketAddr,
    transport: Transport,
    clock: Clock,
    time: Duration,
) -> io::Result<Pushed> {
    let began = clock.now();
    match transport {
        Transport::Tcp => {
            let mut stream = match net.connect(server).await {
                Err(error) if is_gone(&error) => return Ok(Pushed::default()),
                connected => connected?,
            };
            let pushed = push_stream(&mut stream, clock, began + time).await?;
            // If it is gone there is nothing to close.
            let _ = stream.finish();
            // Dropped only when all is read: what a program leaves behind the stack still sends.
            clock.sleep_until(clock.now() + 10 * time).await;
            Ok(pushed)
        }
        Transport::Udp => {
            let socket = net.bind_connected(server)?;
            push_datagrams(&socket, clock, began + time).await
        }
    }
}

/// Returns whether the connection is gone, or never was: what a network may do.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, TimedOut};
    matches!(error.kind(), BrokenPipe | ConnectionRefused | ConnectionReset | TimedOut)
}

async fn push_stream<S: Stream>(
    stream: &mut S,
    clock: Clock,
    until: Timestamp,
) -> io::Result<Pushed> {
    let mut pushed = Pushed::default();
    let mut begun = 0; // bytes of the present message that were taken
    while clock.now() < until {
        let asked = clock.now();
        tokio::select! {
            biased;
            written = poll_fn(|cx| stream.poll_write(cx, &MESSAGE[begun..])) => {
                let count = match written {
                    Err(error) if is_gone(&error) => return Ok(pushed),
                    written => written?,
                };
                pushed.bytes += count;
                begun = (begun + count) % MESSAGE.len();
                pushed.held_up += clock.now().since(asked);
                if begun == 0 {
                    clock.sleep_until(clock.now() + PACE).await;
                }
            }
            () = clock.sleep_until(until) => pushed.held_up += clock.now().since(asked),
        }
    }
    Ok(pushed)
}

async fn push_datagrams<U: Udp>(socket: &U, clock: Clock, until: Timestamp) -> io::Result<Pushed> {
    let mut pushed = Pushed::default();
    while clock.now() < until {
        let asked = clock.now();
        poll_fn(|cx| socket.poll_send(cx, &MESSAGE)).await?;
        pushed.bytes += MESSAGE.len();
        pushed.held_up += clock.now().since(asked);
        clock.sleep_until(clock.now() + PACE).await;
    }
    Ok(pushed)
}
