//! The files of a chat. Now and then they are replaced, as a teacher does in the middle of a lesson.

use std::fmt;
use std::sync::{Arc, Mutex};

use socklab::service::content::Content;
use socklab::service::files::{GetRequest, Repository};
use socklab::testbed::shelf::Shelf;

/// Names and lengths: nothing, less than one datagram holds, and so many blocks that a window of 8
/// is filled several times.
pub(crate) const FILES: [(&str, usize); 3] =
    [("empty", 0), ("my notes 2", 700), ("lecture.bin", 33_000)];

/// Returns the bytes of a file, unlike those of every other edition.
pub(crate) fn bytes(file: usize, edition: usize) -> Vec<u8> {
    let length = FILES[file].1;
    (0..length).map(|index| (index / 256 * 7 + index * 13 + edition * 101 + file) as u8).collect()
}

/// What stands on the server's disk: it outlives the server. Its copies are one.
#[derive(Clone)]
pub(crate) struct Shelves(Arc<Mutex<(usize, Shelf)>>);

impl Shelves {
    pub(crate) fn new() -> Self {
        Shelves(Arc::new(Mutex::new((0, shelf(0)))))
    }

    /// Replaces all files.
    pub(crate) fn replace(&self) {
        let (edition, files) = &mut *self.0.lock().expect("no panic");
        *edition += 1;
        *files = shelf(*edition);
    }

    fn now(&self) -> Shelf {
        self.0.lock().expect("no panic").1.clone()
    }
}

fn shelf(edition: usize) -> Shelf {
    let files = FILES.iter().enumerate();
    Shelf::new(files.map(|(file, (name, _))| ((*name).to_owned(), bytes(file, edition))))
}

impl fmt::Debug for Shelves {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shelves")
    }
}

impl Repository for Shelves {
    fn list(&self, first: usize) -> Box<dyn Content> {
        self.now().list(first)
    }

    fn get(&self, request: &GetRequest<'_>) -> Box<dyn Content> {
        self.now().get(request)
    }

    fn get_or_say(&self, name: &str, otherwise: String) -> Box<dyn Content> {
        self.now().get_or_say(name, otherwise)
    }
}
