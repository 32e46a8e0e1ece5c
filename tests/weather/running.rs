//! Living through a world, from its first packet until every lifetime has passed.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic;
use std::sync::Once;
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Conversation, ask_once};
use socklab::net::sim::{Run, Sim, SimConfig, SimNet, run};
use socklab::net::{Net, Udp};
use socklab::peer::Transport;
use socklab::protocol::Question;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::{Ending, RequesterEvent};
use socklab::time::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::clients::{Overheard, Talker};
use crate::drawing::Dice;
use crate::hostile::{hostile, idle};
use crate::server::ServerHost;
use crate::story::{Aftermath, Asked, Life, Story, server};
use crate::world::{Act, Kind, World, ms};

/// Nothing takes so long: 80 exchanges of 4,000 s.
const HORIZON: Duration = Duration::from_secs(100 * 3_600);

/// A token lives 60 s after a packet that was held for 120 s, and a while.
const LIFETIMES: Duration = Duration::from_secs(200);

/// Time in which all that the stacks still repeat comes to its end: 924.6 s is their longest limit.
const SETTLING: Duration = Duration::from_secs(2_000);

thread_local! {
    /// Panics of tasks on this thread: their runtime keeps them to itself.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Has panics noted, also those of tasks.
pub(crate) fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with(|panics| panics.borrow_mut().push(info.to_string()));
            before(info);
        }));
    });
}

/// What the simulated program returns.
struct Lived {
    lives: Vec<Life>,
    asked: Vec<Asked>,
    trouble: Vec<String>,
    aftermath: Aftermath,
    panics: Vec<String>,
}

/// Lives through a world.
///
/// # Panics
/// If it does not come to its end.
pub(crate) fn live_through(world: &World) -> Story {
    let clients = world.clients.len();
    let config = SimConfig { wire: world.wire.clone(), clients, ..SimConfig::default() };
    let plan = world.clone();
    let Run { output, record, .. } =
        run(config, HORIZON, |sim| async move { live(sim, plan).await });
    let lived = output.expect("every wait has a bound");
    let Lived { lives, asked, trouble, aftermath, panics } = lived;
    Story { world: world.clone(), lives, asked, trouble, aftermath, record, panics }
}

async fn live(sim: Sim, world: World) -> Lived {
    let host = ServerHost::new(&sim, &world);
    let overheard = Overheard::default();
    let (talkers, others) = start_clients(&sim, &world, &overheard);
    follow(&sim, &host, &world).await;
    let (mut asked, mut trouble) = (Vec::new(), Vec::new());
    for talker in talkers {
        // A panic was noted where it happened.
        if let Ok(talker) = talker.await {
            asked.extend(talker.asked);
            trouble.extend(talker.trouble);
        }
    }
    for other in others {
        let _ = other.await;
    }
    let aftermath = aftermath(&sim, &host, &world, &overheard).await;
    let panics = PANICS.with(|panics| panics.take());
    Lived { lives: host.lives(), asked, trouble, aftermath, panics }
}

/// Starts all clients: those that ask, and the others.
fn start_clients(
    sim: &Sim,
    world: &World,
    overheard: &Overheard,
) -> (Vec<JoinHandle<Talker>>, Vec<JoinHandle<()>>) {
    let mut talkers = Vec::new();
    let mut others = Vec::new();
    for (number, plan) in (1..).zip(&world.clients) {
        let (clock, starts) = (sim.clock(), plan.starts);
        let (seed, net) = (world.seed, sim.client(number));
        let wait = async move { clock.sleep_until(Timestamp::ZERO + starts).await };
        match plan.kind.clone() {
            Kind::Talker(talk) => {
                let talker = Talker::new(sim, number, talk, seed, overheard.clone());
                talkers.push(tokio::spawn(async {
                    wait.await;
                    talker.run().await
                }));
            }
            Kind::Idle(time) => {
                let sim = sim.clone();
                others.push(tokio::spawn(async move {
                    wait.await;
                    idle(sim, net, time).await;
                }));
            }
            Kind::Hostile(transport, times) => {
                let (sim, overheard) = (sim.clone(), overheard.clone());
                let dice = Dice::new(seed ^ (number as u64) << 48);
                others.push(tokio::spawn(async move {
                    wait.await;
                    hostile(sim, net, (transport, times), dice, overheard).await;
                }));
            }
        }
    }
    (talkers, others)
}

/// Does to server and wire what the script says.
async fn follow(sim: &Sim, host: &ServerHost, world: &World) {
    for (at, act) in &world.script {
        sim.clock().sleep_until(Timestamp::ZERO + *at).await;
        match act {
            Act::Start => host.start(),
            Act::Interrupt => host.interrupt(),
            Act::Kill => host.kill(),
            Act::PowerOff => host.power_off(),
            Act::PowerOn => host.power_on(),
            Act::Cut => sim.cut(true),
            Act::Join => sim.cut(false),
            Act::Impostor => host.start_impostor(),
        }
    }
}

