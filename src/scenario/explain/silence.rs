//! About silence: what a cut wire tells, and to whom.

use super::facts::{GaveUp, end_of_wait, gave_up, limit};
use super::{both, times};
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::rows::{answered, opened};
use crate::scenario::words::{how_short, outcome, short};
use crate::time::Timestamp;

pub(in crate::scenario) fn black_hole(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let what = if over_tcp.sent.is_empty() { "SYN" } else { "data" };
        let left = |run: &Run, one: &ExchangeLog, wanted: &str| -> Vec<Timestamp> {
            let left = run.left_during(one).into_iter();
            left.filter(|(_, what)| what.trim() == wanted).map(|(at, _)| at).collect()
        };
        let (segments, datagrams) = (left(tcp, over_tcp, what), left(udp, over_udp, ""));
        let waits = match (waits_grow(&segments), waits_grow(&datagrams)) {
            (true, true) => ", each with longer and longer waits",
            _ => "",
        };
        let (stack, client) = match tcp.clients.len() {
            1 => ("TCP's stack", "our client its datagram"),
            _ => ("TCP's stacks", "our clients their datagrams"),
        };
        let lesson = match gave_up(tcp, over_tcp) {
            GaveUp::Never => "TCP does not know when the other end is gone.",
            _ => "TCP does not know when the other end is gone; it only stops hoping.",
        };
        format!(
            "Silence is no message: nobody was told anything. {stack} sent {what} {}, {client} {}{waits}; \
             {}. {lesson}",
            times(segments.len()),
            times(datagrams.len()),
            whose_clock((tcp, over_tcp), (udp, over_udp))
        )
    })
}

/// Returns whether the last wait between these times was longer than the first.
fn waits_grow(times: &[Timestamp]) -> bool {
    let [first, second, .., before, last] = times else {
        return matches!(times, [first, second, third] if third.since(*second) > second.since(*first));
    };
    last.since(*before) > second.since(*first)
}

/// Says whose clock ended the silence.
fn whose_clock(
    (tcp, over_tcp): (&Run, &ExchangeLog),
    (udp, over_udp): (&Run, &ExchangeLog),
) -> String {
    let after = format!("after {} and {}", short(over_tcp.elapsed()), short(over_udp.elapsed()));
    match (gave_up(tcp, over_tcp), gave_up(udp, over_udp)) {
        (GaveUp::OwnClock, GaveUp::OwnClock) => {
            format!("both programs gave up by their own clock, {after}")
        }
        (GaveUp::Stack, GaveUp::Copies) if tcp.deadline.is_none() => format!(
            "neither program had a clock of its own: TCP's stack gave up by its rules, our client by \
             {}, {after}",
            limit(udp, over_udp)
        ),
        _ => format!(
            "over TCP {}; over UDP {}",
            end_of_wait(tcp, over_tcp),
            end_of_wait(udp, over_udp)
        ),
    }
}

pub(in crate::scenario) fn idle(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        if answered(tcp) == 0 && answered(udp) == 0 {
            return format!(
                "The first question got no answer, neither over TCP ({}) nor over UDP ({}), so there \
                 was no conversation in which to be idle, and none that the cut could end.",
                ending(tcp),
                ending(udp)
            );
        }
        format!(
            "A connection is not a wire: it is what two hosts remember. Who sends nothing finds out \
             nothing. Over TCP the client {}, over UDP it {}. Keepalive would ask, but it is off \
             unless a program turns it on, and then waits two hours (RFC 9293 section 3.8.4).",
            noticed(tcp),
            noticed(udp)
        )
    })
}

fn ending(run: &Run) -> String {
    run.telling_exchange().map_or("-".to_owned(), outcome)
}

/// Says what an idle client noticed of the cut.
fn noticed(run: &Run) -> String {
    match run.clients.iter().find_map(|client| client.learned) {
        Some((_, how)) => format!("noticed: {}", how_short(how)),
        None if answered(run) > 0 => "noticed nothing".to_owned(),
        None if opened(run) == 0 => "had never got a connection".to_owned(),
        None => format!("had given up before the cut ({})", ending(run)),
    }
}
