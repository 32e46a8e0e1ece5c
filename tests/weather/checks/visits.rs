//! Whether what the guests of a chat believe is what the server did.

use std::collections::BTreeSet;

use socklab::peer::Transport;
use socklab::protocol::datagram::Semantics;
use socklab::protocol::datagram::header::ByeReason;
use socklab::protocol::event::{Disconnect, EventKind};
use socklab::protocol::parameters::TOKEN_LIFETIME;
use socklab::protocol::{Closing, Ending, Unknown};
use socklab::service::GuestId;
use socklab::time::Timestamp;

use super::sittings::{Sitting, of_visit, sittings};
use crate::chat::plan::Guest;
use crate::chat::visit::{Line, Outcome, Visit, What, number_of};
use crate::story::{Execution, Life, Story};
use crate::traffic::Traffic;
use crate::world::{Act, ms};

/// `status` names who is here, and nobody else: as the service was told, and as the transcript tells.
pub(super) fn status_is_true(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &story.lives {
        let sittings = sittings(life, traffic);
        let asked = |one: &&Execution| matches!(one.request.as_str(), "status" | "status all");
        for one in life.executions.iter().filter(asked) {
            let (here, left) = named(&one.reply);
            let expected = life.guests_after(one.sessions);
            let gone_too = left.iter().any(|name| expected.contains(name));
            if here != expected || gone_too || (one.request == "status" && !left.is_empty()) {
                wrong.push(format!("{:?} at {}, but {expected:?} were here", one.reply, one.at));
            }
            let told = told_at(&sittings, one.at);
            let missing = told.0.difference(&here).next().or(told.1.intersection(&here).next());
            if let Some(guest) = missing {
                wrong.push(format!("{:?} at {} is wrong about {guest:?}", one.reply, one.at));
            }
        }
    }
    wrong
}

/// Those whom a status names as here, and as gone.
fn named(status: &str) -> (BTreeSet<GuestId>, BTreeSet<GuestId>) {
    let guest = |part: &str| number_of(part.split(' ').next()?).map(GuestId);
    let (gone, here): (Vec<_>, _) = status.split("; ").partition(|part| part.contains(", left at"));
    let guests = |parts: Vec<&str>| parts.into_iter().filter_map(guest).collect();
    (guests(here), guests(gone))
}

