//! About leaving: closing, goodbyes, kills, power.

use super::{both, times};
use crate::scenario::log::{Comparison, Run};
use crate::scenario::rows::endings::idle_learns;
use crate::scenario::rows::of_number;
use crate::scenario::words::{how_short, outcome, short};

pub(in crate::scenario) fn out_of_range(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let asks = |run: &Run| of_number(run, 30).map_or("-".to_owned(), outcome);
        format!(
            "The idle client learns it over TCP: {}; over UDP: {}. Over TCP the kernel says FIN \
             for every connection, whether the program thinks of it or not. Over UDP somebody has \
             to send a goodbye, and it may be lost; who hears none learns it at its next question \
             ({}).",
            idle_learns(tcp),
            idle_learns(udp),
            asks(udp)
        )
    })
}

pub(in crate::scenario) fn server_killed(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let say = |run: &Run| {
            let after = run.telling_exchange().map_or(String::new(), |one| short(one.elapsed()));
            let ending = run.telling_exchange().map_or("-".to_owned(), outcome);
            format!("{ending} after {after} (the server had executed {})", run.logged("exchange"))
        };
        format!(
            "TCP: {}. UDP: {}. A dead program's kernel still closes its connections, so TCP is told \
             at once; over UDP only the next datagram finds out. Neither says whether the work was \
             done: that needs an id which the server remembers, over both.",
            say(tcp),
            say(udp)
        )
    })
}

pub(in crate::scenario) fn server_restarted(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let again = match udp.exchanges().count() {
            1 => "as a copy with the same id",
            _ => "by the client, which had given up, as a new question",
        };
        format!(
            "The same question was executed {} over TCP and {} over UDP: once before the server was \
             killed, and again when it was repeated, over TCP by the client in a new connection, over \
             UDP {again}. What the first server remembered died with it. \"At most once\" holds within \
             one life of the server.",
            times(tcp.logged("exchange")),
            times(udp.logged("exchange"))
        )
    })
}

pub(in crate::scenario) fn ctrl_c_drain(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let answered = |run: &Run| {
            run.exchanges()
                .filter(|one| (21..=24).contains(&one.number) && one.is_replied())
                .count()
        };
        let newcomer = |run: &Run| of_number(run, 40).map_or("-".to_owned(), outcome);
        let end = |run: &Run| run.metrics().server_stop_ms.unwrap_or_default();
        let lingering = match end(udp) > 1000.0 {
            true => {
                "Over UDP the server stays a little longer, so that a lost reply can be asked for \
                 again; over TCP the kernel repeats it by itself."
            }
            false => "The UDP server did not stay to repeat what may have been lost.",
        };
        format!(
            "Of the 4 requests in flight {} were answered over TCP and {} over UDP after Ctrl+C. A \
             new client met: {} (TCP), {} (UDP). {}",
            answered(tcp),
            answered(udp),
            newcomer(tcp),
            newcomer(udp),
            lingering
        )
    })
}

pub(in crate::scenario) fn close_vs_shutdown(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let answered = |run: &Run| run.exchanges().filter(|one| one.is_replied()).count();
        let end = |run: &Run| {
            let learned = run.clients.first().and_then(|client| client.learned);
            learned.map(|(_, how)| how_short(how))
        };
        let over_tcp = match end(tcp) {
            Some(how) => format!("and then the server's own {how}: both directions were closed"),
            None => "but heard no end of it".to_owned(),
        };
        let over_udp = match end(udp) {
            None => {
                "nothing of the kind exists: a datagram socket has no end, so who wants to know \
                     that nothing more will come must be told in a message"
                    .to_owned()
            }
            Some(how) => format!("the server said {how}"),
        };
        format!(
            "Over TCP the client's FIN closed one direction; it still got its {} answers, {over_tcp}. \
             Over UDP (answers: {}) {over_udp}.",
            answered(tcp),
            answered(udp)
        )
    })
}

pub(in crate::scenario) fn close_reset(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        format!(
            "The client hung up while its questions were under way. Over TCP a RST told the server at \
             once; over UDP the socket was just closed, and the answers met nobody (ICMP). The server \
             executed {} over TCP and {} over UDP: a reset says nothing about what was done.",
            tcp.logged("exchange"),
            udp.logged("exchange")
        )
    })
}

pub(in crate::scenario) fn power_off(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let after =
            |run: &Run| run.telling_exchange().map_or(String::new(), |one| short(one.elapsed()));
        let ending = |run: &Run| run.telling_exchange().map_or("-".to_owned(), outcome);
        format!(
            "Without power there is no kernel that could say FIN or RST. Over TCP: {} after {}; over \
             UDP: {} after {}. The request had been executed {} and {}. To both clients a dead host, \
             a cut wire and a slow server look the same.",
            ending(tcp),
            after(tcp),
            ending(udp),
            after(udp),
            times(tcp.logged("exchange")),
            times(udp.logged("exchange"))
        )
    })
}

pub(in crate::scenario) fn reboot(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let asks = |run: &Run| of_number(run, 25).map_or("-".to_owned(), outcome);
        format!(
            "The host came back and remembers no connection. TCP's client still believed in one (it is \
             half-open): its next segment met a RST, {}. Over UDP there was nothing to remember: the \
             next datagram was a question like any other, {}.",
            asks(tcp),
            asks(udp)
        )
    })
}
