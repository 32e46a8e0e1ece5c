//! What is drawn of a trace: every packet with its fate, readable, the same bytes each time.

mod exchange;
mod golden;
mod readings;
mod svg;
mod text;

use std::time::Duration;

use socklab::net::sim::SimConfig;
use socklab::peer::Transport;
use socklab::trace::Trace;
use socklab::wire::{Fault, Impairment, Rule, What, WireConfig};

use exchange::exchanges;

/// A wire of 25 ms each way, with these faults.
pub(crate) fn faulty(rules: &[(Fault, &str)]) -> WireConfig {
    let what = |text: &str| text.parse::<What>().expect("a packet");
    let rules = rules.iter().map(|&(fault, text)| Rule { fault, what: what(text) }).collect();
    WireConfig { rules, ..WireConfig::default() }
}

/// A wire that does the same both ways.
pub(crate) fn both_ways(seed: u64, impairment: Impairment) -> WireConfig {
    WireConfig { seed, c2s: impairment, s2c: impairment, ..WireConfig::default() }
}

/// The trace of one exchange.
pub(crate) fn one(wire: &WireConfig, transport: Transport) -> Trace {
    exchanges(wire, transport, &[(1, 1)], "Client of socklab")
}

/// The traces that tests go through, each with a name: among them everything that a wire can do.
pub(crate) fn many() -> Vec<(String, Trace)> {
    let bad = Impairment {
        loss: 0.2,
        jitter: Duration::from_millis(20),
        duplicate: 0.2,
        reorder: 0.2,
        rate: Some(200_000),
        queue: 200,
        ..Impairment::default()
    };
    let hold = Fault::Hold(Duration::from_millis(500));
    let mut all = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut add = |name: &str, wire: WireConfig, asks: &[(usize, usize)], who: &str| {
            all.push((format!("{name}-{transport}"), exchanges(&wire, transport, asks, who)));
        };
        let who = "Client of socklab";
        add("happy-path", WireConfig::default(), &[(1, 1)], who);
        add("lost-reply", faulty(&[(Fault::Drop, "reply:1")]), &[(1, 1)], who);
        add("lost-request", faulty(&[(Fault::Drop, "request:1")]), &[(1, 1)], who);
        add("doubled-request", faulty(&[(Fault::Duplicate, "request:1")]), &[(1, 1)], who);
        add("held-request", faulty(&[(hold, "request:1")]), &[(1, 1)], who);
        add("doubled-reply", faulty(&[(Fault::Duplicate, "reply:1")]), &[(1, 1)], who);
        add("three-clients", WireConfig::default(), &[(1, 1), (2, 2), (3, 1)], who);
        add("other-scripts", WireConfig::default(), &[(1, 1)], "李 Zoë \"\\");
        for seed in 0..12 {
            add(&format!("bad-{seed}"), both_ways(seed, bad), &[(1, 8), (2, 4)], who);
        }
    }
    all
}

/// A network with this wire.
pub(crate) fn network(wire: &WireConfig, clients: usize) -> SimConfig {
    SimConfig { wire: wire.clone(), clients, ..SimConfig::default() }
}
