//! A client of a service with sessions: it says hello before it says anything else, and what it says
//! is text.

use std::io;

use super::{Client, Pending};
use crate::net::Net;
use crate::protocol::{Ending, Question, RequesterEvent};
use crate::scenario::log::{ExchangeLog, SessionLog};
use crate::time::Timestamp;

impl<N: Net> Client<N> {
    /// Asks for a session in the conversation that was just opened; `asked` is when it was decided to
    /// open one.
    pub(super) async fn hello(
        &mut self,
        asked: Timestamp,
        deadline: Option<Timestamp>,
    ) -> io::Result<Result<(), Ending>> {
        let mut sent = Vec::new();
        let (ending, retransmissions) = self.greeting(deadline, &mut sent).await?;
        let (ended, sent) = (self.around.clock.now(), sent.len());
        let result = match ending {
            Ending::Replied(error) if error.starts_with("ERR ") => {
                Err(Ending::ProtocolError(error))
            }
            Ending::Replied(name) => Ok(name),
            other => Err(other),
        };
        match &result {
            Ok(name) => self.remark(format!("is {name}")),
            Err(_) => self.conversation = None,
        }
        let log = SessionLog { asked, ended, sent, retransmissions, result: result.clone() };
        self.log.sessions.push(log);
        Ok(result.map(|_| ()))
    }

    /// Waits for the name that the server gives; notes when we asked for it. Returns also how often
    /// because no answer came.
    async fn greeting(
        &mut self,
        deadline: Option<Timestamp>,
        sent: &mut Vec<Timestamp>,
    ) -> io::Result<(Ending, usize)> {
        let Some(conversation) = &mut self.conversation else { return Ok((Ending::Refused, 0)) };
        let id = conversation.ask(Question::HELLO, deadline);
        loop {
            let Some(conversation) = &mut self.conversation else {
                return Ok((Ending::Refused, 0));
            };
            match conversation.next_event().await? {
                RequesterEvent::Ended(exchange) if exchange.id == id => {
                    return Ok((exchange.ending, usize::from(exchange.retransmissions)));
                }
                RequesterEvent::Sent { reason, .. } => {
                    self.remark_copy(sent.last().copied(), reason);
                    sent.push(self.around.clock.now());
                }
                other => self.take(other),
            }
        }
    }

    /// Says something, and waits for the answer.
    pub(super) async fn say(&mut self, text: &str) -> io::Result<()> {
        // What the server said meanwhile, that it has left for instance, is heard first.
        self.hear_what_came().await?;
        let (asked, deadline) = (self.around.clock.now(), self.deadline());
        if self.conversation.is_none()
            && let Err(ending) = self.open(deadline).await?
        {
            self.not_begun(0, Some(text), asked, ending);
            return Ok(());
        }
        let Some(conversation) = &mut self.conversation else { return Ok(()) };
        let id = conversation.ask(Question::line(text), deadline);
        self.pending.insert(id, Pending::new(0, Some(text), asked));
        while self.pending.contains_key(&id) {
            self.next().await?;
        }
        if !self.log.exchanges.last().is_some_and(ExchangeLog::is_replied) {
            self.reset();
        }
        Ok(())
    }

    /// Says it unless the last question was answered.
    pub(super) async fn say_again_if_lost(&mut self, text: &str) -> io::Result<()> {
        match self.log.exchanges.last().is_some_and(ExchangeLog::is_replied) {
            true => Ok(()),
            false => self.say(text).await,
        }
    }

    /// A server that has said goodbye is not asked again in the same conversation.
    async fn hear_what_came(&mut self) -> io::Result<()> {
        if self.conversation.is_some() {
            let clock = self.around.clock;
            self.watch(clock.sleep_until(clock.now())).await?;
        }
        if self.log.learned.is_some_and(|(at, _)| at >= self.last_asked()) {
            self.conversation = None;
        }
        Ok(())
    }

    fn last_asked(&self) -> Timestamp {
        self.log.exchanges.last().map_or(Timestamp::ZERO, |last| last.asked)
    }
}
