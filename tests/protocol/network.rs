//! A network in memory, on virtual time: it carries, loses, repeats and delays datagrams between
//! clients and one server, as a schedule says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use socklab::peer::Peer;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::datagram::{
    DatagramConfig, DatagramRequester, DatagramServer, RequesterConfig,
};
use socklab::protocol::event::Event;
use socklab::protocol::{Ending, Input, Requester, RequesterEvent, Session, Transmit};
use socklab::service::sum::ServerNumber;
use socklab::time::{Timestamp, earlier};

use crate::by_hand::{Counting, SERVER, address, assert_later, datagram, ms, secrets};

/// What befalls a datagram: a copy of it arrives after each of these, or none at all.
pub(crate) type Fate = Vec<Duration>;

/// Any fate: most datagrams arrive soon; none stays in the network for longer than 10 s.
pub(crate) fn fate() -> impl Strategy<Value = Fate> {
    let soon = (0..50u64).prop_map(|delay| vec![ms(delay)]);
    let lost = Just(Fate::new());
    let repeated = vec((0..3_000u64).prop_map(ms), 2..4);
    let late = (0..10_000u64).prop_map(|delay| vec![ms(delay)]);
    prop_oneof![5 => soon, 3 => lost, 2 => repeated, 1 => late]
}

/// One thing that a client will ask.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) client: usize,
    pub(crate) at: Timestamp,
    /// Different from that of every other question, so that executions can be told apart.
    pub(crate) text: String,
    pub(crate) timeout: Option<Duration>,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    pub(crate) at: Timestamp,
}

/// One exchange as its client saw it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) from: SocketAddr,
    pub(crate) id: u32,
    pub(crate) question: Question,
    /// When the copies left.
    pub(crate) left: Vec<Timestamp>,
    /// Every end that was reported: one, if all is well.
    pub(crate) outcomes: Vec<Outcome>,
}

struct Client {
    address: SocketAddr,
    requester: DatagramRequester,
}

struct Flight {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// Clients, a server, and everything that is under way between them.
pub(crate) struct Network {
    pub(crate) now: Timestamp,
    pub(crate) server: DatagramServer,
    pub(crate) service: Counting,
    /// What the server's transcript heard, and when.
    pub(crate) log: Vec<(Timestamp, Event)>,
    pub(crate) asked: Vec<Asked>,
    /// How many datagrams have reached the server.
    pub(crate) arrived: usize,
    clients: Vec<Client>,
    questions: Vec<Question>, // the next one last
    fates: Vec<Fate>,
    carried: usize,
    flights: BTreeMap<(Timestamp, usize), Flight>,
}

impl Network {
    /// A network in which the n-th datagram meets the n-th fate, over and over again. The server
    /// draws its numbers.
    pub(crate) fn new(
        server: DatagramConfig,
        client: &RequesterConfig,
        first_ids: &[u32],
        mut questions: Vec<Question>,
        fates: Vec<Fate>,
    ) -> Self {
        let clients = (0..)
            .zip(first_ids)
            .map(|(number, first_id)| {
                let names = (token(number), *first_id);
                let random = ChaCha8Rng::seed_from_u64(names.0.into());
                Client {
                    address: address([192, 0, 2, 7], 5_000 + number as u16),
                    requester: DatagramRequester::new(
                        Peer::udp(SERVER),
                        client.clone(),
                        names,
                        random,
                    ),
                }
            })
            .collect();
        questions.sort_by_key(|question| question.at);
        questions.reverse();
        Network {
            now: Timestamp::ZERO,
            server: DatagramServer::new(server, &secrets()),
            service: Counting::new("S", ServerNumber::seeded(1), true),
            log: Vec::new(),
            asked: Vec::new(),
            arrived: 0,
            clients,
            questions,
            fates,
            carried: 0,
            flights: BTreeMap::new(),
        }
    }

    /// Lets everything happen until nothing more will.
    pub(crate) fn run(&mut self) {
        self.run_until(Timestamp::from_micros(u64::MAX));
    }

    /// Lets everything happen that happens until `end`.
    pub(crate) fn run_until(&mut self, end: Timestamp) {
        loop {
            self.ask_what_is_due();
            self.send_everything();
            let Some(next) = self.next_moment().filter(|next| *next <= end) else {
                return;
            };
            self.now = self.now.max(next);
            self.deliver_what_is_due();
            self.server.handle_timeout(self.now, &mut self.service);
            for client in &mut self.clients {
                client.requester.handle_timeout(self.now);
                assert_later(client.requester.poll_timeout(), self.now);
            }
            assert_later(self.server.poll_timeout(), self.now);
        }
    }

