//! The SHA-256 of files, computed where nobody waits for it and remembered as long as the file stays
//! the same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use hashlink::LruCache;
use sha2::{Digest, Sha256};

use super::directory::{OpenFile, Seen};
use crate::service::files::hexadecimal;

/// Files of no more than this are hashed on the spot: it takes no longer than sending one piece.
const SMALL: u64 = 64 * 1024; // bytes

/// Files whose SHA-256 is remembered. Our own: 200 bytes each, for folders that a class asks for.
const REMEMBERED: usize = 1024;

/// Files that wait for their SHA-256. Our own: more than a class asks for at once.
const MAX_JOBS: usize = 64;

/// What is read before the next file is chosen: a few milliseconds of work.
const STRIDE: u64 = 1024 * 1024; // bytes

/// After so many strides without a question nobody waits for a file any more: a second or more, while
/// who waits asks every 10 ms (`service::content::NOT_YET`).
const FORGOTTEN: u32 = 1000;

/// What is known of files. One thread computes, as long as there is something to compute: of those that
/// are wanted the one of which the least is missing, so that a short file passes a long one.
#[derive(Debug, Clone)]
pub(super) struct Digests(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    known: LruCache<Seen, Known>,
    jobs: Vec<Job>,
    running: bool,
}

#[derive(Debug)]
enum Known {
    Digest(Arc<str>),
    /// It could not be read to its end, for this reason.
    Unreadable(String),
}

/// A file whose SHA-256 is wanted.
#[derive(Debug)]
struct Job {
    file: Arc<OpenFile>,
    /// Where the computation stands; the thread has it while it goes on.
    hashing: Option<Hashing>,
    missing: u64, // bytes
    strides_unasked: u32,
}

/// A SHA-256 of which some bytes are missing.
#[derive(Debug, Default)]
struct Hashing {
    hash: Sha256,
    position: u64,
}

/// What is known of a file.
#[derive(Debug)]
pub(super) enum Found {
    /// Its SHA-256, in lower-case hexadecimal.
    Digest(Arc<str>),
    /// It is being computed, or will be.
    NotYet,
    /// It cannot be computed, for this reason.
    Unreadable(String),
}

impl Default for Digests {
    fn default() -> Self {
        let known = LruCache::new(REMEMBERED);
        Digests(Arc::new(Mutex::new(State { known, jobs: Vec::new(), running: false })))
    }
}

impl Digests {
    /// Returns what is known of a file; has it computed if nothing is. Never waits.
    pub(super) fn find(&self, file: &Arc<OpenFile>) -> Found {
        let mut state = self.state();
        match state.known.get(&file.seen()) {
            Some(Known::Digest(digest)) => return Found::Digest(digest.clone()),
            Some(Known::Unreadable(reason)) => {
                let reason = reason.clone();
                // Said once; who asks again has it tried again.
                state.known.remove(&file.seen());
                return Found::Unreadable(reason);
            }
            None => {}
        }
        if file.length() <= SMALL {
            return match digest(file) {
                Ok(digest) => {
                    state.known.insert(file.seen(), Known::Digest(digest.clone()));
                    Found::Digest(digest)
                }
                Err(reason) => Found::Unreadable(reason),
            };
        }
        if let Some(job) = state.jobs.iter_mut().find(|job| job.file.seen() == file.seen()) {
            job.strides_unasked = 0;
            return Found::NotYet;
        }
        if state.jobs.len() < MAX_JOBS {
            state.jobs.push(Job {
                file: file.clone(),
                hashing: Some(Hashing::default()),
                missing: file.length(),
                strides_unasked: 0,
            });
        }
        if !state.running {
            let digests = self.clone();
            let builder = thread::Builder::new().name("sha256".to_owned());
            if builder.spawn(move || digests.compute()).is_err() {
                state.jobs.clear();
                return Found::Unreadable("the server is too busy to read the file".to_owned());
            }
            state.running = true;
        }
        Found::NotYet
    }

