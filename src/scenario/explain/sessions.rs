//! About sessions: who is let in, who is still there, and what a client is known by.

use super::both;
use super::facts::packets;
use crate::peer::Transport;
use crate::protocol::datagram::Semantics;
use crate::protocol::datagram::header::Type;
use crate::protocol::{Closing, Ending, Unknown};
use crate::scenario::guests::{
    Heard, end_of, expired, freed, had_left_before, heard, is_busy, last_question, letter, names,
    places_held, turned_away,
};
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::words::{count, how_short, in_round_trips, outcome, short};
use crate::time::Timestamp;
use crate::trace::reading::Kind;
use crate::wire::Direction;

pub(in crate::scenario) fn client_limit(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let places = match (place(tcp), place(udp)) {
            (Some(one), Some(other)) if one == other => {
                format!(" B's place was free {one}, over both.")
            }
            (Some(one), Some(other)) => {
                format!(" B's place was free over TCP {one}; over UDP {other}.")
            }
            (Some(one), None) => format!(" B's place was free over TCP {one}."),
            (None, Some(one)) => format!(" B's place was free over UDP {one}."),
            (None, None) => String::new(),
        };
        format!("{} {}{places}{}", limit(tcp), limit(udp), newcomer(tcp, udp))
    })
}

/// Says who was turned away, and what that client had until then.
fn limit(run: &Run) -> String {
    let over = over(run);
    if run.clients.iter().all(|client| names(client).next().is_none()) {
        return format!("Over {over} nobody was let in: {}.", why_not(run));
    }
    let Some((index, session)) = turned_away(run).next() else {
        return format!("Over {over} nobody was turned away.");
    };
    let after = in_round_trips(run, session.ended.since(session.asked));
    let letter = letter(index);
    match run.column.transport {
        Transport::Tcp => format!(
            "Over TCP client {letter} was connected before it read BUSY, after {after}: the kernel \
             shakes hands, the program can only hang up."
        ),
        Transport::Udp => format!(
            "Over UDP client {letter} got BUSY in answer to its HELLO, after {after}: nothing was \
             open that had to be closed."
        ),
    }
}

/// Says when the place of the second client was free again, if it left one.
fn place(run: &Run) -> Option<String> {
    let gone = run.clients.get(1)?.left?;
    let lost = match run.column.transport {
        Transport::Udp => packets(run, |packet, reading| {
            packet.direction == Direction::ClientToServer
                && reading.kind == Kind::Framed(Type::Bye)
                && packet.lost.is_some()
                && packet.sent >= gone
        }),
        Transport::Tcp => 0,
    };
    let why = if lost > 0 { ", for its BYE was lost and nobody repeats it" } else { "" };
    Some(match freed(run, 1) {
        Some(freed) if freed.idle => {
            let after = short(freed.after);
            format!("only when it had been silent for too long, {after} later{why}")
        }
        Some(freed) => format!("{} later", short(freed.after)),
        None => format!("not until the end{why}"),
    })
}

/// Says what became of the last client, which came when the second had left.
fn newcomer(tcp: &Run, udp: &Run) -> String {
    let letter = letter(tcp.clients.len().saturating_sub(1));
    let said = |run: &Run| {
        let sessions = run.clients.last().map(|client| &client.sessions[..]).unwrap_or_default();
        match (sessions.first().map(|one| &one.result), sessions.last().map(|one| &one.result)) {
            (Some(Ok(name)), _) => Some(name.clone()),
            (Some(Err(_)), Some(Ok(name))) if sessions.first().is_some_and(is_busy) => {
                Some(format!("{name} at its second try"))
            }
            (Some(Err(Ending::Busy(_))), _) => Some("still outside".to_owned()),
            _ => None,
        }
    };
    match (said(tcp), said(udp)) {
        (Some(one), Some(other)) if one == other => format!(" {letter} is {one} over both."),
        (Some(one), Some(other)) => format!(" {letter} is {one} over TCP, {other} over UDP."),
        _ => String::new(),
    }
}

pub(in crate::scenario) fn idle_expiry(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| format!("{} {} {}", expiry(tcp), expiry(udp), killed(tcp, udp)))
}

/// Says what became of a client that was silent, and how it noticed.
fn expiry(run: &Run) -> String {
    let over = over(run);
    let Some(name) = run.clients.first().and_then(|client| names(client).next()) else {
        return format!("Over {over} A never had a session: {}.", why_not(run));
    };
    let Some(end) = expired(run) else {
        return match end_of(run, name) {
            Some(_) => format!("Over {over} {name} did not end by silence."),
            None => format!("Over {over} A was never silent for too long."),
        };
    };
    let later = |at: Timestamp| format!("{} later", short(at.since(end.at)));
    let noticed = match heard(run, end.at) {
        Some(Heard::Read(at, how)) => {
            let (how, later) = (how_short(how), later(at));
            format!("the server said {how}, and A read it {later}, before it asked again")
        }
        Some(Heard::Asking(one)) => match &one.ending {
            Ending::BrokenOff(how) | Ending::ServerShutDown(how) => {
                let (how, later) = (how_short(*how), later(one.ended));
                format!("A had asked when the server's {how} came, {later}: {}", outcome(one))
            }
            Ending::OutcomeUnknown(Unknown::Stale) => stale(run, one, end.at),
            _ => format!("A's next question met: {}", outcome(one)),
        },
        None => "A never heard that its session had ended".to_owned(),
    };
    format!("Over {over} {noticed}. {}", begins_anew(run, &last_question(run)))
}

