//! How a server leaves over UDP: what it has accepted it finishes, and everybody is told once.

use socklab::protocol::Session;
use socklab::protocol::datagram::DatagramConfig;
use socklab::protocol::datagram::header::{ByeReason, Header, Type};
use socklab::protocol::parameters::DRAIN;

use crate::by_hand::{LOCAL, REMOTE, TOKEN, address, cookie, datagram, ms, request, request_with};
use crate::server_by_hand::ServerByHand;

fn server() -> ServerByHand {
    ServerByHand::new(DatagramConfig::default())
}

fn client_leaves(token: u32) -> Vec<u8> {
    let header =
        Header { bye: Some(ByeReason::ClientLeaves), ..Header::new(Type::Bye, 0, token, 9) };
    datagram(header, "")
}

#[test]
fn goodbye_goes_once_to_every_live_token_and_names_the_first_id_not_answered() {
    let mut server = server();
    let other = address([192, 0, 2, 8], 5_000);
    let of_other = Header::new(Type::Request, 1, TOKEN + 1, 77);
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.hears(REMOTE, &request(10, 1, "A;26"));
    server.hears(other, &datagram(of_other, "B;1"));
    let goodbyes = server.stops(DRAIN);
    let expected =
        [(REMOTE, "Bye 11/0 Shutdown".to_owned()), (other, "Bye 78/0 Shutdown".to_owned())];
    assert_eq!(goodbyes, expected);
    assert!(server.stops(DRAIN).is_empty());
    assert!(server.waits(ms(2_000)).is_empty());
    assert!(server.is_over());
}

#[test]
fn a_goodbye_in_answer_to_ours_is_not_answered_again() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.stops(DRAIN);
    assert!(server.hears(REMOTE, &client_leaves(TOKEN)).is_empty());
}

#[test]
fn goodbye_follows_a_client_that_has_moved() {
    let mut server = server();
    let moved = address([198, 51, 100, 3], 6_000);
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.hears(moved, &request(9, 2, "A;25"));
    let goodbyes = server.stops(DRAIN);
    assert_eq!(goodbyes, [(moved, "Bye 10/0 Shutdown".to_owned())]);
}

#[test]
fn who_has_been_forgotten_or_has_left_is_told_nothing() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.waits(ms(60_000));
    let of_other = Header::new(Type::Request, 1, TOKEN + 1, 9);
    server.hears(REMOTE, &datagram(of_other, "B;1"));
    let answers = server.hears(REMOTE, &client_leaves(TOKEN + 1));
    assert_eq!(answers, ["Bye 9/0 ClientLeaves"]);
    // A goodbye is answered once, or two that leave would never finish.
    assert!(server.hears(REMOTE, &client_leaves(TOKEN + 1)).is_empty());
    assert!(server.hears(REMOTE, &client_leaves(TOKEN)).is_empty());
    assert!(server.stops(DRAIN).is_empty());
}

#[test]
fn for_two_seconds_copies_are_answered_and_new_requests_told_goodbye() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.stops(DRAIN);
    server.waits(ms(1_999));
    let answers = server.hears(REMOTE, &request(9, 2, "A;25"));
    assert_eq!(answers, ["Reply 9/2 S;50"]);
    let answers = server.hears(REMOTE, &request(10, 1, "A;26"));
    assert_eq!(answers, ["Bye 10/0 Shutdown"]);
    assert!(server.hears(REMOTE, b"A;27").is_empty());
    assert_eq!(server.service.executed, ["A;25"]);
    assert!(!server.is_over());
    server.waits(ms(1));
    assert!(server.is_over());
}

#[test]
fn whoever_served_nobody_leaves_at_once() {
    let mut server = server();
    server.hears(REMOTE, &[0xF9, 0, 0]);
    assert!(server.stops(DRAIN).is_empty());
    server.waits(ms(0));
    assert!(server.is_over());
}

#[test]
fn accepted_requests_are_answered_and_their_copies_after_them() {
    let mut server =
        ServerByHand::new(DatagramConfig { work: ms(2_000), ..DatagramConfig::default() });
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.waits(ms(500));
    let goodbyes = server.stops(DRAIN);
    assert_eq!(goodbyes, [(REMOTE, "Bye 10/0 Shutdown".to_owned())]);
    let answers = server.hears(REMOTE, &request(9, 2, "A;25"));
    assert_eq!(answers, ["Ack 9/2"]);
    assert_eq!(server.waits(ms(1_500)), ["Reply 9/1 S;50"]);
    server.waits(ms(1_999));
    let answers = server.hears(REMOTE, &request(9, 3, "A;25"));
    assert_eq!(answers, ["Reply 9/3 S;50"]);
    server.waits(ms(1));
    assert!(server.is_over());
}

#[test]
fn the_drain_ends_work_and_linger_alike() {
    let mut server =
        ServerByHand::new(DatagramConfig { work: ms(2_000), ..DatagramConfig::default() });
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.stops(ms(1_000));
    assert!(server.waits(ms(999)).is_empty());
    assert!(!server.is_over());
    assert!(server.waits(ms(1)).is_empty());
    assert!(server.is_over());
}

#[test]
fn a_drain_of_zero_still_says_goodbye() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    let goodbyes = server.stops(ms(0));
    assert_eq!(goodbyes, [(REMOTE, "Bye 10/0 Shutdown".to_owned())]);
    server.waits(ms(0));
    assert!(server.is_over());
}

#[test]
fn the_client_that_stopped_the_server_hears_why_and_its_earlier_requests_are_answered() {
    let mut server =
        ServerByHand::new(DatagramConfig { work: ms(1_000), ..DatagramConfig::default() });
    let proof = cookie(LOCAL, TOKEN, server.now);
    let of_other = Header::new(Type::Request, 1, TOKEN + 1, 77);
    server.hears(LOCAL, &request(9, 1, "A;25"));
    server.hears(REMOTE, &datagram(of_other, "B;1"));
    let answers = server.hears(LOCAL, &request_with(proof, 10, "A;101"));
    assert_eq!(answers, ["Bye 10/0 OutOfRange"]);
    // It has been told; the others are told when the server begins to leave.
    let goodbyes = server.stops(DRAIN);
    assert_eq!(goodbyes, [(REMOTE, "Bye 78/0 Shutdown".to_owned())]);
    let replies = server.waits(ms(1_000));
    assert_eq!(replies, ["Reply 9/1 S;50", "Reply 77/1 S;50"]);
    let answers = server.hears(LOCAL, &request_with(proof, 10, "A;101"));
    assert_eq!(answers, ["Bye 10/0 OutOfRange"]);
}

#[test]
fn what_comes_between_the_number_and_the_shutdown_is_not_executed() {
    let mut server = server();
    assert!(server.hears(LOCAL, b"A;101").is_empty());
    assert!(server.server.wants_shutdown());
    let answers = server.hears(REMOTE, &request(9, 1, "A;25"));
    assert_eq!(answers, ["Bye 9/0 Shutdown"]);
    assert!(server.hears(REMOTE, b"A;25").is_empty());
    assert_eq!(server.service.executed, ["A;101"]);
}

#[test]
fn without_goodbye_a_server_leaves_in_silence() {
    let mut server =
        ServerByHand::new(DatagramConfig { goodbye: false, ..DatagramConfig::default() });
    server.hears(REMOTE, &request(9, 1, "A;25"));
    assert!(server.stops(DRAIN).is_empty());
    assert!(server.hears(REMOTE, &request(10, 1, "A;26")).is_empty());
    let answers = server.hears(REMOTE, &request(9, 2, "A;25"));
    assert_eq!(answers, ["Reply 9/2 S;50"]);
}
