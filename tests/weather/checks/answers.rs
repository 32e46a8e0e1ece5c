//! Whether what clients believe is what servers did.

use std::collections::BTreeMap;

use socklab::peer::Transport;
use socklab::protocol::Ending;
use socklab::protocol::datagram::Semantics;
use socklab::protocol::event::{Disconnect, Event, EventKind};
use socklab::service::Next;

use super::over;
use crate::story::{Asked, End, Execution, Life, Story};
use crate::traffic::Traffic;

/// PROTOCOL section 7: every reply that a client accepted was given to exactly that request, and
/// both compute the same sum. Without ids, only the conversation is known: a late bare reply is
/// taken for the next one's (section 3, maybe).
pub(super) fn replies_are_true(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in &story.asked {
        let Some((at, exchange)) = &asked.ended else { continue };
        let Ending::Replied(reply) = &exchange.ending else { continue };
        let answers = |one: &&Execution| one.at <= *at && one.reply == *reply;
        let talk = story.talk(asked);
        let bare = talk.transport == Transport::Udp && talk.semantics == Semantics::Maybe;
        let (known, summed) = if bare && !talk.apart {
            let of_it = |other: &&Asked| {
                (other.client, other.conversation) == (asked.client, asked.conversation)
            };
            let mut others = story.asked.iter().filter(of_it);
            (others.any(|other| story.executed(&other.text).any(|one| answers(&one))), true)
        } else {
            let known = story.executed(&asked.text).any(|one| answers(&one));
            (known, reply.starts_with("ERR ") || is_sum(&asked.text, reply))
        };
        // This much a server says without executing anything.
        let unproven = bare && reply == "ERR a bare datagram cannot prove its address";
        if !known && !unproven {
            wrong.push(format!("{} got {reply:?}, which no server answered", asked.text));
        }
        if !summed {
            wrong.push(format!("{} got {reply:?}, which is not the sum", asked.text));
        }
    }
    wrong
}

fn is_sum(request: &str, reply: &str) -> bool {
    let field = |text: &str, at| text.split(';').nth(at).and_then(|one| one.parse::<u64>().ok());
    match (field(request, 1), field(reply, 1), field(reply, 2)) {
        (Some(client), Some(server), Some(total)) => client + server == total,
        _ => false,
    }
}

/// PROTOCOL section 2: replies keep the order of the requests.
pub(super) fn replies_in_order(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut last: BTreeMap<_, (usize, _)> = BTreeMap::new();
    for asked in over(story, Transport::Tcp) {
        let Some((at, exchange)) = &asked.ended else { continue };
        if !matches!(exchange.ending, Ending::Replied(_)) {
            continue;
        }
        let before = last.insert((asked.client, asked.conversation), (asked.number, *at));
        if before.is_some_and(|(number, before)| number >= asked.number || before > *at) {
            wrong.push(format!("{} was answered before an earlier one", asked.text));
        }
    }
    wrong
}

/// PROTOCOL section 3, Leaving, and section 5: what was executed is answered, also by a server that
/// stops, as far as its drain reaches; unless its connection is gone.
pub(super) fn accepted_is_answered(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &story.lives {
        if life.ended.is_some_and(|(_, how)| how != End::Stopped) {
            continue;
        }
        let mut balance: BTreeMap<(String, &str), i64> = BTreeMap::new();
        for one in life.executions.iter().filter(|one| can_be_answered(story, life, one)) {
            *balance.entry((one.peer.to_string(), &one.reply)).or_default() += 1;
        }
        for (_, event) in &life.events {
            if let EventKind::Sent(text) = &event.kind
                && let Some(count) = balance.get_mut(&(event.peer.to_string(), text.as_str()))
            {
                *count -= 1;
            }
        }
        let stalled = |event: &Event| event.kind == EventKind::Disconnected(Disconnect::Stalled);
        for (at, event) in life.events.iter().filter(|(_, event)| stalled(event)) {
            // No client here leaves 64 KiB unread.
            if life.stopping().is_none_or(|stopping| *at < stopping) {
                wrong.push(format!("{} was given up at {at}, though it took all", event.peer));
            }
        }
        for ((peer, reply), _) in balance.into_iter().filter(|(_, count)| *count > 0) {
            wrong.push(format!("server {} never sent {reply:?} to {peer}", life.number));
        }
    }
    wrong
}

fn can_be_answered(story: &Story, life: &Life, one: &Execution) -> bool {
    let plan = &story.world.server;
    let in_time =
        life.stopping().is_none_or(|stopping| one.at + plan.work <= stopping + plan.drain);
    let gone = life.events.iter().any(|(_, event)| {
        let how =
            matches!(event.kind, EventKind::Disconnected(Disconnect::Reset | Disconnect::Stalled));
        how && event.peer == one.peer
    });
    let asks_to_stop = matches!(one.next, Next::Shutdown { .. });
    // An unproven address may not be sent so much: it is asked for a proof.
    let too_large = one.peer.transport == Transport::Udp
        && (story.world.server.has_long_name || one.reply.starts_with("ERR "));
    in_time && !gone && !asks_to_stop && !too_large
}
