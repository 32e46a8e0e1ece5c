//! What clients with sessions were called, and when their places were taken and free again.

use std::time::Duration;

use super::log::{ClientLog, ExchangeLog, Run, SessionLog};
use super::run::walk;
use crate::protocol::{Closing, Ending};
use crate::testbed::ServerEvent;
use crate::time::Timestamp;

/// A place at the server that is free again.
pub(super) struct Freed {
    /// How long after its client was gone.
    pub(super) after: Duration,
    /// Whether only the client's silence freed it.
    pub(super) idle: bool,
}

/// Returns what a client was called, in the order of its sessions.
pub(super) fn names(client: &ClientLog) -> impl Iterator<Item = &str> {
    client.sessions.iter().filter_map(|session| session.result.as_deref().ok())
}

/// Returns the letter that tells a client from the others.
pub(super) fn letter(index: usize) -> String {
    walk::letter(&walk::name(index)).unwrap_or_default().to_owned()
}

/// Returns how a session was refused, if the server had no place.
pub(super) fn is_busy(session: &SessionLog) -> bool {
    matches!(session.result, Err(Ending::Busy(_)))
}

/// Returns the clients that were turned away at first, with what they met.
pub(super) fn turned_away(run: &Run) -> impl Iterator<Item = (usize, &SessionLog)> {
    let firsts = run.clients.iter().enumerate();
    let firsts = firsts.filter_map(|(index, client)| Some((index, client.sessions.first()?)));
    firsts.filter(|(_, session)| is_busy(session))
}

/// Returns the end of a session, as the server logged it.
pub(super) fn end_of<'a>(run: &'a Run, name: &str) -> Option<&'a ServerEvent> {
    let mut ends = run.server.events.iter().filter(|event| event.event == "left");
    ends.find(|event| event.guest.as_deref() == Some(name))
}

/// Returns whether a session ended because nothing was said for too long.
pub(super) fn is_idle(end: &ServerEvent) -> bool {
    end.text.contains("idle")
}

/// What the server logs of a guest that was heard, or was told something: what renews its time.
const WORDS: &[&str] = &["joined", "moved", "received", "sent", "duplicate"];

/// Returns how long a session was silent before it ended, by the server's clock.
pub(super) fn silence_before(run: &Run, end: &ServerEvent) -> Option<Duration> {
    let before = run.server.events.iter().take_while(|event| !std::ptr::eq(*event, end));
    let words = before.filter(|event| WORDS.contains(&event.event.as_str()));
    let last = words.filter(|event| event.peer == end.peer).last();
    last.map(|last| end.at.since(last.at))
}

/// Returns the end of the first client's first session, if it ended by silence before the script did.
pub(super) fn expired(run: &Run) -> Option<&ServerEvent> {
    let end = end_of(run, names(run.clients.first()?).next()?)?;
    (is_idle(end) && end.at <= run.ended).then_some(end)
}

/// How a client heard that its session had ended.
pub(super) enum Heard<'a> {
    /// It read so, without having asked.
    Read(Timestamp, Closing),
    /// It had asked, and this came of it.
    Asking(&'a ExchangeLog),
}

/// Returns how the first client heard of the end of its first session: before it opened another.
pub(super) fn heard(run: &Run, end: Timestamp) -> Option<Heard<'_>> {
    let client = run.clients.first()?;
    let mut opened = client.sessions.iter().filter(|session| session.asked >= end);
    let anew = opened.next().map_or(run.ended, |session| session.asked);
    let in_time = |at: Timestamp| (end..=anew).contains(&at);
    let read = client.learned.filter(|(at, _)| in_time(*at));
    let mut asked = client.exchanges.iter().filter(|one| in_time(one.ended) && !one.is_replied());
    let asked = asked.next().filter(|one| read.is_none_or(|(at, _)| one.ended <= at));
    match asked {
        Some(one) => Some(Heard::Asking(one)),
        None => read.map(|(at, how)| Heard::Read(at, how)),
    }
}

/// Returns when the place of a client that is gone was free again; nothing if it had none, lost it
/// before, or still holds it.
pub(super) fn freed(run: &Run, index: usize) -> Option<Freed> {
    let client = run.clients.get(index)?;
    let gone = client.left?;
    let end = end_of(run, names(client).last()?)?;
    let free = end.at >= gone && end.at <= run.ended;
    free.then(|| Freed { after: end.at.since(gone), idle: is_idle(end) })
}

/// Returns whether the last session of a client ended before the client was gone, if it had one.
pub(super) fn had_left_before(run: &Run, index: usize) -> bool {
    let Some(client) = run.clients.get(index) else { return false };
    let end = names(client).last().and_then(|name| end_of(run, name));
    end.zip(client.left).is_some_and(|(end, gone)| end.at < gone)
}

/// Returns how many places were taken at a moment.
pub(super) fn places_held(run: &Run, at: Timestamp) -> usize {
    let so_far = |kind: &str| {
        run.server.events.iter().filter(|event| event.event == kind && event.at <= at).count()
    };
    so_far("joined").saturating_sub(so_far("left"))
}

/// Returns the exchanges of the first client about its last question: the first one, and those that
/// asked the same again.
pub(super) fn last_question(run: &Run) -> Vec<&ExchangeLog> {
    let Some(client) = run.clients.first() else { return Vec::new() };
    let Some(last) = client.exchanges.last() else { return Vec::new() };
    client.exchanges.iter().filter(|one| one.text == last.text).collect()
}
