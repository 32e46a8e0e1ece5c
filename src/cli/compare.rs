//! The command line of `compare`.

mod arguments;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use color_eyre::eyre::{self, WrapErr};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::sync::Semaphore;

pub use arguments::CompareArguments;
use arguments::Format;

use super::{Failure, INTERRUPTED};
use crate::report::expect::Expectation;
use crate::report::{json, mission, table};
use crate::scenario::library::{MISSION, NEED_A_WIRE, SCENARIOS, find};
use crate::scenario::log::Comparison;
use crate::scenario::metrics::NAMES;
use crate::scenario::{Scenario, Settings, run::run as carry_out};
use crate::testbed::Listener;
use crate::testbed::loopback::{Loopback, stack};
use crate::time::Clock;

/// Exit code of an expectation that was not met.
const NOT_AS_EXPECTED: u8 = 10;

/// Exit code of a network that is not available, or cannot show the scenario honestly.
const NOT_AVAILABLE: u8 = 11;

/// Runs `compare` as typed.
pub fn main() -> ExitCode {
    let arguments = CompareArguments::parse();
    arguments.color.apply();
    super::run(async move {
        tokio::select! {
            biased;
            code = run(&arguments) => code,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                Ok(INTERRUPTED)
            }
        }
    })
}

async fn run(arguments: &CompareArguments) -> eyre::Result<u8> {
    if let Some(demo) = arguments.demo {
        return crate::demo::run(demo.into()).await;
    }
    if arguments.list {
        return print(&list()).map(|()| 0);
    }
    if arguments.doctor {
        return print(&doctor()).map(|()| 0);
    }
    honest(arguments)?;
    let several = arguments.scenario.len() != 1 || arguments.scenario[0] == "all";
    let scenarios = chosen(&arguments.scenario, several)?;
    known(&arguments.expect, &scenarios)?;
    let settings = arguments.settings();
    let comparisons = compare_all(&scenarios, &settings).await?;
    let reports: Vec<Value> = comparisons
        .iter()
        .map(|comparison| json::object(comparison, &arguments.reproduce(&comparison.scenario)))
        .collect();
    let whole = if several { Value::from(reports.clone()) } else { reports[0].clone() };
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&whole)?))?,
        Format::Table if arguments.scenario.is_empty() && !arguments.full => {
            print(&mission::render(&comparisons))?;
            print("Next: compare setup-cost     compare server-killed     compare --list\n")?;
        }
        Format::Table => {
            let tables: Vec<String> = comparisons
                .iter()
                .map(|comparison| table::render(comparison, arguments.full))
                .collect();
            print(&tables.join("\n"))?;
        }
    }
    check(arguments, &reports)
}

/// Refuses what loopback cannot do, with the reason.
fn honest(arguments: &CompareArguments) -> eyre::Result<()> {
    let refuse = |what: String, advice: &str| {
        Err(Failure { what, advice: advice.to_owned(), code: NOT_AVAILABLE }.into())
    };
    if let Some(option) = arguments.wire_option() {
        return refuse(
            format!("{option} needs a wire, and loopback has none"),
            "On loopback the kernel hands packets over itself: no program can lose them.\n\
             See what loopback can show: compare --list",
        );
    }
    match arguments.net.as_str() {
        "loopback" => Ok(()),
        other => refuse(
            format!("The network \"{other}\" is not part of this version"),
            "Try: compare --net loopback",
        ),
    }
}

fn chosen(names: &[String], several: bool) -> eyre::Result<Vec<Scenario>> {
    if names.is_empty() {
        return Ok(MISSION.iter().filter_map(|name| find(name)).copied().collect());
    }
    if names.iter().any(|name| name == "all") {
        for (name, _, reason) in NEED_A_WIRE {
            note(&format!("skipped: {name} ({reason})"));
        }
        return Ok(SCENARIOS.to_vec());
    }
    let mut found = Vec::new();
    for name in names {
        match (find(name), NEED_A_WIRE.iter().find(|(other, ..)| other == name)) {
            (Some(scenario), _) => found.push(*scenario),
            (None, Some((name, _, reason))) if several => {
                note(&format!("skipped: {name} ({reason})"));
            }
            (None, Some((name, _, reason))) => {
                let what = format!("{name} cannot be shown here: {reason}");
                let advice = "See what loopback can show: compare --list".to_owned();
                return Err(Failure { what, advice, code: NOT_AVAILABLE }.into());
            }
            (None, None) => return Err(unknown(name).into()),
        }
    }
    match found.is_empty() {
        true => Err(Failure {
            what: "None of these scenarios can be shown here".to_owned(),
            advice: "See what loopback can show: compare --list".to_owned(),
            code: NOT_AVAILABLE,
        }
        .into()),
        false => Ok(found),
    }
}

