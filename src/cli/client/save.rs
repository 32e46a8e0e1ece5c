//! Saving a file that the server sends: under the name that was asked for, never over another file,
//! and so that what has come is not fetched again.

mod part;
mod saving;

use std::fmt;
use std::io;
use std::path::Path;

use crate::cli::Failure;
use crate::client::Conversation;
use crate::client::fetch::{FetchConfig, Fetched, fetch};
use crate::escape::escape;
use crate::net::Net;
use crate::protocol::{Ending, RequesterEvent};
use crate::scenario::words::thousands;
use crate::service::files::is_plain;
use crate::time::Clock;
use saving::Saving;

/// Where files are saved, and how they are fetched.
#[derive(Debug, Clone, Copy)]
pub struct SaveConfig<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// How to fetch.
    pub fetch: FetchConfig,
    /// Whether to show on standard error, if that is a terminal, how far it is.
    pub progress: bool,
    /// Tells when it takes long.
    pub clock: Clock,
}

/// What came of asking for a file.
#[derive(Debug)]
pub enum Saved {
    /// It is in the folder.
    File(SavedFile),
    /// The server said something else: an error, or an answer to text that is no file's name.
    Line(String),
    /// An exchange ended without an answer. Where a part of the file is kept, if one came.
    Ended(Ending, Option<String>),
    /// It could not be saved. The conversation is to be reset: the rest may still be on its way.
    Failed(Failure),
}

/// A file that is in the folder now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub length: u64,
    /// Its SHA-256, in hexadecimal.
    pub digest: String,
    /// It was there before, and is the same: nothing was written.
    pub was_there: bool,
}

impl fmt::Display for SavedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SavedFile { name, length, digest, was_there } = self;
        let (name, length) = (escape(name), bytes(*length));
        match was_there {
            true => write!(formatter, "Here already, and the same: {name}, {length}"),
            false => write!(formatter, "Saved {name}, {length}, SHA-256 {}...", start(digest)),
        }
    }
}

/// Asks what was typed, `get NAME` or text that may name a file, and saves the file that comes.
/// Nothing else may be outstanding in the conversation.
///
/// If it is dropped, what has come stays, and the next call goes on from there.
///
/// # Errors
/// If the system cannot send or receive.
pub async fn ask_and_save<N: Net>(
    conversation: &mut Conversation<N>,
    typed: &str,
    config: SaveConfig<'_>,
) -> io::Result<Saved> {
    ask_and_save_watched(conversation, typed, config, &mut |_| {}).await
}

/// As [`ask_and_save`]; `watch` hears of everything that happens in the conversation meanwhile.
///
/// # Errors
/// If the system cannot send or receive.
pub async fn ask_and_save_watched<N: Net>(
    conversation: &mut Conversation<N>,
    typed: &str,
    config: SaveConfig<'_>,
    watch: &mut dyn FnMut(&RequesterEvent),
) -> io::Result<Saved> {
    let name = name_of(typed);
    let mut saving = Saving::new(name, config, watch);
    let request = match is_get(typed) && is_plain(name) {
        true => saving.look_around(),
        false => Ok(typed.to_owned()),
    };
    let mut request = match request {
        Ok(request) => request,
        Err(failure) => return Ok(Saved::Failed(failure)),
    };
    loop {
        let fetched = fetch(conversation, &request, config.fetch, &mut saving).await?;
        saving.end_progress();
        match fetched {
            // The part is of a version that is no more.
            Fetched::Line(line) if saving.is_outdated(&line) => request = saving.start_anew(),
            Fetched::Line(line) if saving.differs_from_what_is_here(&line) => {
                return Ok(Saved::Failed(saving.another_is_here()));
            }
            Fetched::Line(line) => return Ok(Saved::Line(line)),
            Fetched::Ended(ending) => return Ok(Saved::Ended(ending, saving.kept())),
            Fetched::Unwanted(error) => return Ok(Saved::Failed(saving.unwanted(&error))),
            Fetched::Whole => {
                return Ok(saving.finish().map_or_else(Saved::Failed, Saved::File));
            }
        }
    }
}

/// Returns the name of the file that is asked for, if what was typed names one.
pub(super) fn name_of(typed: &str) -> &str {
    // The server, too, makes nothing of spaces around it.
    let typed = typed.trim();
    typed.strip_prefix("get ").unwrap_or(typed).trim()
}

/// Returns whether a file is asked for, whatever comes.
pub(super) fn is_get(typed: &str) -> bool {
    typed.trim_start().starts_with("get ")
}

/// Returns what is kept in a folder of a file that has not come whole.
pub(super) fn kept_in(folder: &Path, name: &str) -> Option<String> {
    let (length, version) = part::longest(folder, name).ok()??;
    Some(kept(length, &part::path_of(folder, name, &version)))
}

/// Says where the beginning of a file is, and what to do with it.
fn kept(length: u64, path: &Path) -> String {
    let (length, path) = (bytes(length), escape(&path.display().to_string()));
    format!("{length} are kept in {path};\nget it again: it goes on from there")
}

/// Returns as much of a SHA-256 as people compare.
fn start(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

fn bytes(count: u64) -> String {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    format!("{} {}", thousands(count), if count == 1 { "byte" } else { "bytes" })
}
