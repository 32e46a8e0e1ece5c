//! How a server leaves.

use socklab::peer::Transport;
use socklab::protocol::datagram::header::ByeReason;
use socklab::service::Next;

use crate::story::{End, Execution, Story};
use crate::traffic::Traffic;

/// PROTOCOL section 3, Leaving: nothing is executed by a server that has decided to stop; but for what
/// had arrived before, and waited on its connection for the end of a file.
pub(super) fn nothing_new(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &story.lives {
        let Some(stopping) = life.stopping() else { continue };
        let waits =
            |one: &Execution| story.world.chat.is_some() && one.peer.transport == Transport::Tcp;
        for one in life.executions.iter().filter(|one| one.at > stopping && !waits(one)) {
            let (number, at) = (life.number, one.at);
            wrong.push(format!("server {number} stopped at {stopping}, did {one:?} at {at}"));
        }
    }
    wrong
}

/// PROTOCOL section 1: a server stops because it is told to, or because of a number out of range from
/// a peer that may; over UDP the peer must have proven its address.
pub(super) fn who_stops_it(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    let plan = &story.world.server;
    for life in &story.lives {
        if matches!(life.ended, Some((_, End::Stopped))) && life.stopping().is_none() {
            wrong.push(format!("server {} stopped for no reason", life.number));
        }
        for one in life.executions.iter().filter(|one| matches!(one.next, Next::Shutdown { .. })) {
            let proven = one.peer.transport == Transport::Tcp
                || !plan.validate
                || traffic.proven.iter().any(|proven| one.peer.address == (*proven).into());
            if !plan.allows_shutdown || !proven {
                wrong.push(format!("{} stopped server {}", one.peer, life.number));
            }
        }
    }
    wrong
}

/// PROTOCOL section 3, Leaving: a goodbye names what will not be answered, so that was not executed;
/// and a server that says none says none.
pub(super) fn goodbyes_are_true(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, header) in &traffic.goodbyes {
        if header.bye == Some(ByeReason::ClientLeaves) {
            continue;
        }
        if !story.world.server.goodbye {
            wrong.push(format!("a goodbye left at {at}: {header:?}"));
        }
        if header.bye != Some(ByeReason::Shutdown) {
            continue;
        }
        let copies = traffic.copies.get(&(header.token, header.message_id));
        let Some(text) = copies.and_then(|copies| copies.first()).map(|copy| &copy.text) else {
            continue;
        };
        let asked = story.asked.iter().find(|asked| asked.text.as_bytes() == text);
        let Some(asked) = asked.filter(|asked| story.is_remembered(asked)) else { continue };
        let life = story.lives.iter().find(|life| life.lived_at(*at) && life.stopping().is_some());
        if life.is_some_and(|life| life.executed(&asked.text).count() > 0) {
            wrong.push(format!("a goodbye at {at} names {}, which was executed", asked.text));
        }
    }
    wrong
}
