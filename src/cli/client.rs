//! The command line of `client`.

mod arguments;
mod contact;
mod count;
mod input;
mod report;
pub mod save;
mod say;
mod talk;
mod trouble;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;

use color_eyre::eyre;
use rand::rngs::ChaCha8Rng;

pub(crate) use arguments::retransmission_timeout;
pub use arguments::{ClientArguments, IcmpChoice, SemanticsChoice};
use input::{INVALID, Line, Lines, Prompt};
use report::Report;
use say::Say;

use super::server::ServiceChoice;
use super::{Failure, INTERRUPTED, USAGE};
use crate::client::{ClientConfig, ask_once};
use crate::net::kernel::Kernel;
use crate::protocol::{Purpose, Question};
use crate::service::sum::{RANGE, SumRequest};
use crate::time::Clock;

/// Runs `client` as typed.
pub fn main() -> ExitCode {
    match ClientArguments::read() {
        Ok(arguments) => {
            arguments.color.apply();
            super::run(run(arguments))
        }
        Err(misplaced) => super::run(async { Err(misplaced.into()) }),
    }
}

async fn run(arguments: ClientArguments) -> eyre::Result<u8> {
    if let Some(wrong) = super::wrong_name(&arguments.name) {
        return Err(wrong.into());
    }
    if arguments.request.iter().any(|text| text.contains(['\n', '\r'])) {
        let what = "a request is one line";
        return Err(Failure::usage(what, "Ask twice for two requests: --request repeats").into());
    }
    if let Some(times) = arguments.count {
        return count::count(&arguments, times).await;
    }
    if arguments.service != ServiceChoice::Sum {
        return talk::talk(&arguments).await;
    }
    tokio::select! {
        biased;
        // First, so that nothing is asked before we listen to the interrupt.
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            if io::stderr().is_terminal() {
                // The terminal shows ^C where its cursor stood.
                eprintln!();
            }
            Ok(INTERRUPTED)
        }
        code = converse(&arguments) => code,
    }
}

/// Asks every question there is; returns the exit code of the last one that did not succeed.
async fn converse(arguments: &ClientArguments) -> eyre::Result<u8> {
    let mut asking = Asking::new(arguments).await?;
    let mut code = 0;
    if arguments.asks_nobody() {
        let terminal = io::stdin().is_terminal();
        let mut lines = Lines::of_input(terminal.then_some(Prompt::INTEGER));
        loop {
            match lines.next().await {
                Line::Text(line) => match line.trim().parse() {
                    Ok(number) => {
                        let exchange = asking.number(number).await?;
                        code = worse(code, exchange);
                        // At a prompt: one exchange. From a pipe: one for each line.
                        if terminal {
                            return Ok(exchange);
                        }
                    }
                    Err(_) => {
                        super::print_error(INVALID, "");
                        code = worse(code, USAGE);
                    }
                },
                Line::TooLong => {
                    super::print_error("Invalid input. The line is too long.", "");
                    code = worse(code, USAGE);
                }
                Line::Interrupted => return Ok(INTERRUPTED),
                Line::End => return Ok(code),
            }
        }
    }
    for number in &arguments.number {
        code = worse(code, asking.number(*number).await?);
    }
    for text in &arguments.request {
        code = worse(code, asking.request(text).await?);
    }
    Ok(code)
}

fn worse(before: u8, now: u8) -> u8 {
    if now == 0 { before } else { now }
}

/// Everything that stays the same from one question to the next.
struct Asking<'a> {
    arguments: &'a ClientArguments,
    servers: Vec<SocketAddr>,
    config: ClientConfig,
    clock: Clock,
    random: ChaCha8Rng,
}

impl<'a> Asking<'a> {
    async fn new(arguments: &'a ClientArguments) -> eyre::Result<Self> {
        Ok(Asking {
            arguments,
            servers: super::resolve(&arguments.host, arguments.port, "client").await?,
            config: arguments.config(),
            clock: Clock::start(),
            random: super::system_random()?,
        })
    }

    async fn number(&mut self, number: i64) -> eyre::Result<u8> {
        let wants_sum = self.arguments.verify;
        let request = SumRequest { name: &self.arguments.name, number, wants_sum };
        if !RANGE.contains(&number) && !self.arguments.quiet {
            super::print_warning(&format!("{number} is not in 1..100: it asks the server to stop"));
        }
        self.request(&request.format()).await
    }

    async fn request(&mut self, text: &str) -> eyre::Result<u8> {
        let request = SumRequest::parse(text).ok();
        let stops = request.is_some_and(|request| !RANGE.contains(&request.number));
        let purpose = if stops { Purpose::Shutdown } else { Purpose::Line };
        let mut say = Say::new(self.arguments, self.clock, text);
        let outcome = ask_once(
            &Kernel,
            &self.servers,
            &self.config,
            Question { text, purpose },
            self.clock,
            &mut self.random,
            &mut |progress| say.progress(&progress),
        )
        .await;
        let report = Report::new(self.arguments, &self.servers, Some(text), &outcome)
            .with_unframed(self.arguments, say.heard_unframed());
        say.end(&report);
        Ok(report.exit_code)
    }
}
