//! Opening the regular files of one folder. Names are looked up beneath the folder itself, never along
//! a path, so no symbolic link and no `..` leads out of it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;
use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::{Errno, pread};

use crate::service::files::{NOT_FOUND, NOT_PLAIN, is_plain};

/// Files kept open, so that a block over UDP costs no opening. Our own: more than a class asks for at
/// a time, far below what a process may open.
const KEPT_OPEN: usize = 16;

/// One folder.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    kept: Mutex<LruCache<String, Arc<OpenFile>>>,
}

/// A file that is open, as it was when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    descriptor: OwnedFd,
    seen: Seen,
}

/// Which file it is, and when anything about it changed last: a file that was written to and given its
/// old time of modification back is another one here. (That it is deleted is such a change, too.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    identity: Identity,
    changed: (i128, i128), // seconds, nanoseconds
}

/// Which file it is, and in which state: as far as the file system tells without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    device: i128,
    inode: i128,
    length: u64,
    modified: (i128, i128), // seconds, nanoseconds
}

impl Directory {
    /// Opens a folder.
    ///
    /// # Errors
    /// If it cannot be opened, or is no folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = openat(CWD, path, flags, Mode::empty())?;
        Ok(Directory { descriptor, kept: Mutex::new(LruCache::new(KEPT_OPEN)) })
    }

    /// Returns the names of its regular files, in order; of those that cannot be asked for, none.
    ///
    /// # Errors
    /// If it cannot be read; the line that says so.
    pub(super) fn names(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor).map_err(refusal)? {
            let entry = entry.map_err(refusal)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let regular = match entry.file_type() {
                // Not every file system says it here.
                FileType::Unknown => self.look(name).is_ok(),
                kind => kind == FileType::RegularFile,
            };
            if regular && is_plain(name) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the file of this name.
    ///
    /// # Errors
    /// If there is none that may be given out; the line that says why.
    pub(super) fn find(&self, name: &str) -> Result<Arc<OpenFile>, String> {
        if !is_plain(name) {
            return Err(NOT_PLAIN.to_owned());
        }
        // First looked at, then opened: opening alone can already do something to a device.
        let seen = self.look(name)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = kept.get(name).filter(|file| file.seen == seen) {
            return Ok(file.clone());
        }
        // It may have become something else meanwhile: no link is followed, no pipe waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = flags | OFlags::NOCTTY;
        let descriptor = openat(&self.descriptor, name, flags, Mode::empty()).map_err(refusal)?;
        let seen = Seen::of(&fstat(&descriptor).map_err(refusal)?)?;
        let file = Arc::new(OpenFile { descriptor, seen });
        kept.insert(name.to_owned(), file.clone());
        Ok(file)
    }

    fn look(&self, name: &str) -> Result<Seen, String> {
        let found = statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).map_err(refusal)?;
        Seen::of(&found)
    }
}

impl Seen {
    /// Reads what the system says of a file.
    ///
    /// # Errors
    /// If it is no regular file; the line that says so.
    fn of(found: &Stat) -> Result<Self, String> {
        let what = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let identity = Identity {
                    device: i128::from(found.st_dev),
                    inode: i128::from(found.st_ino),
                    length: u64::try_from(found.st_size).unwrap_or_default(),
                    modified: (i128::from(found.st_mtime), i128::from(found.st_mtime_nsec)),
                };
                let changed = (i128::from(found.st_ctime), i128::from(found.st_ctime_nsec));
                return Ok(Seen { identity, changed });
            }
            FileType::Directory => "a folder",
            FileType::Symlink => "a symbolic link",
            _ => "a device or a pipe",
        };
        Err(format!("ERR that is {what}: only files are given out"))
    }
}

impl OpenFile {
    /// Returns which file it is, and when it changed last.
    pub(super) fn seen(&self) -> Seen {
        self.seen
    }

    /// Returns how many bytes it has.
    pub(super) fn length(&self) -> u64 {
        self.seen.identity.length
    }

    /// Returns whether both are the same file, in the same state.
    pub(super) fn is_same_as(&self, other: &OpenFile) -> bool {
        self.seen.identity == other.seen.identity
    }

    /// Returns whether nobody has written to it since it was opened.
    pub(super) fn is_unchanged(&self) -> bool {
        let now = fstat(&self.descriptor).map_err(refusal).and_then(|found| Seen::of(&found));
        now.is_ok_and(|now| now.identity == self.seen.identity)
    }

    /// Appends so many bytes from `position` on.
    ///
    /// # Errors
    /// If there are not so many, or they cannot be read; the reason.
    pub(super) fn read(
        &self,
        position: u64,
        count: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let end = out.len() + count;
        out.reserve(count);
        while out.len() < end {
            let at = position + (count - (end - out.len())) as u64;
            match pread(&self.descriptor, spare_capacity(out), at) {
                Ok(0) => return Err("the file has become shorter".to_owned()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(format!("the server cannot read the file: {error}")),
            }
        }
        // There may have been room for more than was asked for.
        out.truncate(end);
        Ok(())
    }
}

/// Returns the line that says why the system does not open a file.
fn refusal(error: Errno) -> String {
    match error {
        Errno::NOENT | Errno::NAMETOOLONG => NOT_FOUND.to_owned(),
        Errno::LOOP => "ERR that is a symbolic link: only files are given out".to_owned(),
        Errno::ACCESS | Errno::PERM => "ERR the server may not read that file".to_owned(),
        error => format!("ERR the server cannot read it: {error}"),
    }
}
