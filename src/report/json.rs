//! A comparison as one JSON object, for programs. Its schema is made from the types here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::conditions::{connection, rule};
use super::distributions::{self, Distribution, Distributions};
use super::parity;
use crate::scenario::Network;
use crate::scenario::facts::StackFacts;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::{Metrics, ms};
use crate::testbed::{Action, ConnectionFacts};
use crate::time::Timestamp;
use crate::wire::{Impairment, WireConfig};

/// One scenario, run once for each of its columns. Beside the fields named here stands one object
/// for each column, under its key: `tcp`, `udp`, and where there are others `udp_maybe`, `tcp_each`,
/// `tcp_serial` and so on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report<Numbers> {
    /// The scenario's id.
    scenario: &'static str,
    /// What it asks.
    question: &'static str,
    /// `sim`, `kernel`, `loopback` or `remote`.
    network: &'static str,
    /// The address of the server, where somebody else has started it (`remote`).
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// What drew the luck and the server's numbers; of several runs, the first. Nothing is drawn from
    /// it where the server is not ours.
    seed: u64,
    /// How many runs there were, with a seed each, if more than one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<usize>,
    /// What the wire did; null where there is none of ours.
    wire: Option<WireReport>,
    /// Whose TCP and UDP was measured.
    stack: StackReport,
    /// The columns.
    #[serde(flatten)]
    columns: BTreeMap<&'static str, Numbers>,
    /// What happened, in a sentence or two; null of several runs.
    explanation: Option<String>,
    /// The command that runs it again.
    reproduce: String,
}

/// Everything that `compare --format json` prints: an object for one scenario, else an array.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Document {
    /// One scenario, once.
    One(Report<Metrics>),
    /// One scenario, many times.
    Many(Report<BTreeMap<String, Distribution>>),
    /// Several scenarios, once each.
    Several(Vec<Report<Metrics>>),
    /// Several scenarios, many times each.
    SeveralMany(Vec<Report<BTreeMap<String, Distribution>>>),
    /// One scenario on two networks, once.
    Parity(Box<parity::OfOneRun>),
    /// One scenario on two networks, many times.
    ParityMany(Box<parity::OfManyRuns>),
    /// Several scenarios on two networks, once each.
    SeveralParity(Vec<parity::OfOneRun>),
    /// Several scenarios on two networks, many times each.
    SeveralParityMany(Vec<parity::OfManyRuns>),
}

/// What a wire did.
#[derive(Debug, Serialize, JsonSchema)]
struct WireReport {
    /// To the server.
    c2s: WayReport,
    /// Back.
    s2c: WayReport,
    /// Exact faults, as typed: `drop reply:1`.
    rules: Vec<String>,
    /// When it was cut, from the beginning of the run, if it was.
    cut_ms: Option<f64>,
}

/// What a wire did in one direction.
#[derive(Debug, Serialize, JsonSchema)]
struct WayReport {
    /// Probability that a packet is lost, from 0 to 1.
    loss: f64,
    /// How long a packet is under way.
    delay_ms: f64,
    /// Up to so much longer.
    jitter_ms: f64,
    /// Probability that a packet arrives twice.
    duplicate: f64,
    /// Probability that a packet is held back.
    reorder: f64,
    /// Bits a second, if limited.
    rate_bits_per_second: Option<u64>,
    /// Bytes that may wait for their turn at that rate.
    queue_bytes: usize,
}

/// Whose TCP and UDP was measured.
#[derive(Debug, Serialize, JsonSchema)]
struct StackReport {
    /// Name and version.
    name: String,
    /// What decides how fast TCP sends, if it is known.
    congestion_control: Option<String>,
    /// The least time before TCP repeats, if it is known.
    rto_floor_ms: Option<f64>,
    /// How else it was set up, and what the system did not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set_up: Vec<String>,
    /// What Linux thought of the client's first TCP connection when it ended, on the kernel network.
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp_info: Option<TcpInfoReport>,
    /// What Linux's stack was found to do by itself, on the kernel network.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<StackFactsReport>,
}

/// What a stack was found to do by itself.
#[derive(Debug, Serialize, JsonSchema)]
struct StackFactsReport {
    /// After which times a SYN was sent again that nobody answered: the first few.
    syn_again_ms: Vec<f64>,
    /// After which time a lost segment was sent again, where the round trip is next to nothing.
    least_rto_ms: f64,
    /// How long an acknowledgement waited for data to go with.
    delayed_ack_ms: f64,
}

/// What Linux thought of a connection (`struct tcp_info`).
#[derive(Debug, Serialize, JsonSchema)]
struct TcpInfoReport {
    /// What decided how fast it sent.
    congestion_control: String,
    /// Its retransmission timeout.
    rto_ms: f64,
    /// Its smoothed round trip.
    rtt_ms: f64,
    /// How much that varied.
    rtt_variation_ms: f64,
    /// Segments that it sent again.
    retransmitted: u32,
    /// Its congestion window, in segments.
    congestion_window: u32,
}

