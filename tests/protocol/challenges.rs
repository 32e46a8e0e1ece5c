//! Over UDP a source address is a claim: how a server asks for proof, and a client gives it.

use proptest::collection::vec;
use proptest::prelude::*;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::datagram::{DatagramConfig, RequesterConfig};
use socklab::protocol::event::EventKind;
use socklab::protocol::parameters::MAX_CHALLENGES_PER_SECOND;
use socklab::protocol::{Ending, Requester, Session};
use socklab::service::sum::ServerNumber;
use socklab::time::Timestamp;

use crate::by_hand::{
    Counting, FIRST_ID, LOCAL, REMOTE, TOKEN, cookie, cookie_of_another_start, datagram, ms,
    request, request_with,
};
use crate::cases;
use crate::client_by_hand::ClientByHand;
use crate::network::{Network, Question};
use crate::server_by_hand::ServerByHand;

fn challenge(message_id: u32, attempt: u8, cookie: [u8; 8]) -> Vec<u8> {
    let header =
        Header { cookie: Some(cookie), ..Header::new(Type::Challenge, attempt, TOKEN, message_id) };
    datagram(header, "")
}

#[test]
fn a_challenged_request_is_repeated_at_once_with_its_id_and_the_cookie() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;101", None);
    client.waits(ms(300));
    client.hears(&challenge(FIRST_ID, 1, [1; 8]));
    let story = client.story();
    assert_eq!(story, ["Request 9/1 A;101", "Request 9/2 with cookie A;101"]);
    assert_eq!(client.left[1], Timestamp::from_millis(300));
    // The way is open, but that copy may be lost like any first one.
    client.waits_for_its_timer();
    let wait = client.left[2] - client.left[1];
    assert!(ms(1_000) <= wait && wait < ms(1_500), "{wait:?}");
    assert_eq!(client.story(), ["Request 9/3 with cookie A;101"]);
}

#[test]
fn a_cookie_once_given_comes_with_every_later_request() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;25", None);
    client.hears(&challenge(FIRST_ID, 1, [1; 8]));
    client.hears(&datagram(Header::new(Type::Reply, 2, TOKEN, FIRST_ID), "S;50"));
    client.story();
    client.asks("A;26", None);
    assert_eq!(client.story(), ["Request 10/1 with cookie A;26"]);
}

/// Seen: each was counted as a new challenge, and the fourth was a protocol error.
#[test]
fn challenges_to_copies_that_left_before_the_cookie_came_are_late_and_change_nothing() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;101", None);
    client.waits_for_its_timer();
    client.story();
    for attempt in [1, 1, 2, 2, 1, 2] {
        client.hears(&challenge(FIRST_ID, attempt, [1; 8]));
    }
    let story = client.story();
    assert_eq!(story[0], "Request 9/3 with cookie A;101");
    assert!(story[1..].iter().all(|line| line == "Unexpected"), "{story:?}");
}

#[test]
fn a_server_that_asks_for_the_proof_it_was_given_is_broken() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;101", None);
    for attempt in 1..=4 {
        client.hears(&challenge(FIRST_ID, attempt, [1; 8]));
    }
    let expected = [
        "Request 9/1 A;101",
        "Request 9/2 with cookie A;101",
        "Request 9/3 with cookie A;101",
        "Request 9/4 with cookie A;101",
        r#"9 after 4: ProtocolError("the server keeps asking for a proof of address")"#,
    ];
    assert_eq!(client.story(), expected);
}

#[test]
fn a_challenge_when_no_copy_may_leave_any_more_changes_nothing() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;101", None);
    client.waits(ms(25_100));
    let (copies, last_timer) = (client.left.len(), client.requester.poll_timeout());
    client.hears(&challenge(FIRST_ID, 1, [1; 8]));
    assert_eq!(client.requester.poll_timeout(), last_timer);
    client.waits_for_its_timer();
    let ended = format!("9 after {copies}: TimedOut");
    assert_eq!(client.story().pop(), Some(ended));
}

/// Seen: the client kept the cookie of the server that was gone, and got STALE for ever.
#[test]
fn after_stale_the_next_request_comes_without_the_cookie() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;25", None);
    client.hears(&challenge(FIRST_ID, 1, [1; 8]));
    client.hears(&datagram(Header::new(Type::Stale, 2, TOKEN, FIRST_ID), ""));
    let story = client.story();
    assert_eq!(story[2], "9 after 2: OutcomeUnknown(Stale)");
    client.asks("A;26", None);
    assert_eq!(client.story(), ["Request 10/1 A;26"]);
}

#[test]
fn a_number_out_of_range_is_obeyed_with_proof_only_and_nothing_is_stored_before() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    let answers = server.hears(LOCAL, &request(9, 1, "A;101"));
    assert_eq!(answers, ["Challenge 9/1 with cookie"]);
    assert_eq!(server.server.poll_timeout(), None);
    assert!(server.service.executed.is_empty() && !server.server.wants_shutdown());
    let proof = cookie(LOCAL, TOKEN, server.now);
    let answers = server.hears(LOCAL, &request_with(proof, 9, "A;101"));
    assert_eq!(answers, ["Bye 9/0 OutOfRange"]);
    assert!(server.server.wants_shutdown());
}

