//! Fetching a file: over TCP one exchange brings all of it; over UDP it is pulled block by block, and
//! what TCP's window does is done here.

mod blocks;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::time::Duration;

use super::{Conversation, Link};
use crate::net::Net;
use crate::protocol::{Ending, Exchange, Purpose, Question, RequesterEvent};
use crate::service::files::{GetRequest, Head, version};
use blocks::Blocks;

/// Where a file goes.
pub trait Sink {
    /// Takes the line before the bytes: which file it is. To be called before any byte comes.
    ///
    /// # Errors
    /// If it is not wanted, or there is no place for it.
    fn head(&mut self, head: &Head<'_>) -> io::Result<()>;

    /// Takes the next bytes, in order.
    ///
    /// # Errors
    /// If there is no place for them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Hears of everything that happens in the conversation meanwhile.
    fn event(&mut self, _event: &RequesterEvent) {}
}

/// How a file is fetched.
#[derive(Debug, Clone, Copy)]
pub struct FetchConfig {
    /// How long one exchange may take; over TCP, how long a piece may keep us waiting.
    pub timeout: Option<Duration>,
    /// Over UDP: exchanges outstanding at once. The requester's window must be as large.
    pub window: usize,
}

/// What came of it.
#[derive(Debug)]
pub enum Fetched {
    /// The sink has every byte from the offset that was asked for to the end.
    Whole,
    /// The server said something else; perhaps after it had sent a part, which the sink has.
    Line(String),
    /// An exchange ended without an answer. What came before is in the sink, without gaps.
    Ended(Ending),
    /// The sink takes no more. Over TCP the rest is still on its way: reset the conversation.
    Unwanted(io::Error),
}

/// Asks for a file, and gives the sink what comes, in order. `request` is a `get`, or text that may
/// name a file. Nothing else may be outstanding in the conversation.
///
/// May be dropped at any time: what the sink has is the beginning of what was asked for.
///
/// # Errors
/// If the system cannot send or receive.
pub async fn fetch<N: Net, S: Sink + ?Sized>(
    conversation: &mut Conversation<N>,
    request: &str,
    config: FetchConfig,
    sink: &mut S,
) -> io::Result<Fetched> {
    let streamed = matches!(conversation.link, Link::Stream(_));
    let asked = ask(conversation, request, config);
    let mut first = First { offset: 0, started: false, received: 0, line: 0 };
    loop {
        let event = conversation.next_event().await?;
        sink.event(&event);
        match event {
            RequesterEvent::Content { id, head, bytes } if id == asked => {
                if let Err(stopped) = first.take(request, &head, &bytes, sink) {
                    return Ok(stopped);
                }
            }
            RequesterEvent::Ended(Exchange { id, ending, .. }) if id == asked => {
                let Ending::Replied(line) = ending else { return Ok(Fetched::Ended(ending)) };
                let Some(head) = Head::parse(&line) else { return Ok(Fetched::Line(line)) };
                if let Err(stopped) = first.take(request, &line, &[], sink) {
                    return Ok(stopped);
                }
                return match streamed {
                    true => Ok(Fetched::Whole),
                    false => pull(conversation, request, &head, &first, config, sink).await,
                };
            }
            _ => {}
        }
    }
}

fn ask<N: Net>(conversation: &mut Conversation<N>, text: &str, config: FetchConfig) -> u32 {
    let deadline = config.timeout.map(|timeout| conversation.clock.now() + timeout);
    conversation.ask(Question { text, purpose: Purpose::Content }, deadline)
}

/// What the first exchange has brought.
struct First {
    offset: u64,
    started: bool,
    received: u64,
    line: usize, // bytes of the line before the bytes, its end included
}

impl First {
    /// Gives the sink what has come.
    fn take<S: Sink + ?Sized>(
        &mut self,
        request: &str,
        line: &str,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(), Fetched> {
        let head = Head::parse(line).ok_or_else(|| not_asked_for(line))?;
        if !self.started {
            self.offset = first_offset(request, &head).ok_or_else(|| not_asked_for(line))?;
            self.line = line.len() + 1;
            self.started = true;
            sink.head(&head).map_err(Fetched::Unwanted)?;
        }
        self.received += bytes.len() as u64;
        if self.received > head.length() - self.offset {
            return Err(not_asked_for(line));
        }
        match bytes.is_empty() {
            true => Ok(()),
            false => sink.write(bytes).map_err(Fetched::Unwanted),
        }
    }
}

/// Returns from which byte on a file comes; `None` if that is not what was asked for.
fn first_offset(request: &str, head: &Head<'_>) -> Option<u64> {
    let get = GetRequest::parse(request);
    let offset = match (get, head) {
        (Some(get), Head::Part { offset, .. }) => {
            (get.version.is_some() && get.offset == *offset).then_some(*offset)
        }
        (Some(get), Head::File { name, .. }) if get.name == *name => Some(get.offset),
        (_, Head::File { .. }) => Some(0),
        (None, Head::Part { .. }) => None,
    }?;
    (offset <= head.length()).then_some(offset)
}

fn not_asked_for(line: &str) -> Fetched {
    let what = format!("the server sent something that was not asked for: {line}");
    Fetched::Ended(Ending::ProtocolError(what))
}

/// Asks for one block after the other, several at once, until the file is whole.
async fn pull<N: Net, S: Sink + ?Sized>(
    conversation: &mut Conversation<N>,
    request: &str,
    head: &Head<'_>,
    first: &First,
    config: FetchConfig,
    sink: &mut S,
) -> io::Result<Fetched> {
    let get = GetRequest::parse(request);
    let (name, version) = match head {
        Head::File { name, digest, .. } => (*name, version(digest)),
        Head::Part { .. } => match get.and_then(|get| Some((get.name, get.version?))) {
            Some(known) => known,
            None => return Ok(not_asked_for(&head.to_string())),
        },
    };
    let next = first.offset + first.received;
    if first.received == 0 && next < head.length() {
        return Ok(not_asked_for(&head.to_string()));
    }
    // The first reply was as full as a reply of this server can be.
    let room = first.line + usize::try_from(first.received).unwrap_or_default();
    let blocks = Blocks::new(next, head.length(), room);
    let mut pulling = Pulling { blocks, asked: BTreeMap::new(), stopped: None };
    loop {
        while let Some(range) = pulling.next(config.window) {
            let wanted = GetRequest { name, offset: range.start, version: Some(version) };
            let id = ask(conversation, &wanted.format(), config);
            pulling.asked.insert(id, Asked { range, bytes: Vec::new() });
        }
        if pulling.asked.is_empty() {
            return Ok(pulling.stopped.unwrap_or(Fetched::Whole));
        }
        let event = conversation.next_event().await?;
        sink.event(&event);
        pulling.take(event, sink);
    }
}

/// Blocks on their way.
struct Pulling {
    blocks: Blocks,
    asked: BTreeMap<u32, Asked>,
    /// Why nothing more is asked for. What is outstanding is waited for, so that the conversation can
    /// go on without it.
    stopped: Option<Fetched>,
}

struct Asked {
    range: Range<u64>,
    bytes: Vec<u8>,
}

impl Pulling {
    fn next(&mut self, window: usize) -> Option<Range<u64>> {
        match self.stopped.is_some() || self.asked.len() >= window.max(1) {
            true => None,
            false => self.blocks.next(),
        }
    }

