//! Which processes there are, and how they are.

use std::fs;
use std::thread;

use crate::support::{LIMIT, Stopwatch};

/// Waits until something is so, for as long as anything may take.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let waited = Stopwatch::start();
    while !is_so() {
        assert!(waited.elapsed() < LIMIT, "in vain: {what}");
        thread::yield_now();
    }
}

/// The processes that have some variable in their environment, which children inherit.
pub(crate) struct Processes {
    variable: String,
}

impl Processes {
    pub(crate) fn with_variable(variable: &str) -> Self {
        Processes { variable: variable.to_owned() }
    }

    /// Returns the command lines of those that live, each with its process.
    pub(crate) fn alive(&self) -> Vec<(u32, String)> {
        let all = fs::read_dir("/proc").expect("a folder").filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let environment = fs::read(format!("/proc/{process}/environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find(|it| *it == self.variable.as_bytes())?;
            let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
            Some((process, String::from_utf8_lossy(&line).replace('\0', " ")))
        });
        all.collect()
    }

    /// Returns the servers among them.
    pub(crate) fn servers(&self) -> Vec<u32> {
        let alive = self.alive().into_iter();
        let is_server =
            |line: &str| line.split(' ').next().is_some_and(|it| it.ends_with("/server"));
        alive.filter(|(_, line)| is_server(line)).map(|(process, _)| process).collect()
    }

    /// Waits until none is left.
    #[track_caller]
    pub(crate) fn wait_for_their_end(&self) {
        wait_until("all our processes end", || self.alive().is_empty());
    }
}

/// Returns whether a process has been stopped, as SIGSTOP does.
pub(crate) fn is_stopped(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:\tT"))
}

/// Returns whether some connection of a process's network is established (state 01).
pub(crate) fn has_connection(process: u32) -> bool {
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    table.lines().any(|line| line.split_whitespace().nth(3) == Some("01"))
}
