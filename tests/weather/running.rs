//! Living through a world, from its first packet until every lifetime has passed.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;
use std::time::Duration;

use socklab::net::sim::{Run, Sim, SimConfig, run};
use socklab::time::Timestamp;
use tokio::task::JoinHandle;

use crate::aftermath::aftermath;
use crate::chat::forging::forge;
use crate::chat::guest::Guesting;
use crate::chat::visit::Visit;
use crate::clients::{Overheard, Talker};
use crate::drawing::Dice;
use crate::hostile::{hostile, idle};
use crate::server::ServerHost;
use crate::story::{Aftermath, Asked, Life, Story};
use crate::world::{Act, Kind, World};

/// Nothing takes so long: 80 exchanges of 4,000 s.
const HORIZON: Duration = Duration::from_secs(100 * 3_600);

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
    visits: Vec<Visit>,
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
    let Lived { lives, asked, visits, trouble, aftermath, panics } = lived;
    Story { world: world.clone(), lives, asked, visits, trouble, aftermath, record, panics }
}

async fn live(sim: Sim, world: World) -> Lived {
    let host = ServerHost::new(&sim, &world);
    let overheard = Overheard::default();
    let Started { talkers, guests, others } = start_clients(&sim, &world, &overheard);
    follow(&sim, &host, &world).await;
    let (mut asked, mut visits, mut trouble) = (Vec::new(), Vec::new(), Vec::new());
    for talker in talkers {
        // A panic was noted where it happened.
        if let Ok(talker) = talker.await {
            asked.extend(talker.asked);
            trouble.extend(talker.trouble);
        }
    }
    for guest in guests {
        if let Ok(guest) = guest.await {
            visits.extend(guest.visits);
            trouble.extend(guest.trouble);
        }
    }
    for other in others {
        let _ = other.await;
    }
    let aftermath = aftermath(&sim, &host, &world, &overheard).await;
    let panics = PANICS.with(|panics| panics.take());
    Lived { lives: host.lives(), asked, visits, trouble, aftermath, panics }
}

/// All clients: those that ask, those of a chat, and the others.
#[derive(Default)]
struct Started {
    talkers: Vec<JoinHandle<Talker>>,
    guests: Vec<JoinHandle<Guesting>>,
    others: Vec<JoinHandle<()>>,
}

fn start_clients(sim: &Sim, world: &World, overheard: &Overheard) -> Started {
    let mut started = Started::default();
    for (number, plan) in (1..).zip(&world.clients) {
        let (clock, starts) = (sim.clock(), plan.starts);
        let (seed, net) = (world.seed, sim.client(number));
        let (sim, overheard) = (sim.clone(), overheard.clone());
        let wait = async move { clock.sleep_until(Timestamp::ZERO + starts).await };
        match plan.kind.clone() {
            Kind::Talker(talk) => {
                let talker = Talker::new(&sim, number, talk, seed, overheard);
                started.talkers.push(tokio::spawn(async {
                    wait.await;
                    talker.run().await
                }));
            }
            Kind::Guest(plan) => {
                let guest = Guesting::new(&sim, number, plan, seed, overheard);
                started.guests.push(tokio::spawn(async {
                    wait.await;
                    guest.run().await
                }));
            }
            Kind::Idle(time) => started.others.push(tokio::spawn(async move {
                wait.await;
                idle(sim, net, time).await;
            })),
            Kind::Hostile(transport, times) => {
                let dice = Dice::new(seed ^ (number as u64) << 48);
                started.others.push(tokio::spawn(async move {
                    wait.await;
                    hostile(sim, net, (transport, times), dice, overheard).await;
                }));
            }
        }
    }
    started
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
            Act::ChangeAddress(client) => sim.change_address(*client),
            Act::Forge(forgery) => forge(sim, *forgery),
            Act::NewFiles => host.replace_files(),
        }
    }
}
