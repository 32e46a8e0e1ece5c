//! A server that somebody else has started, on whatever network lies between: nothing is started
//! here, nothing can be done to it, and nobody tells us what happens there.

use std::io;
use std::net::SocketAddr;

use tokio::sync::mpsc;

use super::{Action, Happening, Listener, ServerOptions, Testbed};
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::time::Clock;
use crate::trace::Trace;

/// Experiments with a server that is not ours, over both transports at the same port number.
#[derive(Debug)]
pub struct Remote {
    server: SocketAddr,
    clock: Clock,
}

impl Remote {
    /// A testbed whose server is at this address.
    pub fn new(server: SocketAddr, clock: Clock) -> Self {
        Remote { server, clock }
    }
}

impl Testbed for Remote {
    type Net = Kernel;

    fn client(&self, _number: usize) -> Kernel {
        Kernel
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    async fn listen(
        &mut self,
        listener: Listener,
        _options: &ServerOptions,
        _transport: Transport,
    ) -> io::Result<SocketAddr> {
        match listener {
            Listener::Server => Ok(self.server),
            Listener::Silent | Listener::Late | Listener::Nobody => Err(not_ours()),
        }
    }

    async fn act(&mut self, _action: Action) -> io::Result<()> {
        Err(not_ours())
    }

    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        // Nobody holds the other end: it ends at once.
        mpsc::unbounded_channel().1
    }

    fn sees_server(&self) -> bool {
        false
    }

    async fn trace(&mut self) -> Option<Trace> {
        None
    }
}

fn not_ours() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the server is not ours")
}
