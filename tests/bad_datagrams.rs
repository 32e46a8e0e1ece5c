//! What peers may do to a server over UDP, and what nobody else notices of it.

#![cfg(unix)]

mod support;

use std::net::UdpSocket;

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};
use support::peers::Guest;
use support::wire::{
    ACK, BUSY, BYE, CHALLENGE, Datagram, PONG, REPLY, STALE, catch_up, exchange, udp_to,
};
use support::{HASTY, Server};

/// Sends a framed datagram and returns the answer.
#[track_caller]
fn ask(socket: &UdpSocket, datagram: &Datagram) -> Datagram {
    Datagram::read(&exchange(socket, &datagram.bytes()))
}

/// How many sums the server has executed in all.
fn executed(server: Server) -> usize {
    server.stop().out.matches(" (client) + ").count()
}

#[test]
fn a_malformed_datagram_gets_its_reason_bare_as_framed() {
    let server = Server::start(&[]);
    let mut guest = Guest::at(server.address);
    let socket = udp_to(server.address);
    let long = [b'A'; 1177];
    for (id, (request, reason)) in [
        (&b""[..], "empty message"),
        (b"Ada 25", "no semicolon: expected NAME;NUMBER"),
        (b"Ada;25;26", "several semicolons in NAME;NUMBER"),
        (b";25", "the name is empty"),
        (b"Ada;many", "not an integer"),
        (b"Ada;9223372036854775808", "the integer is beyond 64 bits"),
        (b"Ada\xff;25", "not UTF-8"),
        (b"Ada;25\nAda;26", "line end inside the message"),
        (&long, "too long"),
    ]
    .into_iter()
    .enumerate()
    {
        let reason = format!("ERR {reason}");
        let bare = exchange(&socket, request);
        assert_eq!(String::from_utf8(bare).expect("text"), reason, "{request:?}");
        let framed = Datagram {
            length: u16::try_from(request.len()).expect("short"),
            payload: request.to_vec(),
            ..Datagram::request(1, u32::try_from(id).expect("few"), "")
        };
        assert_eq!(ask(&socket, &framed), framed.answer(REPLY, &reason));
        guest.is_served();
    }
}

#[test]
fn what_only_looks_framed_is_never_answered() {
    let server = Server::start(HASTY);
    let mut guest = Guest::at(server.address);
    let socket = udp_to(server.address);
    let right = Datagram::request(1, 1, "Ada;25");
    let bytes = right.bytes();
    let mut wrong: Vec<_> = (1..bytes.len()).map(|count| bytes[..count].to_vec()).collect();
    wrong.push([&bytes[..], b"0"].concat());
    // A cookie is announced, and the length is true only without it.
    wrong.push(Datagram { flags: 0x8, ..right.clone() }.bytes());
    wrong.push(Datagram { length: u16::MAX, ..right.clone() }.bytes());
    // Types that do not exist, and those that only servers send.
    for kind in [REPLY, ACK, BUSY, CHALLENGE, BYE, PONG, STALE, 11, 12, 13, 14, 15] {
        wrong.push(Datagram { kind, ..right.clone() }.bytes());
    }
    for (mark, datagram) in (0..).zip(&wrong) {
        socket.send(datagram).expect("sent");
        assert_eq!(catch_up(&socket, mark), Vec::<Vec<u8>>::new(), "{datagram:?}");
    }
    guest.is_served();
    // Another magic number is no text either, and reserved bits and bytes are ignored.
    let other = Datagram { magic: 0xF8, ..right.clone() }.bytes();
    assert_eq!(exchange(&socket, &other), b"ERR not UTF-8");
    let mut reserved = Datagram { flags: 0x3, ..right.clone() }.bytes();
    reserved[6..8].fill(0xFF);
    assert_eq!(Datagram::read(&exchange(&socket, &reserved)).kind, REPLY);
    guest.is_served();
    // The guest's two, over each transport, and the one with reserved bits.
    assert_eq!(executed(server), 5);
}

#[test]
fn a_replayed_request_is_answered_again_and_executed_once() {
    let server = Server::start(HASTY);
    let mut guest = Guest::at(server.address);
    let socket = udp_to(server.address);
    let request = Datagram::request(1, 1, "Ada;25");
    let first = ask(&socket, &request);
    assert_eq!((first.kind, first.attempt), (REPLY, 1));
    let elsewhere = udp_to(server.address);
    for attempt in 2..100 {
        let again = Datagram { attempt, ..request.clone() };
        let expected = Datagram { attempt, ..first.clone() };
        assert_eq!(ask(&socket, &again), expected);
        // Whoever recorded it gets the same from another address.
        assert_eq!(ask(&elsewhere, &again), expected);
    }
    guest.is_served();
    assert_eq!(executed(server), 3);
}

