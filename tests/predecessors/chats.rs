//! The chat.

use std::fs;
use std::io::Write;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::json_lines;
use crate::support::{BOTH, HASTY, Server, client_with_input};
use crate::{of, start_client, without_ports_and_moments};

/// A chat with room for three.
fn chat(options: &[&str]) -> Server {
    Server::start(&[&["--service", "chat"], HASTY, options].concat())
}

#[test]
fn a_chat_over_udp_reads_as_its_transcript() {
    let server = chat(&["--transport", "udp"]);
    let input = "hello world\nexit\n";
    client_with_input(server.address, &of("chat", "udp"), input).with_code(0);
    server.wait_for("left (goodbye)");
    let expected = "\
Server is ready to receive on udp 127.0.0.1:PORT
udp 127.0.0.1:PORT challenged: that needs a proven address
udp 127.0.0.1:PORT joined as Client01
udp 127.0.0.1:PORT sent \"Client01\"
udp 127.0.0.1:PORT received \"hello world\"
udp 127.0.0.1:PORT sent \"hello worldACK\"
udp 127.0.0.1:PORT received \"exit\"
udp 127.0.0.1:PORT sent \"Goodbye, Client01\"
udp 127.0.0.1:PORT Client01 left (goodbye) at MOMENT UTC
";
    let printed = without_ports_and_moments(&server.stop().out);
    assert!(printed.starts_with(expected), "{printed}");
}

#[test]
fn a_chat_for_programs_says_who_joined_and_who_left_as_documented() {
    let server = chat(&["--log-format", "json"]);
    for transport in BOTH {
        client_with_input(server.address, &of("chat", transport), "hello\nexit\n").with_code(0);
        server.wait_for("\"event\":\"left\"");
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md");
    let page = fs::read_to_string(page).expect("a page");
    let events = json_lines(&server.stop().out);
    for event in &events {
        let name = event["event"].as_str().expect("a name");
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in docs/json.md");
    }
    for (event, reason) in [("joined", Value::Null), ("left", "goodbye".into())] {
        let told: Vec<_> = events.iter().filter(|it| it["event"] == event).collect();
        let names: Vec<_> = told.iter().map(|it| &it["name"]).collect();
        assert_eq!(names, ["Client01", "Client02"]);
        assert!(told.iter().all(|it| it["reason"] == reason), "{told:?}");
    }
}

#[test]
fn status_says_since_when_one_is_here_and_status_all_who_has_left_and_when() {
    for transport in BOTH {
        let server = chat(&[]);
        client_with_input(server.address, &of("chat", transport), "exit\n").with_code(0);
        server.wait_for("Client01 left (goodbye)");
        let input = "status\nstatus all\n";
        let client = client_with_input(server.address, &of("chat", transport), input).with_code(0);
        let here = "Server replied: Client02 connected at MOMENT UTC";
        let was = "Client01 connected at MOMENT UTC, left at MOMENT UTC";
        assert_eq!(without_ports_and_moments(&client.out), format!("{here}\n{here}; {was}\n"));
    }
}

#[test]
fn names_count_up_over_both_transports_and_are_never_given_twice() {
    let server = chat(&["--max-clients", "1"]);
    for (number, transport) in BOTH.into_iter().cycle().take(12).enumerate() {
        let client = client_with_input(server.address, &of("chat", transport), "exit\n");
        let name = format!("Client{:02}", number + 1);
        assert_eq!(client.with_code(0).out, format!("Server replied: Goodbye, {name}\n"));
        server.wait_for(&format!("{name} left (goodbye)"));
    }
}

#[test]
fn a_killed_client_is_noticed_and_its_place_is_free_at_once_or_after_a_silence() {
    // Over TCP its system says so; over UDP nobody does.
    for (transport, how, silence) in [("tcp", "(closed)", "5m"), ("udp", "(idle)", "1s")] {
        let server = chat(&["--max-clients", "1", "--idle-timeout", silence]);
        let (client, mut input) = start_client(&server, &of("chat", transport));
        input.write_all(b"hello\n").expect("typed");
        client.wait_for("Server replied: helloACK");
        client.signal(Signal::KILL);
        server.wait_for(&format!("Client01 left {how} at "));
        let next = client_with_input(server.address, &of("chat", transport), "hello\n");
        assert!(next.with_code(0).err.contains(" as Client02"));
    }
}

#[test]
fn three_who_chat_at_once_hear_each_their_own_words() {
    let server = chat(&[]);
    let mut clients = Vec::new();
    for (name, transport) in [("Ada", "tcp"), ("Bob", "udp"), ("Eve", "tcp")] {
        let (client, input) = start_client(&server, &of("chat", transport));
        client.wait_for_error(" as Client0");
        clients.push((name, client, input));
    }
    let lines = |name: &str, end: &str| -> Vec<String> {
        (0..100).map(|number| format!("{name} says {number}{end}")).collect()
    };
    for (name, _, input) in &mut clients {
        input.write_all(lines(name, "\n").concat().as_bytes()).expect("typed");
    }
    for (name, client, input) in clients {
        drop(input);
        let heard = client.finish().with_code(0).out;
        let heard: Vec<&str> = heard.lines().collect();
        let expected: Vec<_> =
            lines(name, "ACK").iter().map(|line| format!("Server replied: {line}")).collect();
        assert_eq!(heard, expected);
    }
}

#[test]
fn list_names_the_files_and_get_or_the_name_alone_brings_one_of_any_kind() {
    let files = tempfile::tempdir().expect("a folder");
    let binary: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for (name, bytes) in [("binary", &binary[..]), ("empty", b""), ("status", b"a file")] {
        fs::write(files.path().join(name), bytes).expect("written");
    }
    for transport in BOTH {
        let server = chat(&["--files", files.path().to_str().expect("a path")]);
        let save = tempfile::tempdir().expect("a folder");
        let options = [&of("chat", transport)[..], &["--save"]].concat();
        let options = [&options[..], &[save.path().to_str().expect("a path")]].concat();
        let input = "list\nget binary\nempty\nstatus\nget status\n";
        let client = client_with_input(server.address, &options, input).with_code(0);
        let lines: Vec<&str> = client.out.lines().collect();
        assert_eq!(lines[0], "Server replied: binary / empty / status", "{client:#?}");
        // A word that means something is no file's name; `get` makes it one.
        assert!(lines[3].starts_with("Server replied: Client01 connected at "), "{client:#?}");
        for (name, bytes) in [("binary", &binary[..]), ("empty", b""), ("status", b"a file")] {
            let saved = fs::read(save.path().join(name)).unwrap_or_else(|_| panic!("{client:#?}"));
            assert!(saved == bytes, "{name} over {transport}");
        }
    }
}

#[test]
fn a_file_that_is_elsewhere_or_nowhere_is_refused_in_words() {
    let files = tempfile::tempdir().expect("a folder");
    for transport in BOTH {
        let server = chat(&["--files", files.path().to_str().expect("a path")]);
        let input = "get nothing\nget ../../etc/passwd\nget /etc/passwd\nhello\n";
        let client = client_with_input(server.address, &of("chat", transport), input).with_code(8);
        assert_eq!(client.out, "Server replied: helloACK\n");
        assert_eq!(client.err.matches("not found: list says which files").count(), 1);
        assert_eq!(client.err.matches("not a file's name").count(), 2, "{client:#?}");
    }
}
