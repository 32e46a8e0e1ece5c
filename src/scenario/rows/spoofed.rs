//! Rows about packets that no host has sent, whatever they claim.

use super::of_number;
use crate::packet::Packet;
use crate::peer::Transport;
use crate::protocol::Ending;
use crate::protocol::datagram::Semantics;
use crate::protocol::datagram::header::COOKIE_LENGTH;
use crate::scenario::Row;
use crate::scenario::log::{ExchangeLog, Run};
use crate::scenario::metrics::sum;
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

/// The most by which a window may be shifted: RFC 7323 section 2.3.
const MOST_SHIFT: u8 = 14;

/// Sequence numbers of TCP: RFC 9293 section 3.4.
const SEQUENCE_NUMBER: u32 = 32; // bits

/// Forged answers that the client took for the server's, and for the answer to what.
pub const BELIEVED: Row = seen("forged answers believed", |run| {
    let met = deceived(run).next().map_or(String::new(), |one| format!(", for {}", one.number));
    format!("{} of {}{met}", believed(run), forged(run, Forgery::Reply))
});

/// The sum at both ends: of the question that a forged answer met, or of the first.
pub const SUMS: Row = row("sum at client, at server", |run| {
    let answered = || run.exchanges().find(|one| sum(one).is_some());
    let Some(one) = deceived(run).next().or_else(answered) else { return "none".to_owned() };
    let Some(client) = sum(one) else { return "none".to_owned() };
    let mut executed = run.server.events.iter().filter_map(|event| event.executed.as_ref());
    match executed.rfind(|executed| executed.client_number == one.number) {
        Some(server) if server.sum == client => format!("{client}, {} agree", server.sum),
        Some(server) => format!("{client}, {} DIFFER", server.sum),
        None => format!("{client}, none"),
    }
});

/// What an attacker must know beside addresses and ports.
pub const GUESS_REPLY: Row = row("to be believed, guess", guess_reply);

/// Forged requests to stop that the server obeyed.
pub const OBEYED: Row = seen("forged 101 obeyed", |run| {
    format!("{} of {}", obeyed(run), forged(run, Forgery::Shutdown))
});

/// What an attacker must know beside addresses and ports.
pub const GUESS_SHUTDOWN: Row = row("to be obeyed, guess", guess_shutdown);

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

/// Returns the exchanges that ended with a forged answer.
pub(in crate::scenario) fn deceived(run: &Run) -> impl Iterator<Item = &ExchangeLog> {
    let reply =
        |one: &Ending| matches!(one, Ending::Replied(text) if text == Forgery::Reply.text());
    run.exchanges().filter(move |one| reply(&one.ending))
}

/// Returns how many exchanges ended with a forged answer.
pub(in crate::scenario) fn believed(run: &Run) -> usize {
    deceived(run).count()
}

/// Returns how many requests to stop the server obeyed; no client of ours has sent one.
pub(in crate::scenario) fn obeyed(run: &Run) -> usize {
    run.logged("out_of_range")
}

/// Returns whether the client's datagrams carry ids.
fn has_ids(run: &Run) -> bool {
    run.datagram.semantics != Semantics::Maybe
}

fn guess_reply(run: &Run) -> String {
    match run.column.transport {
        Transport::Tcp => guess_sequence(run, Forgery::Reply),
        Transport::Udp if has_ids(run) => bits(TOKEN_AND_ID),
        Transport::Udp => bits(0),
    }
}

fn guess_shutdown(run: &Run) -> String {
    match run.column.transport {
        Transport::Tcp => guess_sequence(run, Forgery::Shutdown),
        Transport::Udp if run.validates => bits(COOKIE_HASH),
        Transport::Udp => bits(0),
    }
}

/// Says what of a sequence number must be guessed: of data any inside the window will do, of a RST
/// only the next one (RFC 5961 section 3.2).
fn guess_sequence(run: &Run, what: Forgery) -> String {
    match window(run, what) {
        Some(window) if window > 0 => {
            let of_data = (f64::from(SEQUENCE_NUMBER) - f64::from(window).log2()).round();
            format!("{of_data} bits (RST {SEQUENCE_NUMBER})")
        }
        _ => "-".to_owned(),
    }
}

/// Returns the window that a forged packet met: what its receiver had last offered.
fn window(run: &Run, what: Forgery) -> Option<u32> {
    let trace = run.trace.as_ref()?;
    let offers = match what {
        Forgery::Reply => Direction::ClientToServer,
        Forgery::Shutdown => Direction::ServerToClient,
    };
    let attack = trace.packets.iter().find(|packet| packet.forged && packet.direction != offers);
    let met = attack.and_then(|packet| packet.arrivals.first()).map(|arrival| arrival.at);
    let own = trace.packets.iter().filter(|packet| !packet.forged && packet.direction == offers);
    let (mut scale, mut window) = (0, None);
    for packet in own.take_while(|packet| met.is_none_or(|met| packet.sent <= met)) {
        let Packet::Tcp(segment) = Packet::parse(&packet.bytes) else { continue };
        match segment.syn {
            // Of the SYN itself it is never shifted.
            true => {
                (scale, window) =
                    (segment.window_scale.unwrap_or_default(), Some(segment.window.into()))
            }
            false => window = Some(u32::from(segment.window) << scale.min(MOST_SHIFT)),
        }
    }
    window
}

fn bits(bits: u32) -> String {
    match bits {
        0 => "nothing".to_owned(),
        bits => format!("{bits} bits"),
    }
}
