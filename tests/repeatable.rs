//! Same command, same bytes: in another process, on another machine, with another build. Another
//! seed: another story.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

/// Everything that a command writes: its standard output, and every file, by name.
fn everything(arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .args(["--svg", &inside("files"), "--pcap", &inside("files")])
        .args(["--html", &inside("page.html")])
        .stdin(Stdio::null())
        .output()
        .expect("compare starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut written = BTreeMap::from([("standard output".to_owned(), output.stdout)]);
    for entry in fs::read_dir(folder.path().join("files")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        written.insert(name, fs::read(&path).expect("a file"));
    }
    written.insert("page.html".to_owned(), fs::read(inside("page.html")).expect("a page"));
    written
}

/// Names what differs.
fn differences(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    assert!(one.keys().eq(other.keys()), "other files");
    one.iter()
        .filter(|(name, bytes)| other[*name] != **bytes)
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn the_same_command_writes_the_same_bytes_in_two_processes() {
    for arguments in [
        &["all", "--format", "json"][..],
        &[
            "loss",
            "--exchanges",
            "30",
            "--loss",
            "25%",
            "--jitter",
            "40ms",
            "--reorder",
            "10%",
            "--duplicate",
            "5%",
            "--rate",
            "200kbit",
            "--clients",
            "3",
            "--ladder",
        ],
    ] {
        let nothing: Vec<String> = Vec::new();
        assert_eq!(differences(&everything(arguments), &everything(arguments)), nothing);
    }
}

#[test]
fn another_seed_loses_other_packets() {
    let with = |seed: &str| {
        everything(&[
            "loss",
            "--exchanges",
            "30",
            "--loss",
            "20%",
            "--format",
            "json",
            "--seed",
            seed,
        ])
    };
    let differ = differences(&with("7"), &with("8"));
    assert_eq!(differ.len(), with("7").len(), "only these differ: {differ:?}");
}

/// What a seed means is the same for ever: lessons name seeds. `RENEW=1` writes the golden file anew.
#[test]
fn a_seed_means_the_same_on_every_machine() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/loss-seed-7.txt");
    let arguments = ["loss", "--loss", "20%", "--exchanges", "8", "--seed", "7", "--ladder"];
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("compare starts");
    if env::var_os("RENEW").is_some() {
        fs::create_dir_all(Path::new(golden).parent().expect("a folder")).expect("it can be made");
        fs::write(golden, &output.stdout).expect("it can be written");
    }
    let expected = fs::read_to_string(golden).expect("the golden file");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
