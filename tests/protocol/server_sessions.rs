//! Sessions over UDP: opened with a proven address, known by their token, ended by a goodbye, by
//! silence or by the last word.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use socklab::protocol::Session;
use socklab::protocol::datagram::DatagramConfig;
use socklab::protocol::datagram::header::{ByeReason, Header, Type};
use socklab::protocol::event::{Disconnect, EventKind};
use socklab::protocol::parameters::{DRAIN, TOKEN_LIFETIME};
use socklab::service::chat::ChatService;
use socklab::time::Calendar;

use crate::by_hand::{
    REMOTE, TOKEN, address, cookie, datagram, ms, of_kind, request, request_with,
};
use crate::server_by_hand::ServerByHand;

/// The same client, after a translator of addresses has given it another port.
const MOVED: SocketAddr = address([192, 0, 2, 7], 61_000);

type Chat = ServerByHand<ChatService>;

fn chat(config: DatagramConfig) -> Chat {
    let calendar = Calendar::from(SystemTime::UNIX_EPOCH);
    ServerByHand::with(config, ChatService::new(calendar, 2, None))
}

fn hello(from: SocketAddr, token: u32, message_id: u32, server: &Chat) -> Vec<u8> {
    let cookie = Some(cookie(from, token, server.now));
    datagram(Header { cookie, ..Header::new(Type::Hello, 1, token, message_id) }, "")
}

/// A server with one session, of the usual client.
fn with_session() -> Chat {
    let mut server = chat(DatagramConfig::default());
    let datagram = hello(REMOTE, TOKEN, 9, &server);
    assert_eq!(server.hears(REMOTE, &datagram), ["Welcome 9/1 Client01"]);
    server
}

fn bye_of_client() -> Vec<u8> {
    let bye = Some(ByeReason::ClientLeaves);
    datagram(Header { bye, ..Header::new(Type::Bye, 0, TOKEN, 11) }, "")
}

#[test]
fn a_session_opens_for_a_proven_address_only() {
    let mut server = chat(DatagramConfig::default());
    let without = of_kind(Type::Hello, 9, "");
    assert_eq!(server.hears(REMOTE, &without), ["Challenge 9/1 with cookie"]);
    let with = hello(REMOTE, TOKEN, 9, &server);
    assert_eq!(server.hears(REMOTE, &with), ["Welcome 9/1 Client01"]);
    assert_eq!(server.hears(REMOTE, &request(10, 1, "hello")), ["Reply 10/1 helloACK"]);
}

#[test]
fn a_thousand_forged_hellos_leave_nothing_behind() {
    let mut server = chat(DatagramConfig::default());
    for token in 0..1_000 {
        let forged = datagram(Header::new(Type::Hello, 1, token, 9), "");
        assert_eq!(server.hears(REMOTE, &forged), ["Challenge 9/1 with cookie"]);
    }
    assert_eq!(server.server.poll_timeout(), None);
    let with = hello(REMOTE, TOKEN, 9, &server);
    assert_eq!(server.hears(REMOTE, &with), ["Welcome 9/1 Client01"]);
}

#[test]
fn a_copy_of_a_hello_and_a_second_hello_meet_the_same_session() {
    let mut server = with_session();
    let copy = hello(REMOTE, TOKEN, 9, &server);
    assert_eq!(server.hears(REMOTE, &copy), ["Welcome 9/1 Client01"]);
    let again = hello(REMOTE, TOKEN, 10, &server);
    assert_eq!(server.hears(REMOTE, &again), ["Welcome 10/1 Client01"]);
}

#[test]
fn who_finds_no_room_is_told_so_and_may_ask_again_with_the_same_id() {
    let mut server = with_session();
    let second = hello(REMOTE, TOKEN + 1, 9, &server);
    assert_eq!(server.hears(REMOTE, &second), ["Welcome 9/1 Client02"]);
    let third = hello(REMOTE, TOKEN + 2, 9, &server);
    assert_eq!(server.hears(REMOTE, &third), ["Busy 9/1 server full (2 clients)"]);
    server.hears(REMOTE, &bye_of_client());
    assert_eq!(server.hears(REMOTE, &third), ["Welcome 9/1 Client03"]);
}

