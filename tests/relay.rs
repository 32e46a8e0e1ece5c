//! A bad network between real programs: it loses a fifth of the datagrams, doubles a fifth and
//! reorders them, both ways. Every client gets its sum all the same, and no sum is computed twice.

#![cfg(unix)]

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use support::wire::{Datagram, udp_socket};
use support::{Server, Stopwatch, client};

const CLIENTS: usize = 60;

/// So many of them ask at once.
const AT_ONCE: usize = 8;

const SEED: u64 = 5;

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Way {
    ToServer,
    ToClient,
}

/// What becomes of a datagram: so many copies arrive, each after so long.
///
/// Drawn from the seed, the client's name, the way and the count of datagrams before it, so that
/// the wire is as bad in every run.
fn fate(name: &str, way: Way, nth: u64) -> Vec<Duration> {
    let number: u64 = name.rsplit(' ').next().and_then(|it| it.parse().ok()).expect("a number");
    let mut random = ChaCha8Rng::seed_from_u64(SEED << 32 | number << 16 | nth << 1 | way as u64);
    let copies = match random.random_range(0..5) {
        0 => 0,
        1 => 2,
        _ => 1,
    };
    // Up to as long as a few exchanges take: others, and copies, overtake.
    let delay = |_| Duration::from_millis(random.random_range(0..30));
    (0..copies).map(delay).collect()
}

/// A relay that stands where the clients believe the server.
struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Tally>>,
}

/// What the relay did.
#[derive(Debug, Default)]
struct Tally {
    came: usize,
    lost: usize,
    doubled: usize,
    overtaken: usize,
}

impl Relay {
    fn before(server: SocketAddr) -> Self {
        let near = udp_socket();
        let address = near.local_addr().expect("an address");
        let far = udp_socket();
        far.connect(server).expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let wire = Wire::new(near, far);
        let thread = thread::spawn(move || wire.carry(&stopped));
        Relay { address, stop, thread: Some(thread) }
    }

    fn finish(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("running");
        thread.join().expect("no panic")
    }
}

/// The relay at work. It tells the clients apart by their tokens.
struct Wire {
    near: UdpSocket,
    far: UdpSocket,
    clients: HashMap<u32, (SocketAddr, String)>,
    counts: HashMap<(u32, Way), u64>,
    clock: Stopwatch,
    /// By when they arrive, then by the order in which they came.
    under_way: BTreeMap<(Duration, usize), (Way, u32, Vec<u8>)>,
    tally: Tally,
    newest: usize,
}

impl Wire {
    fn new(near: UdpSocket, far: UdpSocket) -> Self {
        Wire {
            near,
            far,
            clients: HashMap::new(),
            counts: HashMap::new(),
            clock: Stopwatch::start(),
            under_way: BTreeMap::new(),
            tally: Tally::default(),
            newest: 0,
        }
    }

    fn carry(mut self, stop: &AtomicBool) -> Tally {
        let tick = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
        while !stop.load(Ordering::Relaxed) {
            let mut waiting =
                [PollFd::new(&self.near, PollFlags::IN), PollFd::new(&self.far, PollFlags::IN)];
            poll(&mut waiting, Some(&tick)).expect("a poll");
            let [near, far] = waiting.map(|one| !one.revents().is_empty());
            if near {
                self.take(Way::ToServer);
            }
            if far {
                self.take(Way::ToClient);
            }
            self.deliver();
        }
        self.tally
    }

