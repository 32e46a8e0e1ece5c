//! The same question so many times, one after the other in one conversation, as ping asks: a line for
//! each, and at the end what all of them together say of the network and the server.

mod tally;

use std::io::{self, IsTerminal};
use std::time::Duration;

use color_eyre::eyre;

use super::arguments::ClientArguments;
use super::contact::{Contact, FileNews, News};
use super::input::{INVALID, Line, Lines, Prompt};
use super::report::Report;
use super::say::{Remarks, SPOKE_FIRST, out, parting, print_json};
use crate::cli::server::ServiceChoice;
use crate::cli::{Failure, INTERRUPTED, USAGE, print_error};
use crate::client::Outcome;
use crate::escape::printable;
use crate::protocol::Ending;
use crate::service::sum::{RANGE, SumRequest};
use crate::time::{Clock, Timestamp};
use tally::{Summary, Tally};

/// Asks the same until it was asked so often, or until Ctrl+C; returns the exit code.
///
/// # Errors
/// If the server's name has no address, or the question is none to be repeated.
pub(super) async fn count(arguments: &ClientArguments, times: u32) -> eyre::Result<u8> {
    let mut tally = Tally::default();
    let end = tokio::select! {
        biased;
        // First, so that nothing is asked before we listen to the interrupt.
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            if io::stderr().is_terminal() {
                // The terminal shows ^C where its cursor stood.
                eprintln!();
            }
            End::Interrupted
        }
        end = ask_all(arguments, times, &mut tally) => end?,
    };
    if let End::NothingToAsk(code) = end {
        return Ok(code);
    }
    if tally.asked() == 0 {
        return Ok(INTERRUPTED);
    }
    summarise(arguments, &tally);
    Ok(tally.exit_code())
}

/// Why nothing more is asked.
enum End {
    /// All was asked, or the interrupt came.
    Interrupted,
    /// There was no question.
    NothingToAsk(u8),
}

async fn ask_all(arguments: &ClientArguments, times: u32, tally: &mut Tally) -> eyre::Result<End> {
    let text = match question(arguments).await? {
        Ok(text) => text,
        Err(code) => return Ok(End::NothingToAsk(code)),
    };
    let clock = Clock::start();
    let contact = Contact::new(arguments).await?;
    let mut series = Series { arguments, contact, clock, text };
    for number in 1..=times {
        let began = clock.now();
        series.ask(number, tally).await;
        if number < times {
            series.listen_until(began + arguments.interval).await;
        }
    }
    Ok(End::Interrupted)
}

/// Returns what to ask, from the command line or from the prompt; the exit code if there is nothing.
async fn question(arguments: &ClientArguments) -> eyre::Result<Result<String, u8>> {
    let sum = arguments.service == ServiceChoice::Sum;
    let typed = match (&arguments.number[..], &arguments.request[..]) {
        ([], []) => match typed(sum).await {
            Ok(line) => line,
            Err(code) => return Ok(Err(code)),
        },
        ([number], []) => number.to_string(),
        ([], [text]) => return asked_often(text.clone()),
        _ => {
            let advice = "Give one --number, or one --request";
            return Err(Failure::usage("--count repeats one question", advice).into());
        }
    };
    match (sum, typed.trim().parse()) {
        (false, _) => Ok(Ok(typed)),
        (true, Ok(number)) => {
            let (name, wants_sum) = (&arguments.name, arguments.verify);
            asked_often(SumRequest { name, number, wants_sum }.format())
        }
        (true, Err(_)) => {
            print_error(INVALID, "");
            Ok(Err(USAGE))
        }
    }
}

/// Returns what was typed at the prompt, or stands in the first line of the pipe.
async fn typed(sum: bool) -> Result<String, u8> {
    let prompt = if sum { Prompt::INTEGER } else { Prompt::MESSAGE };
    match Lines::of_input(io::stdin().is_terminal().then_some(prompt)).next().await {
        Line::Text(line) => Ok(line),
        Line::Interrupted => Err(INTERRUPTED),
        Line::TooLong | Line::End => {
            print_error("There is nothing to ask.", "Try: client --count 5 --number 25");
            Err(USAGE)
        }
    }
}

