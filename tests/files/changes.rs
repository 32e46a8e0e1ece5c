//! Files that change, or vanish, while they are sent.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::*;

/// Does something to the server's file when the first bytes have come.
struct Meddling {
    file: PathBuf,
    meddle: fn(&PathBuf),
    bytes: Vec<u8>,
}

impl Sink for Meddling {
    fn head(&mut self, _head: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.bytes.is_empty() {
            (self.meddle)(&self.file);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Longer than all that the buffers of this computer hold between server and client.
const LENGTH: usize = 40_000_000;

fn while_sent(transport: Transport, length: usize, meddle: fn(&PathBuf)) -> (Fetched, Vec<u8>) {
    let (kept, folder) = self::folder(&[("a", &noise(length))]);
    on_loopback(folder, |place| async move {
        let mut conversation = place.join(transport, 4).await;
        let file = kept.path().join("a");
        let mut sink = Meddling { file, meddle, bytes: Vec::new() };
        let fetched = fetch(&mut conversation, "get a 0", fetching(4), &mut sink).await;
        (fetched.expect("sockets work"), sink.bytes)
    })
}

fn append(path: &PathBuf) {
    let mut file = OpenOptions::new().append(true).open(path).expect("the file");
    file.write_all(b"more").expect("room");
}

fn shorten(path: &PathBuf) {
    let file = OpenOptions::new().write(true).open(path).expect("the file");
    file.set_len(10).expect("a shorter file");
}

/// As editors save: another file takes the name.
fn replace(path: &PathBuf) {
    let other = path.with_extension("new");
    fs::write(&other, "other").expect("a file");
    fs::rename(&other, path).expect("the name");
}

#[test]
fn over_tcp_the_stream_of_a_file_that_changes_breaks_off() {
    for meddle in [append, shorten] {
        let (fetched, bytes) = while_sent(Transport::Tcp, LENGTH, meddle);
        assert!(matches!(fetched, Fetched::Ended(Ending::BrokenOff(_))), "{fetched:?}");
        assert!(bytes.len() < LENGTH && noise(LENGTH).starts_with(&bytes));
    }
}

#[test]
fn over_udp_the_next_block_of_a_file_that_changes_is_an_error() {
    for meddle in [append, shorten, replace] {
        let (fetched, bytes) = while_sent(Transport::Udp, 100_000, meddle);
        assert!(matches!(fetched, Fetched::Line(line) if line == "ERR changed"));
        assert!(bytes.len() < 100_000 && noise(100_000).starts_with(&bytes));
    }
}

#[test]
fn a_file_that_vanishes_is_sent_to_its_end_over_tcp_and_not_found_over_udp() {
    let remove = |path: &PathBuf| fs::remove_file(path).expect("the file");
    let (fetched, bytes) = while_sent(Transport::Tcp, LENGTH, remove);
    assert!(matches!(fetched, Fetched::Whole), "{fetched:?}");
    assert!(bytes == noise(LENGTH));
    let (fetched, bytes) = while_sent(Transport::Udp, 100_000, remove);
    assert!(matches!(fetched, Fetched::Line(line) if line.starts_with("ERR not found")));
    assert!(bytes.len() < 100_000);
}

#[test]
fn after_a_change_the_new_file_is_given_out() {
    let (kept, folder) = self::folder(&[("a", b"old")]);
    on_loopback(folder, |place| async move {
        for (transport, text) in [(Transport::Tcp, "newer"), (Transport::Udp, "newest")] {
            let (_, before) = place.fetch(transport, "get a 0").await;
            assert_ne!(before.bytes, text.as_bytes());
            fs::write(kept.path().join("a"), text).expect("the file");
            let (fetched, after) = place.fetch(transport, "get a 0").await;
            assert!(matches!(fetched, Fetched::Whole));
            assert_eq!(after.bytes, text.as_bytes());
        }
    });
}

#[test]
fn after_an_error_over_udp_the_session_goes_on() {
    let (kept, folder) = self::folder(&[("a", &noise(100_000))]);
    on_loopback(folder, |place| async move {
        let mut conversation = place.join(Transport::Udp, 8).await;
        let mut sink = Meddling { file: kept.path().join("a"), meddle: append, bytes: Vec::new() };
        let fetched = fetch(&mut conversation, "get a 0", fetching(8), &mut sink).await;
        assert!(matches!(fetched, Ok(Fetched::Line(_))));
        conversation.ask(Question::line("still here"), None);
        assert_eq!(answer(&mut conversation).await, Ending::Replied("still hereACK".to_owned()));
    });
}

/// Has no room for more than the first byte.
struct Full;

impl Sink for Full {
    fn head(&mut self, _head: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_full_disk_ends_the_fetching() {
    let (_kept, folder) = self::folder(&[("a", &noise(100_000))]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let mut conversation = place.join(transport, 8).await;
            let fetched = fetch(&mut conversation, "get a 0", fetching(8), &mut Full).await;
            let Ok(Fetched::Unwanted(error)) = fetched else { panic!("{transport}") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            conversation.reset();
        }
    });
}