#[test]
fn also_who_is_not_remembered_must_prove_its_address_to_stop_the_server() {
    let header = Header { idempotent: true, ..Header::new(Type::Request, 1, TOKEN, 9) };
    let mut server = ServerByHand::new(DatagramConfig::default());
    let answers = server.hears(LOCAL, &datagram(header, "A;101"));
    assert_eq!(answers, ["Challenge 9/1 with cookie"]);
    let config = DatagramConfig { duplicate_cache: false, ..DatagramConfig::default() };
    let mut forgetful = ServerByHand::new(config);
    let answers = forgetful.hears(LOCAL, &request(9, 1, "A;101"));
    assert_eq!(answers, ["Challenge 9/1 with cookie"]);
    let proof = cookie(LOCAL, TOKEN, server.now);
    let header = Header { cookie: Some(proof), ..header };
    let answers = server.hears(LOCAL, &datagram(header, "A;101"));
    assert_eq!(answers, ["Bye 9/0 OutOfRange"]);
}

#[test]
fn a_proof_holds_for_its_address_token_and_two_minutes_only() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    let elsewhere = cookie(REMOTE, TOKEN, server.now);
    let other_token = cookie(LOCAL, TOKEN + 1, server.now);
    for proof in [elsewhere, other_token, [0x12, 0x34, 0, 0, 0, 0, 0, 0]] {
        let answers = server.hears(LOCAL, &request_with(proof, 9, "A;101"));
        assert_eq!(answers, ["Challenge 9/1 with cookie"]);
    }
    let proof = cookie(LOCAL, TOKEN, server.now);
    server.waits(ms(120_000));
    let answers = server.hears(LOCAL, &request_with(proof, 9, "A;101"));
    assert_eq!(answers, ["Challenge 9/1 with cookie"]);
    assert!(!server.server.wants_shutdown());
}

#[test]
fn a_cookie_of_another_start_of_the_server_is_stale_whatever_is_asked() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    let proof = cookie_of_another_start(LOCAL, TOKEN, server.now);
    for text in ["A;25", "A;101"] {
        let answers = server.hears(LOCAL, &request_with(proof, 9, text));
        assert_eq!(answers, ["Stale 9/1"]);
    }
    assert!(server.service.executed.is_empty());
}

#[test]
fn a_bare_number_out_of_range_is_obeyed_from_this_host_alone() {
    let config = DatagramConfig::default;
    let mut server =
        ServerByHand::with(config(), Counting::new("S", ServerNumber::Fixed(50), true));
    let refusal = ["bare ERR a bare datagram cannot prove its address"];
    assert_eq!(server.hears(REMOTE, b"A;101"), refusal);
    assert!(!server.server.wants_shutdown());
    let mut server = ServerByHand::new(config());
    let refusal = ["bare ERR shutdown is not allowed from here"];
    assert_eq!(server.hears(REMOTE, b"A;101"), refusal);
    assert!(!server.server.wants_shutdown());
    assert!(server.hears(LOCAL, b"A;101").is_empty());
    assert!(server.server.wants_shutdown());
}

#[test]
fn a_reply_too_large_for_an_unproven_address_waits_for_the_proof_and_is_not_made_twice() {
    let long = "Server of a very long name that needs more than three times the question";
    let service = Counting::new(long, ServerNumber::seeded(1), false);
    let mut server = ServerByHand::with(DatagramConfig::default(), service);
    for attempt in 1..3 {
        let answers = server.hears(REMOTE, &request(9, attempt, "A;1"));
        assert_eq!(answers, [format!("Challenge 9/{attempt} with cookie")]);
    }
    let proof = cookie(REMOTE, TOKEN, server.now);
    let answers = server.hears(REMOTE, &request_with(proof, 9, "A;1"));
    assert!(answers[0].starts_with(&format!("Reply 9/1 {long};")), "{answers:?}");
    assert_eq!(server.service.executed, ["A;1"]);
    // A bare datagram's sender has no way to prove anything.
    assert!(server.hears(REMOTE, b"A;1").is_empty());
}

#[test]
fn ten_thousand_challenges_a_second_are_enough() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    let sensitive = request(9, 1, "A;101");
    let answered = |server: &mut ServerByHand| server.hears(LOCAL, &sensitive).len();
    let challenges: usize = (0..12_000).map(|_| answered(&mut server)).sum();
    assert_eq!(challenges, MAX_CHALLENGES_PER_SECOND as usize);
    server.waits(ms(1_000));
    assert_eq!(answered(&mut server), 1);
}

proptest! {
    #![proptest_config(cases(64))]

    /// Four copies of everything at most, each up to 2 s late; nothing is lost.
    #[test]
    fn over_a_network_that_repeats_everything_one_number_stops_the_server_once(
        fates in vec(vec((0..2_000u64).prop_map(ms), 1..5), 1..20),
    ) {
        let question = Question {
            client: 0,
            at: Timestamp::ZERO,
            text: "A;101".to_owned(),
            timeout: None,
        };
        let (server, client) = (DatagramConfig::default(), RequesterConfig::default());
        let mut network = Network::new(server, &client, &[FIRST_ID], vec![question], fates);
        network.run();
        let ending = &network.asked[0].outcomes[0].ending;
        prop_assert!(matches!(ending, Ending::ServerShutDown(_)), "{ending:?}");
        prop_assert_eq!(&network.service.executed, &["A;101"]);
        let warnings = network.log.iter().filter(|(_, event)| {
            event.kind == EventKind::OutOfRange(101)
        });
        prop_assert_eq!(warnings.count(), 1);
    }
}
