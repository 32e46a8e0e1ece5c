//! `--net sim,kernel`: the same scenario on both networks, side by side.

use clap::ArgMatches;
use color_eyre::eyre;
use serde_json::Value;

use super::arguments::{CompareArguments, Format, NetworkChoice};
use super::kernel::Refusal;
use super::many::many_seeds;
use super::refusals::one_run_in_pictures;
use super::reproduce::reproduce;
use super::running::compare_all;
use super::showing::{draw, print_json};
use super::{NOT_AS_EXPECTED, catalogue, files, note, predict, print};
use crate::report::distributions::Distributions;
use crate::report::{html, parity};
use crate::scenario::log::Comparison;
use crate::scenario::{Network, Scenario};

/// What was found on the simulated network, and on the kernel's.
type Both<T> = (T, T);

/// Returns whether two networks are to be put side by side.
pub(super) fn is_asked_for(arguments: &CompareArguments) -> bool {
    let has = |network| arguments.net.contains(&network);
    arguments.net.len() == 2 && has(NetworkChoice::Sim) && has(NetworkChoice::Kernel)
}

/// Runs every scenario on both networks, and shows what is the same and what differs.
///
/// # Errors
/// If a network is not available, refuses the scenario, or fails.
pub(super) async fn run(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    rights: Result<(), Refusal>,
) -> eyre::Result<u8> {
    one_run_in_pictures(arguments)?;
    rights?;
    let scenarios = on_both(&arguments.scenario)?;
    catalogue::not_too_many(&scenarios, arguments.exchanges)?;
    catalogue::note_what_is_kept(arguments, &scenarios);
    catalogue::known(&arguments.expect, &scenarios, arguments.runs.is_some())?;
    if arguments.predict {
        predict(&scenarios)?;
    }
    let documents = match arguments.runs {
        Some(runs) => many(arguments, matches, &scenarios, runs as usize).await?,
        None => once(arguments, matches, &scenarios).await?,
    };
    check(arguments, &documents)
}

/// Finds the scenarios that were named, less those that one of the networks refuses.
fn on_both(names: &[String]) -> eyre::Result<Vec<Scenario>> {
    let simulated = catalogue::chosen(names, Network::Sim)?;
    let names: Vec<String> = simulated.iter().map(|scenario| scenario.name.to_owned()).collect();
    catalogue::chosen(&names, Network::Kernel)
}

async fn once(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    scenarios: &[Scenario],
) -> eyre::Result<Vec<Value>> {
    let settings = arguments.settings();
    let simulated = compare_all(scenarios, &settings, Network::Sim).await?;
    let real = compare_all(scenarios, &settings, Network::Kernel).await?;
    let both: Vec<Both<&Comparison>> = simulated.iter().zip(&real).collect();
    let again = |comparison: &Comparison| reproduce(matches, comparison.scenario.name);
    let document = |(sim, kernel): &Both<&Comparison>| parity::object(sim, kernel, &again(sim));
    let documents: Vec<Value> = both.iter().map(document).collect();
    let text = |(sim, kernel): &Both<&Comparison>| match arguments.format {
        Format::Markdown => parity::in_markdown(sim, kernel, arguments.full, &again(sim)),
        _ => parity::render(sim, kernel, arguments.full),
    };
    show(arguments, &documents, both.iter().map(text).collect())?;
    for (sim, kernel) in both {
        draw(arguments, &[sim.clone(), kernel.clone()], again)?;
    }
    if let Some(file) = &arguments.html {
        let pairs = simulated.iter().zip(&real);
        let said = |one: &Comparison| {
            let mut pairs = pairs.clone().filter(|_| one.network == Network::Sim);
            let (sim, kernel) = pairs.find(|(sim, _)| sim.scenario.name == one.scenario.name)?;
            Some(parity::render(sim, kernel, false))
        };
        let both: Vec<Comparison> =
            pairs.clone().flat_map(|(sim, kernel)| [sim.clone(), kernel.clone()]).collect();
        files::write(file, html::page_of_both(&both, &said, &again).as_bytes())?;
    }
    Ok(documents)
}

async fn many(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    scenarios: &[Scenario],
    runs: usize,
) -> eyre::Result<Vec<Value>> {
    let settings = arguments.settings();
    let (mut documents, mut texts) = (Vec::new(), Vec::new());
    for scenario in scenarios {
        let sim = many_seeds(*scenario, settings.clone(), Network::Sim, runs).await?;
        let kernel = many_seeds(*scenario, settings.clone(), Network::Kernel, runs).await?;
        documents.push(parity::runs_object(&sim, &kernel, &reproduce(matches, scenario.name)));
        texts.push(text_of_many(arguments, &sim, &kernel));
    }
    show(arguments, &documents, texts)?;
    Ok(documents)
}

fn text_of_many(
    arguments: &CompareArguments,
    sim: &Distributions,
    kernel: &Distributions,
) -> String {
    match arguments.format {
        Format::Markdown => parity::runs_in_markdown(sim, kernel, arguments.full),
        _ => parity::runs(sim, kernel, arguments.full),
    }
}

fn show(arguments: &CompareArguments, documents: &[Value], texts: Vec<String>) -> eyre::Result<()> {
    match arguments.format {
        Format::Json => print_json(arguments, documents),
        Format::Markdown | Format::Table => print(&texts.join("\n")),
    }
}

/// Holds every expectation against both networks.
fn check(arguments: &CompareArguments, documents: &[Value]) -> eyre::Result<u8> {
    let mut code = 0;
    for expectation in &arguments.expect {
        for (document, network) in
            documents.iter().flat_map(|one| ["sim", "kernel"].map(|network| (one, network)))
        {
            let verdict = expectation.check(&document[network]);
            if !verdict.met {
                code = NOT_AS_EXPECTED;
            }
            let verdict = format!("{network}: {verdict}");
            match arguments.format {
                Format::Json => note(&verdict),
                Format::Table | Format::Markdown => print(&format!("{verdict}\n"))?,
            }
        }
    }
    Ok(code)
}
