//! A client on its way through its steps; `record` keeps what happens to it.

mod fetch;
mod half;
mod leaving;
mod naming;
mod record;
mod sessions;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;

use super::NO_DEADLINE;
use super::board::{Board, SharedBoard};
use super::push::push;
use crate::client::{ClientConfig, Conversation, is_no_way};
use crate::net::Net;
use crate::protocol::{Ending, Purpose, Question};
use crate::scenario::Step;
use crate::scenario::log::{ClientLog, ExchangeLog};
use crate::service::ServiceKind;
use crate::service::sum::{RANGE, SumRequest};
use crate::testbed::ServerEvent;
use crate::time::{Clock, Timestamp};
use half::Half;
use naming::padded;
pub(in crate::scenario) use naming::{letter, name};

/// The board, and what every client needs.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) board: SharedBoard,
    pub(super) clock: Clock,
    pub(super) server: SocketAddr,
    pub(super) config: ClientConfig,
    pub(super) exchanges: usize,
    pub(super) anew: bool,
    pub(super) service: ServiceKind,
    pub(super) clients: usize,
}

impl Surroundings {
    /// Returns whether a line of the server's log says that a request was executed.
    pub(super) fn is_execution(&self, event: &ServerEvent) -> bool {
        match self.service {
            ServiceKind::Sum => event.executed.is_some(),
            _ => event.event == "received",
        }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Board)) {
        self.board.change(change);
    }
}

/// A client on its way through its steps.
pub(super) struct Client<N: Net> {
    name: String,
    index: usize,
    net: N,
    around: Surroundings,
    random: ChaCha8Rng,
    conversation: Option<Conversation<N>>,
    /// Exchanges that have begun and not ended, by their ids in the conversation.
    pending: BTreeMap<u32, Pending>,
    /// A question of which only the first half was sent.
    half: Option<Half<N>>,
    log: ClientLog,
}

/// An exchange that has begun.
struct Pending {
    number: i64,
    text: Option<String>,
    asked: Timestamp,
    sent: Vec<Timestamp>,
}

impl<N: Net> Client<N> {
    pub(super) fn new(index: usize, net: N, around: Surroundings, random: ChaCha8Rng) -> Self {
        Client {
            name: name(index),
            index,
            net,
            around,
            random,
            conversation: None,
            pending: BTreeMap::new(),
            half: None,
            log: ClientLog::default(),
        }
    }

    pub(super) async fn walk(mut self, steps: &[Step]) -> io::Result<ClientLog> {
        for step in steps {
            self.step(*step).await?;
        }
        Ok(self.log)
    }

