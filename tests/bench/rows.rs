//! The rows: what is measured, against which server, and with which target.
//!
//! The targets leave room for what the references do not do: message ids, the duplicate cache,
//! timers and limits. 64x1 is 64 connections with one request outstanding on each.

use std::fmt;

use socklab::peer::Transport::{Tcp, Udp};
use socklab::server::Model;

use crate::contender::Contender;
use crate::datagram_load::Dialect::{Bare, Framed, Memcached};
use crate::footprint;
use crate::load::Pattern;
use crate::measure::{Metric, Plan, Side, compare};
use crate::pipelined;
use crate::report::{Measured, Outcome};
use crate::simulation::{BULK, Experiment, HUNDRED_EACH, LOSSY, TCP, UDP};
use crate::{kernel, transfer, window};

/// Ratios closer to 1 than this are a tie: the null test stays within it.
const RESOLUTION: f64 = 0.03;

/// A line of the table.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) target: Target,
    subject: Subject,
}

/// What a row measures.
enum Subject {
    Exchanges { ours: Side, reference: Side, metric: Metric },
    ConnectionMemory(Contender),
    TokenMemory,
    ColdStart(Contender),
    PipelinedMemory,
    Transfer,
    Window,
    Simulation(Experiment),
    Kernel(kernel::Experiment),
}

/// When a row passes.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    BytesAtMost(f64),
    PacketsAtLeast(f64),
    MillisecondsAtMost(f64),
    /// More than the reference needs.
    MicrosecondsMoreAtMost(f64),
    /// What the null test asks of a ratio.
    Tie,
}

impl Target {
    /// Whether the ratio, or whatever else the target is in, meets it.
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::RatioAtMost(most) | Self::BytesAtMost(most) => value <= most,
            Self::MillisecondsAtMost(most) | Self::MicrosecondsMoreAtMost(most) => value <= most,
            Self::RatioAtLeast(least) | Self::PacketsAtLeast(least) => value >= least,
            Self::Tie => (value - 1.0).abs() <= RESOLUTION,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtMost(most) => write!(formatter, "<= {most:.2}x"),
            Self::RatioAtLeast(least) => write!(formatter, ">= {least:.2}x"),
            Self::BytesAtMost(most) if *most < 1e6 => write!(formatter, "<= {most:.0} B"),
            Self::BytesAtMost(most) => write!(formatter, "<= {:.0} MB", most / 1e6),
            Self::PacketsAtLeast(least) => write!(formatter, ">= {:.0} k/s", least / 1e3),
            Self::MillisecondsAtMost(most) => write!(formatter, "<= {most:.0} ms"),
            Self::MicrosecondsMoreAtMost(most) => write!(formatter, "<= +{most:.0} us"),
            Self::Tie => write!(formatter, "1 +- {RESOLUTION}"),
        }
    }
}

impl Row {
    fn new(name: &str, target: Target, subject: Subject) -> Self {
        Self { name: name.to_owned(), target, subject }
    }

    /// A row of our quiet server under a load, beside a reference.
    fn of_ours(
        name: &str,
        pattern: Pattern,
        reference: Side,
        metric: Metric,
        target: Target,
    ) -> Self {
        let ours = Side::new(Contender::Ours, pattern);
        let subject = Subject::Exchanges { ours, reference, metric };
        Self::new(name, target, subject)
    }

    /// Whether it compares with another server, so that there can be a null test.
    pub(crate) fn has_reference(&self) -> bool {
        matches!(
            self.subject,
            Subject::Exchanges { .. } | Subject::ConnectionMemory(_) | Subject::ColdStart(_)
        )
    }

    /// The same row as a null test: the reference in our server's place.
    pub(crate) fn into_null_test(mut self) -> Self {
        match &mut self.subject {
            Subject::Exchanges { ours, reference, .. } => *ours = *reference,
            Subject::ConnectionMemory(contender) | Subject::ColdStart(contender) => {
                *contender = Contender::BareTokio;
            }
            _ => {}
        }
        if !matches!(self.target, Target::BytesAtMost(_)) {
            self.target = Target::Tie;
        }
        self
    }

