//! A conversation as a person or a script leads it: line after line, until one of both leaves.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use color_eyre::eyre;

use super::arguments::ClientArguments;
use super::contact::{Contact, FileNews, News, is_name};
use super::input::{Line, Lines, Prompt};
use super::report::Report;
use super::say::{SPOKE_FIRST, beside, out, parting, print_json};
use crate::cli::server::ServiceChoice;
use crate::cli::{FramingChoice, INTERRUPTED, USAGE, print_error, print_warning};
use crate::client::Outcome;
use crate::escape::printable;
use crate::peer::Transport;
use crate::protocol::{Closing, Ending, Exchange};

/// What ends a conversation.
const EXIT: &str = "exit";

/// Leads a conversation to its end; returns the exit code.
pub(super) async fn talk(arguments: &ClientArguments) -> eyre::Result<u8> {
    let mut contact = None;
    let converse = async {
        let contact = contact.insert(Contact::new(arguments).await?);
        converse(arguments, contact).await
    };
    let code = tokio::select! {
        biased;
        // First, so that nothing is asked before we listen to the interrupt.
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            if io::stderr().is_terminal() {
                // The terminal shows ^C where its cursor stood.
                eprintln!();
            }
            INTERRUPTED
        }
        code = converse => code?,
    };
    if let Some(contact) = &mut contact {
        if let Some(kept) = contact.kept().filter(|_| code == INTERRUPTED && !arguments.json) {
            // If standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{kept}");
        }
        contact.leave().await;
    }
    Ok(code)
}

async fn converse<'a>(
    arguments: &'a ClientArguments,
    contact: &mut Contact<'a>,
) -> eyre::Result<u8> {
    let at_prompt = arguments.request.is_empty() && io::stdin().is_terminal();
    let mut talk = Talk { arguments, contact, at_prompt, code: 0, told_repeats: false };
    let deadline = talk.contact.deadline();
    match talk.contact.open(deadline).await {
        Ok(Ok(())) if arguments.request.is_empty() => talk.lines().await,
        Ok(Ok(())) => talk.requests().await,
        Ok(Err(outcome)) => talk.could_not_begin(&Ok(outcome)),
        Err(error) => talk.could_not_begin(&Err(error)),
    }
    Ok(talk.code)
}

struct Talk<'a, 'b> {
    arguments: &'a ClientArguments,
    contact: &'b mut Contact<'a>,
    /// Whether a person reads at once what is said, and may ask again.
    at_prompt: bool,
    /// The exit code of the last failure.
    code: u8,
    /// Whether it was said what a server does that repeats our lines.
    told_repeats: bool,
}