    async fn step(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Await(when) => self.around.board.until(self.around.clock, when).await,
            Step::Wait(time) => self.wait(time).await?,
            Step::Mark(mark) => self.around.note(|board| {
                board.marks.insert(mark);
            }),
            Step::Open => self.try_to_open().await?,
            Step::Ask(number) => {
                for _ in 0..self.around.exchanges {
                    self.ask(number, 0).await?;
                }
            }
            Step::AskRising(first) => {
                for number in (first..).take(self.around.exchanges) {
                    // Beyond 100 it would stop the server.
                    self.ask((number - 1) % RANGE.end() + 1, 0).await?;
                }
            }
            Step::AskOnce(number) => self.ask(number, 0).await?,
            Step::AskLong(number, length) => self.ask(number, length).await?,
            Step::AskAgainIfLost => self.ask_again_if_lost().await?,
            Step::Send { first, every } => self.send(first, every).await?,
            Step::Collect => {
                while !self.pending.is_empty() {
                    self.next().await?;
                }
            }
            Step::HalfClose => self.half_close()?,
            Step::MarkTogether(mark) => self.mark_together(mark),
            Step::Reset => self.reset(),
            Step::Say(text) => self.say(text).await?,
            Step::SayAgainIfLost(text) => self.say_again_if_lost(text).await?,
            Step::Leave => self.leave().await,
            Step::Vanish => self.vanish(),
            Step::Half(number) => self.half(number).await?,
            Step::OtherHalf => self.other_half().await?,
            Step::Stagger(time) => {
                let (index, clients) = (self.index as u32, self.around.clients as u32);
                self.wait(time * index / clients).await?;
            }
            Step::Fetch => self.fetch().await?,
            Step::Push(time) => self.push(time).await?,
            Step::Watch(when) => {
                let (board, clock) = (self.around.board.clone(), self.around.clock);
                self.watch(board.until_heard(clock, when)).await?;
            }
            Step::WatchFor(time) => {
                let clock = self.around.clock;
                self.watch(clock.sleep_until(clock.now() + time)).await?;
            }
        }
        Ok(())
    }

    /// Who asks in vain for a connection asks again with the first question.
    async fn try_to_open(&mut self) -> io::Result<()> {
        let deadline = self.deadline();
        if let Err(ending) = self.open(deadline).await? {
            self.remark(format!("no connection: {}", ending.name().replace('_', " ")));
        }
        Ok(())
    }

    async fn ask_again_if_lost(&mut self) -> io::Result<()> {
        let lost = self.log.exchanges.last().filter(|last| !last.is_replied());
        match lost.map(|lost| lost.number) {
            None => Ok(()),
            Some(number) => {
                self.conversation = None;
                self.ask(number, 0).await
            }
        }
    }

    fn mark_together(&self, mark: &'static str) {
        let clients = self.around.clients;
        self.around.note(|board| {
            board.together += 1;
            if board.together == clients {
                board.marks.insert(mark);
            }
        });
    }

    async fn push(&mut self, time: Duration) -> io::Result<()> {
        let Surroundings { server, config, clock, .. } = &self.around;
        let (net, transport) = (&self.net, config.transport);
        self.log.pushed = Some(push(net, *server, transport, *clock, time).await?);
        Ok(())
    }

    /// Returns when the next question is given up, whether by the client's deadline or, if it has
    /// none, by us: then it is still waiting.
    fn deadline(&self) -> Option<Timestamp> {
        Some(self.around.clock.now() + self.around.config.timeout.unwrap_or(NO_DEADLINE))
    }

    async fn open(&mut self, deadline: Option<Timestamp>) -> io::Result<Result<(), Ending>> {
        let began = self.around.clock.now();
        let Surroundings { server, config, clock, .. } = &self.around;
        let (net, random) = (&self.net, &mut self.random);
        let opened =
            Conversation::open_within(net, *server, config, *clock, deadline, random).await?;
        let conversation = match opened {
            Ok(conversation) => conversation,
            Err(ending) => return Ok(Err(ending)),
        };
        self.log.opened += 1;
        self.log.opening.push(self.around.clock.now().since(began));
        self.conversation = Some(conversation);
        match self.around.service.has_sessions() {
            true => self.hello(began, deadline).await,
            false => Ok(Ok(())),
        }
    }

    /// Asks, opening a conversation if there is none. Returns the id in the conversation.
    async fn begin(&mut self, number: i64, length: usize) -> io::Result<Option<u32>> {
        let (asked, deadline) = (self.around.clock.now(), self.deadline());
        if self.conversation.is_none() {
            match self.open(deadline).await {
                Ok(Ok(())) => {}
                Ok(Err(ending)) => {
                    self.not_begun(number, None, asked, ending);
                    return Ok(None);
                }
                Err(error) if is_no_way(&error) => {
                    self.log.not_sent.push((number, record::refusal(&error)));
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        let Some(conversation) = &mut self.conversation else { return Ok(None) };
        let mut request = SumRequest { name: &self.name, number, wants_sum: false };
        let padded = padded(&self.name, length.saturating_sub(request.format().len()));
        request.name = &padded;
        let text = request.format();
        let id = conversation.ask(sum_question(&text, number), deadline);
        self.pending.insert(id, Pending::new(number, None, asked));
        Ok(Some(id))
    }

    /// Asks and waits for the end of it.
    async fn ask(&mut self, number: i64, length: usize) -> io::Result<()> {
        let Some(id) = self.begin(number, length).await? else { return Ok(()) };
        while self.pending.contains_key(&id) {
            self.next().await?;
        }
        let replied = self.log.exchanges.last().is_some_and(ExchangeLog::is_replied);
        if !replied {
            self.reset();
        } else if self.around.anew {
            self.conversation = None;
        }
        Ok(())
    }

    async fn send(&mut self, first: i64, every: Duration) -> io::Result<()> {
        let began = self.around.clock.now();
        for (index, number) in (0..).zip((first..).take(self.around.exchanges)) {
            self.until(began + every * index).await?;
            self.begin(number, 0).await?;
            if every.is_zero() {
                self.sent(number).await?;
            }
        }
        Ok(())
    }

    /// Waits until a request has left, or has ended before it could.
    async fn sent(&mut self, number: i64) -> io::Result<()> {
        while self.pending.values().any(|one| one.number == number && one.sent.is_empty()) {
            self.next().await?;
        }
        Ok(())
    }

    async fn wait(&mut self, time: Duration) -> io::Result<()> {
        self.until(self.around.clock.now() + time).await
    }

    /// Carries on with what is under way until a moment.
    async fn until(&mut self, moment: Timestamp) -> io::Result<()> {
        let clock = self.around.clock;
        let mut sleep = std::pin::pin!(clock.sleep_until(moment));
        loop {
            if self.pending.is_empty() {
                sleep.await;
                return Ok(());
            }
            tokio::select! {
                biased;
                next = self.next() => next?,
                () = &mut sleep => return Ok(()),
            }
        }
    }

    /// Waits for the next event of the conversation, and takes note of it.
    async fn next(&mut self) -> io::Result<()> {
        let Some(conversation) = &mut self.conversation else {
            self.pending.clear();
            return Ok(());
        };
        match conversation.next_event().await {
            Ok(event) => self.take(event),
            // More than a datagram can hold.
            Err(error) if too_long(&error) => self.refused_by_system(&error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Listens without asking until the server leaves, or until `enough`.
    async fn watch(&mut self, enough: impl Future<Output = ()>) -> io::Result<()> {
        let mut enough = std::pin::pin!(enough);
        while self.conversation.is_some() && self.log.learned.is_none() {
            tokio::select! {
                biased;
                next = self.next() => next?,
                () = &mut enough => return Ok(()),
            }
        }
        Ok(())
    }
}

/// Returns what asks with a number.
fn sum_question(text: &str, number: i64) -> Question<'_> {
    let stops = !RANGE.contains(&number);
    Question { text, purpose: if stops { Purpose::Shutdown } else { Purpose::Line } }
}

fn too_long(error: &io::Error) -> bool {
    const EMSGSIZE: i32 = 90; // Linux
    error.kind() == io::ErrorKind::InvalidInput || error.raw_os_error() == Some(EMSGSIZE)
}
