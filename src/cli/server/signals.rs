//! Ctrl+C, and a request of the system to end: the first of them stops the server, a second Ctrl+C
//! ends it at once.

use std::io::{self, IsTerminal};
use std::pin::pin;

use crate::cli::INTERRUPTED;
use crate::server::Stop;
use crate::server::transcript::Transcript;

/// Serves until it is over, or a second interrupt ends it at once; returns the exit code.
pub(super) async fn until_signals(
    mut signals: Signals,
    serving: impl Future<Output = io::Result<()>>,
    stop: &Stop,
    transcript: &Transcript,
) -> io::Result<u8> {
    let mut serving = pin!(serving);
    let (mut stopping, mut interrupted) = (false, false);
    loop {
        tokio::select! {
            biased;
            served = &mut serving => {
                served?;
                break;
            }
            // A peer asked for it: the warning has said so to people, this says it to programs.
            () = stop.stopped(), if !stopping => transcript.shutdown("out_of_range", ""),
            signal = signals.next() => match signal {
                Signal::Interrupt if interrupted => return Ok(INTERRUPTED),
                Signal::Interrupt => {
                    interrupted = true;
                    let again = if io::stdin().is_terminal() { " (again: at once)" } else { "" };
                    let sentence =
                        format!("Keyboard interrupt received: shutting down the server{again}");
                    transcript.shutdown("interrupt", &sentence);
                }
                Signal::Terminate if stopping => {}
                Signal::Terminate => {
                    let sentence = "Termination requested: shutting down the server";
                    transcript.shutdown("terminate", sentence);
                }
            },
        }
        stopping = true;
        stop.stop();
    }
    Ok(0)
}

enum Signal {
    Interrupt,
    Terminate,
}

/// What the operating system tells a program.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on no signal is missed.
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// What the operating system tells a program.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// From now on no signal is missed.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        // Without a console there is nobody to interrupt us.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
