//! The guests of a chat: the real client, visit after visit.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use socklab::client::fetch::{self, FetchConfig, fetch};
use socklab::client::{ClientConfig, Conversation};
use socklab::net::sim::{Sim, SimNet};
use socklab::peer::Transport;
use socklab::protocol::datagram::RequesterConfig;
use socklab::protocol::parameters::MAX_MESSAGE;
use socklab::protocol::{Ending, Question, RequesterEvent};
use socklab::service::files::GetRequest;
use socklab::time::Timestamp;

use super::fetched::Fetched;
use super::plan::{Guest, Leaving, Step, VisitPlan};
use super::shelves::FILES;
use super::visit::{Fetch, Line, Outcome, Visit, What};
use crate::clients::Overheard;
use crate::story::server;

/// A guest, and what it has seen.
pub(crate) struct Guesting {
    sim: Sim,
    net: SimNet,
    number: usize,
    plan: Guest,
    seed: u64,
    overheard: Overheard,
    pub(crate) visits: Vec<Visit>,
    pub(crate) trouble: Vec<String>,
}

/// The visit that is going on.
struct Present {
    conversation: Conversation<SimNet>,
    visit: Visit,
    /// Nothing more is asked.
    over: bool,
}

impl Guesting {
    pub(crate) fn new(
        sim: &Sim,
        number: usize,
        plan: Guest,
        seed: u64,
        overheard: Overheard,
    ) -> Self {
        Guesting {
            sim: sim.clone(),
            net: sim.client(number),
            number,
            plan,
            seed: seed ^ (number as u64) << 40,
            overheard,
            visits: Vec::new(),
            trouble: Vec::new(),
        }
    }

    /// Makes all visits.
    pub(crate) async fn run(mut self) -> Self {
        for plan in self.plan.visits.clone() {
            self.visit(&plan).await;
            let clock = self.sim.clock();
            clock.sleep_until(clock.now() + plan.pause).await;
            if plan.leaving == Leaving::PowerOff {
                self.net.reboot();
            }
        }
        self
    }

    fn config(&self) -> ClientConfig {
        ClientConfig {
            transport: self.plan.transport,
            timeout: Some(self.plan.timeout),
            framing: self.plan.framing,
            max_message: MAX_MESSAGE,
            datagram: RequesterConfig {
                semantics: self.plan.semantics,
                retransmission_timeout: self.plan.retransmission_timeout,
                retransmissions: self.plan.retransmissions,
                window: self.plan.window,
                icmp: self.plan.icmp,
                max_message: MAX_MESSAGE,
                keep_alive: self.plan.keep_alive,
            },
        }
    }

    fn deadline(&self) -> Timestamp {
        self.sim.clock().now() + self.plan.timeout
    }

    async fn visit(&mut self, plan: &VisitPlan) {
        let number = self.visits.len();
        let random = || ChaCha8Rng::seed_from_u64(self.seed ^ (number as u64) << 52);
        let mut visit = Visit {
            client: self.number,
            number,
            transport: self.plan.transport,
            // The conversation draws the same.
            token: random().next_u32(),
            lines: Vec::new(),
            fetches: Vec::new(),
            left: None,
            ended: None,
        };
        let (net, config, clock) = (self.net.clone(), self.config(), self.sim.clock());
        let (deadline, mut random) = (Some(self.deadline()), random());
        let opening =
            Conversation::open_within(&net, server(), &config, clock, deadline, &mut random);
        match opening.await {
            Err(error) => self.trouble.push(error.to_string()),
            Ok(Err(_)) => visit.ended = Some(clock.now()),
            Ok(Ok(conversation)) => {
                visit = self.converse(Present { conversation, visit, over: false }, plan).await;
            }
        }
        self.visits.push(visit);
    }

    /// Says hello, does what is planned, and leaves.
    async fn converse(&mut self, mut present: Present, plan: &VisitPlan) -> Visit {
        self.ask(&mut present, "", What::Hello);
        self.answered(&mut present).await;
        present.over |= present.visit.welcomed().is_none();
        for step in &plan.steps {
            if present.over {
                break;
            }
            self.step(&mut present, *step).await;
        }
        if plan.leaving == Leaving::Exit && !present.over {
            self.ask(&mut present, "exit", What::Exit);
            self.answered(&mut present).await;
        }
        self.leave(present, plan.leaving).await
    }

    async fn leave(&self, present: Present, leaving: Leaving) -> Visit {
        let Present { conversation, mut visit, .. } = present;
        visit.ended = Some(self.sim.clock().now());
        let last = visit.lines.last().and_then(|line| line.ending()).cloned();
        let exited = leaving == Leaving::Exit && matches!(last, Some(Ending::Replied(_)));
        match leaving {
            Leaving::PowerOff => self.net.power_off(),
            // A late reply must not be taken for the next one's.
            _ if last == Some(Ending::TimedOut) && visit.transport == Transport::Tcp => {
                conversation.reset();
            }
            Leaving::Reset => conversation.reset(),
            Leaving::Exit if exited => {}
            Leaving::Exit | Leaving::Goodbye => conversation.leave().await,
        }
        visit
    }

