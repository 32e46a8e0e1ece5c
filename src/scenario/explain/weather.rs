//! About bad networks: silence, loss, copies, disorder.

use super::{answered, both, three, times};
use crate::protocol::Ending;
use crate::protocol::datagram::Semantics;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::sum;
use crate::scenario::rows::endings::idle_learns;
use crate::scenario::words::{count, list, short};
use crate::wire::{Direction, WireConfig};

pub(in crate::scenario) fn black_hole(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let gave_up =
            format!("after {} and {}", short(over_tcp.elapsed()), short(over_udp.elapsed()));
        let left = |run: &Run| run.telling_exchange().map_or(0, |one| run.left_during(one).len());
        let whose = match comparison.scenario.timeout(&comparison.settings) {
            Some(_) => format!("both programs gave up by their own clock, {gave_up}"),
            None => format!(
                "neither program had a clock of its own: TCP's stack gave up by its rules, our client \
                 by its limit of 25 s for copies, {gave_up}"
            ),
        };
        let what = if over_tcp.sent.is_empty() { "SYN" } else { "data" };
        format!(
            "Silence is no message: nobody was told anything. TCP's stack sent {what} {}, our client \
             its datagram {}, each with longer and longer waits; {whose}. TCP does not know when the \
             other end is gone; it only stops hoping.",
            times(left(tcp)),
            times(left(udp))
        )
    })
}

pub(in crate::scenario) fn idle(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let noticed = |run: &Run| match run.clients.iter().any(|client| client.learned.is_some()) {
            true => idle_learns(run),
            false => "noticed nothing".to_owned(),
        };
        format!(
            "A connection is not a wire: it is what two hosts remember. Who sends nothing finds out \
             nothing. Over TCP the client {}, over UDP it {}. Keepalive would ask, but it is off \
             unless a program turns it on, and then waits two hours (RFC 9293 section 3.8.4).",
            noticed(tcp),
            noticed(udp)
        )
    })
}

pub(in crate::scenario) fn loss(comparison: &Comparison) -> String {
    three(comparison, |maybe, udp, tcp| {
        let Some(wire) = &maybe.wire else { return String::new() };
        let (to, back) = (1.0 - wire.c2s.loss, 1.0 - wire.s2c.loss);
        let by_luck = wire.rules.is_empty() && (0.0..1.0).contains(&(to * back)) && to * back > 0.0;
        let arithmetic = match by_luck {
            true => format!(
                "A round trip survives with {to:.2} x {back:.2} = {:.0} %, not {:.0} %. ",
                to * back * 100.0,
                to * 100.0
            ),
            false => String::new(),
        };
        let repeats = match udp.datagram.semantics {
            Semantics::Maybe => "Nobody repeats over UDP here; over TCP the stack does.".to_owned(),
            _ if answered(udp) > answered(maybe) => {
                "Repeating mends it, 1 s and more each time: over UDP our client repeats, over TCP \
                 the stack does."
                    .to_owned()
            }
            _ => "Repeating mended nothing here: over UDP our client repeats, over TCP the stack \
                  does."
                .to_owned(),
        };
        format!("{arithmetic}{repeats} {}{}", unheard(udp, tcp), karn(tcp))
    })
}

/// What was executed though the client had given up.
fn unheard(udp: &Run, tcp: &Run) -> String {
    let unheard = |run: &Run| {
        let gave_up = run.exchanges().filter(|one| !one.is_replied());
        let done = |number: i64| run.executed().any(|(_, executed)| executed == number);
        gave_up.filter(|one| done(one.number)).count()
    };
    match (unheard(tcp), unheard(udp)) {
        (0, 0) => "One seed is an anecdote: see --runs 100.".to_owned(),
        (over_tcp, over_udp) => format!(
            "The server executed {} over TCP and {over_udp} over UDP whose client had given up: no \
             answer is not \"not executed\".",
            count(over_tcp, "exchange")
        ),
    }
}

/// Why this stack can be much slower than Linux's where losses follow each other.
fn karn(tcp: &Run) -> String {
    const LONG: f64 = 3_000.0; // ms: two doublings of the first timeout
    match tcp.metrics().max_ms {
        Some(longest) if longest > LONG => {
            " This stack keeps a doubled timeout until a fresh round trip is measured (Karn), which \
             Linux ends sooner."
                .to_owned()
        }
        _ => String::new(),
    }
}

