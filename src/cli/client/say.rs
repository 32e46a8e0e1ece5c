//! What `client` says on its way, and at the end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::ClientArguments;
use crate::cli::{LOCAL_ERROR, print_error};
use crate::client::{Outcome, Progress};
use crate::escape::escape;
use crate::protocol::parameters::MAX_MESSAGE_LIMIT;
use crate::protocol::{Closing, Ending, RequesterEvent, Transmission, Unknown};
use crate::service::sum::{SumReply, SumRequest};
use crate::time::{Clock, Timestamp};

/// Exit code of an answer that is an error, or not the protocol.
const PROTOCOL_ERROR: u8 = 8;

/// Prints the transcript of one exchange.
pub(super) struct Say<'a> {
    arguments: &'a ClientArguments,
    clock: Clock,
    began: Timestamp,
    text: &'a str,
    /// Whether an address was tried already.
    tried: bool,
    /// Whether the transcript stands in the middle of a line.
    amid_line: bool,
}

impl<'a> Say<'a> {
    pub(super) fn new(arguments: &'a ClientArguments, clock: Clock, text: &'a str) -> Self {
        Say { arguments, clock, began: clock.now(), text, tried: false, amid_line: false }
    }

    /// Says what just happened.
    pub(super) fn progress(&mut self, progress: &Progress) {
        if self.arguments.json || self.arguments.quiet {
            return;
        }
        match progress {
            Progress::Connecting if self.tried => {
                out(" nobody there\nTrying the server's next address...");
            }
            Progress::Connecting => {
                self.tried = true;
                self.amid_line = true;
                out("Connecting to server...");
            }
            Progress::Connected => {
                self.amid_line = false;
                out(" connected\n");
            }
            Progress::NothingToConnect if self.tried => {
                out("Nobody there: trying the server's next address\n");
            }
            Progress::NothingToConnect => {
                self.tried = true;
                out("No connection to set up: the first datagram is the question\n");
            }
            Progress::Exchange(RequesterEvent::Sent { attempt, reason, .. }) => {
                self.sent(*attempt, *reason);
            }
            Progress::Exchange(RequesterEvent::Acknowledged { .. }) => {
                self.remark("The server has the request and is working on it");
            }
            Progress::Exchange(RequesterEvent::Unexpected) => {
                if self.arguments.verbose {
                    self.remark("Something came that answers nothing we asked: dropped");
                }
            }
            Progress::Exchange(RequesterEvent::Ended(_) | RequesterEvent::Left(_)) => {}
        }
    }

    fn sent(&self, attempt: u8, reason: Transmission) {
        match reason {
            Transmission::First => {
                out(&format!("Message sent to server: {}\n", escape(self.text)));
            }
            Transmission::WithCookie => out("Message sent again, with the server's cookie\n"),
            Transmission::Retransmission => {
                let waited = self.clock.now().since(self.began).as_secs_f64();
                self.remark(&format!(
                    "No answer after {waited:.1} s: message sent again (attempt {attempt})"
                ));
            }
        }
    }

    fn remark(&self, text: &str) {
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says how it ended.
    pub(super) fn end(&self, report: &Report<'_>) {
        if self.arguments.json {
            let json = serde_json::to_string(report).unwrap_or_default();
            out(&format!("{json}\n"));
        } else {
            self.end_text(report);
        }
    }

    fn end_text(&self, report: &Report<'_>) {
        if let Some(reply) = &report.reply
            && !self.arguments.quiet
        {
            out(&format!("Response received from server: {}\n", escape(reply)));
        }
        match &report.error {
            None => {
                if let (Some(client), Some(server), Some(sum)) =
                    (report.client_number, report.server_number, report.sum)
                {
                    let checked = match (self.arguments.verify, report.checked) {
                        (true, true) => ", and the server says so too",
                        _ => "",
                    };
                    out(&format!("{client} (client) + {server} (server) = {sum}{checked}\n"));
                }
            }
            // What one asked for is no error.
            Some(error) if report.expected_shutdown => {
                out(&format!("No response: {error} (exit {})\n", report.exit_code));
            }
            Some(error) => {
                if self.amid_line {
                    out("\n");
                }
                let code = format!("(exit {})", report.exit_code);
                print_error(error, &beside(&report.advice, &code));
            }
        }
    }
}

/// Puts the exit code at the right of the last line of advice.
fn beside(advice: &str, code: &str) -> String {
    const WIDTH: usize = 72; // of 80 columns, less the indentation of advice
    let last = advice.lines().last().unwrap_or_default().chars().count();
    match WIDTH.checked_sub(last + code.len()) {
        Some(gap) if gap > 0 => format!("{advice}{}{code}", " ".repeat(gap)),
        _ => format!("{advice}\n{code}"),
    }
}

/// Prints to standard output at once. A reader that has gone ends the program without a word, as
/// it does any other program in a pipe.
fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(i32::from(BROKEN_PIPE));
    }
}

