//! The four services as whoever writes a client of their own meets them: a socket, lines or
//! datagrams, and the server's transcript.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;

use support::wire::{
    BYE, CHALLENGE, Datagram, connect, conversation, exchange, read_line, read_to_end, udp_to,
};
use support::{HASTY, Program, SERVER, Server};

const HELLO: u8 = 6;
const WELCOME: u8 = 7;

/// A client of a chat over UDP, written after the protocol's description.
struct Session {
    socket: UdpSocket,
    token: u32,
    id: u32,
    cookie: Vec<u8>,
}

impl Session {
    fn new(server: SocketAddr, token: u32) -> Self {
        Session { socket: udp_to(server), token, id: 100, cookie: Vec::new() }
    }

    /// Asks, proves its address if it must, and returns the answer.
    #[track_caller]
    fn asks(&mut self, kind: u8, text: &str) -> Datagram {
        self.id += 1;
        loop {
            let question = Datagram::new(kind, self.token, self.id, text);
            let question = match self.cookie.is_empty() {
                true => question,
                false => question.with_cookie(&self.cookie),
            };
            let answer = Datagram::read(&exchange(&self.socket, &question.bytes()));
            if answer.kind != CHALLENGE {
                return answer;
            }
            self.cookie = answer.cookie;
        }
    }

    #[track_caller]
    fn says(&mut self, text: &str) -> String {
        self.asks(support::wire::REQUEST, text).text().to_owned()
    }
}

/// Joins a chat over TCP; returns the name it is greeted with, too.
fn join(server: SocketAddr) -> (TcpStream, String) {
    let mut stream = connect(server);
    let name = read_line(&mut stream);
    (stream, name)
}

#[track_caller]
fn ask(stream: &mut TcpStream, text: &str) -> String {
    writeln!(stream, "{text}").expect("sent");
    read_line(stream).trim_end().to_owned()
}

#[test]
fn the_calculator_answers_over_both_transports_and_survives_slips() {
    let server = Server::start(&["--service", "calculator"]);
    let lines = "22 + 44\n3 * 4\n4 / 2\nabc\n1 +\n1 / 0\n\n9 + 8\n";
    let expected = "66\n12\n2\n\
                    ERR \"a\" at 1 is no number, operator or bracket\n\
                    ERR a number is missing after \"+\"\n\
                    ERR division by zero\n\
                    ERR empty expression\n\
                    17\n";
    assert_eq!(conversation(server.address, lines.as_bytes()), expected);
    let udp = udp_to(server.address);
    for (line, expected) in lines.lines().zip(expected.lines()) {
        assert_eq!(String::from_utf8_lossy(&exchange(&udp, line.as_bytes())), expected);
    }
}

#[test]
fn the_echo_repeats_what_it_hears_over_both_transports() {
    let server = Server::start(&["--service", "echo"]);
    let lines = "hello world\n  spaces  \nexit\nZoë 李\n";
    assert_eq!(conversation(server.address, lines.as_bytes()), lines);
    let udp = udp_to(server.address);
    for line in lines.lines() {
        assert_eq!(exchange(&udp, line.as_bytes()), line.as_bytes());
    }
}

#[test]
fn a_megabyte_of_expressions_in_one_go_is_answered_in_order() {
    let server = Server::start(&["--service", "calculator", "--quiet"]);
    let (count, address) = (100_000, server.address);
    let mut stream = connect(address);
    let mut writer = stream.try_clone().expect("a second handle");
    let writing = thread::spawn(move || {
        let lines: String = (0..count).map(|number| format!("{number} + 1\n")).collect();
        writer.write_all(lines.as_bytes()).expect("sent");
        writer.shutdown(std::net::Shutdown::Write).expect("an open stream");
    });
    assert_eq!(read_line(&mut stream), "1\n");
    // Somebody who asks meanwhile is not held up.
    assert_eq!(conversation(address, b"2 * 3\n"), "6\n");
    let (replies, finished) = read_to_end(&stream);
    writing.join().expect("no panic");
    assert!(finished);
    let numbers: Vec<i32> = replies.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers, (2..=count).collect::<Vec<i32>>());
}

#[test]
fn expressions_that_are_too_long_too_deep_or_too_big_end_in_words() {
    let server = Server::start(&["--service", "calculator", "--max-message", "65000"]);
    let too_deep = "ERR brackets nested deeper than 100\n";
    let too_big = "ERR the number is too big: 79228162514264337593543950335 is the largest\n";
    let brackets = format!("{}\n1 + 1\n", "(".repeat(10_000));
    assert_eq!(conversation(server.address, brackets.as_bytes()), format!("{too_deep}2\n"));
    let digits = format!("{}\n1 + 1\n", "9".repeat(60_000));
    assert_eq!(conversation(server.address, digits.as_bytes()), format!("{too_big}2\n"));
    let endless = "1+".repeat(500_000);
    assert_eq!(conversation(server.address, endless.as_bytes()), "ERR too long\n");
    assert_eq!(conversation(server.address, b"1 + 1\n"), "2\n");
}

