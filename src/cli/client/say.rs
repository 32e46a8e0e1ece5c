//! What `client` says on its way, and at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::ClientArguments;
use super::report::Report;
use super::trouble::WIDTH;
use crate::cli::print_error;
use crate::client::Progress;
use crate::escape::escape;
use crate::peer::Transport;
use crate::protocol::{Closing, RequesterEvent, Transmission};
use crate::time::{Clock, Timestamp};

/// Prints the transcript of one exchange of sums.
pub(super) struct Say<'a> {
    arguments: &'a ClientArguments,
    remarks: Remarks<'a>,
    text: &'a str,
    /// Whether an address was tried already.
    tried: bool,
    /// Whether the transcript stands in the middle of a line.
    amid_line: bool,
}

impl<'a> Say<'a> {
    pub(super) fn new(arguments: &'a ClientArguments, clock: Clock, text: &'a str) -> Self {
        let remarks = Remarks::new(arguments, clock);
        Say { arguments, remarks, text, tried: false, amid_line: false }
    }

    /// Says what just happened.
    pub(super) fn progress(&mut self, progress: &Progress) {
        let silent = self.arguments.json || self.arguments.quiet;
        match progress {
            Progress::Exchange(event) => self.event(event, silent),
            _ if silent => {}
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
        }
    }

    fn event(&mut self, event: &RequesterEvent, silent: bool) {
        let text = match event {
            RequesterEvent::Sent { reason: Transmission::First, .. } => {
                self.remarks.event(event);
                format!("Message sent to server: {}\n", escape(self.text))
            }
            RequesterEvent::Sent { reason: Transmission::WithCookie, .. } => {
                "Message sent again, with the server's cookie\n".to_owned()
            }
            event => return self.remarks.event(event),
        };
        if !silent {
            out(&text);
        }
    }

    /// Returns whether something came that was not framed.
    pub(super) fn heard_unframed(&self) -> bool {
        self.remarks.heard_unframed()
    }

    /// Says how it ended.
    pub(super) fn end(&self, report: &Report<'_>) {
        if self.arguments.json {
            print_json(report);
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

/// When each request that waits for its answer first left.
#[derive(Debug, Default)]
struct UnderWay(BTreeMap<u32, Timestamp>);

impl UnderWay {
    fn take(&mut self, event: &RequesterEvent, now: Timestamp) {
        match event {
            RequesterEvent::Sent { id, reason: Transmission::First, .. } => {
                self.0.insert(*id, now);
            }
            RequesterEvent::Ended(exchange) => {
                self.0.remove(&exchange.id);
            }
            _ => {}
        }
    }

    fn since(&self, id: u32, now: Timestamp) -> Option<Duration> {
        self.0.get(&id).map(|first_sent| now.since(*first_sent))
    }
}

/// What is remarked of an exchange while it lasts, on standard error.
pub(super) struct Remarks<'a> {
    arguments: &'a ClientArguments,
    clock: Clock,
    under_way: UnderWay,
    heard_unframed: bool,
}

impl<'a> Remarks<'a> {
    /// Remarks on exchanges that have not begun.
    pub(super) fn new(arguments: &'a ClientArguments, clock: Clock) -> Self {
        Remarks { arguments, clock, under_way: UnderWay::default(), heard_unframed: false }
    }

    /// Returns whether something came that was not framed.
    pub(super) fn heard_unframed(&self) -> bool {
        self.heard_unframed
    }

    /// Returns how long ago a request first left, if that was over UDP, and no answer came.
    pub(super) fn waited(&self, id: u32) -> Option<Duration> {
        let over_udp = self.arguments.transport() == Transport::Udp;
        self.under_way.since(id, self.clock.now()).filter(|_| over_udp)
    }

    /// Remarks on what just happened, if it is worth a remark.
    pub(super) fn event(&mut self, event: &RequesterEvent) {
        let now = self.clock.now();
        self.under_way.take(event, now);
        match event {
            RequesterEvent::Sent { id, attempt, reason: Transmission::Retransmission } => {
                let waited = self.waited(*id).unwrap_or_default().as_secs_f64();
                self.text(&format!(
                    "No answer after {waited:.1} s: message sent again (attempt {attempt})"
                ));
            }
            RequesterEvent::Sent { reason: Transmission::WithCookie, .. } => {
                self.text("The server wants our address proven: sent again, with its cookie");
            }
            RequesterEvent::Acknowledged { .. } => {
                self.text("The server has the request and is working on it");
            }
            RequesterEvent::Unexpected if self.arguments.verbose => {
                self.text("Something came that answers nothing we asked: dropped");
            }
            RequesterEvent::Unframed => {
                self.heard_unframed = true;
                if self.arguments.verbose {
                    self.text("Something came that is not framed: dropped");
                }
            }
            _ => {}
        }
    }

    /// Remarks on anything, unless only results are wanted.
    pub(super) fn text(&self, text: &str) {
        if !self.arguments.json && !self.arguments.quiet {
            // If standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// What is said of a server that does not wait for our question.
pub(super) const SPOKE_FIRST: &str =
    "The server speaks before it is asked: is it a chat? Try: client --service chat";

/// Returns how we know that the server has left, and what told us.
pub(super) fn parting(how: Closing) -> String {
    match how {
        Closing::EndOfStream => {
            "The server has closed the connection: its system told us at once, with a FIN".into()
        }
        Closing::Reset => {
            "The server has reset the connection: its system told us at once, with a RST".into()
        }
        Closing::GaveUp => "Nothing came back, and TCP gave the connection up".into(),
        Closing::Bye(reason) => format!(
            "The server said BYE, {reason}: its program told us, not UDP. Had this\n\
             datagram been lost, only the next message would have shown it"
        ),
    }
}

/// Prints one JSON object in a line.
pub(super) fn print_json(report: &Report<'_>) {
    out(&format!("{}\n", serde_json::to_string(report).unwrap_or_default()));
}

/// Puts the exit code at the right of the last line of advice.
pub(super) fn beside(advice: &str, code: &str) -> String {
    let last = advice.lines().last().unwrap_or_default().chars().count();
    match WIDTH.checked_sub(last + code.len()) {
        Some(gap) if gap > 0 => format!("{advice}{}{code}", " ".repeat(gap)),
        _ => format!("{advice}\n{code}"),
    }
}

/// Prints to standard output at once. A reader that has gone ends the program without a word, as
/// it does any other program in a pipe.
pub(super) fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(i32::from(BROKEN_PIPE));
    }
}

/// Exit code of a program whose reader has gone: 128 and the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Ending, Exchange};

    /// Of a file that comes in many exchanges, only the one that is repeated counts.
    #[test]
    fn a_wait_is_counted_from_when_that_very_request_first_left() {
        let start = Timestamp::default();
        let at = |seconds| start + Duration::from_secs(seconds);
        let sent = |id, reason| RequesterEvent::Sent { id, attempt: 1, reason };
        let ending = Ending::Replied("PART 0 1".to_owned());
        let ended = Exchange { id: 7, attempts: 1, retransmissions: 0, ending };
        let mut under_way = UnderWay::default();
        under_way.take(&sent(7, Transmission::First), at(0));
        under_way.take(&RequesterEvent::Ended(ended), at(10));
        under_way.take(&sent(8, Transmission::First), at(10));
        under_way.take(&sent(8, Transmission::Retransmission), at(12));
        assert_eq!(under_way.since(8, at(13)), Some(Duration::from_secs(3)));
        assert_eq!(under_way.since(7, at(13)), None, "it was answered");
    }
}
