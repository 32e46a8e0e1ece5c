//! One file on its way into the folder: what is there already, what comes, and its place in the end.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::part::{Part, digest_of};
use super::{SaveConfig, SavedFile, bytes, kept};
use crate::cli::Failure;
use crate::client::fetch::Sink;
use crate::escape::escape;
use crate::protocol::RequesterEvent;
use crate::scenario::words::thousands;
use crate::service::files::{BEYOND_THE_END, CHANGED, GetRequest, Head, is_plain, version};
use crate::time::Timestamp;

/// When to begin to show progress: what is over sooner needs none.
const PATIENCE: Duration = Duration::from_secs(1);

/// One file on its way into the folder.
pub(super) struct Saving<'a> {
    name: &'a str,
    config: SaveConfig<'a>,
    watch: &'a mut dyn FnMut(&RequesterEvent),
    /// There is a file of this name already: SHA-256 and length. Nothing is written, only compared.
    here: Option<(String, u64)>,
    part: Option<Part>,
    /// Bytes of the part before we asked.
    before: u64,
    /// What the server has announced.
    length: u64,
    digest: Option<String>,
    failure: Option<Failure>,
    began: Timestamp,
    bar: Option<ProgressBar>,
}

impl<'a> Saving<'a> {
    /// Nothing has been looked at, and nothing asked.
    pub(super) fn new(
        name: &'a str,
        config: SaveConfig<'a>,
        watch: &'a mut dyn FnMut(&RequesterEvent),
    ) -> Self {
        Saving {
            name,
            config,
            watch,
            here: None,
            part: None,
            before: 0,
            length: 0,
            digest: None,
            failure: None,
            began: config.clock.now(),
            bar: None,
        }
    }

    /// Finds out what is here already, and returns what to ask for.
    pub(super) fn look_around(&mut self) -> Result<String, Failure> {
        self.compare_with_what_is_here()?;
        let name = self.name;
        if let Some((digest, length)) = &self.here {
            let version = Some(version(digest));
            return Ok(GetRequest { name, offset: *length, version }.format());
        }
        self.part = Part::find(self.config.folder, name)?;
        Ok(match &self.part {
            Some(part) => {
                self.before = part.length();
                let version = Some(part.version());
                GetRequest { name, offset: self.before, version }.format()
            }
            None => GetRequest { name, offset: 0, version: None }.format(),
        })
    }

