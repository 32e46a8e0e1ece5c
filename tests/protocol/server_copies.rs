//! What a server does with a request that it has seen before, or that comes too late.

use socklab::protocol::Session;
use socklab::protocol::datagram::DatagramConfig;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::event::{DuplicateAnswer, EventKind};
use socklab::protocol::parameters::{MAX_TOKENS, STALE_DISTANCE};
use socklab::service::sum::ServerNumber;

use crate::by_hand::{Counting, REMOTE, TOKEN, address, datagram, ms, of_kind, request};
use crate::server_by_hand::ServerByHand;

fn server() -> ServerByHand {
    ServerByHand::new(DatagramConfig::default())
}

fn server_that_works(milliseconds: u64) -> ServerByHand {
    ServerByHand::new(DatagramConfig { work: ms(milliseconds), ..DatagramConfig::default() })
}

#[test]
fn a_copy_gets_the_stored_reply_under_its_own_attempt_number() {
    let service = Counting::new("S", ServerNumber::seeded(1), false);
    let mut server = ServerByHand::with(DatagramConfig::default(), service);
    let first = server.hears(REMOTE, &request(9, 1, "A;25"));
    server.waits(ms(59_000));
    let second = server.hears(REMOTE, &request(9, 2, "A;25"));
    assert!(first[0].starts_with("Reply 9/1 S;"), "{first:?}");
    assert_eq!(second, [first[0].replace("9/1", "9/2")]);
    assert_eq!(server.service.executed, ["A;25"]);
    let duplicate = EventKind::Duplicate { attempt: 2, answer: DuplicateAnswer::FromCache };
    assert_eq!(server.events().last(), Some(&duplicate));
}

#[test]
fn a_copy_from_another_address_is_answered_there_and_not_executed() {
    let mut server = server();
    let moved = address([198, 51, 100, 3], 6_000);
    server.hears(REMOTE, &request(9, 1, "A;25"));
    let answers = server.hears(moved, &request(9, 2, "A;25"));
    assert_eq!(answers, ["Reply 9/2 S;50"]);
    assert_eq!(server.service.executed.len(), 1);
}

#[test]
fn a_client_is_forgotten_60_seconds_after_its_last_request() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    server.waits(ms(30_000));
    server.hears(REMOTE, &request(9, 2, "A;25"));
    server.waits(ms(59_999));
    assert!(server.server.poll_timeout().is_some());
    server.waits(ms(1));
    assert_eq!(server.server.poll_timeout(), None);
    server.hears(REMOTE, &request(9, 3, "A;25"));
    assert_eq!(server.service.executed.len(), 2);
}

#[test]
fn while_it_works_copies_get_an_acknowledgement_and_then_the_reply_comes_once() {
    let mut server = server_that_works(3_000);
    assert!(server.hears(REMOTE, &request(9, 1, "A;25")).is_empty());
    assert_eq!(server.service.executed, ["A;25"]);
    server.waits(ms(1_200));
    let answers = server.hears(REMOTE, &request(9, 2, "A;25"));
    assert_eq!(answers, ["Ack 9/2"]);
    assert!(server.waits(ms(1_799)).is_empty());
    assert_eq!(server.waits(ms(1)), ["Reply 9/1 S;50"]);
    let answers = server.hears(REMOTE, &request(9, 3, "A;25"));
    assert_eq!(answers, ["Reply 9/3 S;50"]);
    assert_eq!(server.service.executed.len(), 1);
}

/// Seen: the request was remembered as being worked on and never answered, so that its copies got
/// ACK after ACK for something that was not done.
#[test]
fn work_beyond_what_the_server_keeps_is_dropped_and_may_be_asked_for_again() {
    let mut server = server_that_works(5_000);
    let of = |client: u32, message_id| {
        datagram(Header::new(Type::Request, 1, client, message_id), "A;25")
    };
    for client in 0..MAX_TOKENS as u32 / 64 {
        for message_id in 0..64 {
            server.receive(REMOTE, &of(client, message_id));
        }
    }
    let late = of(TOKEN + MAX_TOKENS as u32, 9);
    assert!(server.hears(REMOTE, &late).is_empty());
    assert!(server.hears(REMOTE, &late).is_empty());
    assert_eq!(server.service.executed.len(), MAX_TOKENS);
    assert_eq!(server.waits(ms(5_000)).len(), MAX_TOKENS);
    server.hears(REMOTE, &late);
    assert_eq!(server.waits(ms(5_000)), ["Reply 9/1 S;50"]);
}