/// Says what it means that a question met STALE.
fn stale(run: &Run, one: &ExchangeLog, end: Timestamp) -> String {
    let goodbyes = packets(run, |packet, reading| {
        let mut arrivals = packet.arrivals.iter();
        packet.direction == Direction::ServerToClient
            && packet.client == 1
            && reading.kind == Kind::Framed(Type::Bye)
            && arrivals.any(|arrival| (end..=one.ended).contains(&arrival.at))
    });
    let goodbye = match goodbyes {
        0 => "no goodbye came, and ",
        _ => "the goodbye came while A waited for an older answer, and ",
    };
    format!(
        "{goodbye}A's next question met STALE: nobody can tell from that alone whether it was \
         executed"
    )
}

/// Says what it took to be answered again.
fn begins_anew(run: &Run, question: &[&ExchangeLog]) -> String {
    let called: Vec<&str> = run.clients.first().into_iter().flat_map(names).collect();
    match (called.as_slice(), question.last().filter(|one| one.is_replied())) {
        ([_, .., now], Some(last)) => {
            let asked = question.first().map_or(last.asked, |first| first.asked);
            let took = in_round_trips(run, last.ended.since(asked));
            format!("It began anew, was answered after {took}, and is {now} now.")
        }
        (_, Some(_)) => "Its last question had been answered before.".to_owned(),
        (_, None) => "It got no answer any more.".to_owned(),
    }
}

/// Says when the place of the client was free whose program was killed.
fn killed(tcp: &Run, udp: &Run) -> String {
    let said = |run: &Run| match freed(run, 1) {
        _ if run.clients.get(1).is_none_or(|client| names(client).next().is_none()) => {
            "it never had one".to_owned()
        }
        _ if run.clients.get(1).is_none_or(|client| client.left.is_none()) => {
            "it had none any more".to_owned()
        }
        _ if had_left_before(run, 1) => "free before it was killed".to_owned(),
        Some(freed) if freed.idle => {
            format!("free {} later, by its silence alone", short(freed.after))
        }
        Some(freed) if run.column.transport == Transport::Tcp => {
            format!("free {} later, for its kernel said FIN", short(freed.after))
        }
        Some(freed) => format!("free {} later", short(freed.after)),
        None => "not free until the end".to_owned(),
    };
    format!("The place of the killed client: over TCP {}; over UDP {}.", said(tcp), said(udp))
}

pub(in crate::scenario) fn address_change(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| format!("{} {}", moved_over_tcp(tcp), moved_over_udp(udp)))
}

/// Returns what the first client was called before and after its address changed.
fn before_and_after(run: &Run) -> Option<(String, Option<String>)> {
    let mut names = run.clients.first().into_iter().flat_map(names);
    let before = names.next()?.to_owned();
    Some((before, names.last().map(str::to_owned)))
}

/// Says what the new address meant to TCP, whose connections are named by addresses.
fn moved_over_tcp(tcp: &Run) -> String {
    let question = last_question(tcp);
    let (Some((before, after)), Some(first)) = (before_and_after(tcp), question.first()) else {
        return format!("Over TCP there was no connection to move: {}.", why_not(tcp));
    };
    let met = match &first.ending {
        Ending::BrokenOff(Closing::Reset) => "belongs to no connection there (RST)".to_owned(),
        _ => format!("met: {}", outcome(first)),
    };
    let held = match (places_held(tcp, tcp.ended), &after) {
        (held @ 2.., Some(_)) => {
            let places = count(held, "place");
            format!(", while {before} is half-open: {places} for one client")
        }
        _ => String::new(),
    };
    let end = match after {
        Some(after) => format!("Connected anew, it is {after}{held}."),
        None if first.is_replied() => format!("It is still {before}."),
        None => "It did not get in again.".to_owned(),
    };
    format!(
        "Over TCP a connection is named by both addresses: what comes from a new one {met}. {end}"
    )
}

/// Says what the new address meant to our protocol over UDP, whose sessions have a token.
fn moved_over_udp(udp: &Run) -> String {
    let question = last_question(udp);
    let (Some((before, after)), Some(first)) = (before_and_after(udp), question.first()) else {
        return format!("Over UDP there was no session to move: {}.", why_not(udp));
    };
    let proven = udp.logged("moved") > 0;
    let proof = match (proven, udp.validates) {
        (true, true) => "once it had proven its new address with a cookie, ",
        (true, false) => "though it was not asked to prove its new address, ",
        (false, _) => "",
    };
    match (after, first.is_replied()) {
        (None, true) => {
            let took = in_round_trips(udp, first.elapsed());
            format!(
                "Over UDP the token names the session, wherever it comes from: {proof}it was \
                 answered after {took} and is still {before}."
            )
        }
        (None, false) => format!("Over UDP it got no answer from there: {}.", outcome(first)),
        (Some(after), _) => {
            format!("Over UDP it met: {}, and began anew as {after}.", outcome(first))
        }
    }
}

/// Says why there was no session.
pub(super) fn why_not(run: &Run) -> String {
    let Some(one) = run.telling_exchange() else { return "nobody asked".to_owned() };
    let bare = run.column.transport == Transport::Udp && run.datagram.semantics == Semantics::Maybe;
    match &one.ending {
        Ending::ProtocolError(_) if bare => {
            format!("{}, for a bare datagram opens no session", outcome(one))
        }
        _ => outcome(one),
    }
}

fn over(run: &Run) -> &'static str {
    match run.column.transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}
