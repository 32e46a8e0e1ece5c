//! What a client keeps of what happens in its conversation: the log that reports are made of, and
//! remarks in words for the ladder.

use std::io;

use super::super::NO_DEADLINE;
use super::{Client, Pending};
use crate::client::is_no_way;
use crate::escape::escape;
use crate::net::Net;
use crate::protocol::{Closing, Ending, Exchange, RequesterEvent, Transmission};
use crate::scenario::log::ExchangeLog;
use crate::service::sum::SumReply;
use crate::time::Timestamp;

impl Pending {
    /// An exchange in which nothing has been sent yet.
    pub(super) fn new(number: i64, text: Option<&str>, asked: Timestamp) -> Self {
        Pending { number, text: text.map(str::to_owned), asked, sent: Vec::new() }
    }

    pub(super) fn end(self, ended: Timestamp, ending: Ending) -> ExchangeLog {
        let Pending { number, text, asked, sent } = self;
        let (retransmissions, still_waiting) = (0, false);
        ExchangeLog { number, text, asked, sent, ended, ending, retransmissions, still_waiting }
    }

    /// Says how it ended, for the ladder.
    pub(super) fn end_in_words(&self, ending: &Ending) -> String {
        match (&self.text, ending) {
            (Some(text), Ending::Replied(reply)) => {
                format!("{} -> {}", escape(text), escape(reply))
            }
            (Some(text), other) => format!("{}: {}", escape(text), other.name().replace('_', " ")),
            (None, ending) => end_in_words(self.number, ending),
        }
    }
}

impl<N: Net> Client<N> {
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.log.notes.push((self.around.clock.now(), text.into()));
    }

    /// Takes note of an exchange that ended before it could begin.
    pub(super) fn not_begun(
        &mut self,
        number: i64,
        text: Option<&str>,
        asked: Timestamp,
        ending: Ending,
    ) {
        let pending = Pending::new(number, text, asked);
        self.remark(pending.end_in_words(&ending));
        let log = pending.end(self.around.clock.now(), ending);
        self.log.exchanges.push(log);
    }

    /// Takes note of what happened in the conversation.
    pub(super) fn take(&mut self, event: RequesterEvent) {
        match event {
            RequesterEvent::Sent { id, reason, .. } => self.sent_once_more(id, reason),
            RequesterEvent::Content { .. } | RequesterEvent::TurnedAway(_) => {}
            RequesterEvent::Unexpected | RequesterEvent::Unframed => {
                self.log.unexpected += 1;
                self.remark("answers nothing that was asked: dropped");
            }
            RequesterEvent::Left(how) => self.left(how),
            RequesterEvent::Acknowledged { .. } => self.remark("the server is working on it"),
            RequesterEvent::Ended(exchange) => self.ended(exchange),
        }
    }

    fn sent_once_more(&mut self, id: u32, reason: Transmission) {
        let now = self.around.clock.now();
        let Some(pending) = self.pending.get_mut(&id) else { return };
        let before = pending.sent.last().copied();
        pending.sent.push(now);
        if before.is_none() {
            self.around.note(|board| board.sent += 1);
        }
        if reason == Transmission::WithCookie {
            self.log.proofs += 1;
        }
        self.remark_copy(before, reason);
    }

    /// Says of a copy why it left; `before` is when the last one did.
    pub(super) fn remark_copy(&mut self, before: Option<Timestamp>, reason: Transmission) {
        let Some(before) = before else { return };
        match reason {
            Transmission::WithCookie => self.remark("again, with the cookie"),
            _ => {
                let waited = self.around.clock.now().since(before).as_secs_f64();
                self.remark(format!("no answer for {waited:.3} s: repeat"));
            }
        }
    }

    /// Who is asking learns nothing without asking.
    fn left(&mut self, how: Closing) {
        if self.pending.is_empty() {
            self.log.learned.get_or_insert((self.around.clock.now(), how));
            self.remark(format!("learns: {how}"));
        }
    }

    fn ended(&mut self, exchange: Exchange) {
        let Some(pending) = self.pending.remove(&exchange.id) else { return };
        let ended = self.around.clock.now();
        let Exchange { ending, retransmissions, .. } = exchange;
        let still_waiting = self.still_waits(&pending, &ending);
        match still_waiting {
            true => self.remark(format!("{}: still waiting", pending.number)),
            false => self.remark(pending.end_in_words(&ending)),
        }
        let log = pending.end(ended, ending);
        self.log.exchanges.push(ExchangeLog { retransmissions, still_waiting, ..log });
    }

    /// Returns whether nothing has ended an exchange but us, who stopped looking.
    pub(super) fn still_waits(&self, pending: &Pending, ending: &Ending) -> bool {
        self.around.config.timeout.is_none()
            && *ending == Ending::TimedOut
            && self.around.clock.now().since(pending.asked) >= NO_DEADLINE
    }

    /// Takes note that the system does not send what was asked: the conversation is over.
    pub(super) fn refused_by_system(&mut self, error: &io::Error) {
        let refusal = refusal(error);
        for (_, pending) in std::mem::take(&mut self.pending) {
            self.log.not_sent.push((pending.number, refusal.clone()));
        }
        self.remark(refusal);
        self.conversation = None;
    }

    /// Ends the conversation at once, and with it what is outstanding.
    pub(super) fn reset(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            conversation.reset();
        }
        let now = self.around.clock.now();
        for (_, pending) in std::mem::take(&mut self.pending) {
            self.log.exchanges.push(pending.end(now, Ending::BrokenOff(Closing::Reset)));
        }
    }
}

fn end_in_words(number: i64, ending: &Ending) -> String {
    match ending {
        Ending::Replied(reply) => match SumReply::parse(reply) {
            Ok(reply) => format!("{number} + {} = {}", reply.number, number + reply.number),
            Err(_) => "a reply that is none".to_owned(),
        },
        Ending::TimedOut => format!("{number}: gives up, no answer"),
        Ending::Refused => "refused: nobody listens".to_owned(),
        Ending::BrokenOff(how) | Ending::ServerShutDown(how) => format!("{number}: {how}"),
        Ending::Busy(reason) => format!("busy: {}", crate::escape::escape(reason)),
        Ending::ProtocolError(_) => format!("{number}: not the protocol"),
        Ending::OutcomeUnknown(_) => format!("{number}: executed or not, nobody can tell"),
    }
}

/// Says why the system does not let a question reach anybody. That there is no way may have been told by
/// a router, after something was sent.
pub(super) fn refusal(error: &io::Error) -> String {
    match is_no_way(error) {
        true => format!("no way there: {error}"),
        false => format!("not sent: {error}"),
    }
}
