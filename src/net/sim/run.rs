//! Running a program on a simulated network, so that nothing can hang.
//!
//! The runtime has a thread of its own, a paused clock and no I/O. Two limits guard it: in virtual
//! time for programs that wait for something that never comes, in real time for those that never
//! wait at all.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use thiserror::Error;

use super::{NetEvent, Sim, SimConfig};
use crate::time::Timestamp;

/// Real time that a run may take: hours of virtual time pass in seconds, so it never ends by itself.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of a run.
#[derive(Debug)]
pub struct Run<T> {
    /// What the program returned.
    pub output: Result<T, Stuck>,
    /// Every packet, and what became of it.
    pub record: Vec<NetEvent>,
    /// When the run ended.
    pub ended: Timestamp,
}

/// Why a program did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Stuck {
    /// It still waited for something at the end of the virtual time it was given.
    #[error("the simulated program was not done within {0:?} of virtual time")]
    Horizon(Duration),
    /// It did not stop to wait. Its thread is left behind.
    #[error("the simulated program did not end within {0:?} of real time")]
    Patience(Duration),
}

/// Runs `program` on a network of its own, until it returns or `horizon` has passed in virtual time.
///
/// # Panics
/// If the program panics.
pub fn run<T, F>(
    config: SimConfig,
    horizon: Duration,
    program: impl FnOnce(Sim) -> F + Send + 'static,
) -> Run<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    run_within(PATIENCE, config, horizon, program)
}

fn run_within<T, F>(
    patience: Duration,
    config: SimConfig,
    horizon: Duration,
    program: impl FnOnce(Sim) -> F + Send + 'static,
) -> Run<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (done, is_done) = mpsc::channel();
    let body = move || {
        // That nobody waits any more is no news here.
        let _ = done.send(run_here(&config, horizon, program));
    };
    let thread = thread::Builder::new().name("simulation".to_owned()).spawn(body);
    let thread = thread.expect("a thread can be made");
    match is_done.recv_timeout(patience) {
        Ok(run) => run,
        Err(RecvTimeoutError::Timeout) => Run {
            output: Err(Stuck::Patience(patience)),
            record: Vec::new(),
            ended: Timestamp::ZERO,
        },
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends before it ends"),
        },
    }
}

fn run_here<T, F: Future<Output = T>>(
    config: &SimConfig,
    horizon: Duration,
    program: impl FnOnce(Sim) -> F,
) -> Run<T> {
    // Without I/O: what a socket does would race with the clock, which jumps when all tasks wait.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O can be made");
    runtime.block_on(async {
        let sim = Sim::start(config);
        let output = tokio::time::timeout(horizon, program(sim.clone())).await;
        let ended = sim.clock().now();
        // Before the tasks that are left are dropped, and their sockets with them.
        sim.finish();
        let output = output.map_err(|_| Stuck::Horizon(horizon));
        Run { output, record: sim.take_record(), ended }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_never_waits_is_left_behind() {
        let patience = Duration::from_millis(100);
        let (_keeps_it_waiting, news) = mpsc::channel::<()>();
        let horizon = Duration::from_secs(1);
        // It blocks the thread, and with it virtual time.
        let stuck = run_within(patience, SimConfig::default(), horizon, |_sim| async move {
            news.recv().ok();
        });
        assert_eq!(stuck.output, Err(Stuck::Patience(patience)));
    }
}
