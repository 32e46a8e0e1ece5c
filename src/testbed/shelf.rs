//! Files that exist in memory only: what a server on a simulated host gives out, the same bytes at the
//! same moment on every machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::protocol::parameters::MAX_MESSAGE;
use crate::service::content::{Content, Line, Piece};
use crate::service::files::{
    GetRequest, NOT_FOUND, NOT_PLAIN, Repository, hexadecimal, is_plain, page,
};

/// Files by name.
#[derive(Debug, Clone, Default)]
pub struct Shelf(BTreeMap<String, Arc<File>>);

#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    digest: String,
}

impl Shelf {
    /// A shelf with these files.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let file = |bytes: Vec<u8>| {
            let digest = hexadecimal(&Sha256::digest(&bytes));
            Arc::new(File { bytes, digest })
        };
        Shelf(files.into_iter().map(|(name, bytes)| (name, file(bytes))).collect())
    }

    /// Returns the name under which the file stands, and the file.
    fn find(&self, request: &GetRequest<'_>) -> Option<(&String, &Arc<File>)> {
        let longer_name = request.longer_name();
        let longer_name = longer_name.and_then(|name| self.0.get_key_value(&name));
        self.0.get_key_value(request.name).or(longer_name)
    }

    fn begin(&self, request: &GetRequest<'_>) -> Result<Sending, &'static str> {
        if !is_plain(request.name) {
            return Err(NOT_PLAIN);
        }
        let (name, file) = self.find(request).ok_or(NOT_FOUND)?;
        let offset = if name == request.name { request.offset } else { 0 };
        let request = GetRequest { name, offset, ..*request };
        let head = request.head(name, file.bytes.len() as u64, &file.digest)?;
        let position = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(Sending { head: Some(head.to_string()), file: file.clone(), position })
    }
}

impl Repository for Shelf {
    fn list(&self, first: usize) -> Box<dyn Content> {
        let names: Vec<String> = self.0.keys().cloned().collect();
        Box::new(Line(page(&names, first, MAX_MESSAGE)))
    }

    fn get(&self, request: &GetRequest<'_>) -> Box<dyn Content> {
        match self.begin(request) {
            Ok(sending) => Box::new(sending),
            Err(line) => Box::new(Line(line.to_owned())),
        }
    }

    fn get_or_say(&self, name: &str, otherwise: String) -> Box<dyn Content> {
        match self.begin(&GetRequest { name, offset: 0, version: None }) {
            Ok(sending) => Box::new(sending),
            Err(_) => Box::new(Line(otherwise)),
        }
    }
}

/// A file, or the part of it that was asked for.
#[derive(Debug)]
struct Sending {
    /// The line before the bytes, until it was read.
    head: Option<String>,
    file: Arc<File>,
    position: usize, // never behind the end
}

impl Content for Sending {
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
        let mut left = room;
        if let Some(head) = self.head.take() {
            // At least one byte must fit, or who asks for the rest would ask for ever.
            if head.len() + 2 > room {
                let line = "ERR a message is too short for this file's name";
                return Line(line.to_owned()).read(room, out);
            }
            out.extend_from_slice(head.as_bytes());
            out.push(b'\n');
            left -= head.len() + 1;
        }
        let rest = &self.file.bytes[self.position..];
        let here = &rest[..left.min(rest.len())];
        out.extend_from_slice(here);
        self.position += here.len();
        if here.len() < rest.len() { Piece::More } else { Piece::End }
    }
}
