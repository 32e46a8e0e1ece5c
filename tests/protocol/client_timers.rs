//! When copies of a request leave, and when the client stops hoping.

use std::time::Duration;

use proptest::prelude::*;
use socklab::protocol::Requester;
use socklab::protocol::datagram::header::Type;
use socklab::protocol::datagram::{RequesterConfig, Semantics};
use socklab::protocol::parameters::{MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN};
use socklab::time::Timestamp;

use crate::by_hand::{FIRST_ID, ms, of_kind};
use crate::cases;
use crate::client_by_hand::ClientByHand;

/// A timer counts whole microseconds, so doubled timeouts lose a few.
const ROUNDING: Duration = Duration::from_micros(16);

fn waits_between(left: &[Timestamp]) -> Vec<Duration> {
    left.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_lost_request_is_sent_again_after_one_to_one_and_a_half_seconds_doubling_up_to_eight(
        seed: u64,
    ) {
        let mut client = ClientByHand::seeded(RequesterConfig::default(), seed);
        client.asks("A;25", None);
        client.waits(ms(60_000));
        let waits = waits_between(&client.left);
        prop_assert!(ms(1_000) <= waits[0] && waits[0] < ms(1_500), "{waits:?}");
        for (doublings, wait) in (0..).zip(&waits) {
            let expected = (waits[0] * 2u32.pow(doublings)).min(MAX_RETRANSMISSION_TIMEOUT);
            prop_assert!(wait.abs_diff(expected) <= ROUNDING, "{waits:?}");
        }
        // The next copy would have left too late: the last timer ends the exchange instead.
        let last = client.left[client.left.len() - 1];
        prop_assert!(last - Timestamp::ZERO <= MAX_TRANSMIT_SPAN);
        let next = last + MAX_RETRANSMISSION_TIMEOUT.min(*waits.last().unwrap() * 2);
        prop_assert!(next - Timestamp::ZERO > MAX_TRANSMIT_SPAN);
        let ended = format!("{FIRST_ID} after {}: TimedOut", client.left.len());
        prop_assert_eq!(client.story().pop(), Some(ended));
        prop_assert_eq!(client.requester.poll_timeout(), None);
    }

    #[test]
    fn each_exchange_draws_its_stretch_once_for_all_its_timeouts(seed: u64) {
        let mut client = ClientByHand::seeded(RequesterConfig::default(), seed);
        let mut first_waits = Vec::new();
        for _ in 0..3 {
            client.left.clear();
            client.asks("A;25", Some(ms(4_000)));
            client.waits(ms(4_000));
            first_waits.push(waits_between(&client.left)[0]);
        }
        first_waits.dedup();
        prop_assert_eq!(first_waits.len(), 3);
    }

    #[test]
    fn no_copy_leaves_later_than_25_seconds_after_the_first_whatever_the_options(
        seed: u64,
        first_timeout in 1..30_000u64,
        retransmissions in prop::option::of(any::<u8>()),
        timeout in prop::option::of((0..100_000u64).prop_map(ms)),
    ) {
        let config = RequesterConfig {
            retransmission_timeout: ms(first_timeout),
            retransmissions,
            ..RequesterConfig::default()
        };
        let mut client = ClientByHand::seeded(config, seed);
        client.asks("A;25", timeout);
        client.waits(ms(200_000));
        let last = client.left[client.left.len() - 1];
        prop_assert!(last - Timestamp::ZERO <= MAX_TRANSMIT_SPAN);
        prop_assert!(client.left.len() <= 1 + usize::from(retransmissions.unwrap_or(u8::MAX)));
        prop_assert!(timeout.is_none_or(|timeout| last - Timestamp::ZERO <= timeout));
        prop_assert_eq!(client.requester.poll_timeout(), None);
    }
}

#[test]
fn every_copy_says_which_one_it_is_and_nothing_else_differs() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;25", Some(ms(10_000)));
    client.waits(ms(10_000));
    let expected = [
        "Request 9/1 A;25",
        "Request 9/2 A;25",
        "Request 9/3 A;25",
        "Request 9/4 A;25",
        "9 after 4: TimedOut",
    ];
    assert_eq!(client.story(), expected);
}

#[test]
fn the_deadline_ends_an_exchange_to_the_microsecond() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;25", Some(Duration::from_micros(300_000)));
    client.waits(Duration::from_micros(299_999));
    assert_eq!(client.story(), ["Request 9/1 A;25"]);
    client.waits(Duration::from_micros(1));
    assert_eq!(client.story(), ["9 after 1: TimedOut"]);
}

#[test]
fn two_retransmissions_are_three_copies_and_then_the_last_timer_ends_the_exchange() {
    let config = RequesterConfig { retransmissions: Some(2), ..RequesterConfig::default() };
    let mut client = ClientByHand::new(config);
    client.asks("A;25", None);
    for copy in ["Request 9/1 A;25", "Request 9/2 A;25", "Request 9/3 A;25"] {
        assert_eq!(client.story(), [copy]);
        client.waits_for_its_timer();
    }
    assert_eq!(client.story(), ["9 after 3: TimedOut"]);
    let waits = waits_between(&client.left);
    let last_wait = client.now - client.left[2];
    assert!(last_wait.abs_diff(waits[0] * 4) <= ROUNDING);
}

