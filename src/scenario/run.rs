//! How a scenario is carried out, on any testbed.
//!
//! Every client is a task that walks through its steps. What they wait for are conditions, not
//! times: a board holds what has happened so far, and wakes whoever waits when it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::log::{ClientLog, ExchangeLog, Run, ServerLog};
use super::{Column, Scenario, Settings, Step, When};
use crate::client::{ClientConfig, Conversation};
use crate::net::Net;
use crate::protocol::{Ending, RequesterEvent};
use crate::service::sum::{RANGE, SumRequest};
use crate::testbed::{Action, Happening, Listener, ServerOptions, Testbed};
use crate::time::{Clock, Timestamp};

/// Beyond the deadlines of its exchanges, no scenario takes longer than this.
const HORIZON: Duration = Duration::from_secs(60);

/// What has happened so far, as far as somebody may wait for it.
#[derive(Debug, Default)]
struct Board {
    marks: BTreeSet<&'static str>,
    sent: usize,
    executed: usize,
    server_ended: bool,
    acted: usize,
}

impl Board {
    fn holds(&self, when: When) -> bool {
        match when {
            When::Marked(mark) => self.marks.contains(mark),
            When::Sent(count) => self.sent >= count,
            When::Executed(count) => self.executed >= count,
            When::ServerEnded => self.server_ended,
            When::Acted(count) => self.acted >= count,
        }
    }
}

/// The board, and what every client needs.
#[derive(Clone)]
struct Surroundings<N> {
    board: Arc<watch::Sender<Board>>,
    net: N,
    clock: Clock,
    server: SocketAddr,
    config: ClientConfig,
    exchanges: usize,
    anew: bool,
}

impl<N> Surroundings<N> {
    async fn until(&self, when: When) {
        until(&self.board, when).await;
    }

    fn note(&self, change: impl FnOnce(&mut Board)) {
        self.board.send_modify(change);
    }
}

async fn until(board: &watch::Sender<Board>, when: When) {
    // The board lives as long as everybody who waits for it.
    let _ = board.subscribe().wait_for(|board| board.holds(when)).await;
}

/// Carries out one column of a scenario.
///
/// # Errors
/// If the testbed fails, or the scenario does not come to its end.
pub async fn run<T: Testbed>(
    mut testbed: T,
    scenario: &Scenario,
    column: Column,
    settings: &Settings,
    random: &mut ChaCha8Rng,
) -> io::Result<Run> {
    let timeout = settings.timeout.unwrap_or(scenario.timeout);
    let exchanges = settings.exchanges.unwrap_or(scenario.exchanges);
    let clock = testbed.clock();
    let horizon = HORIZON + timeout * u32::try_from(exchanges).unwrap_or(u32::MAX);
    let too_long = clock.sleep_until(clock.now() + horizon);
    tokio::select! {
        biased;
        run = carry_out(&mut testbed, scenario, column, settings, random) => run,
        () = too_long => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the scenario did not come to its end"))
        }
    }
}

async fn carry_out<T: Testbed>(
    testbed: &mut T,
    scenario: &Scenario,
    column: Column,
    settings: &Settings,
    random: &mut ChaCha8Rng,
) -> io::Result<Run> {
    let script = &scenario.script;
    let clock = testbed.clock();
    let mut happenings = testbed.happenings();
    let options = ServerOptions {
        work: settings.work.unwrap_or(script.work),
        goodbye: script.goodbye && settings.server.goodbye,
        ..settings.server.clone()
    };
    let server = testbed.listen(script.server, &options, column.transport).await?;
    let surroundings = Surroundings {
        board: Arc::new(watch::Sender::new(Board::default())),
        net: testbed.net(),
        clock,
        server,
        config: ClientConfig {
            timeout: Some(settings.timeout.unwrap_or(scenario.timeout)),
            framing: options.framing,
            datagram: settings.datagram.clone(),
            ..ClientConfig::new(column.transport)
        },
        exchanges: settings.exchanges.unwrap_or(scenario.exchanges),
        anew: column.anew,
    };
    let mut clients = JoinSet::new();
    for (index, steps) in script.clients.iter().enumerate() {
        let client = Client::new(index, surroundings.clone(), ChaCha8Rng::from_rng(random));
        clients.spawn(async move { (index, client.walk(steps).await) });
    }
    let mut logs: BTreeMap<usize, ClientLog> = BTreeMap::new();
    let mut server = ServerLog::default();
    let mut acts = script.acts.iter().peekable();
    loop {
        let next_act = acts.peek().map_or(When::Marked("never"), |(when, _)| *when);
        tokio::select! {
            biased;
            Some(happening) = happenings.recv() => server.note(happening, &surroundings),
            () = surroundings.until(next_act), if acts.peek().is_some() => {
                if let Some((_, action)) = acts.next() {
                    server.acted.push((clock.now(), *action));
                    testbed.act(*action).await?;
                    surroundings.note(|board| board.acted += 1);
                }
            }
            Some(finished) = clients.join_next() => {
                let (index, log) = finished.map_err(io::Error::other)?;
                logs.insert(index, log?);
            }
            else => break,
        }
        let over = clients.is_empty() && acts.peek().is_none();
        if over && (!script.server_ends || server.ended.is_some()) {
            break;
        }
    }
    let ended = clock.now();
    if script.server == Listener::Server && !script.server_ends {
        read_to_the_end(testbed, &mut happenings, &mut server, &surroundings).await;
    }
    let semantics = settings.datagram.semantics;
    Ok(Run { column, semantics, clients: logs.into_values().collect(), server, ended })
}

