//! The files that a server gives out: the regular files of one folder, and nothing else.
//!
//! Asking costs nothing but words; what is read is read when a reply leaves. `directory` opens files,
//! `digests` computes what they are checked by.

mod digests;
mod directory;

use std::io;
use std::path::Path;
use std::sync::Arc;

use digests::{Digests, Found};
use directory::{Directory, OpenFile};

use crate::protocol::parameters::MAX_MESSAGE;
use crate::service::content::{Content, Line, Piece};
use crate::service::files::{GetRequest, NOT_FOUND, Repository, page};

/// A folder whose files clients may have.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: Directory,
    digests: Digests,
}

impl Folder {
    /// Opens a folder; whatever its path comes to mean later, its files are given out.
    ///
    /// # Errors
    /// If it cannot be opened, or is no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let directory = Directory::open(path)?;
        Ok(Folder(Arc::new(Shared { directory, digests: Digests::default() })))
    }
}

impl Repository for Folder {
    fn list(&self, first: usize) -> Box<dyn Content> {
        Box::new(Listing { folder: self.clone(), first })
    }

    fn get(&self, request: &GetRequest<'_>) -> Box<dyn Content> {
        Box::new(Getting {
            folder: self.clone(),
            name: request.name.to_owned(),
            longer_name: request.longer_name(),
            offset: request.offset,
            version: request.version.map(str::to_owned),
            otherwise: None,
            state: State::Asked,
        })
    }

    fn get_or_say(&self, name: &str, otherwise: String) -> Box<dyn Content> {
        Box::new(Getting {
            folder: self.clone(),
            name: name.to_owned(),
            longer_name: None,
            offset: 0,
            version: None,
            otherwise: Some(otherwise),
            state: State::Asked,
        })
    }
}

/// The names, read when they are sent.
#[derive(Debug)]
struct Listing {
    folder: Folder,
    first: usize,
}

impl Content for Listing {
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
        let names = self.folder.0.directory.names();
        let line = names.map(|names| page(&names, self.first, room.min(MAX_MESSAGE)));
        Line(line.unwrap_or_else(|error| error)).read(room, out)
    }
}

/// A file, or the part of it that was asked for.
#[derive(Debug)]
struct Getting {
    folder: Folder,
    name: String,
    longer_name: Option<String>,
    offset: u64,
    version: Option<String>,
    /// What to say if there is no such file; of what was no request it is not said that it failed.
    otherwise: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was looked at yet.
    Asked,
    /// This file was found; its SHA-256 is being computed.
    Preparing(Arc<OpenFile>),
    /// This file is being sent, from this byte on.
    Sending(Arc<OpenFile>, u64),
}

impl Content for Getting {
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
        if let State::Sending(file, position) = &mut self.state {
            return send(file, position, room, out).unwrap_or_else(Piece::Broken);
        }
        let start = out.len();
        match self.begin(room, out) {
            Ok(piece) => piece,
            Err(line) => {
                out.truncate(start);
                Line(line).read(room, out)
            }
        }
    }
}

impl Getting {
    /// Writes the line before the bytes, and as many of these as there is room for.
    ///
    /// # Errors
    /// If there is nothing to be sent; the line that says why.
    fn begin(&mut self, room: usize, out: &mut Vec<u8>) -> Result<Piece, String> {
        let Some(file) = self.find()? else {
            return Err(self.otherwise.take().unwrap_or_default());
        };
        if let State::Preparing(before) = &self.state
            && !file.is_same_as(before)
        {
            return Err("ERR the file is being written: ask again".to_owned());
        }
        let digest = match self.folder.0.digests.find(&file) {
            Found::Digest(digest) => digest,
            Found::NotYet => {
                self.state = State::Preparing(file);
                return Ok(Piece::NotYet);
            }
            Found::Unreadable(reason) => return Err(format!("ERR {reason}")),
        };
        let GetRequest { offset, .. } = self.request();
        let head = self.request().head(&self.name, file.length(), &digest)?.to_string();
        // At least one byte must fit, or who asks for the rest would ask for ever.
        let line = head.len() + 1;
        if line + usize::from(offset < file.length()) > room {
            return Err("ERR a message is too short for this file's name".to_owned());
        }
        out.extend_from_slice(head.as_bytes());
        out.push(b'\n');
        let mut position = offset;
        let piece = send(&file, &mut position, room - line, out);
        let piece = piece.map_err(|reason| format!("ERR {reason}"))?;
        self.state = State::Sending(file, position);
        Ok(piece)
    }

    /// Finds the file; `None` if something else is to be said because there is none.
    fn find(&mut self) -> Result<Option<Arc<OpenFile>>, String> {
        let directory = &self.folder.0.directory;
        match directory.find(&self.name) {
            Ok(file) => Ok(Some(file)),
            Err(_) if self.otherwise.is_some() => Ok(None),
            Err(error) if error == NOT_FOUND => {
                let longer_name = self.longer_name.take().ok_or(error)?;
                let file = directory.find(&longer_name)?;
                self.name = longer_name;
                self.offset = 0;
                Ok(Some(file))
            }
            Err(error) => Err(error),
        }
    }

    fn request(&self) -> GetRequest<'_> {
        GetRequest { name: &self.name, offset: self.offset, version: self.version.as_deref() }
    }
}

/// Appends the next bytes.
///
/// # Errors
/// If they are not those of the file that was announced any more.
fn send(
    file: &OpenFile,
    position: &mut u64,
    room: usize,
    out: &mut Vec<u8>,
) -> Result<Piece, String> {
    let missing = file.length() - *position;
    let here = usize::try_from(missing).unwrap_or(room).min(room);
    file.read(*position, here, out)?;
    // Asked after the bytes were read: what was written before is noticed.
    if !file.is_unchanged() {
        return Err("the file has changed".to_owned());
    }
    *position += here as u64;
    Ok(if *position < file.length() { Piece::More } else { Piece::End })
}
