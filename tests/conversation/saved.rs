//! A chat whose server has files: they are asked for between the messages, and saved.

use std::fs;
use std::path::Path;

use crate::support::program::json_lines;
use crate::support::{BOTH, Ended, Server, client_with_input};

/// Neither text nor short: several datagrams of it.
fn picture() -> Vec<u8> {
    (0..20_000u32).flat_map(|number| number.to_le_bytes()).collect()
}

fn folder_of_files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("picture.bin"), picture()).expect("written");
    fs::write(folder.path().join("notes"), "TCP\n\nUDP").expect("written");
    folder
}

fn chat(server: &Server, transport: &str, save: &Path, more: &[&str], input: &str) -> Ended {
    let save = save.to_str().expect("a name");
    let options = ["--service", "chat", "--transport", transport, "--save", save];
    client_with_input(server.address, &[&options[..], more].concat(), input)
}

fn started(files: &Path) -> Server {
    let files = files.to_str().expect("a name");
    Server::start(&["--service", "chat", "--files", files])
}

#[test]
fn a_file_is_saved_between_two_messages_of_the_same_session() {
    let files = folder_of_files();
    let server = started(files.path());
    for (name, transport, window) in
        [("Client01", "tcp", &[][..]), ("Client02", "udp", &["--window", "8"])]
    {
        let save = tempfile::tempdir().expect("a folder");
        let input = "hello\nlist\n get picture.bin \nnotes\nhow are you\nexit\n";
        let client = chat(&server, transport, save.path(), window, input).with_code(0);
        let lines: Vec<_> = client.out.lines().collect();
        assert_eq!(lines[0], "Server replied: helloACK");
        assert!(lines[1].contains("notes / picture.bin"), "{client:#?}");
        assert!(lines[2].starts_with("Saved picture.bin, 80,000 bytes, SHA-256 "), "{client:#?}");
        assert!(lines[3].starts_with("Saved notes, 8 bytes, SHA-256 "), "{client:#?}");
        assert_eq!(lines[4], "Server replied: how are youACK");
        assert_eq!(lines[5], format!("Server replied: Goodbye, {name}"));
        let saved = |name| fs::read(save.path().join(name)).expect(name);
        assert!(saved("picture.bin") == picture(), "{transport}: other bytes");
        assert_eq!(saved("notes"), b"TCP\n\nUDP");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_and_the_session_goes_on() {
    let files = folder_of_files();
    let server = started(files.path());
    for transport in BOTH {
        let save = tempfile::tempdir().expect("a folder");
        let input = "get nothing\nget ../../etc/passwd\nhello\n";
        let client = chat(&server, transport, save.path(), &[], input).with_code(8);
        assert_eq!(client.out, "Server replied: helloACK\n");
        assert_eq!(client.err.matches("[ERROR] The server answered with an error: ").count(), 2);
        assert_eq!(fs::read_dir(save.path()).expect("a folder").count(), 0);
    }
}

#[test]
fn a_file_is_never_written_over_another() {
    let files = folder_of_files();
    let server = started(files.path());
    for transport in BOTH {
        let save = tempfile::tempdir().expect("a folder");
        fs::write(save.path().join("notes"), "my own").expect("written");
        let client = chat(&server, transport, save.path(), &[], "get notes\nhello\n").with_code(1);
        assert_eq!(client.out, "Server replied: helloACK\n");
        assert!(client.err.contains("something else has this name already"), "{client:#?}");
        assert_eq!(fs::read(save.path().join("notes")).expect("still there"), b"my own");
    }
}

#[test]
fn a_saved_file_is_a_json_object_like_any_reply() {
    let files = folder_of_files();
    let server = started(files.path());
    for transport in BOTH {
        let save = tempfile::tempdir().expect("a folder");
        let client = chat(&server, transport, save.path(), &["--json"], "get notes\n").with_code(0);
        let objects = json_lines(&client.out);
        assert_eq!(objects.len(), 1, "{client:#?}");
        let reply = objects[0]["reply"].as_str().expect("the line before the bytes");
        assert!(reply.starts_with("FILE notes 8 "), "{client:#?}");
        assert_eq!(objects[0]["exit_code"], 0);
    }
}
