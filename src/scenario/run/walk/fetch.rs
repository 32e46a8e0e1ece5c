//! A client that gets the server's file. It keeps nothing of it but its SHA-256.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest, Sha256};

use super::super::NO_DEADLINE;
use super::{Client, Pending, Surroundings};
use crate::client::fetch::{FetchConfig, Fetched, Sink, fetch};
use crate::net::Net;
use crate::protocol::{Ending, Exchange, RequesterEvent, Transmission};
use crate::scenario::log::{ExchangeLog, FetchLog};
use crate::scenario::words::thousands;
use crate::service::files::{GetRequest, Head, hexadecimal};
use crate::testbed::FILE;
use crate::time::Timestamp;

impl<N: Net> Client<N> {
    /// Gets the server's file, and checks it against the SHA-256 that was announced.
    pub(super) async fn fetch(&mut self) -> io::Result<()> {
        let (asked, deadline) = (self.around.clock.now(), self.deadline());
        let request = GetRequest { name: FILE, offset: 0, version: None }.format();
        let mut receiver = Receiver::new(self.around.clone(), request.clone());
        if self.conversation.is_none()
            && let Err(ending) = self.open(deadline).await?
        {
            self.not_begun(0, Some(&request), asked, ending.clone());
            self.fetched(receiver, asked, Some(ending));
            return Ok(());
        }
        let Some(conversation) = &mut self.conversation else { return Ok(()) };
        let config = FetchConfig {
            timeout: Some(self.around.config.timeout.unwrap_or(NO_DEADLINE)),
            window: self.around.config.datagram.window,
        };
        let failed = match fetch(conversation, &request, config, &mut receiver).await? {
            Fetched::Whole => None,
            Fetched::Line(line) => Some(Ending::ProtocolError(line)),
            Fetched::Ended(ending) => Some(ending),
            Fetched::Unwanted(error) => return Err(error),
        };
        self.fetched(receiver, asked, failed);
        Ok(())
    }

    /// Takes note of what came of it.
    fn fetched(&mut self, receiver: Receiver, asked: Timestamp, failed: Option<Ending>) {
        let Receiver { digest, announced, bytes, exchanges, notes, .. } = receiver;
        self.log.notes.extend(notes);
        let intact = match &failed {
            None => announced.map(|announced| announced == hexadecimal(&digest.finalize())),
            Some(_) => None,
        };
        let came = thousands(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.remark(match (intact, &failed) {
            (Some(true), _) => format!("{FILE}: {came} bytes, SHA-256 as announced"),
            (Some(false), _) => format!("{FILE}: {came} bytes, SHA-256 not as announced"),
            (None, Some(ending)) => {
                format!("{FILE}: {came} bytes, then {}", ending.name().replace('_', " "))
            }
            (None, None) => format!("{FILE}: {came} bytes"),
        });
        let retransmissions = exchanges.iter().map(|one| usize::from(one.retransmissions)).sum();
        let ended = self.around.clock.now();
        let count = exchanges.len();
        let log =
            FetchLog { asked, ended, bytes, intact, exchanges: count, retransmissions, failed };
        if log.failed.is_some() {
            self.reset();
        }
        self.log.fetched.push(log);
        self.log.exchanges.extend(exchanges);
    }
}

/// Takes a file's bytes and forgets them, and notes each exchange that brought some.
struct Receiver {
    around: Surroundings,
    request: String,
    digest: Sha256,
    announced: Option<String>,
    bytes: u64,
    /// By their ids in the conversation.
    pending: BTreeMap<u32, Pending>,
    begun: usize,
    exchanges: Vec<ExchangeLog>,
    notes: Vec<(Timestamp, String)>,
}

impl Receiver {
    fn new(around: Surroundings, request: String) -> Self {
        Receiver {
            around,
            request,
            digest: Sha256::new(),
            announced: None,
            bytes: 0,
            pending: BTreeMap::new(),
            begun: 0,
            exchanges: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes note that a request for the file, or for a block of it, left.
    fn sent(&mut self, id: u32, reason: Transmission) {
        let now = self.around.clock.now();
        if !self.pending.contains_key(&id) {
            self.begun += 1;
            let text = match self.begun {
                1 => self.request.clone(),
                block => format!("block {block}"),
            };
            self.pending.insert(id, Pending::new(0, Some(&text), now));
            self.around.note(|board| board.sent += 1);
        }
        let Some(pending) = self.pending.get_mut(&id) else { return };
        if let (Some(before), Transmission::Retransmission) = (pending.sent.last(), reason) {
            let waited = now.since(*before).as_secs_f64();
            let what = pending.text.as_deref().unwrap_or_default();
            self.notes.push((now, format!("{what}: no answer for {waited:.3} s: repeat")));
        }
        pending.sent.push(now);
    }

    fn ended(&mut self, exchange: &Exchange) {
        let Some(pending) = self.pending.remove(&exchange.id) else { return };
        let ended = self.around.clock.now();
        let still_waiting = self.around.config.timeout.is_none()
            && exchange.ending == Ending::TimedOut
            && ended.since(pending.asked) >= NO_DEADLINE;
        let log = pending.end(ended, exchange.ending.clone());
        let retransmissions = exchange.retransmissions;
        self.exchanges.push(ExchangeLog { retransmissions, still_waiting, ..log });
    }
}

impl Sink for Receiver {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        if let Head::File { digest, .. } = head {
            self.announced = Some((*digest).to_owned());
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn event(&mut self, event: &RequesterEvent) {
        match event {
            RequesterEvent::Sent { id, reason, .. } => self.sent(*id, *reason),
            RequesterEvent::Ended(exchange) => self.ended(exchange),
            _ => {}
        }
    }
}
