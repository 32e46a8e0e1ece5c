//! The client's side of one TCP connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::peer::Peer;
use crate::protocol::ending::{Closing, Ending, Exchange, RequesterEvent, Transmission};
use crate::protocol::framing::{Decoder, Framing, FramingError};
use crate::protocol::{Input, Purpose, Question, Requester, Transmit};
use crate::service::files::{GetRequest, Head};
use crate::time::{Timestamp, earlier};

/// One connection: requests out, replies in, paired by their order alone. TCP carries no ids;
/// that is why a connection whose deadline has passed is reset and never used again.
#[derive(Debug)]
pub struct StreamRequester {
    server: Peer,
    framing: Framing,
    decoder: Decoder,
    output: Vec<u8>,
    written: usize, // bytes of `output` that have left
    outstanding: VecDeque<Outstanding>,
    /// What the oldest outstanding request brings, once its first line has come.
    content: Option<Incoming>,
    next_id: u32,
    state: State,
    ended: bool, // the server's FIN has come
    /// What the server said that ended the conversation, perhaps before we asked anything.
    last_words: Option<Ending>,
    events: VecDeque<RequesterEvent>,
}

#[derive(Debug)]
struct Outstanding {
    id: u32,
    text: String,
    ends_at: usize, // it has left when so many bytes of `output` have
    left: bool,
    deadline: Option<Timestamp>,
    /// From asking to the deadline: every piece of a content is waited for so long.
    patience: Option<Duration>,
    purpose: Purpose,
}

/// A content on its way to us.
#[derive(Debug)]
struct Incoming {
    head: Arc<str>,
    missing: u64, // bytes
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// A write failed: what is waiting to be read is read before we judge.
    Unwritable,
    /// The conversation is over.
    Over,
}

impl StreamRequester {
    /// The client's half of a connection that was just established.
    pub fn new(server: Peer, framing: Framing, max_message: usize) -> Self {
        // Whatever the client sends, a reply may come from a server that knows no line ends.
        let replies = if framing == Framing::Raw { Framing::Raw } else { Framing::Auto };
        StreamRequester {
            server,
            framing,
            decoder: Decoder::new(replies, max_message),
            output: Vec::new(),
            written: 0,
            outstanding: VecDeque::new(),
            content: None,
            next_id: 0,
            state: State::Open,
            ended: false,
            last_words: None,
            events: VecDeque::new(),
        }
    }

    fn take_replies(&mut self, now: Timestamp) {
        while self.state != State::Over && self.content.is_none() {
            let oldest = self.outstanding.front();
            let (ending, last) = match self.decoder.next_message(now) {
                None => return,
                Some(Ok(reply)) => match reply.strip_prefix("BUSY ") {
                    Some(reason) if !oldest.is_some_and(|oldest| repeats(oldest, reply)) => {
                        (Ending::Busy(reason.to_owned()), true)
                    }
                    _ => (Ending::Replied(reply.to_owned()), false),
                },
                // Half a reply, or half a character, and a FIN: the conversation was broken off,
                // which `closed` says.
                Some(Err(FramingError::Incomplete | FramingError::NotUtf8)) if self.ended => return,
                Some(Err(error)) => {
                    (Ending::ProtocolError(format!("the server's reply is {error}")), true)
                }
            };
            if last {
                if self.outstanding.is_empty() {
                    self.events.push_back(RequesterEvent::TurnedAway(ending.clone()));
                }
                self.last_words = Some(ending.clone());
                self.end_all(|_| ending.clone());
            } else if let Some(content) = oldest.and_then(|oldest| announced(oldest, &ending)) {
                self.content = Some(content);
                self.take_content(&[], now);
            } else if let Some(oldest) = self.outstanding.pop_front() {
                self.ended(&oldest, ending);
            } else {
                self.events.push_back(RequesterEvent::Unexpected);
            }
        }
    }

    /// Takes bytes as they come: lines to the decoder, a content past it.
    fn take(&mut self, mut bytes: &[u8], now: Timestamp) {
        while !bytes.is_empty() {
            if self.content.is_some() {
                bytes = self.take_content(bytes, now);
                continue;
            }
            let brings = |one: &Outstanding| one.purpose == Purpose::Content;
            // Behind the line may stand bytes that are no text.
            let end = match self.outstanding.iter().any(brings) {
                true => memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1),
                false => bytes.len(),
            };
            self.decoder.push(&bytes[..end], now);
            bytes = &bytes[end..];
            self.take_replies(now);
        }
    }

    /// Takes what belongs to the content, and returns the rest.
    fn take_content<'a>(&mut self, bytes: &'a [u8], now: Timestamp) -> &'a [u8] {
        let (Some(content), Some(oldest)) = (&mut self.content, self.outstanding.front_mut())
        else {
            return &[];
        };
        let here = usize::try_from(content.missing).unwrap_or(usize::MAX).min(bytes.len());
        let (piece, rest) = bytes.split_at(here);
        content.missing -= here as u64;
        oldest.deadline = oldest.patience.map(|patience| now + patience);
        if !piece.is_empty() {
            let (id, head, bytes) = (oldest.id, content.head.clone(), piece.to_vec());
            self.events.push_back(RequesterEvent::Content { id, head, bytes });
        }
        if content.missing == 0 {
            let head = content.head.to_string();
            self.content = None;
            if let Some(oldest) = self.outstanding.pop_front() {
                self.ended(&oldest, Ending::Replied(head));
            }
        }
        rest
    }

    fn closed(&mut self, how: Closing) {
        if self.state == State::Over {
            return;
        }
        self.events.push_back(RequesterEvent::Left(how));
        self.end_all(|request| match how {
            Closing::GaveUp => Ending::TimedOut,
            Closing::EndOfStream if request.purpose == Purpose::Shutdown => {
                Ending::ServerShutDown(how)
            }
            // Closed before the request left: then it was not in flight.
            Closing::EndOfStream if !request.left => Ending::ServerShutDown(how),
            _ => Ending::BrokenOff(how),
        });
    }

    fn end_all(&mut self, ending: impl Fn(&Outstanding) -> Ending) {
        self.state = State::Over;
        for request in std::mem::take(&mut self.outstanding) {
            self.ended(&request, ending(&request));
        }
    }

    fn ended(&mut self, request: &Outstanding, ending: Ending) {
        // Part of it may be enough to be executed: only what never left was not tried.
        let attempts = u8::from(request.left || self.written > 0);
        let exchange = Exchange { id: request.id, attempts, retransmissions: 0, ending };
        self.events.push_back(RequesterEvent::Ended(exchange));
    }
}

