//! What ends up in the client's folder.

use std::fs;
use std::path::Path;

use socklab::cli::client::save::{SaveConfig, Saved, ask_and_save};
use socklab::service::content::{Content, Piece};
use socklab::service::files::GetRequest;
use socklab::testbed::shelf::Shelf;

use super::*;

async fn save<N: Net>(place: &Place<N>, transport: Transport, typed: &str, to: &Path) -> Saved {
    let mut conversation = place.join(transport, 8).await;
    let fetch = fetching(8);
    let config = SaveConfig { folder: to, fetch, progress: false, clock: place.clock };
    let saved = ask_and_save(&mut conversation, typed, config).await.expect("sockets work");
    conversation.leave().await;
    saved
}

fn sentence(saved: Saved) -> String {
    match saved {
        Saved::File(file) => file.to_string(),
        Saved::Failed(failure) => format!("{failure}. {}", failure.advice),
        Saved::Line(line) => line,
        Saved::Ended(ending, kept) => format!("{ending:?} {kept:?}"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("one").file_name().into_string();
    let mut names: Vec<String> = entries.map(|entry| name(entry).expect("text")).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_saved_under_its_name_and_nothing_else_stays() {
    let bytes = noise(204_800);
    let (_kept, folder) = self::folder(&[("my report", &bytes), ("empty", b"")]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let to = tempfile::tempdir().expect("a folder");
            let said = sentence(save(&place, transport, "get my report", to.path()).await);
            let digest = &sha256(&bytes)[..8];
            assert_eq!(said, format!("Saved my report, 204,800 bytes, SHA-256 {digest}..."));
            let said = sentence(save(&place, transport, "empty", to.path()).await);
            assert_eq!(said, "Saved empty, 0 bytes, SHA-256 e3b0c442...");
            assert_eq!(names(to.path()), ["empty", "my report"]);
            assert!(fs::read(to.path().join("my report")).expect("the file") == bytes);
        }
    });
}

#[test]
fn a_file_that_is_there_already_is_never_written_over() {
    let (kept, folder) = self::folder(&[("a", b"server's")]);
    let from = kept.path().join("a");
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let to = tempfile::tempdir().expect("a folder");
            let path = to.path().join("a");
            fs::write(&path, "mine").expect("a file");
            for typed in ["get a", "a"] {
                let said = sentence(save(&place, transport, typed, to.path()).await);
                let expected = format!(
                    "Could not save {}: something else has this name already. Move it away, or \
                     choose another folder: --save DIR",
                    path.display()
                );
                assert_eq!(said, expected, "{transport} {typed}");
            }
            assert_eq!(fs::read(&path).expect("the file"), b"mine");
            fs::copy(&from, &path).expect("a copy");
            for typed in ["get a", "a"] {
                let said = sentence(save(&place, transport, typed, to.path()).await);
                assert_eq!(said, "Here already, and the same: a, 8 bytes", "{transport} {typed}");
            }
            assert_eq!(names(to.path()), ["a"]);
        }
    });
}

#[test]
fn what_has_come_is_not_fetched_again() {
    let bytes = noise(50_000);
    let (_kept, folder) = self::folder(&[("a", &bytes)]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let to = tempfile::tempdir().expect("a folder");
            let version = sha256(&bytes)[..16].to_owned();
            for part in [0, 30_000, 50_000] {
                let name = format!("a.{version}.part");
                fs::write(to.path().join(name), &bytes[..part]).expect("a file");
                let said = sentence(save(&place, transport, "get a", to.path()).await);
                assert!(said.starts_with("Saved a, 50,000 bytes"), "{transport}: {said}");
                assert!(place.heard.requests().contains(&format!("get a {part} {version}")));
                assert!(fs::read(to.path().join("a")).expect("the file") == bytes);
                assert_eq!(names(to.path()), ["a"]);
                fs::remove_file(to.path().join("a")).expect("the file");
            }
        }
    });
}

#[test]
fn a_client_that_goes_in_the_middle_can_come_back_for_the_rest() {
    let bytes = noise(100_000);
    let shelf = Shelf::new([("a".to_owned(), bytes.clone())]);
    simulated(SimConfig::default(), shelf, move |place| async move {
        let to = tempfile::tempdir().expect("a folder");
        let soon = place.clock.now() + Duration::from_millis(500);
        tokio::select! {
            biased;
            said = save(&place, Transport::Udp, "get a", to.path()) => panic!("too early: {said:?}"),
            () = place.clock.sleep_until(soon) => {}
        }
        let part = format!("a.{}.part", &sha256(&bytes)[..16]);
        assert_eq!(names(to.path()).join(" "), part);
        let length = fs::metadata(to.path().join(&part)).expect("the part").len();
        assert!((20_000..80_000).contains(&length), "{length} bytes");
        let said = sentence(save(&place, Transport::Tcp, "get a", to.path()).await);
        assert!(said.starts_with("Saved a, 100,000 bytes"), "{said}");
        assert!(fs::read(to.path().join("a")).expect("the file") == bytes);
        let rest = format!("get a {length} {}", &sha256(&bytes)[..16]);
        assert_eq!(place.heard.requests().last(), Some(&rest));
    });
}

