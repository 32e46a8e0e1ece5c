//! Rows about packets that no host has sent, whatever they claim.

use super::of_number;
use crate::peer::Transport;
use crate::protocol::Ending;
use crate::protocol::datagram::Semantics;
use crate::protocol::datagram::header::COOKIE_LENGTH;
use crate::scenario::Row;
use crate::scenario::log::Run;
use crate::scenario::words::{count, outcome};
use crate::testbed::Forgery;
use crate::wire::Direction;

const fn row(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: false, cell }
}

const fn seen(label: &'static str, cell: fn(&Run) -> String) -> Row {
    Row { label, needs_packets: true, cell }
}

/// Token and message id together: see the header.
const TOKEN_AND_ID: u32 = 64; // bits

/// A cookie less the two bytes that are sent in clear to everybody.
const COOKIE_HASH: u32 = 8 * (COOKIE_LENGTH as u32 - 2); // bits

/// Sequence numbers of TCP: RFC 9293 section 3.4.
const SEQUENCE_NUMBER: u32 = 32; // bits

/// Forged answers that the client took for the server's.
pub const BELIEVED: Row = seen("forged answers believed", |run| {
    format!("{} of {}", believed(run), forged(run, Forgery::Reply))
});

/// What an attacker must know beside addresses and ports.
pub const GUESS_REPLY: Row = row("to be believed, guess", |run| bits(guess_reply(run)));

/// Forged requests to stop that the server obeyed.
pub const OBEYED: Row = seen("forged 101 obeyed", |run| {
    format!("{} of {}", obeyed(run), forged(run, Forgery::Shutdown))
});

/// What an attacker must know beside addresses and ports.
pub const GUESS_SHUTDOWN: Row = row("to be obeyed, guess", |run| bits(guess_shutdown(run)));

/// How the server made sure of addresses.
pub const PROOF: Row = row("proof of address", |run| match run.column.transport {
    Transport::Tcp => count(run.clients.iter().map(|client| client.opened).sum(), "handshake"),
    Transport::Udp => match run.logged("challenged") {
        0 => "none asked".to_owned(),
        asked => count(asked, "CHALLENGE"),
    },
});

/// What came of asking once more.
pub const ONCE_MORE: Row =
    row("asked once more", |run| of_number(run, 26).map_or("-".to_owned(), outcome));

/// What became of the server.
pub const SERVER_NOW: Row = row("the server", |run| match run.server.ended {
    Some((_, Some(code))) => format!("ended, exit {code}"),
    Some((_, None)) => "was killed".to_owned(),
    None if obeyed(run) > 0 => "is stopping".to_owned(),
    None => "goes on".to_owned(),
});

/// Returns how many packets with this forgery arrived.
pub(in crate::scenario) fn forged(run: &Run, what: Forgery) -> usize {
    let way = match what {
        Forgery::Reply => Direction::ServerToClient,
        Forgery::Shutdown => Direction::ClientToServer,
    };
    let Some(trace) = &run.trace else { return 0 };
    let forged = trace.packets.iter().filter(|packet| packet.forged && packet.direction == way);
    forged.filter(|packet| !packet.arrivals.is_empty()).count()
}

/// Returns how many exchanges ended with a forged answer.
pub(in crate::scenario) fn believed(run: &Run) -> usize {
    let reply =
        |one: &Ending| matches!(one, Ending::Replied(text) if text == Forgery::Reply.text());
    run.exchanges().filter(|one| reply(&one.ending)).count()
}

/// Returns how many requests to stop the server obeyed; no client of ours has sent one.
pub(in crate::scenario) fn obeyed(run: &Run) -> usize {
    run.logged("out_of_range")
}

/// Returns whether the client's datagrams carry ids.
fn has_ids(run: &Run) -> bool {
    run.datagram.semantics != Semantics::Maybe
}

fn guess_reply(run: &Run) -> u32 {
    match run.column.transport {
        Transport::Tcp => SEQUENCE_NUMBER,
        Transport::Udp if has_ids(run) => TOKEN_AND_ID,
        Transport::Udp => 0,
    }
}

fn guess_shutdown(run: &Run) -> u32 {
    match run.column.transport {
        Transport::Tcp => SEQUENCE_NUMBER,
        Transport::Udp if run.validates => COOKIE_HASH,
        Transport::Udp => 0,
    }
}

fn bits(bits: u32) -> String {
    match bits {
        0 => "nothing".to_owned(),
        bits => format!("{bits} bits"),
    }
}