#[test]
fn without_retransmissions_one_copy_has_one_timer() {
    let config = RequesterConfig { retransmissions: Some(0), ..RequesterConfig::default() };
    let mut client = ClientByHand::new(config);
    client.asks("A;25", None);
    client.waits(ms(999));
    assert_eq!(client.story(), ["Request 9/1 A;25"]);
    client.waits(ms(501));
    assert_eq!(client.story(), ["9 after 1: TimedOut"]);
}

#[test]
fn a_bare_datagram_is_sent_once_and_waited_for_until_the_deadline_or_25_seconds() {
    let config = RequesterConfig { semantics: Semantics::Maybe, ..RequesterConfig::default() };
    let mut client = ClientByHand::new(config.clone());
    client.asks("A;25", None);
    client.waits(ms(24_999));
    assert_eq!(client.story(), ["bare A;25"]);
    client.waits(ms(1));
    assert_eq!(client.story(), ["9 after 1: TimedOut"]);

    for deadline in [10_000, 30_000] {
        let mut client = ClientByHand::new(config.clone());
        client.asks("A;25", Some(ms(deadline)));
        client.waits(ms(deadline - 1));
        assert_eq!(client.story(), ["bare A;25"]);
        client.waits(ms(1));
        assert_eq!(client.story(), ["9 after 1: TimedOut"]);
    }
}

#[test]
fn at_least_once_says_that_repeating_does_no_harm() {
    let config =
        RequesterConfig { semantics: Semantics::AtLeastOnce, ..RequesterConfig::default() };
    let mut client = ClientByHand::new(config);
    client.asks("A;25", Some(ms(2_000)));
    client.waits_for_its_timer();
    let copies = ["Request 9/1 idempotent A;25", "Request 9/2 idempotent A;25"];
    assert_eq!(client.story(), copies);
}

#[test]
fn an_acknowledgement_changes_no_timer() {
    let mut silent = ClientByHand::new(RequesterConfig::default());
    let mut acknowledged = ClientByHand::new(RequesterConfig::default());
    for client in [&mut silent, &mut acknowledged] {
        client.asks("A;25", Some(ms(10_000)));
        client.waits(ms(500));
    }
    acknowledged.hears(&of_kind(Type::Ack, FIRST_ID, ""));
    for client in [&mut silent, &mut acknowledged] {
        client.waits(ms(9_500));
    }
    assert_eq!(acknowledged.left, silent.left);
    assert!(acknowledged.story().contains(&"Acknowledged { id: 9 }".to_owned()));
}

#[test]
fn a_window_of_64_sends_64_in_the_order_of_asking_and_then_one_for_each_reply() {
    let config = RequesterConfig { window: 64, ..RequesterConfig::default() };
    let mut client = ClientByHand::new(config);
    for number in 0..100 {
        client.asks(&format!("A;{number}"), None);
    }
    let sent: Vec<String> = (0..64).map(|n| format!("Request {}/1 A;{n}", FIRST_ID + n)).collect();
    assert_eq!(client.story(), sent);
    client.hears(&of_kind(Type::Reply, FIRST_ID, "S;50"));
    let story = client.story();
    assert_eq!(story, [r#"9 after 1: Replied("S;50")"#, "Request 73/1 A;64"]);
    // The 11th is answered before the 2nd: the next must wait, or the server would forget the 2nd.
    client.hears(&of_kind(Type::Reply, FIRST_ID + 10, "S;50"));
    assert_eq!(client.story(), [r#"19 after 1: Replied("S;50")"#]);
    client.hears(&of_kind(Type::Reply, FIRST_ID + 1, "S;50"));
    let story = client.story();
    assert_eq!(story, [r#"10 after 1: Replied("S;50")"#, "Request 74/1 A;65"]);
}

#[test]
fn who_waits_for_room_in_the_window_may_time_out_unsent() {
    let mut client = ClientByHand::new(RequesterConfig::default());
    client.asks("A;1", Some(ms(2_000)));
    client.asks("A;2", Some(ms(500)));
    client.waits(ms(500));
    assert_eq!(client.story(), ["Request 9/1 A;1", "10 after 0: TimedOut"]);
}

#[test]
fn a_client_that_keeps_its_session_alive_says_so_after_each_silence() {
    let keep_alive = Some(ms(15_000));
    let mut client = ClientByHand::new(RequesterConfig { keep_alive, ..Default::default() });
    client.asks("hello", None);
    client.hears(&of_kind(Type::Reply, FIRST_ID, "helloACK"));
    client.story();
    client.waits(ms(40_000));
    let pings = [Timestamp::from_millis(15_000), Timestamp::from_millis(30_000)];
    assert_eq!(client.left[1..], pings);
    let story = client.story();
    assert!(story.iter().all(|line| line.starts_with("Ping ")), "{story:?}");
    // It is answered, and that is no news.
    client.hears(&of_kind(Type::Pong, FIRST_ID + 1, ""));
    assert!(client.story().is_empty());
}
