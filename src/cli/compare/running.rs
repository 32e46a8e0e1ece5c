//! Carrying out what was chosen, with progress where it takes long.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use color_eyre::eyre;
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tokio::sync::Semaphore;

use super::kernel::{AT_ONCE, on_kernel, stack_facts};
use super::remote;
use crate::cli::{Failure, system_random};
use crate::net::kernel::allow_connections;
use crate::scenario::facts::StackFacts;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::run::{clients, horizon, run as carry_out};
use crate::scenario::{Column, Network, Scenario, Settings};
use crate::testbed::loopback::{self, Loopback};
use crate::testbed::sim;
use crate::time::Clock;

/// Runs every scenario, each of its columns on a network of its own.
///
/// # Errors
/// If one of them cannot be carried out.
pub(super) async fn compare_all(
    scenarios: &[Scenario],
    settings: &Settings,
    network: Network,
) -> eyre::Result<Vec<Comparison>> {
    if network == Network::Sim {
        let count = scenarios.len();
        let (scenarios, settings) = (scenarios.to_vec(), settings.clone());
        let job = move |index: usize| (scenarios[index], settings.clone());
        return simulate(count, job, |comparison| comparison).await;
    }
    if network == Network::Kernel {
        let jobs = scenarios.iter().map(|scenario| (*scenario, settings.clone())).collect();
        return on_kernels(jobs, |_, comparison| comparison).await;
    }
    if let Network::Remote(server) = network {
        return remote::compare_all(scenarios, settings, server).await;
    }
    let runs = on_loopback(scenarios, settings).await?;
    let comparison = |(place, scenario): (usize, &Scenario)| Comparison {
        scenario: *scenario,
        settings: settings.clone(),
        network,
        stack: loopback::stack(),
        measured: None,
        runs: runs.iter().filter(|((of, _), _)| *of == place).map(|(_, run)| run.clone()).collect(),
    };
    Ok(scenarios.iter().enumerate().map(comparison).collect())
}

/// Runs every column of every job on hosts of its own, several at once: each mostly waits for its own
/// wire. Of each comparison only what `digest` makes of it is kept.
///
/// # Errors
/// If one of them cannot be carried out.
pub(super) async fn on_kernels<R>(
    jobs: Vec<(Scenario, Settings)>,
    digest: impl Fn(usize, Comparison) -> R,
) -> eyre::Result<Vec<R>> {
    let columns = |scenario: &Scenario| scenario.columns_on(Network::Kernel);
    let bar = progress(jobs.iter().map(|(scenario, _)| columns(scenario).len()).sum());
    let turn = Arc::new(Semaphore::new(AT_ONCE as usize));
    // Beside the runs: it mostly waits, too.
    let profile = jobs.first().map(|(_, settings)| settings.profile).unwrap_or_default();
    tokio::spawn(stack_facts(profile));
    let mut tasks = tokio::task::JoinSet::new();
    for (place, (scenario, settings)) in jobs.iter().enumerate() {
        for (index, column) in columns(scenario).into_iter().enumerate() {
            let (scenario, settings, turn) = (*scenario, settings.clone(), turn.clone());
            tasks.spawn(async move {
                let run = on_kernel(&scenario, column, &settings, &turn).await;
                let run = run.map_err(|error| cannot_run(scenario.name, column.title, error));
                ((place, index), run)
            });
        }
    }
    let mut runs: BTreeMap<usize, BTreeMap<usize, Run>> = BTreeMap::new();
    let mut digests = BTreeMap::new();
    while let Some(finished) = tasks.join_next().await {
        let ((place, index), run) = finished?;
        bar.inc(1);
        let (scenario, settings) = &jobs[place];
        let found = runs.entry(place).or_default();
        found.insert(index, run?);
        if found.len() == columns(scenario).len() {
            let found = runs.remove(&place).unwrap_or_default().into_values().collect();
            let measured = stack_facts(profile).await;
            digests.insert(
                place,
                digest(place, on_kernel_compared(scenario, settings, measured, found)),
            );
        }
    }
    bar.finish_and_clear();
    Ok(digests.into_values().collect())
}

fn on_kernel_compared(
    scenario: &Scenario,
    settings: &Settings,
    measured: Option<Result<StackFacts, String>>,
    runs: Vec<Run>,
) -> Comparison {
    let stack = runs.iter().find_map(|run| run.host.as_ref()).map(|host| host.stack.clone());
    let mut stack = stack.unwrap_or_else(loopback::stack);
    // What a record does not tell is told in every report.
    for run in &runs {
        let troubles = run.host.iter().flat_map(|host| &host.troubles);
        stack.set_up.extend(troubles.map(|trouble| format!("{}: {trouble}", run.column.title)));
    }
    Comparison {
        scenario: *scenario,
        settings: settings.clone(),
        network: Network::Kernel,
        stack,
        measured,
        runs,
    }
}

