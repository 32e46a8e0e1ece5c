//! What the simulated network costs: packets a second, the real time of a run, memory; and all of
//! it beside ns-3. Most targets are absolute, for what counts is that a page which moves a slider
//! has its answer at once; so a busy machine misses them.

use std::env;
use std::fs;
use std::io;
use std::process::Command;
use std::time::Instant;

use socklab::peer::Transport;

use crate::load::Tally;
use crate::measure::{Plan, Spread};
use crate::ns3;
use crate::process::{GUARDED, bytes_after};
use crate::report::{Measured, thousands};
use crate::rows::Target;
use crate::simulated_load::Workload;

/// First argument of the process whose memory is measured.
pub(crate) const SIMULATE: &str = "--simulate";

/// Runs in a round where the time of each run is of interest.
const RUNS: usize = 10;

const fn exchanges(transport: Transport, count: u64) -> Workload {
    Workload::Exchanges { transport, count }
}

const fn transfer(bytes: usize, loss: f64, rate: Option<u64>) -> Workload {
    Workload::Transfer { bytes, loss, rate }
}

pub(crate) const TCP: Workload = exchanges(Transport::Tcp, 1_000);
pub(crate) const UDP: Workload = exchanges(Transport::Udp, 1_000);
pub(crate) const BULK: Workload = transfer(4_000_000, 0.0, None);
pub(crate) const LOSSY: [Workload; 1] = [transfer(1_000_000, 0.05, None)];
pub(crate) const HUNDRED_EACH: [Workload; 2] =
    [exchanges(Transport::Tcp, 100), exchanges(Transport::Udp, 100)];

/// What is measured of the simulated network.
#[derive(Clone, Copy)]
pub(crate) enum Experiment {
    /// Packets a second.
    Rate(Workload),
    /// Real time of one run of each.
    Time(&'static [Workload]),
    /// Real time of `compare all`, start of the program included.
    Catalogue,
    /// The most memory that a process needs which simulates.
    Memory,
    /// Packets a second for 1 MB over 10 Mbit/s, and those of ns-3.
    BesideNs3 { loss: f64 },
}

impl Experiment {
    /// Why it cannot be measured on this machine, if it cannot.
    pub(crate) fn missing(self) -> Option<&'static str> {
        match self {
            Self::BesideNs3 { .. } => ns3::missing(),
            _ => None,
        }
    }

    /// Measures it.
    pub(crate) fn measure(self, plan: &Plan, target: Target) -> io::Result<Measured> {
        match self {
            Self::Rate(workload) => rate(workload, plan, target),
            Self::Time(workloads) => time(workloads, plan, target),
            Self::Catalogue => catalogue(plan, target),
            Self::Memory => memory(target),
            Self::BesideNs3 { loss } => beside_ns3(loss, plan, target),
        }
    }
}

/// No round begins with the luck of another.
fn first_seed(round: usize) -> u64 {
    1 + 1_000_000 * round as u64
}

fn rate(workload: Workload, plan: &Plan, target: Target) -> io::Result<Measured> {
    let mut total = Tally::default();
    workload.repeat(0, plan.warm_up, &mut total)?;
    let mut rates = Vec::new();
    for round in 0..plan.rounds {
        rates.push(workload.repeat(first_seed(round), plan.cell, &mut total)?.rate());
    }
    let rate = Spread::of(rates);
    Ok(Measured {
        ours: thousands(rate.median),
        met: target.is_met(rate.median),
        remark: Some(format!("{:.0} to {:.0} k/s", rate.least / 1e3, rate.greatest / 1e3)),
        ..Measured::alone(total)
    })
}

fn time(workloads: &[Workload], plan: &Plan, target: Target) -> io::Result<Measured> {
    let (mut total, mut times) = (Tally::default(), Vec::new());
    for seed in 0..(plan.rounds * RUNS) as u64 {
        let mut time = 0.0;
        for workload in workloads {
            time += workload.run(seed, &mut total)?.elapsed.as_secs_f64() * 1e3;
        }
        times.push(time);
    }
    let time = Spread::of(times);
    Ok(Measured {
        ours: format!("{:.2} ms", time.median),
        met: target.is_met(time.median),
        remark: Some(format!("{:.2} to {:.2} ms", time.least, time.greatest)),
        ..Measured::alone(total)
    })
}

fn catalogue(plan: &Plan, target: Target) -> io::Result<Measured> {
    let mut times = Vec::new();
    for _ in 0..plan.rounds {
        let start = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_compare")).arg("all").output()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
    }
    let time = Spread::of(times);
    Ok(Measured {
        ours: format!("{:.0} ms", time.median),
        met: target.is_met(time.median),
        remark: Some(format!("{:.0} to {:.0} ms, every scenario once", time.least, time.greatest)),
        ..Measured::alone(Tally::default())
    })
}

/// Runs everything in a process of its own, and takes its word for what that needed.
fn memory(target: Target) -> io::Result<Measured> {
    let this = env::current_exe()?;
    let output = Command::new(&this).arg(GUARDED).arg(&this).arg(SIMULATE).output()?;
    let bytes = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>();
    let bytes = bytes.map_err(|_| io::Error::other("the simulating process failed"))?;
    Ok(Measured {
        ours: format!("{:.1} MB", bytes / 1e6),
        met: target.is_met(bytes),
        remark: Some("most resident memory, with 1000 exchanges each and 4 MB in turn".to_owned()),
        ..Measured::alone(Tally::default())
    })
}

/// Simulates, and prints the most memory that was ever resident.
pub(crate) fn print_memory() -> io::Result<bool> {
    let mut tally = Tally::default();
    for workload in [TCP, UDP, BULK] {
        workload.run(1, &mut tally)?;
    }
    let status = fs::read_to_string("/proc/self/status")?;
    println!("{}", bytes_after(&status, "VmHWM:")?);
    Ok(true)
}

fn beside_ns3(loss: f64, plan: &Plan, target: Target) -> io::Result<Measured> {
    let workload = transfer(1_000_000, loss, Some(10_000_000));
    let (mut total, mut ours, mut theirs) = (Tally::default(), Vec::new(), Vec::new());
    // Compiles it, too.
    ns3::transfers(loss, 0, plan.warm_up)?;
    for round in 0..plan.rounds {
        ours.push(workload.repeat(first_seed(round), plan.cell, &mut total)?.rate());
        theirs.push(ns3::transfers(loss, first_seed(round), plan.cell)?.rate());
    }
    let ratio = Spread::of_ratios(&ours, &theirs);
    let [ours, theirs] = [ours, theirs].map(|rates| Spread::of(rates).median);
    Ok(Measured {
        ours: thousands(ours),
        reference: format!("{} ns-3", thousands(theirs)),
        ratio: ratio.to_string(),
        met: target.is_met(ratio.median),
        total,
        remark: Some("packets a second; 25 ms, 10 Mbit/s, 64 kB queue".to_owned()),
    })
}
