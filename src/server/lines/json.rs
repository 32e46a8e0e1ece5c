//! What the transcript says to programs: docs/json.md has the list.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::words::{disconnect, dropped, sentence};
use crate::protocol::event::{Challenge, DuplicateAnswer, Event, EventKind};

/// Returns what the JSON log calls an event.
pub fn name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Connected => "connected",
        EventKind::Joined(_) => "joined",
        EventKind::Moved(_) => "moved",
        EventKind::Left { .. } => "left",
        EventKind::ContentBroken(_) => "content_broken",
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

/// Returns what the JSON log says of an event.
pub(super) fn fields(event: &Event) -> Value {
    let mut fields = json!({
        "transport": event.peer.transport.name(),
        "peer": event.peer.address.to_string(),
        "message_id": event.message_id,
    });
    let more = match &event.kind {
        EventKind::Connected => json!({}),
        EventKind::Joined(name) => json!({ "name": name }),
        EventKind::Moved(before) => json!({ "before": before.to_string() }),
        EventKind::Left { name, how } => json!({ "name": name, "reason": disconnect(*how) }),
        EventKind::ContentBroken(reason) => json!({ "reason": reason }),
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
            Challenge::NewAddress => "new_address",
        } }),
        EventKind::OutOfRange(number) => json!({ "number": number }),
        EventKind::Disconnected(how) => json!({ "reason": disconnect(*how) }),
        EventKind::Dropped(why) => json!({ "reason": dropped(*why) }),
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
        // What was said stands in `message` or in the numbers; of all else people read a sentence.
        if !matches!(
            event.kind,
            EventKind::Received(_) | EventKind::Sent(_) | EventKind::Exchange { .. }
        ) {
            fields.insert("text".to_owned(), sentence(&event.kind).into());
        }
    }
    fields
}

/// Appends a line.
pub(super) fn write_json(out: &mut Vec<u8>, at: SystemTime, event: &str, fields: Value) {
    let mut object = Map::new();
    object.insert("event".to_owned(), event.into());
    object.insert("time".to_owned(), humantime::format_rfc3339_micros(at).to_string().into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    out.extend_from_slice(Value::Object(object).to_string().as_bytes());
    out.push(b'\n');
}
