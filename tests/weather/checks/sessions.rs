//! Sessions of a chat, as the server tells of them: who may come, and when one is over.

use std::collections::BTreeSet;

use socklab::peer::Transport;
use socklab::protocol::datagram::header::Type;
use socklab::protocol::event::{Disconnect, EventKind};
use socklab::service::Next;
use socklab::time::Timestamp;

use super::sittings::{Sitting, sittings};
use crate::story::{SessionCall, Story};
use crate::traffic::Traffic;
use crate::world::ms;

/// Looks at every session of every life.
fn each(
    story: &Story,
    traffic: &Traffic,
    mut look: impl FnMut(&Sitting<'_>) -> Option<String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &story.lives {
        for one in sittings(life, traffic) {
            let (number, name) = (life.number, one.name);
            wrong.extend(look(&one).map(|what| format!("{name} of server {number} {what}")));
        }
    }
    wrong
}

/// A chat never gives a name twice in one life of the server.
pub(super) fn names_are_given_once(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut known = BTreeSet::new();
    each(story, traffic, |one| {
        let new = known.insert((one.life.number, one.name.to_owned()));
        (!new || one.guest().is_none()).then(|| format!("joined at {}", one.joined))
    })
}

/// Returns, for each event of each life that `is` one of interest, how many sessions were open.
fn open_at(story: &Story, is: impl Fn(&EventKind) -> bool) -> Vec<(Timestamp, usize)> {
    let mut counts = Vec::new();
    for life in &story.lives {
        let mut open = 0_usize;
        for (at, event) in &life.events {
            match event.kind {
                EventKind::Joined(_) => open += 1,
                EventKind::Left { .. } => open = open.saturating_sub(1),
                _ => {}
            }
            if is(&event.kind) {
                counts.push((*at, open));
            }
        }
    }
    counts
}

/// No more sessions than the limit are open at once.
pub(super) fn no_more_than_the_limit(story: &Story, _: &Traffic) -> Vec<String> {
    let limit = story.world.places();
    let joined = open_at(story, |kind| matches!(kind, EventKind::Joined(_)));
    let many = joined.iter().filter(|(_, open)| *open > limit);
    many.map(|(at, open)| format!("at {at} {open} sessions were open, not {limit}")).collect()
}

/// Whoever is told that the server is full met it full.
pub(super) fn busy_when_full(story: &Story, _: &Traffic) -> Vec<String> {
    if story.world.chat.is_none() {
        return Vec::new();
    }
    let busy = open_at(story, |kind| matches!(kind, EventKind::Busy(_)));
    let free = busy.iter().filter(|(_, open)| *open != story.world.places());
    free.map(|(at, open)| format!("busy at {at} with {open} sessions")).collect()
}

/// A session ends exactly once; only with a server that was killed its end is told by nobody.
pub(super) fn sessions_end_once(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = each(story, traffic, |one| {
        let stopped = matches!(one.life.ended, Some((_, crate::story::End::Stopped)));
        let least = usize::from(stopped);
        (!(least..=1).contains(&one.left.len())).then(|| format!("left: {:?}", one.left))
    });
    for life in &story.lives {
        let mut here = BTreeSet::new();
        for (at, event) in &life.events {
            match &event.kind {
                EventKind::Joined(name) => _ = here.insert(name),
                EventKind::Left { name, .. } if !here.remove(name) => {
                    wrong.push(format!("{name} left at {at}, and was not there"));
                }
                _ => {}
            }
        }
    }
    wrong
}

/// The service is told of each session that begins and, unless the server stops, of each that ends.
pub(super) fn the_service_is_told(story: &Story, traffic: &Traffic) -> Vec<String> {
    each(story, traffic, |one| {
        let guest = one.guest()?;
        let count = |call| one.life.sessions.iter().filter(|known| **known == call).count();
        let opened = count(SessionCall::Opened(guest));
        let closed = count(SessionCall::Closed(guest));
        let ends = matches!(one.left.first(), Some((_, how)) if *how != Disconnect::Shutdown);
        (opened != 1 || (ends && closed != 1))
            .then(|| format!("was opened {opened} times, closed {closed} times"))
    })
}

/// Over UDP only a HELLO opens a session, from an address that has shown a cookie: a forged one opens
/// none.
pub(super) fn sessions_begin_for_a_reason(story: &Story, traffic: &Traffic) -> Vec<String> {
    each(story, traffic, |one| {
        let (from, at) = (one.peer.address, one.joined + ms(1));
        let inside = from.ip() == crate::story::server().ip();
        if one.peer.transport == Transport::Tcp || inside {
            return None;
        }
        let hello = one
            .heard(traffic, Type::Hello)
            .any(|hello| hello.at <= at && from == hello.from.into() && traffic.proves(hello));
        (!hello).then(|| format!("joined from {from} without a proof"))
    })
}

