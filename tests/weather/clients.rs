//! The clients that ask: the real client, in every way in which it can be told to behave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Conversation, Progress, ask_once};
use socklab::net::sim::{Sim, SimNet};
use socklab::peer::Transport;
use socklab::protocol::datagram::{RequesterConfig, Semantics};
use socklab::protocol::parameters::MAX_MESSAGE;
use socklab::protocol::{Ending, Exchange, RequesterEvent};
use socklab::protocol::{Purpose, Question};
use socklab::time::Timestamp;
use tokio::time::timeout;

use crate::story::{Asked, server};
use crate::world::{Talk, ms};

/// After so long somebody stops a client that has no deadline of its own: far beyond every limit
/// of the simulated stack (924.6 s of silence).
pub(crate) const PATIENCE: Duration = Duration::from_secs(4_000);

/// What the client waits after an exchange that was not answered: nobody tries again at once.
const AFTER_FAILURE: Duration = ms(900);

/// Framed requests that were answered: token, message id and text. Somebody may have overheard them.
pub(crate) type Overheard = Arc<Mutex<Vec<(u32, u32, String)>>>;

/// A client, and what it has seen.
pub(crate) struct Talker {
    sim: Sim,
    net: SimNet,
    number: usize,
    talk: Talk,
    seed: u64,
    conversation: usize,
    overheard: Overheard,
    pub(crate) asked: Vec<Asked>,
    pub(crate) trouble: Vec<String>,
}

/// The exchanges of one conversation that have not ended, and the pace of asking.
struct Pace {
    ids: Vec<(u32, usize)>,
    outstanding: usize,
    next_question: Timestamp,
    /// No further question is asked in this conversation.
    over: bool,
}

impl Talker {
    pub(crate) fn new(
        sim: &Sim,
        number: usize,
        talk: Talk,
        seed: u64,
        overheard: Overheard,
    ) -> Self {
        Talker {
            sim: sim.clone(),
            net: sim.client(number),
            number,
            talk,
            seed: seed ^ (number as u64) << 40,
            conversation: 0,
            overheard,
            asked: Vec::new(),
            trouble: Vec::new(),
        }
    }

    /// Asks everything that is to be asked.
    pub(crate) async fn run(mut self) -> Self {
        while self.asked.len() < self.talk.exchanges && self.trouble.is_empty() {
            match self.talk.apart {
                true => self.once().await,
                false => self.converse().await,
            }
            self.conversation += 1;
        }
        self
    }

    fn config(&self) -> ClientConfig {
        ClientConfig {
            transport: self.talk.transport,
            timeout: self.talk.timeout,
            framing: self.talk.framing,
            max_message: MAX_MESSAGE,
            datagram: RequesterConfig {
                semantics: self.talk.semantics,
                retransmission_timeout: self.talk.retransmission_timeout,
                retransmissions: self.talk.retransmissions,
                window: self.talk.window,
                icmp: self.talk.icmp,
                max_message: MAX_MESSAGE,
                keep_alive: None,
            },
        }
    }

    /// The next request, and whether it asks the server to stop. No other has its name, and none of
    /// this client its number.
    fn question(&self) -> (String, bool) {
        let number = self.asked.len();
        let stops = self.talk.stops_at == Some(number);
        let integer = if stops { 101 + number } else { (number * 7 + self.number * 13) % 100 + 1 };
        (format!("c{}n{number};{integer};sum", self.number), stops)
    }

    fn note_question(&mut self, text: String, connected: bool) -> usize {
        self.asked.push(Asked {
            client: self.number,
            conversation: self.conversation,
            number: self.asked.len(),
            text,
            at: self.sim.clock().now(),
            copies: Vec::new(),
            connected,
            ended: None,
        });
        self.asked.len() - 1
    }

    async fn pause(&self, time: Duration) {
        let clock = self.sim.clock();
        clock.sleep_until(clock.now() + time).await;
    }

    /// One exchange with a conversation of its own.
    async fn once(&mut self) {
        let (text, stops_server) = self.question();
        let index = self.note_question(text.clone(), false);
        let question = asks(&text, stops_server);
        let (config, clock, net) = (self.config(), self.sim.clock(), self.net.clone());
        let names = self.names();
        let mut copies = Vec::new();
        let mut hear = |progress| {
            if let Progress::Exchange(RequesterEvent::Sent { .. }) = progress {
                copies.push(clock.now());
            }
        };
        let (addresses, mut random) = ([server()], self.random());
        let asking = ask_once(&net, &addresses, &config, question, clock, &mut random, &mut hear);
        let outcome = timeout(PATIENCE, asking).await;
        self.asked[index].copies = copies;
        match outcome {
            Err(_) => {}
            Ok(Err(error)) => self.trouble.push(format!("{text}: {error}")),
            Ok(Ok(outcome)) => {
                let Exchange { id, ending, .. } = outcome.exchange.clone();
                let replied = matches!(ending, Ending::Replied(_));
                if replied {
                    self.overhear(names.0, id, &text);
                }
                self.asked[index].ended = Some((clock.now(), outcome.exchange));
                self.pause(if replied { self.talk.think } else { AFTER_FAILURE }).await;
            }
        }
    }