    /// Why it cannot be measured on this machine, if it cannot.
    fn missing(&self) -> Option<&'static str> {
        match self.subject {
            Subject::Exchanges { reference, .. } => reference.contender.missing(),
            Subject::ConnectionMemory(_) => footprint::missing(),
            Subject::Simulation(experiment) => experiment.missing(),
            Subject::Kernel(experiment) => experiment.missing(),
            _ => None,
        }
    }

    /// Measures it.
    pub(crate) fn measure(&self, plan: &Plan) -> Outcome {
        if let Some(reason) = self.missing() {
            return Outcome::Skipped(reason);
        }
        let target = self.target;
        let measured = match self.subject {
            Subject::Exchanges { ours, reference, metric } => {
                compare(ours, reference, metric, plan).map(|comparison| {
                    let reference = reference.contender.name();
                    Measured::of_exchanges(comparison, metric, reference, target)
                })
            }
            Subject::ConnectionMemory(ours) => footprint::connection_memory(ours, target),
            Subject::TokenMemory => footprint::token_memory(target),
            Subject::ColdStart(ours) => footprint::cold_start(ours, plan, target),
            Subject::PipelinedMemory => pipelined::memory(target),
            Subject::Transfer => transfer::beside_bare_copy(plan, target),
            Subject::Window => window::beside_stop_and_wait(target),
            Subject::Simulation(experiment) => experiment.measure(plan, target),
            Subject::Kernel(experiment) => experiment.measure(plan, target),
        };
        measured.map_or_else(|error| Outcome::Failed(error.to_string()), Outcome::Measured)
    }
}

/// All rows, in the order of the table.
pub(crate) fn all() -> Vec<Row> {
    let mut rows = stream_rows();
    rows.extend(datagram_rows());
    rows.extend(model_rows());
    rows.extend(transcript_rows());
    rows.extend(service_rows());
    rows.extend(footprint_rows());
    rows.extend(simulation_rows());
    rows.extend(kernel_rows());
    rows
}

fn stream_rows() -> Vec<Row> {
    let row = |name, pattern, metric, most| {
        let reference = Side::new(Contender::RawEpoll, pattern);
        Row::of_ours(name, pattern, reference, metric, Target::RatioAtMost(most))
    };
    let wall = |name, pattern, most| row(name, pattern, Metric::Wall, most);
    let cpu = |name, pattern, most| row(name, pattern, Metric::ServerCpu, most);
    let streams = |connections, depth| Pattern::Streams { connections, depth };
    vec![
        wall("TCP 1x1", Pattern::PingPong, 1.08),
        cpu("TCP 16x16 pipelined", streams(16, 16), 1.25),
        cpu("TCP 16x64 pipelined", streams(16, 64), 1.25),
        cpu("TCP new connection each", Pattern::NewConnections, 1.25),
    ]
}

fn datagram_rows() -> Vec<Row> {
    // The raw server is asked bare, also beside ours framed: the difference is what ids cost.
    let wall = |name, pattern: Pattern, most| {
        let reference = Side::new(Contender::RawDatagram, pattern.in_dialect(Bare));
        Row::of_ours(name, pattern, reference, Metric::Wall, Target::RatioAtMost(most))
    };
    let rate = |name, pattern: Pattern, least| {
        let reference = Side::new(Contender::Memcached, pattern.in_dialect(Memcached));
        Row::of_ours(name, pattern, reference, Metric::Rate, Target::RatioAtLeast(least))
    };
    let one = |depth, dialect| Pattern::OneSocket { depth, dialect };
    let many = |sockets, dialect| Pattern::ManySockets { sockets, dialect };
    vec![
        wall("UDP 1x1 bare", one(1, Bare), 1.15),
        wall("UDP 1x1 framed", one(1, Framed), 1.35),
        rate("UDP 1 socket x 64 bare", one(64, Bare), 1.10),
        rate("UDP 1 socket x 64 framed", one(64, Framed), 1.10),
        rate("UDP 64 sockets x 1 bare", many(64, Bare), 1.06),
        rate("UDP 64 sockets x 1 framed", many(64, Framed), 1.06),
    ]
}

/// The models, each beside the bare server that waits as it does.
fn model_rows() -> Vec<Row> {
    let row = |name, model, pattern, reference, most| {
        let ours = Side::new(Contender::Model(model), pattern);
        let reference = Side::new(reference, pattern);
        let subject = Subject::Exchanges { ours, reference, metric: Metric::ServerCpu };
        Row::new(name, Target::RatioAtMost(most), subject)
    };
    let tcp = Pattern::Streams { connections: 64, depth: 1 };
    let udp = Pattern::ManySockets { sockets: 64, dialect: Bare };
    vec![
        row("TCP 64x1 threads", Model::Threads, tcp, Contender::RawThreads, 1.1),
        row("TCP 64x1 poll", Model::Poll, tcp, Contender::RawEpoll, 1.15),
        row("TCP 64x1 tasks", Model::Tasks, tcp, Contender::RawEpoll, 1.15),
        row("UDP 64x1 threads", Model::Threads, udp, Contender::RawThreads, 1.1),
        row("UDP 64x1 poll", Model::Poll, udp, Contender::RawDatagramEpoll, 1.15),
        row("UDP 64x1 tasks", Model::Tasks, udp, Contender::RawDatagramEpoll, 1.15),
    ]
}