/// Refuses expectations about what no report has: a typing error is no wrong answer.
fn known(expectations: &[Expectation], scenarios: &[Scenario]) -> eyre::Result<()> {
    for scenario in scenarios {
        let columns: Vec<&str> = scenario.columns.iter().map(|column| column.key).collect();
        if let Some(strange) = expectations.iter().find(|one| !one.is_about(&columns, NAMES)) {
            let text = crate::escape::escape(strange.text());
            let what = format!("{} has nothing to compare with {text}", scenario.name);
            let advice = format!("Columns: {}. Numbers: see --full", columns.join(", "));
            return Err(Failure::usage(what, advice).into());
        }
    }
    Ok(())
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

/// Runs every column, each with a server and a port of its own. Those that only wait run beside
/// the others, which run one after the other so that nobody measures its neighbour.
async fn compare_all(scenarios: &[Scenario], settings: &Settings) -> eyre::Result<Vec<Comparison>> {
    let bar = progress(scenarios);
    let mut tasks = tokio::task::JoinSet::new();
    let clock = Clock::start();
    let turn = Arc::new(Semaphore::new(1));
    for (place, scenario) in scenarios.iter().enumerate() {
        for (column, plan) in scenario.columns.iter().enumerate() {
            let (scenario, plan, settings) = (*scenario, *plan, settings.clone());
            let mut random = super::system_random()?;
            let turn = turn.clone();
            tasks.spawn(async move {
                let waits = scenario.script.server == Listener::Silent;
                let _turn = if waits { None } else { turn.acquire().await.ok() };
                let testbed = Loopback::new(clock);
                let run = carry_out(testbed, &scenario, plan, &settings, &mut random).await;
                ((place, column), run.map_err(|error| (scenario.name, plan.title, error)))
            });
        }
    }
    let mut runs = std::collections::BTreeMap::new();
    while let Some(finished) = tasks.join_next().await {
        let (key, run) = finished?;
        let run = run.map_err(|(name, title, error)| {
            Failure::local(
                format!("Could not run {name} over {title}: {error}"),
                "Try it by itself, or see: compare --doctor",
            )
        })?;
        runs.insert(key, run);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let comparison = |(place, scenario): (usize, &Scenario)| Comparison {
        scenario: *scenario,
        settings: settings.clone(),
        network: "loopback",
        stack: stack(),
        runs: runs.iter().filter(|((of, _), _)| *of == place).map(|(_, run)| run.clone()).collect(),
    };
    Ok(scenarios.iter().enumerate().map(comparison).collect())
}

/// Shows on a terminal that something goes on, and for how long already.
fn progress(scenarios: &[Scenario]) -> ProgressBar {
    let columns = scenarios.iter().map(|scenario| scenario.columns.len()).sum::<usize>();
    let bar = ProgressBar::new(columns as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} done, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
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
                Format::Table => print(&format!("{verdict}\n"))?,
            }
        }
    }
    Ok(code)
}

fn list() -> String {
    let mut text = String::from("Scenarios on loopback, real sockets on this computer:\n");
    for scenario in SCENARIOS {
        text.push_str(&line(scenario.name, scenario.question));
    }
    text.push_str("\nNot available here, they need a wire between client and server:\n");
    for (name, question, _) in NEED_A_WIRE {
        text.push_str(&line(name, question));
    }
    text
}

/// One line if it fits, with the questions below each other as far as possible.
fn line(name: &str, question: &str) -> String {
    let width = usize::from(table::WIDTH);
    let aligned = format!("  {name:<22}{question}\n");
    let close = format!("  {name}  {question}\n");
    match name.len() < 22 && aligned.len() <= width + 1 {
        true => aligned,
        false if close.len() <= width + 1 => close,
        false => format!("  {name}\n      {question}\n"),
    }
}

fn doctor() -> String {
    let server = match crate::testbed::loopback::beside_us("server") {
        Ok(program) => format!("works, with {}", program.display()),
        Err(error) => format!("does not work: {error}"),
    };
    let ours = std::env::current_exe().ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("compare{}", std::env::consts::EXE_SUFFIX);
    let first =
        std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|it| it.is_file());
    let on_path = match (first, ours) {
        (None, _) => {
            "no compare is on PATH: install with make install, or type make shell".to_owned()
        }
        (Some(first), Some(ours)) if first.canonicalize().ok() == ours.canonicalize().ok() => {
            "this compare is the one on PATH".to_owned()
        }
        (Some(first), _) => format!("another compare comes first: {}", first.display()),
    };
    format!("loopback  {server}\nPATH      {on_path}\n")
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
