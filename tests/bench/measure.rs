//! How a ratio is taken: short cells in turn (ours, reference, ours, reference, ...), and the
//! median of the ratios of each pair. What slows the machine for a second slows both of a pair.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::time::Duration;

use crate::contender::Contender;
use crate::load::{Pattern, Tally};
use crate::process::Server;

/// How often and how long everything is measured.
pub(crate) struct Plan {
    /// Pairs of cells for each row.
    pub(crate) rounds: usize,
    /// Pairs of starts for the cold start.
    pub(crate) starts: usize,
    /// Times that a comparison's networks are made and left.
    pub(crate) networks: usize,
    /// Load before a cell: caches and buffers fill, a buffered transcript reaches its steady state.
    pub(crate) warm_up: Duration,
    pub(crate) cell: Duration,
    /// A core beside the one on which everything else happens, if there is one.
    pub(crate) other_core: Option<usize>,
}

/// A server and the load it is put under.
#[derive(Clone, Copy)]
pub(crate) struct Side {
    pub(crate) contender: Contender,
    pub(crate) pattern: Pattern,
}

/// What is compared.
#[derive(Clone, Copy)]
pub(crate) enum Metric {
    /// Time of an exchange, both ends together. With one request outstanding the CPU time moves
    /// between client and server, so that only the sum can be judged.
    Wall,
    /// CPU time of the server for an exchange.
    ServerCpu,
    /// Exchanges per second.
    Rate,
}

impl Metric {
    /// The value of what was measured.
    pub(crate) fn of(self, cell: &Cell) -> f64 {
        let exchanges = cell.tally.exchanges as f64;
        match self {
            Self::Wall => cell.tally.elapsed.as_secs_f64() / exchanges,
            Self::ServerCpu => cell.cpu.as_secs_f64() / exchanges,
            Self::Rate => exchanges / cell.tally.elapsed.as_secs_f64(),
        }
    }

    /// The value with its unit, as the table shows it.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Wall => format!("{:.2} us", value * 1e6),
            Self::ServerCpu => format!("{:.3} us CPU", value * 1e6),
            Self::Rate => format!("{:.1} k/s", value / 1e3),
        }
    }
}

/// One server under one load for a moment.
pub(crate) struct Cell {
    tally: Tally,
    cpu: Duration,
}

/// The middle of some numbers, with the least and the greatest of them.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// Sums up `numbers`, of which there is at least one.
    pub(crate) fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let (last, middle) = (numbers.len() - 1, numbers.len() / 2);
        let median = (numbers[last / 2] + numbers[middle]) / 2.0;
        Self { median, least: numbers[0], greatest: numbers[last] }
    }

    /// Sums up the ratios of pairs.
    pub(crate) fn of_ratios(ours: &[f64], reference: &[f64]) -> Self {
        Self::of(ours.iter().zip(reference).map(|(ours, reference)| ours / reference).collect())
    }
}

/// What the rounds of a row gave.
pub(crate) struct Comparison {
    pub(crate) ours: f64,
    pub(crate) reference: f64,
    pub(crate) ratio: Spread,
    /// All that was seen on both sides, warm-up included.
    pub(crate) total: Tally,
    pub(crate) remark: Option<String>,
}

/// Measures two sides in turn.
pub(crate) fn compare(
    ours: Side,
    reference: Side,
    metric: Metric,
    plan: &Plan,
) -> io::Result<Comparison> {
    let mut servers = [ours.start()?, reference.start()?];
    let mut totals = [Tally::default(); 2];
    let mut values = [Vec::new(), Vec::new()];
    for _ in 0..plan.rounds {
        for (index, side) in [ours, reference].iter().enumerate() {
            let cell = side.measure(&servers[index], plan, &mut totals[index])?;
            values[index].push(metric.of(&cell));
        }
    }
    let transcript = servers[0].transcript()?;
    let remark = transcript.map(|file| transcript_remark(file, totals[0].exchanges)).transpose()?;
    let ratio = Spread::of_ratios(&values[0], &values[1]);
    let [ours, reference] = values.map(|values| Spread::of(values).median);
    let [mut total, other] = totals;
    total.add(&other);
    Ok(Comparison { ours, reference, ratio, total, remark })
}

impl Side {
    /// Puts `contender` under the load of `pattern`.
    pub(crate) fn new(contender: Contender, pattern: Pattern) -> Self {
        Self { contender, pattern }
    }

    /// Starts its server.
    pub(crate) fn start(self) -> io::Result<Server> {
        Server::start(self.contender, self.pattern.transport())
    }

    /// Measures its server once; what was seen is added to `total`.
    pub(crate) fn measure(
        self,
        server: &Server,
        plan: &Plan,
        total: &mut Tally,
    ) -> io::Result<Cell> {
        let name = self.contender.name();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
        let mut load = self.pattern.open(server.address).map_err(named)?;
        total.add(&load.run(plan.warm_up).map_err(named)?);
        let before = server.cpu_time()?;
        let tally = load.run(plan.cell).map_err(named)?;
        let cpu = server.cpu_time()?.saturating_sub(before);
        total.add(&tally);
        if tally.exchanges == 0 {
            return Err(named(io::Error::other("not one right reply")));
        }
        Ok(Cell { tally, cpu })
    }
}

/// Says how much of the transcript is there: lines that were dropped would flatter the ratio.
fn transcript_remark(transcript: &File, exchanges: u64) -> io::Result<String> {
    let mut written = 0_u64;
    let mut reader = BufReader::with_capacity(1 << 16, transcript);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        written += u64::from(line.ends_with(b"= 75\n"));
        line.clear();
    }
    Ok(format!("{written} of {exchanges} exchanges are in the transcript"))
}
