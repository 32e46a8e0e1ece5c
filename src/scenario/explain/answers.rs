//! About questions that get an answer, or at least a refusal.

use std::time::Duration;

use super::both;
use super::facts::{GaveUp, again, all_replied, end_of_wait, gave_up, packets, unreachable};
use crate::protocol::Ending;
use crate::protocol::datagram::IcmpPolicy;
use crate::scenario::Network;
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::metrics::{quantile, sum};
use crate::scenario::rows::{all_took, answered, opened};
use crate::scenario::words::{count, short};

pub(in crate::scenario) fn happy_path(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let cost = match comparison.network {
            Network::Loopback => {
                "Loopback has no distance, so these times are the computer's work, not the \
                 network's; on a real path the handshake is one more round trip."
                    .to_owned()
            }
            Network::Remote(_) => seen_by_the_client(tcp, udp),
            Network::Sim | Network::Kernel => packets_beyond(tcp, udp),
        };
        let connected = match opened(tcp) {
            0 => "TCP never finished its handshake".to_owned(),
            opened => format!("TCP first shook hands ({})", count(opened, "connection")),
        };
        let verdict = verdict(tcp, udp);
        let all =
            format!("{verdict}. {connected}, over UDP the first datagram was the question. {cost}");
        all.trim_end().to_owned()
    })
}

/// Says what the handshake cost where only the client can be asked.
fn seen_by_the_client(tcp: &Run, udp: &Run) -> String {
    let first = |run: &Run| run.exchanges().next().filter(|one| one.is_replied()).cloned();
    let handshake = tcp.clients.first().and_then(|client| client.opening.first());
    if answered(tcp) + answered(udp) == 0 {
        return String::new();
    }
    let cost = match (first(tcp), handshake, first(udp)) {
        (Some(over_tcp), Some(handshake), Some(over_udp)) => format!(
            "The handshake took {} of the {} to TCP's first answer; UDP's came after {}. ",
            short(*handshake),
            short(over_tcp.elapsed()),
            short(over_udp.elapsed())
        ),
        _ => String::new(),
    };
    format!("{cost}{}{UNSEEN}", repeated(udp))
}

/// Says what our client sent again over UDP, if anything.
fn repeated(udp: &Run) -> String {
    match again(udp) {
        0 => String::new(),
        again => format!("Over UDP our client sent {} again. ", count(again, "datagram")),
    }
}

/// What nobody can say who is only the client.
const UNSEEN: &str = "What the network lost, and TCP repaired, cannot be seen from here.";

/// Says whether both transports brought answers, and the same ones.
fn verdict(tcp: &Run, udp: &Run) -> String {
    let sums = [tcp, udp].map(|run| run.exchanges().map(sum).collect::<Vec<_>>());
    let [over_tcp, over_udp] = sums.each_ref().map(|sums| sums.iter().flatten().count());
    let one = sums[0].len() == 1;
    let all = over_tcp == sums[0].len() && over_udp == sums[1].len();
    let verdict = match (all, sums[0] == sums[1]) {
        (true, true) if one => "Both transports carried the same question to the same answer",
        (true, true) => "Both transports carried the same questions to the same answers",
        (true, false) if one => "Both transports brought an answer",
        (true, false) => "Both transports brought every answer",
        (false, _) if over_tcp + over_udp == 0 => "Neither transport brought an answer",
        (false, _) if one => "Not both transports brought an answer",
        (false, _) => {
            return format!(
                "TCP brought {over_tcp} of {} answers, UDP {over_udp} of {}",
                sums[0].len(),
                sums[1].len()
            );
        }
    };
    verdict.to_owned()
}

/// Says what TCP's other packets were for.
fn packets_beyond(tcp: &Run, udp: &Run) -> String {
    let all = packets(tcp, |_, _| true);
    let loaded = packets(tcp, |_, reading| reading.payload > 0);
    let carry = if loaded == 1 { "carries a message" } else { "carry messages" };
    let again = match again(tcp) {
        0 => String::new(),
        again => format!(" ({} sent again among them all)", count(again, "segment")),
    };
    let over_tcp = match opened(tcp) {
        0 => format!("All {all} packets of TCP were spent on connecting."),
        _ => format!(
            "Of TCP's {all} packets {loaded} {carry}{again}; the others open the connection, \
             acknowledge and close it."
        ),
    };
    let told = match unreachable(udp) {
        0 => "nobody was told that it is over",
        _ => "only who sent to a closed socket was told (ICMP)",
    };
    let sent = packets(udp, |_, _| true) - unreachable(udp);
    format!("{over_tcp} UDP sent {sent}, and {told}.")
}

