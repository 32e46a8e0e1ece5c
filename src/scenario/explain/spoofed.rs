//! About packets that no host has sent: who believed them, and what that would have taken.

use super::three;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::sum;
use crate::scenario::rows::opened;
use crate::scenario::rows::spoofed::{believed, deceived, forged, obeyed};
use crate::testbed::Forgery;

pub(in crate::scenario) fn spoofed(comparison: &Comparison) -> String {
    three(comparison, |bare, ids, tcp| {
        format!(
            "{} {} {}",
            answers(bare, ids, tcp),
            shutdowns(bare, ids, tcp),
            "What the attacker cannot read decides who may speak, not an address; on the path between \
             the two it could be read, and against that only encryption helps."
        )
    })
}

/// Says which client took a forged answer for its server's.
fn answers(bare: &Run, ids: &Run, tcp: &Run) -> String {
    let arrived = |run: &Run| forged(run, Forgery::Reply) > 0;
    if ![bare, ids, tcp].into_iter().any(arrived) {
        return "No forged answer reached a client.".to_owned();
    }
    let over_bare = match (believed(bare), arrived(bare)) {
        (0, false) => "over UDP none reached the client of bare datagrams".to_owned(),
        (0, true) => "the client of bare datagrams believed none this time".to_owned(),
        _ => {
            let met = deceived(bare).next();
            let (asked, wrong) =
                met.map_or((0, 0), |one| (one.number, sum(one).unwrap_or_default()));
            format!(
                "the client of bare datagrams took the first that bore the server's address for the \
                 answer to {asked}, and computes {wrong}"
            )
        }
    };
    let others = match believed(ids) + believed(tcp) {
        0 => "Ids (UDP) and sequence numbers (TCP) must be guessed: nobody there believed it.",
        _ => "Another client believed it, too.",
    };
    format!("Of the forged answers {over_bare}. {others}")
}

/// Says which server obeyed a forged request to stop.
fn shutdowns(bare: &Run, ids: &Run, tcp: &Run) -> String {
    let arrived = [bare, ids].into_iter().any(|run| forged(run, Forgery::Shutdown) > 0);
    let challenged = bare.logged("challenged") + ids.logged("challenged") > 0;
    let over_udp = match (obeyed(bare) + obeyed(ids), ids.validates) {
        _ if !arrived => "Over UDP no forged 101 reached the server",
        (0, true) if challenged => {
            "Over UDP the server obeyed no forged 101: it asks for a cookie first, and sends that to \
             the address that was claimed"
        }
        (0, _) => "Over UDP the server obeyed no forged 101",
        (_, false) => {
            "Over UDP the server believed the source address, and one forged 101 stopped it"
        }
        (_, true) => "Over UDP a forged 101 stopped the server",
    };
    let over_tcp = match (forged(tcp, Forgery::Shutdown), obeyed(tcp), opened(tcp)) {
        (0, _, _) => "over TCP none reached it",
        (_, 0, 0) => "over TCP it belonged to no connection",
        (_, 0, _) => {
            "over TCP the handshake had proven the address, and the guessed number was wrong"
        }
        (_, _, _) => "over TCP it was obeyed",
    };
    format!("{over_udp}; {over_tcp}.")
}
