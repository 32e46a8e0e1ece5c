//! A file that has not come whole yet: `NAME.VERSION.part`, until it gets its name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::saving::{unreadable, unwritable};
use crate::cli::Failure;
use crate::escape::escape;
use crate::service::files::{hexadecimal, is_version};

const SUFFIX: &str = ".part";

/// What is read at a time: large beside the cost of a call.
const READ: usize = 64 * 1024; // bytes

/// The beginning of a file, without gaps.
pub(super) struct Part {
    path: PathBuf,
    version: String,
    file: File,
    hash: Sha256,
    length: u64,
}

impl Part {
    /// Returns the longest part of the file of this name that is in the folder, of whatever version.
    ///
    /// # Errors
    /// If there is one that cannot be gone on with.
    pub(super) fn find(folder: &Path, name: &str) -> Result<Option<Self>, Failure> {
        let longest = longest(folder, name).map_err(|error| unreadable(folder, &error))?;
        let Some((_, version)) = longest else { return Ok(None) };
        let mut part = Part::open(folder, name, &version)?;
        let read = hash_of(&part.file).map_err(|error| unreadable(&part.path, &error))?;
        (part.hash, part.length) = read;
        Ok(Some(part))
    }

    /// Begins with nothing.
    ///
    /// # Errors
    /// If the folder cannot be written to, or somebody else is just saving the same.
    pub(super) fn begin(folder: &Path, name: &str, version: &str) -> Result<Self, Failure> {
        let part = Part::open(folder, name, version)?;
        part.file.set_len(0).map_err(|error| unwritable(&part.path, &error))?;
        Ok(part)
    }

    fn open(folder: &Path, name: &str, version: &str) -> Result<Self, Failure> {
        let path = path_of(folder, name, version);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            use std::os::unix::fs::OpenOptionsExt;
            // A symbolic link could lead out of the folder, and a pipe would make us wait.
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
            options.custom_flags(flags.bits().cast_signed());
        }
        let file = options.open(&path).map_err(|error| unwritable(&path, &error))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let what = format!(
                "Could not write {}: another client is saving the same file",
                escape(&path.display().to_string())
            );
            return Err(Failure::local(what, "Wait for it, or choose another folder: --save DIR"));
        }
        Ok(Part { path, version: version.to_owned(), file, hash: Sha256::new(), length: 0 })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// If there is no room for them; what could be written is part of the beginning.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns of which version of the file it is.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Returns how many bytes it has.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the SHA-256 of what is there.
    pub(super) fn digest(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }

    /// Returns whether this is the SHA-256 that was announced; of a part that was gone on with the
    /// server has announced only the version, which is its beginning.
    pub(super) fn is_announced(&self, digest: &str, announced: Option<&str>) -> bool {
        digest.starts_with(announced.unwrap_or(&self.version))
    }

    /// Gives the file its name, unless there is something of this name.
    ///
    /// # Errors
    /// If there is, or the name cannot be given; the part stays.
    pub(super) fn publish(self, path: &Path) -> io::Result<()> {
        // A second name, never over another file; then the first one is taken away.
        match fs::hard_link(&self.path, path) {
            Ok(()) => fs::remove_file(&self.path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // A file system on which a file has one name only: the place is taken first.
            Err(_) => {
                File::create_new(path)?;
                fs::rename(&self.path, path)
            }
        }
    }

    /// Throws it away.
    pub(super) fn remove(self) {
        // If it stays, the next one who asks meets it again, and says so.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns length and version of the longest part of the file of this name that is in the folder.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn longest(folder: &Path, name: &str) -> io::Result<Option<(u64, String)>> {
    let parts = fs::read_dir(folder)?.flatten().filter_map(|entry| {
        let file_name = entry.file_name();
        let version = file_name.to_str()?.strip_prefix(name)?.strip_prefix('.')?;
        let version = version.strip_suffix(SUFFIX).filter(|version| is_version(version))?;
        let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((found.len(), version.to_owned()))
    });
    Ok(parts.max())
}

/// Returns where the part of a file is.
pub(super) fn path_of(folder: &Path, name: &str, version: &str) -> PathBuf {
    folder.join(format!("{name}.{version}{SUFFIX}"))
}

/// Returns SHA-256 and length of a file, from where it stands to its end.
///
/// # Errors
/// If it cannot be read.
pub(super) fn digest_of(file: &File) -> io::Result<(String, u64)> {
    let (hash, length) = hash_of(file)?;
    Ok((hexadecimal(&hash.finalize()), length))
}

fn hash_of(mut file: &File) -> io::Result<(Sha256, u64)> {
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; READ];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hash, length)),
            Ok(count) => {
                hash.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
