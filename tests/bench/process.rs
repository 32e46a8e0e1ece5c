//! Server processes: pinned, started, watched, and never left behind.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Seek};
use std::mem::replace;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, process};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::contender::Contender;
use crate::datagram_load::{Dialect, Heard, Peer};

/// First argument of the process that makes itself mortal and then becomes a server.
pub(crate) const GUARDED: &str = "--guarded";

/// A server that is not ready by then does not start at all.
const START_LIMIT: Duration = Duration::from_secs(5);

/// The thousands of idle connections of the memory rows, and some to spare.
const OPEN_FILES: u64 = 12_288;

/// Pins this process to one core, and names another one, if there is one; every process that it
/// starts inherits that.
///
/// The last core, because the first one often serves the interrupts. On one core the CPU time of
/// an exchange is exact, and how many requests a server finds waiting depends on the load alone.
pub(crate) fn pin_to_one_core() -> io::Result<(usize, Option<usize>)> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).rev().filter(|&core| allowed.is_set(core));
    let core = cores.next().unwrap_or(0);
    pin_this_thread_to(core)?;
    Ok((core, cores.next()))
}

/// Pins this thread to a core, and all that it will start.
pub(crate) fn pin_this_thread_to(core: usize) -> io::Result<()> {
    let mut one = CpuSet::new();
    one.set(core);
    Ok(sched_setaffinity(None, &one)?)
}

/// Raises the soft limit of open files, for this process and those it starts.
pub(crate) fn raise_open_files_limit() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    if limit.current.is_some_and(|soft| soft < wanted) {
        limit.current = Some(wanted);
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}

/// Becomes the program in `arguments`, which dies with its parent: nothing is left running even
/// where the benchmark is killed. Returns only if that fails.
pub(crate) fn run_guarded(arguments: &[String]) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let (program, rest) = arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let error = Command::new(program).args(rest).exec();
    Err(cannot_start(program.as_ref(), &error))
}

/// Where a server prints, read from this end.
enum Output {
    /// Held open as long as the server lives, which might otherwise meet a broken pipe.
    Pipe(PipeReader),
    Transcript(File),
}

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    output: Output,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server over `transport` (`tcp` or `udp`) and waits until it is ready.
    pub(crate) fn start(contender: Contender, transport: &str) -> io::Result<Self> {
        let (command, port) = contender.command(transport)?;
        Self::launch(guarded(&command)?, Some(contender), port)
    }

    /// Starts another server, and waits until it is ready.
    pub(crate) fn start_command(command: &Command) -> io::Result<Self> {
        Self::launch(guarded(command)?, None, None)
    }

    /// Starts it without the guard before it, which would be a second program start in its time.
    pub(crate) fn start_bare(contender: Contender, transport: &str) -> io::Result<Self> {
        let (command, port) = contender.command(transport)?;
        Self::launch(command, Some(contender), port)
    }

    fn launch(
        mut command: Command,
        contender: Option<Contender>,
        port: Option<u16>,
    ) -> io::Result<Self> {
        let program = command.get_program().to_owned();
        let (output, stdout) = if contender == Some(Contender::OursWithTranscript) {
            let (reader, writer) = transcript_file()?;
            (Output::Transcript(reader), Stdio::from(writer))
        } else {
            let (reader, writer) = io::pipe()?;
            (Output::Pipe(reader), Stdio::from(writer))
        };
        command.stdin(Stdio::null()).stdout(stdout);
        let child = command.spawn().map_err(|error| cannot_start(&program, &error))?;
        // Our copy of the pipe's other end goes, so that the server's end is seen here.
        drop(command);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        // From here on, an error drops the server and so ends it.
        let mut server = Self { child, output, address };
        match contender {
            Some(Contender::Memcached) => server.wait_until_it_answers()?,
            _ => server.address = server.wait_until_it_is_ready()?,
        }
        Ok(server)
    }

    /// Waits for the line "... ready to receive on tcp 127.0.0.1:12000" and returns its address.
    fn wait_until_it_is_ready(&mut self) -> io::Result<SocketAddr> {
        let deadline = Instant::now() + START_LIMIT;
        let mut printed = Vec::new();
        while Instant::now() < deadline {
            let ended = self.child.try_wait()?;
            self.output.read_available(&mut printed)?;
            let text = String::from_utf8_lossy(&printed);
            if let Some(address) = ready_address(&text) {
                return Ok(address);
            }
            if let Some(status) = ended {
                let error = format!("the server ended before it was ready ({status})");
                return Err(io::Error::other(error));
            }
        }
        Err(io::Error::other("the server did not print its ready line"))
    }

    /// Asks until a reply comes: memcached does not say when it is ready.
    fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("memcached ended ({status})")));
            }
            let mut peer = Peer::open(self.address, Dialect::Memcached)?;
            // Before it listens the send or the receive is refused, which is no failure yet.
            if peer.fill(1).and_then(|()| peer.receive()).is_ok_and(|it| it == Heard::Reply) {
                return Ok(());
            }
            sleep(Duration::from_millis(5));
        }
        Err(io::Error::other("memcached did not answer over UDP"))
    }

    /// All that it has written, where that is a transcript: once the file has stood still for
    /// a moment, for what is still buffered has to be on its way within 100 ms.
    pub(crate) fn transcript(&mut self) -> io::Result<Option<&mut File>> {
        let Output::Transcript(file) = &mut self.output else {
            return Ok(None);
        };
        let mut length = 0;
        for _ in 0..10 {
            let before = replace(&mut length, file.metadata()?.len());
            if length == before {
                break;
            }
            sleep(Duration::from_millis(300));
        }
        file.rewind()?;
        Ok(Some(file))
    }

    /// CPU time used so far by all its threads: the scheduler's count, in nanoseconds, where
    /// /proc/PID/stat counts ticks of 10 ms.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let mut time = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            time += cpu_time(&task?.path());
        }
        Ok(time)
    }

    /// Bytes of its own memory (heap, stacks) that are resident: what user space pays.
    pub(crate) fn private_memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        bytes_after(&text, "Anonymous:")
    }

    /// The most bytes that were ever resident.
    pub(crate) fn peak_memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        bytes_after(&text, "VmHWM:")
    }
}

