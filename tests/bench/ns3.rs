//! ns-3, the simulator of networking research, beside our simulated network: the same transfer on
//! both. `ns3.cc` is compiled when a row needs it, and once for each of its versions.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use crate::process::GUARDED;
use crate::simulated_load::Cell;

const SOURCE: &str = include_str!("ns3.cc");

/// Where Debian's libns3-dev puts its headers.
const HEADER: &str = "/usr/include/ns3/core-module.h";

const LIBRARIES: [&str; 6] = [
    "-lns3-applications",
    "-lns3-internet",
    "-lns3-point-to-point",
    "-lns3-traffic-control",
    "-lns3-network",
    "-lns3-core",
];

/// Why it cannot take part on this machine, if it cannot.
pub(crate) fn missing() -> Option<&'static str> {
    let here = Path::new(HEADER).is_file() && compiler().arg("--version").output().is_ok();
    (!here).then_some("ns-3 not installed (apt-get install g++ libns3-dev)")
}

/// Repeats the transfer for so long, with one seed after the other.
pub(crate) fn transfers(loss: f64, seed: u64, duration: Duration) -> io::Result<Cell> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(GUARDED).arg(program()?);
    command.args([loss.to_string(), seed.to_string(), duration.as_millis().to_string()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    match numbers[..] {
        [packets, microseconds] if output.status.success() => {
            Ok(Cell { packets, elapsed: Duration::from_micros(microseconds) })
        }
        _ => Err(io::Error::other(format!("ns-3 failed ({}): {text}", output.status))),
    }
}

/// Returns the program, compiled from this version of its source.
fn program() -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (folder.join("ns3.cc"), folder.join("ns3"));
    if program.is_file() && fs::read_to_string(&source).is_ok_and(|known| known == SOURCE) {
        return Ok(program);
    }
    fs::write(&source, SOURCE)?;
    // Before, so that a program which is there belongs to the source that is there.
    let _ = fs::remove_file(&program);
    let mut command = compiler();
    command.args(["-std=c++17", "-O2", "-o"]).args([&program, &source]).args(LIBRARIES);
    match command.status()?.success() {
        true => Ok(program),
        false => Err(io::Error::other("ns3.cc does not compile")),
    }
}

fn compiler() -> Command {
    Command::new(env::var_os("CXX").unwrap_or_else(|| "g++".into()))
}