#[test]
fn an_id_used_for_something_else_or_too_old_is_not_executed() {
    let server = Server::start(HASTY);
    let socket = udp_to(server.address);
    let at = |id, text| Datagram::request(1, id, text);
    assert_eq!(ask(&socket, &at(1000, "Ada;25")).kind, REPLY);
    let reused = at(1000, "Ada;26");
    assert_eq!(ask(&socket, &reused), reused.answer(REPLY, "ERR id reused"));
    // 63 back is new; 64 back may be a copy of something forgotten.
    assert_eq!(ask(&socket, &at(1000 - 63, "Ada;25")).kind, REPLY);
    socket.send(&at(1000 - 64, "Ada;25").bytes()).expect("sent");
    assert_eq!(catch_up(&socket, 1), Vec::<Vec<u8>>::new());
    // So far away it is from another conversation altogether.
    assert_eq!(ask(&socket, &at(1000 + 65_537, "Ada;25")).kind, STALE);
    let mut guest = Guest::at(server.address);
    guest.is_served();
    assert_eq!(executed(server), 4);
}

#[test]
fn only_the_cookie_given_to_this_address_and_token_stops_the_server() {
    let server = Server::start(&["--drain", "200ms"]);
    let mut guest = Guest::at(server.address);
    let socket = udp_to(server.address);
    let stop = Datagram::request(1, 1, "Eve;101");
    let challenge = ask(&socket, &stop);
    assert_eq!((challenge.kind, challenge.cookie.len()), (CHALLENGE, 8));
    // Nothing was stored: the same id may still be used for a sum.
    assert_eq!(ask(&socket, &Datagram::request(1, 1, "Ada;25")).kind, REPLY);
    guest.is_served();

    let cookie = &challenge.cookie;
    let stop = Datagram::request(1, 2, "Eve;101");
    let mut forged = cookie.clone();
    forged[7] ^= 1;
    assert_eq!(ask(&socket, &stop.clone().with_cookie(&forged)).kind, CHALLENGE);
    // Its first two bytes are the server's epoch.
    let mut earlier = cookie.clone();
    earlier[1] ^= 1;
    assert_eq!(ask(&socket, &stop.clone().with_cookie(&earlier)).kind, STALE);
    let elsewhere = udp_to(server.address);
    assert_eq!(ask(&elsewhere, &stop.clone().with_cookie(cookie)).kind, CHALLENGE);
    let other_token = Datagram::request(2, 2, "Eve;101").with_cookie(cookie);
    assert_eq!(ask(&socket, &other_token).kind, CHALLENGE);
    guest.is_served();

    let bye = ask(&socket, &stop.with_cookie(cookie));
    assert_eq!((bye.kind, bye.bye), (BYE, 2));
    server.finish().with_code(0);
}

#[test]
fn control_characters_in_a_datagram_do_not_reach_the_terminal() {
    let server = Server::start(HASTY);
    let socket = udp_to(server.address);
    exchange(&socket, "\u{1b}[2J\u{7}Eve;25".as_bytes());
    server.wait_for(r#"received "\u{1b}[2J\u{7}Eve;25""#);
    let server = server.stop();
    assert!(!server.out.contains(['\u{1b}', '\u{7}']), "{server:#?}");
}

#[test]
fn twenty_thousand_datagrams_of_anything_stop_nothing() {
    let server = Server::start(&["--quiet", "--drain", "0s"]);
    let mut guest = Guest::at(server.address);
    let socket = udp_to(server.address);
    let mut random = ChaCha8Rng::seed_from_u64(20_000);
    for mark in 0..500 {
        for _ in 0..40 {
            let mut bytes = vec![0; random.random_range(0..64)];
            random.fill_bytes(&mut bytes);
            match random.random_range(0..3) {
                // As it is; then framed for sure; then a good request with a few bits wrong.
                0 => {}
                1 => bytes.iter_mut().take(1).for_each(|first| *first = 0xF9),
                _ => {
                    bytes = Datagram::request(random.next_u32() % 8, mark % 8, "Eve;x").bytes();
                    for _ in 0..random.random_range(0..4) {
                        let at = random.random_range(0..bytes.len());
                        bytes[at] ^= 1 << random.random_range(0..8);
                    }
                }
            }
            socket.send(&bytes).expect("sent");
        }
        // What comes back is drained, so that neither side's buffer overflows.
        catch_up(&socket, mark);
    }
    guest.is_served();
    let server = server.stop();
    assert!(!server.out.contains("out-of-range") && server.err.is_empty(), "{server:#?}");
    // However many they were, warnings were printed once a second and counted.
    assert!(server.out.len() < 256 * 1024, "{} bytes", server.out.len());
}
