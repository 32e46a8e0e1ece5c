//! What leaves, and when.

use std::collections::BTreeMap;

use socklab::peer::Transport;
use socklab::protocol::datagram::Semantics;
use socklab::protocol::parameters::{MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN};
use socklab::wire::Direction;

use super::over;
use crate::story::Story;
use crate::traffic::Traffic;
use crate::world::ms;

/// PROTOCOL section 3, Client: the bytes of a copy are the same but for the attempt (and the cookie,
/// once there is one); a request keeps its id, and an id its request.
pub(super) fn copies_are_alike(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ids = BTreeMap::new();
    for (key, copies) in &traffic.copies {
        let Some(first) = copies.first() else { continue };
        let mut attempt = 0;
        // Others may use an id that they overheard.
        for copy in copies.iter().filter(|copy| copy.from == first.from) {
            attempt += 1;
            let same = copy.text == first.text
                && copy.header.idempotent == first.header.idempotent
                && copy.header.attempt == attempt;
            if !same && story.asked.iter().any(|asked| asked.text.as_bytes() == first.text) {
                wrong.push(format!("copy {attempt} of {key:?} is another: {copy:?}"));
            }
        }
        if let Some(other) = ids.insert(&first.text, key)
            && first.text.starts_with(b"c")
        {
            let text = String::from_utf8_lossy(&first.text);
            wrong.push(format!("{text} left as {other:?} and as {key:?}"));
        }
    }
    wrong
}

/// PROTOCOL section 3, Client: timeouts double from one that is stretched by 1 to 1.5, up to 8 s; no
/// copy later than 25 s after the first; no more than the limit.
pub(super) fn copies_leave_in_time(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in over(story, Transport::Udp) {
        let talk = story.talk(asked);
        let Some((_, exchange)) = &asked.ended else { continue };
        if asked.copies.len() != usize::from(exchange.attempts) {
            wrong.push(format!("{} left {} times: {exchange:?}", asked.text, asked.copies.len()));
        }
        let most = match talk.semantics {
            Semantics::Maybe => 0,
            _ => talk.retransmissions.unwrap_or(u8::MAX),
        };
        if exchange.retransmissions > most {
            wrong.push(format!("{} was repeated more than {most} times", asked.text));
        }
        if let (Some(first), Some(last)) = (asked.copies.first(), asked.copies.last())
            && last.since(*first) > MAX_TRANSMIT_SPAN + ms(1)
        {
            wrong.push(format!("a copy of {} left after {:?}", asked.text, last.since(*first)));
        }
        // A cookie brings a copy out of turn.
        if exchange.attempts == exchange.retransmissions + 1 {
            let mut shortest = talk.retransmission_timeout;
            for pair in asked.copies.windows(2) {
                let gap = pair[1].since(pair[0]);
                let longest = (shortest * 3 / 2).min(MAX_RETRANSMISSION_TIMEOUT);
                if gap + ms(1) < shortest.min(MAX_RETRANSMISSION_TIMEOUT) || gap > longest + ms(2) {
                    wrong.push(format!("{} was repeated after {gap:?}", asked.text));
                }
                shortest = (shortest * 2).min(MAX_RETRANSMISSION_TIMEOUT);
            }
        }
    }
    wrong
}

/// What an unproven address may be sent, as a multiple of what came from it: RFC 9000 section 8.1. The
/// program's own number would allow whatever the program does.
const MOST: usize = 3;

/// PROTOCOL section 3 (RFC 9000 section 8.1): an address that has proven nothing is sent at most
/// three times what came from it.
pub(super) fn no_amplification(story: &Story, traffic: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    if !story.world.server.validate {
        return wrong;
    }
    for (client, bytes) in traffic.bytes.iter().filter(|(one, _)| !traffic.proven.contains(one)) {
        let (mut came, mut sent) = (0, 0);
        for (at, direction, length) in bytes {
            match direction {
                Direction::ClientToServer => came += length,
                Direction::ServerToClient => sent += length,
            }
            if sent > MOST * came {
                wrong.push(format!("by {at}, {client} had sent {came} bytes and got {sent}"));
                break;
            }
        }
    }
    wrong
}
