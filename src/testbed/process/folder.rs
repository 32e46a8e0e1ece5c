//! A folder for the file that a server offers.
//!
//! Whoever is killed leaves its folder behind. So each is locked as long as its experiment lasts, which
//! the system sees to, and whoever makes one removes those that nobody holds.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;

use super::act;

/// How the names of these folders begin; 16 hexadecimal digits follow.
const BEGINNING: &str = "socklab-";

/// How many are tried: another run that tidies up may take a folder for forgotten before it is locked.
const TRIES: usize = 5;

/// A folder of ours, as long as the experiment lasts.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked; none where folders cannot be.
    _lock: Option<File>,
}

impl Folder {
    /// Makes a folder with this file in it.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(super) fn with(name: &str, content: &[u8]) -> io::Result<Self> {
        let place = std::env::temp_dir();
        remove_forgotten(&place);
        let mut made = Folder::new(&place);
        for _ in 1..TRIES {
            if made.is_ok() {
                break;
            }
            made = Folder::new(&place);
        }
        let folder = made.map_err(|error| act("make a folder for the file", error))?;
        fs::write(folder.path.join(name), content)?;
        Ok(folder)
    }

    fn new(place: &Path) -> io::Result<Self> {
        let drawn = SysRng.try_next_u64().map_err(io::Error::other)?;
        let path = place.join(format!("{BEGINNING}{drawn:016x}"));
        fs::create_dir(&path)?;
        let lock = locked(&path);
        // From now on nobody removes it who has not done so already.
        fs::metadata(&path)?;
        Ok(Folder { path, _lock: lock })
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to tidy up.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Locks a folder, if nobody holds it.
fn locked(path: &Path) -> Option<File> {
    let folder = File::open(path).ok()?;
    folder.try_lock().ok()?;
    Some(folder)
}

/// Removes the folders of runs that were killed. Those of other users are theirs.
fn remove_forgotten(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if is_a_folder_of_ours(&path)
            && let Some(_lock) = locked(&path)
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(unix)]
fn is_a_folder_of_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let is_ours = |found: fs::Metadata| found.is_dir() && found.uid() == user;
    has_our_name(path) && fs::symlink_metadata(path).is_ok_and(is_ours)
}

/// Elsewhere folders cannot be locked, so nobody can tell.
#[cfg(not(unix))]
fn is_a_folder_of_ours(_path: &Path) -> bool {
    false
}

#[cfg(unix)]
fn has_our_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.strip_prefix(BEGINNING).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_as_long_as_its_experiment() {
        let folder = Folder::with("lecture.bin", b"bytes").expect("a folder");
        let path = folder.path().to_owned();
        assert_eq!(fs::read(path.join("lecture.bin")).expect("a file"), b"bytes");
        // Another run leaves it alone.
        remove_forgotten(&std::env::temp_dir());
        assert!(path.exists());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().expect("a folder");
        let made = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir(&path).expect("a folder");
            fs::write(path.join("file"), "bytes").expect("a file");
            path
        };
        let forgotten = made("socklab-0123456789abcdef");
        let others = ["socklab-notes", "socklab-0123456789abcdef0", "other-0123456789abcdef"];
        let others = others.map(made);
        let linked = place.path().join("socklab-fedcba9876543210");
        std::os::unix::fs::symlink(&others[0], &linked).expect("a link");
        let held = Folder::new(place.path()).expect("a folder");
        remove_forgotten(place.path());
        assert!(!forgotten.exists());
        assert!(others.iter().chain([&linked, &held.path]).all(|path| path.exists()));
        assert!(others[0].join("file").exists());
    }
}
