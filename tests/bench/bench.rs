//! `make bench`: what our server costs beside bare servers that do the same work.
//!
//! Every row is a ratio of two processes measured in turn in the same run, on one core, so it says
//! little about the machine and much about the server. A target that is missed is reported and is
//! not an error: a busy machine moves ratios too. The exit code is not 0 only where something did
//! not work: a server that did not start, a wrong reply, a row that could not be measured.
//!
//! Here are the command line and the table. `rows` says what is measured and against which target,
//! `measure` how a ratio is taken, `footprint` measures memory and cold start; `contender` and
//! `process` start the servers, `references` are the bare ones, and the load comes from
//! `stream_load` (TCP) and `datagram_load` (UDP). `simulation` measures the simulated network under
//! the load of `simulated_load`, and beside `ns3`. `transfer` moves a large file beside `bare_copy`,
//! `window` a small one through a simulated wire, `pipelined` has a calculator answer 1 MB at once.
//! `kernel` measures the kernel network under the load of `crossing`, beside a veth pair; `two_hosts`
//! has both of them. `models` prints a table of its own: all models, one to a thousand clients.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod bare_copy;
mod contender;
mod crossing;
mod datagram_load;
mod footprint;
mod kernel;
mod load;
mod measure;
mod models;
mod ns3;
mod pipelined;
mod process;
mod references;
mod report;
mod rows;
mod simulated_load;
mod simulation;
mod stream_load;
mod transfer;
mod two_hosts;
mod window;

use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use measure::Plan;
use report::Summary;
use rows::Row;

const HELP: &str = "\
Measure our server against bare servers, in turn, on one core.

Usage: cargo bench --bench bench -- [OPTIONS] [WORD]...

WORD     only the rows whose name contains one of the words (such as: udp, \"tcp 64x1\", memory)
--quick  two short rounds: shows that the benchmark works, its ratios are worth little
--null   every reference against itself: how far from 1 a ratio strays by chance
--list   the names of the rows and their targets
--help   this text

SOCKLAB_SERVER=PATH measures another server binary.";

/// What the command line asks for.
#[derive(Default)]
struct Options {
    quick: bool,
    null: bool,
    list: bool,
    words: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((mode, rest)) if mode == process::GUARDED => process::run_guarded(rest),
        Some((mode, rest)) if mode == references::REFERENCE => references::serve(rest),
        Some((mode, _)) if mode == simulation::SIMULATE => simulation::print_memory(),
        _ => parse(arguments).and_then(|options| options.map_or(Ok(true), |it| run(&it))),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("[ERROR] {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; `None` where the help text was all that was wanted.
fn parse(arguments: Vec<String>) -> io::Result<Option<Options>> {
    let mut options = Options::default();
    for argument in arguments {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--null" => options.null = true,
            "--list" => options.list = true,
            // cargo bench adds it for every benchmark.
            "--bench" => {}
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            unknown if unknown.starts_with('-') => {
                return Err(io::Error::other(format!("no option {unknown}; try --help")));
            }
            word => options.words.push(word.to_lowercase()),
        }
    }
    Ok(Some(options))
}

/// Measures and prints row after row; false where one of them did not work.
fn run(options: &Options) -> io::Result<bool> {
    let mut rows = rows::all();
    rows.retain(|row| wanted(&row.name, options));
    // It has no ratios that a null test could bring to 1.
    let table = wanted(models::NAME, options) && !options.null;
    if options.null {
        rows.retain(Row::has_reference);
        rows = rows.into_iter().map(Row::into_null_test).collect();
    }
    if rows.is_empty() && !table {
        return Err(io::Error::other("no such row; --list names them all"));
    }
    if options.list {
        rows.iter().for_each(|row| println!("{:<32} {}", row.name, row.target));
        if table {
            println!("{:<32} a table", models::NAME);
        }
        return Ok(true);
    }
    let processors = std::thread::available_parallelism()?;
    process::raise_open_files_limit()?;
    let (core, other_core) = process::pin_to_one_core()?;
    let plan = Plan { other_core, ..plan(options) };
    report::print_header(processors, core, &plan, options.null);
    let mut summary = Summary::new();
    for row in &rows {
        summary.add(row, row.measure(&plan));
    }
    if table {
        summary.add_table(models::NAME, models::print_table(&plan));
    }
    summary.print();
    Ok(summary.worked())
}

fn wanted(name: &str, options: &Options) -> bool {
    let name = name.to_lowercase();
    options.words.is_empty() || options.words.iter().any(|word| name.contains(word))
}

/// Seven paired rounds resolve about 3 % (`--null` shows it); longer cells do not help, because
/// what disturbs a cell is the machine, and that changes from one second to the next.
fn plan(options: &Options) -> Plan {
    let milliseconds = Duration::from_millis;
    let (warm_up, cell) = (milliseconds(100), milliseconds(400));
    let whole = Plan { rounds: 7, starts: 15, networks: 20, warm_up, cell, other_core: None };
    if options.quick {
        let (warm_up, cell) = (milliseconds(50), milliseconds(150));
        Plan { rounds: 2, starts: 3, networks: 3, warm_up, cell, ..whole }
    } else {
        whole
    }
}