    /// Has a client use a message id again, and the network deliver it.
    pub(crate) fn use_again(&mut self, asked: &Asked, text: &str) {
        let token = token(asked.question.client);
        let header = Header::new(Type::Request, 1, token, asked.id);
        let bytes = datagram(header, text);
        let (from, input) = (Peer::udp(asked.from), Input::Bytes(&bytes));
        self.server.receive(from, input, self.now, &mut self.service);
    }

    pub(crate) fn clients_wait_for_nothing(&self) -> bool {
        let mut timers = self.clients.iter().map(|one| one.requester.poll_timeout());
        timers.all(|timer| timer.is_none())
    }

    fn next_moment(&self) -> Option<Timestamp> {
        let timers = self.clients.iter().map(|one| one.requester.poll_timeout());
        let flight = self.flights.keys().next().map(|(at, _)| *at);
        let question = self.questions.last().map(|question| question.at);
        timers.chain([flight, question, self.server.poll_timeout()]).fold(None, earlier)
    }

    fn ask_what_is_due(&mut self) {
        while let Some(question) = self.questions.pop_if(|question| question.at <= self.now) {
            let client = &mut self.clients[question.client];
            let deadline = question.timeout.map(|timeout| self.now + timeout);
            let id = client.requester.request(
                socklab::protocol::Question::line(&question.text),
                self.now,
                deadline,
            );
            self.asked.push(Asked {
                from: client.address,
                id,
                question,
                left: Vec::new(),
                outcomes: Vec::new(),
            });
        }
    }

    fn send_everything(&mut self) {
        let mut sent = Vec::new();
        for client in &mut self.clients {
            while let Some(Transmit::Bytes { bytes, .. }) = client.requester.poll_transmit(self.now)
            {
                let count = bytes.len();
                sent.push((client.address, SERVER, bytes.to_owned()));
                client.requester.transmitted(count, self.now);
            }
            while let Some(event) = client.requester.poll_event() {
                note(&mut self.asked, client.address, self.now, event);
            }
        }
        while let Some(Transmit::Bytes { to, bytes }) = self.server.poll_transmit() {
            let count = bytes.len();
            sent.push((SERVER, to.address, bytes.to_owned()));
            self.server.transmitted(count, self.now);
        }
        while let Some(event) = self.server.poll_event() {
            self.log.push((self.now, event));
        }
        for (from, to, bytes) in sent {
            self.launch(from, to, &bytes);
        }
    }

    fn launch(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let fate = &self.fates[self.carried % self.fates.len()];
        self.carried += 1;
        for (copy, delay) in fate.iter().enumerate() {
            let bytes = bytes.to_owned();
            let key = (self.now + *delay, self.carried * 8 + copy);
            self.flights.insert(key, Flight { from, to, bytes });
        }
    }

    fn deliver_what_is_due(&mut self) {
        while let Some(flight) = self.flights.first_entry()
            && flight.key().0 <= self.now
        {
            let Flight { from, to, bytes } = flight.remove();
            let input = Input::Bytes(&bytes);
            if to == SERVER {
                self.arrived += 1;
                let from = Peer::udp(from);
                self.server.receive(from, input, self.now, &mut self.service);
            } else if let Some(client) = self.clients.iter_mut().find(|one| one.address == to) {
                client.requester.receive(input, self.now);
            }
        }
    }
}

/// The name on the wire of the client with this number.
fn token(number: usize) -> u32 {
    0x7000_0000 + number as u32
}

/// Notes what a client reported at the exchange that it concerns.
fn note(asked: &mut [Asked], from: SocketAddr, at: Timestamp, event: RequesterEvent) {
    let (id, ending) = match event {
        RequesterEvent::Sent { id, .. } => (id, None),
        RequesterEvent::Ended(exchange) => (exchange.id, Some(exchange.ending)),
        RequesterEvent::Acknowledged { .. }
        | RequesterEvent::Content { .. }
        | RequesterEvent::Unexpected
        | RequesterEvent::Unframed
        | RequesterEvent::Left(_)
        | RequesterEvent::TurnedAway(_) => return,
    };
    let one = asked
        .iter_mut()
        .find(|one| one.from == from && one.id == id)
        .expect("an event of an exchange that was asked for");
    match ending {
        None => one.left.push(at),
        Some(ending) => one.outcomes.push(Outcome { ending, at }),
    }
}
