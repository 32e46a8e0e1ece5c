//! About questions that get an answer, or at least a refusal.

use super::both;
use crate::protocol::Ending;
use crate::scenario::Network;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::sum;
use crate::scenario::rows::opened;
use crate::scenario::words::short;

pub(in crate::scenario) fn happy_path(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let sums = [tcp, udp].map(|run| run.exchanges().find_map(sum));
        let verdict = match sums {
            [Some(one), Some(other)] if one == other => {
                "Both transports carried the same question to the same answer".to_owned()
            }
            [Some(_), Some(_)] => "Both transports brought an answer".to_owned(),
            _ => "Not both transports brought an answer".to_owned(),
        };
        let cost = match comparison.network {
            Network::Loopback => {
                "Loopback has no distance, so these times are the computer's work, not the \
                 network's; on a real path the handshake is one more round trip."
                    .to_owned()
            }
            Network::Sim => packets_beyond(tcp, udp),
        };
        format!(
            "{verdict}. TCP first shook hands ({} connection), over UDP the first datagram was the \
             question. {cost}",
            opened(tcp)
        )
    })
}

/// Says what TCP's other packets were for.
fn packets_beyond(tcp: &Run, udp: &Run) -> String {
    let all = |run: &Run| run.packets().map_or(0, |packets| packets.len());
    let loaded = |run: &Run| {
        let packets = run.packets().unwrap_or_default();
        packets.iter().filter(|(_, reading)| reading.payload > 0).count()
    };
    format!(
        "Of TCP's {} packets {} carry messages; the others open the connection, acknowledge and \
         close it. UDP sent {}, and nobody was told that it is over.",
        all(tcp),
        loaded(tcp),
        all(udp)
    )
}

pub(in crate::scenario) fn setup_cost(comparison: &Comparison) -> String {
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

pub(in crate::scenario) fn server_not_running(comparison: &Comparison) -> String {
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

pub(in crate::scenario) fn silent_server(comparison: &Comparison) -> String {
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
