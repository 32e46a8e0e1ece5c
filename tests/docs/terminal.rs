//! One terminal of a page: at most one command runs in it, and what that prints is compared as it
//! comes.

use std::time::Duration;

use crate::alignment::Alignment;
use crate::masks::Reading;
use crate::running::{Deadline, Running};

/// Output that disagrees is still read for so long: so a failure shows more than its first line.
const GRACE: Duration = Duration::from_secs(1);

/// For a command that was interrupted, or is no longer compared, to end by itself. Longer than a
/// server drains.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that is not as the page shows it, and the command that it is about.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) what: String,
}

/// A terminal in the hands of a reader.
pub(crate) struct Terminal {
    limit: Duration,
    typed: Option<Typed>,
    /// The exit code of the last command; `None` if that was not run.
    code: Option<i32>,
}

/// The command that was typed last.
struct Typed {
    /// Where the page shows its output.
    line: usize,
    command: String,
    running: Running,
    /// All that the page has shown of its output.
    shown: Vec<String>,
    /// Whether that is still compared.
    trusted: bool,
}

impl Terminal {
    pub(crate) fn new(limit: Duration) -> Self {
        Terminal { limit, typed: None, code: Some(0) }
    }

    /// The exit code of the last command; `None` if that was not run.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }

    /// Types a command, after the one before has ended.
    pub(crate) fn start(
        &mut self,
        line: usize,
        command: &str,
        answers: &[String],
    ) -> Result<(), Failure> {
        let before = self.code.unwrap_or_default();
        self.pass_over();
        let running = Running::start(command, before, answers);
        let command = command.to_owned();
        match running {
            Ok(running) => {
                let shown = Vec::new();
                self.typed = Some(Typed { line, command, running, shown, trusted: true });
                Ok(())
            }
            Err(error) => {
                Err(Failure { line, command, what: format!("cannot be started: {error}") })
            }
        }
    }

    /// Notes that the page's next command is not run: its output is not compared either.
    pub(crate) fn pass_over(&mut self) {
        self.typed = None;
        self.code = None;
    }

    /// Notes that a command elsewhere was not run: what runs here may print something else now.
    pub(crate) fn distrust(&mut self) {
        if let Some(typed) = &mut self.typed {
            typed.trusted = false;
        }
    }

    /// Adds to what the command should print.
    pub(crate) fn show(&mut self, lines: &[String]) {
        if let Some(typed) = &mut self.typed {
            typed.shown.extend_from_slice(lines);
        }
    }

    /// Types this at the command's next prompt.
    pub(crate) fn answer(&mut self, text: &str) {
        if let Some(typed) = &mut self.typed {
            typed.running.answer_with(text);
        }
    }

    /// Turns to a later block, in which the command goes on.
    pub(crate) fn go_on(&mut self, line: usize) {
        if let Some(typed) = &mut self.typed {
            typed.line = line;
        }
    }

    /// Presses Ctrl+C when the command has printed what is shown.
    pub(crate) fn interrupt(&mut self) -> Result<(), Failure> {
        let result = self.wait_for_output();
        if let Some(typed) = &self.typed {
            typed.running.interrupt();
        }
        result
    }

    /// Waits until the command has printed what is shown; it may go on.
    pub(crate) fn wait_for_output(&mut self) -> Result<(), Failure> {
        let limit = self.limit;
        self.typed.as_mut().map_or(Ok(()), |typed| typed.wait_for_output(limit))
    }

    /// Waits until the command has ended because of an interrupt. It may also go on.
    pub(crate) fn wait_for_prompt(&mut self) {
        let deadline = Deadline::after(self.limit.min(PATIENCE));
        if let Some(typed) = &mut self.typed {
            while !typed.running.is_over() && typed.running.wait(deadline) {}
        }
    }

    /// Waits until the command has ended; it must have printed exactly what is shown.
    pub(crate) fn wait_for_end(&mut self) -> Result<(), Failure> {
        let Some(mut typed) = self.typed.take() else { return Ok(()) };
        let result = typed.wait_for_end(self.limit);
        self.code = typed.running.code();
        result
    }

    /// Ends what still runs.
    pub(crate) fn stop(self) {
        if let Some(typed) = self.typed {
            typed.running.stop();
        }
    }
}

impl Typed {
    fn wait_for_output(&mut self, limit: Duration) -> Result<(), Failure> {
        let mut deadline = Deadline::after(limit);
        while self.trusted {
            let printed = self.running.lines();
            let alignment = Alignment::new(&self.shown, &printed, Reading::of(&self.command));
            if alignment.is_begun() {
                break;
            }
            if !alignment.may_go_on() {
                deadline = deadline.earlier(Deadline::after(GRACE));
            }
            if self.running.is_over() || !self.running.wait(deadline) {
                self.trusted = false;
                return Err(self.failure("does not print what the page shows", &alignment));
            }
        }
        Ok(())
    }

    fn wait_for_end(&mut self, limit: Duration) -> Result<(), Failure> {
        let deadline = Deadline::after(if self.trusted { limit } else { limit.min(PATIENCE) });
        while !self.running.is_over() && self.running.wait(deadline) {}
        let printed = self.running.lines();
        let alignment = Alignment::new(&self.shown, &printed, Reading::of(&self.command));
        if !self.trusted || (self.running.is_over() && alignment.is_complete()) {
            return Ok(());
        }
        Err(match self.running.is_over() {
            true => self.failure("does not print what the page shows", &alignment),
            false => self.failure(&format!("has not ended after {limit:?}"), &alignment),
        })
    }

    fn failure(&self, what: &str, alignment: &Alignment<'_>) -> Failure {
        let what = format!("{what} (- on the page, + printed):\n{}", alignment.difference());
        Failure { line: self.line, command: self.command.clone(), what }
    }
}
