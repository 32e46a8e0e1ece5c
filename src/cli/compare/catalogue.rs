//! Which scenarios are meant, which there are, and which cannot be shown on a network.

use color_eyre::eyre;

use super::{CompareArguments, NOT_AVAILABLE, note};
use crate::cli::Failure;
use crate::report::expect::Expectation;
use crate::scenario::library::{SCENARIOS, find, mission};
use crate::scenario::metrics::{DISTRIBUTION, NAMES};
use crate::scenario::{Network, Scenario};

/// Finds the scenarios that were named; among several, those that cannot be shown are skipped with
/// a line.
pub(super) fn chosen(names: &[String], network: Network) -> eyre::Result<Vec<Scenario>> {
    if names.is_empty() {
        return Ok(mission(network).iter().filter_map(|name| find(name)).copied().collect());
    }
    let all = names.iter().any(|name| name == "all");
    let names: Vec<&str> = match all {
        true => SCENARIOS.iter().map(|scenario| scenario.name).collect(),
        false => names.iter().map(String::as_str).collect(),
    };
    let mut found = Vec::new();
    for name in &names {
        match (refusal(name, network)?, find(name)) {
            (None, Some(scenario)) => found.push(*scenario),
            (Some(reason), _) if names.len() > 1 => note(&format!("skipped: {name} ({reason})")),
            (reason, _) => {
                let what = format!("{name} cannot be shown here: {}", reason.unwrap_or_default());
                return Err(not_available(what, network));
            }
        }
    }
    match found.is_empty() {
        true => Err(not_available("None of these scenarios can be shown here".to_owned(), network)),
        false => Ok(found),
    }
}

fn not_available(what: String, network: Network) -> eyre::Report {
    let advice = match network {
        Network::Remote(_) => "Leave out --server: then the server is ours, and so is the network",
        _ => "See what can be shown where: compare --list",
    };
    Failure { what, advice: advice.to_owned(), code: NOT_AVAILABLE }.into()
}

/// Returns why a scenario cannot be shown on a network, if it cannot.
fn refusal(name: &str, network: Network) -> eyre::Result<Option<String>> {
    match find(name) {
        Some(scenario) => Ok(scenario.refused_on(network).map(str::to_owned)),
        None => Err(unknown(name).into()),
    }
}

fn unknown(name: &str) -> Failure {
    let name = crate::escape::escape(name);
    let similar = SCENARIOS
        .iter()
        .find(|scenario| scenario.name.contains(&name) || name.contains(scenario.family()));
    let advice = match similar {
        Some(scenario) => format!("Did you mean {}? All of them: compare --list", scenario.name),
        None => "All of them: compare --list".to_owned(),
    };
    Failure::usage(format!("There is no scenario \"{name}\""), advice)
}

/// Refuses more exchanges than a scenario can tell apart; among several it makes fewer.
pub(super) fn not_too_many(scenarios: &[Scenario], exchanges: Option<u16>) -> eyre::Result<()> {
    let exchanges = exchanges.map_or(0, usize::from);
    let [scenario] = scenarios else { return Ok(()) };
    match scenario.most_exchanges().filter(|most| exchanges > *most) {
        None => Ok(()),
        Some(most) => {
            let what = format!("{} makes at most {most} exchanges", scenario.name);
            let advice = "They are asked without waiting, and their numbers tell them apart";
            Err(Failure::usage(what, advice).into())
        }
    }
}

/// Says which of the named scenarios keep what is their own, whatever was typed.
pub(super) fn note_what_is_kept(arguments: &CompareArguments, scenarios: &[Scenario]) {
    for scenario in scenarios.iter().filter(|_| !arguments.scenario.is_empty()) {
        if arguments.timeout.is_some() && scenario.about_no_deadline {
            note(&format!("{} is about having no deadline, and keeps none", scenario.name));
        }
        if arguments.exchanges.is_some() && !scenario.repeats() {
            note(&format!("{} keeps its own number of exchanges", scenario.name));
        }
        if arguments.second.is_some() && !scenario.has_serial_server() {
            note(&format!("{} has no server that serves one client at a time", scenario.name));
        }
        if arguments.clients.is_some() && scenario.keeps_its_clients() {
            note(&format!("{} keeps its own clients", scenario.name));
        }
    }
}

/// Refuses expectations about what no report has: a typing error is no wrong answer.
pub(super) fn known(
    expectations: &[Expectation],
    scenarios: &[Scenario],
    several_runs: bool,
) -> eyre::Result<()> {
    let parts = if several_runs { DISTRIBUTION } else { &[] };
    for scenario in scenarios {
        let columns: Vec<&str> = scenario.columns.iter().map(|column| column.key).collect();
        if let Some(strange) = expectations.iter().find(|one| !one.is_about(&columns, NAMES, parts))
        {
            let text = crate::escape::escape(strange.text());
            let what = format!("{} has nothing to compare with {text}", scenario.name);
            let more = match several_runs {
                true => format!(". Of each: {}, as in udp.failed.mean<3", parts.join(", ")),
                false => String::new(),
            };
            let columns = columns.join(", ");
            let advice = format!("Columns: {columns}. Numbers: see --full{more}");
            return Err(Failure::usage(what, advice).into());
        }
    }
    Ok(())
}

/// Returns the catalogue.
pub(super) fn list() -> String {
    let mut text = String::from(
        "Scenarios, simulated and on Linux's own TCP and UDP (--net kernel); with L on\n\
         loopback too, with l on these but not simulated, with s only simulated.\n\
         Below some stand variants, which are asked for as NAME.VARIANT.\n",
    );
    for scenario in SCENARIOS {
        let shown = |network| scenario.refused_on(network).is_none();
        let mark = match [Network::Sim, Network::Kernel, Network::Loopback].map(shown) {
            [true, true, true] => "L",
            [false, ..] => "l",
            [true, false, _] => "s",
            [true, true, false] => " ",
        };
        let name = match scenario.name.split_once('.') {
            Some((_, variant)) => format!("  .{variant}"),
            None => scenario.name.to_owned(),
        };
        text.push_str(&format!("{mark} {name:<22}{}\n", scenario.question));
    }
    text
}
