//! How an exchange over UDP ends other than by its reply or its deadline.

use socklab::protocol::datagram::header::{ByeReason, Header, Type};
use socklab::protocol::datagram::{IcmpPolicy, RequesterConfig, Semantics};
use socklab::protocol::{Input, Question, Requester, RequesterEvent, Transmit};

use crate::by_hand::{FIRST_ID, TOKEN, datagram, ms, of_kind};
use crate::client_by_hand::ClientByHand;

fn bye(first_unanswered: u32, reason: ByeReason) -> Vec<u8> {
    let header = Header { bye: Some(reason), ..Header::new(Type::Bye, 0, TOKEN, first_unanswered) };
    datagram(header, "")
}

fn client_with_window(window: usize) -> ClientByHand {
    ClientByHand::new(RequesterConfig { window, ..RequesterConfig::default() })
}

fn client_that(icmp: IcmpPolicy) -> ClientByHand {
    ClientByHand::new(RequesterConfig { icmp, ..RequesterConfig::default() })
}

#[test]
fn busy_ends_the_exchange_with_the_servers_reason() {
    let mut client = client_with_window(1);
    client.asks("A;25", None);
    client.hears(&of_kind(Type::Busy, FIRST_ID, "no room"));
    let story = client.story();
    assert_eq!(story, ["Request 9/1 A;25", r#"9 after 1: Busy("no room")"#]);
    assert_eq!(client.requester.poll_timeout(), None);
}

#[test]
fn stale_leaves_the_outcome_unknown() {
    let mut client = client_with_window(1);
    client.asks("A;25", None);
    client.hears(&of_kind(Type::Stale, FIRST_ID, ""));
    assert_eq!(client.story()[1], "9 after 1: OutcomeUnknown(Stale)");
}

#[test]
fn a_reply_that_is_no_message_is_a_protocol_error() {
    let mut client = client_with_window(1);
    client.asks("A;25", None);
    client.hears(&of_kind(Type::Reply, FIRST_ID, "S;50\nS;51"));
    let expected =
        r#"9 after 1: ProtocolError("the server's reply is line end inside the message")"#;
    assert_eq!(client.story()[1], expected);
}

#[test]
fn a_reply_to_an_earlier_attempt_counts_and_the_next_one_is_stale() {
    let mut client = client_with_window(1);
    client.asks("A;25", None);
    client.waits_for_its_timer();
    let story = client.story();
    assert_eq!(story, ["Request 9/1 A;25", "Request 9/2 A;25"]);
    client.hears(&of_kind(Type::Reply, FIRST_ID, "S;50"));
    client.hears(&of_kind(Type::Reply, FIRST_ID, "S;50"));
    let story = client.story();
    assert_eq!(story, [r#"9 after 2: Replied("S;50")"#, "Unexpected"]);
}

#[test]
fn a_goodbye_ends_what_it_names_and_later_ones_but_an_earlier_exchange_goes_on() {
    let mut client = client_with_window(3);
    for number in 1..=3 {
        client.asks(&format!("A;{number}"), None);
    }
    client.story();
    client.hears(&bye(FIRST_ID + 1, ByeReason::Shutdown));
    let left = "ServerShutDown(Bye(Shutdown))";
    let expected = [
        "Left(Bye(Shutdown))".to_owned(),
        format!("10 after 1: {left}"),
        format!("11 after 1: {left}"),
    ];
    assert_eq!(client.story(), expected);
    client.waits_for_its_timer();
    client.hears(&of_kind(Type::Reply, FIRST_ID, "S;50"));
    let story = client.story();
    assert_eq!(story, ["Request 9/2 A;1", r#"9 after 2: Replied("S;50")"#]);
}

#[test]
fn a_goodbye_with_nothing_outstanding_is_reported_and_one_for_another_client_is_not() {
    let mut client = client_with_window(1);
    client.hears(&bye(FIRST_ID, ByeReason::Shutdown));
    assert_eq!(client.story(), ["Left(Bye(Shutdown))"]);
    let header =
        Header { bye: Some(ByeReason::Shutdown), ..Header::new(Type::Bye, 0, TOKEN + 1, FIRST_ID) };
    client.asks("A;25", None);
    client.hears(&datagram(header, ""));
    assert_eq!(client.story(), ["Request 9/1 A;25", "Unexpected"]);
}

#[test]
fn port_unreachable_to_the_first_attempt_is_a_refusal() {
    let mut client = client_that(IcmpPolicy::Trust);
    client.asks("A;25", Some(ms(10_000)));
    client.is_refused();
    assert_eq!(client.story(), ["Request 9/1 A;25", "9 after 1: Refused"]);
}

#[test]
fn port_unreachable_to_a_later_attempt_leaves_the_outcome_unknown() {
    let mut client = client_that(IcmpPolicy::Trust);
    client.asks("A;25", Some(ms(10_000)));
    client.waits_for_its_timer();
    client.is_refused();
    let story = client.story();
    assert_eq!(story[2], "9 after 2: OutcomeUnknown(RefusedLater)");
}

/// Seen: the exchange ended as "refused", that is, as not executed.
#[test]
fn port_unreachable_after_an_acknowledgement_leaves_the_outcome_unknown() {
    let mut client = client_with_window(1);
    client.asks("A;1", Some(ms(10_000)));
    // The network repeated the request, and the server answered the copy.
    client.hears(&of_kind(Type::Ack, FIRST_ID, ""));
    client.story();
    client.is_refused();
    assert_eq!(client.story(), ["9 after 1: OutcomeUnknown(RefusedLater)"]);
}

#[test]
fn a_vetting_client_believes_the_second_refusal_only() {
    let mut client = client_that(IcmpPolicy::Vet);
    client.asks("A;25", Some(ms(10_000)));
    client.is_refused();
    client.is_refused();
    assert_eq!(client.story(), ["Request 9/1 A;25"]);
    client.waits_for_its_timer();
    client.is_refused();
    assert_eq!(client.story(), ["Request 9/2 A;25", "9 after 2: Refused"]);
}

#[test]
fn a_vetting_client_survives_a_forged_refusal() {
    let mut client = client_that(IcmpPolicy::Vet);
    client.asks("A;25", Some(ms(10_000)));
    client.is_refused();
    client.hears(&of_kind(Type::Reply, FIRST_ID, "S;50"));
    assert_eq!(client.story()[1], r#"9 after 1: Replied("S;50")"#);
}

#[test]
fn a_vetting_client_whose_first_attempt_was_not_refused_cannot_know() {
    let mut client = client_that(IcmpPolicy::Vet);
    client.asks("A;25", Some(ms(20_000)));
    client.waits_for_its_timer();
    client.is_refused();
    client.waits_for_its_timer();
    client.story();
    client.is_refused();
    let story = client.story();
    assert_eq!(story, ["9 after 3: OutcomeUnknown(RefusedLater)"]);
}

#[test]
fn a_refusal_does_not_say_which_of_several_questions_was_refused() {
    let mut client = client_with_window(2);
    client.asks("A;1", None);
    client.asks("A;2", None);
    client.story();
    client.is_refused();
    let both =
        ["9 after 1: OutcomeUnknown(RefusedLater)", "10 after 1: OutcomeUnknown(RefusedLater)"];
    assert_eq!(client.story(), both);
}

#[test]
fn what_comes_before_the_question_has_left_answers_nothing() {
    for semantics in [Semantics::Maybe, Semantics::AtMostOnce] {
        let config = RequesterConfig { semantics, ..RequesterConfig::default() };
        let mut client = ClientByHand::new(config);
        // Asked, and not yet sent: the socket had something to read first.
        client.requester.request(Question::line("A;1"), client.now, None);
        let early = match semantics {
            Semantics::Maybe => b"S;50".to_vec(),
            _ => datagram(Header::new(Type::Reply, 1, TOKEN, FIRST_ID), "S;50"),
        };
        client.requester.receive(Input::Bytes(&early), client.now);
        assert_eq!(client.requester.poll_event(), Some(RequesterEvent::Unexpected));
        let Some(Transmit::Bytes { bytes, .. }) = client.requester.poll_transmit(client.now) else {
            panic!("the question does not leave");
        };
        let length = bytes.len();
        client.requester.transmitted(length, client.now);
        client.hears(&early);
        assert_eq!(client.story(), ["9 after 1: Replied(\"S;50\")"]);
    }
}

#[test]
fn maybe_takes_whatever_comes_for_the_answer_to_its_oldest_question() {
    let mut client = ClientByHand::new(RequesterConfig {
        semantics: Semantics::Maybe,
        window: 2,
        ..RequesterConfig::default()
    });
    client.asks("A;1", None);
    client.asks("A;2", None);
    client.story();
    for answer in [b"Eve;99".as_slice(), b"S;50\n", b"S;50"] {
        client.hears(answer);
    }
    let expected =
        [r#"9 after 1: Replied("Eve;99")"#, r#"10 after 1: Replied("S;50")"#, "Unexpected"];
    assert_eq!(client.story(), expected);
}

#[test]
fn a_bare_datagram_answers_no_framed_request() {
    let mut client = client_with_window(1);
    client.asks("A;25", None);
    client.hears(b"Eve;99");
    assert_eq!(client.story(), ["Request 9/1 A;25", "Unframed"]);
}
