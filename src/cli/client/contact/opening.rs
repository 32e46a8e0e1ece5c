//! How a conversation begins: a connection over TCP, nothing over UDP, and in a chat a name.

use std::io;

use super::Contact;
use crate::cli::client::say::Remarks;
use crate::cli::server::ServiceChoice;
use crate::client::{Conversation, Outcome};
use crate::escape::escape;
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::protocol::{Ending, Exchange, Question};
use crate::time::Timestamp;

impl Contact<'_> {
    /// Opens a conversation: the addresses are tried in order, all until `deadline`. Returns the
    /// last outcome if there is none to be had.
    ///
    /// # Errors
    /// If the system cannot make, use or keep a socket.
    pub(in crate::cli::client) async fn open(
        &mut self,
        deadline: Option<Timestamp>,
    ) -> io::Result<Result<(), Outcome>> {
        let began = self.clock.now();
        self.answered = false;
        let mut last = None;
        for left in (1..=self.servers.len()).rev() {
            // A handshake that nobody answers must leave time for the addresses that are left.
            let now = self.clock.now();
            let left = u32::try_from(left).unwrap_or(1);
            let connected_by = deadline.map(|deadline| now + deadline.since(now) / left);
            let exchange = match self.open_first(connected_by, deadline).await {
                Ok(Ok(())) => return Ok(Ok(())),
                Ok(Err(exchange)) => exchange,
                Err(error) => {
                    last = last.or(Some(Err(error)));
                    self.servers.rotate_left(1);
                    continue;
                }
            };
            let not_there = exchange.attempts == 0 || exchange.ending == Ending::Refused;
            let elapsed = self.clock.now().since(began);
            let outcome = Outcome { server: self.servers[0], exchange, elapsed };
            if !not_there {
                return Ok(Err(outcome));
            }
            last = Some(Ok(outcome));
            self.servers.rotate_left(1);
        }
        match last {
            Some(Ok(outcome)) => Ok(Err(outcome)),
            Some(Err(error)) => Err(error),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        }
    }

    async fn open_first(
        &mut self,
        connected_by: Option<Timestamp>,
        deadline: Option<Timestamp>,
    ) -> io::Result<Result<(), Exchange>> {
        let (clock, server) = (self.clock, self.servers[0]);
        let (config, random) = (&self.config, &mut self.random);
        let opened =
            Conversation::open_within(&Kernel, server, config, clock, connected_by, random);
        match opened.await? {
            Ok(conversation) => self.conversation = Some(conversation),
            Err(ending) => {
                return Ok(Err(Exchange { id: 0, attempts: 0, retransmissions: 0, ending }));
            }
        }
        let remarks = Remarks::new(self.arguments, clock);
        if self.arguments.service != ServiceChoice::Chat {
            remarks.text(&match self.config.transport {
                Transport::Tcp => format!("Connected to server at {server}"),
                Transport::Udp => {
                    "No connection to set up: the first message is the first datagram".to_owned()
                }
            });
            return Ok(Ok(()));
        }
        let exchange = self.exchange(Question::HELLO, deadline).await?;
        let Ending::Replied(name) = &exchange.ending else {
            // Perhaps the session is open, and only its WELCOME was lost.
            self.leave().await;
            return Ok(Err(exchange));
        };
        remarks.text(&match self.config.transport {
            Transport::Tcp => format!("Connected as {name}"),
            Transport::Udp => {
                format!("Welcome as {name}: a session that the two programs keep, UDP keeps none")
            }
        });
        Ok(Ok(()))
    }
}

/// Returns whether this is a name that a chat gives: `Client` and a number.
pub(in crate::cli::client) fn is_name(text: &str) -> bool {
    let number = text.strip_prefix("Client").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Makes sure that a greeting is a name. Another server may speak first, too.
pub(super) fn greeted(ending: Ending) -> Ending {
    let Ending::Replied(name) = &ending else { return ending };
    if is_name(name) {
        return ending;
    }
    let what = match name.strip_prefix("ERR ") {
        Some(reason) => format!("the server says that {}", escape(reason)),
        None => format!("the server greets us with \"{}\"", escape(name)),
    };
    Ending::ProtocolError(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_a_number_is_a_greeting() {
        let name = Ending::Replied("Client100".to_owned());
        assert_eq!(greeted(name.clone()), name);
        for other in ["", "Client", "Client1x", "SSH-2.0-OpenSSH_9.2", "ERR this service has none"]
        {
            let ending = greeted(Ending::Replied(other.to_owned()));
            assert!(matches!(ending, Ending::ProtocolError(_)), "{other}");
        }
        assert_eq!(greeted(Ending::TimedOut), Ending::TimedOut);
    }
}
