//! What was met in the worlds of chats.

use std::time::Duration;

use socklab::peer::Transport;
use socklab::protocol::datagram::header::{ByeReason, Type};
use socklab::protocol::event::{Challenge, Disconnect, DuplicateAnswer, EventKind};
use socklab::protocol::{Closing, Ending, Unknown};

use super::visit::{Outcome, Visit, What};
use crate::checks::sittings::{Sitting, of_visit, sittings};
use crate::story::{Life, Story};
use crate::traffic::Traffic;

/// What must have been met.
pub(crate) const NEEDED: &[&str] = &[
    "chat: several guests at once",
    "chat: busy, tcp",
    "chat: busy, udp",
    "chat: stale",
    "chat: stale in the middle of a file",
    "chat: idle, told by a BYE",
    "chat: idle, told by a FIN",
    "chat: the server's goodbye",
    "chat: kept alive by PINGs alone",
    "chat: moved",
    "chat: moved in the middle of a file",
    "chat: BYE lost, the place is held",
    "chat: left by exit",
    "chat: left by a goodbye",
    "chat: HELLO repeated after its session",
    "chat: exit repeated, from the cache",
    "chat: block of a file repeated, from the cache",
    "chat: file whole, tcp",
    "chat: file whole, udp",
    "chat: file not whole",
    "chat: file changed",
    "chat: forged BYE",
    "chat: forged HELLO",
    "chat: forged PING",
    "chat: forged request",
    "chat: forged at a guest",
    "chat: BYE from another address",
    "chat: status of several",
];

/// Says what was met in one story.
pub(crate) fn of(story: &Story, traffic: &Traffic, met: &mut dyn FnMut(String)) {
    if story.world.chat.is_none() {
        return;
    }
    met("chat: worlds".to_owned());
    for visit in &story.visits {
        of_lines(visit, met);
        of_fetches(visit, met);
        for one in of_visit(story, traffic, visit) {
            of_session(visit, &one, story.world.server.idle_timeout, traffic, met);
        }
    }
    for life in &story.lives {
        of_life(life, traffic, met);
    }
    for one in traffic.heard.iter().filter(|one| one.forged) {
        met(match one.header.kind {
            Type::Bye => "chat: forged BYE".to_owned(),
            Type::Hello => "chat: forged HELLO".to_owned(),
            Type::Ping => "chat: forged PING".to_owned(),
            _ => "chat: forged request".to_owned(),
        });
    }
    for _ in 0..traffic.forged_at_clients {
        met("chat: forged at a guest".to_owned());
    }
}

fn of_lines(visit: &Visit, met: &mut dyn FnMut(String)) {
    for line in &visit.lines {
        match (line.what, line.ending()) {
            (What::Hello, Some(Ending::Busy(_))) => met(format!("chat: busy, {}", visit.transport)),
            (What::Exit, Some(Ending::Replied(_))) => met("chat: left by exit".to_owned()),
            (What::Status, Some(Ending::Replied(text))) if text.contains("; ") => {
                met("chat: status of several".to_owned());
            }
            (What::Hello, _) => {}
            (_, Some(Ending::OutcomeUnknown(Unknown::Stale))) => met("chat: stale".to_owned()),
            (_, Some(Ending::Replied(_))) => met("chat: replies".to_owned()),
            _ => {}
        }
    }
    match visit.left {
        Some((_, Closing::Bye(ByeReason::Idle))) => met("chat: idle, told by a BYE".to_owned()),
        Some((_, Closing::Bye(_))) => met("chat: the server's goodbye".to_owned()),
        _ => {}
    }
}

fn of_fetches(visit: &Visit, met: &mut dyn FnMut(String)) {
    for fetch in &visit.fetches {
        met(match &fetch.outcome {
            Outcome::Whole => format!("chat: file whole, {}", visit.transport),
            Outcome::Ended(Ending::OutcomeUnknown(Unknown::Stale)) => {
                "chat: stale in the middle of a file".to_owned()
            }
            Outcome::Line(line) if line == "ERR changed" => "chat: file changed".to_owned(),
            _ => "chat: file not whole".to_owned(),
        });
    }
}

fn of_session(
    visit: &Visit,
    one: &Sitting<'_>,
    idle_timeout: Duration,
    traffic: &Traffic,
    met: &mut dyn FnMut(String),
) {
    for (at, _) in one.addresses.iter().skip(1) {
        met("chat: moved".to_owned());
        if visit.fetches.iter().any(|fetch| fetch.began < *at && *at < fetch.ended) {
            met("chat: moved in the middle of a file".to_owned());
        }
    }
    let Some((at, how)) = one.left.first() else { return };
    if *how == Disconnect::Idle {
        if visit.transport == Transport::Tcp && visit.left.is_some() {
            met("chat: idle, told by a FIN".to_owned());
        }
        let said = visit.ended.is_some_and(|ended| ended < *at);
        if said && traffic.lost_byes.contains(&visit.token) {
            met("chat: BYE lost, the place is held".to_owned());
        }
    }
    if *how == Disconnect::Goodbye {
        met("chat: left by a goodbye".to_owned());
        if one.heard(traffic, Type::Hello).any(|hello| hello.at > *at) {
            met("chat: HELLO repeated after its session".to_owned());
        }
    }
    let asked = one.life.executions.iter().filter(|call| call.guest == one.guest());
    let last = asked.map(|call| call.at).max().unwrap_or(one.joined);
    if visit.transport == Transport::Udp && at.since(last) > idle_timeout * 3 / 2 {
        met("chat: kept alive by PINGs alone".to_owned());
    }
}

fn of_life(life: &Life, traffic: &Traffic, met: &mut dyn FnMut(String)) {
    let sittings = sittings(life, traffic);
    let overlap = sittings.windows(2).any(|pair| pair[0].ended() > Some(pair[1].joined));
    if overlap {
        met("chat: several guests at once".to_owned());
    }
    let requests: std::collections::BTreeMap<_, _> = life
        .events
        .iter()
        .filter_map(|(_, event)| match &event.kind {
            EventKind::Received(text) => Some((event.message_id?, text.as_str())),
            _ => None,
        })
        .collect();
    for (_, event) in &life.events {
        let request = event.message_id.and_then(|id| requests.get(&id).copied());
        match (&event.kind, request) {
            (EventKind::Duplicate { answer: DuplicateAnswer::FromCache, .. }, Some("exit")) => {
                met("chat: exit repeated, from the cache".to_owned());
            }
            (EventKind::Duplicate { answer: DuplicateAnswer::FromCache, .. }, Some(text))
                if text.starts_with("get ") =>
            {
                met("chat: block of a file repeated, from the cache".to_owned());
            }
            (EventKind::Challenged(Challenge::NewAddress), _) => {
                met("chat: challenged at a new address".to_owned());
            }
            _ => {}
        }
    }
    let byes = traffic.heard.iter().filter(|one| one.header.kind == Type::Bye && !one.forged);
    for bye in byes {
        let strange = sittings.iter().any(|one| {
            one.token == Some(bye.header.token)
                && one.joined < bye.at
                && one.ended() > Some(bye.at)
                && !one.was_at(bye.from.into(), bye.at)
        });
        if strange {
            met("chat: BYE from another address".to_owned());
        }
    }
}
