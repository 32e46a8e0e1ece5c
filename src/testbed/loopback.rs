//! The loopback of this computer: real sockets, the real kernel, and no wire in between.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::late::read_late;
use super::process::{LateClock, Servers, Site};
use super::{Action, Happening, Listener, ServerOptions, Stack, Testbed};
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::time::Clock;
use crate::trace::Trace;

/// Experiments on this computer alone.
#[derive(Debug)]
pub struct Loopback {
    servers: Servers,
    /// Sockets that are bound and never read.
    silent: Vec<Socket>,
}

/// This computer, whose server is a process like any other.
struct ThisComputer;

impl Site for ThisComputer {
    fn spawn(&self, mut command: Command) -> io::Result<Child> {
        super::die_with_us(&mut command);
        command.spawn()
    }

    fn tables(&self) -> &Path {
        Path::new("/proc/net")
    }

    fn is_remote(&self) -> bool {
        false
    }
}

impl Loopback {
    /// An empty testbed.
    pub fn new(clock: Clock) -> Self {
        let servers = Servers::new(LateClock::new(clock.into()), (Ipv4Addr::LOCALHOST, 0).into());
        Loopback { servers, silent: Vec::new() }
    }

    fn hold_silent(&mut self, transport: Transport) -> io::Result<()> {
        let socket = bound(transport, 0)?;
        if transport == Transport::Tcp {
            // The kernel finishes handshakes for us; nobody ever accepts.
            socket.listen(16)?;
        }
        self.keep(socket)
    }

    fn hold_nothing(&mut self, transport: Transport) -> io::Result<()> {
        let socket = bound(transport, 0)?;
        match transport {
            // Bound and not listening: the port stays ours, and the kernel refuses for it.
            Transport::Tcp => self.keep(socket),
            Transport::Udp => {
                self.servers.address = address_of(&socket)?;
                Ok(())
            }
        }
    }

    fn keep(&mut self, socket: Socket) -> io::Result<()> {
        self.servers.address = address_of(&socket)?;
        self.silent.push(socket);
        Ok(())
    }
}

impl Testbed for Loopback {
    type Net = Kernel;

    fn client(&self, _number: usize) -> Kernel {
        Kernel
    }

    fn clock(&self) -> Clock {
        self.servers.clock()
    }

    async fn listen(
        &mut self,
        listener: Listener,
        options: &ServerOptions,
        transport: Transport,
    ) -> io::Result<SocketAddr> {
        self.servers.over(transport);
        match listener {
            Listener::Server => {
                self.servers.begin(&ThisComputer, options).await?;
                // Connections of other programs may have the number that the system chose.
                while options.number_for_both
                    && bound(transport.other(), self.servers.address.port()).is_err()
                {
                    self.servers.address.set_port(0);
                    self.servers.start(&ThisComputer).await?;
                }
            }
            Listener::Silent => self.hold_silent(transport)?,
            Listener::Late => {
                let any = (Ipv4Addr::LOCALHOST, 0).into();
                let (clock, happened) = (self.servers.clock(), self.servers.happened());
                self.servers.address = read_late(&Kernel, any, transport, clock, happened)?;
            }
            Listener::Nobody => self.hold_nothing(transport)?,
        }
        Ok(self.servers.address)
    }

    async fn act(&mut self, action: Action) -> io::Result<()> {
        self.servers.act(&ThisComputer, action).await
    }

    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        self.servers.happenings()
    }

    async fn trace(&mut self) -> Option<Trace> {
        None
    }
}

/// Returns whose TCP and UDP loopback is.
pub fn stack() -> Stack {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
        Some(text.trim().to_owned())
    };
    let rto_floor = read("tcp_rto_min_us").and_then(|text| text.parse().ok());
    Stack {
        name: system_name(),
        congestion_control: read("tcp_congestion_control"),
        rto_floor: rto_floor.map(Duration::from_micros),
        set_up: Vec::new(),
    }
}

#[cfg(unix)]
fn system_name() -> String {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    // 6.18.44-distribution: the distribution's part says nothing about the stack.
    let version: Vec<&str> = release.split(['.', '-']).take(2).collect();
    format!("{} {}", name.sysname().to_string_lossy(), version.join("."))
}

#[cfg(not(unix))]
fn system_name() -> String {
    std::env::consts::OS.to_owned()
}

fn bound(transport: Transport, port: u16) -> io::Result<Socket> {
    let (kind, protocol) = match transport {
        Transport::Tcp => (Type::STREAM, Protocol::TCP),
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let socket = Socket::new(Domain::IPV4, kind, Some(protocol))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket)
}

fn address_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