    async fn step(&mut self, present: &mut Present, step: Step) {
        match step {
            Step::Say(count) => {
                for _ in 0..count {
                    let (visit, line) = (present.visit.number, present.visit.lines.len());
                    let text = format!("g{}v{visit}n{line} says", self.number);
                    self.ask(present, &text, What::Text);
                }
            }
            Step::Status => self.ask(present, "status", What::Status),
            Step::StatusAll => self.ask(present, "status all", What::StatusAll),
            Step::List => self.ask(present, "list", What::List),
            Step::Fetch(file) => self.fetch(present, file).await,
            Step::Rest(time) => self.rest(present, time).await,
        }
        self.answered(present).await;
    }

    fn ask(&self, present: &mut Present, text: &str, what: What) {
        let question = if what == What::Hello { Question::HELLO } else { Question::line(text) };
        let (at, deadline) = (self.sim.clock().now(), self.deadline());
        let id = present.conversation.ask(question, Some(deadline));
        let text = text.to_owned();
        present.visit.lines.push(Line { id, text, what, at, ended: None });
    }

    /// Waits until everything that was asked has ended; each has a deadline.
    async fn answered(&mut self, present: &mut Present) {
        while present.visit.lines.iter().any(|line| line.ended.is_none()) {
            match present.conversation.next_event().await {
                Ok(event) => self.hear(present, &event),
                Err(error) => {
                    present.over = true;
                    return self.trouble.push(error.to_string());
                }
            }
        }
    }

    async fn rest(&mut self, present: &mut Present, time: Duration) {
        let clock = self.sim.clock();
        let until = clock.now() + time;
        loop {
            tokio::select! {
                biased;
                event = present.conversation.next_event() => match event {
                    Ok(event) => self.hear(present, &event),
                    Err(error) => return self.trouble.push(error.to_string()),
                },
                () = clock.sleep_until(until) => return,
            }
        }
    }

    fn hear(&mut self, present: &mut Present, event: &RequesterEvent) {
        let now = self.sim.clock().now();
        match event {
            RequesterEvent::Ended(exchange) => {
                let asked = |line: &&mut Line| line.id == exchange.id && line.ended.is_none();
                let Some(line) = present.visit.lines.iter_mut().find(asked) else {
                    let what = "ended, which was not outstanding";
                    return self
                        .trouble
                        .push(format!("client {}: {exchange:?} {what}", self.number));
                };
                line.ended = Some((now, exchange.clone()));
                present.over |= self.is_over(&exchange.ending);
                if let Ending::Replied(_) = exchange.ending
                    && line.what == What::Text
                    && self.plan.transport == Transport::Udp
                {
                    let known = (present.visit.token, exchange.id, line.text.clone());
                    self.overheard.lock().expect("no panic").push(known);
                }
            }
            RequesterEvent::Left(how) => {
                present.over = true;
                present.visit.left = present.visit.left.or(Some((now, *how)));
            }
            RequesterEvent::TurnedAway(_) => present.over = true,
            _ => {}
        }
    }

    /// Returns whether nothing is to be asked after an exchange that ended so: over UDP a lost one
    /// says nothing about the next.
    fn is_over(&self, ending: &Ending) -> bool {
        match ending {
            Ending::Replied(_) => false,
            Ending::TimedOut => self.plan.transport == Transport::Tcp,
            _ => true,
        }
    }

    async fn fetch(&mut self, present: &mut Present, file: usize) {
        let clock = self.sim.clock();
        let began = clock.now();
        let request = GetRequest { name: FILES[file].0, offset: 0, version: None }.format();
        let config = FetchConfig { timeout: Some(self.plan.timeout), window: self.plan.window };
        let mut sink = Fetched::default();
        let fetched = fetch(&mut present.conversation, &request, config, &mut sink).await;
        let outcome = match fetched {
            Ok(fetch::Fetched::Whole) => Outcome::Whole,
            Ok(fetch::Fetched::Line(line)) => Outcome::Line(line),
            Ok(fetch::Fetched::Ended(ending)) => Outcome::Ended(ending),
            Ok(fetch::Fetched::Unwanted(error)) | Err(error) => {
                present.over = true;
                return self.trouble.push(error.to_string());
            }
        };
        let Fetched { announced, bytes, exchanges, left } = sink;
        let now = clock.now();
        if let Some(how) = left {
            present.visit.left = present.visit.left.or(Some((now, how)));
        }
        let broken = matches!(&outcome, Outcome::Ended(ending) if self.is_over(ending));
        present.over |= left.is_some() || broken;
        present.visit.fetches.push(Fetch {
            file,
            began,
            ended: now,
            outcome,
            announced,
            bytes,
            exchanges,
        });
    }
}