    fn compare_with_what_is_here(&mut self) -> Result<(), Failure> {
        let path = self.path();
        self.here = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&path, &error)),
            Ok(found) if !found.is_file() => return Err(self.another_is_here()),
            Ok(_) => {
                let opened = File::open(&path).and_then(|file| digest_of(&file));
                let (hash, length) = opened.map_err(|error| unreadable(&path, &error))?;
                Some((hash, length))
            }
        };
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.config.folder.join(self.name)
    }

    /// Returns whether an answer means that what we have is a part of another version.
    pub(super) fn is_outdated(&self, line: &str) -> bool {
        let nothing_new = self.part.as_ref().is_some_and(|part| part.length() == self.before);
        nothing_new && self.digest.is_none() && (line == CHANGED || line == BEYOND_THE_END)
    }

    /// Returns whether an answer means that the file that is here is not the server's.
    pub(super) fn differs_from_what_is_here(&self, line: &str) -> bool {
        line == CHANGED && self.here.is_some()
    }

    /// Throws the part away, and returns what to ask for.
    pub(super) fn start_anew(&mut self) -> String {
        if let Some(part) = self.part.take() {
            part.remove();
        }
        self.before = 0;
        GetRequest { name: self.name, offset: 0, version: None }.format()
    }

    /// Returns what is kept of a file that did not come whole.
    pub(super) fn kept(&self) -> Option<String> {
        let part = self.part.as_ref()?;
        Some(kept(part.length(), part.path()))
    }

    /// Puts the whole file into its place.
    pub(super) fn finish(&mut self) -> Result<SavedFile, Failure> {
        let name = self.name.to_owned();
        let Some(part) = self.part.take() else {
            let here = self.here.take().filter(|(digest, length)| {
                let same = self.digest.as_ref().is_none_or(|announced| announced == digest);
                same && *length == self.length
            });
            let (digest, length) = here.ok_or_else(|| self.another_is_here())?;
            return Ok(SavedFile { name, length, digest, was_there: true });
        };
        let (digest, length) = (part.digest(), part.length());
        if !part.is_announced(&digest, self.digest.as_deref()) {
            part.remove();
            let what = format!("{} came damaged: its SHA-256 is another", escape(&name));
            return Err(Failure::local(what, "Ask again: it is fetched from its beginning"));
        }
        match part.publish(&self.path()) {
            Ok(()) => Ok(SavedFile { name, length, digest, was_there: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(self.another_is_here())
            }
            Err(error) => Err(unwritable(&self.path(), &error)),
        }
    }

    /// Says that a file is here that must not be written over.
    pub(super) fn another_is_here(&self) -> Failure {
        let path = escape(&self.path().display().to_string());
        let what = format!("Could not save {path}: something else has this name already");
        Failure::local(what, "Move it away, or choose another folder: --save DIR")
    }

    /// Says why nothing more was taken.
    pub(super) fn unwanted(&mut self, error: &io::Error) -> Failure {
        self.failure.take().unwrap_or_else(|| unwritable(&self.path(), error))
    }

    /// Takes note of why nothing more is wanted.
    fn refuse(&mut self, failure: Failure) -> io::Error {
        let error = io::Error::other(failure.what.clone());
        self.failure = Some(failure);
        error
    }

    /// Takes the progress off the terminal.
    pub(super) fn end_progress(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self, written: u64) {
        let elapsed = self.config.clock.now().since(self.began);
        let slow = elapsed >= PATIENCE;
        if self.bar.is_none() && self.config.progress && slow && io::stderr().is_terminal() {
            self.bar = Some(progress_bar(self.length));
        }
        if let Some(bar) = &self.bar {
            bar.set_message(so_far(written, self.length, written - self.before, elapsed));
            bar.set_position(written);
        }
    }
}

impl Sink for Saving<'_> {
    fn event(&mut self, event: &RequesterEvent) {
        (self.watch)(event);
    }

    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        self.length = head.length();
        let Head::File { name, digest, .. } = head else { return Ok(()) };
        if *name != self.name || !is_plain(name) {
            let what = format!("The server sends \"{}\", which was not asked for", escape(name));
            return Err(self.refuse(Failure::local(what, "It was not saved")));
        }
        self.digest = Some((*digest).to_owned());
        if let Err(failure) = self.compare_with_what_is_here() {
            return Err(self.refuse(failure));
        }
        if self.here.is_none() {
            match Part::begin(self.config.folder, name, version(digest)) {
                Ok(part) => self.part = Some(part),
                Err(failure) => return Err(self.refuse(failure)),
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(part) = &mut self.part else { return Ok(()) };
        if let Err(error) = part.write(bytes) {
            let failure = unwritable(part.path(), &error);
            return Err(self.refuse(failure));
        }
        let written = part.length();
        self.show(written);
        Ok(())
    }
}

fn progress_bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Says how far it is. The speed is the average of what has come since we asked: no guess from the
/// last moment, after which nothing may come for seconds.
fn so_far(written: u64, length: u64, came: u64, elapsed: Duration) -> String {
    let speed = (came as f64 / elapsed.as_secs_f64()) as u64;
    format!(
        "{} of {} after {} s, {} a second",
        thousands(written as usize),
        bytes(length),
        elapsed.as_secs(),
        bytes(speed)
    )
}

/// Says that something here cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let what = format!("Could not read {}: {error}", escape(&path.display().to_string()));
    Failure::local(what, "Check that you may read it, or choose another folder: --save DIR")
}

/// Says that something here cannot be written.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let what = format!("Could not write {}: {error}", escape(&path.display().to_string()));
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Make room and ask again: what has come is kept, and goes on from there"
        }
        _ => "Check that you may write there, or choose another folder: --save DIR",
    };
    Failure::local(what, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was here before we asked has cost no time now.
    #[test]
    fn the_speed_is_the_average_of_what_has_come_since_we_asked() {
        let text = so_far(9_000, 100_000, 3_000, Duration::from_millis(1_500));
        assert_eq!(text, "9,000 of 100,000 bytes after 1 s, 2,000 bytes a second");
    }
}
