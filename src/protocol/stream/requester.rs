//! The client's side of one TCP connection.

use std::collections::VecDeque;

use crate::peer::Peer;
use crate::protocol::ending::{Closing, Ending, Exchange, RequesterEvent, Transmission};
use crate::protocol::framing::{Decoder, Framing, FramingError};
use crate::protocol::{Input, Requester, Transmit};
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
    stops_server: bool,
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
            next_id: 0,
            state: State::Open,
            ended: false,
            last_words: None,
            events: VecDeque::new(),
        }
    }

    fn take_replies(&mut self, now: Timestamp) {
        while self.state != State::Over {
            let oldest = self.outstanding.front();
            let (ending, last) = match self.decoder.next_message(now) {
                None => return,
                Some(Ok(reply)) => match reply.strip_prefix("BUSY ") {
                    // A reply equal to its request is the echo.
                    Some(reason) if oldest.is_none_or(|oldest| oldest.text != reply) => {
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
                self.last_words = Some(ending.clone());
                self.end_all(|_| ending.clone());
            } else if let Some(oldest) = self.outstanding.pop_front() {
                self.ended(&oldest, ending);
            } else {
                self.events.push_back(RequesterEvent::Unexpected);
            }
        }
    }

    fn closed(&mut self, how: Closing) {
        if self.state == State::Over {
            return;
        }
        self.events.push_back(RequesterEvent::Left(how));
        self.end_all(|request| match how {
            Closing::GaveUp => Ending::TimedOut,
            Closing::EndOfStream if request.stops_server => Ending::ServerShutDown(how),
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
        text: &str,
        _now: Timestamp,
        deadline: Option<Timestamp>,
        stops_server: bool,
    ) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.output.extend_from_slice(text.as_bytes());
        if self.framing != Framing::Raw {
            self.output.push(b'\n');
        }
        let ends_at = self.output.len();
        let text = text.to_owned();
        let request = Outstanding { id, text, ends_at, left: false, deadline, stops_server };
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

    fn receive(&mut self, input: Input<'_>, now: Timestamp) {
        match input {
            Input::Bytes(bytes) => {
                self.decoder.push(bytes, now);
                self.take_replies(now);
            }
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
