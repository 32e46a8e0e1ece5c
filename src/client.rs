//! The client: one loop for both transports.
//!
//! A [`Conversation`] is a socket and the protocol's half of the client; it carries bytes between
//! the two and reports what happens. [`ask_once`] is the whole way of a single exchange: connect
//! if the transport connects, ask, wait for the end.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

use crate::net::{Net, Received, Stream, Udp};
use crate::peer::{Peer, Transport};
use crate::protocol::datagram::{DatagramRequester, RequesterConfig};
use crate::protocol::framing::Framing;
use crate::protocol::parameters::{MAX_MESSAGE, TIMEOUT};
use crate::protocol::stream::StreamRequester;
use crate::protocol::{Ending, Exchange, Input, Requester, RequesterEvent, Transmit};
use crate::time::{Clock, Timestamp};

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Over which transport.
    pub transport: Transport,
    /// One deadline for one exchange, connecting included; `None` waits as long as the transport.
    pub timeout: Option<Duration>,
    /// Over TCP: how bytes become messages.
    pub framing: Framing,
    /// Longest message, in bytes.
    pub max_message: usize,
    /// Over UDP: how datagrams are treated.
    pub datagram: RequesterConfig,
}

impl ClientConfig {
    /// The defaults, over `transport`.
    pub fn new(transport: Transport) -> Self {
        ClientConfig {
            transport,
            timeout: Some(TIMEOUT),
            framing: Framing::default(),
            max_message: MAX_MESSAGE,
            datagram: RequesterConfig::default(),
        }
    }
}

/// A conversation with a server.
pub struct Conversation<N: Net> {
    link: Link<N>,
    requester: Box<dyn Requester>,
    clock: Clock,
    buffer: Box<[u8]>,
}

enum Link<N: Net> {
    Stream(N::Stream),
    Datagrams(N::Udp),
}

/// As much as one read can return: a whole datagram, whatever its length.
const READ_BUFFER: usize = 64 * 1024; // bytes

impl<N: Net> Conversation<N> {
    /// Connects over TCP; over UDP there is nothing to connect, only a socket to open.
    ///
    /// # Errors
    /// If the connection is refused, or the system cannot make it.
    pub async fn open(
        net: &N,
        server: SocketAddr,
        config: &ClientConfig,
        clock: Clock,
        random: &mut ChaCha8Rng,
    ) -> io::Result<Self> {
        let buffer = vec![0; READ_BUFFER].into_boxed_slice();
        let (link, requester): (_, Box<dyn Requester>) = match config.transport {
            Transport::Tcp => {
                let stream = net.connect(server).await?;
                let peer = Peer::tcp(server);
                let requester = StreamRequester::new(peer, config.framing, config.max_message);
                (Link::Stream(stream), Box::new(requester))
            }
            Transport::Udp => {
                let socket = net.bind_connected(server)?;
                let names = (random.next_u32(), random.next_u32());
                let own = ChaCha8Rng::from_rng(random);
                let config = config.datagram.clone();
                let requester = DatagramRequester::new(Peer::udp(server), config, names, own);
                (Link::Datagrams(socket), Box::new(requester))
            }
        };
        Ok(Conversation {
            link,
            requester,
            clock,
            buffer,
        })
    }

    /// Asks. The end comes as an event with the returned number.
    pub fn ask(&mut self, text: &str, deadline: Option<Timestamp>, stops_server: bool) -> u32 {
        self.requester
            .request(text, self.clock.now(), deadline, stops_server)
    }

    /// Carries bytes until something happens. May be dropped and called again at any time.
    ///
    /// # Errors
    /// If the system cannot send or receive; what the server does is an event.
    pub async fn next_event(&mut self) -> io::Result<RequesterEvent> {
        loop {
            if let Some(event) = self.requester.poll_event() {
                return Ok(event);
            }
            let due = self.requester.poll_timeout();
            let sleep = self.clock.sleep_until(due.unwrap_or_default());
            tokio::select! {
                biased;
                carried = poll_fn(|cx| self.carry(cx)) => carried?,
                () = sleep, if due.is_some() => self.requester.handle_timeout(self.clock.now()),
            }
        }
    }

    /// Ends the conversation at once: over TCP with a reset, so that no late reply can be taken
    /// for the next one's.
    pub fn reset(self) {
        if let Link::Stream(stream) = self.link {
            stream.reset();
        }
    }

