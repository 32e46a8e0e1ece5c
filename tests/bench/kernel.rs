//! What it costs that our process carries the packets of the kernel network: beside two hosts that
//! Linux joins by itself. The targets are absolute, for they are what a picture of a few milliseconds
//! can stand; so a busy machine misses them.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use socklab::peer::Transport;

use crate::crossing::{Crossed, cross, round_trips};
use crate::load::Tally;
use crate::measure::{Plan, Spread};
use crate::process::{bytes_after, guarded};
use crate::report::{Measured, thousands};
use crate::rows::Target;
use crate::two_hosts::{Carried, TwoHosts, Veth};

/// Messages in a round, there and back.
const MESSAGES: usize = 2_000;

/// Networks that a comparison makes: one for TCP, one for UDP.
const NETWORKS: usize = 2;

/// What happens only between two looks at a process's memory is missed.
const LOOK: Duration = Duration::from_millis(1);

/// What is measured of the kernel network.
#[derive(Clone, Copy)]
pub(crate) enum Experiment {
    /// How much longer a message is under way there and back than through a veth pair.
    Added(Transport),
    /// Packets a second.
    Packets(Transport),
    /// Time to make and to leave the networks of a comparison.
    SetUp,
    /// The most memory that `compare` needs with these arguments.
    Memory(&'static [&'static str]),
}

impl Experiment {
    /// Why it cannot be measured on this machine, if it cannot.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let beside_veth = matches!(self, Self::Added(_) | Self::Packets(_));
        Carried::missing().or_else(|| if beside_veth { Veth::missing() } else { None })
    }

    /// Measures it.
    pub(crate) fn measure(self, plan: &Plan, target: Target) -> io::Result<Measured> {
        match self {
            Self::Added(transport) => added(transport, plan, target),
            Self::Packets(transport) => packets(transport, plan, target),
            Self::SetUp => set_up(plan, target),
            Self::Memory(arguments) => memory(arguments, target),
        }
    }
}

fn added(transport: Transport, plan: &Plan, target: Target) -> io::Result<Measured> {
    let (carried, veth) = (Carried::new()?, Veth::new()?);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..=plan.rounds {
        ours.push(microseconds(&carried, transport)?);
        bare.push(microseconds(&veth, transport)?);
    }
    // The first round has warmed up caches, and learned who has which address.
    let (ours, bare) = (ours.split_off(1), bare.split_off(1));
    let added = Spread::of(ours.iter().zip(&bare).map(|(ours, bare)| ours - bare).collect());
    let Spread { median, least, greatest } = added;
    let [ours, bare] = [ours, bare].map(|times| Spread::of(times).median);
    Ok(Measured {
        ours: format!("{ours:.1} us"),
        reference: format!("{bare:.1} us veth pair"),
        ratio: format!("+{median:.1} us [{least:.0} {greatest:.0}]"),
        met: target.is_met(median),
        total: Tally { exchanges: (2 * MESSAGES * (plan.rounds + 1)) as u64, ..Tally::default() },
        remark: Some("64 B there and back, median; the wire delays nothing".to_owned()),
    })
}

fn microseconds(hosts: &impl TwoHosts, transport: Transport) -> io::Result<f64> {
    Ok(Spread::of(round_trips(hosts, transport, MESSAGES)?).median * 1e6)
}

/// Judged by the CPU time of the thread that carries, which is what one core can do; by the clock it
/// is less where others use the cores, too.
fn packets(transport: Transport, plan: &Plan, target: Target) -> io::Result<Measured> {
    let (mut carried, mut veth) = (Carried::new()?, Veth::new()?);
    let (mut by_core, mut ours, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let before = carried.carrier_time()?;
        let Crossed { packets, elapsed } =
            cross(&mut carried, transport, plan.cell, plan.other_core)?;
        by_core.push(packets / (carried.carrier_time()? - before).as_secs_f64());
        ours.push(packets / elapsed);
        let beside = cross(&mut veth, transport, plan.cell, plan.other_core)?;
        bare.push(beside.packets / beside.elapsed);
    }
    let ratio = Spread::of_ratios(&ours, &bare);
    let [by_core, ours, bare] = [by_core, ours, bare].map(Spread::of);
    let what = match transport {
        Transport::Udp => "64 B, none lost",
        Transport::Tcp => "1500 B and acknowledgements",
    };
    let (least, greatest) = (ours.least / 1e3, ours.greatest / 1e3);
    Ok(Measured {
        ours: format!("{} CPU", thousands(by_core.median)),
        reference: format!("{} veth pair", thousands(bare.median)),
        ratio: ratio.to_string(),
        met: target.is_met(by_core.median),
        total: Tally::default(),
        remark: Some(format!(
            "{what}; CPU: of the carrying thread; by the clock, as reference and ratio are: \
             {least:.0} to {greatest:.0} k/s"
        )),
    })
}

fn set_up(plan: &Plan, target: Target) -> io::Result<Measured> {
    let (mut times, mut leaving) = (Vec::new(), Vec::new());
    for _ in 0..plan.networks {
        let start = Instant::now();
        let made: Vec<Carried> =
            (0..NETWORKS).map(|_| Carried::new()).collect::<io::Result<_>>()?;
        let ready = Instant::now();
        drop(made);
        leaving.push(ready.elapsed().as_secs_f64() * 1e3);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let (time, leaving) = (Spread::of(times), Spread::of(leaving).median);
    let (least, greatest) = (time.least, time.greatest);
    Ok(Measured {
        ours: format!("{:.1} ms", time.median),
        met: target.is_met(time.median),
        remark: Some(format!(
            "{least:.1} to {greatest:.1} ms, two networks of two hosts; {leaving:.1} ms to leave them"
        )),
        ..Measured::alone(Tally::default())
    })
}

/// The most memory of a comparison, without that of the servers, which are processes of their own.
fn memory(arguments: &[&str], target: Target) -> io::Result<Measured> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compare"));
    command.args(arguments).args(["--net", "kernel"]);
    let mut command = guarded(&command)?;
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    let ended = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        // What has ended has no memory any more.
        peak = bytes_after(&status, "VmHWM:").unwrap_or(0).max(peak);
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        sleep(LOOK);
    };
    if !ended.success() {
        return Err(io::Error::other(format!("compare {} failed: {ended}", arguments.join(" "))));
    }
    Ok(Measured {
        ours: format!("{:.1} MB", peak as f64 / 1e6),
        met: target.is_met(peak as f64),
        remark: Some(format!("most resident memory of: compare {}", arguments.join(" "))),
        ..Measured::alone(Tally::default())
    })
}
