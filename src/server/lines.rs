//! The lines of the transcript, as text for people and as JSON Lines for programs.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::escape::escape_into;
use crate::peer::{Peer, Transport};
use crate::protocol::event::{Challenge, Disconnect, Dropped, DuplicateAnswer, Event, EventKind};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For people, warnings in colour.
    ColourText,
    /// One JSON object in a line.
    Json,
    /// Not at all.
    Nothing,
}

/// Writes lines; remembers what it needs to write the next one quickly.
#[derive(Debug)]
pub(super) struct Lines {
    format: Format,
    /// The peer of the line before, and how it prints: it is often the same.
    peer: Option<Peer>,
    peer_text: String,
    line: String,
}

/// Returns what a warning is about, whoever caused it; `None` if the event is none.
pub(super) fn warning(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Malformed(reason) => Some(format!("malformed: {reason}")),
        EventKind::Busy(reason) => Some(format!("turned away: {reason}")),
        EventKind::OutOfRange(number) => Some(format!("out-of-range number {number}")),
        EventKind::Dropped(Dropped::ReplyTooLarge) => {
            Some(dropped(Dropped::ReplyTooLarge).to_owned())
        }
        _ => None,
    }
}

impl Lines {
    pub(super) fn new(format: Format) -> Self {
        Lines { format, peer: None, peer_text: String::new(), line: String::new() }
    }

    /// `Server is ready to receive on tcp 127.0.0.1:12000`
    pub(super) fn ready(
        &mut self,
        out: &mut Vec<u8>,
        at: SystemTime,
        transport: Transport,
        address: SocketAddr,
    ) {
        let text = format!("Server is ready to receive on {transport} {address}");
        let json = || json!({ "transport": transport.name(), "address": address.to_string(), "text": text });
        self.line(out, at, "ready", &text, json);
    }

    pub(super) fn shutdown(
        &mut self,
        out: &mut Vec<u8>,
        at: SystemTime,
        reason: &str,
        sentence: &str,
    ) {
        // People have read the warning that says so already.
        if sentence.is_empty() && self.format != Format::Json {
            return;
        }
        self.line(out, at, "shutdown", sentence, || json!({ "reason": reason }));
    }

    pub(super) fn trouble(&mut self, out: &mut Vec<u8>, at: SystemTime, text: &str) {
        self.warning_line(out, at, text, || json!({ "text": text }));
    }

    pub(super) fn repeated(&mut self, out: &mut Vec<u8>, at: SystemTime, what: &str, count: u64) {
        let text = format!("{what} ({count} more)");
        self.warning_line(out, at, &text, || json!({ "text": what, "count": count }));
    }

    pub(super) fn dropped(&mut self, out: &mut Vec<u8>, at: SystemTime, count: u64) {
        let text = format!("{count} lines dropped: standard output stalled");
        self.warning_line(out, at, &text, || json!({ "text": text, "count": count }));
    }

    pub(super) fn event(&mut self, out: &mut Vec<u8>, at: SystemTime, event: &Event) {
        match self.format {
            Format::Json => write_json(out, at, name(&event.kind), fields(event)),
            Format::Text | Format::ColourText => self.event_text(out, event),
            Format::Nothing => {}
        }
    }

    fn event_text(&mut self, out: &mut Vec<u8>, event: &Event) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        if warning(&event.kind).is_some() {
            line.push_str(self.warning_tag());
        }
        if self.peer != Some(event.peer) {
            self.peer = Some(event.peer);
            self.peer_text = event.peer.to_string();
        }
        line.push_str(&self.peer_text);
        line.push(' ');
        describe(&mut line, &event.kind);
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
        self.line = line;
    }

    fn line(
        &mut self,
        out: &mut Vec<u8>,
        at: SystemTime,
        event: &str,
        text: &str,
        json: impl FnOnce() -> Value,
    ) {
        match self.format {
            Format::Json => write_json(out, at, event, json()),
            Format::Text | Format::ColourText => {
                out.extend_from_slice(text.as_bytes());
                out.push(b'\n');
            }
            Format::Nothing => {}
        }
    }

    fn warning_line(
        &mut self,
        out: &mut Vec<u8>,
        at: SystemTime,
        text: &str,
        json: impl FnOnce() -> Value,
    ) {
        let text = format!("{}{text}", self.warning_tag());
        self.line(out, at, "warning", &text, json);
    }

    fn warning_tag(&self) -> &'static str {
        match self.format {
            Format::ColourText => "\u{1b}[33m[WARNING]\u{1b}[0m ",
            _ => "[WARNING] ",
        }
    }
}