/// How it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl Talk<'_, '_> {
    fn could_not_begin(&mut self, outcome: &io::Result<Outcome>) {
        let at_prompt = std::mem::replace(&mut self.at_prompt, false);
        self.report(None, outcome, &FileNews::None, false);
        self.at_prompt = at_prompt;
    }

    async fn requests(&mut self) {
        for text in &self.arguments.request {
            if self.say(text).await == Next::End {
                return;
            }
        }
    }

    async fn lines(&mut self) {
        let prompt = match self.arguments.service {
            ServiceChoice::Chat => Prompt::CHAT,
            _ => Prompt::MESSAGE,
        };
        let mut lines = Lines::of_input(self.at_prompt.then_some(prompt));
        loop {
            let line = tokio::select! {
                biased;
                news = self.contact.news() => {
                    if self.tell(news, &mut lines) == Next::End {
                        return;
                    }
                    continue;
                }
                line = lines.next() => line,
            };
            // A goodbye that came before this line was typed is heard before it is sent.
            if let Some(news) = self.contact.old_news().await
                && self.tell(news, &mut lines) == Next::End
            {
                return;
            }
            if self.take(line).await == Next::End {
                return;
            }
        }
    }

    async fn take(&mut self, line: Line) -> Next {
        match line {
            Line::Text(text) if text.trim() == EXIT => self.exit().await,
            Line::Text(text) => self.say(&text).await,
            Line::TooLong => {
                print_error("Invalid input. The line is too long.", "");
                self.code = USAGE;
                Next::GoOn
            }
            Line::Interrupted => {
                self.code = INTERRUPTED;
                Next::End
            }
            Line::End => Next::End,
        }
    }

    /// A chat says goodbye; the others know no such word.
    async fn exit(&mut self) -> Next {
        if self.arguments.service == ServiceChoice::Chat && self.contact.is_open() {
            self.say(EXIT).await;
        }
        Next::End
    }

    /// Asks, and reports how it ended.
    async fn say(&mut self, text: &str) -> Next {
        let was_answered = self.contact.is_answered();
        let (outcome, file) = match self.contact.ask(text).await {
            Ok((outcome, file)) => (Ok(outcome), file),
            Err(error) => (Err(error), FileNews::None),
        };
        let ending = outcome.as_ref().ok().map(|outcome| &outcome.exchange.ending);
        let says_exit = self.arguments.service == ServiceChoice::Chat && text.trim() == EXIT;
        let closed = ending == Some(&Ending::BrokenOff(Closing::EndOfStream));
        if says_exit && closed && !self.arguments.json {
            // Other chats than ours answer `exit` with a FIN alone.
            self.contact.finish();
            return Next::End;
        }
        self.report(Some(text), &outcome, &file, was_answered);
        match ending {
            Some(Ending::Replied(_)) if says_exit => {
                self.contact.finish();
                Next::End
            }
            // A person may try again when another has left.
            Some(Ending::Busy(_)) if !self.at_prompt => Next::End,
            _ => Next::GoOn,
        }
    }

    fn report(
        &mut self,
        request: Option<&str>,
        outcome: &io::Result<Outcome>,
        file: &FileNews,
        was_answered: bool,
    ) {
        let report = Report::new(self.arguments, self.contact.servers(), request, outcome);
        let report = report.with_file(file);
        let report = report.with_unframed(self.arguments, self.contact.heard_unframed());
        // To a person an error of the service is an answer like any other.
        if report.exit_code != 0 && !(self.at_prompt && report.answered_with_error) {
            self.code = report.exit_code;
        }
        if self.arguments.json {
            return print_json(&report);
        }
        if let FileNews::Saved(file) = file {
            return out(&format!("{file}\n"));
        }
        match (&report.error, &report.reply) {
            (Some(error), _) if report.answered_with_error => print_error(error, ""),
            (Some(error), _) => print_error(error, &self.advice(&report, outcome, was_answered)),
            (None, Some(reply)) => {
                out(&format!("Server replied: {}\n", printable(reply)));
                if self.arguments.service != ServiceChoice::Chat && is_name(reply) {
                    print_warning(SPOKE_FIRST);
                }
                if request == Some(reply) {
                    self.repeats();
                }
            }
            (None, None) => {}
        }
    }

    /// Says once what it means that a chat gives our line back: it has read our line end as a part of
    /// the message, and acknowledges behind it.
    fn repeats(&mut self) {
        let ends_lines = self.arguments.transport() == Transport::Tcp
            && self.arguments.framing != FramingChoice::Raw;
        if self.arguments.service == ServiceChoice::Chat && ends_lines && !self.told_repeats {
            self.told_repeats = true;
            print_warning(REPEATS);
        }
    }

    /// Returns what to do about a failure, and over UDP why it is news only now.
    fn advice(
        &self,
        report: &Report<'_>,
        outcome: &io::Result<Outcome>,
        was_answered: bool,
    ) -> String {
        let over_udp = self.arguments.transport() == Transport::Udp;
        let advice = match over_udp && was_answered && is_silence(outcome) {
            true => format!("{NOBODY_TOLD_US}\n{}", report.advice),
            false => report.advice.clone(),
        };
        match self.at_prompt {
            true => advice,
            false => beside(&advice, &format!("(exit {})", report.exit_code)),
        }
    }

    /// Says what the server did while nothing was asked.
    fn tell(&mut self, news: io::Result<News>, lines: &mut Lines) -> Next {
        let text = match news {
            Ok(News::Left(how)) => parting(how),
            Ok(News::Unexpected) => SPOKE_FIRST.to_owned(),
            Ok(News::TurnedAway(ending)) => return self.turned_away(ending, lines),
            Err(error) => format!("The conversation is over: {error}"),
        };
        if !self.arguments.json && !self.arguments.quiet {
            lines.say(&text);
        }
        Next::GoOn
    }

    fn turned_away(&mut self, ending: Ending, lines: &mut Lines) -> Next {
        let exchange = Exchange { id: 0, attempts: 0, retransmissions: 0, ending };
        let server = self.contact.servers()[0];
        let outcome = Ok(Outcome { server, exchange, elapsed: Duration::ZERO });
        if !self.at_prompt {
            self.report(None, &outcome, &FileNews::None, false);
            return Next::End;
        }
        let report = Report::new(self.arguments, &[server], None, &outcome);
        self.code = report.exit_code;
        let error = report.error.unwrap_or_default();
        lines.say(&format!("[ERROR] {error}\n        The next message tries again"));
        Next::GoOn
    }
}

/// Returns whether it ended because nobody was there any more.
fn is_silence(outcome: &io::Result<Outcome>) -> bool {
    let ending = outcome.as_ref().ok().map(|outcome| &outcome.exchange.ending);
    matches!(ending, Some(Ending::Refused | Ending::TimedOut | Ending::OutcomeUnknown(_)))
}

/// What is said of a chat that takes our line end for a part of the message.
const REPEATS: &str = "\
The reply is our own line: the server takes the line end for a part of the
          message, and what it says behind that begins the next reply. Send no
          line end: client --framing raw";

/// Why a dead server is news only now.
const NOBODY_TOLD_US: &str = "UDP keeps no connection: nobody told us until we asked.";
