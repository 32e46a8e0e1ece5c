//! Files that stop coming: what is said then, and what is kept of them.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;

use crate::support::wire::{
    Datagram, REPLY, accept, read_line, read_to_end, receive_framed, tcp_listener, udp_socket,
};
use crate::support::{Ended, Program, client, client_command};

/// The datagram that opens a session.
const WELCOME: u8 = 7;

const GO_ON: &str = "get it again: it goes on from there";
const NOBODY_CAN_TELL: &str = "It may have been executed, or not";

/// What our server says before the bytes, and 1,000 of them.
fn beginning() -> String {
    format!("FILE a 100000 {}\n{}", "0123456789abcdef".repeat(4), "x".repeat(1_000))
}

fn options<'a>(transport: &'a str, save: &'a Path) -> [&'a str; 10] {
    let save = save.to_str().expect("a name");
    let (timeout, request) = ("20s", "get a");
    [
        "--service",
        "chat",
        "--transport",
        transport,
        "--save",
        save,
        "--timeout",
        timeout,
        "--request",
        request,
    ]
}

fn get(address: SocketAddr, transport: &str, save: &Path) -> Ended {
    client(address, &options(transport, save))
}

/// Opens a session and sends the first piece of a file; returns who asked for the next one, and how.
fn first_piece(socket: &UdpSocket) -> (Datagram, SocketAddr) {
    let (hello, from) = receive_framed(socket);
    socket.send_to(&hello.answer(WELCOME, "Client01").bytes(), from).expect("sent");
    let mut answered = hello.id;
    loop {
        let (request, from) = receive_framed(socket);
        if request.text() == "get a 0" {
            socket.send_to(&request.answer(REPLY, &beginning()).bytes(), from).expect("sent");
            answered = request.id;
        } else if request.id != answered && request.text().starts_with("get a 1000 ") {
            return (request, from);
        }
    }
}

#[test]
fn over_tcp_a_file_that_breaks_off_is_kept_and_gone_on_with() {
    let (listener, address) = tcp_listener();
    let server = thread::spawn(move || {
        let mut stream = accept(&listener);
        stream.write_all(b"Client01\n").expect("sent");
        assert_eq!(read_line(&mut stream), "get a 0\n");
        stream.write_all(beginning().as_bytes()).expect("sent");
    });
    let save = tempfile::tempdir().expect("a folder");
    let client = get(address, "tcp", save.path()).with_code(5);
    server.join().expect("as told");
    assert!(client.err.contains("[ERROR] Broken off by tcp "), "{client:#?}");
    assert!(client.err.contains("1,000 bytes are kept in "), "{client:#?}");
    assert!(client.err.contains(GO_ON), "{client:#?}");
    assert!(!client.err.contains(NOBODY_CAN_TELL), "{client:#?}");
}

#[test]
fn a_file_of_which_nothing_has_come_is_to_be_got_again() {
    let (listener, address) = tcp_listener();
    let server = thread::spawn(move || {
        let mut stream = accept(&listener);
        stream.write_all(b"Client01\n").expect("sent");
        assert_eq!(read_line(&mut stream), "get a 0\n");
    });
    let save = tempfile::tempdir().expect("a folder");
    let client = get(address, "tcp", save.path()).with_code(5);
    server.join().expect("as told");
    assert!(client.err.contains("Nothing of the file had come: get it again"), "{client:#?}");
    assert!(!client.err.contains(NOBODY_CAN_TELL), "{client:#?}");
}

#[test]
fn over_udp_a_killed_server_leaves_what_has_come_of_a_file() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    // Nobody has the port any more: the next copy meets an ICMP port unreachable.
    let server = thread::spawn(move || drop(first_piece(&socket)));
    let save = tempfile::tempdir().expect("a folder");
    let client = get(address, "udp", save.path()).with_code(9);
    server.join().expect("as told");
    assert!(client.err.contains("1,000 bytes are kept in "), "{client:#?}");
    assert!(client.err.contains(GO_ON), "{client:#?}");
    assert!(!client.err.contains(NOBODY_CAN_TELL), "{client:#?}");
}

#[test]
fn a_file_that_has_changed_meanwhile_is_to_be_got_again() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let (request, from) = first_piece(&socket);
        socket.send_to(&request.answer(REPLY, "ERR changed").bytes(), from).expect("sent");
    });
    let save = tempfile::tempdir().expect("a folder");
    let client = get(address, "udp", save.path()).with_code(8);
    server.join().expect("as told");
    let told = "[ERROR] The file has changed meanwhile: get it again\n";
    assert!(client.err.contains(told), "{client:#?}");
}

/// Who asks for the second piece has written the first one.
#[test]
fn an_interrupt_while_a_file_comes_says_what_is_kept() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    let (came, has_come) = mpsc::channel();
    let server = thread::spawn(move || {
        first_piece(&socket);
        came.send(()).expect("somebody listens");
        // The port stays: a silent server is no reason to end.
        socket
    });
    let save = tempfile::tempdir().expect("a folder");
    let client = Program::start(&mut client_command(address, &options("udp", save.path())));
    has_come.recv().expect("the second piece is asked for");
    let _silent = server.join().expect("as told");
    client.signal(Signal::INT);
    let client = client.finish().with_code(130);
    assert!(client.err.contains("1,000 bytes are kept in "), "{client:#?}");
    assert!(client.err.contains(GO_ON), "{client:#?}");
    assert_eq!(fs::read_dir(save.path()).expect("a folder").count(), 1);
}

#[test]
fn an_interrupt_while_a_word_is_answered_says_nothing_of_files() {
    let (listener, address) = tcp_listener();
    let (asked, is_asked) = mpsc::channel();
    let server = thread::spawn(move || {
        let mut stream = accept(&listener);
        stream.write_all(b"Client01\n").expect("sent");
        assert_eq!(read_line(&mut stream), "a\n");
        asked.send(()).expect("somebody listens");
        read_to_end(&stream);
    });
    let save = tempfile::tempdir().expect("a folder");
    fs::write(save.path().join("a.0123456789abcdef.part"), "x").expect("written");
    let save = save.path().to_str().expect("a name");
    let options = ["--service", "chat", "--save", save, "--request", "a"];
    let client = Program::start(&mut client_command(address, &options));
    is_asked.recv().expect("it is asked");
    client.signal(Signal::INT);
    let client = client.finish().with_code(130);
    server.join().expect("as told");
    assert!(!client.err.contains("kept"), "{client:#?}");
}