impl Requester for StreamRequester {
    fn request(
        &mut self,
        question: Question<'_>,
        now: Timestamp,
        deadline: Option<Timestamp>,
    ) -> u32 {
        let Question { text, purpose } = question;
        let id = self.next_id;
        self.next_id += 1;
        // Over TCP the server greets first: there is nothing to send.
        if purpose != Purpose::Hello {
            self.output.extend_from_slice(text.as_bytes());
            if self.framing != Framing::Raw {
                self.output.push(b'\n');
            }
        }
        let ends_at = self.output.len();
        let text = text.to_owned();
        let patience = deadline.map(|deadline| deadline.since(now));
        let left = purpose == Purpose::Hello;
        let request = Outstanding { id, text, ends_at, left, deadline, patience, purpose };
        self.outstanding.push_back(request);
        if self.state == State::Over {
            // It left before we asked: nothing was in flight.
            let left = match self.ended {
                true => Ending::ServerShutDown(Closing::EndOfStream),
                false => Ending::BrokenOff(Closing::Reset),
            };
            let ending = self.last_words.clone().unwrap_or(left);
            self.end_all(|_| ending.clone());
        }
        id
    }

    fn leave(&mut self) {}

    fn receive(&mut self, input: Input<'_>, now: Timestamp) {
        match input {
            Input::Bytes(bytes) => self.take(bytes, now),
            Input::EndOfStream => {
                self.ended = true;
                self.decoder.finish();
                self.take_replies(now);
                self.closed(Closing::EndOfStream);
            }
            Input::Reset => {
                self.take_replies(now);
                self.closed(Closing::Reset);
            }
            Input::GaveUp => {
                self.take_replies(now);
                self.closed(Closing::GaveUp);
            }
        }
    }

    fn refused(&mut self, _now: Timestamp) {
        if self.state == State::Open {
            self.state = State::Unwritable;
        }
    }

    fn poll_transmit(&mut self, _now: Timestamp) -> Option<Transmit<'_>> {
        match self.state {
            State::Open if self.written < self.output.len() => {
                Some(Transmit::Bytes { to: self.server, bytes: &self.output[self.written..] })
            }
            State::Over => Some(Transmit::Close),
            _ => None,
        }
    }

    fn transmitted(&mut self, count: usize, _now: Timestamp) {
        self.written += count;
        for request in &mut self.outstanding {
            if !request.left && request.ends_at <= self.written {
                request.left = true;
                let (attempt, reason) = (1, Transmission::First);
                self.events.push_back(RequesterEvent::Sent { id: request.id, attempt, reason });
            }
        }
        if self.written == self.output.len() {
            self.written = 0;
            self.output.clear();
        }
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        if self.state == State::Over {
            return None;
        }
        let deadline = self.outstanding.iter().filter_map(|request| request.deadline).min();
        earlier(deadline, self.decoder.poll_timeout())
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.take_replies(now);
        let passed = |request: &Outstanding| request.deadline.is_some_and(|limit| limit <= now);
        if self.outstanding.iter().any(passed) {
            self.end_all(|_| Ending::TimedOut);
        }
    }

    fn poll_event(&mut self) -> Option<RequesterEvent> {
        self.events.pop_front()
    }
}

/// Returns whether a reply is the echo of its request, or the chat's acknowledgement of it: a text
/// that happens to begin like a refusal.
fn repeats(request: &Outstanding, reply: &str) -> bool {
    request.text.starts_with("BUSY ") && reply.starts_with(&request.text)
}

/// Returns the content that a reply announces, if it does and was asked for.
fn announced(request: &Outstanding, ending: &Ending) -> Option<Incoming> {
    let Ending::Replied(line) = ending else { return None };
    let head = Head::parse(line).filter(|_| request.purpose == Purpose::Content)?;
    let offset = match head {
        Head::Part { offset, .. } => offset,
        // Of another name than was asked for: the offset was taken for a part of the name.
        Head::File { name, .. } => GetRequest::parse(&request.text)
            .filter(|get| get.name == name)
            .map_or(0, |get| get.offset),
    };
    let missing = head.length().saturating_sub(offset);
    Some(Incoming { head: line.as_str().into(), missing })
}