#[test]
fn a_part_of_an_older_version_is_thrown_away() {
    let (_kept, folder) = self::folder(&[("a", b"new and longer")]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let to = tempfile::tempdir().expect("a folder");
            fs::write(to.path().join("a.0123456789abcdef.part"), "old").expect("a file");
            let said = sentence(save(&place, transport, "get a", to.path()).await);
            assert!(said.starts_with("Saved a, 14 bytes"), "{transport}: {said}");
            assert_eq!(names(to.path()), ["a"]);
        }
    });
}

#[test]
fn a_damaged_part_is_noticed_and_fetched_anew() {
    let bytes = noise(50_000);
    let (_kept, folder) = self::folder(&[("a", &bytes)]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let to = tempfile::tempdir().expect("a folder");
            let part = to.path().join(format!("a.{}.part", &sha256(&bytes)[..16]));
            fs::write(part, vec![0; 1_000]).expect("a file");
            let said = sentence(save(&place, transport, "get a", to.path()).await);
            let damaged = "a came damaged: its SHA-256 is another. \
                           Ask again: it is fetched from its beginning";
            assert_eq!(said, damaged, "{transport}");
            assert!(names(to.path()).is_empty());
            let said = sentence(save(&place, transport, "get a", to.path()).await);
            assert!(said.starts_with("Saved a"), "{transport}: {said}");
        }
    });
}

#[test]
fn two_clients_do_not_write_into_one_part() {
    let bytes = noise(100_000);
    let shelf = Shelf::new([("a".to_owned(), bytes)]);
    simulated(SimConfig::default(), shelf, move |place| async move {
        let to = tempfile::tempdir().expect("a folder");
        let saves = (
            save(&place, Transport::Udp, "get a", to.path()),
            save(&place, Transport::Udp, "get a", to.path()),
        );
        let (one, other) = tokio::join!(saves.0, saves.1);
        let (one, other) = (sentence(one), sentence(other));
        let saved = [&one, &other].iter().filter(|said| said.starts_with("Saved a")).count();
        let refused = "another client is saving the same file";
        let told = [&one, &other].iter().filter(|said| said.contains(refused)).count();
        assert_eq!((saved, told), (1, 1), "{one}; {other}");
    });
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let (_kept, folder) = self::folder(&[("a", b"text")]);
    on_loopback(folder, |place| async move {
        let to = tempfile::tempdir().expect("a folder");
        let nowhere = to.path().join("nowhere");
        for transport in BOTH {
            let said = sentence(save(&place, transport, "get a", &nowhere).await);
            assert!(said.starts_with(&format!("Could not read {}", nowhere.display())), "{said}");
            assert!(said.ends_with("choose another folder: --save DIR"), "{said}");
        }
    });
}

#[test]
fn a_symbolic_link_in_the_place_of_a_part_is_not_followed() {
    let bytes = noise(100);
    let (_kept, folder) = self::folder(&[("a", &bytes)]);
    on_loopback(folder, |place| async move {
        let (to, outside) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let part = to.path().join(format!("a.{}.part", &sha256(&bytes)[..16]));
        std::os::unix::fs::symlink(outside.path().join("trap"), part).expect("a link");
        let said = sentence(save(&place, Transport::Tcp, "get a", to.path()).await);
        assert!(said.starts_with("Could not write"), "{said}");
        assert!(names(outside.path()).is_empty());
    });
}

/// A server that sends another file than it was asked for.
#[derive(Debug)]
struct Liar(&'static str);

#[derive(Debug)]
struct Lie(&'static str);

impl Repository for Liar {
    fn list(&self, _first: usize) -> Box<dyn Content> {
        Box::new(Lie(self.0))
    }

    fn get(&self, _request: &GetRequest<'_>) -> Box<dyn Content> {
        Box::new(Lie(self.0))
    }

    fn get_or_say(&self, _name: &str, _otherwise: String) -> Box<dyn Content> {
        Box::new(Lie(self.0))
    }
}

impl Content for Lie {
    fn read(&mut self, _room: usize, out: &mut Vec<u8>) -> Piece {
        let head = format!("FILE {} 4 {}\nlies", self.0, sha256(b"lies"));
        out.extend_from_slice(head.as_bytes());
        Piece::End
    }
}

#[test]
fn whatever_a_server_calls_its_file_nothing_is_written_outside_the_folder() {
    for (lie, typed) in [("../b", "get a"), ("b", "get a"), ("../a", "get ../a"), ("b", "a")] {
        on_loopback(Liar(lie), |place| async move {
            for transport in BOTH {
                let around = tempfile::tempdir().expect("a folder");
                let to = around.path().join("to");
                fs::create_dir(&to).expect("a folder");
                let said = sentence(save(&place, transport, typed, &to).await);
                let refused = format!("The server sends \"{lie}\", which was not asked for");
                assert!(said.starts_with(&refused), "{transport}: {said}");
                assert!(names(&to).is_empty());
                assert_eq!(names(around.path()), ["to"]);
            }
        });
    }
}