    /// The randomness of the present conversation.
    fn random(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed ^ (self.conversation as u64) << 52)
    }

    /// The token and first message id that the present conversation draws.
    fn names(&self) -> (u32, u32) {
        let mut random = self.random();
        (random.next_u32(), random.next_u32())
    }

    fn overhear(&self, token: u32, id: u32, text: &str) {
        if self.talk.transport == Transport::Udp && self.talk.semantics == Semantics::AtMostOnce {
            self.overheard.lock().expect("no panic").push((token, id, text.to_owned()));
        }
    }

    /// As many exchanges as one conversation lasts.
    async fn converse(&mut self) {
        let clock = self.sim.clock();
        let began = clock.now();
        let deadline = self.talk.timeout.map(|timeout| began + timeout);
        let (config, net, names) = (self.config(), self.net.clone(), self.names());
        let mut random = self.random();
        let opening =
            Conversation::open_within(&net, server(), &config, clock, deadline, &mut random);
        let mut conversation = match timeout(PATIENCE, opening).await {
            Ok(Ok(Ok(conversation))) => conversation,
            Ok(Ok(Err(ending))) => return self.not_opened(began, ending).await,
            Ok(Err(error)) => return self.trouble.push(error.to_string()),
            Err(_) => return self.trouble.push("nobody ends the handshake".to_owned()),
        };
        let mut pace =
            Pace { ids: Vec::new(), outstanding: 0, next_question: clock.now(), over: false };
        loop {
            self.ask_ahead(&mut conversation, &mut pace);
            let all_asked = self.asked.len() == self.talk.exchanges;
            if pace.outstanding == 0 && (all_asked || pace.over) {
                break;
            }
            let may_ask = !all_asked && !pace.over && pace.outstanding < self.talk.ahead;
            let given_up = clock.now() + PATIENCE;
            tokio::select! {
                biased;
                event = conversation.next_event() => match event {
                    Ok(event) => self.hear(&event, &mut pace, names.0),
                    Err(error) => return self.trouble.push(format!("{:?}: {error}", self.asked.last())),
                },
                () = clock.sleep_until(pace.next_question), if may_ask => {}
                () = clock.sleep_until(given_up), if !may_ask => break,
            }
        }
        if self.asked.last().is_some_and(|last| last.ending() == Some(&Ending::TimedOut)) {
            conversation.reset();
        }
        self.pause(if pace.over { AFTER_FAILURE } else { self.talk.think }).await;
    }

    async fn not_opened(&mut self, began: Timestamp, ending: Ending) {
        let (text, _) = self.question();
        let index = self.note_question(text, false);
        let exchange = Exchange { id: 0, attempts: 0, retransmissions: 0, ending };
        self.asked[index].at = began;
        self.asked[index].ended = Some((self.sim.clock().now(), exchange));
        self.pause(AFTER_FAILURE).await;
    }

    /// Asks as many questions as may be under way.
    fn ask_ahead(&mut self, conversation: &mut Conversation<SimNet>, pace: &mut Pace) {
        let now = self.sim.clock().now();
        while pace.outstanding < self.talk.ahead
            && self.asked.len() < self.talk.exchanges
            && !pace.over
            && now >= pace.next_question
        {
            let (text, stops_server) = self.question();
            let deadline = self.talk.timeout.map(|timeout| now + timeout);
            let id = conversation.ask(asks(&text, stops_server), deadline);
            let index = self.note_question(text, true);
            pace.ids.push((id, index));
            pace.outstanding += 1;
            pace.next_question = now + self.talk.spacing;
        }
    }

    /// Takes note of what the client says.
    fn hear(&mut self, event: &RequesterEvent, pace: &mut Pace, token: u32) {
        let now = self.sim.clock().now();
        let find = |id: u32| pace.ids.iter().find(|known| known.0 == id).map(|known| known.1);
        match event {
            RequesterEvent::Sent { id, .. } => match find(*id) {
                Some(index) => self.asked[index].copies.push(now),
                None => self.trouble.push(format!("a copy of {id} left, which nobody asked")),
            },
            RequesterEvent::Ended(exchange) => {
                let known = find(exchange.id).filter(|index| self.asked[*index].ended.is_none());
                let Some(index) = known else {
                    let what = "ended, which was not outstanding";
                    return self
                        .trouble
                        .push(format!("client {}: {exchange:?} {what}", self.number));
                };
                self.asked[index].ended = Some((now, exchange.clone()));
                pace.outstanding -= 1;
                let replied = matches!(exchange.ending, Ending::Replied(_));
                if replied {
                    self.overhear(token, exchange.id, &self.asked[index].text);
                }
                let pause = if replied { self.talk.think } else { AFTER_FAILURE };
                pace.next_question = pace.next_question.max(now + pause);
                pace.over |= self.talk.transport == Transport::Tcp && !replied;
            }
            _ => {}
        }
    }
}

fn asks(text: &str, stops_server: bool) -> Question<'_> {
    Question { text, purpose: if stops_server { Purpose::Shutdown } else { Purpose::Line } }
}
