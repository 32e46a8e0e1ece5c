//! Where `threads` and `poll` run: on a thread of their own, with the sockets as the operating system
//! made them, while the caller's runtime goes on listening for signals.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::panic::resume_unwind;
use std::thread;

use tokio::sync::oneshot;

use super::{Sockets, Stop};
use crate::net::kernel::Kernel;

/// The sockets of a server, without a runtime. They do not block.
pub(super) struct BareSockets {
    pub(super) tcp: Option<TcpListener>,
    pub(super) udp: Option<UdpSocket>,
}

impl Sockets<Kernel> {
    /// Takes the sockets out of the runtime.
    pub(super) fn into_bare(self) -> io::Result<BareSockets> {
        Ok(BareSockets {
            tcp: self.tcp.map(tokio::net::TcpListener::into_std).transpose()?,
            udp: self.udp.map(tokio::net::UdpSocket::into_std).transpose()?,
        })
    }
}

/// Lets a server run on a thread of its own, and waits for its end. If nobody waits any more, it is
/// stopped. A stop is told to it by `wake`.
pub(super) async fn on_a_thread(
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
    stop: Stop,
    wake: impl Fn() -> io::Result<()>,
) -> io::Result<()> {
    let (running, mut ended) = oneshot::channel::<()>();
    let body = move || {
        // Dropped at the end, also by a panic.
        let _running = running;
        run()
    };
    let thread = thread::Builder::new().name("server".to_owned()).spawn(body)?;
    let _leaving = Leaving { stop: stop.clone(), wake: &wake };
    tokio::select! {
        biased;
        _ = &mut ended => {}
        () = stop.stopped() => {
            wake()?;
            // Nothing is ever sent: this is the end.
            let _ = ended.await;
        }
    }
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Stops the server when nobody waits for it any more.
struct Leaving<'a, W: Fn() -> io::Result<()>> {
    stop: Stop,
    wake: &'a W,
}

impl<W: Fn() -> io::Result<()>> Drop for Leaving<'_, W> {
    fn drop(&mut self) {
        self.stop.stop();
        // A server that cannot be woken hears of it with its next event.
        let _ = (self.wake)();
    }
}