/// A session ends because its client says so from where it is, is silent, or the server stops: a
/// forged BYE ends none.
pub(super) fn sessions_end_for_a_reason(story: &Story, traffic: &Traffic) -> Vec<String> {
    let idle_timeout = story.world.server.idle_timeout;
    each(story, traffic, |one| {
        let (at, how) = *one.left.first()?;
        let inside = one.peer.address.ip() == crate::story::server().ip();
        let udp = one.peer.transport == Transport::Udp;
        let good = match how {
            Disconnect::Goodbye => exited(one, at) || said_goodbye(one, at, traffic) || inside,
            Disconnect::Idle => at.since(one.joined) + ms(1) >= idle_timeout,
            Disconnect::Shutdown => one.life.stopping().is_some_and(|stopping| stopping <= at),
            Disconnect::Closed | Disconnect::Reset | Disconnect::Stalled => !udp,
        };
        (!good).then(|| format!("left at {at}: {how:?}"))
    })
}

fn exited(one: &Sitting<'_>, at: Timestamp) -> bool {
    let mut by_it = one.life.executions.iter().filter(|call| call.guest == one.guest());
    by_it.any(|call| call.next == Next::Leave && call.at <= at)
}

fn said_goodbye(one: &Sitting<'_>, at: Timestamp, traffic: &Traffic) -> bool {
    one.heard(traffic, Type::Bye).any(|bye| {
        bye.at <= at + ms(1) && at <= bye.at + ms(2) && one.was_at(bye.from.into(), bye.at)
    })
}

/// Who has said `exit`, or goodbye from where it is, has no session any more.
pub(super) fn who_leaves_is_gone(story: &Story, traffic: &Traffic) -> Vec<String> {
    each(story, traffic, |one| {
        let exits = one.life.executions.iter().filter(|call| call.guest == one.guest());
        let exits = exits.filter(|call| call.next == Next::Leave).map(|call| call.at);
        let byes = one.heard(traffic, Type::Bye).filter(|bye| {
            // What came while the server was about to start or stop, it may not have heard.
            let alive = one.life.lived_at(bye.at + ms(2)) && one.joined + ms(1) < bye.at;
            alive && one.surely_at(bye.from.into(), bye.at)
        });
        let said = exits.chain(byes.map(|bye| bye.at)).min()?;
        let late = one.ended().is_none_or(|ended| ended > said + ms(2));
        late.then(|| format!("said goodbye at {said}, and is still here"))
    })
}

/// Over UDP a session ends as idle when its client has been silent for that long, neither sooner nor
/// later; not while the server works for it. What comes from elsewhere, or is forged, keeps nothing.
pub(super) fn sessions_last(story: &Story, traffic: &Traffic) -> Vec<String> {
    let plan = &story.world.server;
    each(story, traffic, |one| {
        let ended = one.ended()?;
        if one.peer.transport == Transport::Tcp {
            return None;
        }
        let asked = one.life.executions.iter().filter(|call| call.guest == one.guest());
        let asked: Vec<_> = asked.map(|call| call.at).collect();
        let own = one.all_heard(traffic).filter(|heard| one.was_at(heard.from.into(), heard.at));
        let mut heard: Vec<_> = own.map(|heard| heard.at).chain(asked.clone()).collect();
        heard.retain(|at| *at > one.joined && *at + ms(2) < ended);
        heard.extend([one.joined, ended]);
        heard.sort();
        // The answer counts as the request did, and while it is waited for nobody is silent.
        let longest = plan.idle_timeout + plan.work + ms(2);
        if let Some(gap) = heard.windows(2).find(|pair| pair[1].since(pair[0]) > longest) {
            return Some(format!("was silent from {} to {}, and stayed", gap[0], gap[1]));
        }
        let idle = one.left.first().is_some_and(|(_, how)| *how == Disconnect::Idle);
        // What came in its last moment may have been too late, or from where it was no more.
        let pings = pings_of(one, traffic).filter(|at| *at + ms(2) < ended);
        let last = asked.into_iter().chain(pings).chain([one.joined]).max()?;
        let sooner = idle && ended.since(last) + ms(2) < plan.idle_timeout;
        sooner.then(|| format!("left as idle at {ended}, heard at {last}"))
    })
}

/// The PINGs that came from where the client was.
fn pings_of(one: &Sitting<'_>, traffic: &Traffic) -> impl Iterator<Item = Timestamp> {
    let pings = one.heard(traffic, Type::Ping);
    pings.filter(|ping| one.was_at(ping.from.into(), ping.at)).map(|ping| ping.at)
}

/// A session goes on from another address only when that has shown a cookie.
pub(super) fn moves_are_proven(story: &Story, traffic: &Traffic) -> Vec<String> {
    each(story, traffic, |one| {
        let mut moved = one.addresses.iter().skip(1);
        let unproven = moved.find(|(at, address)| {
            !one.all_heard(traffic).any(|heard| {
                let there = *address == heard.from.into() && heard.at <= *at + ms(1);
                there && traffic.proves(heard)
            })
        });
        unproven.map(|(at, address)| format!("moved to {address} at {at} without a proof"))
    })
}
