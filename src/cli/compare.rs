//! The command line of `compare`.

mod arguments;
mod catalogue;
mod doctor;
mod facts;
mod files;
mod kernel;
mod many;
mod parity;
mod refusals;
mod remote;
mod reproduce;
mod running;
mod showing;
mod wire;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use color_eyre::eyre::{self, WrapErr};
use serde_json::Value;

pub use arguments::CompareArguments;
use arguments::{Format, NetworkChoice};

use super::INTERRUPTED;
use crate::scenario::Scenario;
use kernel::Refusal;
use many::many_runs;
use refusals::{ladders_are_for_people, network};
use running::compare_all;
use showing::show;

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
    let code = super::run(async move {
        tokio::select! {
            biased;
            code = run(&arguments, &matches, rights) => code,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                Ok(INTERRUPTED)
            }
        }
    });
    kernel::tidy_up();
    code
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
