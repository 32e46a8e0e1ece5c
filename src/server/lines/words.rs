//! What the transcript says to people of each event.

use std::fmt::Write as _;

use crate::escape::escape_into;
use crate::protocol::event::{Challenge, Disconnect, Dropped, DuplicateAnswer, EventKind};

/// Returns what the transcript says of an event, without the peer.
pub fn sentence(kind: &EventKind) -> String {
    let mut line = String::new();
    describe(&mut line, kind);
    line
}

/// Appends what the transcript says of an event, without the peer.
pub(super) fn describe(line: &mut String, kind: &EventKind) {
    match kind {
        EventKind::Connected => line.push_str("connected"),
        EventKind::Joined(name) => quoted_plainly(line, "joined as ", name),
        EventKind::Moved(before) => {
            let _ = write!(line, "goes on from a new address, {before} before");
        }
        EventKind::Left { name, how } => {
            escape_into(line, name);
            // One line of 80 columns, with the moment behind it.
            line.push_str(" left (");
            line.push_str(disconnect(*how));
            line.push(')');
        }
        EventKind::ContentBroken(reason) => quoted_plainly(line, "could not send on: ", reason),
        EventKind::Received(text) => quoted(line, "received ", text),
        EventKind::Sent(text) => quoted(line, "sent ", text),
        EventKind::Exchange { sum, .. } => {
            let (client, server, total) = (sum.client_number, sum.server_number, sum.total());
            // Writing to a string does not fail.
            let _ = write!(line, "{client} (client) + {server} (server) = {total}");
        }
        EventKind::Duplicate { attempt, answer } => {
            let answer = match answer {
                DuplicateAnswer::FromCache => "answered from the cache",
                DuplicateAnswer::StillWorking => "still working on it",
                DuplicateAnswer::TooOld => "too old, dropped",
            };
            let _ = write!(line, "duplicate (attempt {attempt}): {answer}");
        }
        EventKind::Malformed(reason) => quoted_plainly(line, "malformed: ", reason),
        EventKind::Busy(reason) => quoted_plainly(line, "turned away: ", reason),
        EventKind::Challenged(why) => {
            line.push_str("challenged: ");
            line.push_str(challenge(*why));
        }
        EventKind::OutOfRange(number) => {
            let _ = write!(line, "out-of-range number {number}: shutting down the server");
        }
        EventKind::Disconnected(how) => line.push_str(match how {
            Disconnect::Closed | Disconnect::Goodbye | Disconnect::Shutdown => "closed",
            Disconnect::Reset => "reset by the client",
            Disconnect::Idle => "closed: idle for too long",
            Disconnect::Stalled => "closed: it did not take our replies",
        }),
        EventKind::Dropped(why) => {
            line.push_str("dropped: ");
            line.push_str(dropped(*why));
        }
    }
}

fn quoted(line: &mut String, what: &str, text: &str) {
    line.push_str(what);
    line.push('"');
    escape_into(line, text);
    line.push('"');
}

fn quoted_plainly(line: &mut String, what: &str, text: &str) {
    line.push_str(what);
    escape_into(line, text);
}

/// Says in a word how a conversation ended.
pub(super) fn disconnect(how: Disconnect) -> &'static str {
    match how {
        Disconnect::Closed => "closed",
        Disconnect::Reset => "reset",
        Disconnect::Idle => "idle",
        Disconnect::Stalled => "stalled",
        Disconnect::Goodbye => "goodbye",
        Disconnect::Shutdown => "shutdown",
    }
}

fn challenge(why: Challenge) -> &'static str {
    match why {
        Challenge::Sensitive => "that needs a proven address",
        Challenge::ReplyTooLarge => "so large a reply needs a proven address",
        Challenge::MemoryShort => "memory is short, a new client must prove its address",
        Challenge::NewAddress => "its session comes from a new address",
    }
}

/// Says why a datagram was dropped.
pub(super) fn dropped(why: Dropped) -> &'static str {
    use crate::protocol::datagram::header::HeaderError;
    match why {
        Dropped::Header(HeaderError::Short) => "shorter than its header",
        Dropped::Header(HeaderError::UnknownType) => "unknown type",
        Dropped::Header(HeaderError::Length) => "its length field lies",
        Dropped::NotForServers => "not a datagram for servers",
        Dropped::ReplyTooLarge => "the reply is too large for an unproven address",
        Dropped::ChallengeLimit => "too many challenges this second",
        Dropped::TooMuchWork => "too much work is held back",
    }
}
