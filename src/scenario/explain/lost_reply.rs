//! About one lost answer: who could know that it was the answer, and who repeated.

use super::facts::{again, all_replied, amount_again, carried_again, lost, packets};
use super::{both, times};
use crate::protocol::datagram::Semantics;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::sum;
use crate::scenario::rows::opened;
use crate::scenario::words::{count, outcome};
use crate::time::Timestamp;
use crate::wire::Direction;

pub(in crate::scenario) fn lost_reply(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let over_udp = match what_was_lost(udp) {
            Some(Direction::ServerToClient) => format!(
                "Over UDP the client could not tell a lost question from a lost answer. {}.",
                known(udp)
            ),
            Some(Direction::ClientToServer) => lost_request(udp),
            None if again(udp) == 0 => {
                "Nothing that carries a message was lost on the way over UDP: nobody had to repeat."
                    .to_owned()
            }
            None => format!(
                "Nothing that carries a message was lost on the way over UDP, but a late answer looks \
                 like a lost one: our client sent {} again; executed {}.",
                amount_again(udp),
                times(udp.logged("exchange"))
            ),
        };
        let same = match (tcp.exchanges().find_map(sum), udp.exchanges().find_map(sum)) {
            (Some(one), Some(other)) if one == other => format!(" Both clients print {one}."),
            _ => String::new(),
        };
        format!("{over_udp} {}{same}", repaired_by_tcp(tcp))
    })
}

/// Returns which way the first message went that was lost.
fn what_was_lost(run: &Run) -> Option<Direction> {
    first_lost(run).map(|(_, direction)| direction)
}

fn first_lost(run: &Run) -> Option<(Timestamp, Direction)> {
    let packets = run.packets()?;
    let lost =
        packets.iter().find(|(packet, reading)| packet.lost.is_some() && reading.payload > 0);
    lost.map(|(packet, _)| (packet.sent, packet.direction))
}

/// Says what the server made of copies of a request whose reply was lost.
fn known(udp: &Run) -> String {
    let executed = times(udp.logged("exchange"));
    let told = |what: &str| {
        let events = udp.server.events.iter();
        events.filter(|event| event.event == "duplicate" && event.text.contains(what)).count()
    };
    let (from_cache, working) = (told("from the cache"), told("still working"));
    match (from_cache, working) {
        _ if udp.datagram.semantics == Semantics::Maybe => format!(
            "With one try nobody repeats: executed {executed}, and the client will never know"
        ),
        _ if again(udp) == 0 && all_replied(udp) => format!(
            "It had no need to: the answer came a second time, as the wire had doubled a datagram; \
             executed {executed}"
        ),
        _ if again(udp) == 0 => format!("It gave up before it repeated: executed {executed}"),
        _ if udp.logged("exchange") > udp.exchanges().count() => {
            format!("Nor could the server, without a memory: it executed {executed}")
        }
        (0, 0) => format!("No copy reached the server: executed {executed}"),
        (1, 0) => format!(
            "The server could, by the id: it executed {executed} and answered the copy from its cache"
        ),
        (copies, 0) => format!(
            "The server could, by the id: it executed {executed} and answered {copies} copies from \
             its cache"
        ),
        (0, _) => format!(
            "The server could, by the id: it executed {executed} and said that it was still working"
        ),
        (copies, working) => format!(
            "The server could, by the id: it executed {executed}, told {working} of the copies that \
             it was still working, and answered {copies} from its cache"
        ),
    }
}

fn lost_request(udp: &Run) -> String {
    let did = match again(udp) {
        0 => "",
        _ => ", and did the same",
    };
    format!(
        "Here it was the question that was lost. Over UDP the client cannot tell that from a lost \
         answer{did}: {} sent, executed {}.",
        count(udp.exchanges().map(|one| one.sent.len()).sum(), "datagram"),
        times(udp.logged("exchange"))
    )
}

/// Says what TCP's stacks did, and whether their programs noticed.
fn repaired_by_tcp(tcp: &Run) -> String {
    use Direction::{ClientToServer, ServerToClient};
    let (requests, replies) =
        (carried_again(tcp, ClientToServer), carried_again(tcp, ServerToClient));
    let who = match (requests, replies) {
        _ if opened(tcp) == 0 => "Over TCP the handshake never got through".to_owned(),
        (1.., 1..) if reply_was_the_ack(tcp) => {
            "Over TCP the lost reply was also the ACK of the request, so both stacks repeated"
                .to_owned()
        }
        (1.., 1..) => "Over TCP both stacks repeated".to_owned(),
        (1.., 0) => "Over TCP the stack sent its segment again".to_owned(),
        (0, 1..) => "Over TCP the server's stack sent the reply again".to_owned(),
        _ if again(tcp) > 0 => format!("Over TCP {} went again", amount_again(tcp)),
        _ if lost(tcp, ClientToServer) + lost(tcp, ServerToClient) > 0 => {
            "Over TCP no stack had repeated yet".to_owned()
        }
        _ => "Over TCP nothing was sent again".to_owned(),
    };
    let noticed = match tcp.exchanges().find(|one| !one.is_replied()) {
        None if replies > 0 => ", neither program noticed".to_owned(),
        None => String::new(),
        Some(one) => format!(", and the program was left without an answer: {}", outcome(one)),
    };
    format!("{who}; executed {}{noticed}.", times(tcp.logged("exchange")))
}

/// Returns whether nothing had told the client's stack, before it repeated, that its request was
/// there: the lost reply would have.
fn reply_was_the_ack(tcp: &Run) -> bool {
    let Some((lost, Direction::ServerToClient)) = first_lost(tcp) else { return false };
    let packets_seen = tcp.packets().unwrap_or_default();
    let repeated = packets_seen.iter().find(|(packet, reading)| {
        packet.direction == Direction::ClientToServer && reading.again && reading.payload > 0
    });
    let Some((repeated, _)) = repeated else { return false };
    let asked = tcp.exchanges().filter_map(|one| one.sent.first()).min();
    let acknowledged = packets(tcp, |packet, _| {
        packet.direction == Direction::ServerToClient
            && asked.is_some_and(|asked| packet.sent > *asked)
            && packet.arrivals.iter().any(|arrival| arrival.at < repeated.sent)
    });
    lost < repeated.sent && acknowledged == 0
}
