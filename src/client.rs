//! The client: one loop for both transports.
//!
//! A [`Conversation`] is a socket and the protocol's half of the client; it carries bytes between
//! the two and reports what happens. [`ask_once`] is the whole way of a single exchange: connect
//! if the transport connects, ask, wait for the end.

pub mod fetch;
mod once;

pub use once::{Outcome, Progress, ask_once};

use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

use crate::net::{Net, Received, Stream, Udp};
use crate::peer::{Peer, Transport};
use crate::protocol::datagram::{DatagramRequester, RequesterConfig};
use crate::protocol::framing::Framing;
use crate::protocol::parameters::{MAX_MESSAGE, TIMEOUT};
use crate::protocol::stream::StreamRequester;
use crate::protocol::{Closing, Ending, Input, Question, Requester, RequesterEvent, Transmit};
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
    broken: bool, // a write has failed
}

enum Link<N: Net> {
    Stream(N::Stream),
    Datagrams(Arc<N::Udp>),
}

/// How long a BYE may wait for room in the socket.
const LAST_WORD: Duration = Duration::from_millis(100);

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
                (Link::Datagrams(Arc::new(socket)), Box::new(requester))
            }
        };
        Ok(Conversation { link, requester, clock, buffer, broken: false })
    }

    /// Opens a conversation until `deadline`; if that fails for a reason that ends an exchange,
    /// returns the ending.
    ///
    /// # Errors
    /// If the system cannot make the socket.
    pub async fn open_within(
        net: &N,
        server: SocketAddr,
        config: &ClientConfig,
        clock: Clock,
        deadline: Option<Timestamp>,
        random: &mut ChaCha8Rng,
    ) -> io::Result<Result<Self, Ending>> {
        let opened = tokio::select! {
            biased;
            opened = Conversation::open(net, server, config, clock, random) => opened,
            () = clock.sleep_until(deadline.unwrap_or_default()), if deadline.is_some() => {
                return Ok(Err(Ending::TimedOut));
            }
        };
        match opened {
            Ok(conversation) => Ok(Ok(conversation)),
            Err(error) => ending_of(&error).map(Err).ok_or(error),
        }
    }

    /// Asks. The end comes as an event with the returned number.
    pub fn ask(&mut self, question: Question<'_>, deadline: Option<Timestamp>) -> u32 {
        self.requester.request(question, self.clock.now(), deadline)
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
            let refusal = refusal(&self.link);
            tokio::select! {
                biased;
                carried = poll_fn(|cx| self.carry(cx)) => carried?,
                error = refusal => refused_or(error, &mut *self.requester, self.clock.now())?,
                () = sleep, if due.is_some() => self.requester.handle_timeout(self.clock.now()),
            }
        }
    }

    /// Says that nothing more will be asked, and still listens: over TCP with a FIN (half-close),
    /// once what was asked has left. Over UDP there is no way to say it.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.link {
            Link::Stream(stream) => stream.finish(),
            Link::Datagrams(_) => Ok(()),
        }
    }

    /// Says goodbye and ends the conversation: over TCP closing it says so, over UDP one BYE, which
    /// may be lost.
    pub async fn leave(mut self) {
        self.requester.leave();
        let clock = self.clock;
        let bye = async {
            while self.requester.poll_transmit(clock.now()).is_some()
                && matches!(self.link, Link::Datagrams(_))
            {
                // If it cannot be sent it is lost, like any other datagram.
                if poll_fn(|cx| self.carry(cx)).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            biased;
            () = bye => {}
            () = clock.sleep_until(clock.now() + LAST_WORD) => {}
        }
    }

    /// Ends the conversation at once: over TCP with a reset, so that no late reply can be taken
    /// for the next one's.
    pub fn reset(self) {
        if let Link::Stream(stream) = self.link {
            stream.reset();
        }
    }

    /// Receives or sends, once; what has come goes first, for a FIN that came before we asked is no
    /// answer to our question.
    fn carry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Conversation { link, requester, clock, buffer, broken } = self;
        match link {
            Link::Stream(stream) => {
                carry_stream(cx, stream, &mut **requester, *clock, buffer, broken).map(Ok)
            }
            Link::Datagrams(socket) => {
                carry_datagrams(cx, &**socket, &mut **requester, *clock, buffer)
            }
        }
    }
}

