//! A client's side of a TCP connection: pairing by order alone, and telling the ways apart in
//! which a server can leave.

use socklab::protocol::framing::Framing;
use socklab::protocol::parameters::{INCOMPLETE, MAX_MESSAGE, SILENCE};
use socklab::protocol::{Input, Requester, Transmit};

use crate::by_hand::ms;

use crate::stream_by_hand::StreamClientByHand;

fn client() -> StreamClientByHand {
    StreamClientByHand::new(Framing::Auto)
}

/// A client that has asked this, and told its story up to there.
fn client_that_asked(requests: &[&str]) -> StreamClientByHand {
    let mut client = client();
    for request in requests {
        client.asks(request, None);
    }
    client.story();
    client
}

#[test]
fn replies_are_paired_with_requests_by_their_order() {
    let mut client = client();
    client.asks("A;1", None);
    client.asks("A;2", None);
    assert_eq!(client.story(), ["A;1\n", "A;2\n"]);
    client.reads("S;50\nS;");
    assert_eq!(client.story(), [r#"0: Replied("S;50")"#]);
    client.reads("51\r\nS;52\n");
    let story = client.story();
    assert_eq!(story, [r#"1: Replied("S;51")"#, "Unexpected"]);
}

#[test]
fn a_reply_without_a_line_end_and_then_a_fin_is_a_reply() {
    let mut client = client_that_asked(&["A;25"]);
    client.reads("S;50");
    assert!(client.story().is_empty());
    client.receives(Input::EndOfStream);
    assert_eq!(client.story(), [r#"0: Replied("S;50")"#, "Left(EndOfStream)"]);
}

#[test]
fn a_reply_without_a_line_end_and_then_silence_is_a_reply() {
    let mut client = client_that_asked(&["A;25"]);
    client.reads("S;");
    client.waits(ms(150));
    client.reads("50");
    client.waits(SILENCE - ms(1));
    assert!(client.story().is_empty());
    client.waits(ms(1));
    assert_eq!(client.story(), [r#"0: Replied("S;50")"#]);
}

#[test]
fn a_fin_in_the_middle_of_a_reply_breaks_the_exchange_off() {
    let mut client = client_that_asked(&["A;1", "A;2"]);
    client.reads("S;50\nS;5");
    client.receives(Input::EndOfStream);
    let story = client.story();
    let expected = [r#"0: Replied("S;50")"#, "Left(EndOfStream)", "1: BrokenOff(EndOfStream)"];
    assert_eq!(story, expected);
}

/// Seen: half a character was called a protocol error of a server that had only been cut short.
#[test]
fn a_fin_in_the_middle_of_a_character_breaks_the_exchange_off() {
    for before in ["", "S;50\n"] {
        let mut client = client_that_asked(&["A;1", "A;2"]);
        client.reads(before);
        client.story();
        client.receives(Input::Bytes(&"Zoë".as_bytes()[..3]));
        client.receives(Input::EndOfStream);
        let broken_off = client.story().into_iter().filter(|line| line.contains("BrokenOff"));
        assert_eq!(broken_off.count(), if before.is_empty() { 2 } else { 1 });
    }
}

#[test]
fn bytes_that_are_no_text_are_a_protocol_error() {
    let mut client = client_that_asked(&["A;25"]);
    client.receives(Input::Bytes(b"S\xff;50\n"));
    let story = client.story();
    assert_eq!(story, [r#"0: ProtocolError("the server's reply is not UTF-8")"#]);
}

#[test]
fn a_reset_breaks_off_whatever_is_outstanding() {
    let mut client = client_that_asked(&["A;25"]);
    client.reads("S;5");
    client.receives(Input::Reset);
    assert_eq!(client.story(), ["Left(Reset)", "0: BrokenOff(Reset)"]);
}

#[test]
fn a_fin_with_a_request_outstanding_breaks_it_off_and_later_ones_find_the_server_gone() {
    let mut client = client_that_asked(&["A;25"]);
    client.receives(Input::EndOfStream);
    assert_eq!(client.story(), ["Left(EndOfStream)", "0: BrokenOff(EndOfStream)"]);
    client.asks("A;26", None);
    assert_eq!(client.story(), ["1: ServerShutDown(EndOfStream)"]);
}

#[test]
fn a_fin_with_nothing_outstanding_is_a_server_that_shut_down() {
    let mut client = client();
    client.receives(Input::EndOfStream);
    client.asks("A;25", None);
    assert_eq!(client.story(), ["Left(EndOfStream)", "0: ServerShutDown(EndOfStream)"]);
    assert_eq!(client.requester.poll_transmit(client.now), Some(Transmit::Close));
}

#[test]
fn a_fin_after_ones_own_number_out_of_range_is_a_server_that_shut_down() {
    let mut client = client_that_asked(&["A;25"]);
    client.asks_to_stop("A;101");
    client.story();
    client.reads("S;50\n");
    client.receives(Input::EndOfStream);
    let expected = [r#"0: Replied("S;50")"#, "Left(EndOfStream)", "1: ServerShutDown(EndOfStream)"];
    assert_eq!(client.story(), expected);
}

#[test]
fn a_request_that_never_left_is_not_broken_off() {
    let mut client = client();
    client.requester.refused(client.now);
    client.asks("A;25", None);
    client.receives(Input::EndOfStream);
    assert_eq!(client.story(), ["Left(EndOfStream)", "0: ServerShutDown(EndOfStream)"]);
}

#[test]
fn when_a_write_fails_what_waits_to_be_read_is_read_before_the_judgement() {
    let mut client = client_that_asked(&["A;25"]);
    client.requester.refused(client.now);
    client.asks("A;26", None);
    assert!(client.story().is_empty());
    client.reads("BUSY server full\n");
    let busy = r#"Busy("server full")"#;
    assert_eq!(client.story(), [format!("0: {busy}"), format!("1: {busy}")]);
}

#[test]
fn busy_ends_everything_outstanding() {
    let mut client = client_that_asked(&["A;1", "A;2"]);
    client.reads("BUSY server full\n");
    client.receives(Input::EndOfStream);
    let busy = r#"Busy("server full")"#;
    assert_eq!(client.story(), [format!("0: {busy}"), format!("1: {busy}")]);
    assert_eq!(client.requester.poll_transmit(client.now), Some(Transmit::Close));
}

/// Seen: the request ended as if the server had reset the connection.
#[test]
fn busy_that_came_before_the_request_is_its_answer() {
    let mut client = client();
    client.reads("BUSY server full\n");
    client.receives(Input::EndOfStream);
    let busy = r#"Busy("server full")"#;
    assert_eq!(client.story(), [format!("TurnedAway({busy})")]);
    client.asks("A;25", None);
    assert_eq!(client.story(), [format!("0: {busy}")]);
}

#[test]
fn a_reply_equal_to_its_request_is_the_echo_whatever_it_says() {
    let mut client = client_that_asked(&["BUSY bees", "hello"]);
    client.reads("BUSY bees\nBUSY server full\n");
    let story = client.story();
    assert_eq!(story, [r#"0: Replied("BUSY bees")"#, r#"1: Busy("server full")"#]);
    let mut client = client_that_asked(&["BUSY bees"]);
    client.reads("BUSY beesACK\n");
    assert_eq!(client.story(), [r#"0: Replied("BUSY beesACK")"#]);
}

#[test]
fn a_passed_deadline_closes_the_connection_for_all_and_takes_no_late_reply() {
    let mut client = client();
    client.asks("A;1", Some(ms(1_000)));
    client.asks("A;2", Some(ms(5_000)));
    client.story();
    client.waits(ms(999));
    assert!(client.story().is_empty());
    client.waits(ms(1));
    assert_eq!(client.story(), ["0: TimedOut", "1: TimedOut"]);
    assert_eq!(client.requester.poll_transmit(client.now), Some(Transmit::Close));
    client.reads("S;50\n");
    assert!(client.story().is_empty());
}

#[test]
fn a_reply_that_does_not_end_is_a_protocol_error() {
    let mut client = client_that_asked(&["A;25"]);
    client.reads(&"x".repeat(MAX_MESSAGE + 2));
    let story = client.story();
    assert_eq!(story, [r#"0: ProtocolError("the server's reply is too long")"#]);

    let mut client = client_that_asked(&["A;1", "A;2"]);
    client.reads("S;50\nS;5");
    client.waits(INCOMPLETE - ms(1));
    assert_eq!(client.story(), [r#"0: Replied("S;50")"#]);
    client.waits(ms(1));
    let story = client.story();
    assert_eq!(story, [r#"1: ProtocolError("the server's reply is incomplete")"#]);
}

#[test]
fn a_raw_client_sends_no_line_end_and_cannot_take_two_glued_replies_apart() {
    let mut client = StreamClientByHand::new(Framing::Raw);
    client.asks("A;1", None);
    client.asks("A;2", None);
    assert_eq!(client.story(), ["A;1", "A;2"]);
    client.reads("S;50\n");
    assert_eq!(client.story(), [r#"0: Replied("S;50")"#]);
    client.asks("A;3", None);
    client.reads("S;50\nS;51\n");
    let glued = r#"ProtocolError("the server's reply is line end inside the message")"#;
    let story = client.story();
    assert_eq!(story, ["A;3".to_owned(), format!("1: {glued}"), format!("2: {glued}")]);
}
