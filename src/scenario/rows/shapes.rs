//! Rows about where messages begin and end, how long they may be, and how a conversation ends.

use super::of_number;
use crate::peer::Transport;
use crate::protocol::framing::Framing;
use crate::scenario::Row;
use crate::scenario::log::Run;
use crate::scenario::metrics::sum;
use crate::scenario::words::{count, how_short, short};
use crate::wire::Direction;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

const fn seen(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: true, cell }
}

/// How often the program sent.
pub const SENDS: Row = row("sends of the program", |run| {
    run.exchanges().map(|one| one.sent.len()).sum::<usize>().to_string()
});

/// What the server took for messages.
pub const FOUND: Row = row("messages the server found", |run| {
    let (found, malformed) = (run.logged("exchange"), run.logged("malformed"));
    match (malformed, run.logged("duplicate")) {
        (0, 0) => found.to_string(),
        (0, copies) => format!("{found}, and {}", count_copies(copies)),
        (_, _) => format!("{found}, and {malformed} that is none"),
    }
});

fn count_copies(copies: usize) -> String {
    match copies {
        1 => "1 copy".to_owned(),
        _ => format!("{copies} copies"),
    }
}

/// What it made of the first.
pub const FIRST_FOUND: Row = row("what it says of the first", |run| {
    let first = run
        .server
        .events
        .iter()
        .find(|event| event.executed.is_some() || event.event == "malformed");
    first.and_then(|event| event.in_ladder()).unwrap_or_else(|| "-".to_owned())
});

/// What tells one message from the next.
pub const CUT_BY: Row = row("what tells them apart", |run| match run.column.transport {
    Transport::Udp => "each datagram is one".to_owned(),
    Transport::Tcp if run.framing == Framing::Raw => "nothing".to_owned(),
    Transport::Tcp => "the line end of each".to_owned(),
});

/// What became of the largest datagram that fits one packet; the exchange's number tells it.
pub const BYTES_1472: Row = seen("1,472 bytes", of_size::<11>);

/// What became of one byte more.
pub const BYTES_1473: Row = seen("1,473 bytes", of_size::<12>);

/// What became of some packets full.
pub const BYTES_8000: Row = seen("8,000 bytes", of_size::<13>);

/// What became of the largest datagram.
pub const BYTES_65507: Row = seen("65,507 bytes", of_size::<14>);

/// What became of more than a datagram holds.
pub const BYTES_65508: Row = seen("65,508 bytes", of_size::<15>);

fn of_size<const NUMBER: i64>(run: &Run) -> String {
    let refused = run.clients.iter().flat_map(|client| &client.not_sent);
    if let Some((_, why)) = refused.into_iter().find(|(other, _)| *other == NUMBER) {
        return why.clone();
    }
    let Some(one) = of_number(run, NUMBER) else { return "-".to_owned() };
    let Some(packets) = run.packets() else { return "-".to_owned() };
    let carried = packets.iter().filter(|(packet, reading)| {
        packet.direction == Direction::ClientToServer
            && (one.asked..one.ended).contains(&packet.sent)
            && reading.payload > 0
    });
    // On a wire without delay nothing tells one exchange's packets from the next one's.
    let carried = (one.ended > one.asked).then(|| count(carried.count(), "packet") + ", ");
    let end = match one.is_replied() {
        true if sum(one).is_none() => "not understood".to_owned(),
        true => "answered".to_owned(),
        false => one.ending.name().replace('_', " "),
    };
    carried.unwrap_or_default() + &end
}

/// What arithmetic says: all pieces must arrive.
pub const FRAGMENT_THEORY: Row = row("theory, at 5 % loss of packets", |run| {
    const LOSS: f64 = 0.05;
    /// What of a datagram fits a packet: 1500 bytes less the IP header.
    const PIECE: usize = 1480;
    let pieces = (8000_usize + 8).div_ceil(PIECE);
    match run.column.transport {
        Transport::Tcp => "only the piece is repeated".to_owned(),
        Transport::Udp => {
            let all = (1.0 - LOSS).powi(i32::try_from(pieces).unwrap_or(i32::MAX)) * 100.0;
            format!("0.95^{pieces} = {all:.1} % arrive")
        }
    }
});

/// How the client says that it will ask no more.
pub const SAYS_NO_MORE: Row =
    row("\"no more questions\" is said by", |run| match run.column.transport {
        Transport::Tcp => "FIN".to_owned(),
        Transport::Udp => "nothing: UDP has no end".to_owned(),
    });

/// Answers that came although it had said so.
pub const ANSWERS_AFTER_IT: Row = row("answers after that", |run| {
    let said = run.clients.iter().find_map(|client| client.half_closed);
    let after = run.exchanges().filter(|one| one.is_replied() && Some(one.ended) > said).count();
    after.to_string()
});

/// How the client learned that the server has finished too.
pub const SERVER_FINISHED: Row = row("\"and nothing more will come\"", |run| {
    let client = run.clients.first();
    match client.and_then(|client| client.learned.zip(client.half_closed)) {
        Some(((at, how), said)) => {
            format!("{}, {} after it", how_short(how), short(at.since(said)))
        }
        None => "nobody says so".to_owned(),
    }
});

/// What a client sends that hangs up at once.
pub const HANGS_UP_BY: Row = row("hangs up by", |run| match run.column.transport {
    Transport::Tcp => "RST".to_owned(),
    Transport::Udp => "closing its socket; nothing is sent".to_owned(),
});

/// What the server noticed of it.
pub const SERVER_NOTICED: Row = row("the server notices", |run| {
    let how = run.server.events.iter().find(|event| event.event == "disconnected");
    how.map_or("nothing".to_owned(), |event| event.text.clone())
});