/// Returns what the transcript says of an event, without the peer.
pub fn sentence(kind: &EventKind) -> String {
    let mut line = String::new();
    describe(&mut line, kind);
    line
}

fn describe(line: &mut String, kind: &EventKind) {
    match kind {
        EventKind::Connected => line.push_str("connected"),
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
            Disconnect::Closed => "closed",
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

fn challenge(why: Challenge) -> &'static str {
    match why {
        Challenge::Sensitive => "that needs a proven address",
        Challenge::ReplyTooLarge => "so large a reply needs a proven address",
        Challenge::MemoryShort => "memory is short, a new client must prove its address",
    }
}

fn dropped(why: Dropped) -> &'static str {
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

/// Returns what the JSON log calls an event.
pub fn name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Connected => "connected",
        EventKind::Received(_) => "received",
        EventKind::Exchange { .. } => "exchange",
        EventKind::Sent(_) => "sent",
        EventKind::Duplicate { .. } => "duplicate",
        EventKind::Malformed(_) => "malformed",
        EventKind::Busy(_) => "busy",
        EventKind::Challenged(_) => "challenged",
        EventKind::OutOfRange(_) => "out_of_range",
        EventKind::Disconnected(_) => "disconnected",
        EventKind::Dropped(_) => "dropped",
    }
}

fn fields(event: &Event) -> Value {
    let mut fields = json!({
        "transport": event.peer.transport.name(),
        "peer": event.peer.address.to_string(),
        "message_id": event.message_id,
    });
    let more = match &event.kind {
        EventKind::Connected => json!({}),
        EventKind::Received(text) | EventKind::Sent(text) => json!({ "message": text }),
        EventKind::Exchange { client_name, server_name, sum } => json!({
            "client_name": client_name,
            "client_number": sum.client_number,
            "server_name": server_name,
            "server_number": sum.server_number,
            "sum": sum.total(),
        }),
        EventKind::Duplicate { attempt, answer } => {
            let answer = match answer {
                DuplicateAnswer::FromCache => "from_cache",
                DuplicateAnswer::StillWorking => "still_working",
                DuplicateAnswer::TooOld => "too_old",
            };
            json!({ "attempt": attempt, "answer": answer })
        }
        EventKind::Malformed(reason) | EventKind::Busy(reason) => json!({ "reason": reason }),
        EventKind::Challenged(why) => json!({ "reason": match why {
            Challenge::Sensitive => "sensitive",
            Challenge::ReplyTooLarge => "reply_too_large",
            Challenge::MemoryShort => "memory_short",
        } }),
        EventKind::OutOfRange(number) => json!({ "number": number }),
        EventKind::Disconnected(how) => json!({ "reason": match how {
            Disconnect::Closed => "closed",
            Disconnect::Reset => "reset",
            Disconnect::Idle => "idle",
            Disconnect::Stalled => "stalled",
        } }),
        EventKind::Dropped(why) => json!({ "reason": dropped(*why) }),
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
    }
    fields
}

fn write_json(out: &mut Vec<u8>, at: SystemTime, event: &str, fields: Value) {
    let mut object = Map::new();
    object.insert("event".to_owned(), event.into());
    object.insert("time".to_owned(), humantime::format_rfc3339_micros(at).to_string().into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    out.extend_from_slice(Value::Object(object).to_string().as_bytes());
    out.push(b'\n');
}
