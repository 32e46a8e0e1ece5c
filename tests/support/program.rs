//! Running a program: what it prints is read at once, and waited for with a limit.

use std::io::Read;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{LIMIT, Stopwatch};

/// A program that runs; dropping it kills it.
pub(crate) struct Program {
    child: Child,
    out: Output,
    err: Output,
    began: Stopwatch,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; -1 if a signal killed it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    /// From its start, so a bound on it is a bound on what it waited for.
    pub(crate) took: Duration,
}

impl Program {
    /// Starts a program. What it prints is read at once.
    pub(crate) fn start(command: &mut Command) -> Self {
        let (mut program, stdout) = Self::start_unread(command);
        program.listen(stdout);
        program
    }

    /// Starts a program whose standard output nobody reads, unless the caller does.
    pub(crate) fn start_unread(command: &mut Command) -> (Self, ChildStdout) {
        let began = Stopwatch::start();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = child.stdout.take().expect("a pipe");
        let err = Output::of(child.stderr.take().expect("a pipe"));
        let out = Output::ended();
        let program = Program { child, out, err, began };
        (program, stdout)
    }

    /// Reads what the program prints from now on, if nobody did.
    pub(crate) fn listen(&mut self, stdout: impl Read + Send + 'static) {
        self.out = Output::of(stdout);
    }

    /// Waits for a line of standard output that contains `wanted`, after those found before.
    pub(crate) fn wait_for(&self, wanted: &str) -> String {
        self.out.wait_for(wanted)
    }

    /// Waits for text on standard output, after what was found before: for prompts, which end no
    /// line.
    pub(crate) fn wait_for_text(&self, wanted: &str) {
        self.out.wait_until(wanted, |printed| printed.find_text(wanted));
    }

    /// Waits for a line of standard error that contains `wanted`, after those found before.
    pub(crate) fn wait_for_error(&self, wanted: &str) -> String {
        self.err.wait_for(wanted)
    }

    /// Hands its standard input over, if the command asked for a pipe.
    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a running program");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends. Its pipes close when it does.
    pub(crate) fn finish(mut self) -> Ended {
        let err = self.err.wait_for_end();
        let out = self.out.wait_for_end();
        let status = self.child.wait().expect("a child");
        let code = status.code().unwrap_or(-1);
        let took = self.began.elapsed();
        Ended { code, out, err, took }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Fails the test unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The one JSON object that is all its output.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let objects = json_lines(&self.out);
        assert_eq!(objects.len(), 1, "{self:#?}");
        objects[0].clone()
    }
}

/// Reads JSON Lines; every line must be an object.
#[track_caller]
pub(crate) fn json_lines(text: &str) -> Vec<serde_json::Value> {
    let parse = |line: &str| match serde_json::from_str(line) {
        Ok(value @ serde_json::Value::Object(_)) => value,
        other => panic!("{line:?} is no JSON object: {other:?}"),
    };
    text.lines().map(parse).collect()
}

/// What a pipe has brought so far.
#[derive(Clone)]
struct Output(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// So many bytes, whole lines, were found by `wait_for` already.
    found: usize,
    ended: bool,
}

impl Output {
    fn ended() -> Self {
        let printed = Printed { ended: true, ..Printed::default() };
        Output(Arc::new((Mutex::new(printed), Condvar::new())))
    }

    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let output = Output(Arc::default());
        let written = output.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let count = pipe.read(&mut buffer).unwrap_or(0);
                let mut printed = written.0.0.lock().expect("no panic");
                printed.bytes.extend_from_slice(&buffer[..count]);
                printed.ended = count == 0;
                written.0.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        output
    }

    fn wait_for(&self, wanted: &str) -> String {
        let mut line = None;
        self.wait_until(wanted, |printed| {
            line = printed.find(wanted);
            line.is_some()
        });
        line.unwrap_or_default()
    }

    fn wait_for_end(&self) -> String {
        let mut text = String::new();
        self.wait_until("the end", |printed| {
            if printed.ended {
                text = String::from_utf8_lossy(&printed.bytes).into_owned();
            }
            printed.ended
        });
        text
    }

    fn wait_until(&self, wanted: &str, mut come: impl FnMut(&mut Printed) -> bool) {
        let (printed, changed) = &*self.0;
        let mut printed = printed.lock().expect("no panic");
        let waited = Stopwatch::start();
        while !come(&mut printed) {
            let left = LIMIT.saturating_sub(waited.elapsed());
            let text = || String::from_utf8_lossy(&printed.bytes).into_owned();
            assert!(!left.is_zero(), "no {wanted:?} in time:\n{}", text());
            assert!(!printed.ended, "no {wanted:?} before the end:\n{}", text());
            printed = changed.wait_timeout(printed, left).expect("no panic").0;
        }
    }
}

impl Printed {
    fn find_text(&mut self, wanted: &str) -> bool {
        let rest = &self.bytes[self.found..];
        let at = rest.windows(wanted.len()).position(|text| text == wanted.as_bytes());
        self.found += at.map_or(0, |at| at + wanted.len());
        at.is_some()
    }

    fn find(&mut self, wanted: &str) -> Option<String> {
        let mut end = self.found;
        for line in self.bytes[self.found..].split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            let text = String::from_utf8_lossy(line);
            if text.ends_with('\n') && text.contains(wanted) {
                self.found = end;
                return Some(text.trim_end().to_owned());
            }
        }
        None
    }
}