pub(in crate::scenario) fn setup_cost(comparison: &Comparison) -> String {
    let column = |key| comparison.column(key);
    let (Some(each), Some(tcp), Some(udp)) = (column("tcp_each"), column("tcp"), column("udp"))
    else {
        return String::new();
    };
    if let Network::Remote(_) = comparison.network
        && [each, tcp, udp].into_iter().all(all_replied)
    {
        return setup_cost_in_time(each, tcp, udp);
    }
    let smooth = |run: &Run| all_replied(run) && again(run) == 0;
    if ![each, tcp, udp].into_iter().all(smooth) {
        return uneven_setup_cost(each, tcp, udp);
    }
    let trips = |run: &Run| run.metrics().handshake_rtts + run.exchanges().count();
    format!(
        "{} took {} round trips with a connection for each, {} over {} and {} over UDP. A \
         handshake is paid once for each connection: who asks often and keeps the connection hardly \
         pays, who connects for every question pays twice.",
        count(udp.exchanges().count(), "question"),
        trips(each),
        trips(tcp),
        kept(tcp),
        trips(udp)
    )
}

/// Says over which connections it went that were kept.
fn kept(tcp: &Run) -> String {
    match tcp.clients.len() {
        1 => "one connection".to_owned(),
        clients => format!("one connection for each of {clients} clients"),
    }
}

/// Where packets cannot be seen, nothing is counted but time.
fn setup_cost_in_time(each: &Run, tcp: &Run, udp: &Run) -> String {
    let mut handshakes: Vec<Duration> =
        each.clients.iter().flat_map(|client| client.opening.iter().copied()).collect();
    handshakes.sort_unstable();
    format!(
        "{} took {} with a connection for each, {} over {} and {} over UDP. Half of the handshakes \
         took no more than {}: that is paid once for each connection, so who asks often and keeps the \
         connection hardly pays. {}{UNSEEN}",
        count(udp.exchanges().count(), "question"),
        all_took(each),
        all_took(tcp),
        kept(tcp),
        all_took(udp),
        quantile(&handshakes, 50).map_or("-".to_owned(), short),
        repeated(udp)
    )
}

/// Where something was lost, round trips cannot be counted as handshakes and questions.
fn uneven_setup_cost(each: &Run, tcp: &Run, udp: &Run) -> String {
    let part = |run: &Run| {
        let shaken = count(opened(run), "handshake");
        format!("{} of {} ({shaken})", answered(run), run.exchanges().count())
    };
    format!(
        "Something was sent again, or never answered, so no formula counts the round trips. \
         Answered with a connection for each: {}; over kept connections: {}; over UDP: {} of {}, \
         without a handshake. A handshake is paid for each connection, and may be lost like anything \
         else.",
        part(each),
        part(tcp),
        answered(udp),
        udp.exchanges().count()
    )
}

pub(in crate::scenario) fn server_not_running(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let refused_tcp = match over_tcp.ending {
            Ending::Refused => "Over TCP the other kernel answered the SYN with RST: connect() \
                                failed, and nothing was sent."
                .to_owned(),
            _ => format!("Over TCP no refusal came: {}.", end_of_wait(tcp, over_tcp)),
        };
        format!("{refused_tcp} {}", refused_over_udp(udp, over_udp))
    })
}

fn refused_over_udp(udp: &Run, one: &ExchangeLog) -> String {
    match (&one.ending, gave_up(udp, one)) {
        (Ending::Refused, _) => "Over UDP send() succeeded; the kernel's ICMP \"port unreachable\" \
                                 came back and our connected socket reported it. Networks may drop \
                                 or limit it: over UDP a refusal is a hint."
            .to_owned(),
        (Ending::OutcomeUnknown(_), _) => {
            "Over UDP the first datagram met no refusal in time; ICMP \"port unreachable\" came for \
             a copy. The client cannot know what became of the first: over UDP a refusal is a hint."
                .to_owned()
        }
        (_, GaveUp::OwnClock) => {
            "Over UDP no refusal came, so only the program's own clock could tell.".to_owned()
        }
        _ if udp.datagram.icmp == IcmpPolicy::Vet => {
            format!("Over UDP no refusal was believed: {}.", end_of_wait(udp, one))
        }
        _ => format!("Over UDP no refusal came: {}.", end_of_wait(udp, one)),
    }
}

pub(in crate::scenario) fn silent_server(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let is_connected = !over_tcp.sent.is_empty();
        let connected = match is_connected {
            false => "Over TCP not even the handshake was done",
            true => {
                "Over TCP the kernel shook hands and took the bytes, though no program \
                      listened behind it"
            }
        };
        let end = match (gave_up(tcp, over_tcp), gave_up(udp, over_udp)) {
            (GaveUp::OwnClock, GaveUp::OwnClock) => format!(
                "both programs gave up by their own clock, after {} and {}",
                short(over_tcp.elapsed()),
                short(over_udp.elapsed())
            ),
            _ => format!(
                "over TCP {}; over UDP {}",
                end_of_wait(tcp, over_tcp),
                end_of_wait(udp, over_udp)
            ),
        };
        let lesson =
            if is_connected { " Connected does not mean that somebody is there." } else { "" };
        format!(
            "{connected}. Over UDP the client sent {} into the same silence. Neither transport knows \
             that nobody will answer: {end}.{lesson}",
            count(over_udp.sent.len(), "datagram")
        )
    })
}
