//! A command that runs: typed into a shell, read as it prints, answered at its prompts, and never
//! left behind.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd, retry_on_intr};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::page::{INTERRUPT, PROMPTS};

/// What an interrupted command may take to end. As long as a server that drains.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time until a limit, for waits that must not last forever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

#[expect(clippy::disallowed_methods, reason = "real programs take real time")]
impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Deadline(Instant::now() + limit)
    }

    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn earlier(self, other: Deadline) -> Self {
        Deadline(self.0.min(other.0))
    }
}

/// A command and all that it started; dropping it kills them.
pub(crate) struct Running {
    /// The shell. It leads the process group of all of them.
    child: Child,
    events: Receiver<Event>,
    /// The keyboard of its terminal, if it has one, and what is still to be typed there.
    keyboard: Option<File>,
    answers: VecDeque<String>,
    output: Vec<u8>,
    /// So much of the output was there when it was last answered.
    answered: usize,
    closed: bool,
    code: Option<i32>,
}

enum Event {
    Printed(Vec<u8>),
    /// Nobody can print any more.
    Closed,
    /// The shell has ended; it is still a zombie, so that its group keeps its number.
    Ended,
}

impl Running {
    /// Types a command into a shell whose last one ended with the exit code `before`. If there are
    /// `answers`, it has a terminal.
    pub(crate) fn start(command: &str, before: i32, answers: &[String]) -> io::Result<Self> {
        // Our own shell, too, lets the command decide what Ctrl+C means, as one with a prompt does.
        let mut shell = shell(&format!("trap : INT\n(exit {before})\n{command}"));
        let (reader, keyboard) = match answers.is_empty() {
            true => (pipe(&mut shell)?, None),
            false => {
                let keyboard = terminal(&mut shell)?;
                (keyboard.try_clone()?, Some(keyboard))
            }
        };
        let child = shell.process_group(0).spawn()?;
        // It holds the other ends of what we read.
        drop(shell);
        let (sender, events) = mpsc::channel();
        let id = Pid::from_child(&child);
        let (waiter, printer) = (sender.clone(), sender);
        thread::spawn(move || wait(id, &waiter));
        thread::spawn(move || read(reader, &printer));
        Ok(Running {
            child,
            events,
            keyboard,
            answers: answers.iter().cloned().collect(),
            output: Vec::new(),
            answered: 0,
            closed: false,
            code: None,
        })
    }

    /// Waits until something happens; returns `false` if nothing did before the deadline.
    pub(crate) fn wait(&mut self, deadline: Deadline) -> bool {
        match self.events.recv_timeout(deadline.left()) {
            Ok(Event::Printed(bytes)) => {
                self.output.extend(bytes);
                self.answer();
            }
            Ok(Event::Closed) => self.closed = true,
            Ok(Event::Ended) => self.reap(),
            Err(_) => return false,
        }
        true
    }

    /// Whether it has ended, and all that it printed is here.
    pub(crate) fn is_over(&self) -> bool {
        self.closed && self.code.is_some()
    }

    /// Its exit code, when it has ended.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }

    /// The lines that it printed; while it runs, only those that are complete.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.output).replace("\r\n", "\n");
        let complete = match text.rfind('\n') {
            _ if self.is_over() => text.trim_end(),
            Some(end) => &text[..end],
            None => "",
        };
        complete.lines().map(str::to_owned).collect()
    }

    /// Presses Ctrl+C.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Ends it: first as its user would.
    pub(crate) fn stop(mut self) {
        self.interrupt();
        let deadline = Deadline::after(PATIENCE);
        while self.code.is_none() && self.wait(deadline) {}
    }

    /// Types this at the next prompt that has no answer yet.
    pub(crate) fn answer_with(&mut self, answer: &str) {
        self.answers.push_back(answer.to_owned());
        self.answer();
    }

    /// Types the next answer if a prompt waits for it.
    fn answer(&mut self) {
        let Some(keyboard) = &mut self.keyboard else { return };
        let asked = String::from_utf8_lossy(&self.output[self.answered..]);
        let asked = asked.trim_end_matches(' ');
        if !PROMPTS.iter().any(|prompt| asked.ends_with(prompt)) {
            return;
        }
        let Some(answer) = self.answers.pop_front() else { return };
        self.answered = self.output.len();
        if answer == INTERRUPT {
            // The terminal shows it, but has no session whose processes it could interrupt.
            let _ = keyboard.write_all(b"\x03");
            return self.interrupt();
        }
        let typed = format!("{answer}\n");
        // A command that has gone needs no answer.
        let _ = keyboard.write_all(typed.as_bytes());
    }

    /// What the shell has left running ends with it.
    fn reap(&mut self) {
        self.signal(Signal::KILL);
        let status = self.child.wait().expect("a child");
        let by_signal = || 128 + status.signal().unwrap_or_default();
        self.code = Some(status.code().unwrap_or_else(by_signal));
    }

    fn signal(&self, signal: Signal) {
        // After it was reaped, its number may be somebody else's.
        if self.code.is_none() {
            let _ = kill_process_group(Pid::from_child(&self.child), signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A shell in the folder of the project that finds the programs under test first.
pub(crate) fn shell(script: &str) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_compare")).parent().expect("a folder");
    let mut path = OsString::from(programs);
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(crate::ROOT);
    command.env("PATH", path).env("BIN", programs);
    command.env("NO_COLOR", "1").env("TERM", "dumb").env("LC_ALL", "C");
    // Where `make` runs these tests, the `make` that they run would speak of it.
    for name in ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "COLUMNS", "LINES", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

/// Gives it one pipe for both its streams, so that they stay in their order.
fn pipe(command: &mut Command) -> io::Result<File> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    Ok(OwnedFd::from(reader).into())
}

/// Gives it a terminal of 80 columns; returns the side of the reader and his keyboard.
fn terminal(command: &mut Command) -> io::Result<File> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    fcntl_setfd(&ours, FdFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(ptsname(&ours, Vec::new())?, flags, Mode::empty())?;
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(theirs.as_fd(), size)?;
    command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
    Ok(ours.into())
}

fn read(mut reader: File, events: &Sender<Event>) {
    let mut buffer = [0; 4096];
    // A terminal that nobody writes to any more is an error, not an end.
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        if events.send(Event::Printed(buffer[..count].to_vec())).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Closed);
}

fn wait(id: Pid, events: &Sender<Event>) {
    let _ =
        retry_on_intr(|| waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
    let _ = events.send(Event::Ended);
}