fn service_rows() -> Vec<Row> {
    let growth = Target::BytesAtMost(pipelined::MOST_GROWTH as f64);
    vec![
        Row::new("file over TCP", Target::RatioAtLeast(0.7), Subject::Transfer),
        Row::new("file over UDP, window 8", Target::RatioAtLeast(5.0), Subject::Window),
        Row::new("memory, 1 MB pipelined", growth, Subject::PipelinedMemory),
    ]
}

fn footprint_rows() -> Vec<Row> {
    let connection = |name, model| {
        let connections = Subject::ConnectionMemory(Contender::Model(model));
        Row::new(name, Target::BytesAtMost(2048.0), connections)
    };
    let token = Target::BytesAtMost(footprint::BYTES_PER_TOKEN as f64);
    let cold_start = Subject::ColdStart(Contender::Ours);
    vec![
        connection("memory, idle TCP, poll", Model::Poll),
        connection("memory, idle TCP, tasks", Model::Tasks),
        Row::new("memory, UDP token", token, Subject::TokenMemory),
        Row::new("cold start to first reply", Target::RatioAtMost(2.0), cold_start),
    ]
}

fn transcript_rows() -> Vec<Row> {
    let row = |name, pattern, metric| {
        let ours = Side::new(Contender::OursWithTranscript, pattern);
        let reference = Side::new(Contender::Ours, pattern);
        let subject = Subject::Exchanges { ours, reference, metric };
        Row::new(name, Target::RatioAtMost(1.3), subject)
    };
    let (connections, depth, dialect) = (64, 1, Framed);
    let streams = Pattern::Streams { connections, depth };
    let datagrams = Pattern::OneSocket { depth: 1, dialect };
    vec![
        row("transcript TCP 1x1", Pattern::PingPong, Metric::Wall),
        row("transcript TCP 64x1", streams, Metric::ServerCpu),
        row("transcript UDP 1x1 framed", datagrams, Metric::Wall),
    ]
}

fn simulation_rows() -> Vec<Row> {
    let row = |name, target, experiment| Row::new(name, target, Subject::Simulation(experiment));
    let many = Target::PacketsAtLeast(400_000.0);
    let least = Target::RatioAtLeast(5.0);
    let milliseconds = Target::MillisecondsAtMost;
    vec![
        row("simulated TCP exchanges", many, Experiment::Rate(TCP)),
        row("simulated UDP exchanges", many, Experiment::Rate(UDP)),
        row("simulated transfer", many, Experiment::Rate(BULK)),
        row("simulated 2 x 100 exchanges", milliseconds(20.0), Experiment::Time(&HUNDRED_EACH)),
        row("simulated 1 MB at 5 % loss", milliseconds(10.0), Experiment::Time(&LOSSY)),
        row("simulated, all scenarios", Target::MillisecondsAtMost(10e3), Experiment::Catalogue),
        row("memory, simulated network", Target::BytesAtMost(50e6), Experiment::Memory),
        row("simulated 1 MB, no loss", least, Experiment::BesideNs3 { loss: 0.0 }),
        row("simulated 1 MB, 5 % loss", least, Experiment::BesideNs3 { loss: 0.05 }),
    ]
}

fn kernel_rows() -> Vec<Row> {
    use kernel::Experiment::{Added, Memory, Packets, SetUp};
    let row = |name, target, experiment| Row::new(name, target, Subject::Kernel(experiment));
    // Far less than the milliseconds of the wires that are shown with it.
    let added = Target::MicrosecondsMoreAtMost(150.0);
    let many = Target::PacketsAtLeast(100_000.0);
    let memory = Target::BytesAtMost(50e6);
    let loss: &[&str] = &["loss", "--loss", "2%", "--delay", "1ms", "--seed", "7"];
    vec![
        row("kernel network, UDP 1x1", added, Added(Udp)),
        row("kernel network, TCP 1x1", added, Added(Tcp)),
        row("kernel network, UDP flood", many, Packets(Udp)),
        row("kernel network, transfer", many, Packets(Tcp)),
        row("kernel network, set-up", Target::MillisecondsAtMost(300.0), SetUp),
        row("memory, kernel loss", memory, Memory(loss)),
        row("memory, kernel file", memory, Memory(&["file-transfer", "--delay", "2ms"])),
        row("memory, kernel clients", memory, Memory(&["many-clients", "--delay", "1ms"])),
    ]
}