/// Writes one run of each column; `reproduce` is the command that runs it again.
pub fn object(comparison: &Comparison, reproduce: &str) -> Value {
    value(&one(comparison, reproduce))
}

/// Returns the report of one run of each column.
pub(super) fn one(comparison: &Comparison, reproduce: &str) -> Report<Metrics> {
    let columns = comparison.runs.iter().map(|run| (run.column.key, run.metrics()));
    let explanation = (comparison.scenario.explain)(comparison);
    report(comparison, reproduce, columns.collect(), None, Some(explanation))
}

/// Writes how the numbers of many runs are distributed.
pub fn runs(found: &Distributions, reproduce: &str) -> Value {
    value(&many(found, reproduce))
}

/// Returns the report of many runs.
pub(super) fn many(
    found: &Distributions,
    reproduce: &str,
) -> Report<BTreeMap<String, Distribution>> {
    let columns =
        found.columns.iter().map(|(column, numbers)| (column.key, distributions::by_name(numbers)));
    report(&found.first, reproduce, columns.collect(), Some(found.runs), None)
}

/// Returns the schema of everything that is printed.
pub fn schema() -> Value {
    schemars::schema_for!(Document).to_value()
}

fn report<Numbers>(
    comparison: &Comparison,
    reproduce: &str,
    columns: BTreeMap<&'static str, Numbers>,
    runs: Option<usize>,
    explanation: Option<String>,
) -> Report<Numbers> {
    let wire = comparison.runs.iter().find_map(|run| run.wire.as_ref());
    Report {
        scenario: comparison.scenario.name,
        question: comparison.scenario.question,
        network: comparison.network.name(),
        server: match comparison.network {
            Network::Remote(server) => Some(server.to_string()),
            Network::Sim | Network::Kernel | Network::Loopback => None,
        },
        seed: comparison.settings.server.seed,
        runs,
        wire: wire.map(|wire| wire_report(wire, cut(comparison))),
        stack: stack_report(comparison),
        columns,
        explanation,
        reproduce: reproduce.to_owned(),
    }
}

pub(super) fn value(report: &impl Serialize) -> Value {
    // Maps with keys of text, numbers and text: nothing that JSON cannot hold.
    serde_json::to_value(report).unwrap_or_default()
}

/// Returns when the wire was cut, if it was.
fn cut(comparison: &Comparison) -> Option<f64> {
    let acted = comparison.runs.first()?.server.acted.iter();
    let cut = acted.clone().find(|(_, action)| *action == Action::Cut);
    cut.map(|(at, _)| ms(at.since(Timestamp::ZERO)))
}

fn wire_report(wire: &WireConfig, cut_ms: Option<f64>) -> WireReport {
    WireReport {
        c2s: way_report(&wire.c2s),
        s2c: way_report(&wire.s2c),
        rules: wire.rules.iter().map(rule).collect(),
        cut_ms,
    }
}

fn way_report(way: &Impairment) -> WayReport {
    WayReport {
        loss: way.loss,
        delay_ms: ms(way.delay),
        jitter_ms: ms(way.jitter),
        duplicate: way.duplicate,
        reorder: way.reorder,
        rate_bits_per_second: way.rate,
        queue_bytes: way.queue,
    }
}

fn stack_report(comparison: &Comparison) -> StackReport {
    let stack = &comparison.stack;
    StackReport {
        name: stack.name.clone(),
        congestion_control: stack.congestion_control.clone(),
        rto_floor_ms: stack.rto_floor.map(ms),
        set_up: stack.set_up.clone(),
        tcp_info: connection(comparison).map(tcp_info_report),
        measured: comparison.measured.iter().flatten().next().map(stack_facts_report),
    }
}

fn stack_facts_report(facts: &StackFacts) -> StackFactsReport {
    StackFactsReport {
        syn_again_ms: facts.syn_again.iter().copied().map(ms).collect(),
        least_rto_ms: ms(facts.least_rto),
        delayed_ack_ms: ms(facts.delayed_ack),
    }
}

fn tcp_info_report(facts: &ConnectionFacts) -> TcpInfoReport {
    TcpInfoReport {
        congestion_control: facts.congestion_control.clone(),
        rto_ms: ms(facts.retransmission_timeout),
        rtt_ms: ms(facts.round_trip),
        rtt_variation_ms: ms(facts.round_trip_variation),
        retransmitted: facts.retransmitted,
        congestion_window: facts.window,
    }
}

/// Returns the metrics of one column by their names.
pub fn metrics(run: &Run) -> Map<String, Value> {
    match value(&run.metrics()) {
        Value::Object(metrics) => metrics,
        _ => Map::new(),
    }
}