    fn take<S: Sink + ?Sized>(&mut self, event: RequesterEvent, sink: &mut S) {
        match event {
            RequesterEvent::Content { id, bytes, .. } => {
                if let Some(asked) = self.asked.get_mut(&id) {
                    asked.bytes = bytes;
                }
            }
            RequesterEvent::Ended(exchange) => {
                let Some(asked) = self.asked.remove(&exchange.id) else { return };
                let taken = self.block(asked, exchange.ending, sink);
                self.stopped = self.stopped.take().or(taken.err());
            }
            _ => {}
        }
    }

    /// Takes what one exchange brought; the sink gets what is in order by now.
    fn block<S: Sink + ?Sized>(
        &mut self,
        asked: Asked,
        ending: Ending,
        sink: &mut S,
    ) -> Result<(), Fetched> {
        let Ending::Replied(line) = ending else { return Err(Fetched::Ended(ending)) };
        let (offset, length) = match Head::parse(&line) {
            Some(Head::Part { offset, length }) => (offset, length),
            Some(Head::File { .. }) => return Err(not_asked_for(&line)),
            None => return Err(Fetched::Line(line)),
        };
        let fits = offset == asked.range.start && length == self.blocks.length();
        if !fits || asked.bytes.is_empty() {
            return Err(not_asked_for(&line));
        }
        self.blocks.received(asked.range, asked.bytes);
        while self.stopped.is_none()
            && let Some(bytes) = self.blocks.in_order()
        {
            sink.write(&bytes).map_err(Fetched::Unwanted)?;
        }
        Ok(())
    }
}
