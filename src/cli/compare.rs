//! The command line of `compare`.

mod arguments;
mod catalogue;
mod doctor;
mod facts;
mod files;
mod kernel;
mod parity;
mod remote;
mod running;
mod wire;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use color_eyre::eyre::{self, WrapErr};
use serde_json::Value;

pub use arguments::CompareArguments;
use arguments::{Format, NetworkChoice, reproduce};

use super::{Failure, INTERRUPTED};
use crate::report::distributions::{Distributions, Numbers};
use crate::report::pictures::plot_text;
use crate::report::{distributions, html, json, markdown, mission, table};
use crate::scenario::log::Comparison;
use crate::scenario::{Network, Scenario, Settings};
use crate::trace::ladder::{Glyphs, ladder};
use kernel::Refusal;
use running::{compare_all, on_kernels, simulate};

/// Exit code of an expectation that was not met.
const NOT_AS_EXPECTED: u8 = 10;

/// Exit code of a network that is not available, or cannot show the scenario honestly.
const NOT_AVAILABLE: u8 = 11;

/// Runs `compare` as typed.
pub fn main() -> ExitCode {
    let matches = CompareArguments::command().get_matches();
    let arguments = match CompareArguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    arguments.color.apply();
    // While there is only this thread: later the system would not let us.
    let asks = arguments.doctor || arguments.facts;
    let rights = match asks || arguments.net.contains(&NetworkChoice::Kernel) {
        true => kernel::acquire_rights(),
        false => Ok(()),
    };
    super::run(async move {
        tokio::select! {
            biased;
            code = run(&arguments, &matches, rights) => code,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                Ok(INTERRUPTED)
            }
        }
    })
}

async fn run(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    rights: Result<(), Refusal>,
) -> eyre::Result<u8> {
    if let Some(demo) = arguments.demo {
        return crate::demo::run(demo.into()).await;
    }
    if arguments.list {
        return print(&catalogue::list()).map(|()| 0);
    }
    if arguments.facts {
        return print(&facts::report(arguments, rights).await?).map(|()| 0);
    }
    if arguments.doctor {
        return print(&doctor::report(rights)).map(|()| 0);
    }
    ladders_are_for_people(arguments)?;
    if parity::is_asked_for(arguments) {
        return parity::run(arguments, matches, rights).await;
    }
    let network = match &arguments.server {
        Some(server) => remote::network(server, arguments, matches).await?,
        None => network(arguments)?,
    };
    rights?;
    let scenarios = catalogue::chosen(&arguments.scenario, network)?;
    catalogue::not_too_many(&scenarios, arguments.exchanges)?;
    catalogue::note_what_is_kept(arguments, &scenarios);
    catalogue::known(&arguments.expect, &scenarios, arguments.runs.is_some())?;
    if arguments.predict {
        predict(&scenarios)?;
    }
    let settings = arguments.settings();
    let reports = match arguments.runs {
        Some(runs) => many_runs(arguments, matches, &scenarios, &settings, network, runs).await?,
        None => {
            let comparisons = compare_all(&scenarios, &settings, network).await?;
            show(arguments, matches, &comparisons)?
        }
    };
    check(arguments, &reports)
}

/// Shows one run of each scenario, and returns what JSON says of it.
fn show(
    arguments: &CompareArguments,
    matches: &ArgMatches,
    comparisons: &[Comparison],
) -> eyre::Result<Vec<Value>> {
    let again = |comparison: &Comparison| reproduce(matches, comparison.scenario.name);
    let reports: Vec<Value> =
        comparisons.iter().map(|comparison| json::object(comparison, &again(comparison))).collect();
    match arguments.format {
        Format::Json => print_json(arguments, &reports)?,
        Format::Markdown => {
            print(&join(comparisons, |one| markdown::render(one, arguments.full, &again(one))))?
        }
        Format::Table if is_mission(arguments) && !arguments.full => {
            print(&mission::render(comparisons))?;
        }
        Format::Table => {
            print(&join(comparisons, |one| table::render(one, arguments.full)))?;
        }
    }
    if arguments.ladder {
        let ladders = ladders(arguments, comparisons);
        match arguments.format {
            Format::Markdown => print(&format!("\n```text{ladders}```\n"))?,
            _ => print(&ladders)?,
        }
    }
    if let Some(folder) = &arguments.svg {
        files::write_pictures(folder, comparisons)?;
    }
    if let Some(folder) = &arguments.pcap {
        files::write_captures(folder, comparisons, again)?;
    }
    if let Some(file) = &arguments.html {
        let page = html::page(comparisons, &again);
        files::write(file, page.as_bytes())?;
    }
    Ok(reports)
}

/// Returns whether the three questions are asked that fit one screen.
fn is_mission(arguments: &CompareArguments) -> bool {
    arguments.scenario.is_empty() && arguments.server.is_none()
}

fn join(comparisons: &[Comparison], say: impl Fn(&Comparison) -> String) -> String {
    comparisons.iter().map(say).collect::<Vec<_>>().join("\n")
}

/// Draws every column of every comparison.
fn ladders(arguments: &CompareArguments, comparisons: &[Comparison]) -> String {
    let glyphs = if arguments.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
    let mut text = String::new();
    for comparison in comparisons {
        if let Some(plot) = plot_text(comparison) {
            if arguments.net.len() > 1 {
                text.push_str(&format!("\n{}:", comparison.network.name()));
            }
            text.push_str(&format!("\n{plot}"));
        }
        for run in &comparison.runs {
            if let Some(trace) = &run.trace {
                let mut title = format!("{}, {}", comparison.scenario.name, run.column.title);
                if arguments.net.len() > 1 {
                    title.push_str(&format!(", {}", comparison.network.name()));
                }
                text.push_str(&format!("\n{title}\n{}", ladder(trace, glyphs)));
            }
        }
    }
    text
}

