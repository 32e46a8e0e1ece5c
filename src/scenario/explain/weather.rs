//! About loss: who repeats, what that mends, and what it cannot mend. One lost answer is in
//! `lost_reply`, copies and disorder are in `order`, who waits in `head_of_line`, silence in
//! `silence`.

pub(in crate::scenario) use super::head_of_line::head_of_line;
pub(in crate::scenario) use super::lost_reply::lost_reply;
pub(in crate::scenario) use super::order::{duplicate, reorder};
pub(in crate::scenario) use super::silence::{black_hole, idle};

use std::time::Duration;

use super::facts::{again, all_replied, amount_again};
use super::three;
use crate::protocol::datagram::Semantics;
use crate::scenario::Network;
use crate::scenario::executions::executions;
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::words::count;
use crate::testbed::TcpProfile;
use crate::wire::{Impairment, WireConfig};

pub(in crate::scenario) fn loss(comparison: &Comparison) -> String {
    three(comparison, |maybe, udp, tcp| {
        let Some(wire) = &maybe.wire else { return String::new() };
        let unheard = unheard(udp, tcp);
        // What was executed in vain matters more than that it was one seed.
        let lesson = if unheard.is_empty() { anecdote(wire) } else { unheard };
        let mut sentences =
            vec![arithmetic(wire), repeats(udp, tcp), lesson, karn(comparison, tcp)];
        sentences.retain(|sentence| !sentence.is_empty());
        sentences.join(" ")
    })
}

/// Says how many round trips survive, if only luck decides.
fn arithmetic(wire: &WireConfig) -> String {
    let (to, back) = (1.0 - wire.c2s.loss, 1.0 - wire.s2c.loss);
    let both = to * back;
    if !wire.rules.is_empty() || both <= 0.0 || both >= 1.0 {
        return String::new();
    }
    let not = match wire.c2s.loss > 0.0 && wire.s2c.loss > 0.0 {
        true => format!(", not {:.0} %", to * 100.0),
        false => String::new(),
    };
    format!("A round trip survives with {to:.2} x {back:.2} = {:.0} %{not}.", both * 100.0)
}

/// Says who repeated, and whether that mended anything.
fn repeats(udp: &Run, tcp: &Run) -> String {
    if udp.datagram.semantics == Semantics::Maybe {
        return match again(tcp) {
            0 => "Nobody repeats over UDP here; over TCP nothing had to be repeated.".to_owned(),
            _ => "Nobody repeats over UDP here; over TCP the stack does.".to_owned(),
        };
    }
    use Mend::{InVain, Mended, Nothing};
    match (Mend::of(udp), Mend::of(tcp)) {
        (Nothing, Nothing) => "Nothing had to be repeated.".to_owned(),
        (Mended, Mended) => format!(
            "Repeating mends it{}: over UDP our client repeats, over TCP the stack does.",
            if least_wait(udp) >= Duration::from_secs(1) { ", 1 s and more each time" } else { "" }
        ),
        (InVain, InVain) => {
            "Repeating mended nothing here: over UDP our client repeats, over TCP the \
                             stack does."
                .to_owned()
        }
        (over_udp, over_tcp) => format!(
            "Over UDP {}; over TCP {}.",
            over_udp.say(udp, "our client"),
            over_tcp.say(tcp, "the stack")
        ),
    }
}

/// What came of repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mend {
    /// All was answered at the first try.
    Nothing,
    /// Something was never answered, and never sent again.
    TooLate,
    /// An answer came after something was sent again.
    Mended,
    /// None did.
    InVain,
}

impl Mend {
    fn of(run: &Run) -> Self {
        match again(run) {
            0 if all_replied(run) => Mend::Nothing,
            0 => Mend::TooLate,
            _ if all_replied(run) || answered_after_repeating(run) => Mend::Mended,
            _ => Mend::InVain,
        }
    }

    fn say(self, run: &Run, who: &str) -> String {
        let again = amount_again(run);
        match self {
            Mend::Nothing => "nothing had to be repeated".to_owned(),
            Mend::TooLate => format!("the program gave up before {who} repeated"),
            Mend::Mended if all_replied(run) => {
                format!("{who} repeated {again}, and that mended it")
            }
            Mend::Mended => format!("{who} repeated {again}, and that mended a part"),
            Mend::InVain => format!("{who} repeated {again}, and no answer came of it"),
        }
    }
}

/// Returns whether an exchange was answered during which something was sent again.
fn answered_after_repeating(run: &Run) -> bool {
    let packets = run.packets().unwrap_or_default();
    run.clients.iter().enumerate().any(|(client, log)| {
        let replied = log.exchanges.iter().filter(|one| one.is_replied());
        replied.into_iter().any(|one| {
            packets.iter().any(|(packet, reading)| {
                packet.client == client + 1
                    && reading.again
                    && (one.asked..one.ended).contains(&packet.sent)
            })
        })
    })
}

/// Returns the shortest wait of our client before it repeated.
fn least_wait(udp: &Run) -> Duration {
    let waits = udp.exchanges().flat_map(|one| one.sent.windows(2));
    waits.map(|pair| pair[1].since(pair[0])).min().unwrap_or_default()
}

/// Says what was executed though the client had given up; nothing if all were answered.
fn unheard(udp: &Run, tcp: &Run) -> String {
    match (unheard_in(tcp), unheard_in(udp)) {
        (0, 0) => String::new(),
        (over_tcp, over_udp) => format!(
            "The server executed {} over TCP and {over_udp} over UDP whose client had given up: no \
             answer is not \"not executed\".",
            count(over_tcp, "exchange")
        ),
    }
}

/// Counts exchanges without a reply that the server had executed.
fn unheard_in(run: &Run) -> usize {
    let mut unheard = 0;
    for (client, log) in run.clients.iter().enumerate() {
        for (index, one) in log.exchanges.iter().enumerate().filter(|(_, one)| !one.is_replied()) {
            // What is executed later belongs to the next exchange with the same number.
            let later = log.exchanges[index + 1..].iter().find(|other| other.number == one.number);
            let done = executions(run, client).any(|(event, executed)| {
                executed.client_number == one.number
                    && event.at >= one.asked
                    && later.is_none_or(|later| event.at < later.asked)
            });
            unheard += usize::from(done);
        }
    }
    unheard
}

/// Where luck decides, one run says little.
fn anecdote(wire: &WireConfig) -> String {
    let by_luck = |way: &Impairment| way.loss + way.duplicate + way.reorder > 0.0;
    match by_luck(&wire.c2s) || by_luck(&wire.s2c) {
        true => "One seed is an anecdote: see --runs 100.".to_owned(),
        false => String::new(),
    }
}

/// Why TCP can be slow for long where losses follow each other.
fn karn(comparison: &Comparison, tcp: &Run) -> String {
    const LONG: Duration = Duration::from_secs(3); // two doublings of the first timeout
    let times: Vec<Duration> =
        tcp.exchanges().filter(|one| one.is_replied()).map(ExchangeLog::elapsed).collect();
    let (Some(least), Some(longest)) = (times.iter().min(), times.iter().max()) else {
        return String::new();
    };
    match again(tcp) > 0 && *longest >= *least + LONG {
        true if comparison.network == Network::Sim => {
            "This stack keeps a doubled timeout until a fresh round trip is measured (Karn), which \
             Linux ends sooner: see --net kernel."
                .to_owned()
        }
        // With timestamps each answer is a fresh measurement.
        true if comparison.settings.profile == TcpProfile::Textbook => {
            "TCP keeps a doubled timeout until a fresh round trip is measured (Karn).".to_owned()
        }
        _ => String::new(),
    }
}