    /// Sends what there is to send, then receives once, if only something happened.
    fn carry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = self.clock.now();
        while let Some(transmit) = self.requester.poll_transmit(now) {
            let Transmit::Bytes { bytes, .. } = transmit else {
                return Poll::Pending;
            };
            let sent = match &mut self.link {
                Link::Stream(stream) => stream.poll_write(cx, bytes),
                Link::Datagrams(socket) => socket.poll_send(cx, bytes).map_ok(|()| bytes.len()),
            };
            match (sent, &self.link) {
                (Poll::Pending, _) => break,
                (Poll::Ready(Ok(count)), _) => {
                    self.requester.transmitted(count, now);
                    return Poll::Ready(Ok(()));
                }
                (Poll::Ready(Err(_)), Link::Stream(_)) => self.requester.refused(now),
                (Poll::Ready(Err(error)), Link::Datagrams(_)) => {
                    refused_or(error, &mut *self.requester, now)?;
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let received = match &mut self.link {
            Link::Stream(stream) => ready!(stream.poll_read(cx, &mut self.buffer)),
            Link::Datagrams(socket) => ready!(socket.poll_receive(cx, &mut self.buffer))
                .map(|(count, _)| Received::Bytes(count)),
        };
        let now = self.clock.now();
        let input = match (received, &self.link) {
            (Ok(Received::Bytes(count)), _) => Input::Bytes(&self.buffer[..count]),
            (Ok(Received::EndOfStream), _) => Input::EndOfStream,
            (Err(_), Link::Stream(_)) => Input::Reset,
            (Err(error), Link::Datagrams(_)) => {
                refused_or(error, &mut *self.requester, now)?;
                return Poll::Ready(Ok(()));
            }
        };
        self.requester.receive(input, now);
        Poll::Ready(Ok(()))
    }
}

/// A connected UDP socket reports an ICMP port unreachable as "connection refused", at the next
/// call, whatever that is (RFC 1122 section 4.1.3.3).
fn refused_or(error: io::Error, requester: &mut dyn Requester, now: Timestamp) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
            requester.refused(now);
            Ok(())
        }
        // Reported by routers about an earlier datagram: no verdict, the timers go on.
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Ok(()),
        _ => Err(error),
    }
}

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

/// A finished exchange, and how long it took from the decision to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exchange.
    pub exchange: Exchange,
    /// Connecting included.
    pub elapsed: Duration,
}

/// One question, to be asked in a conversation of its own.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The request.
    pub text: &'a str,
    /// Whether it asks the server to stop.
    pub stops_server: bool,
}

/// Asks one question in a conversation of its own. The addresses are tried in order, all within
/// one deadline.
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
        let now = clock.now();
        // What is left of the time is shared by the addresses that are left.
        let left = config
            .timeout
            .map(|timeout| timeout.saturating_sub(now.since(asked)));
        let share = |left: Duration| left / u32::try_from(servers.len() - index).unwrap_or(1);
        let deadline = left.map(|left| now + share(left));
        let exchange = ask_at(
            net, *server, config, question, deadline, clock, random, progress,
        );
        match exchange.await {
            Ok(exchange) => {
                let not_there = exchange.ending == Ending::Refused;
                let elapsed = clock.now().since(asked);
                last = Some(Ok(Outcome { exchange, elapsed }));
                if !not_there {
                    break;
                }
            }
            Err(error) => last = Some(Err(error)),
        }
    }
    last.unwrap_or_else(|| {
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ))
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of ask_once, for one address"
)]
async fn ask_at<N: Net>(
    net: &N,
    server: SocketAddr,
    config: &ClientConfig,
    question: Question<'_>,
    deadline: Option<Timestamp>,
    clock: Clock,
    random: &mut ChaCha8Rng,
    progress: &mut impl FnMut(Progress),
) -> io::Result<Exchange> {
    let not_sent = |ending| Exchange {
        id: 0,
        attempts: 0,
        retransmissions: 0,
        ending,
    };
    if config.transport == Transport::Tcp {
        progress(Progress::Connecting);
    }
    let opened = tokio::select! {
        biased;
        opened = Conversation::open(net, server, config, clock, random) => opened,
        () = clock.sleep_until(deadline.unwrap_or_default()), if deadline.is_some() => {
            return Ok(not_sent(Ending::TimedOut));
        }
    };
    let mut conversation = match opened {
        Ok(conversation) => conversation,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::ConnectionRefused => Ok(not_sent(Ending::Refused)),
                io::ErrorKind::TimedOut => Ok(not_sent(Ending::TimedOut)),
                _ => Err(error),
            };
        }
    };
    progress(match config.transport {
        Transport::Tcp => Progress::Connected,
        Transport::Udp => Progress::NothingToConnect,
    });
    conversation.ask(question.text, deadline, question.stops_server);
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