/// Waits until nothing of what happened can live any more, and looks at what is left. The healthy
/// client is on the server's own host: no weather is between them.
async fn aftermath(sim: &Sim, host: &ServerHost, world: &World, heard: &Overheard) -> Aftermath {
    let clock = sim.clock();
    host.power_on();
    let plan = &world.server;
    clock.sleep_until(clock.now() + LIFETIMES + 2 * plan.idle_timeout + plan.work).await;
    sim.settle(SETTLING).await;
    let running = host.is_running();
    let net = sim.server();
    let mut probes = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        probes.push((transport, probe(sim, &net, transport).await));
    }
    let (mut replays, mut stopping, mut service_dropped) = (Vec::new(), None, true);
    if running {
        if plan.max_clients < 100 {
            // The connection of the first probe is closed by then.
            clock.sleep_until(clock.now() + ms(3_000)).await;
            probes.extend(probe_all_places(sim, &net, plan.max_clients).await);
        }
        let heard = heard.lock().expect("no panic").clone();
        replays = replay(&net, &heard, plan.work).await;
        let began = clock.now();
        service_dropped = host.stop_for_good().await;
        stopping = Some(clock.now().since(began));
    }
    host.kill();
    sim.settle(SETTLING).await;
    let sockets = |net: SimNet| net.sockets();
    let clients = (1..=world.clients.len()).map(|number| sockets(sim.client(number)));
    let sockets = std::iter::once(sockets(net)).chain(clients).collect();
    Aftermath { running, probes, replays, stopping, service_dropped, sockets }
}

/// A healthy client's patience: work takes 10 s at most, and where nothing is remembered it is done
/// again for the copy that proves the address.
const HEALTHY: Duration = Duration::from_secs(25);

async fn probe(sim: &Sim, net: &SimNet, transport: Transport) -> Ending {
    let config = ClientConfig { timeout: Some(HEALTHY), ..ClientConfig::new(transport) };
    let question = Question::line("probe;5;sum");
    let mut random = ChaCha8Rng::seed_from_u64(1);
    ask_once(net, &[server()], &config, question, sim.clock(), &mut random, &mut |_| ())
        .await
        .expect("sockets work")
        .exchange
        .ending
}

/// As many connections as there are places, all at once, and one more.
async fn probe_all_places(sim: &Sim, net: &SimNet, places: usize) -> Vec<(Transport, Ending)> {
    let config = ClientConfig::new(Transport::Tcp);
    let (clock, mut random) = (sim.clock(), ChaCha8Rng::seed_from_u64(2));
    let mut asking = Vec::new();
    for _ in 0..=places {
        let opened = Conversation::open(net, server(), &config, clock, &mut random).await;
        let mut conversation = opened.expect("the server listens");
        asking.push(tokio::spawn(async move {
            conversation.ask(Question::line("probe;6;sum"), Some(clock.now() + HEALTHY));
            loop {
                let event = conversation.next_event().await.expect("sockets work");
                if let RequesterEvent::Ended(exchange) = event {
                    // Nobody leaves before all have been answered.
                    clock.sleep_until(clock.now() + HEALTHY).await;
                    return exchange.ending;
                }
            }
        }));
    }
    let mut endings = Vec::new();
    for one in asking {
        endings.push((Transport::Tcp, one.await.expect("no panic")));
    }
    endings
}

/// Uses the ids of old requests for something else. Returns the text of each answer.
async fn replay(
    net: &SimNet,
    heard: &[(u32, u32, String)],
    work: Duration,
) -> Vec<(String, Option<String>)> {
    let udp = net.bind_connected(server()).expect("a free port");
    let mut answers = Vec::new();
    let mut tokens = std::collections::BTreeSet::new();
    for (token, id, text) in heard.iter().rev().filter(|(token, ..)| tokens.insert(*token)) {
        let mut bytes = Vec::new();
        Header::new(Type::Request, 1, *token, *id).write(b"again;8", &mut bytes);
        poll_fn(|cx| udp.poll_send(cx, &bytes)).await.expect("sent");
        let mut buffer = vec![0; 2_000];
        let received = poll_fn(|cx| udp.poll_receive(cx, &mut buffer));
        let count = timeout(work + ms(100), received).await.ok().and_then(Result::ok);
        let answer = count.and_then(|(count, _)| {
            let (header, payload) = Header::parse(&buffer[..count]).ok()?;
            let payload = String::from_utf8_lossy(payload);
            Some(format!("{:?} {payload}", header.kind))
        });
        answers.push((text.clone(), answer));
    }
    answers
}
