//! About leaving: closing, goodbyes, Ctrl+C. Kills and power cuts are in `kills`.

pub(in crate::scenario) use super::kills::{power_off, reboot, server_killed, server_restarted};

use super::both;
use super::facts::{acted, unreachable};
use crate::protocol::Closing;
use crate::protocol::datagram::Semantics;
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::rows::endings::idle_learns;
use crate::scenario::rows::{answered, of_number, opened};
use crate::scenario::words::{count, how_short, outcome};
use crate::testbed::Action;

pub(in crate::scenario) fn out_of_range(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let over_tcp = match tcp.server_stopped() {
            None => "Over TCP 101 did not reach the server, and nothing stopped it.".to_owned(),
            Some(_) => {
                "Over TCP the kernel says FIN for every connection, whether the program thinks \
                        of it or not."
                    .to_owned()
            }
        };
        format!("{} {over_tcp} {}", what_idle_learns(tcp, udp), goodbye(comparison, udp))
    })
}

fn what_idle_learns(tcp: &Run, udp: &Run) -> String {
    let learns = |run: &Run| match run.server_stopped() {
        Some(_) => idle_learns(run),
        None => "nothing, the server was never stopped".to_owned(),
    };
    format!("The idle client learns it over TCP: {}; over UDP: {}.", learns(tcp), learns(udp))
}

/// Says who has to tell the clients over UDP, and whether anybody could.
fn goodbye(comparison: &Comparison, udp: &Run) -> String {
    let asks = of_number(udp, 30).map_or("-".to_owned(), outcome);
    let says_bye = comparison.scenario.script.goodbye && comparison.settings.server.goodbye;
    if udp.server_stopped().is_none() {
        return match udp.datagram.semantics {
            Semantics::Maybe => "Over UDP the server does not obey a bare datagram: it carries no \
                                 cookie, so anybody could have sent it in the client's name."
                .to_owned(),
            _ => "Over UDP 101 did not reach the server with the cookie that proves its sender."
                .to_owned(),
        };
    }
    if says_bye && !udp.remembers && idle_learns(udp) == NOT_TOLD {
        return format!(
            "Over UDP somebody has to send a goodbye, but a server that remembers no client has \
             nobody to tell; who hears none learns it at its next question ({asks})."
        );
    }
    format!(
        "Over UDP somebody has to send a goodbye, and it may be lost; who hears none learns it at its \
         next question ({asks})."
    )
}

/// What the row about an idle client says if it was told nothing.
const NOT_TOLD: &str = "not until it asks";

pub(in crate::scenario) fn ctrl_c_drain(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let newcomer = |run: &Run| of_number(run, 40).map_or("-".to_owned(), outcome);
        let end = |run: &Run| run.metrics().server_stop_ms.unwrap_or_default();
        let lingering = match end(udp) > end(tcp) + 1000.0 {
            true if udp.remembers => {
                "Over UDP the server stays a little longer, so that a lost reply can be asked for \
                 again; over TCP the kernel repeats it by itself."
            }
            true => {
                "Over UDP the server stays a little longer, but without a memory it could not repeat \
                 a lost reply; over TCP the kernel repeats it by itself."
            }
            false => "The UDP server did not stay to repeat what may have been lost.",
        };
        format!(
            "{} A new client met: {} (TCP), {} (UDP). {lingering}",
            in_flight(tcp, udp),
            newcomer(tcp),
            newcomer(udp)
        )
    })
}

/// Says what became of the requests that were under way at Ctrl+C.
fn in_flight(tcp: &Run, udp: &Run) -> String {
    let counts = |run: &Run| {
        let at = acted(run, &[Action::Interrupt]);
        let busy: Vec<&ExchangeLog> = run
            .exchanges()
            .filter(|one| (21..=24).contains(&one.number))
            .filter(|one| at.is_some_and(|at| one.asked <= at && at <= one.ended))
            .collect();
        (busy.len(), busy.iter().filter(|one| one.is_replied()).count())
    };
    match (counts(tcp), counts(udp)) {
        ((0, _), (0, _)) => "At Ctrl+C no request was in flight any more.".to_owned(),
        ((all, over_tcp), (same, over_udp)) if all == same => format!(
            "Of the {} in flight {over_tcp} were answered over TCP and {over_udp} over UDP after \
             Ctrl+C.",
            count(all, "request")
        ),
        ((all, over_tcp), (other, over_udp)) => format!(
            "In flight at Ctrl+C, and answered after it: {all}, {over_tcp} over TCP; {other}, \
             {over_udp} over UDP."
        ),
    }
}

pub(in crate::scenario) fn close_vs_shutdown(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let over_udp = match learned(udp) {
            None => {
                "nothing of the kind exists: a datagram socket has no end, so who wants to know \
                     that nothing more will come must be told in a message"
                    .to_owned()
            }
            Some(how) => format!("the server said {}", how_short(how)),
        };
        format!("{} Over UDP (answers: {}) {over_udp}.", half_closed(tcp), answered(udp))
    })
}

fn learned(run: &Run) -> Option<Closing> {
    run.clients.first().and_then(|client| client.learned).map(|(_, how)| how)
}

/// Says what a FIN in one direction was good for.
fn half_closed(tcp: &Run) -> String {
    if opened(tcp) == 0 {
        let ending = tcp.telling_exchange().map_or("-".to_owned(), outcome);
        return format!("Over TCP there was no connection of which to close half: {ending}.");
    }
    let (got, all) = (answered(tcp), tcp.exchanges().count());
    let got = match got == all {
        true => format!("it still got its {}", count(got, "answer")),
        false => format!("it got {got} of its {}", count(all, "answer")),
    };
    let end = match learned(tcp) {
        Some(Closing::EndOfStream) => {
            "and then the server's own FIN: both directions were closed".to_owned()
        }
        Some(how) => format!("and then {}", how_short(how)),
        None => "but heard no end of it".to_owned(),
    };
    format!("Over TCP the client's FIN closed one direction; {got}, {end}.")
}

pub(in crate::scenario) fn close_reset(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let noticed = tcp.server.events.iter().any(|event| event.event == "disconnected");
        let over_tcp = match opened(tcp) {
            0 => "Over TCP there was no connection to reset",
            _ if noticed => "Over TCP a RST told the server at once",
            _ => "Over TCP it sent a RST, but the server noticed nothing",
        };
        // On loopback ICMP is not seen; but who answers a closed socket meets it.
        let met_nobody = match udp.trace {
            Some(_) => unreachable(udp) > 0,
            None => udp.logged("exchange") > 0,
        };
        let over_udp = match met_nobody {
            true => "over UDP the socket was just closed, and the answers met nobody (ICMP)",
            false => "over UDP the socket was just closed, and nobody was told",
        };
        format!(
            "The client hung up while its questions were under way. {over_tcp}; {over_udp}. The \
             server executed {} over TCP and {} over UDP: a reset says nothing about what was done.",
            tcp.logged("exchange"),
            udp.logged("exchange")
        )
    })
}
