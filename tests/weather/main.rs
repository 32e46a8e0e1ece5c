//! The programs under bad weather: the real server and the real client on thousands of simulated
//! networks, each drawn from a seed, with everything that a network, a process and a peer can do to
//! them. What PROTOCOL promises must hold in every one of them. In one world of three the service is
//! the chat (`chat`), in the others the sum.
//!
//! `SOCKLAB_WEATHER_SEED=1234 cargo test --test weather -- --nocapture` tells the whole story of one
//! seed; `SOCKLAB_WEATHER_SEEDS=100000` tries more of them.

mod aftermath;
mod chat;
mod checks;
mod clients;
mod coverage;
mod drawing;
mod hostile;
mod impostor;
mod recorded;
mod running;
mod server;
mod story;
mod traffic;
mod words;
mod world;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use coverage::Coverage;
use running::live_through;
use traffic::Traffic;
use world::World;

/// As many as a promise of "thousands" asks for: two thousand of sums, one thousand of a chat.
const SEEDS: u64 = 3_000;

/// Worlds that are lived through at once: as many as a small computer has cores.
const THREADS: usize = 2;

/// Seeds that are run twice, to compare.
const REPEATED: u64 = 12;

#[test]
fn what_is_promised_holds_in_any_weather() {
    running::listen_for_panics();
    if let Some(seed) = number("SOCKLAB_WEATHER_SEED") {
        return tell(seed);
    }
    let seeds = number("SOCKLAB_WEATHER_SEEDS").unwrap_or(SEEDS);
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let covered = Mutex::new(Coverage::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    match try_seed(seed) {
                        Ok(one) => covered.lock().expect("no panic").add(&one),
                        Err(report) => failed.lock().expect("no panic").push((seed, report)),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    for (_, report) in failed.iter().take(5) {
        eprintln!("{report}\n");
    }
    let covered = covered.into_inner().expect("no panic");
    println!("{covered}");
    assert!(
        failed.is_empty(),
        "{} of {seeds} seeds failed, {}",
        failed.len(),
        words::sums(&failed)
    );
    if seeds >= SEEDS {
        let never = covered.never_met();
        assert!(never.is_empty(), "a test that never meets {never:?} does not test them");
    }
}

#[test]
fn the_same_seed_gives_the_same_record() {
    let once = || (0..REPEATED).map(|seed| live_through(&World::draw(seed))).collect::<Vec<_>>();
    let other = thread::spawn(once);
    for (one, other) in once().into_iter().zip(other.join().expect("no panic")) {
        let seed = one.world.seed;
        assert!(one.record == other.record, "seed {seed}: the packets differ");
        assert_eq!(one.asked, other.asked, "seed {seed}");
        assert_eq!(one.visits, other.visits, "seed {seed}");
        assert_eq!(format!("{:?}", one.lives), format!("{:?}", other.lives), "seed {seed}");
    }
}

/// Lives through one world. Returns what was met in it, or what is wrong.
fn try_seed(seed: u64) -> Result<Coverage, String> {
    let world = World::draw(seed);
    let failure = |what: &str| words::failure(&world, what);
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let story = live_through(&world);
        let traffic = Traffic::read(&story.record);
        (checks::all(&story, &traffic), Coverage::of(&story, &traffic))
    }));
    let (wrong, met) = judged.map_err(|panic| failure(&words::panic_text(&*panic)))?;
    if wrong.is_empty() { Ok(met) } else { Err(failure(&wrong.join("\n"))) }
}

/// Tells everything about one seed.
fn tell(seed: u64) {
    let world = World::draw(seed);
    println!("{world}");
    let story = live_through(&world);
    println!("{}", words::whole(&story));
    let wrong = checks::all(&story, &Traffic::read(&story.record));
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}
