//! Every scenario on both networks, several at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::{env, thread};

use serde_json::Value;
use socklab::scenario::library::{SCENARIOS, find};
use socklab::scenario::{Network, Scenario};

use crate::support::{compare, stderr, stdout};

/// Where the wire throws dice, a seed is an anecdote.
const SEEDS: u64 = 20;

/// Elsewhere a seed decides about nothing but numbers and the spread of UDP's timers: these runs are
/// only repeated so that one is hardly disturbed. Twenty of each would take a quarter of an hour.
const SEEDS_WITHOUT_DICE: u64 = 3;

/// Longer than this in virtual time, a scenario mostly waits, and many wait side by side.
const LONG: f64 = 10_000.0; // ms

/// Programs that run at once: those that mostly wait, and those that do not.
const WAITING_AT_ONCE: usize = 32;
const WORKING_AT_ONCE: usize = 3;

/// A scenario with what `compare` says of it, for each seed.
pub(crate) struct Compared {
    pub(crate) scenario: &'static str,
    /// Whether a seed is an anecdote.
    pub(crate) throws_dice: bool,
    pub(crate) documents: Vec<Value>,
}

struct Job {
    scenario: &'static str,
    seed: u64,
}

/// Returns whether there is a kernel network here. As root on a computer that has the device, where
/// all tests must run, there has to be one.
pub(crate) fn is_available() -> bool {
    let output = compare(&["happy-path", "--net", "kernel", "--format", "json"]);
    if output.status.success() {
        return true;
    }
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(11), "{error}");
    let must_run = env::var("CI").is_ok_and(|value| value == "true")
        && rustix::process::geteuid().is_root()
        && Path::new("/dev/net/tun").exists();
    assert!(!must_run, "the kernel network must work here: {error}");
    eprintln!("SKIP: {error}");
    false
}

/// Runs every scenario that both networks can show.
pub(crate) fn on_both_networks() -> Vec<Compared> {
    let (mut waiting, mut working) = (Vec::new(), Vec::new());
    for scenario in SCENARIOS.iter().filter(|scenario| is_on_both(scenario)) {
        let (throws_dice, is_long) = (throws_dice(scenario), is_long(scenario.name));
        let seeds = if throws_dice { SEEDS } else { SEEDS_WITHOUT_DICE };
        let jobs = (1..=seeds).map(|seed| Job { scenario: scenario.name, seed });
        if is_long { waiting.extend(jobs) } else { working.extend(jobs) }
    }
    let found = Mutex::new(BTreeMap::new());
    // One after the other: those that work measure times that a crowd would disturb.
    for (jobs, at_once) in [(waiting, WAITING_AT_ONCE), (working, WORKING_AT_ONCE)] {
        let queue = Mutex::new(jobs);
        thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| work_off(&queue, &found));
            }
        });
    }
    let found = found.into_inner().expect("no panic");
    let mut compared: Vec<Compared> = Vec::new();
    for ((scenario, _), document) in found {
        match compared.last_mut().filter(|last| last.scenario == scenario) {
            Some(last) => last.documents.push(document),
            None => compared.push(Compared {
                scenario,
                throws_dice: find(scenario).is_some_and(throws_dice),
                documents: vec![document],
            }),
        }
    }
    compared
}

fn work_off(queue: &Mutex<Vec<Job>>, found: &Mutex<BTreeMap<(&'static str, u64), Value>>) {
    loop {
        let Some(Job { scenario, seed }) = queue.lock().expect("no panic").pop() else { return };
        let document = document(&[scenario, "--seed", &seed.to_string()]);
        found.lock().expect("no panic").insert((scenario, seed), document);
    }
}

/// Returns what `compare` says of a scenario on both networks.
pub(crate) fn document(options: &[&str]) -> Value {
    let both = ["--net", "sim,kernel", "--tcp-profile", "textbook", "--format", "json"];
    json(&[options, &both].concat())
}

fn json(arguments: &[&str]) -> Value {
    let output = compare(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("one JSON document")
}

pub(crate) fn is_on_both(scenario: &Scenario) -> bool {
    let both = [Network::Sim, Network::Kernel];
    both.into_iter().all(|network| scenario.refused_on(network).is_none())
}

/// Returns whether a packet's luck depends on the seed.
pub(crate) fn throws_dice(scenario: &Scenario) -> bool {
    let is_luck = |share: f64| share > 0.0 && share < 1.0;
    let ways = [scenario.wire.c2s, scenario.wire.s2c];
    ways.iter().any(|way| [way.loss, way.duplicate, way.reorder].into_iter().any(is_luck))
}

fn is_long(scenario: &str) -> bool {
    virtual_time(scenario) >= LONG
}

/// Returns how long the longest column of a scenario takes in the simulation, in milliseconds.
pub(crate) fn virtual_time(scenario: &str) -> f64 {
    let report = json(&[scenario, "--format", "json"]);
    let columns = report.as_object().expect("an object").values();
    let times = columns.filter_map(|column| column.get("total_ms")?.as_f64());
    times.fold(0.0, f64::max)
}