/// Refuses what can be asked only once.
fn asked_often(text: String) -> eyre::Result<Result<String, u8>> {
    match SumRequest::parse(&text) {
        Ok(request) if !RANGE.contains(&request.number) => {
            let what = format!("{} is not in 1..100: it stops the server", request.number);
            Err(Failure::usage(what, "Ask it once, without --count").into())
        }
        _ => Ok(Ok(text)),
    }
}

/// The conversation in which the same is asked again and again.
struct Series<'a> {
    arguments: &'a ClientArguments,
    contact: Contact<'a>,
    clock: Clock,
    text: String,
}

impl Series<'_> {
    /// Asks once more, and says what came of it.
    async fn ask(&mut self, number: u32, tally: &mut Tally) {
        let outcome = self.exchange().await;
        let report =
            Report::new(self.arguments, self.contact.servers(), Some(&self.text), &outcome)
                .with_unframed(self.arguments, self.contact.heard_unframed());
        tally.take(&outcome, report.exit_code);
        match self.arguments.json {
            true => print_json(&report),
            false => out(&format!("{number}: {}\n", in_a_line(&report, &outcome))),
        }
    }

    /// Connects first, if there is no connection: the time of an answer is that of the answer alone.
    async fn exchange(&mut self) -> io::Result<Outcome> {
        if !self.contact.is_open() {
            let deadline = self.contact.deadline();
            if let Err(outcome) = self.contact.open(deadline).await? {
                return Ok(outcome);
            }
        }
        self.contact.ask(&self.text).await.map(|(outcome, _): (_, FileNews)| outcome)
    }

    /// Waits for the next question; what the server does meanwhile is said.
    async fn listen_until(&mut self, moment: Timestamp) {
        // A timer that is due already would still take until the next tick.
        if moment <= self.clock.now() {
            return;
        }
        let mut sleep = std::pin::pin!(self.clock.sleep_until(moment));
        loop {
            let news = tokio::select! {
                biased;
                news = self.contact.news() => news,
                () = &mut sleep => return,
            };
            let text = match news {
                Ok(News::Left(how)) => parting(how),
                Ok(News::Unexpected) => SPOKE_FIRST.to_owned(),
                Ok(News::TurnedAway(ending)) => {
                    format!("The server ends the conversation: {}", ending.name().replace('_', " "))
                }
                Err(error) => format!("The conversation is over: {error}"),
            };
            Remarks::new(self.arguments, self.clock).text(&text);
        }
    }
}

/// Says in a line how an exchange ended: `25 + 61 = 86, 1.204 ms`.
fn in_a_line(report: &Report<'_>, outcome: &io::Result<Outcome>) -> String {
    if let Some(error) = &report.error {
        return error.clone();
    }
    let answer = match (report.client_number, report.server_number, report.sum) {
        (Some(client), Some(server), Some(sum)) => format!("{client} + {server} = {sum}"),
        _ => report.reply.as_deref().map(printable).unwrap_or_default(),
    };
    let took = outcome.as_ref().map(|outcome| outcome.elapsed).unwrap_or_default();
    format!("{answer}, {} ms", milliseconds(took))
}

/// Milliseconds with microsecond digits.
fn milliseconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}

fn summarise(arguments: &ClientArguments, tally: &Tally) {
    let summary = Summary::of(arguments, tally);
    match arguments.json {
        true => out(&format!("{}\n", serde_json::to_string(&summary).unwrap_or_default())),
        false => out(&format!("\n{summary}")),
    }
}

/// Returns whether an exchange brought an answer, whatever it says.
fn is_answered(outcome: &io::Result<Outcome>) -> bool {
    let ending = outcome.as_ref().map(|outcome| &outcome.exchange.ending);
    matches!(ending, Ok(Ending::Replied(_)))
}