/// CPU time used so far by a thread, named by its folder in /proc: none if it has ended, as it may
/// between the listing and the reading.
pub(crate) fn cpu_time(task: &Path) -> Duration {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    let on_cpu = text.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(on_cpu.unwrap_or(0))
}

/// The bytes in the line `NAME: 12 kB` of a file in /proc.
pub(crate) fn bytes_after(text: &str, name: &str) -> io::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let count = kilobytes.and_then(|number| number.trim().parse::<u64>().ok());
    count.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other(format!("no {name}")))
}

/// A program that dies with this one.
pub(crate) fn guarded(command: &Command) -> io::Result<Command> {
    let mut guarded = Command::new(env::current_exe()?);
    guarded.arg(GUARDED).arg(command.get_program()).args(command.get_args());
    Ok(guarded)
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL, not SIGTERM: its shutdown would linger for peers that are long gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    /// Appends what has been printed since, waiting a moment for it.
    fn read_available(&mut self, printed: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Pipe(pipe) => {
                let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                let mut waiting = [PollFd::new(pipe, PollFlags::IN)];
                if poll(&mut waiting, Some(&moment))? > 0 {
                    let mut buffer = [0; 1024];
                    let length = pipe.read(&mut buffer)?;
                    printed.extend_from_slice(&buffer[..length]);
                }
            }
            Self::Transcript(file) => {
                sleep(Duration::from_millis(2));
                file.read_to_end(printed)?;
            }
        }
        Ok(())
    }
}

/// The address in a finished ready line.
fn ready_address(text: &str) -> Option<SocketAddr> {
    let (_, rest) = text.split_once("ready to receive on ")?;
    let (line, _) = rest.split_once('\n')?;
    line.split_whitespace().last()?.parse().ok()
}

/// A file's reading and its writing end, already without a name: nothing to clean up.
fn transcript_file() -> io::Result<(File, File)> {
    let path = env::temp_dir().join(format!("socklab-bench-{}", process::id()));
    let writer = File::create(&path)?;
    let reader = File::open(&path);
    fs::remove_file(&path)?;
    Ok((reader?, writer))
}

fn cannot_start(program: &OsStr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot start {}: {error}", program.display()))
}
