//! The lines of the transcript, as text for people and as JSON Lines for programs.

mod json;
mod words;

use std::net::SocketAddr;
use std::time::SystemTime;

use serde_json::{Value, json};

pub use json::name;
use json::{fields, write_json};
pub use words::sentence;
use words::{describe, dropped};

use crate::peer::{Peer, Transport};
use crate::protocol::event::{Dropped, Event, EventKind};
use crate::time::written;

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
        EventKind::ContentBroken(reason) => Some(format!("could not send on: {reason}")),
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
            Format::Text | Format::ColourText => self.event_text(out, at, event),
            Format::Nothing => {}
        }
    }

    fn event_text(&mut self, out: &mut Vec<u8>, at: SystemTime, event: &Event) {
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
        if let EventKind::Left { .. } = event.kind {
            line.push_str(" at ");
            line.push_str(&written(at));
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::event::{Challenge, Disconnect};

    fn line(peer: Peer, kind: EventKind, format: Format) -> String {
        // 2025-02-08 20:08:47.904069 UTC
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_739_045_327_904_069);
        let mut out = Vec::new();
        let event = Event { peer, message_id: None, kind };
        Lines::new(format).event(&mut out, at, &event);
        String::from_utf8(out).expect("text")
    }

    fn tcp() -> Peer {
        Peer::tcp("127.0.0.1:54321".parse().expect("an address"))
    }

    fn left(how: Disconnect) -> EventKind {
        EventKind::Left { name: "Client01".to_owned(), how }
    }

    #[test]
    fn the_life_of_a_session_reads_as_sentences() {
        let before = "127.0.0.1:54320".parse().expect("an address");
        for (kind, expected) in [
            (EventKind::Joined("Client01".to_owned()), "joined as Client01"),
            (EventKind::Moved(before), "goes on from a new address, 127.0.0.1:54320 before"),
            (
                left(Disconnect::Goodbye),
                "Client01 left (goodbye) at 2025-02-08 20:08:47.904069 UTC",
            ),
            (
                EventKind::Busy("server full (3 clients)".to_owned()),
                "turned away: server full (3 clients)",
            ),
            (
                EventKind::ContentBroken("the file has changed".to_owned()),
                "could not send on: the file has changed",
            ),
        ] {
            let line = line(tcp(), kind, Format::Text);
            assert_eq!(
                line.trim_start_matches("[WARNING] "),
                format!("tcp 127.0.0.1:54321 {expected}\n")
            );
        }
    }

    #[test]
    fn a_line_about_a_session_fits_80_columns() {
        let ways = [
            Disconnect::Closed,
            Disconnect::Reset,
            Disconnect::Idle,
            Disconnect::Stalled,
            Disconnect::Goodbye,
            Disconnect::Shutdown,
        ];
        let moved = EventKind::Moved("127.0.0.1:54320".parse().expect("an address"));
        let challenged = EventKind::Challenged(Challenge::NewAddress);
        for kind in ways.map(left).into_iter().chain([moved, challenged]) {
            let line = line(tcp(), kind, Format::Text);
            assert!(line.trim_end().chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn json_names_what_people_read() {
        let json = |kind| -> Value {
            serde_json::from_str(&line(tcp(), kind, Format::Json)).expect("an object")
        };
        let joined = json(EventKind::Joined("Client01".to_owned()));
        assert_eq!((&joined["event"], &joined["name"]), (&json!("joined"), &json!("Client01")));
        let left = json(left(Disconnect::Goodbye));
        assert_eq!((&left["event"], &left["name"]), (&json!("left"), &json!("Client01")));
        assert_eq!(
            (&left["reason"], &left["time"]),
            (&json!("goodbye"), &json!("2025-02-08T20:08:47.904069Z"))
        );
        let moved = json(EventKind::Moved("127.0.0.1:54320".parse().expect("an address")));
        assert_eq!(
            (&moved["event"], &moved["before"]),
            (&json!("moved"), &json!("127.0.0.1:54320"))
        );
    }
}