/// Stops a server that would go on, so that its log is complete.
async fn read_to_the_end<T: Testbed>(
    testbed: &mut T,
    happenings: &mut mpsc::UnboundedReceiver<Happening>,
    server: &mut ServerLog,
    surroundings: &Surroundings<T::Net>,
) {
    let first_end = server.ended;
    // If it cannot be interrupted it has ended already, and its log with it.
    let _ = testbed.act(Action::Interrupt).await;
    while let Some(happening) = happenings.recv().await {
        match &happening {
            // Once more, so that it does not linger.
            Happening::Logged(event) if event.event == "shutdown" => {
                let _ = testbed.act(Action::Interrupt).await;
            }
            Happening::Logged(_) => server.note(happening, surroundings),
            Happening::Ended(..) => break,
        }
    }
    server.ended = first_end;
}

impl ServerLog {
    fn note<N>(&mut self, happening: Happening, surroundings: &Surroundings<N>) {
        match happening {
            Happening::Logged(event) => {
                if event.executed.is_some() {
                    surroundings.note(|board| board.executed += 1);
                }
                self.events.push(event);
            }
            Happening::Ended(at, code) => {
                self.ended.get_or_insert((at, code));
                surroundings.note(|board| board.server_ended = true);
            }
        }
    }
}

/// A client on its way through its steps.
struct Client<N: Net> {
    name: String,
    around: Surroundings<N>,
    random: ChaCha8Rng,
    conversation: Option<Conversation<N>>,
    log: ClientLog,
}

impl<N: Net> Client<N> {
    fn new(index: usize, around: Surroundings<N>, random: ChaCha8Rng) -> Self {
        let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
        let name = format!("Client {letter}");
        Client { name, around, random, conversation: None, log: ClientLog::default() }
    }

    async fn walk(mut self, steps: &[Step]) -> io::Result<ClientLog> {
        for step in steps {
            match *step {
                Step::Await(when) => self.around.until(when).await,
                Step::Mark(mark) => self.around.note(|board| {
                    board.marks.insert(mark);
                }),
                Step::Open => {
                    let deadline = self.deadline();
                    if let Err(ending) = self.open(deadline).await? {
                        self.not_sent(0, self.around.clock.now(), ending);
                    }
                }
                Step::Ask(number) => {
                    for _ in 0..self.around.exchanges {
                        self.ask(number).await?;
                    }
                }
                Step::AskOnce(number) => self.ask(number).await?,
                Step::AskAgainIfLost => {
                    let lost = self.log.exchanges.last().filter(|last| !last.is_replied());
                    if let Some(number) = lost.map(|lost| lost.number) {
                        self.conversation = None;
                        self.ask(number).await?;
                    }
                }
                Step::Watch(when) => self.watch(when).await?,
            }
        }
        Ok(self.log)
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.around.config.timeout.map(|timeout| self.around.clock.now() + timeout)
    }

    async fn open(&mut self, deadline: Option<Timestamp>) -> io::Result<Result<(), Ending>> {
        let Surroundings { net, server, config, clock, .. } = &self.around;
        let random = &mut self.random;
        let opened =
            Conversation::open_within(net, *server, config, *clock, deadline, random).await?;
        Ok(opened.map(|conversation| {
            self.log.opened += 1;
            self.conversation = Some(conversation);
        }))
    }

    fn not_sent(&mut self, number: i64, asked: Timestamp, ending: Ending) {
        let ended = self.around.clock.now();
        let (sent, retransmissions) = (Vec::new(), 0);
        self.log.exchanges.push(ExchangeLog {
            number,
            asked,
            sent,
            ended,
            ending,
            retransmissions,
        });
    }

    async fn ask(&mut self, number: i64) -> io::Result<()> {
        let clock = self.around.clock;
        let (asked, deadline) = (clock.now(), self.deadline());
        if self.conversation.is_none()
            && let Err(ending) = self.open(deadline).await?
        {
            self.not_sent(number, asked, ending);
            return Ok(());
        }
        let Some(mut conversation) = self.conversation.take() else {
            return Ok(());
        };
        let text = SumRequest { name: &self.name, number, wants_sum: false }.format();
        let id = conversation.ask(&text, deadline, !RANGE.contains(&number));
        let mut sent = Vec::new();
        loop {
            match conversation.next_event().await? {
                RequesterEvent::Sent { .. } => {
                    if sent.is_empty() {
                        self.around.note(|board| board.sent += 1);
                    }
                    sent.push(clock.now());
                }
                RequesterEvent::Unexpected => self.log.unexpected += 1,
                // Who is asking learns nothing without asking.
                RequesterEvent::Left(_) | RequesterEvent::Acknowledged { .. } => {}
                RequesterEvent::Ended(exchange) if exchange.id == id => {
                    let goes_on = matches!(exchange.ending, Ending::Replied(_));
                    self.log.exchanges.push(ExchangeLog {
                        number,
                        asked,
                        sent,
                        ended: clock.now(),
                        ending: exchange.ending,
                        retransmissions: exchange.retransmissions,
                    });
                    if goes_on && !self.around.anew {
                        self.conversation = Some(conversation);
                    } else if !goes_on {
                        conversation.reset();
                    }
                    return Ok(());
                }
                RequesterEvent::Ended(_) => {}
            }
        }
    }

    async fn watch(&mut self, when: When) -> io::Result<()> {
        let Some(conversation) = &mut self.conversation else {
            return Ok(());
        };
        loop {
            tokio::select! {
                biased;
                event = conversation.next_event() => match event? {
                    RequesterEvent::Left(how) => {
                        self.log.learned.get_or_insert((self.around.clock.now(), how));
                        return Ok(());
                    }
                    RequesterEvent::Unexpected => self.log.unexpected += 1,
                    _ => {}
                },
                () = until(&self.around.board, when) => return Ok(()),
            }
        }
    }
}