#[test]
fn without_a_session_a_request_is_stale_and_a_bare_one_an_error() {
    let mut server = chat(DatagramConfig::default());
    assert_eq!(server.hears(REMOTE, &request(9, 1, "hello")), ["Stale 9/1"]);
    assert_eq!(server.hears(REMOTE, b"hello"), ["bare ERR use the framed protocol"]);
}

#[test]
fn a_service_without_sessions_says_so() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    let answer = server.hears(REMOTE, &of_kind(Type::Hello, 9, ""));
    assert_eq!(answer, ["Welcome 9/1 ERR this service has no sessions"]);
}

#[test]
fn a_session_survives_the_memory_of_its_requests() {
    let mut server = with_session();
    assert!(server.waits(TOKEN_LIFETIME + ms(1)).is_empty());
    assert_eq!(server.hears(REMOTE, &request(10, 1, "hello")), ["Reply 10/1 helloACK"]);
}

#[test]
fn a_session_goes_on_from_a_new_address_once_that_is_proven() {
    let mut server = with_session();
    server.events();
    let unproven = request(10, 1, "hello");
    assert_eq!(server.hears(MOVED, &unproven), ["Challenge 10/1 with cookie"]);
    let proven = request_with(cookie(MOVED, TOKEN, server.now), 10, "hello");
    assert_eq!(server.hears(MOVED, &proven), ["Reply 10/1 helloACK"]);
    assert!(server.events().contains(&EventKind::Moved(REMOTE)));
    // Now it is at home there.
    assert_eq!(server.hears(MOVED, &request(11, 1, "again")), ["Reply 11/1 againACK"]);
}

#[test]
fn a_goodbye_ends_the_session_and_is_answered_once() {
    let mut server = with_session();
    let leaving = bye_of_client();
    assert_eq!(server.hears(REMOTE, &leaving), ["Bye 11/0 ClientLeaves"]);
    assert!(server.hears(REMOTE, &leaving).is_empty());
    assert_eq!(server.hears(REMOTE, &request(10, 1, "hello")), ["Stale 10/1"]);
}

#[test]
fn a_forged_goodbye_ends_nobodys_session() {
    let mut server = with_session();
    assert!(server.hears(MOVED, &bye_of_client()).is_empty());
    assert_eq!(server.hears(REMOTE, &request(10, 1, "hello")), ["Reply 10/1 helloACK"]);
}

#[test]
fn exit_is_answered_and_its_copies_too_though_the_session_is_over() {
    let mut server = with_session();
    let goodbye = server.hears(REMOTE, &request(10, 1, "exit"));
    assert_eq!(goodbye, ["Reply 10/1 Goodbye, Client01"]);
    let again = server.hears(REMOTE, &request(10, 2, "exit"));
    assert_eq!(again, ["Reply 10/2 Goodbye, Client01"]);
    assert_eq!(server.hears(REMOTE, &request(11, 1, "hello")), ["Stale 11/1"]);
}

#[test]
fn a_late_copy_of_a_hello_opens_nothing_again() {
    let mut server = with_session();
    let late = hello(REMOTE, TOKEN, 9, &server);
    server.hears(REMOTE, &request(10, 1, "exit"));
    assert_eq!(server.hears(REMOTE, &late), ["Welcome 9/1 Client01"]);
    assert_eq!(server.hears(REMOTE, &request(11, 1, "hello")), ["Stale 11/1"]);
}

