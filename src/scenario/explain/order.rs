//! About copies and disorder: what ids, and what sequence numbers are for.

use super::facts::{doubled, overtaken_on_the_wire, packets};
use super::three;
use crate::protocol::datagram::Semantics;
use crate::scenario::executions::executions;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::rows::answered;
use crate::scenario::run::walk;
use crate::scenario::words::{count, list};
use crate::wire::Direction;

pub(in crate::scenario) fn duplicate(comparison: &Comparison) -> String {
    three(comparison, |maybe, udp, tcp| {
        let all = maybe.exchanges().count();
        let confused = match answered(maybe) > maybe.agreed() {
            true => {
                ", and the client took a late answer to one question for the answer to the next"
            }
            false => "",
        };
        let dropped = match doubled(tcp) {
            0 => "TCP",
            _ => "TCP drops copies by their sequence numbers",
        };
        format!(
            "{} With bare datagrams it executed {} for {}{confused}: {} of {all} sums agree. {}: {} \
             executed, {} agree. {dropped}: {} of {all}.",
            came_twice(maybe, udp, tcp),
            maybe.logged("exchange"),
            count(all, "question"),
            maybe.agreed(),
            with_ids(udp),
            udp.logged("exchange"),
            udp.agreed(),
            tcp.agreed()
        )
    })
}

/// Says how much of what bare datagrams carried to the server came twice.
fn came_twice(maybe: &Run, udp: &Run, tcp: &Run) -> String {
    let to_server = Direction::ClientToServer;
    let sent = packets(maybe, |packet, _| packet.direction == to_server);
    let came =
        packets(maybe, |packet, _| packet.direction == to_server && !packet.arrivals.is_empty());
    let twice =
        packets(maybe, |packet, _| packet.direction == to_server && packet.duplicated.is_some());
    let said = match came {
        0 => "No bare datagram reached the server.",
        _ if twice == sent => "Every datagram to the server came twice.",
        _ if twice == came => "Every datagram that reached the server came twice.",
        _ if doubled(maybe) + doubled(udp) + doubled(tcp) > 0 => "Some packets came twice.",
        _ => "Nothing came twice.",
    };
    said.to_owned()
}

/// Says what ids are good for where copies come, with a memory or without.
fn with_ids(udp: &Run) -> &'static str {
    let told = |what: &str| {
        let mut events = udp.server.events.iter();
        events.any(|event| event.event == "duplicate" && event.text.contains(what))
    };
    match udp.datagram.semantics {
        Semantics::Maybe => "With one try there are no ids",
        _ if udp.remembers && told("still working") => {
            "With ids and a memory the server knows the copies, and says that it is still working"
        }
        _ if udp.remembers && told("from the cache") => {
            "With ids and a memory the copies are answered from the cache"
        }
        _ if udp.remembers => "With ids and a memory a copy would be known, but none came",
        _ if udp.logged("exchange") > udp.exchanges().count() => {
            "With ids the client takes the first reply and drops the others, but the server has \
             executed, and logged, every copy"
        }
        _ => "With ids the client would drop a second reply, but none came",
    }
}

pub(in crate::scenario) fn reorder(comparison: &Comparison) -> String {
    three(comparison, |maybe, udp, tcp| {
        let overtaken = overtaken(udp);
        let who = match &overtaken {
            Some((_, number)) if udp.clients.len() == 1 => {
                format!("Number {number} was overtaken.")
            }
            Some((client, number)) => {
                format!("Number {number} of {} was overtaken.", walk::name(*client))
            }
            None => "Nothing was overtaken over UDP.".to_owned(),
        };
        let kept_back = match overtaken_on_the_wire(tcp) {
            Some(_) => "TCP's stack kept the others back and delivered",
            None if tcp.logged("exchange") == 0 => "TCP could deliver",
            None => "TCP delivered",
        };
        let what = match answered(tcp) == tcp.exchanges().count() {
            _ if tcp.logged("exchange") == 0 => "nothing",
            true => "all in order",
            false => "in order what came",
        };
        let whose = if tcp.clients.len() > 1 { ", client by client" } else { "" };
        format!(
            "{who} {kept_back} {what}{whose} ({}). UDP delivers what comes, when it comes ({}): {}.",
            order(tcp),
            order(udp),
            found_by_ids(maybe, udp, overtaken.is_some())
        )
    })
}

/// Lists what the server executed, client by client.
fn order(run: &Run) -> String {
    let client = |client| {
        list(executions(run, client).map(|(_, executed)| executed.client_number.to_string()))
    };
    (0..run.clients.len()).map(client).collect::<Vec<_>>().join("; ")
}

/// Says whether answers found their questions, with ids and without.
fn found_by_ids(maybe: &Run, udp: &Run, disorder: bool) -> String {
    let all = udp.exchanges().count();
    let (with, without) = (udp.agreed(), maybe.agreed());
    if answered(udp) + answered(maybe) == 0 {
        return "no answer came back".to_owned();
    }
    if udp.datagram.semantics == Semantics::Maybe {
        return format!("without ids, {with} and {without} of {all} sums agree");
    }
    let still = if disorder { " still" } else { "" };
    let bare = match answered(maybe) > without {
        true => format!("without them it does not ({without} agree)"),
        false => format!("without them it was luck ({without} agree)"),
    };
    format!("with ids each answer{still} finds its question ({with} of {all} sums agree), {bare}")
}

/// Returns the first client and number that the server had later than one asked after it.
fn overtaken(run: &Run) -> Option<(usize, i64)> {
    (0..run.clients.len()).find_map(|client| {
        let there: Vec<i64> =
            executions(run, client).map(|(_, executed)| executed.client_number).collect();
        let mut asked: Vec<i64> = there.clone();
        asked.sort_unstable();
        let number = asked.into_iter().find(|number| {
            let place = there.iter().position(|other| other == number);
            place.is_some_and(|place| there[..place].iter().any(|other| other > number))
        })?;
        Some((client, number))
    })
}
