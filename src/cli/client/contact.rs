//! The conversation with the server: opened when it is needed, and anew when it has ended.
//!
//! It knows what to do with each ending; what is asked, and what is said of it, is `talk`'s.

mod opening;
mod saving;

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use color_eyre::eyre;
use rand::rngs::ChaCha8Rng;

use opening::greeted;
pub(super) use opening::is_name;
pub(super) use saving::FileNews;
use saving::Transfer;

use super::arguments::ClientArguments;
use super::say::{Remarks, SPOKE_FIRST, parting};
use crate::cli;
use crate::cli::server::ServiceChoice;
use crate::client::{ClientConfig, Conversation, Outcome};
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::protocol::datagram::Semantics;
use crate::protocol::{Closing, Ending, Exchange, Purpose, Question, RequesterEvent};
use crate::time::{Clock, Timestamp};

/// Whom we speak with, and how.
pub(super) struct Contact<'a> {
    arguments: &'a ClientArguments,
    config: ClientConfig,
    /// The first one is spoken with, or tried next.
    servers: Vec<SocketAddr>,
    clock: Clock,
    random: ChaCha8Rng,
    conversation: Option<Conversation<Kernel>>,
    /// Whether this conversation was answered: from then on silence is news.
    answered: bool,
    /// Whether something that was not framed came in the last exchange.
    heard_unframed: bool,
    /// The name of the file that is coming, or was asked for.
    file: Option<String>,
}

/// What the server said while nothing was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// It has ended the conversation.
    Left(Closing),
    /// It has no room for us, or does not speak our protocol.
    TurnedAway(Ending),
    /// It spoke without having been asked.
    Unexpected,
}

impl<'a> Contact<'a> {
    pub(super) async fn new(arguments: &'a ClientArguments) -> eyre::Result<Self> {
        Ok(Contact {
            arguments,
            config: arguments.config(),
            servers: cli::resolve(&arguments.host, arguments.port, "client").await?,
            clock: Clock::start(),
            random: cli::system_random()?,
            conversation: None,
            answered: false,
            heard_unframed: false,
            file: None,
        })
    }

    /// Returns the server's addresses; the first is the one that is spoken with.
    pub(super) fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Returns whether a conversation is open.
    pub(super) fn is_open(&self) -> bool {
        self.conversation.is_some()
    }

    /// Returns whether this conversation has been answered.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Returns whether something that was not framed came in the last exchange.
    pub(super) fn heard_unframed(&self) -> bool {
        self.heard_unframed
    }

