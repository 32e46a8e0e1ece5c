//! How the models stop: at once when nobody waits, and not before everybody was answered.

use std::io::Read;

use rustix::process::Signal;

use crate::support::wire::{BYE, Datagram, REPLY, connect, exchange, receive_framed, udp_to};
use crate::support::{BOTH, Server};
use crate::{CONCURRENT, FIFTY, Lines, MODELS};

#[test]
fn an_idle_server_stops_at_once_in_every_model() {
    for model in MODELS {
        let server = Server::start(&["--model", model, "--drain", "20s"]);
        let mut idle = connect(server.address);
        server.wait_for("connected");
        server.signal(Signal::INT);
        // Who has nothing in flight is not waited for: it gets a FIN.
        assert_eq!(idle.read(&mut [0; 10]).expect("a FIN"), 0);
        let server = server.finish().with_code(0);
        assert!(server.took.as_secs() < 10, "{model}: {server:#?}");
    }
}

#[test]
fn replies_that_are_held_back_are_sent_before_the_end() {
    for model in MODELS {
        let server = Server::start(&["--model", model, "--work", "1s", "--number", "50"]);
        let socket = udp_to(server.address);
        socket.send(&Datagram::request(7, 1, "Bob;30").bytes()).expect("sent");
        server.wait_for("30 (client)");
        let mut client = Lines::to(server.address);
        client.say("Ada;25\nAda;26\n");
        server.wait_for("26 (client)");
        server.signal(Signal::INT);
        assert_eq!([client.hear(), client.hear(), client.hear()], [FIFTY, FIFTY, ""], "{model}");
        let kinds = [receive_framed(&socket).0.kind, receive_framed(&socket).0.kind];
        assert!(kinds.contains(&REPLY) && kinds.contains(&BYE), "{model}: {kinds:?}");
        drop(client);
        server.finish().with_code(0);
    }
}

#[test]
fn a_number_out_of_range_stops_every_model() {
    for model in MODELS {
        for transport in BOTH {
            let server = Server::start(&["--model", model, "--drain", "200ms"]);
            let mut other = (model != "serial").then(|| Lines::to(server.address));
            if transport == "tcp" {
                let mut client = Lines::to(server.address);
                assert_eq!(client.ask("Ada;101"), "", "{model}");
            } else {
                let socket = udp_to(server.address);
                let request = Datagram::request(7, 1, "Ada;101");
                let challenge = Datagram::read(&exchange(&socket, &request.bytes()));
                let proven = request.with_cookie(&challenge.cookie);
                let bye = Datagram::read(&exchange(&socket, &proven.bytes()));
                assert_eq!(bye.kind, BYE, "{model}");
            }
            assert_eq!(other.as_mut().map_or(String::new(), Lines::hear), "", "{model}");
            let out = server.finish().with_code(0).out;
            assert!(out.contains("out-of-range number 101: shutting down the server"), "{out}");
        }
    }
}

#[test]
fn a_client_in_the_middle_of_a_word_holds_the_end_up_no_longer_than_drain_allows() {
    for model in CONCURRENT {
        let options = ["--model", model, "--drain", "500ms", "--framing", "line"];
        let server = Server::start(&options);
        let mut slow = Lines::to(server.address);
        slow.say("Ada;25\nAda;");
        server.wait_for("sent ");
        server.signal(Signal::INT);
        let server = server.finish().with_code(0);
        assert!(server.took.as_secs() < 10, "{model}: {server:#?}");
    }
}
