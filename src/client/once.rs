//! One question, in a conversation of its own: connect if the transport connects, ask, wait for the
//! end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;

use super::{ClientConfig, Conversation};
use crate::net::Net;
use crate::peer::Transport;
use crate::protocol::{Ending, Exchange, Question, RequesterEvent};
use crate::time::{Clock, Timestamp};

/// What [`ask_once`] reports on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The handshake begins; over UDP there is none, and this is not reported.
    Connecting,
    /// The handshake is done.
    Connected,
    /// Over UDP: a socket is open, nothing was sent.
    NothingToConnect,
    /// The exchange goes on.
    Exchange(RequesterEvent),
}

/// A finished exchange, with whom, and how long it took from the decision to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The address at which it ended.
    pub server: SocketAddr,
    /// The exchange.
    pub exchange: Exchange,
    /// Connecting included.
    pub elapsed: Duration,
}

/// Asks one question in a conversation of its own. The addresses are tried in order, all within
/// one deadline, until the question has left for one of them.
///
/// # Errors
/// If the system cannot make, use or keep a socket; how the exchange ends is no error.
pub async fn ask_once<N: Net>(
    net: &N,
    servers: &[SocketAddr],
    config: &ClientConfig,
    question: Question<'_>,
    clock: Clock,
    random: &mut ChaCha8Rng,
    progress: &mut impl FnMut(Progress),
) -> io::Result<Outcome> {
    let asked = clock.now();
    let mut last = None;
    for (index, server) in servers.iter().enumerate() {
        let deadline = config.timeout.map(|timeout| asked + timeout);
        // A handshake that nobody answers must leave time for the addresses that are left.
        let now = clock.now();
        let left = u32::try_from(servers.len() - index).unwrap_or(1);
        let connected_by = deadline.map(|deadline| now + deadline.since(now) / left);
        let deadlines = (connected_by, deadline);
        let exchange = ask_at(net, *server, config, question, deadlines, clock, random, progress);
        match exchange.await {
            Ok(exchange) => {
                let not_there = exchange.attempts == 0 || exchange.ending == Ending::Refused;
                last = Some(Ok(Outcome {
                    server: *server,
                    exchange,
                    elapsed: clock.now().since(asked),
                }));
                if !not_there {
                    break;
                }
            }
            Err(error) => last = last.filter(Result::is_ok).or(Some(Err(error))),
        }
    }
    last.unwrap_or_else(|| Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

#[expect(clippy::too_many_arguments, reason = "the arguments of ask_once, for one address")]
async fn ask_at<N: Net>(
    net: &N,
    server: SocketAddr,
    config: &ClientConfig,
    question: Question<'_>,
    (connected_by, deadline): (Option<Timestamp>, Option<Timestamp>),
    clock: Clock,
    random: &mut ChaCha8Rng,
    progress: &mut impl FnMut(Progress),
) -> io::Result<Exchange> {
    if config.transport == Transport::Tcp {
        progress(Progress::Connecting);
    }
    let opened =
        Conversation::open_within(net, server, config, clock, connected_by, random).await?;
    let mut conversation = match opened {
        Ok(conversation) => conversation,
        Err(ending) => {
            return Ok(Exchange { id: 0, attempts: 0, retransmissions: 0, ending });
        }
    };
    progress(match config.transport {
        Transport::Tcp => Progress::Connected,
        Transport::Udp => Progress::NothingToConnect,
    });
    conversation.ask(question, deadline);
    loop {
        let event = conversation.next_event().await?;
        progress(Progress::Exchange(event.clone()));
        if let RequesterEvent::Ended(exchange) = event {
            if exchange.ending == Ending::TimedOut {
                conversation.reset();
            }
            return Ok(exchange);
        }
    }
}
