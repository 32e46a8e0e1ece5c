//! What the server gives out of its folder, and what it does not.

use std::os::unix::fs::symlink;

use super::*;

/// Asks over both transports and insists on the same line.
async fn says<N: Net>(place: &Place<N>, request: &str, expected: &str) {
    for transport in BOTH {
        let (fetched, sink) = place.fetch(transport, request).await;
        match fetched {
            Fetched::Line(line) => assert_eq!(line, expected, "{transport} {request}"),
            other => panic!("{transport} {request}: {other:?}"),
        }
        assert_eq!(sink.head, None, "{transport} {request}");
    }
}

const NOT_FOUND: &str = "ERR not found: list says which files there are";
const NOT_PLAIN: &str = "ERR not a file's name: folders, / and \\ have no place in it";

#[test]
fn no_name_leads_out_of_the_folder() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret"), "secret").expect("a file");
    let (kept, folder) = self::folder(&[("a", b"a")]);
    std::fs::create_dir(kept.path().join("inner")).expect("a folder");
    std::fs::write(kept.path().join("inner/b"), "b").expect("a file");
    let secret = outside.path().join("secret").display().to_string();
    symlink(&secret, kept.path().join("link")).expect("a link");
    symlink(outside.path(), kept.path().join("door")).expect("a link");
    on_loopback(folder, |place| async move {
        let climbing = ["../../etc/passwd", "/etc/passwd", "..", ".", "inner/b", "door/secret"];
        for name in
            climbing.iter().copied().chain([secret.as_str(), "a/", "./a", "..\\a", "a\u{1b}"])
        {
            says(&place, &format!("get {name} 0"), NOT_PLAIN).await;
        }
        let folder = "ERR that is a folder: only files are given out";
        says(&place, "get inner 0", folder).await;
        let link = "ERR that is a symbolic link: only files are given out";
        says(&place, "get link 0", link).await;
        says(&place, "get door 0", link).await;
        says(&place, "get nothing 0", NOT_FOUND).await;
        says(&place, &format!("get {} 0", "n".repeat(255)), NOT_FOUND).await;
        // As text they are text.
        says(&place, "link", "linkACK").await;
        says(&place, "../../etc/passwd", "../../etc/passwdACK").await;
    });
}

#[test]
fn pipes_and_devices_are_not_even_opened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let (kept, folder) = self::folder(&[]);
    let pipe = kept.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(kept.path().join("socket")).expect("one");
    on_loopback(folder, |place| async move {
        let expected = "ERR that is a device or a pipe: only files are given out";
        says(&place, "get pipe 0", expected).await;
        says(&place, "get socket 0", expected).await;
        says(&place, "list", "no files").await;
    });
}

#[test]
fn what_cannot_be_asked_for_is_not_listed() {
    use std::os::unix::ffi::OsStrExt;
    let (kept, folder) = self::folder(&[("b.txt", b""), ("a b", b""), (".c", b"")]);
    for odd in [&b"\xFFname"[..], b"line\nend", b"back\\slash", b" space"] {
        let path = kept.path().join(std::ffi::OsStr::from_bytes(odd));
        std::fs::write(path, "").expect("a file");
    }
    std::fs::create_dir(kept.path().join("inner")).expect("a folder");
    symlink("b.txt", kept.path().join("link")).expect("a link");
    on_loopback(folder, |place| async move {
        says(&place, "list", ".c / a b / b.txt").await;
        says(&place, "list 1", "a b / b.txt").await;
        says(&place, "list 3", "no more files: there are 3").await;
    });
}

#[test]
fn a_long_list_comes_in_pages_that_fit_a_datagram() {
    let (kept, folder) = self::folder(&[]);
    let names: Vec<String> = (0..300).map(|number| format!("file {number:03}.txt")).collect();
    for name in &names {
        std::fs::write(kept.path().join(name), "").expect("a file");
    }
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let mut met: Vec<String> = Vec::new();
            let mut request = "list".to_owned();
            loop {
                let (fetched, _) = place.fetch(transport, &request).await;
                let Fetched::Line(line) = fetched else { panic!("{transport}: no line") };
                assert!(line.len() <= 1176);
                let (listed, more) = line.split_once(" (and ").unwrap_or((&line, ""));
                met.extend(listed.split(" / ").map(str::to_owned));
                let Some((_, next)) = more.split_once(": ") else { break };
                request = next.trim_end_matches(')').to_owned();
            }
            assert_eq!(met, names, "{transport}");
        }
    });
}

#[test]
fn a_part_must_lie_within_the_file_and_be_of_its_version() {
    let (_kept, folder) = self::folder(&[("a", b"0123456789")]);
    let version = sha256(b"0123456789")[..16].to_owned();
    on_loopback(folder, |place| async move {
        says(&place, "get a 11", "ERR the file ends before that").await;
        let end = u64::MAX;
        says(&place, &format!("get a {end} {version}"), "ERR the file ends before that").await;
        says(&place, "get a 0 0123456789abcdef", "ERR changed").await;
    });
}

#[test]
fn a_folder_that_is_not_there_cannot_be_given_out() {
    let place = tempfile::tempdir().expect("a folder");
    std::fs::write(place.path().join("file"), "").expect("a file");
    for name in ["nothing", "file"] {
        assert!(Folder::open(&place.path().join(name)).is_err(), "{name}");
    }
}
