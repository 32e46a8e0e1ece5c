//! One conversation with every service, over both transports, in every model.

use std::fs;
use std::net::UdpSocket;

use crate::support::wire::{CHALLENGE, Datagram, REPLY, exchange, udp_to};
use crate::{CONCURRENT, FIFTY, Lines, MODELS, start};

const HELLO: u8 = 6;
const WELCOME: u8 = 7;

/// Each service with what is asked, and what must be answered.
const TALKS: [(&str, &[(&str, &str)]); 3] = [
    ("sum", &[("Ada;25", FIFTY), ("Bob;100", FIFTY), ("Eve;1", FIFTY)]),
    ("calculator", &[("4 / 2", "2"), ("2 + 3 * (4 - 1)", "11"), ("-7 % 4", "-3")]),
    ("echo", &[("Hello", "Hello"), ("\u{1F980} \u{e9}", "\u{1F980} \u{e9}"), ("a;b", "a;b")]),
];

fn options(service: &str) -> Vec<&str> {
    let number: &[&str] = if service == "sum" { &["--number", "50"] } else { &[] };
    [&["--service", service], number].concat()
}

#[test]
fn every_model_gives_every_service_the_same_answers_over_both_transports() {
    for model in MODELS {
        for (service, talk) in TALKS {
            let server = start(model, &options(service));
            // Over TCP one by one, and all at once.
            let mut client = Lines::to(server.address);
            for (request, reply) in talk {
                assert_eq!(client.ask(request), *reply, "{model} {service}");
            }
            let all: String = talk.iter().map(|(request, _)| format!("{request}\n")).collect();
            client.say(&all.repeat(100));
            for (_, reply) in talk.iter().cycle().take(100 * talk.len()) {
                assert_eq!(client.hear(), *reply, "{model} {service}, pipelined");
            }
            // Over UDP with a header and without.
            let socket = udp_to(server.address);
            for (id, (request, reply)) in (1..).zip(talk) {
                let answer = exchange(&socket, &Datagram::request(7, id, request).bytes());
                let answer = Datagram::read(&answer);
                let found = (answer.kind, answer.id, answer.text());
                assert_eq!(found, (REPLY, id, *reply), "{model} {service}");
                let bare = exchange(&socket, request.as_bytes());
                assert_eq!(bare, reply.as_bytes(), "{model} {service}, bare");
            }
            server.stop();
        }
    }
}

#[test]
fn clients_who_speak_by_turns_each_get_their_own_answers() {
    for model in CONCURRENT {
        let server = start(model, &["--service", "echo"]);
        let mut clients: Vec<_> = (0..20).map(|_| Lines::to(server.address)).collect();
        for round in 0..20 {
            for (index, client) in clients.iter_mut().enumerate() {
                client.say(&format!("{index} says {round}\n"));
            }
            for (index, client) in clients.iter_mut().enumerate() {
                assert_eq!(client.hear(), format!("{index} says {round}"), "{model}");
            }
        }
        server.stop();
    }
}

#[test]
fn a_chat_greets_its_clients_by_name_and_says_goodbye_in_every_model() {
    for model in MODELS {
        let server = start(model, &["--service", "chat"]);
        for name in ["Client01", "Client02"] {
            let mut client = Lines::to(server.address);
            assert_eq!(client.hear(), name, "{model}");
            assert_eq!(client.ask("hello"), "helloACK", "{model}");
            assert_eq!(client.ask("exit"), format!("Goodbye, {name}"), "{model}");
            assert_eq!(client.hear(), "", "{model}");
            drop(client);
            server.wait_for(" closed");
        }
        // Over UDP a HELLO with a cookie opens the session.
        let socket = udp_to(server.address);
        assert_eq!(hello(&socket), "Client03", "{model}");
        let ask = |id, text| {
            let answer = exchange(&socket, &Datagram::request(7, id, text).bytes());
            Datagram::read(&answer).text().to_owned()
        };
        assert_eq!(ask(2, "hello"), "helloACK", "{model}");
        assert!(ask(3, "status").contains("Client03"), "{model}");
        assert_eq!(ask(4, "exit"), "Goodbye, Client03", "{model}");
        server.wait_for("(goodbye)");
        server.stop();
    }
}

/// Opens a session; returns the name that the server gives.
fn hello(socket: &UdpSocket) -> String {
    let hello = Datagram::new(HELLO, 7, 1, "");
    let challenge = Datagram::read(&exchange(socket, &hello.bytes()));
    assert_eq!(challenge.kind, CHALLENGE);
    let again = hello.with_cookie(&challenge.cookie);
    let welcome = Datagram::read(&exchange(socket, &again.bytes()));
    assert_eq!(welcome.kind, WELCOME);
    welcome.text().to_owned()
}

#[test]
fn a_file_arrives_whole_in_every_model_and_others_are_served_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes: Vec<u8> = (0..20_000_000u32).map(|index| (index / 7) as u8).collect();
    fs::write(folder.path().join("large.bin"), &bytes).expect("written");
    let files = folder.path().to_str().expect("text");
    for model in MODELS {
        let server = start(model, &["--service", "chat", "--files", files]);
        let mut client = Lines::to(server.address);
        assert_eq!(client.hear(), "Client01");
        let head = client.ask("get large.bin");
        assert!(head.starts_with("FILE large.bin 20000000 "), "{model}: {head}");
        // The file is larger than what the sockets hold: the server is in the middle of it.
        if CONCURRENT.contains(&model) {
            let mut other = Lines::to(server.address);
            assert_eq!(other.hear(), "Client02", "{model}");
            assert_eq!(other.ask("hello"), "helloACK", "{model}");
        }
        let mut received = vec![0; bytes.len()];
        std::io::Read::read_exact(&mut client.0, &mut received).expect("the file in time");
        assert!(received == bytes, "{model}: other bytes");
        assert_eq!(client.ask("hello"), "helloACK", "{model}");
        server.stop();
    }
}

#[test]
fn the_transcript_does_not_tell_which_model_served() {
    let transcripts = MODELS.map(|model| {
        let server = start(model, &["--number", "50"]);
        let mut client = Lines::to(server.address);
        assert_eq!(client.ask("Ada;25"), FIFTY);
        assert!(client.ask("Ada;many").starts_with("ERR "));
        assert_eq!(client.hear(), "");
        drop(client);
        server.wait_for(" closed");
        let socket = udp_to(server.address);
        exchange(&socket, b"Bob;30");
        server.wait_for("sent ");
        let out = server.stop().out;
        let ports = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern");
        ports.replace_all(&out, "127.0.0.1:PORT").into_owned()
    });
    for (model, transcript) in MODELS.iter().zip(&transcripts) {
        assert_eq!(transcript, include_str!("golden/transcript.txt"), "{model}");
    }
}