    /// Returns what the deadline of an exchange that begins now is.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.config.timeout.map(|timeout| self.clock.now() + timeout)
    }

    /// Asks, in the conversation that is open, or in a new one.
    ///
    /// # Errors
    /// If the system cannot make, use or keep a socket; how the exchange ends is no error.
    pub(super) async fn ask(&mut self, text: &str) -> io::Result<(Outcome, FileNews)> {
        let (began, deadline) = (self.clock.now(), self.deadline());
        let mut untried = self.servers.len();
        loop {
            let was_open = self.is_open();
            if !was_open && let Err(outcome) = self.open(deadline).await? {
                return Ok((outcome, FileNews::None));
            }
            let answered = self.answered;
            let Transfer { exchange, news, waited } = match self.arguments.service {
                ServiceChoice::Chat => self.exchange_or_save(text).await?,
                _ => {
                    let exchange = self.exchange(Question::line(text), deadline).await?;
                    Transfer { exchange, news: FileNews::None, waited: None }
                }
            };
            // Of a file that comes in pieces, only the one that nobody answered was waited for.
            let waited = waited.filter(|_| exchange.ending == Ending::TimedOut);
            let elapsed = waited.unwrap_or_else(|| self.clock.now().since(began));
            let outcome = Outcome { server: self.servers[0], exchange, elapsed };
            let Exchange { ending, attempts, .. } = &outcome.exchange;
            // Nothing had left when the server's goodbye was read: it is asked anew.
            let too_late = was_open
                && *attempts == 0
                && matches!(ending, Ending::ServerShutDown(_) | Ending::BrokenOff(_));
            // Over UDP only asking shows that nobody is there: a name may have other addresses.
            let not_there = !answered && *ending == Ending::Refused && untried > 1;
            if too_late && let Ending::ServerShutDown(how) | Ending::BrokenOff(how) = ending {
                Remarks::new(self.arguments, self.clock).text(&parting(*how));
            } else if not_there {
                untried -= 1;
                self.conversation = None;
                self.servers.rotate_left(1);
            } else {
                return Ok((outcome, news));
            }
        }
    }

    /// Asks in the conversation that is open, and draws the consequences of how it ends.
    async fn exchange(
        &mut self,
        question: Question<'_>,
        deadline: Option<Timestamp>,
    ) -> io::Result<Exchange> {
        let mut remarks = Remarks::new(self.arguments, self.clock);
        let tcp = self.config.transport == Transport::Tcp;
        let Some(conversation) = &mut self.conversation else { return Err(not_open()) };
        let id = conversation.ask(question, deadline);
        let mut exchange = loop {
            match conversation.next_event().await {
                Ok(RequesterEvent::Ended(exchange)) if exchange.id == id => break exchange,
                Ok(RequesterEvent::Unexpected) if tcp && !self.answered => {
                    remarks.text(SPOKE_FIRST)
                }
                Ok(event) => remarks.event(&event),
                Err(error) => {
                    self.conversation = None;
                    return Err(error);
                }
            }
        };
        self.heard_unframed = remarks.heard_unframed();
        if question.purpose == Purpose::Hello {
            exchange.ending = greeted(exchange.ending);
        }
        self.settle(&exchange.ending).await;
        Ok(exchange)
    }

    /// Ends the conversation if nothing more can be asked in it.
    async fn settle(&mut self, ending: &Ending) {
        let tcp = self.config.transport == Transport::Tcp;
        let has_sessions = self.arguments.service == ServiceChoice::Chat;
        self.answered |= matches!(ending, Ending::Replied(_));
        match ending {
            Ending::Replied(_) => {}
            // TCP carries no ids: a late reply would be taken for the next one's.
            Ending::TimedOut if tcp => {
                if let Some(conversation) = self.conversation.take() {
                    conversation.reset();
                }
            }
            // Nor do bare datagrams: the next one leaves from another port.
            Ending::TimedOut if self.config.datagram.semantics == Semantics::Maybe => {
                self.conversation = None;
            }
            Ending::TimedOut => {}
            // Over UDP the session is still there, and holds its place until we say goodbye.
            Ending::Busy(_) | Ending::ProtocolError(_) if has_sessions => self.leave().await,
            Ending::Busy(_) | Ending::ProtocolError(_) => self.conversation = None,
            // Who is there next knows nothing of our session.
            Ending::Refused | Ending::OutcomeUnknown(_) if has_sessions => self.conversation = None,
            Ending::Refused | Ending::OutcomeUnknown(_) => {}
            Ending::BrokenOff(_) | Ending::ServerShutDown(_) => self.conversation = None,
        }
    }

    /// Carries the conversation on while nothing is asked, until there is news. May be dropped and
    /// called again at any time.
    ///
    /// # Errors
    /// If the system cannot send or receive.
    pub(super) async fn news(&mut self) -> io::Result<News> {
        let tcp = self.config.transport == Transport::Tcp;
        let news = loop {
            let Some(conversation) = &mut self.conversation else { return pending().await };
            match conversation.next_event().await {
                Ok(RequesterEvent::Left(how)) => break Ok(News::Left(how)),
                Ok(RequesterEvent::TurnedAway(why)) => break Ok(News::TurnedAway(why)),
                Ok(RequesterEvent::Unexpected) if tcp && !self.answered => {
                    return Ok(News::Unexpected);
                }
                Ok(event) => Remarks::new(self.arguments, self.clock).event(&event),
                Err(error) => break Err(error),
            }
        };
        self.conversation = None;
        news
    }

    /// Returns the news that has come already, if there is any.
    ///
    /// The runtime asks the system which sockets are readable only between its tasks: so it is given
    /// the chance to.
    pub(super) async fn old_news(&mut self) -> Option<io::Result<News>> {
        tokio::select! {
            biased;
            news = self.news() => Some(news),
            () = tokio::task::yield_now() => None,
        }
    }

    /// Forgets a conversation that both ends know to be over.
    pub(super) fn finish(&mut self) {
        self.conversation = None;
    }

    /// Ends the conversation politely: over TCP with a FIN; over UDP a session with one BYE, which
    /// may be lost.
    pub(super) async fn leave(&mut self) {
        if let Some(conversation) = self.conversation.take()
            && self.arguments.service == ServiceChoice::Chat
        {
            conversation.leave().await;
        }
    }
}

fn not_open() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "no conversation is open")
}
