//! Rows about packets: only where they can be seen.

use crate::peer::Transport;
use crate::scenario::Row;
use crate::scenario::log::Run;
use crate::scenario::words::thousands;
use crate::testbed::Action;
use crate::trace::TracedPacket;
use crate::trace::closings::closed_first;
use crate::trace::reading::Reading;
use crate::wire::Direction;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: true, cell }
}

/// Computes a cell from the packets with their readings.
fn seen(run: &Run, say: impl FnOnce(&[(&TracedPacket, Reading)]) -> String) -> String {
    run.packets().map_or("-".to_owned(), |packets| say(&packets))
}

/// How many went each way.
pub const PACKETS: Row = row("packets, there + back", |run| {
    let metrics = run.metrics();
    match (metrics.packets_c2s, metrics.packets_s2c) {
        (Some(to), Some(back)) => format!("{} = {to} + {back}", to + back),
        _ => "-".to_owned(),
    }
});

/// Everything that IP carried.
pub const BYTES: Row =
    row("bytes of IP", |run| run.metrics().ip_bytes.map_or("-".to_owned(), thousands));

/// How many packets carried what the programs said.
pub const WITH_MESSAGES: Row = row("of these, with messages", |run| {
    seen(run, |packets| {
        let loaded: Vec<usize> =
            packets.iter().map(|(_, reading)| reading.payload).filter(|bytes| *bytes > 0).collect();
        let bytes = loaded.iter().sum::<usize>();
        format!("{}, {} bytes", loaded.len(), thousands(bytes))
    })
});

/// What left the hosts, and what of it the wire lost.
pub const SENT_AND_LOST: Row = row("packets sent, lost", |run| {
    seen(run, |packets| {
        let lost = packets.iter().filter(|(packet, _)| packet.lost.is_some()).count();
        format!("{}, {}", thousands(packets.len()), thousands(lost))
    })
});

/// What left the hosts, and what of it the wire doubled.
pub const SENT_AND_DOUBLED: Row = row("packets sent, doubled", |run| {
    seen(run, |packets| {
        let doubled = packets.iter().filter(|(packet, _)| packet.duplicated.is_some()).count();
        format!("{}, {}", thousands(packets.len()), thousands(doubled))
    })
});

/// Bytes of messages that were sent again.
pub const BYTES_AGAIN: Row = row("bytes of it sent again", |run| {
    seen(run, |packets| {
        let again = packets.iter().filter(|(_, reading)| reading.again);
        thousands(again.map(|(_, reading)| reading.payload).sum())
    })
});

/// How many packets carried what the program sent: what TCP's stack sends again it adds by itself.
pub const WITH_REQUESTS: Row = row("packets that carried them", |run| {
    let adds = run.column.transport == Transport::Tcp;
    seen(run, |packets| {
        let carried = packets.iter().filter(|(packet, reading)| {
            packet.direction == Direction::ClientToServer
                && reading.payload > 0
                && !(adds && reading.again)
        });
        carried.count().to_string()
    })
});

/// What the client sent after the wire had been cut.
pub const AFTER_THE_CUT: Row = row("packets it sent after the cut", |run| {
    let cut = run.server.acted.iter().find(|(_, action)| *action == Action::Cut);
    let Some((cut, _)) = cut else { return "-".to_owned() };
    let ended = run.ended;
    seen(run, |packets| {
        let after = packets.iter().filter(|(packet, _)| {
            packet.direction == Direction::ClientToServer && (*cut..ended).contains(&packet.sent)
        });
        after.count().to_string()
    })
});

/// Connections whose client said FIN first and is left with the pair of addresses.
pub const TIME_WAIT: Row = row("left in TIME-WAIT", |run| match run.column.transport {
    Transport::Udp => "nothing".to_owned(),
    Transport::Tcp => run.trace.as_ref().map_or("-".to_owned(), |trace| {
        let (clients, servers) = closed_first(trace);
        match (clients, servers) {
            (0, 0) => "nothing".to_owned(),
            (clients, 0) => format!("{clients} at the client"),
            (0, servers) => format!("{servers} at the server"),
            (clients, servers) => format!("{clients} and {servers} (server)"),
        }
    }),
});
