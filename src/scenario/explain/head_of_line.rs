//! About order and its price: who waits behind what was lost.

use std::time::Duration;

use super::facts::{held, lost};
use super::{both, were};
use crate::scenario::executions::{Transit, transits};
use crate::scenario::log::{Comparison, Run};
use crate::scenario::rows::opened;
use crate::wire::Direction;

pub(in crate::scenario) fn head_of_line(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let late = late(tcp).len();
        let to_server = Direction::ClientToServer;
        let (lost, held) = (lost(tcp, to_server), held(tcp, to_server));
        match lost + held {
            0 => return nothing_in_the_way(tcp, udp),
            _ if late < 2 => return nothing_behind(lost),
            _ => {}
        }
        let (what, until) = match (lost, held) {
            (_, 0) => ("lost", "repaired"),
            (0, _) => ("held back", "there"),
            _ => ("lost or held back", "there"),
        };
        let sentence = match lost + held {
            1 => format!(
                "One packet was {what}. TCP promises order, so what came behind it had to wait in the \
                 stack until it was {until}: {late} messages were late, though only one was {what} \
                 (head-of-line blocking)."
            ),
            packets => format!(
                "{packets} packets were {what}. TCP promises order, so what came behind them had to \
                 wait in the stack until they were {until}: {late} messages were late (head-of-line \
                 blocking)."
            ),
        };
        format!("{sentence} {}", late_over_udp(udp))
    })
}

fn nothing_behind(lost: usize) -> String {
    let (what, again) = if lost > 0 { ("lost", "lose") } else { ("held back", "hold") };
    format!(
        "Nothing came behind what was {what}, so nothing had to wait for it: ask more, or {again} an \
         earlier one."
    )
}

fn nothing_in_the_way(tcp: &Run, udp: &Run) -> String {
    let to_server = Direction::ClientToServer;
    if opened(tcp) == 0 {
        return format!(
            "TCP never got a connection, so nothing was sent over it. {}",
            late_over_udp(udp)
        );
    }
    let late = match late(tcp).len() {
        0 => String::new(),
        late => format!(" {} late by the wire alone.", were(late)),
    };
    match lost(udp, to_server) + held(udp, to_server) {
        0 => format!(
            "Nothing was lost on the way to the server, so nothing had to wait for it.{late}"
        ),
        _ => format!(
            "Over TCP no message was lost on the way to the server, so none had to wait for it.{late} \
             {}",
            late_over_udp(udp)
        ),
    }
}

/// Returns the requests that came later than the fastest by more than the script leaves between
/// two.
fn late(run: &Run) -> Vec<Transit<'_>> {
    const LATE_BY: Duration = Duration::from_millis(10);
    let all = transits(run);
    let best = all.iter().map(|transit| transit.time).min().unwrap_or_default();
    all.into_iter().filter(|transit| transit.time >= best + LATE_BY).collect()
}

/// Says which requests were late over UDP, and why.
fn late_over_udp(udp: &Run) -> String {
    let late = late(udp);
    let never = udp.exchanges().count() - transits(udp).len();
    let repeated = late
        .iter()
        .filter(|transit| transit.exchange.sent.get(1).is_some_and(|copy| transit.at > *copy))
        .count();
    let by_the_wire = late.len() - repeated;
    let mut why = Vec::new();
    match repeated {
        0 => {}
        1 if late.len() == 1 => why.push("it came when our client repeated it".to_owned()),
        all if all == late.len() => why.push("they came when our client repeated them".to_owned()),
        some => why.push(format!("{some} came when our client repeated")),
    }
    if by_the_wire > 0 {
        why.push(match by_the_wire == late.len() {
            true => "by the wire alone".to_owned(),
            false => format!("{by_the_wire} by the wire alone"),
        });
    }
    if never > 0 {
        why.push(format!("{never} never came"));
    }
    let end = match by_the_wire {
        0 => "and delayed nobody",
        _ => "but no stack made one wait for another",
    };
    let late = if late.is_empty() { "none was".to_owned() } else { were(late.len()) };
    match why.is_empty() {
        true => format!("Over UDP {late} late."),
        false => format!("Over UDP {late} late: {}, {end}.", why.join(", ")),
    }
}