    /// Computes until nothing is wanted any more.
    fn compute(&self) {
        let mut buffer = Vec::new();
        loop {
            // Not in a `while let`: the lock would be held until the end of its body.
            let next = self.state().next_job();
            let Some((file, mut hashing)) = next else { return };
            let went = hashing.go_on(&file, STRIDE, &mut buffer);
            self.state().put_back(&file, hashing, went);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Chooses what to compute next, and forgets what nobody waits for.
    fn next_job(&mut self) -> Option<(Arc<OpenFile>, Hashing)> {
        for job in &mut self.jobs {
            job.strides_unasked += 1;
        }
        self.jobs.retain(|job| job.strides_unasked <= FORGOTTEN);
        let next = self.jobs.iter_mut().min_by_key(|job| job.missing);
        let taken = next.and_then(|job| Some((job.file.clone(), job.hashing.take()?)));
        self.running = taken.is_some();
        taken
    }

    /// Takes note of how far a computation came.
    fn put_back(&mut self, file: &OpenFile, hashing: Hashing, went: Result<(), String>) {
        let Some(place) = self.jobs.iter().position(|job| job.file.seen() == file.seen()) else {
            return;
        };
        let known = match went {
            Ok(()) if hashing.position < file.length() => {
                let job = &mut self.jobs[place];
                job.missing = file.length() - hashing.position;
                job.hashing = Some(hashing);
                return;
            }
            Ok(()) => hashing.end(file).map_or_else(Known::Unreadable, Known::Digest),
            Err(reason) => Known::Unreadable(reason),
        };
        self.known.insert(file.seen(), known);
        self.jobs.swap_remove(place);
    }
}

impl Hashing {
    /// Reads on, so many bytes at most.
    ///
    /// # Errors
    /// If the file cannot be read; the reason.
    fn go_on(&mut self, file: &OpenFile, most: u64, buffer: &mut Vec<u8>) -> Result<(), String> {
        let here = (file.length() - self.position).min(most);
        buffer.clear();
        file.read(self.position, usize::try_from(here).unwrap_or_default(), buffer)?;
        self.hash.update(&buffer);
        self.position += here;
        Ok(())
    }

    /// Returns the SHA-256.
    ///
    /// # Errors
    /// If the file was written to meanwhile; the reason.
    fn end(self, file: &OpenFile) -> Result<Arc<str>, String> {
        match file.is_unchanged() {
            true => Ok(hexadecimal(&self.hash.finalize()).into()),
            false => Err("the file is being written: ask again".to_owned()),
        }
    }
}

/// Computes the SHA-256 of a small file.
///
/// # Errors
/// If it cannot be read, or was written to meanwhile; the reason.
fn digest(file: &OpenFile) -> Result<Arc<str>, String> {
    let mut hashing = Hashing::default();
    hashing.go_on(file, SMALL, &mut Vec::new())?;
    hashing.end(file)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::super::directory::Directory;
    use super::*;

    fn sparse(folder: &Path, name: &str, length: u64) -> Arc<OpenFile> {
        let file = File::create(folder.join(name)).expect("a file");
        file.set_len(length).expect("a length");
        Directory::open(folder).expect("a folder").find(name).expect("the file")
    }

    /// Seen: two long files stopped every other.
    #[test]
    fn a_short_file_passes_two_long_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = ["one", "other"].map(|name| sparse(folder.path(), name, 512 * STRIDE));
        let short = sparse(folder.path(), "short", SMALL + 1);
        let digests = Digests::default();
        for file in &long {
            assert!(matches!(digests.find(file), Found::NotYet));
        }
        while !matches!(digests.find(&short), Found::Digest(_)) {
            thread::yield_now();
        }
        for file in &long {
            assert!(matches!(digests.find(file), Found::NotYet));
        }
    }
}