#[test]
fn a_silent_session_ends_with_a_goodbye_and_a_ping_keeps_it() {
    let idle_timeout = Duration::from_secs(5);
    let mut server = chat(DatagramConfig { idle_timeout, ..DatagramConfig::default() });
    let opening = hello(REMOTE, TOKEN, 9, &server);
    server.hears(REMOTE, &opening);
    assert!(server.waits(ms(4_000)).is_empty());
    assert_eq!(server.hears(REMOTE, &of_kind(Type::Ping, 10, "")), ["Pong 10/1"]);
    assert!(server.waits(ms(4_999)).is_empty());
    server.events();
    assert_eq!(server.waits(ms(1)), ["Bye 10/0 Idle"]);
    let left = EventKind::Left { name: "Client01".to_owned(), how: Disconnect::Idle };
    assert_eq!(server.events(), [left]);
}

fn impatient(work: Duration) -> Chat {
    let idle_timeout = Duration::from_secs(5);
    let mut server = chat(DatagramConfig { idle_timeout, work, ..DatagramConfig::default() });
    let opening = hello(REMOTE, TOKEN, 9, &server);
    server.hears(REMOTE, &opening);
    server.waits(work);
    server
}

#[test]
fn a_ping_from_elsewhere_keeps_nothing_until_that_is_proven() {
    let mut server = impatient(Duration::ZERO);
    server.waits(ms(4_000));
    let elsewhere = server.hears(MOVED, &of_kind(Type::Ping, 10, ""));
    assert_eq!(elsewhere, ["Challenge 10/1 with cookie"]);
    assert_eq!(server.waits(ms(1_000)), ["Bye 10/0 Idle"]);
    assert_eq!(server.hears(REMOTE, &of_kind(Type::Ping, 10, "")), ["Stale 10/1"]);

    let mut server = impatient(Duration::ZERO);
    let proof = Some(cookie(MOVED, TOKEN, server.now));
    let ping = Header { cookie: proof, ..Header::new(Type::Ping, 0, TOKEN, 10) };
    assert_eq!(server.hears(MOVED, &datagram(ping, "")), ["Pong 10/0"]);
    assert_eq!(server.hears(MOVED, &request(10, 1, "hello")), ["Reply 10/1 helloACK"]);
}

/// Seen: a client that asked again and again was taken for silent.
#[test]
fn copies_keep_a_session_as_new_requests_do() {
    let mut server = impatient(Duration::ZERO);
    for attempt in 1..5 {
        server.hears(REMOTE, &request(10, attempt, "hello"));
        assert!(server.waits(ms(4_000)).is_empty(), "attempt {attempt}");
    }
}

/// Seen: a session ended while the server was still working for it.
#[test]
fn who_waits_for_our_work_is_not_silent() {
    let mut server = impatient(Duration::from_secs(8));
    assert!(server.hears(REMOTE, &request(10, 1, "hello")).is_empty());
    assert_eq!(server.waits(ms(8_000)), ["Reply 10/1 helloACK"]);
    assert!(server.waits(ms(4_999)).is_empty());
    assert_eq!(server.waits(ms(1)), ["Bye 11/0 Idle"]);
}

#[test]
fn a_hello_with_the_token_of_somebody_elses_session_moves_nothing() {
    let mut server = with_session();
    server.waits(TOKEN_LIFETIME + ms(1));
    let thief = hello(MOVED, TOKEN, 77, &server);
    assert_eq!(server.hears(MOVED, &thief), ["Stale 77/1"]);
    assert_eq!(server.hears(REMOTE, &request(10, 1, "hello")), ["Reply 10/1 helloACK"]);
}

#[test]
fn a_stopping_server_says_goodbye_to_every_session_once() {
    let mut server = with_session();
    server.waits(TOKEN_LIFETIME + ms(1));
    let second = hello(MOVED, TOKEN + 1, 5, &server);
    server.hears(MOVED, &second);
    server.events();
    let mut said = server.stops(DRAIN);
    let how = Disconnect::Shutdown;
    let left = |name: &str| EventKind::Left { name: name.to_owned(), how };
    assert_eq!(server.events(), [left("Client01"), left("Client02")]);
    said.sort();
    let expected = [(REMOTE, "Bye 10/0 Shutdown"), (MOVED, "Bye 6/0 Shutdown")];
    assert_eq!(said, expected.map(|(to, line)| (to, line.to_owned())));
}