/// Those who surely were here, and those who surely were gone, as the transcript tells.
fn told_at(sittings: &[Sitting<'_>], at: Timestamp) -> (BTreeSet<GuestId>, BTreeSet<GuestId>) {
    let before = sittings.iter().filter(|one| one.joined < at);
    let left = |one: &&Sitting<'_>| one.left.first().is_some_and(|(left, _)| *left < at);
    let stays = |one: &&Sitting<'_>| one.left.first().is_none_or(|(left, _)| *left > at);
    let here = before.clone().filter(stays).filter_map(Sitting::guest).collect();
    (here, before.filter(left).filter_map(Sitting::guest).collect())
}

/// Every reply that a guest accepted was given to exactly that request, in its own session: a text
/// with ACK behind it, a name that was given, a status that was true.
pub(super) fn replies_are_true(story: &Story, traffic: &Traffic) -> Vec<String> {
    let impostor = story.world.script.iter().any(|(_, act)| *act == Act::Impostor);
    let mut wrong = Vec::new();
    for visit in &story.visits {
        let sessions = of_visit(story, traffic, visit);
        for line in &visit.lines {
            let good = match line.ending() {
                Some(Ending::Replied(reply)) => is_answer(story, visit, &sessions, line, reply),
                Some(Ending::ProtocolError(what)) => impostor || what.ends_with("incomplete"),
                _ => true,
            };
            if !good {
                let client = visit.client;
                wrong.push(format!("client {client}: {line:?}, but it was in {sessions:?}"));
            }
        }
    }
    wrong
}

fn is_answer(
    story: &Story,
    visit: &Visit,
    sessions: &[Sitting<'_>],
    line: &Line,
    reply: &str,
) -> bool {
    let Some((heard, _)) = line.ended else { return false };
    if line.what == What::Hello {
        let named = sessions.iter().any(|session| session.name == reply);
        return named && visit.guest().is_some();
    }
    // Half a line for 10 s (section 2): TCP may take longer to repair a loss.
    if reply == "ERR incomplete" && visit.transport == Transport::Tcp {
        return true;
    }
    let in_session = |one: &&Execution| {
        let own = sessions.iter().any(|session| session.guest() == one.guest);
        own && one.at <= heard && one.at + ms(1) >= line.at
    };
    let mut executions =
        story.lives.iter().flat_map(|life| life.executed(&line.text)).filter(in_session);
    let answered = executions.any(|one| one.reply == reply);
    let no_files = story.world.chat.as_ref().is_some_and(|chat| !chat.files);
    answered
        && match line.what {
            What::Text => reply == format!("{}ACK", line.text),
            What::Exit => reply.starts_with("Goodbye, Client"),
            What::List if no_files => reply.starts_with("ERR no files here"),
            What::List => reply == "empty / lecture.bin / my notes 2",
            What::Status | What::StatusAll => reply.contains(" connected at "),
            What::Hello => true,
        }
}

/// Within one life a request is executed at most once where it is remembered, unless its copies came
/// so late that the server could forget it; over TCP always, and in order.
pub(super) fn executed_once(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for visit in &story.visits {
        for life in &story.lives {
            match visit.transport {
                Transport::Tcp => wrong.extend(out_of_order(life, visit)),
                Transport::Udp if is_remembered(story, visit) => {
                    wrong.extend(executed_again(life, visit, traffic));
                }
                Transport::Udp => {}
            }
        }
    }
    wrong
}

fn is_remembered(story: &Story, visit: &Visit) -> bool {
    let Guest { semantics, .. } = story.guest(visit.client);
    *semantics == Semantics::AtMostOnce && story.world.server.duplicate_cache
}

fn out_of_order(life: &Life, visit: &Visit) -> Option<String> {
    let texts = visit.lines.iter().filter(|line| line.what == What::Text);
    let place = |line: &Line| life.executions.iter().position(|one| one.request == line.text);
    let places: Vec<_> = texts.clone().filter_map(place).collect();
    let once = texts.clone().all(|line| life.executed(&line.text).count() <= 1);
    (!once || !places.is_sorted()).then(|| {
        format!("visit {} of client {} was executed at {places:?}", visit.number, visit.client)
    })
}

fn executed_again(life: &Life, visit: &Visit, traffic: &Traffic) -> Vec<String> {
    let fetched = visit.fetches.iter().flat_map(|fetch| &fetch.exchanges).map(|one| one.id);
    let ids = visit.asked().iter().map(|line| line.id).chain(fetched);
    let mut wrong = Vec::new();
    for id in ids {
        let received = life.events.iter().filter(|(_, event)| {
            event.message_id == Some(id) && matches!(event.kind, EventKind::Received(_))
        });
        let times: Vec<_> = received.map(|(at, _)| *at).collect();
        let again = times.windows(2).any(|pair| {
            let copies = traffic.heard.iter().filter(|one| one.header.message_id == id);
            let between = copies.map(|one| one.at).filter(|at| *at > pair[0] && *at < pair[1]);
            let mut heard: Vec<_> = between.chain([pair[0], pair[1]]).collect();
            heard.sort();
            !heard.windows(2).any(|pair| pair[1].since(pair[0]) + ms(1) >= TOKEN_LIFETIME)
        });
        if again {
            wrong.push(format!("message {id} of client {} at {times:?}", visit.client));
        }
    }
    wrong
}

/// What a guest says is said under the name that it was given, also after its address has changed.
pub(super) fn names_are_kept(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for visit in &story.visits {
        // A HELLO that was executed twice, in two lives or after the first session, has two names.
        let [session] = &of_visit(story, traffic, visit)[..] else { continue };
        let texts = visit.lines.iter().filter(|line| line.what == What::Text);
        for one in texts.flat_map(|line| session.life.executed(&line.text)) {
            if one.guest != visit.guest().map(GuestId) {
                wrong.push(format!("{one:?}, but the client's name is {:?}", visit.welcomed()));
            }
        }
    }
    wrong
}

/// A server that says STALE does not have that session: as long as it is open, and its client shows
/// that it is where it claims to be, the conversation goes on.
pub(super) fn stale_is_true(story: &Story, traffic: &Traffic) -> Vec<String> {
    let stale = Ending::OutcomeUnknown(Unknown::Stale);
    let mut wrong = Vec::new();
    for visit in &story.visits {
        let lines = visit.asked().iter().filter(|line| line.ending() == Some(&stale));
        let lines = lines.filter_map(|line| Some((line.at, line.ended.as_ref()?.0)));
        let fetches = visit.fetches.iter();
        let fetches = fetches.filter(|one| one.outcome == Outcome::Ended(stale.clone()));
        let fetches = fetches.map(|fetch| (fetch.began, fetch.ended));
        for (from, to) in lines.chain(fetches) {
            let sessions = of_visit(story, traffic, visit);
            if let [session] = &sessions[..]
                && session.was_open(from, to)
            {
                let (client, name) = (visit.client, session.name);
                wrong.push(format!("client {client}, {name}, was stale at {to}, and is here"));
            }
        }
    }
    wrong
}

/// A guest that hears a goodbye hears it from the server: its session was idle, or the server stops.
pub(super) fn goodbyes_are_true(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for visit in &story.visits {
        let Some((at, Closing::Bye(reason))) = visit.left else { continue };
        // Its WELCOME may have been lost.
        let ended = |how| {
            let sessions = story.lives.iter().flat_map(|life| sittings(life, traffic));
            let mut own = sessions.filter(|session| session.token == Some(visit.token));
            own.any(|session| session.left.iter().any(|one| one.1 == how && one.0 <= at))
        };
        let mut lives = story.lives.iter().filter_map(Life::stopping);
        let good = match reason {
            ByeReason::Idle => ended(Disconnect::Idle),
            ByeReason::Shutdown => lives.any(|stopping| stopping <= at),
            // A goodbye that answers somebody else's.
            _ => false,
        };
        if !good {
            wrong.push(format!("client {} heard at {at}: {reason}", visit.client));
        }
    }
    wrong
}

/// No exchange of a guest outlives its deadline.
pub(super) fn lines_end(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for visit in &story.visits {
        let timeout = story.guest(visit.client).timeout;
        for line in &visit.lines {
            let late = match line.ended {
                Some((at, _)) => at.since(line.at) > timeout + ms(2),
                None => true,
            };
            if late {
                wrong.push(format!("client {} waited too long: {line:?}", visit.client));
            }
        }
    }
    wrong
}