/// Runs every scenario with many seeds and shows how the numbers are distributed.
async fn many_runs(
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
async fn many_seeds(
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
        let found = on_kernels((0..runs).map(with_seed).collect(), without_packets).await?;
        let (numbers, mut comparisons): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        return Ok(distributions::of(comparisons.swap_remove(0), &numbers));
    }
    let first = simulate(1, with_seed.clone(), |comparison| comparison);
    let first = first.await?.swap_remove(0);
    let numbers = simulate(runs, with_seed, |comparison| distributions::numbers(&comparison));
    Ok(distributions::of(first, &numbers.await?))
}

/// Returns the numbers of a run; what they were computed from is kept without the packets.
fn without_packets(mut comparison: Comparison) -> (Numbers, Comparison) {
    let numbers = distributions::numbers(&comparison);
    comparison.runs.iter_mut().for_each(|run| run.trace = None);
    (numbers, comparison)
}

/// Prints one document: an object for one scenario, an array for several.
fn print_json(arguments: &CompareArguments, reports: &[Value]) -> eyre::Result<()> {
    let one = arguments.scenario.len() == 1 && arguments.scenario[0] != "all";
    let whole = match reports {
        [report] if one => report.clone(),
        reports => Value::from(reports.to_vec()),
    };
    print(&format!("{}\n", serde_json::to_string_pretty(&whole)?))
}

/// Returns the chosen network; refuses what it cannot do, with the reason.
fn network(arguments: &CompareArguments) -> eyre::Result<Network> {
    match arguments.net[..] {
        [NetworkChoice::Sim] => one_run_in_pictures(arguments).map(|()| Network::Sim),
        [NetworkChoice::Kernel] => one_run_in_pictures(arguments).map(|()| Network::Kernel),
        [NetworkChoice::Loopback] => honest_on_loopback(arguments).map(|()| Network::Loopback),
        _ => Err(Failure::usage(
            "Only sim and kernel can be put side by side",
            "Try: --net sim,kernel",
        )
        .into()),
    }
}

fn refuse<T>(what: &str, advice: &str) -> eyre::Result<T> {
    let (what, advice) = (what.to_owned(), advice.to_owned());
    Err(Failure { what, advice, code: NOT_AVAILABLE }.into())
}

fn honest_on_loopback(arguments: &CompareArguments) -> eyre::Result<()> {
    if let Some(option) = arguments.wire.given() {
        return refuse(
            &format!("{option} needs a wire, and loopback has none"),
            "On loopback the kernel hands packets over itself: no program can lose them.\n\
             Leave out --net loopback, or see: compare --list",
        );
    }
    let pictures = [
        ("--ladder", arguments.ladder),
        ("--svg", arguments.svg.is_some()),
        ("--pcap", arguments.pcap.is_some()),
        ("--runs", arguments.runs.is_some()),
    ];
    match pictures.iter().find(|(_, given)| *given) {
        Some((option, _)) => refuse(
            &format!("{option} needs the simulated network: on loopback packets are not seen"),
            "Leave out --net loopback",
        ),
        None => Ok(()),
    }
}

/// Refuses a ladder within a JSON document, which has no place for it.
fn ladders_are_for_people(arguments: &CompareArguments) -> eyre::Result<()> {
    match arguments.ladder && arguments.format == Format::Json {
        true => Err(Failure::usage(
            "--ladder draws for people, and JSON has no place for it",
            "Leave out --format json; programs read captures: --pcap DIR",
        )
        .into()),
        false => Ok(()),
    }
}

/// Refuses pictures of many runs: each would show one of them.
fn one_run_in_pictures(arguments: &CompareArguments) -> eyre::Result<()> {
    let pictures = arguments.ladder
        || arguments.svg.is_some()
        || arguments.pcap.is_some()
        || arguments.html.is_some();
    match arguments.runs {
        Some(_) if pictures => Err(Failure::usage(
            "--ladder, --svg, --pcap and --html show one run".to_owned(),
            "Leave out --runs, and choose a run by its --seed",
        )
        .into()),
        _ => Ok(()),
    }
}

/// Asks the class first.
fn predict(scenarios: &[Scenario]) -> eyre::Result<()> {
    let mut stderr = io::stderr();
    for scenario in scenarios {
        // Whoever cannot read the question cannot answer it either: what follows is shown anyway.
        let _ = write!(stderr, "{}: {}\nYour prediction: ", scenario.name, scenario.question);
        let _ = stderr.flush();
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).wrap_err("Could not read your prediction")?;
        if !io::stdin().is_terminal() {
            let _ = writeln!(stderr, "{}", crate::escape::escape(answer.trim()));
        }
        let _ = writeln!(stderr);
    }
    Ok(())
}

fn check(arguments: &CompareArguments, reports: &[Value]) -> eyre::Result<u8> {
    let mut code = 0;
    for expectation in &arguments.expect {
        for report in reports {
            let verdict = expectation.check(report);
            if !verdict.met {
                code = NOT_AS_EXPECTED;
            }
            // JSON stays one document: what is said about it goes beside it.
            match arguments.format {
                Format::Json => note(&verdict.to_string()),
                Format::Table | Format::Markdown => print(&format!("{verdict}\n"))?,
            }
        }
    }
    Ok(code)
}

fn note(text: &str) {
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints to standard output. A reader that has gone, as `head` does, is no failure.
fn print(text: &str) -> eyre::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.wrap_err("Could not write to standard output"),
    }
}
