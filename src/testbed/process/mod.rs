//! The server as a process of its own, so that it can be killed as servers are.
//!
//! Where it is started is the testbed's affair: on this computer's network, or on a host of its own.

mod arguments;
mod folder;
mod kernel_files;
mod start;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::{Action, Attempt, FILE, Happening, ServerEvent, ServerOptions, lecture};
use crate::peer::Transport;
use crate::time::{Clock, Timestamp};
use arguments::{arguments, over};
use folder::Folder;
#[cfg(target_os = "linux")]
pub(super) use kernel_files::{counter, socket_rows};
use kernel_files::{in_time_wait, measured};
use start::{Process, start};

/// Where server processes are started.
pub(super) trait Site {
    /// Starts one.
    ///
    /// # Errors
    /// If the system does not.
    fn spawn(&self, command: Command) -> io::Result<Child>;

    /// Returns the folder in which the system keeps the tables of this site's sockets.
    fn tables(&self) -> &Path;

    /// Returns whether clients come from other hosts than the server's.
    fn is_remote(&self) -> bool;
}

/// The clock of an experiment: it may begin only when the server is ready.
pub(super) type LateClock = Arc<OnceLock<Clock>>;

/// Server processes, one after the other, on one port.
#[derive(Debug)]
pub(super) struct Servers {
    clock: LateClock,
    /// Where it listens, or is to.
    pub(super) address: SocketAddr,
    transport: Transport,
    arguments: Vec<String>,
    running: Option<Process>,
    /// What the server offers.
    folder: Option<Folder>,
    happened: mpsc::UnboundedSender<Happening>,
    happenings: Option<mpsc::UnboundedReceiver<Happening>>,
}

impl Servers {
    /// No server yet.
    pub(super) fn new(clock: LateClock, address: SocketAddr) -> Self {
        let (happened, happenings) = mpsc::unbounded_channel();
        Servers {
            clock,
            address,
            transport: Transport::Tcp,
            arguments: Vec::new(),
            running: None,
            folder: None,
            happened,
            happenings: Some(happenings),
        }
    }

    /// Returns the clock; whoever asks first starts it.
    pub(super) fn clock(&self) -> Clock {
        *self.clock.get_or_init(Clock::start)
    }

    /// Returns who is told what happens.
    pub(super) fn happened(&self) -> mpsc::UnboundedSender<Happening> {
        self.happened.clone()
    }

    /// Returns what happens; to be called once.
    pub(super) fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        self.happenings.take().unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    /// Takes note over which transport is asked.
    pub(super) fn over(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// Starts the first server, which must be able to listen.
    ///
    /// # Errors
    /// If it is not.
    pub(super) async fn begin(
        &mut self,
        site: &impl Site,
        options: &ServerOptions,
    ) -> io::Result<()> {
        self.arguments = arguments(options, self.transport, site.is_remote());
        if let Some(length) = options.file {
            let folder = Folder::with(FILE, &lecture(length, options.seed))?;
            let path = folder.path().to_string_lossy().into_owned();
            self.arguments.extend(["--files".to_owned(), path]);
            self.folder = Some(folder);
        }
        self.start(site).await
    }

    /// Starts a server on the present address.
    ///
    /// # Errors
    /// If it cannot be started, or cannot listen.
    pub(super) async fn start(&mut self, site: &impl Site) -> io::Result<()> {
        let (clock, happened) = (self.clock.clone(), self.happened.clone());
        let stderr = Stdio::inherit();
        let started = start(site, &self.arguments, self.address, stderr, clock, happened).await?;
        // Why it could not, it has said itself.
        let process = started.map_err(|_| io::Error::other("the server did not get ready"))?;
        self.address = process.address;
        self.running = Some(process);
        Ok(())
    }

    /// Does something to the server's process, or with another one.
    ///
    /// # Errors
    /// If the system refuses, or this is no matter of processes.
    pub(super) async fn act(&mut self, site: &impl Site, action: Action) -> io::Result<()> {
        match action {
            Action::Restart => self.restart(site).await,
            Action::Interrupt | Action::Pause | Action::Kill => signal(self.process(), action),
            Action::StartAnother => self.start_another(site, self.transport).await,
            Action::StartBeside => self.start_another(site, self.transport.other()).await,
            Action::Measure => {
                self.measure(site);
                Ok(())
            }
            Action::PowerOff
            | Action::PowerOn
            | Action::Cut
            | Action::Join
            | Action::NewAddress
            | Action::Forge(_) => {
                let what = format!("there is no wire and no power here: {action}");
                Err(io::Error::new(io::ErrorKind::Unsupported, what))
            }
        }
    }

    /// Starts the server again. If it cannot listen, that is a result.
    async fn restart(&mut self, site: &impl Site) -> io::Result<()> {
        let time_wait = in_time_wait(site.tables(), self.address.port());
        let (clock, happened) = (self.clock.clone(), self.happened.clone());
        let stderr = Stdio::piped();
        let started = start(site, &self.arguments, self.address, stderr, clock, happened).await?;
        let transport = self.transport;
        match started {
            Ok(process) => {
                self.running = Some(process);
                self.tell_attempt("started_again", Attempt { transport, time_wait, failed: None });
            }
            Err(failed) => {
                self.running = None;
                let failed = Some(failed);
                self.tell_attempt("started_again", Attempt { transport, time_wait, failed });
            }
        }
        Ok(())
    }

    /// Starts a second server on the first one's port number; if it can listen, it is ended at once.
    async fn start_another(&self, site: &impl Site, transport: Transport) -> io::Result<()> {
        let time_wait = in_time_wait(site.tables(), self.address.port());
        let arguments = over(&self.arguments, transport);
        // What it says is not said by the server.
        let (nobody, _) = mpsc::unbounded_channel();
        let (clock, stderr) = (self.clock.clone(), Stdio::piped());
        let started = start(site, &arguments, self.address, stderr, clock, nobody).await?;
        self.tell_attempt("another", Attempt { transport, time_wait, failed: started.err() });
        Ok(())
    }

    fn tell_attempt(&self, event: &str, attempt: Attempt) {
        let text = match &attempt.failed {
            Some(failed) => failed.text.clone(),
            None => "it listens".to_owned(),
        };
        let event = ServerEvent::new(self.now(), event, text);
        let event = ServerEvent { attempt: Some(Box::new(attempt)), ..event };
        let _ = self.happened.send(Happening::Logged(event));
    }

    /// Tells what the server's process holds, where the system tells that.
    fn measure(&self, site: &impl Site) {
        let measured = self.process().and_then(|process| measured(site.tables(), process).ok());
        let event = ServerEvent::new(self.now(), "measured", String::new());
        let _ = self.happened.send(Happening::Logged(ServerEvent { measured, ..event }));
    }

    fn now(&self) -> Timestamp {
        self.clock().now()
    }

    fn process(&self) -> Option<u32> {
        self.running.as_ref().and_then(|server| server.id)
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

/// Says which act failed.
fn act(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not {what}: {error}"))
}
