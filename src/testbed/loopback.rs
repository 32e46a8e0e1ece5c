//! The loopback of this computer: real sockets, the real kernel, and no wire in between.
//!
//! The server is a process of its own, so that it can be killed as servers are.

mod arguments;
mod folder;
mod kernel_files;
mod process;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use super::late::read_late;
use super::{
    Action, Attempt, FILE, Happening, Listener, ServerEvent, ServerOptions, Stack, Testbed, lecture,
};
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::time::Clock;
use crate::trace::Trace;
use arguments::{arguments, over};
use folder::Folder;
use kernel_files::{in_time_wait, measured};
use process::{Process, start};

/// Experiments on this computer alone.
#[derive(Debug)]
pub struct Loopback {
    clock: Clock,
    address: SocketAddr,
    transport: Transport,
    arguments: Vec<String>,
    server: Option<Process>,
    /// Sockets that are bound and never read.
    silent: Vec<Socket>,
    /// What the server offers.
    folder: Option<Folder>,
    happened: mpsc::UnboundedSender<Happening>,
    happenings: Option<mpsc::UnboundedReceiver<Happening>>,
}

impl Loopback {
    /// An empty testbed.
    pub fn new(clock: Clock) -> Self {
        let (happened, happenings) = mpsc::unbounded_channel();
        Loopback {
            clock,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            transport: Transport::Tcp,
            arguments: Vec::new(),
            server: None,
            silent: Vec::new(),
            folder: None,
            happened,
            happenings: Some(happenings),
        }
    }

    /// Starts the server, which must be able to.
    async fn start(&mut self) -> io::Result<()> {
        let (clock, happened) = (self.clock, self.happened.clone());
        let started =
            start(&self.arguments, self.address, Stdio::inherit(), clock, happened).await?;
        // Why it could not, it has said itself.
        let process = started.map_err(|_| io::Error::other("the server did not get ready"))?;
        self.address = process.address;
        self.server = Some(process);
        Ok(())
    }

    /// Starts the server again. If it cannot listen, that is a result.
    async fn restart(&mut self) -> io::Result<()> {
        let time_wait = in_time_wait(self.address.port());
        let (clock, happened) = (self.clock, self.happened.clone());
        let started = start(&self.arguments, self.address, Stdio::piped(), clock, happened).await?;
        let transport = self.transport;
        match started {
            Ok(process) => {
                self.server = Some(process);
                self.tell_attempt("started_again", Attempt { transport, time_wait, failed: None });
            }
            Err(failed) => {
                self.server = None;
                let failed = Some(failed);
                self.tell_attempt("started_again", Attempt { transport, time_wait, failed });
            }
        }
        Ok(())
    }

    /// Starts a second server on the first one's port number; if it can listen, it is ended at once.
    async fn start_another(&self, transport: Transport) -> io::Result<()> {
        let time_wait = in_time_wait(self.address.port());
        let arguments = over(&self.arguments, transport);
        // What it says is not said by the server.
        let (nobody, _) = mpsc::unbounded_channel();
        let started = start(&arguments, self.address, Stdio::piped(), self.clock, nobody).await?;
        self.tell_attempt("another", Attempt { transport, time_wait, failed: started.err() });
        Ok(())
    }

    fn tell_attempt(&self, event: &str, attempt: Attempt) {
        let text = match &attempt.failed {
            Some(failed) => failed.text.clone(),
            None => "it listens".to_owned(),
        };
        let event = ServerEvent::new(self.clock.now(), event, text);
        let event = ServerEvent { attempt: Some(Box::new(attempt)), ..event };
        let _ = self.happened.send(Happening::Logged(event));
    }

    /// Tells what the server's process holds, where the system tells that.
    fn measure(&self) {
        let measured = self.process().and_then(|process| measured(process).ok());
        let event = ServerEvent::new(self.clock.now(), "measured", String::new());
        let _ = self.happened.send(Happening::Logged(ServerEvent { measured, ..event }));
    }

    fn process(&self) -> Option<u32> {
        self.server.as_ref().and_then(|server| server.id)
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
                self.address = address_of(&socket)?;
                Ok(())
            }
        }
    }

    fn keep(&mut self, socket: Socket) -> io::Result<()> {
        self.address = address_of(&socket)?;
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
        self.clock
    }

    async fn listen(
        &mut self,
        listener: Listener,
        options: &ServerOptions,
        transport: Transport,
    ) -> io::Result<SocketAddr> {
        self.transport = transport;
        match listener {
            Listener::Server => {
                self.arguments = arguments(options, transport);
                if let Some(length) = options.file {
                    let folder = Folder::with(FILE, &lecture(length, options.seed))?;
                    let path = folder.path().to_string_lossy().into_owned();
                    self.arguments.extend(["--files".to_owned(), path]);
                    self.folder = Some(folder);
                }
                self.start().await?;
                // Connections of other programs may have the number that the system chose.
                while options.number_for_both
                    && bound(transport.other(), self.address.port()).is_err()
                {
                    self.address.set_port(0);
                    self.start().await?;
                }
            }
            Listener::Silent => self.hold_silent(transport)?,
            Listener::Late => {
                let any = (Ipv4Addr::LOCALHOST, 0).into();
                let happened = self.happened.clone();
                self.address = read_late(&Kernel, any, transport, self.clock, happened)?;
            }
            Listener::Nobody => self.hold_nothing(transport)?,
        }
        Ok(self.address)
    }

    async fn act(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Restart => self.restart().await,
            Action::Interrupt | Action::Pause | Action::Kill => signal(self.process(), action),
            Action::StartAnother => self.start_another(self.transport).await,
            Action::StartBeside => self.start_another(self.transport.other()).await,
            Action::Measure => {
                self.measure();
                Ok(())
            }
            Action::PowerOff
            | Action::PowerOn
            | Action::Cut
            | Action::Join
            | Action::NewAddress
            | Action::Forge(_) => {
                let what = "loopback has neither power nor wires";
                Err(io::Error::new(io::ErrorKind::Unsupported, what))
            }
        }
    }

    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        self.happenings.take().unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    async fn trace(&mut self) -> Option<Trace> {
        None
    }
}

/// Returns the program of this package that stands beside the running one.
///
/// # Errors
/// If it is not there.
pub fn beside_us(name: &str) -> io::Result<PathBuf> {
    let program = std::env::current_exe()?
        .with_file_name(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    if program.is_file() {
        return Ok(program);
    }
    let what = format!("{} is missing: build all programs with make", program.display());
    Err(io::Error::new(io::ErrorKind::NotFound, what))
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

#[cfg(unix)]
fn signal(process: Option<u32>, action: Action) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match action {
        Action::Interrupt => Signal::INT,
        Action::Pause => Signal::STOP,
        _ => Signal::KILL,
    };
    let process = process.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    kill_process(process.ok_or(io::ErrorKind::NotFound)?, signal)?;
    Ok(())
}

#[cfg(not(unix))]
fn signal(_process: Option<u32>, _action: Action) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "signals need Unix"))
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

/// Says which act failed.
fn act(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not {what}: {error}"))
}