pub(in crate::scenario) fn lost_reply(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        match what_was_lost(udp) {
            Some(Direction::ServerToClient) => {}
            Some(Direction::ClientToServer) => return lost_request(tcp, udp),
            None => {
                return "Nothing that carries a message was lost on the way over UDP: nobody had to \
                        repeat."
                    .to_owned();
            }
        }
        let executed = udp.logged("exchange");
        let known = match (udp.datagram.semantics, udp.logged("duplicate")) {
            (Semantics::AtMostOnce, copies) if copies > 0 => format!(
                "The server could, by the id: it executed {} and answered the copy from its cache",
                times(executed)
            ),
            (Semantics::Maybe, _) => format!(
                "With one try nobody repeats: executed {}, and the client will never know",
                times(executed)
            ),
            _ => format!("Nor could the server, without a memory: it executed {}", times(executed)),
        };
        let same = match (tcp.exchanges().find_map(sum), udp.exchanges().find_map(sum)) {
            (Some(one), Some(other)) if one == other => format!(" Both clients print {one}."),
            _ => String::new(),
        };
        format!(
            "Over UDP the client could not tell a lost question from a lost answer. {known}. Over TCP \
             the lost reply was also the ACK of the request, so both stacks repeated; executed {}, \
             neither program noticed.{same}",
            times(tcp.logged("exchange"))
        )
    })
}

/// Returns which way the first message went that was lost.
fn what_was_lost(run: &Run) -> Option<Direction> {
    let packets = run.packets()?;
    let lost =
        packets.iter().find(|(packet, reading)| packet.lost.is_some() && reading.payload > 0);
    lost.map(|(packet, _)| packet.direction)
}

fn lost_request(tcp: &Run, udp: &Run) -> String {
    format!(
        "Here it was the question that was lost. Over UDP the client cannot tell that from a lost \
         answer, and did the same: {} sent, executed {}. Over TCP the stack sent its segment again; \
         executed {}.",
        count(udp.exchanges().map(|one| one.sent.len()).sum(), "datagram"),
        times(udp.logged("exchange")),
        times(tcp.logged("exchange"))
    )
}

pub(in crate::scenario) fn duplicate(comparison: &Comparison) -> String {
    three(comparison, |maybe, udp, tcp| {
        let all = maybe.exchanges().count();
        let repeating = match udp.datagram.semantics {
            Semantics::AtMostOnce => "With ids and a memory the copies are answered from the cache",
            Semantics::AtLeastOnce => {
                "With ids the client takes the first reply and drops the others, but the server has \
                 executed, and logged, every copy"
            }
            Semantics::Maybe => "With one try there are no ids",
        };
        let doubled = |wire: &WireConfig| wire.c2s.duplicate >= 1.0;
        let came = match maybe.wire.as_ref().is_some_and(doubled) {
            true => "Every datagram to the server came twice.",
            false => "Some packets came twice.",
        };
        format!(
            "{came} With bare datagrams it executed {} for {all} \
             questions, and the client took a late answer to one question for the answer to the next: \
             {} of {all} sums agree. {repeating}: {} executed, {} agree. TCP drops copies by their \
             sequence numbers: {} of {all}.",
            maybe.logged("exchange"),
            maybe.agreed(),
            udp.logged("exchange"),
            udp.agreed(),
            tcp.agreed()
        )
    })
}

pub(in crate::scenario) fn reorder(comparison: &Comparison) -> String {
    three(comparison, |maybe, udp, tcp| {
        let overtaken = match overtaken(udp) {
            Some(number) => format!("Number {number} was overtaken."),
            None => "Nothing was overtaken over UDP.".to_owned(),
        };
        let order = |run: &Run| list(run.executed().map(|(_, number)| number.to_string()));
        format!(
            "{overtaken} TCP's stack kept the others back and delivered all in \
             order ({}). UDP delivers what comes, when it comes ({}): with ids each answer still finds \
             its question ({} of {} sums agree), without them it does not ({} agree).",
            order(tcp),
            order(udp),
            udp.agreed(),
            udp.exchanges().count(),
            maybe.agreed()
        )
    })
}

/// Returns the first number that the server had later than one asked after it.
fn overtaken(run: &Run) -> Option<i64> {
    let there: Vec<i64> = run.executed().map(|(_, number)| number).collect();
    let mut asked: Vec<i64> = there.clone();
    asked.sort_unstable();
    asked.into_iter().find(|number| {
        let place = there.iter().position(|other| other == number);
        place.is_some_and(|place| there[..place].iter().any(|other| other > number))
    })
}

pub(in crate::scenario) fn head_of_line(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let late = |run: &Run| {
            let transits = run.transits();
            let best = transits.iter().map(|(_, time)| *time).min().unwrap_or_default();
            let late = std::time::Duration::from_millis(10);
            transits.iter().filter(|(_, time)| *time >= best + late).count()
        };
        let lost = |run: &Run| run.exchanges().filter(|one| one.ending == Ending::TimedOut).count();
        let repaired = match lost(udp) {
            0 => "it came when our client repeated it, and delayed nobody".to_owned(),
            lost => format!("{lost} never came, and delayed nobody"),
        };
        if late(tcp) < 2 {
            return "Nothing came behind what was lost, so nothing had to wait for it: ask more, or \
                    lose an earlier one."
                .to_owned();
        }
        format!(
            "One packet was lost. TCP promises order, so what came behind it had to wait in the stack \
             until it was repaired: {} messages were late, though only one was lost \
             (head-of-line blocking). Over UDP {} was late: {repaired}.",
            late(tcp),
            late(udp)
        )
    })
}
