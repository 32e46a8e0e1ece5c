//! One scenario with many seeds: how its numbers are distributed.

use clap::ArgMatches;
use color_eyre::eyre;
use serde_json::Value;

use super::arguments::{CompareArguments, Format};
use super::reproduce::reproduce;
use super::running::{on_kernels, simulate};
use super::showing::print_json;
use super::{print, remote};
use crate::report::distributions::{self, Distributions, Numbers};
use crate::report::{json, markdown, table};
use crate::scenario::log::Comparison;
use crate::scenario::{Network, Scenario, Settings};

/// Runs every scenario with many seeds and shows how the numbers are distributed.
pub(super) async fn many_runs(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    scenarios: &[Scenario],
    settings: &Settings,
    network: Network,
    runs: u32,
) -> eyre::Result<Vec<Value>> {
    let mut reports = Vec::new();
    let mut tables = Vec::new();
    for scenario in scenarios {
        let found = match network {
            Network::Remote(server) => remote::measure(scenario, settings, server, runs).await?,
            _ => many_seeds(*scenario, settings.clone(), network, runs as usize).await?,
        };
        reports.push(json::runs(&found, &reproduce(matches, scenario.name)));
        tables.push(match arguments.format {
            Format::Markdown => markdown::runs(&found),
            _ => table::runs(&found, arguments.full),
        });
    }
    match arguments.format {
        Format::Json => print_json(arguments, &reports)?,
        _ => print(&tables.join("\n"))?,
    }
    Ok(reports)
}

/// Runs a scenario with so many seeds.
pub(super) async fn many_seeds(
    scenario: Scenario,
    settings: Settings,
    network: Network,
    runs: usize,
) -> eyre::Result<Distributions> {
    let with_seed = move |run: usize| {
        let mut settings = settings.clone();
        settings.server.seed = settings.server.seed.wrapping_add(run as u64);
        (scenario, settings)
    };
    if network == Network::Kernel {
        let found = on_kernels((0..runs).map(with_seed).collect(), mostly_numbers).await?;
        let (numbers, mut comparisons): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        return Ok(distributions::of(comparisons.swap_remove(0), &numbers));
    }
    let first = simulate(1, with_seed.clone(), |comparison| comparison);
    let first = first.await?.swap_remove(0);
    let numbers = simulate(runs, with_seed, |comparison| distributions::numbers(&comparison));
    Ok(distributions::of(first, &numbers.await?))
}

/// Returns the numbers of a run; what they were computed from is kept, with packets only of the first.
fn mostly_numbers(place: usize, mut comparison: Comparison) -> (Numbers, Comparison) {
    let numbers = distributions::numbers(&comparison);
    if place > 0 {
        comparison.runs.iter_mut().for_each(|run| run.trace = None);
    }
    (numbers, comparison)
}