/// Returns how an exchange ends for which no connection could be made; nothing if it was no peer and
/// no network that prevented it.
pub(crate) fn ending_of(error: &io::Error) -> Option<Ending> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Ending::Refused),
        io::ErrorKind::TimedOut => Some(Ending::TimedOut),
        // Reset between the handshake and our first word.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Some(Ending::BrokenOff(Closing::Reset))
        }
        _ => None,
    }
}

fn carry_stream<S: Stream>(
    cx: &mut Context<'_>,
    stream: &mut S,
    requester: &mut dyn Requester,
    clock: Clock,
    buffer: &mut [u8],
    broken: &mut bool,
) -> Poll<()> {
    // Over: behind the end of the stream every read would return at once, for ever. Only a new
    // question changes anything, and that takes whoever waits here.
    let now = clock.now();
    if requester.poll_transmit(now) == Some(Transmit::Close) {
        return Poll::Pending;
    }
    if let Poll::Ready(received) = stream.poll_read(cx, buffer) {
        let input = match received {
            Ok(Received::Bytes(count)) => Input::Bytes(&buffer[..count]),
            // The reset was told to our write: what is left to read is only the end.
            Ok(Received::EndOfStream) if *broken => Input::Reset,
            Ok(Received::EndOfStream) => Input::EndOfStream,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Input::GaveUp,
            Err(_) => Input::Reset,
        };
        requester.receive(input, now);
        return Poll::Ready(());
    }
    let Some(Transmit::Bytes { bytes, .. }) = requester.poll_transmit(now) else {
        return Poll::Pending;
    };
    match ready!(stream.poll_write(cx, bytes)) {
        Ok(count) => requester.transmitted(count, now),
        Err(error) => {
            *broken = error.kind() == io::ErrorKind::ConnectionReset;
            requester.refused(now);
        }
    }
    Poll::Ready(())
}

fn carry_datagrams<U: Udp>(
    cx: &mut Context<'_>,
    socket: &U,
    requester: &mut dyn Requester,
    clock: Clock,
    buffer: &mut [u8],
) -> Poll<io::Result<()>> {
    let now = clock.now();
    if let Poll::Ready(received) = socket.poll_receive(cx, buffer) {
        match received {
            Ok((count, _)) => requester.receive(Input::Bytes(&buffer[..count]), now),
            Err(error) => refused_or(error, requester, now)?,
        }
        return Poll::Ready(Ok(()));
    }
    let Some(Transmit::Bytes { bytes, .. }) = requester.poll_transmit(now) else {
        return Poll::Pending;
    };
    let length = bytes.len();
    match ready!(socket.poll_send(cx, bytes)) {
        // No way to the server at the moment: lost like any other datagram, the timers go on.
        Err(error) if is_no_way(&error) => requester.transmitted(length, now),
        Err(error) => refused_or(error, requester, now)?,
        Ok(()) => requester.transmitted(length, now),
    }
    Poll::Ready(Ok(()))
}

/// Waits for a refusal over UDP; over TCP, reading meets it.
fn refusal<N: Net>(link: &Link<N>) -> impl Future<Output = io::Error> + use<N> {
    let socket = match link {
        Link::Stream(_) => None,
        Link::Datagrams(socket) => Some(socket.clone()),
    };
    async {
        match socket {
            Some(socket) => socket.refusal().await,
            None => pending().await,
        }
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
        // Reported by routers about an earlier datagram: no verdict.
        _ if is_no_way(&error) => Ok(()),
        _ => Err(error),
    }
}

/// Returns whether the system knows no way to the server at the moment.
pub(crate) fn is_no_way(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable};
    matches!(error.kind(), HostUnreachable | NetworkDown | NetworkUnreachable)
}
