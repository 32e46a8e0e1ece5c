//! The SHA-256 of files, computed where nobody waits for it and remembered as long as the file stays
//! the same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use hashlink::LruCache;
use sha2::{Digest, Sha256};

use super::directory::{Identity, OpenFile};
use crate::service::files::hexadecimal;

/// Files of no more than this are hashed on the spot: it takes no longer than sending one piece.
const SMALL: u64 = 64 * 1024; // bytes

/// Threads that compute at once. Our own: one is enough for a class, the second lets a short file
/// pass a long one.
const MAX_RUNNING: usize = 2;

/// Files whose SHA-256 is remembered. Our own: 200 bytes each, for folders that a class asks for.
const REMEMBERED: usize = 1024;

/// What a thread reads at a time: large beside the cost of a call, small beside its caches.
const READ: usize = 128 * 1024; // bytes

/// What is known of files.
#[derive(Debug, Clone)]
pub(super) struct Digests(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    known: LruCache<Identity, Known>,
    running: usize, // threads
}

#[derive(Debug)]
enum Known {
    Working,
    Digest(Arc<str>),
    /// It could not be read to its end, for this reason.
    Unreadable(String),
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
        let state = State { known: LruCache::new(REMEMBERED), running: 0 };
        Digests(Arc::new(Mutex::new(state)))
    }
}

impl Digests {
    /// Returns what is known of a file; begins to compute if nothing is. Never waits.
    pub(super) fn find(&self, file: &Arc<OpenFile>) -> Found {
        let mut state = self.state();
        match state.known.get(&file.identity()) {
            Some(Known::Digest(digest)) => return Found::Digest(digest.clone()),
            Some(Known::Working) => return Found::NotYet,
            Some(Known::Unreadable(reason)) => {
                let reason = reason.clone();
                // Said once; who asks again has it tried again.
                state.known.remove(&file.identity());
                return Found::Unreadable(reason);
            }
            None => {}
        }
        if file.length() <= SMALL {
            return match digest(file) {
                Ok(digest) => {
                    state.known.insert(file.identity(), Known::Digest(digest.clone()));
                    Found::Digest(digest)
                }
                Err(reason) => Found::Unreadable(reason),
            };
        }
        if state.running >= MAX_RUNNING {
            return Found::NotYet;
        }
        match self.start(file.clone()) {
            Ok(_) => {
                state.running += 1;
                state.known.insert(file.identity(), Known::Working);
                Found::NotYet
            }
            Err(_) => Found::Unreadable("the server is too busy to read the file".to_owned()),
        }
    }

    fn start(&self, file: Arc<OpenFile>) -> std::io::Result<thread::JoinHandle<()>> {
        let digests = self.clone();
        thread::Builder::new().name("sha256".to_owned()).spawn(move || {
            let known = match digest(&file) {
                Ok(digest) => Known::Digest(digest),
                Err(reason) => Known::Unreadable(reason),
            };
            let mut state = digests.state();
            state.known.insert(file.identity(), known);
            state.running -= 1;
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Computes the SHA-256 of a file.
///
/// # Errors
/// If it cannot be read, or was written to meanwhile; the reason.
fn digest(file: &OpenFile) -> Result<Arc<str>, String> {
    let mut hash = Sha256::new();
    let mut buffer = Vec::new();
    let mut position = 0;
    while position < file.length() {
        let left = file.length() - position;
        let count = usize::try_from(left).unwrap_or(READ).min(READ);
        buffer.clear();
        file.read(position, count, &mut buffer)?;
        hash.update(&buffer);
        position += count as u64;
    }
    match file.is_unchanged() {
        true => Ok(hexadecimal(&hash.finalize()).into()),
        false => Err("the file is being written: ask again".to_owned()),
    }
}