    fn take(&mut self, way: Way) {
        let mut buffer = [0; 2048];
        let socket = if way == Way::ToServer { &self.near } else { &self.far };
        let (count, from) = socket.recv_from(&mut buffer).expect("a datagram");
        let bytes = buffer[..count].to_vec();
        let datagram = Datagram::read(&bytes);
        if way == Way::ToServer {
            let name = datagram.text().split(';').next().expect("a name").to_owned();
            self.clients.insert(datagram.token, (from, name));
        }
        let name = &self.clients[&datagram.token].1;
        let count = self.counts.entry((datagram.token, way)).or_default();
        let delays = fate(name, way, *count);
        *count += 1;
        self.tally.came += 1;
        self.tally.lost += usize::from(delays.is_empty());
        self.tally.doubled += usize::from(delays.len() == 2);
        for delay in delays {
            let key = (self.clock.elapsed() + delay, self.tally.came);
            self.under_way.insert(key, (way, datagram.token, bytes.clone()));
        }
    }

    fn deliver(&mut self) {
        while let Some(first) = self.under_way.first_entry() {
            if first.key().0 > self.clock.elapsed() {
                return;
            }
            let ((_, order), (way, token, bytes)) = first.remove_entry();
            self.tally.overtaken += usize::from(order < self.newest);
            self.newest = self.newest.max(order);
            // A client that has its answer is gone: its copies meet nobody.
            let _ = match way {
                Way::ToServer => self.far.send(&bytes),
                Way::ToClient => self.near.send_to(&bytes, self.clients[&token].0),
            };
        }
    }
}

/// Has all clients ask through a relay; returns what they and the server logged, and the tally.
fn run(
    clients: usize,
    options: &[&str],
) -> (Vec<serde_json::Value>, Vec<serde_json::Value>, Tally) {
    let mut all = vec!["--transport", "udp", "--log-format", "json", "--drain", "0s"];
    all.extend(options);
    let server = Server::start(&all);
    let relay = Relay::before(server.address);
    let next = AtomicUsize::new(0);
    let ask_in_turn = || {
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= clients {
                return answers;
            }
            let (name, number) = (format!("Client {number}"), (number + 1).to_string());
            let options = ["--transport", "udp", "--name", &name, "--number", &number, "--json"];
            let patience = ["--retransmission-timeout", "50ms", "--timeout", "30s"];
            let ended = client(relay.address, &[&options[..], &patience].concat());
            answers.push(ended.with_code(0).json());
        }
    };
    let answers = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(ask_in_turn)).collect();
        let results = workers.into_iter().map(|worker| worker.join().expect("no panic"));
        results.flatten().collect()
    });
    let tally = relay.finish();
    let server = server.stop();
    (answers, support::program::json_lines(&server.out), tally)
}

#[test]
fn through_loss_copies_and_reordering_all_sums_agree_and_each_is_executed_once() {
    let (answers, events, tally) = run(CLIENTS, &[]);
    assert_eq!(answers.len(), CLIENTS);
    // The wire was as bad as it should be.
    assert!(tally.lost * 7 > tally.came && tally.doubled * 7 > tally.came, "{tally:?}");
    assert!(tally.overtaken * 20 > tally.came, "{tally:?}");
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).collect();
    let duplicates: Vec<_> = named("duplicate");
    assert!(duplicates.len() > CLIENTS / 3, "{} copies came", duplicates.len());
    let executed: Vec<_> = named("exchange");
    let keys: BTreeSet<_> = executed
        .iter()
        .map(|event| (event["message_id"].to_string(), event["client_name"].to_string()))
        .collect();
    assert_eq!((executed.len(), keys.len()), (CLIENTS, CLIENTS));
    for answer in answers {
        let at_server = executed
            .iter()
            .find(|event| event["client_name"] == answer["client_name"])
            .expect("executed");
        for field in ["client_number", "server_name", "server_number", "sum"] {
            assert_eq!(answer[field], at_server[field], "{field}: {answer}");
        }
    }
}

#[test]
fn on_the_same_wire_a_server_that_forgets_executes_some_twice() {
    let (answers, events, _) = run(CLIENTS / 3, &["--duplicate-cache", "off"]);
    assert_eq!(answers.len(), CLIENTS / 3);
    let exchanges = events.iter().filter(|event| event["event"] == "exchange");
    assert!(exchanges.count() > CLIENTS / 3);
}