#[test]
fn an_id_used_for_something_else_is_an_error_and_not_executed() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    let answers = server.hears(REMOTE, &request(9, 2, "A;26"));
    assert_eq!(answers, ["Reply 9/2 ERR id reused"]);
    let answers = server.hears(REMOTE, &request(9, 3, "A;25"));
    assert_eq!(answers, ["Reply 9/3 S;50"]);
    assert_eq!(server.service.executed, ["A;25"]);
}

#[test]
fn more_than_63_below_the_highest_is_too_old_to_be_executed_or_answered() {
    let mut server = server();
    server.hears(REMOTE, &request(100, 1, "A;1"));
    let answers = server.hears(REMOTE, &request(100 - 63, 1, "A;2"));
    assert_eq!(answers, ["Reply 37/1 S;50"]);
    assert!(server.hears(REMOTE, &request(100 - 64, 1, "A;3")).is_empty());
    assert_eq!(server.service.executed, ["A;1", "A;2"]);
    // What has been executed and then fell out of the window is not executed again either.
    server.hears(REMOTE, &request(101, 1, "A;4"));
    assert!(server.hears(REMOTE, &request(37, 2, "A;2")).is_empty());
    assert_eq!(server.service.executed, ["A;1", "A;2", "A;4"]);
    let too_old = EventKind::Duplicate { attempt: 2, answer: DuplicateAnswer::TooOld };
    assert_eq!(server.events().last(), Some(&too_old));
}

#[test]
fn the_last_64_ids_are_remembered_even_if_the_first_of_them_is_repeated_last() {
    let mut server = server();
    for message_id in 37..=100 {
        server.hears(REMOTE, &request(message_id, 1, "A;25"));
    }
    for message_id in 37..=100 {
        let answers = server.hears(REMOTE, &request(message_id, 2, "A;25"));
        assert_eq!(answers, [format!("Reply {message_id}/2 S;50")]);
    }
    assert_eq!(server.service.executed.len(), 64);
}

#[test]
fn more_than_65536_away_in_either_direction_is_stale() {
    for first in [9, u32::MAX - 9, 1 << 20] {
        let mut server = server();
        server.hears(REMOTE, &request(first, 1, "A;1"));
        let ahead = first.wrapping_add(STALE_DISTANCE + 1);
        let answers = server.hears(REMOTE, &request(ahead, 1, "A;2"));
        assert_eq!(answers, [format!("Stale {ahead}/1")]);
        let behind = first.wrapping_sub(STALE_DISTANCE + 1);
        let answers = server.hears(REMOTE, &request(behind, 1, "A;3"));
        assert_eq!(answers, [format!("Stale {behind}/1")]);
        assert_eq!(server.service.executed, ["A;1"]);
        let furthest = first.wrapping_add(STALE_DISTANCE);
        let answers = server.hears(REMOTE, &request(furthest, 1, "A;4"));
        assert_eq!(answers, [format!("Reply {furthest}/1 S;50")]);
    }
}

#[test]
fn ids_count_on_through_the_wrap() {
    let mut server = server();
    for (step, message_id) in (u32::MAX - 1..=u32::MAX).chain(0..2).enumerate() {
        let text = format!("A;{}", step + 1);
        let answers = server.hears(REMOTE, &request(message_id, 1, &text));
        assert_eq!(answers, [format!("Reply {message_id}/1 S;50")]);
    }
    server.hears(REMOTE, &request(u32::MAX, 2, "A;2"));
    assert_eq!(server.service.executed.len(), 4);
}

#[test]
fn a_malformed_request_gets_its_error_and_the_client_goes_on() {
    let mut server = server();
    let answers = server.hears(REMOTE, &request(9, 1, "hello"));
    assert_eq!(answers, ["Reply 9/1 ERR no semicolon: expected NAME;NUMBER"]);
    let answers = server.hears(REMOTE, &request(10, 1, "A;25"));
    assert_eq!(answers, ["Reply 10/1 S;50"]);
    assert_eq!(server.hears(REMOTE, b"A;25\n"), ["bare S;50"]);
}

#[test]
fn a_ping_is_answered_and_nothing_else_that_is_no_request() {
    let mut server = server();
    server.hears(REMOTE, &request(9, 1, "A;25"));
    assert_eq!(server.hears(REMOTE, &of_kind(Type::Ping, 9, "")), ["Pong 9/1"]);
    for kind in [
        Type::Reply,
        Type::Ack,
        Type::Busy,
        Type::Challenge,
        Type::Welcome,
        Type::Pong,
        Type::Stale,
    ] {
        assert!(server.hears(REMOTE, &of_kind(kind, 9, "")).is_empty());
    }
}
