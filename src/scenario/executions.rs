//! Which request of which client was executed, and how long it was under way.

use std::time::Duration;

use super::log::{ExchangeLog, Run};
use super::run::walk;
use crate::testbed::{Executed, ServerEvent};
use crate::time::Timestamp;

/// A request that was executed.
pub(super) struct Transit<'a> {
    pub(super) exchange: &'a ExchangeLog,
    pub(super) at: Timestamp,
    pub(super) time: Duration,
}

/// Returns for each exchange whose request was executed when that was. Clients are told apart: they
/// ask with the same numbers.
pub(super) fn transits(run: &Run) -> Vec<Transit<'_>> {
    let mut all = Vec::new();
    for (client, log) in run.clients.iter().enumerate() {
        for exchange in &log.exchanges {
            let mut executed = executions(run, client).filter(|(event, executed)| {
                executed.client_number == exchange.number && event.at >= exchange.asked
            });
            if let Some((event, _)) = executed.next() {
                let (at, time) = (event.at, event.at.since(exchange.asked));
                all.push(Transit { exchange, at, time });
            }
        }
    }
    all
}

/// Returns what the server executed for one client, in the order of its log.
pub(super) fn executions(
    run: &Run,
    client: usize,
) -> impl Iterator<Item = (&ServerEvent, &Executed)> {
    let name = walk::name(client);
    let events = run.server.events.iter();
    events.filter_map(|event| Some((event, event.executed.as_ref()?))).filter(
        // A name may be followed by letters that make the message long.
        move |(_, executed)| {
            let rest = executed.client_name.strip_prefix(&name);
            rest.is_some_and(|letters| letters.bytes().all(|letter| letter == b'x'))
        },
    )
}
