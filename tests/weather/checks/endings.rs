//! Whether endings say what is true.

use std::collections::BTreeSet;

use socklab::peer::Transport;
use socklab::protocol::Ending;
use socklab::protocol::datagram::{IcmpPolicy, Semantics};
use socklab::protocol::event::{Event, EventKind};
use socklab::protocol::parameters::MAX_TRANSMIT_SPAN;

use crate::story::{Asked, Story};
use crate::traffic::{Refusal, Traffic};
use crate::world::{Act, ms};

/// PROTOCOL section 4: refused means that nothing of it was executed. Over UDP a client cannot see
/// which datagram was refused, nor what the wire made of one: if the wire doubled it or its refusal,
/// or if the refusal was that of another datagram, no client could have known.
pub(super) fn refused_is_true(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in &story.asked {
        let Some((_, exchange)) = &asked.ended else { continue };
        if exchange.ending != Ending::Refused {
            continue;
        }
        let executed = story.executed(&asked.text).count() > 0;
        let talk = story.talk(asked);
        if talk.transport == Transport::Tcp {
            if executed || exchange.attempts > 0 {
                wrong.push(format!("{} was refused, but had left", asked.text));
            }
            continue;
        }
        if talk.icmp == IcmpPolicy::Vet && exchange.attempts < 2 {
            wrong.push(format!("{} was given up at the first refusal", asked.text));
        }
        if refusals_of(asked, traffic).is_empty() {
            wrong.push(format!("{} was refused by nobody", asked.text));
        }
        if executed && excuse(asked, traffic).is_none() {
            wrong.push(format!("{} was refused, and executed", asked.text));
        }
    }
    wrong
}

/// The refusals that reached the client of an exchange by its end.
fn refusals_of<'a>(asked: &Asked, traffic: &'a Traffic) -> Vec<&'a Refusal> {
    // One that had come before waits in the socket for the next call.
    let from = traffic.senders.get(&asked.text);
    let ended = asked.ended.as_ref().map(|(at, _)| *at);
    let heard = |one: &&Refusal| Some(&one.client) == from && Some(one.at) <= ended;
    traffic.refusals.iter().filter(heard).collect()
}

/// Returns why the client of an exchange could not know that it was not refused altogether.
pub(crate) fn excuse(asked: &Asked, traffic: &Traffic) -> Option<&'static str> {
    let heard = refusals_of(asked, traffic);
    if doubled(traffic.arrivals(&asked.text).iter().map(|one| one.packet)) {
        Some("the request was doubled")
    } else if doubled(heard.iter().map(|one| one.packet)) {
        Some("the refusal was doubled")
    } else {
        let another = heard.iter().any(|one| one.about != asked.text);
        another.then_some("another request was refused")
    }
}

fn doubled(packets: impl Iterator<Item = u64>) -> bool {
    let mut seen = BTreeSet::new();
    packets.into_iter().any(|packet| !seen.insert(packet))
}

/// PROTOCOL sections 3 and 4: an exchange times out at its deadline, or when no copy may follow.
pub(super) fn timed_out_is_true(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in &story.asked {
        let Some((at, exchange)) = &asked.ended else { continue };
        let talk = story.talk(asked);
        if exchange.ending != Ending::TimedOut
            || talk.timeout.is_none_or(|limit| at.since(asked.at) >= limit)
        {
            continue;
        }
        let framed = talk.transport == Transport::Udp && talk.semantics != Semantics::Maybe;
        let first = asked.copies.first();
        let no_copy_left = talk.retransmissions == Some(exchange.retransmissions)
            || first.is_some_and(|first| at.since(*first) + ms(1) >= MAX_TRANSMIT_SPAN);
        // The deadline of a stream ends all that is asked on it.
        let with_another = talk.transport == Transport::Tcp && asked.connected && talk.ahead > 1;
        if !(framed && no_copy_left || with_another) {
            wrong.push(format!("{} timed out after {:?}", asked.text, at.since(asked.at)));
        }
    }
    wrong
}

/// PROTOCOL section 4: our server never says what is not the protocol, and is busy only when it is.
pub(super) fn errors_are_true(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    let other_program = story.world.script.iter().any(|(_, act)| *act == Act::Impostor);
    let busy = |event: &Event| matches!(event.kind, EventKind::Busy(_));
    let was_busy = story.lives.iter().any(|life| life.events.iter().any(|one| busy(&one.1)));
    for asked in &story.asked {
        match asked.ending() {
            // Half a line for 10 s (section 2): TCP may take longer to repair a loss.
            Some(Ending::ProtocolError(what)) if what.ends_with("incomplete") => {}
            Some(Ending::ProtocolError(what)) if !other_program => {
                wrong.push(format!("{} ended: {what}", asked.text));
            }
            Some(Ending::Busy(what)) if !was_busy => {
                wrong.push(format!("{} found a server busy: {what}", asked.text));
            }
            _ => {}
        }
    }
    wrong
}
