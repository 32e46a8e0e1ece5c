//! How often requests are executed.

use std::collections::{BTreeMap, BTreeSet};

use socklab::peer::Transport;
use socklab::protocol::event::EventKind;
use socklab::protocol::parameters::TOKEN_LIFETIME;
use socklab::time::Timestamp;

use super::over;
use crate::story::{Execution, Life, Story, server};
use crate::traffic::Traffic;
use crate::world::ms;

/// PROTOCOL section 3, Server, and section 7: within one life at most one execution of a request
/// that is remembered, unless its copies came so late that the server could forget it: 60 s after
/// the last one.
pub(super) fn at_most_once(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in story.asked.iter().filter(|asked| story.is_remembered(asked)) {
        for life in &story.lives {
            let times: Vec<_> = life.executed(&asked.text).map(|one| one.at).collect();
            for pair in times.windows(2) {
                if !could_forget(&asked.text, (pair[0], pair[1]), traffic) {
                    let (text, number) = (&asked.text, life.number);
                    wrong.push(format!("{text} was executed at {times:?} by server {number}"));
                }
            }
        }
    }
    wrong
}

/// Returns whether so long a time passed between two executions without a copy.
fn could_forget(text: &str, (from, to): (Timestamp, Timestamp), traffic: &Traffic) -> bool {
    let between = traffic.arrivals(text).iter().map(|one| one.at);
    let between = between.filter(|at| *at > from && *at < to);
    let mut heard: Vec<_> = between.chain([from, to]).collect();
    heard.sort();
    // The programs' clock has whole milliseconds.
    heard.windows(2).any(|pair| pair[1].since(pair[0]) + ms(1) >= TOKEN_LIFETIME)
}

/// PROTOCOL section 3, Semantics: a datagram that arrived is executed once at most, whatever the
/// semantics; and nothing is executed that did not arrive, from where it did.
pub(super) fn as_often_as_it_arrived(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &story.lives {
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for one in over_the_wire(life).filter(|one| one.peer.transport == Transport::Udp) {
            *counts.entry((&one.request, one.peer.address)).or_default() += 1;
        }
        for ((text, from), count) in counts {
            let arrivals = traffic.arrivals(text).iter();
            let arrived =
                arrivals.filter(|one| life.lived_at(one.at) && from == one.from.into()).count();
            if count > arrived {
                wrong.push(format!(
                    "{text} from {from} arrived {arrived} times, done {count} times"
                ));
            }
        }
    }
    wrong
}

fn over_the_wire(life: &Life) -> impl Iterator<Item = &Execution> {
    life.executions.iter().filter(|one| one.peer.address.ip() != server().ip())
}

/// PROTOCOL section 2: TCP delivers each byte once and in order, so each request is executed once at
/// most, and those of one connection in the order in which they were asked.
pub(super) fn streams_in_order(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in over(story, Transport::Tcp) {
        let count = story.executed(&asked.text).count();
        if count > 1 {
            wrong.push(format!("{} over TCP was executed {count} times", asked.text));
        }
    }
    let places: BTreeMap<_, _> =
        story.asked.iter().map(|one| (one.text.as_str(), (one.conversation, one.number))).collect();
    for life in &story.lives {
        let mut last: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for one in life.executions.iter().filter(|one| one.peer.transport == Transport::Tcp) {
            let Some(&(conversation, number)) = places.get(one.request.as_str()) else { continue };
            let before = last.insert(one.peer.to_string(), (conversation, number));
            if before.is_some_and(|(other, before)| other != conversation || before >= number) {
                wrong.push(format!("{} of {} was executed out of order", one.request, one.peer));
            }
        }
    }
    wrong
}

/// PROTOCOL section 7: a sum that was executed is told in the server's transcript, once, with the
/// numbers and the message id that it had.
pub(super) fn the_transcript_agrees(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    let ids: BTreeSet<_> = story
        .asked
        .iter()
        .filter_map(|asked| Some((asked.text.split(';').next()?, asked.ended.as_ref()?.1.id)))
        .collect();
    for life in &story.lives {
        let mut executed: Vec<_> = life.executions.iter().filter_map(sum).collect();
        let mut told = Vec::new();
        for (_, event) in &life.events {
            let EventKind::Exchange { client_name, sum, .. } = &event.kind else { continue };
            let numbers = (sum.client_number.into(), sum.server_number.into());
            told.push((event.peer.to_string(), client_name.clone(), numbers));
            let own = client_name.starts_with('c') && event.peer.address.ip() != server().ip();
            if let Some(id) = event.message_id
                && own
                && !ids.contains(&(client_name.as_str(), id))
            {
                wrong.push(format!("{client_name} was told with message id {id}"));
            }
        }
        executed.sort();
        told.sort();
        if executed != told {
            wrong.push(format!("server {} did {executed:?}, but told {told:?}", life.number));
        }
    }
    wrong
}

/// Who asked, as whom, and both numbers.
type Told = (String, String, (u64, u64));

fn sum(one: &Execution) -> Option<Told> {
    let mut asked = one.request.split(';');
    let name = asked.next()?.to_owned();
    let number = asked.next()?.trim().parse().ok()?;
    let answer = one.reply.strip_prefix("Server ")?.split(';').nth(1)?.parse().ok()?;
    Some((one.peer.to_string(), name, (number, answer)))
}
