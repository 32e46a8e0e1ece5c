//! The sentences below a table: what happened, who did the work, what it cost, what it means.
//! Each is made from what was recorded; where the record says otherwise, so does the sentence.

use super::log::{Comparison, Run};
use super::metrics::sum;
use super::rows::{idle_learns, of_number, opened, outcome, short};
use crate::peer::Transport;
use crate::protocol::Ending;

/// The record of one transport, or the sentence that says that it is missing.
fn pair(comparison: &Comparison) -> Option<(&Run, &Run)> {
    Some((comparison.over(Transport::Tcp)?, comparison.over(Transport::Udp)?))
}

fn both(comparison: &Comparison, say: impl FnOnce(&Run, &Run) -> String) -> String {
    pair(comparison).map_or(String::new(), |(tcp, udp)| say(tcp, udp))
}

pub(super) fn happy_path(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let sums = [tcp, udp].map(|run| run.exchanges().find_map(sum));
        let verdict = match sums {
            [Some(one), Some(other)] if one == other => {
                "Both transports carried the same question to the same answer".to_owned()
            }
            [Some(_), Some(_)] => "Both transports brought an answer".to_owned(),
            _ => "Not both transports brought an answer".to_owned(),
        };
        format!(
            "{verdict}. TCP first shook hands ({} connection), over UDP the first datagram was the \
             question. Loopback has no distance, so these times are the computer's work, not the \
             network's; on a real path the handshake is one more round trip.",
            opened(tcp)
        )
    })
}

pub(super) fn setup_cost(comparison: &Comparison) -> String {
    let column = |key| comparison.column(key);
    let (Some(each), Some(tcp), Some(udp)) = (column("tcp_each"), column("tcp"), column("udp"))
    else {
        return String::new();
    };
    let trips = |run: &Run| run.metrics().handshake_rtts + run.exchanges().count();
    format!(
        "{} questions took {} round trips with a connection for each, {} over one connection and \
         {} over UDP. A handshake is paid once for each connection: who asks often and keeps the \
         connection hardly pays, who connects for every question pays twice.",
        udp.exchanges().count(),
        trips(each),
        trips(tcp),
        trips(udp)
    )
}

pub(super) fn server_not_running(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let refused =
            |run: &Run| run.telling_exchange().is_some_and(|one| one.ending == Ending::Refused);
        let tcp = match refused(tcp) {
            true => {
                "Over TCP the other kernel answered the SYN with RST: connect() failed, and \
                     nothing was sent."
            }
            false => "Over TCP the connection was not refused here.",
        };
        let udp = match refused(udp) {
            true => {
                "Over UDP send() succeeded; the kernel's ICMP \"port unreachable\" came back \
                     and our connected socket reported it. Networks may drop or limit it: over UDP \
                     a refusal is a hint."
            }
            false => "Over UDP no refusal came, so only the program's own clock could tell.",
        };
        format!("{tcp} {udp}")
    })
}

pub(super) fn silent_server(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let connected = match over_tcp.sent.is_empty() {
            true => "Over TCP not even the handshake was done",
            false => {
                "Over TCP the kernel shook hands and took the bytes, though no program \
                      listened behind it"
            }
        };
        format!(
            "{connected}. Over UDP the client sent {} datagrams into the same silence. Neither \
             transport knows that nobody will answer: both programs gave up by their own clock, \
             after {} and {}. Connected does not mean that somebody is there.",
            over_udp.sent.len(),
            short(over_tcp.elapsed()),
            short(over_udp.elapsed())
        )
    })
}

pub(super) fn out_of_range(comparison: &Comparison) -> String {
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

pub(super) fn server_killed(comparison: &Comparison) -> String {
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

pub(super) fn server_restarted(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        format!(
            "The same question was executed {} times over TCP and {} times over UDP: once before \
             the server was killed, and again when it was repeated, over TCP by the client in a \
             new connection, over UDP as a copy with the same id. What the first server remembered \
             died with it. \"At most once\" holds within one life of the server.",
            tcp.logged("exchange"),
            udp.logged("exchange")
        )
    })
}

pub(super) fn ctrl_c_drain(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let answered = |run: &Run| {
            run.exchanges()
                .filter(|one| (21..=24).contains(&one.number) && one.is_replied())
                .count()
        };
        let newcomer = |run: &Run| of_number(run, 40).map_or("-".to_owned(), outcome);
        let end = |run: &Run| run.metrics().server_stop_ms.unwrap_or_default();
        let lingering = match end(udp) > end(tcp) + 1000.0 {
            true => {
                "Over UDP the server stays a little longer, so that a lost reply can be asked for \
                 again; over TCP the kernel repeats it by itself."
            }
            false => "Neither server stayed to repeat what may have been lost.",
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
