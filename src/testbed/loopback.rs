//! The loopback of this computer: real sockets, the real kernel, and no wire in between.
//!
//! The server is a process of its own, so that it can be killed as servers are.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::late::read_late;
use super::{Action, Executed, Happening, Listener, ServerEvent, ServerOptions, Stack, Testbed};
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::protocol::framing::Framing;
use crate::time::Clock;
use crate::trace::Trace;

/// How long a server may take to be ready; a healthy one takes milliseconds.
const READY: Duration = Duration::from_secs(10);

/// Experiments on this computer alone.
#[derive(Debug)]
pub struct Loopback {
    clock: Clock,
    address: SocketAddr,
    arguments: Vec<String>,
    server: Option<u32>, // process id
    /// Ends the process when dropped.
    guard: Option<oneshot::Sender<()>>,
    /// Sockets that are bound and never read.
    silent: Vec<Socket>,
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
            arguments: Vec::new(),
            server: None,
            guard: None,
            silent: Vec::new(),
            happened,
            happenings: Some(happenings),
        }
    }

    async fn start(&mut self) -> io::Result<()> {
        let program = beside_us("server")?;
        let mut child = Command::new(&program)
            .args(&self.arguments)
            .arg(self.address.ip().to_string())
            .arg(self.address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| act(&format!("start {}", program.display()), error))?;
        self.server = child.id();
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (guard, dropped) = oneshot::channel();
        self.guard = Some(guard);
        let (ready, is_ready) = oneshot::channel();
        let watch = watch(child, stdout, self.clock, self.happened.clone(), ready);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = watch => {}
                _ = dropped => {}
            }
        });
        let not_ready = || io::Error::new(io::ErrorKind::TimedOut, "the server did not get ready");
        self.address = tokio::time::timeout(READY, is_ready)
            .await
            .map_err(|_| not_ready())?
            .map_err(|_| not_ready())?;
        Ok(())
    }

    fn hold_silent(&mut self, transport: Transport) -> io::Result<()> {
        let socket = bound(transport)?;
        if transport == Transport::Tcp {
            // The kernel finishes handshakes for us; nobody ever accepts.
            socket.listen(16)?;
        }
        self.keep(socket)
    }

    fn hold_nothing(&mut self, transport: Transport) -> io::Result<()> {
        let socket = bound(transport)?;
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
        match listener {
            Listener::Server => {
                self.arguments = arguments(options, transport);
                self.start().await?;
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
            Action::Restart => self.start().await,
            Action::Interrupt | Action::Pause | Action::Kill => signal(self.server, action),
            Action::PowerOff | Action::PowerOn | Action::Cut | Action::Join => {
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

fn bound(transport: Transport) -> io::Result<Socket> {
    let (kind, protocol) = match transport {
        Transport::Tcp => (Type::STREAM, Protocol::TCP),
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let socket = Socket::new(Domain::IPV4, kind, Some(protocol))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}

fn address_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

fn arguments(options: &ServerOptions, transport: Transport) -> Vec<String> {
    let framing = match options.framing {
        Framing::Auto => "auto",
        Framing::Line => "line",
        Framing::Raw => "raw",
    };
    let duration = |duration: Duration| humantime::format_duration(duration).to_string();
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let number = options.number.map_or("random".to_owned(), |number| number.to_string());
    let pairs = [
        ("--transport", transport.name().to_owned()),
        ("--log-format", "json".to_owned()),
        ("--seed", options.seed.to_string()),
        ("--number", number),
        ("--work", duration(options.work)),
        ("--drain", duration(options.drain)),
        ("--duplicate-cache", switch(options.duplicate_cache)),
        ("--goodbye", switch(options.goodbye)),
        ("--framing", framing.to_owned()),
        ("--max-message", options.max_message.to_string()),
    ];
    pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

/// Reads the server's log until its end, then waits for the end of the process.
async fn watch(
    mut child: Child,
    stdout: ChildStdout,
    clock: Clock,
    happened: mpsc::UnboundedSender<Happening>,
    ready: oneshot::Sender<SocketAddr>,
) {
    let mut ready = Some(ready);
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(record) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if record["event"] == "ready"
            && let Some(address) = record["address"].as_str().and_then(|text| text.parse().ok())
            && let Some(ready) = ready.take()
        {
            // Whoever waited may have given up.
            let _ = ready.send(address);
        }
        if let Some(event) = event(&record, clock) {
            // The experiment may be over before the log is.
            let _ = happened.send(Happening::Logged(event));
        }
    }
    let code = child.wait().await.ok().and_then(|status| status.code());
    let _ = happened.send(Happening::Ended(clock.now(), code));
}

fn event(record: &Value, clock: Clock) -> Option<ServerEvent> {
    let at = humantime::parse_rfc3339(record["time"].as_str()?).ok()?;
    let executed = || {
        Some(Executed {
            client_name: record["client_name"].as_str()?.to_owned(),
            client_number: record["client_number"].as_i64()?,
            server_number: record["server_number"].as_i64()?,
            sum: record["sum"].as_i64()?,
        })
    };
    let event = record["event"].as_str()?;
    let at = clock.moment(at);
    let text = record["reason"].as_str().unwrap_or_default().to_owned();
    Some(ServerEvent { executed: executed(), ..ServerEvent::new(at, event, text) })
}

/// Says which act failed.
fn act(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not {what}: {error}"))
}
