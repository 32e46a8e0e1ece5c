//! Under which conditions something was measured, in words.

use std::time::Duration;

use crate::scenario::Network;
use crate::scenario::facts::StackFacts;
use crate::scenario::log::Comparison;
use crate::scenario::words::short;
use crate::testbed::{Action, ConnectionFacts, Stack};
use crate::wire::{Fault, Impairment, QUEUE, Rule, WireConfig};

/// Returns network, wire, stack, seed and deadline of a comparison.
pub fn conditions(comparison: &Comparison) -> String {
    let scenario = &comparison.scenario;
    let settings = &comparison.settings;
    let deadline = match scenario.timeout(settings) {
        Some(deadline) => format!("deadline {}", short(deadline)),
        None => "no deadline".to_owned(),
    };
    let mut seed = match comparison.network {
        // Nothing is drawn from it there.
        Network::Remote(_) => deadline,
        _ => format!("seed {}, {deadline}", settings.server.seed),
    };
    let mut runs = comparison.runs.iter().filter(|run| run.deadline != scenario.timeout(settings));
    if let Some(shortened) = runs.find_map(|run| run.deadline) {
        seed.push_str(&format!(" (one try: {} here)", short(shortened)));
    }
    let whose = match comparison.network {
        Network::Remote(_) => "our side: ",
        _ => "",
    };
    let parts = [network(comparison), whose.to_owned() + &stack(&comparison.stack), seed];
    parts.into_iter().chain(said_by_hosts(comparison)).collect::<Vec<_>>().join(SEPARATOR)
}

/// Returns what the hosts' own kernels said of the run, where they are ours to ask.
fn said_by_hosts(comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(measured) = &comparison.measured {
        said.push(measured_here(measured));
    }
    if let Some(ConnectionFacts {
        congestion_control, retransmission_timeout, round_trip, ..
    }) = connection(comparison)
    {
        let (timeout, trip) = (short(*retransmission_timeout), short(*round_trip));
        said.push(format!(
            "the client's TCP_INFO at its end: {congestion_control}, RTO {timeout}, round trip {trip}"
        ));
    }
    let unseen: u64 =
        comparison.runs.iter().filter_map(|run| run.host.as_ref()).map(|host| host.unseen).sum();
    if unseen > 0 {
        said.push(format!("{unseen} packets lost in the hosts' own queues, before the wire"));
    }
    said
}

/// Says what the stack was found to do by itself, or why that is not known.
pub(super) fn measured_here(measured: &Result<StackFacts, String>) -> String {
    match measured {
        Ok(facts) => format!("measured here: {facts}"),
        Err(reason) => format!("nothing was measured of the stack itself: {reason}"),
    }
}

/// Returns what Linux thought of the client's first connection over TCP.
pub(super) fn connection(comparison: &Comparison) -> Option<&ConnectionFacts> {
    let mut hosts = comparison.runs.iter().filter_map(|run| run.host.as_ref());
    hosts.find_map(|host| host.connections.first())
}

/// Returns what many runs are called: where nothing is drawn, they differ in nothing that we know.
pub fn many(network: Network) -> &'static str {
    match network {
        Network::Remote(_) => "runs",
        _ => "seeds",
    }
}

/// Stands between conditions: a good place to break a line.
pub const SEPARATOR: &str = " | ";

/// Returns what is between client and server.
pub fn network(comparison: &Comparison) -> String {
    match comparison.network {
        Network::Loopback => "loopback, nothing is lost".to_owned(),
        Network::Remote(server) => format!("server at {server}, a network that is not ours"),
        Network::Sim | Network::Kernel => {
            let cut = comparison.scenario.script.acts.iter().any(|(_, act)| *act == Action::Cut);
            let cut = if cut { ", then cut" } else { "" };
            wire(&comparison.scenario.wire(&comparison.settings)) + cut
        }
    }
}

/// Names the stack with what decides about its times.
pub fn stack(stack: &Stack) -> String {
    let mut text = stack.name.clone();
    if let Some(control) = &stack.congestion_control {
        text.push_str(&format!(", {control}"));
    }
    if let Some(floor) = stack.rto_floor {
        text.push_str(&format!(", RTO >= {}", short(floor)));
        if floor == RFC_6298_FLOOR {
            text.push_str(" (RFC 6298)");
        }
    }
    for also in &stack.set_up {
        text.push_str(&format!(", {also}"));
    }
    text
}

/// The least retransmission timeout that RFC 6298 section 2.4 asks for.
const RFC_6298_FLOOR: Duration = Duration::from_secs(1);

/// Says what a wire does: both ways at once where they are alike.
pub fn wire(wire: &WireConfig) -> String {
    let mut parts = match wire.c2s == wire.s2c {
        true => vec![format!("wire {} each way", way(&wire.c2s))],
        false => vec![
            format!("wire to the server {}", way(&wire.c2s)),
            format!("back {}", way(&wire.s2c)),
        ],
    };
    parts.extend(wire.rules.iter().map(rule));
    parts.join(", ")
}

fn way(way: &Impairment) -> String {
    let mut text = short(way.delay);
    let mut also = |part: String| text.push_str(&format!(", {part}"));
    if !way.jitter.is_zero() {
        also(format!("up to {} more", short(way.jitter)));
    }
    for (share, what) in
        [(way.loss, "lost"), (way.duplicate, "doubled"), (way.reorder, "held back")]
    {
        if share > 0.0 {
            also(format!("{} {what}", percent(share)));
        }
    }
    if let Some(rate) = way.rate {
        also(format!("{} kbit/s", rate / 1_000));
        if way.queue != QUEUE {
            also(format!("queue of {} bytes", way.queue));
        }
    }
    text
}

/// Says an exact fault as it is typed.
pub fn rule(rule: &Rule) -> String {
    match rule.fault {
        Fault::Drop => format!("drop {}", rule.what),
        Fault::Duplicate => format!("dup {}", rule.what),
        Fault::Hold(by) => format!("hold {}={}", rule.what, time(by)),
    }
}

fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// `10 %`, `0.5 %`.
fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round() / 10.0;
    format!("{tenths} %")
}
