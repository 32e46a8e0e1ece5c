//! A folder for the file that a server offers.

use std::io;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;

use super::act;

/// A folder of ours, as long as the experiment lasts.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder with this file in it.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(super) fn with(name: &str, content: &[u8]) -> io::Result<Self> {
        let drawn = SysRng.try_next_u64().map_err(io::Error::other)?;
        let unique = format!("socklab-{drawn:016x}");
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir(&path).map_err(|error| act("make a folder for the file", error))?;
        let folder = Folder(path);
        std::fs::write(folder.0.join(name), content)?;
        Ok(folder)
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to tidy up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