/// Simulates so many jobs, on as many threads as there are processors; each is a function of its
/// scenario and settings, so it does not matter who runs when. Of each comparison only what `digest`
/// makes of it is kept.
///
/// # Errors
/// If one of them cannot be carried out.
pub(super) async fn simulate<R: Send + 'static>(
    count: usize,
    job: impl Fn(usize) -> (Scenario, Settings) + Send + Sync + 'static,
    digest: fn(Comparison) -> R,
) -> eyre::Result<Vec<R>> {
    let bar = progress(count);
    let job = Arc::new(job);
    let next = Arc::new(AtomicUsize::new(0));
    let (done, is_done) = mpsc::channel();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(count);
    for _ in 0..threads {
        let (job, next, done) = (job.clone(), next.clone(), done.clone());
        thread::spawn(move || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return;
                }
                let (scenario, settings) = job(index);
                let result = simulated(&scenario, &settings).map(digest);
                if done.send((index, result)).is_err() {
                    return;
                }
            }
        });
    }
    drop(done);
    let collect = tokio::task::spawn_blocking(move || {
        let mut found = BTreeMap::new();
        for (index, result) in is_done {
            found.insert(index, result);
            bar.inc(1);
        }
        bar.finish_and_clear();
        found
    });
    let found = collect.await?;
    found.into_values().collect()
}

/// Runs one scenario on the simulated network.
fn simulated(scenario: &Scenario, settings: &Settings) -> eyre::Result<Comparison> {
    let columns = scenario.columns_on(Network::Sim);
    let runs = columns.into_iter().map(|column| {
        let result = simulate_column(scenario, column, settings);
        result.map_err(|error| failed(scenario.name, column.title, &error))
    });
    Ok(Comparison {
        scenario: *scenario,
        settings: settings.clone(),
        network: Network::Sim,
        stack: sim::stack(),
        measured: None,
        runs: runs.collect::<eyre::Result<_>>()?,
    })
}

fn simulate_column(scenario: &Scenario, column: Column, settings: &Settings) -> io::Result<Run> {
    let wire = scenario.wire(settings);
    // Longer than the scenario may take: what it leaves is still to be recorded.
    let horizon = horizon(scenario, settings) * 2;
    let (plan, chosen) = (*scenario, settings.clone());
    sim::experiment(wire, clients(scenario, settings), horizon, move |testbed| async move {
        let mut random = ChaCha8Rng::seed_from_u64(chosen.server.seed);
        carry_out(testbed, &plan, column, &chosen, &mut random).await
    })
}

/// Says which run it was, unless what went wrong says enough.
fn cannot_run(name: &str, title: &str, error: eyre::Report) -> eyre::Report {
    match error.downcast_ref::<io::Error>() {
        Some(error) => failed(name, title, error),
        None => error,
    }
}

fn failed(name: &str, title: &str, error: &io::Error) -> eyre::Report {
    Failure::local(
        format!("Could not run {name} over {title}: {error}"),
        "Try it by itself, with a shorter --timeout; or see: compare --doctor",
    )
    .into()
}

/// Runs every column, each with a server and a port of its own. Those that only wait run beside
/// the others, which run one after the other so that nobody measures its neighbour.
async fn on_loopback(
    scenarios: &[Scenario],
    settings: &Settings,
) -> eyre::Result<BTreeMap<(usize, usize), Run>> {
    let bar = progress(
        scenarios.iter().map(|scenario| scenario.columns_on(Network::Loopback).len()).sum(),
    );
    let mut tasks = tokio::task::JoinSet::new();
    let clock = Clock::start();
    let turn = Arc::new(Semaphore::new(1));
    for (place, scenario) in scenarios.iter().enumerate() {
        for (column, plan) in scenario.columns_on(Network::Loopback).into_iter().enumerate() {
            let (scenario, settings) = (*scenario, settings.clone());
            let mut random = system_random()?;
            let turn = turn.clone();
            tasks.spawn(async move {
                let waits = scenario.mostly_waits();
                let _turn = if waits { None } else { turn.acquire().await.ok() };
                allow_connections(clients(&scenario, &settings));
                let testbed = Loopback::new(clock);
                let run = carry_out(testbed, &scenario, plan, &settings, &mut random).await;
                ((place, column), run.map_err(|error| failed(scenario.name, plan.title, &error)))
            });
        }
    }
    let mut runs = BTreeMap::new();
    while let Some(finished) = tasks.join_next().await {
        let (key, run) = finished?;
        runs.insert(key, run?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(runs)
}

/// Shows on a terminal that something goes on, and for how long already.
pub(super) fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} done, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
