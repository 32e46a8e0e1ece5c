//! Whether files come as they are.

use sha2::{Digest, Sha256};
use socklab::protocol::Ending;
use socklab::service::files::{CHANGED, hexadecimal};

use crate::chat::shelves::bytes;
use crate::chat::visit::{Fetch, Outcome};
use crate::story::Story;
use crate::traffic::Traffic;
use crate::world::Act;

/// A file that is said to be whole is one that the server has had, and has the SHA-256 that was
/// announced; of any other there is the beginning.
pub(super) fn files_are_intact(story: &Story, _: &Traffic) -> Vec<String> {
    let editions = story.world.script.iter().filter(|(_, act)| *act == Act::NewFiles).count();
    let mut wrong = Vec::new();
    for visit in &story.visits {
        for fetch in &visit.fetches {
            if let Some(what) = judged(fetch, editions, story) {
                let (client, count) = (visit.client, fetch.bytes.len());
                let (ended, outcome) = (fetch.ended, &fetch.outcome);
                wrong.push(format!(
                    "client {client} at {ended}: {count} bytes, {outcome:?}, {what}"
                ));
            }
        }
    }
    wrong
}

fn judged(fetch: &Fetch, editions: usize, story: &Story) -> Option<&'static str> {
    let files = story.world.chat.as_ref().is_some_and(|chat| chat.files);
    let impostor = story.world.script.iter().any(|(_, act)| *act == Act::Impostor);
    let begins = |edition| bytes(fetch.file, edition).starts_with(&fetch.bytes);
    let announced = |edition| {
        let digest = hexadecimal(&Sha256::digest(bytes(fetch.file, edition)));
        fetch.announced == Some(digest)
    };
    let Some(edition) = (0..=editions).find(|edition| announced(*edition)) else {
        return (fetch.announced.is_some() || !fetch.bytes.is_empty()).then_some("not announced");
    };
    if !begins(edition) {
        return Some("which are not its beginning");
    }
    let whole = fetch.bytes.len() == bytes(fetch.file, edition).len();
    match &fetch.outcome {
        Outcome::Whole if !whole => Some("which are not all"),
        Outcome::Line(line) if files && line != CHANGED => Some("which is no reason"),
        Outcome::Line(line) if line == CHANGED && editions == 0 => Some("which it has not"),
        Outcome::Ended(Ending::ProtocolError(_)) if !impostor => {
            Some("which the server never says")
        }
        _ => None,
    }
}