#[test]
fn a_chat_over_tcp_reads_as_its_transcript() {
    let server = Server::start(&["--service", "chat", "--transport", "tcp"]);
    let (mut stream, name) = join(server.address);
    assert_eq!(name, "Client01\n");
    let peer = format!("tcp {}", stream.local_addr().expect("an address"));
    assert_eq!(ask(&mut stream, "hello world"), "hello worldACK");
    assert_eq!(ask(&mut stream, "list"), "ERR no files here: start the server with --files DIR");
    assert_eq!(ask(&mut stream, "exit"), "Goodbye, Client01");
    assert_eq!(read_to_end(&stream), (String::new(), true));
    drop(stream);
    server.wait_for(" closed");
    let said = server.stop().out;
    let (before, moment) = said.split_once("(goodbye) at ").expect("a goodbye");
    let expected = format!(
        "{peer} connected\n\
         {peer} joined as Client01\n\
         {peer} received \"hello world\"\n\
         {peer} sent \"hello worldACK\"\n\
         {peer} received \"list\"\n\
         {peer} sent \"ERR no files here: start the server with --files DIR\"\n\
         {peer} received \"exit\"\n\
         {peer} sent \"Goodbye, Client01\"\n\
         {peer} Client01 left "
    );
    assert_eq!(before.split_once('\n').expect("a ready line").1, expected);
    // 2025-02-08 20:08:47.904069 UTC
    let shape: String = moment.lines().next().expect("a line").replace(char::is_numeric, "0");
    assert_eq!(shape, "0000-00-00 00:00:00.000000 UTC");
}

#[test]
fn three_chat_over_both_transports_and_the_fourth_waits_until_one_is_gone() {
    let server = Server::start(&[&["--service", "chat"], HASTY].concat());
    let (mut first, _) = join(server.address);
    let mut second = Session::new(server.address, 2);
    let welcome = second.asks(HELLO, "");
    assert_eq!((welcome.kind, welcome.text()), (WELCOME, "Client02"));
    let (third, name) = join(server.address);
    assert_eq!(name, "Client03\n");

    let full = "BUSY server full (3 clients)\n";
    assert_eq!(conversation(server.address, b"hello\n"), full);
    let mut fourth = Session::new(server.address, 4);
    let busy = fourth.asks(HELLO, "");
    assert_eq!((busy.kind, busy.text()), (support::wire::BUSY, "server full (3 clients)"));
    // The others have noticed nothing.
    assert_eq!(ask(&mut first, "still here?"), "still here?ACK");
    assert_eq!(second.says("so am I"), "so am IACK");

    support::wire::reset(third);
    server.wait_for("Client03 left (reset) at ");
    assert_eq!(fourth.asks(HELLO, "").text(), "Client04");
    let here: Vec<String> =
        second.says("status").split("; ").map(|one| one[..8].to_owned()).collect();
    assert_eq!(here, ["Client01", "Client02", "Client04"]);
    assert_eq!(second.says("status all").matches(", left at ").count(), 1);

    assert_eq!(second.says("exit"), "Goodbye, Client02");
    server.wait_for("Client02 left (goodbye) at ");
    let bye = Datagram { bye: 4, ..Datagram::new(BYE, fourth.token, fourth.id + 1, "") };
    fourth.socket.send(&bye.bytes()).expect("sent");
    server.wait_for("Client04 left (goodbye) at ");
    assert_eq!(join(server.address).1, "Client05\n");
}

#[test]
fn a_chat_takes_no_bare_datagrams() {
    let server = Server::start(&["--service", "chat"]);
    let answer = exchange(&udp_to(server.address), b"hello");
    assert_eq!(String::from_utf8_lossy(&answer), "ERR use the framed protocol");
}

#[test]
fn what_has_no_effect_is_refused_before_anything_is_opened() {
    let nowhere = ["--service", "chat", "--files", "/nowhere at all"];
    for (options, code, expected) in [
        (&["--service", "echo", "--number", "50"][..], 2, "--number has no effect without"),
        (&["--files", "."], 2, "--files has no effect without --service chat"),
        (&["--second", "queue"], 2, "--second has no effect without --model serial"),
        (&["--service", "chat", "--max-clients", "0"], 2, "'--max-clients <N>'"),
        (&nowhere, 1, "Could not use /nowhere at all for --files: No such file"),
    ] {
        let ended = Program::start(Command::new(SERVER).args(options)).finish().with_code(code);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{ended:#?}");
    }
}

#[test]
fn help_begins_with_the_services_and_five_options() {
    let help = Program::start(Command::new(SERVER).arg("--help")).finish().with_code(0).out;
    let (top, rest) = help.split_once("\nUsage:").expect("a usage line");
    for service in ["sum", "calculator", "echo", "chat"] {
        assert!(top.contains(&format!("\n  {service} ")), "{top}");
    }
    let first = rest.split("More options:").next().expect("the first options");
    let options: Vec<&str> =
        first.lines().filter_map(|line| line.trim().strip_prefix("--")).collect();
    let names: Vec<&str> = options.iter().filter_map(|option| option.split(' ').next()).collect();
    assert_eq!(names, ["service", "transport", "model", "number", "name"]);
}