/// Exit code of a program whose reader has gone: 128 and the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// One exchange, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    transport: &'static str,
    server: String,
    service: &'static str,
    client_name: Option<String>,
    client_number: Option<i64>,
    server_name: Option<String>,
    server_number: Option<i64>,
    sum: Option<i64>,
    request: &'a str,
    reply: Option<String>,
    attempts: u8,
    elapsed_ms: Option<f64>,
    outcome: &'static str,
    pub(super) exit_code: u8,
    error: Option<String>,
    #[serde(skip)]
    timeout: Option<Duration>,
    #[serde(skip)]
    advice: String,
    #[serde(skip)]
    checked: bool,
    #[serde(skip)]
    expected_shutdown: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        arguments: &ClientArguments,
        servers: &[SocketAddr],
        text: &'a str,
        outcome: io::Result<Outcome>,
    ) -> Self {
        let request = SumRequest::parse(text).ok();
        let server = servers.first().map(ToString::to_string).unwrap_or_default();
        let mut report = Report {
            transport: arguments.transport().name(),
            server,
            service: "sum",
            client_name: request.map(|request| request.name.to_owned()),
            client_number: request.map(|request| request.number),
            server_name: None,
            server_number: None,
            sum: None,
            request: text,
            reply: None,
            attempts: 0,
            elapsed_ms: None,
            outcome: "local_error",
            exit_code: LOCAL_ERROR,
            error: None,
            timeout: arguments.timeout,
            advice: String::new(),
            checked: false,
            expected_shutdown: false,
        };
        match outcome {
            Ok(outcome) => {
                report.server = outcome.server.to_string();
                report.ended(arguments, &outcome);
            }
            Err(error) => {
                report.error = Some(format!(
                    "Could not speak with {} {}: {error}",
                    report.transport, report.server
                ));
                report.advice = match text.len() > MAX_MESSAGE_LIMIT {
                    true => format!("A datagram carries no more than {MAX_MESSAGE_LIMIT} bytes"),
                    false => "Check the address, and that this computer has a network".to_owned(),
                };
            }
        }
        report
    }

    fn ended(&mut self, arguments: &ClientArguments, outcome: &Outcome) {
        let exchange = &outcome.exchange;
        self.attempts = exchange.attempts;
        self.elapsed_ms = Some(outcome.elapsed.as_micros() as f64 / 1000.0);
        self.outcome = exchange.ending.name();
        self.exit_code = exchange.ending.exit_code();
        let asked_to_stop =
            self.client_number.is_some_and(|number| !crate::service::sum::RANGE.contains(&number));
        self.expected_shutdown =
            asked_to_stop && matches!(exchange.ending, Ending::ServerShutDown(_));
        if let Ending::Replied(reply) = &exchange.ending {
            self.replied(reply, arguments.verify);
        } else {
            self.failed(&exchange.ending);
        }
    }

    fn replied(&mut self, reply: &str, verify: bool) {
        self.reply = Some(reply.to_owned());
        let wrong = match (SumReply::parse(reply), self.client_number) {
            _ if reply.starts_with("ERR ") => Some(format!(
                "The server answered with an error: {}",
                escape(reply.trim_start_matches("ERR "))
            )),
            (Err(error), _) => Some(format!("The answer is not NAME;NUMBER: {error}")),
            (Ok(_), None) => None,
            (Ok(answer), Some(number)) => {
                let sum = number.saturating_add(answer.number);
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
        };
        if wrong.is_some() {
            self.exit_code = PROTOCOL_ERROR;
            self.outcome = "protocol_error";
            self.advice = "See what was sent and received above, or with: client --json".into();
        }
        self.error = wrong;
    }

    fn advice_for_silence(&self, seconds: f64) -> String {
        let waited_for_all = self.timeout.is_some_and(|timeout| seconds >= timeout.as_secs_f64());
        match waited_for_all {
            true if seconds < 30.0 => {
                "Wait longer with --timeout 30s, or check that the server runs"
            }
            true => "Check that the server runs, and its address",
            false => "No copy was left to send; check that the server runs",
        }
        .to_owned()
    }

    fn failed(&mut self, ending: &Ending) {
        let (transport, server) = (self.transport, &self.server);
        let attempts = match self.attempts {
            1 => "1 attempt".to_owned(),
            attempts => format!("{attempts} attempts"),
        };
        let again = "It may have been executed, or not: nobody here can tell";
        let (error, advice) = match ending {
            Ending::Replied(_) => return,
            Ending::Refused => {
                let how = if transport == "udp" { "ICMP port unreachable" } else { "RST" };
                (
                    format!("Refused: nobody listens on {transport} {server} ({how})."),
                    "Start one in another terminal with: server".to_owned(),
                )
            }
            Ending::TimedOut => {
                let seconds = self.elapsed_ms.unwrap_or_default() / 1000.0;
                let tries = match transport {
                    "udp" => format!(" to {attempts}"),
                    _ if self.attempts == 0 => ", no handshake".to_owned(),
                    _ => ", connected".to_owned(),
                };
                (
                    format!(
                        "Timed out: no answer from {transport} {server} in {seconds:.1} s{tries}."
                    ),
                    self.advice_for_silence(seconds),
                )
            }
            Ending::BrokenOff(how) => {
                let how = if *how == Closing::Reset { "RST" } else { "FIN" };
                let error = format!("Broken off by {transport} {server}: {how} before the answer.");
                match self.attempts {
                    0 => (error, "Nothing had been sent: ask again".to_owned()),
                    _ => (error, again.to_owned()),
                }
            }
            Ending::ServerShutDown(how) if self.expected_shutdown => {
                (how.to_string(), String::new())
            }
            Ending::ServerShutDown(how) => (
                format!("Server gone: {how} ({transport} {server})."),
                "Start one in another terminal with: server".to_owned(),
            ),
            Ending::Busy(reason) => (
                format!("Busy: {} ({transport} {server}).", escape(reason)),
                "Try again when another client has left".to_owned(),
            ),
            Ending::ProtocolError(what) => (
                format!("Not the protocol: {what} ({transport} {server})."),
                "Is it a socklab server? Check the port".to_owned(),
            ),
            Ending::OutcomeUnknown(why) => {
                let why = match why {
                    Unknown::RefusedLater => "went away",
                    Unknown::Stale => "was restarted",
                };
                (
                    format!("Outcome unknown: {transport} {server} {why} after {attempts}."),
                    again.to_owned(),
                )
            }
        };
        self.error = Some(error);
        self.advice = advice;
    }
}
