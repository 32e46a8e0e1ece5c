//! The second client: of a server that serves one at a time, and of one that is full.

use std::io::Write;
use std::net::Shutdown;

use crate::support::wire::{Datagram, REPLY, connect, conversation, exchange, read_to_end, udp_to};
use crate::{CONCURRENT, FIFTY, Lines, start};

const BUSY: &str = "BUSY the server serves one client at a time";

#[test]
fn the_second_client_of_a_serial_server_is_told_and_served_once_the_first_has_left() {
    let server = start("serial", &["--number", "50"]);
    let mut first = Lines::to(server.address);
    assert_eq!(first.ask("Ada;25"), FIFTY);
    // Told at once, before it says anything, whatever the first is doing; so is the third.
    let mut second = Lines::to(server.address);
    let mut third = Lines::to(server.address);
    assert_eq!(third.hear(), BUSY);
    assert_eq!(second.hear(), BUSY);
    assert_eq!(second.hear(), "");
    drop((second, third));
    server.wait_for(" closed");
    server.wait_for(" closed");
    assert_eq!(first.ask("Ada;26"), FIFTY);
    drop(first);
    server.wait_for(" closed");
    let mut second = Lines::to(server.address);
    assert_eq!(second.ask("Bob;30"), FIFTY);
    let out = server.stop().out;
    assert_eq!(out.matches("turned away: the server serves one client at a time").count(), 2);
}

#[test]
fn a_refused_client_who_does_not_listen_holds_up_neither_the_first_nor_the_next() {
    let server = start("serial", &["--number", "50"]);
    let mut first = Lines::to(server.address);
    assert_eq!(first.ask("Ada;25"), FIFTY);
    // It goes on sending and never reads: the server hears it out for a second.
    let mut deaf = connect(server.address);
    deaf.write_all(&b"Eve;1\n".repeat(1000)).expect("sent");
    server.wait_for("turned away");
    assert_eq!(first.ask("Ada;26"), FIFTY);
    let next = conversation(server.address, b"Bob;30\n");
    assert_eq!(next, format!("{BUSY}\n"));
    drop(first);
    assert_eq!(Lines::to(server.address).ask("Bob;31"), FIFTY);
    server.stop();
}

#[test]
fn over_udp_a_serial_server_serves_everybody() {
    let server = start("serial", &["--number", "50"]);
    let mut first = Lines::to(server.address);
    assert_eq!(first.ask("Ada;25"), FIFTY);
    for token in 0..10 {
        let socket = udp_to(server.address);
        let reply = exchange(&socket, &Datagram::request(token, 1, "Bob;30").bytes());
        assert_eq!(Datagram::read(&reply).kind, REPLY);
    }
    assert_eq!(first.ask("Ada;26"), FIFTY);
    server.stop();
}

#[test]
fn in_the_kernels_queue_the_second_client_is_connected_and_hears_nothing_until_its_turn() {
    let server = start("serial", &["--second", "queue", "--number", "50"]);
    let mut first = Lines::to(server.address);
    assert_eq!(first.ask("Ada;25"), FIFTY);
    let mut second = Lines::to(server.address);
    second.say("Bob;30\n");
    for _ in 0..100 {
        assert_eq!(first.ask("Ada;26"), FIFTY);
        assert!(second.has_heard_nothing());
    }
    drop(first);
    assert_eq!(second.hear(), FIFTY);
    let out = server.stop().out;
    assert!(!out.contains("turned away"), "{out}");
}

#[test]
fn a_full_server_says_so_and_has_room_again_when_somebody_leaves() {
    for model in CONCURRENT {
        let server = start(model, &["--max-clients", "2", "--number", "50"]);
        let mut clients = [Lines::to(server.address), Lines::to(server.address)];
        for client in &mut clients {
            assert_eq!(client.ask("Ada;25"), FIFTY);
        }
        let third = connect(server.address);
        let (words, finished) = read_to_end(&third);
        assert_eq!((words.as_str(), finished), ("BUSY server full (2 clients)\n", true), "{model}");
        let [first, mut second] = clients;
        first.0.get_ref().shutdown(Shutdown::Write).expect("connected");
        // Its place is free before it hears the end.
        drop(first);
        server.wait_for(" closed");
        server.wait_for(" closed");
        assert_eq!(Lines::to(server.address).ask("Bob;30"), FIFTY, "{model}");
        assert_eq!(second.ask("Ada;26"), FIFTY, "{model}");
        server.stop();
    }
}
