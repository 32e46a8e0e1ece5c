//! One exchange as it is reported: what `--json` prints, and what the transcript ends with.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::ClientArguments;
use super::arguments::service_name;
use super::contact::FileNews;
use super::trouble::{Circumstances, NOBODY_CAN_TELL, UNFRAMED, UNFRAMED_CHAT};
use crate::cli::LOCAL_ERROR;
use crate::cli::server::ServiceChoice;
use crate::client::Outcome;
use crate::escape::{escape, printable};
use crate::protocol::Ending;
use crate::protocol::parameters::MAX_MESSAGE_LIMIT;
use crate::service::files::CHANGED;
use crate::service::sum::{RANGE, SumReply, SumRequest};

/// Exit code of an answer that is an error, or not the protocol.
const PROTOCOL_ERROR: u8 = 8;

/// One exchange, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    transport: &'static str,
    server: String,
    service: &'static str,
    client_name: Option<String>,
    pub(super) client_number: Option<i64>,
    server_name: Option<String>,
    pub(super) server_number: Option<i64>,
    pub(super) sum: Option<i64>,
    /// Nothing if not even a conversation could be begun.
    request: Option<&'a str>,
    pub(super) reply: Option<String>,
    attempts: u8,
    elapsed_ms: Option<f64>,
    outcome: &'static str,
    pub(super) exit_code: u8,
    pub(super) error: Option<String>,
    #[serde(skip)]
    pub(super) advice: String,
    #[serde(skip)]
    pub(super) checked: bool,
    #[serde(skip)]
    pub(super) expected_shutdown: bool,
    /// The server did answer, with an error.
    #[serde(skip)]
    pub(super) answered_with_error: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        arguments: &ClientArguments,
        servers: &[SocketAddr],
        request: Option<&'a str>,
        outcome: &io::Result<Outcome>,
    ) -> Self {
        let is_sum = arguments.service == ServiceChoice::Sum;
        let sum = request.filter(|_| is_sum).and_then(|text| SumRequest::parse(text).ok());
        let mut report = Report {
            transport: arguments.transport().name(),
            server: servers.first().map(ToString::to_string).unwrap_or_default(),
            service: service_name(arguments.service),
            client_name: sum.map(|request| request.name.to_owned()),
            client_number: sum.map(|request| request.number),
            server_name: None,
            server_number: None,
            sum: None,
            request,
            reply: None,
            attempts: 0,
            elapsed_ms: None,
            outcome: "local_error",
            exit_code: LOCAL_ERROR,
            error: None,
            advice: String::new(),
            checked: false,
            expected_shutdown: false,
            answered_with_error: false,
        };
        match outcome {
            Ok(outcome) => {
                report.server = outcome.server.to_string();
                report.ended(arguments, outcome);
            }
            Err(error) => report.could_not_speak(error),
        }
        report
    }

    /// Takes note of what became of a file.
    pub(super) fn with_file(mut self, news: &FileNews) -> Self {
        match news {
            FileNews::None | FileNews::Saved(_) => {}
            // Reading a file changes nothing: it does not matter whether it was read.
            FileNews::Kept(what) if self.advice == NOBODY_CAN_TELL => {
                self.advice.clone_from(what);
            }
            FileNews::Kept(what) => self.advice = format!("{what}\n{}", self.advice),
            FileNews::Failed(failure) => {
                self.reply = None;
                self.error = Some(failure.what.clone());
                self.advice = failure.advice.clone();
                (self.outcome, self.exit_code) = ("local_error", failure.code);
            }
        }
        self
    }

    /// Takes note of whether something came that was not framed: then somebody is there, after all.
    pub(super) fn with_unframed(mut self, arguments: &ClientArguments, heard: bool) -> Self {
        if heard && self.outcome == Ending::TimedOut.name() {
            self.advice = match arguments.service {
                ServiceChoice::Chat => UNFRAMED_CHAT.to_owned(),
                _ => UNFRAMED.to_owned(),
            };
        }
        self
    }

    fn could_not_speak(&mut self, error: &io::Error) {
        self.error =
            Some(format!("Could not speak with {} {}: {error}", self.transport, self.server));
        let too_long = self.request.is_some_and(|text| text.len() > MAX_MESSAGE_LIMIT);
        self.advice = match too_long {
            true => format!("A datagram carries no more than {MAX_MESSAGE_LIMIT} bytes"),
            false => "Check the address, and that this computer has a network".to_owned(),
        };
    }

    fn ended(&mut self, arguments: &ClientArguments, outcome: &Outcome) {
        let exchange = &outcome.exchange;
        self.attempts = exchange.attempts;
        self.elapsed_ms = Some(outcome.elapsed.as_micros() as f64 / 1000.0);
        self.outcome = exchange.ending.name();
        self.exit_code = exchange.ending.exit_code();
        let asked_to_stop = self.client_number.is_some_and(|number| !RANGE.contains(&number));
        self.expected_shutdown =
            asked_to_stop && matches!(exchange.ending, Ending::ServerShutDown(_));
        match &exchange.ending {
            Ending::Replied(reply) => self.replied(arguments, reply),
            ending => {
                // What `--json` shows of the time, so that both say the same.
                let elapsed = Duration::from_micros(outcome.elapsed.as_micros() as u64);
                let circumstances = Circumstances {
                    transport: self.transport,
                    server: &self.server,
                    service: arguments.service,
                    attempts: exchange.attempts,
                    elapsed,
                    timeout: arguments.timeout,
                    asked_to_stop,
                    hello: self.request.is_none(),
                };
                let (error, advice) = circumstances.explain(ending);
                (self.error, self.advice) = (Some(error), advice);
            }
        }
    }

    fn replied(&mut self, arguments: &ClientArguments, reply: &str) {
        self.reply = Some(reply.to_owned());
        // What repeats its request is the echo, or the chat's acknowledgement, whatever it says.
        let is_sum = arguments.service == ServiceChoice::Sum;
        let repeats = !is_sum
            && self.request.is_some_and(|text| text.starts_with("ERR ") && reply.starts_with(text));
        self.answered_with_error = reply.starts_with("ERR ") && !repeats;
        let is_chat = arguments.service == ServiceChoice::Chat;
        let wrong = match self.answered_with_error {
            true if is_chat && reply == CHANGED => {
                Some("The file has changed meanwhile: get it again".to_owned())
            }
            true => {
                let reason = reply.trim_start_matches("ERR ");
                let reason = if is_sum { escape(reason) } else { printable(reason) };
                Some(format!("The server answered with an error: {reason}"))
            }
            false if is_sum => self.wrong_sum(reply, arguments.verify),
            false => None,
        };
        if wrong.is_some() {
            self.exit_code = PROTOCOL_ERROR;
            self.outcome = "protocol_error";
            self.advice = "See what was sent and received above, or with: client --json".into();
        }
        self.error = wrong;
    }

    /// Takes the numbers of a reply; returns what is wrong with it.
    fn wrong_sum(&mut self, reply: &str, verify: bool) -> Option<String> {
        let answer = match SumReply::parse(reply) {
            Ok(answer) => answer,
            Err(error) => return Some(format!("The answer is not NAME;NUMBER: {error}")),
        };
        let sum = self.client_number?.saturating_add(answer.number);
        self.server_name = Some(answer.name.to_owned());
        self.server_number = Some(answer.number);
        self.sum = Some(sum);
        self.checked = answer.sum == Some(sum);
        match answer.sum {
            None if verify => Some("The server did not send the sum to check".to_owned()),
            Some(other) if other != sum => {
                Some(format!("The sums differ: the server says {other}, we say {sum}"))
            }
            _ => None,
        }
    }
}
