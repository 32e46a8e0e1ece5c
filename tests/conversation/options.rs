//! Options that have no meaning beside the others, and the help.

use std::net::SocketAddr;

use crate::support::peers::Nobody;
use crate::support::{CLIENT, Program, client};

/// Fails the test unless this is refused before anything is sent, with one line of advice.
#[track_caller]
fn is_refused(server: SocketAddr, options: &[&str], what: &str, advice: &str) {
    let client = client(server, options).with_code(2);
    assert_eq!(client.err, format!("[ERROR] {what}\n        {advice}\n"));
    assert_eq!(client.out, "");
}

#[test]
fn an_option_of_another_service_is_refused_with_advice() {
    let nobody = Nobody::over("tcp").address;
    let refused = |options: &[&str], what, advice| is_refused(nobody, options, what, advice);
    let echo = ["--service", "echo"];
    let advice = "Ask with: --request TEXT";
    refused(&[&echo[..], &["--number", "25"]].concat(), "--number is for sums", advice);
    let advice = "A chat gives you a name itself";
    refused(&["--service", "chat", "--name", "Ada"], "--name is for sums", advice);
    refused(&[&echo[..], &["--verify"]].concat(), "--verify is for sums", "Leave it out");
    let advice = "They are had with: --service chat";
    refused(&["--save", "here"], "--save is for files", advice);
    let advice = "They are had with: --service chat --transport udp";
    refused(&["--service", "chat", "--window", "8"], "--window is for files over UDP", advice);
    let keepalive = ["--transport", "udp", "--keepalive", "20s"];
    let advice = "Nothing else has sessions of its own: leave it out";
    refused(&keepalive, "--keepalive is for a chat over UDP", advice);
    refused(
        &["--service", "chat", "--transport", "udp", "--semantics", "maybe"],
        "a chat has sessions, and a bare datagram belongs to none",
        "Take --semantics at-most-once, or another service",
    );
}

#[test]
fn values_out_of_bounds_are_refused() {
    let nobody = Nobody::over("udp").address;
    for (option, value, why) in [
        ("--keepalive", "14s", "must be 15s at least, or off"),
        ("--window", "65", "must be from 1 to 64"),
        ("--window", "0", "must be from 1 to 64"),
    ] {
        let options = ["--service", "chat", "--transport", "udp", option, value];
        let client = client(nobody, &options).with_code(2);
        assert!(client.err.contains(why), "{client:#?}");
    }
}

#[test]
fn the_help_begins_with_what_a_beginner_needs() {
    let mut command = std::process::Command::new(CLIENT);
    let help = Program::start(command.arg("--help")).finish().with_code(0).out;
    let (first, more) = help.split_once("More options:").expect("two headings");
    let options = ["--transport", "--service", "--number", "--request", "--timeout"];
    assert_eq!(first.matches("\n      --").count(), options.len(), "{help}");
    assert!(options.iter().all(|option| first.contains(option)), "{help}");
    for option in ["--save", "--window", "--keepalive"] {
        let (_, text) = more.split_once(option).expect(option);
        assert!(text.lines().nth(1).is_some_and(|line| line.contains("Chat: ")), "{option}");
    }
}
