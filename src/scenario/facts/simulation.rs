//! The experiments on simulated hosts, each on a network of its own.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::lab::{Lab, read, wire};
use super::list::Quantity as Q;
use super::{Finding, Findings, closings, datagrams, ms, sizes, time, times};
use crate::net::sim::{SimConfig, run};
use crate::net::{Net, host_address};
use crate::testbed::sim::{Simulation, experiment};
use crate::testbed::{BothEnds, Testbed, trace_of};

/// How long a packet is under way.
pub(super) const DELAY: Duration = Duration::from_millis(25);

/// Longer than any stack tries.
const LONGEST: Duration = Duration::from_secs(3600);

/// Longer than an experiment may take in virtual time.
const HORIZON: Duration = Duration::from_secs(4 * 3600);

/// Asks everything.
///
/// # Errors
/// If an experiment does not end.
pub(super) fn measure() -> io::Result<Findings> {
    Q::ALL.iter().map(|quantity| Ok((*quantity, found(*quantity)?))).collect()
}

fn found(quantity: Q) -> io::Result<Finding> {
    if quantity == Q::AcceptQueue {
        return Ok(Finding::of(accept_queue()));
    }
    let rules = quantity.rules();
    experiment(wire(DELAY, rules.clone()), 1, HORIZON, move |simulation| async move {
        let mut lab = Lab::new(simulation, rules, LONGEST).await?;
        Ok(Finding::of(match quantity {
            Q::TimeWait => time_wait(&mut lab).await,
            _ => ask(quantity, &mut lab).await,
        }))
    })
}

/// Carries out the experiments that are the same on every stack.
pub(super) async fn ask<T: BothEnds>(quantity: Q, lab: &mut Lab<T>) -> io::Result<Finding> {
    match quantity {
        Q::InitialRto => times::initial_rto(lab).await,
        Q::SynSchedule => times::syn_schedule(lab).await,
        Q::LeastRto => times::least_rto(lab).await,
        Q::Backoff => times::backoff(lab).await,
        Q::GivingUp => times::giving_up(lab).await,
        Q::DelayedAck => times::delayed_ack(lab).await,
        Q::Segment => sizes::segment(lab).await,
        Q::InitialWindow => sizes::initial_window(lab).await,
        Q::SendBuffer => sizes::send_buffer(lab).await,
        Q::RefusedSyn => closings::refused_syn(lab).await,
        Q::UnreadClose => closings::unread_close(lab).await,
        Q::WriteAfterClose => closings::write_after_close(lab).await,
        Q::RefusedDatagram => datagrams::refused_datagram(lab).await,
        Q::IcmpLimit => datagrams::icmp_limit(lab).await,
        Q::ReceiveBuffer => datagrams::receive_buffer(lab).await,
        Q::LongestDatagram => datagrams::longest_datagram(lab).await,
        Q::EphemeralPorts => datagrams::ephemeral_ports(lab).await,
        Q::UserTimeout | Q::Keepalive => Ok(Finding::not_measured("no program asks for it there")),
        Q::TimeWait | Q::AcceptQueue => Ok(Finding::not_measured("each stack tells it in its way")),
    }
}

/// The socket is there as long as TIME-WAIT lasts.
async fn time_wait(lab: &mut Lab<Simulation>) -> io::Result<Finding> {
    let mut pair = lab.acquainted().await?;
    drop(pair.client);
    read(&mut pair.server).await?;
    let closed = lab.clock.now();
    drop(pair.server);
    let host = lab.testbed.client(1);
    let until = closed + LONGEST;
    while host.sockets() > 0 && lab.clock.now() < until {
        lab.wait(DELAY).await;
    }
    // What ends it is the other end's FIN, which was under way once.
    let lasted = lab.clock.now().since(closed).saturating_sub(DELAY);
    Ok(Finding::measured(time(lasted), json!({ "lasts_ms": ms(lasted) })))
}

fn accept_queue() -> io::Result<Finding> {
    let wire = wire(DELAY, Vec::new());
    let config = SimConfig { wire, backlog: 1, ..SimConfig::default() };
    let run = run(config, HORIZON, |sim| async move {
        let address = (host_address(0), 12_000).into();
        let _listener = sim.server().listen(address, true)?;
        Ok(sizes::fill(&sim.client(1), address, sim.clock()).await)
    });
    let connected = run.output.unwrap_or_else(|stuck| Err(io::Error::other(stuck)))?;
    Ok(sizes::queued(connected, &trace_of(&run.record, &[])))
}
