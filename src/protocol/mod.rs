//! What is said on the wire, without any wire: state machines that are told the time and given
//! their randomness.
//!
//! The server's half of a conversation is a [`Session`], the client's half a [`Requester`]; each
//! comes once for TCP ([`stream`]) and once for UDP ([`datagram`]). Both speak the same verbs:
//! `receive`, `poll_transmit`, `poll_timeout`, `handle_timeout`, `poll_event`. The first two
//! differ in what the transports leave to the program, and that difference is the lesson.

pub mod datagram;
mod ending;
pub mod event;
pub mod framing;
pub mod parameters;
pub mod stream;

pub use ending::{Closing, Ending, Exchange, RequesterEvent, Transmission, Unknown};

use crate::peer::Peer;
use crate::service::Service;
use crate::time::Timestamp;
use event::Event;

/// What came from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Bytes of the stream, or one whole datagram (which may be empty).
    Bytes(&'a [u8]),
    /// A FIN: the peer will say no more, but may still listen.
    EndOfStream,
    /// A RST: the conversation is gone, and perhaps bytes with it.
    Reset,
    /// Our own stack has given the connection up: nothing came back for too long (RFC 9293 section
    /// 3.8.3, R2).
    GaveUp,
}

/// What a state machine wants done with its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transmit<'a> {
    /// Send these bytes; then say how many left with `transmitted`.
    Bytes {
        /// To whom.
        to: Peer,
        /// A piece of the stream, or one whole datagram.
        bytes: &'a [u8],
    },
    /// Close our direction with a FIN; the peer's may still flow.
    HalfClose,
    /// The conversation is over: drop the socket.
    Close,
}

/// The server's side of a conversation: one for each TCP connection, one for each UDP socket.
pub trait Session: Send {
    /// Takes what came `from` a peer and has the service execute what is complete.
    fn receive(&mut self, from: Peer, input: Input<'_>, now: Timestamp, service: &mut dyn Service);

    /// Returns what to send next, until [`transmitted`](Session::transmitted) says that it left.
    /// Ask after `receive`, `handle_timeout` and `shutdown`, until there is none.
    fn poll_transmit(&mut self) -> Option<Transmit<'_>>;

    /// Takes note that `count` bytes of what [`poll_transmit`](Session::poll_transmit) returned
    /// have left (0 for what is not bytes).
    fn transmitted(&mut self, count: usize, now: Timestamp);

    /// Returns when to call `handle_timeout`. Calling it early does no harm.
    fn poll_timeout(&self) -> Option<Timestamp>;

    /// Does what has become due by `now`.
    fn handle_timeout(&mut self, now: Timestamp, service: &mut dyn Service);

    /// Returns what happened, for the transcript. Kept only if someone listens.
    fn poll_event(&mut self) -> Option<Event>;

    /// Begins to leave: accepted requests are still answered, until `drain` from now at most.
    fn shutdown(&mut self, now: Timestamp, drain: std::time::Duration);

    /// Returns whether a peer asked the server to stop, and may.
    fn wants_shutdown(&self) -> bool;
}

/// What a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The request; nothing for a [`Purpose::Hello`].
    pub text: &'a str,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a request is for, as far as the transport's half must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// It is answered by a line.
    #[default]
    Line,
    /// It opens the session that the service wants: over UDP a HELLO; over TCP the server greets
    /// whoever connects. The answer is the name that the server gives us.
    Hello,
    /// It may be answered by a line and a file's bytes.
    Content,
    /// It asks the server to stop, so that its leaving is no surprise.
    Shutdown,
}

impl<'a> Question<'a> {
    /// A question that is answered by a line.
    pub const fn line(text: &'a str) -> Self {
        Question { text, purpose: Purpose::Line }
    }

    /// What a client says first where the service has sessions.
    pub const HELLO: Question<'static> = Question { text: "", purpose: Purpose::Hello };
}

/// The client's side of a conversation.
pub trait Requester: Send {
    /// Asks. The answer, or its absence, comes as an event with the returned number. `deadline` is
    /// when to give up; every piece of a content moves it on.
    fn request(
        &mut self,
        question: Question<'_>,
        now: Timestamp,
        deadline: Option<Timestamp>,
    ) -> u32;

    /// Says goodbye, if there is a way to say it: over UDP one BYE. Over TCP closing says it.
    fn leave(&mut self);

    /// Takes what came from the server.
    fn receive(&mut self, input: Input<'_>, now: Timestamp);

    /// Takes note that the network does not take what we send: over UDP nobody listens at the
    /// server's port; over TCP the connection is gone, and what waits to be read is read before
    /// we judge.
    fn refused(&mut self, now: Timestamp);

    /// Returns what to send next, as [`Session::poll_transmit`].
    fn poll_transmit(&mut self, now: Timestamp) -> Option<Transmit<'_>>;

    /// As [`Session::transmitted`].
    fn transmitted(&mut self, count: usize, now: Timestamp);

    /// As [`Session::poll_timeout`].
    fn poll_timeout(&self) -> Option<Timestamp>;

    /// As [`Session::handle_timeout`].
    fn handle_timeout(&mut self, now: Timestamp);

    /// Returns what happened.
    fn poll_event(&mut self) -> Option<RequesterEvent>;
}
