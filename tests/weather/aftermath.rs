//! What is left of a world when everything in it has ended.

use std::future::poll_fn;
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Conversation};
use socklab::net::sim::{Sim, SimNet};
use socklab::net::{Net, Udp};
use socklab::peer::Transport;
use socklab::protocol::Question;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::{Ending, RequesterEvent};
use tokio::time::timeout;

use crate::clients::Overheard;
use crate::server::ServerHost;
use crate::story::{Aftermath, Life, server};
use crate::world::{World, ms};

/// A token lives 60 s after a packet that was held for 120 s, and a while.
const LIFETIMES: Duration = Duration::from_secs(200);

/// Time in which all that the stacks still repeat comes to its end: 924.6 s is their longest limit.
const SETTLING: Duration = Duration::from_secs(2_000);

/// Waits until nothing of what happened can live any more, and looks at what is left. The healthy
/// client is on the server's own host: no weather is between them.
pub(crate) async fn aftermath(
    sim: &Sim,
    host: &ServerHost,
    world: &World,
    heard: &Overheard,
) -> Aftermath {
    let clock = sim.clock();
    host.power_on();
    let plan = &world.server;
    clock.sleep_until(clock.now() + LIFETIMES + 2 * plan.idle_timeout + plan.work).await;
    sim.settle(SETTLING).await;
    let running = host.is_running();
    let now = |life: &Life| life.guests_after(life.sessions.len());
    let still_here = host.lives().last().filter(|_| running).map(now).unwrap_or_default();
    let net = sim.server();
    let mut probes = Vec::new();
    let greeted = world.chat.is_some();
    for transport in [Transport::Tcp, Transport::Udp] {
        probes.push((transport, probe(sim, &net, transport, greeted).await));
    }
    let (mut replays, mut stopping, mut service_dropped) = (Vec::new(), None, true);
    if running {
        let places = world.places();
        if places < 100 {
            // The connection of the first probe is closed by then.
            clock.sleep_until(clock.now() + ms(3_000)).await;
            probes.extend(probe_all_places(sim, &net, places, greeted).await);
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
    Aftermath { running, still_here, probes, replays, stopping, service_dropped, sockets }
}

/// A healthy client's patience: work takes 10 s at most, and where nothing is remembered it is done
/// again for the copy that proves the address.
const HEALTHY: Duration = Duration::from_secs(25);

async fn probe(sim: &Sim, net: &SimNet, transport: Transport, greeted: bool) -> Ending {
    let config = ClientConfig { timeout: Some(HEALTHY), ..ClientConfig::new(transport) };
    let (clock, mut random) = (sim.clock(), ChaCha8Rng::seed_from_u64(1));
    let opened = Conversation::open_within(net, server(), &config, clock, None, &mut random).await;
    let mut conversation = match opened.expect("sockets work") {
        Ok(conversation) => conversation,
        Err(ending) => return ending,
    };
    let ending = question(sim, &mut conversation, greeted).await;
    conversation.leave().await;
    ending
}

/// Asks something, after a HELLO where one is greeted. Returns how the last of it ended.
async fn question(sim: &Sim, conversation: &mut Conversation<SimNet>, greeted: bool) -> Ending {
    let deadline = || Some(sim.clock().now() + HEALTHY);
    let mut id = match greeted {
        true => conversation.ask(Question::HELLO, deadline()),
        false => conversation.ask(Question::line(PROBE), deadline()),
    };
    let mut greeted = !greeted;
    loop {
        let event = conversation.next_event().await.expect("sockets work");
        let RequesterEvent::Ended(exchange) = event else { continue };
        if exchange.id != id {
            continue;
        }
        match exchange.ending {
            Ending::Replied(_) if !greeted => {
                greeted = true;
                id = conversation.ask(Question::line(PROBE), deadline());
            }
            ending => return ending,
        }
    }
}

/// What a healthy client asks.
pub(crate) const PROBE: &str = "probe;5;sum";

/// As many connections as there are places, all at once, and one more.
async fn probe_all_places(
    sim: &Sim,
    net: &SimNet,
    places: usize,
    greeted: bool,
) -> Vec<(Transport, Ending)> {
    let config = ClientConfig::new(Transport::Tcp);
    let (clock, mut random) = (sim.clock(), ChaCha8Rng::seed_from_u64(2));
    let mut asking = Vec::new();
    for _ in 0..=places {
        let opened = Conversation::open(net, server(), &config, clock, &mut random).await;
        let mut conversation = opened.expect("the server listens");
        let sim = sim.clone();
        asking.push(tokio::spawn(async move {
            let ending = question(&sim, &mut conversation, greeted).await;
            // Nobody leaves before all have been answered.
            clock.sleep_until(clock.now() + HEALTHY).await;
            ending
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
