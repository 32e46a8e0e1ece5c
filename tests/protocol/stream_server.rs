//! A server's side of a TCP connection: order, closing with the last words heard, and leaving.

use socklab::peer::Peer;
use socklab::protocol::event::{Disconnect, EventKind};
use socklab::protocol::framing::Framing;
use socklab::protocol::parameters::{
    DISCARD_BYTES, DISCARD_TIME, DRAIN, IDLE_TIMEOUT, INCOMPLETE, MAX_HELD, MAX_UNSENT,
};
use socklab::protocol::stream::StreamConfig;
use socklab::protocol::{Input, Session, Transmit};

use crate::by_hand::{REMOTE, ms};

use crate::stream_by_hand::ConnectionByHand;

fn connection() -> ConnectionByHand {
    ConnectionByHand::new(&StreamConfig::default())
}

fn connection_that_works(milliseconds: u64) -> ConnectionByHand {
    ConnectionByHand::new(&StreamConfig { work: ms(milliseconds), ..StreamConfig::default() })
}

#[test]
fn pipelined_requests_are_answered_in_their_order_and_one_write_for_each_read() {
    let mut connection = connection();
    let replies = connection.reads(b"A;1\nA;2;sum\r\nA;3\nA;4;su");
    assert_eq!(replies, ["S;50\nS;50;52\nS;50\n"]);
    assert_eq!(connection.reads(b"m\n"), ["S;50;54\n"]);
}

#[test]
fn without_line_ends_silence_of_200_ms_ends_a_request() {
    let mut connection = connection();
    assert!(connection.reads(b"A;25").is_empty());
    assert!(connection.waits(ms(199)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["S;50\n"]);
}

#[test]
fn without_line_ends_a_fin_ends_a_request_and_then_both_are_done() {
    let mut connection = connection();
    connection.reads(b"A;25");
    let done = connection.receives(Input::EndOfStream);
    assert_eq!(done, ["S;50\n", "FIN", "close"]);
    let closed = EventKind::Disconnected(Disconnect::Closed);
    assert_eq!(connection.events().last(), Some(&closed));
}

#[test]
fn after_an_error_the_session_half_closes_and_throws_away_what_still_comes() {
    let mut connection = connection();
    let done = connection.reads(b"hello\nA;25\n");
    assert_eq!(done, ["ERR no semicolon: expected NAME;NUMBER\n", "FIN"]);
    assert!(connection.reads(b"A;26\n").is_empty());
    assert_eq!(connection.service.executed, ["hello"]);
    assert!(connection.waits(DISCARD_TIME - ms(1)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["close"]);
}

#[test]
fn throwing_away_ends_with_the_peers_fin_or_after_64_kib() {
    let mut finished = connection();
    finished.reads(b"hello\n");
    assert_eq!(finished.receives(Input::EndOfStream), ["close"]);

    let mut endless = connection();
    endless.reads(b"hello\n");
    assert!(endless.reads(&vec![b'x'; DISCARD_BYTES]).is_empty());
    assert_eq!(endless.reads(b"x"), ["close"]);
}

#[test]
fn a_web_page_cannot_stop_the_server_by_accident() {
    let mut connection = connection();
    let post = b"POST / HTTP/1.1\r\nHost: localhost:12000\r\nContent-Length: 7\r\n\r\nEve;101";
    let done = connection.reads(post);
    assert_eq!(done, ["ERR no semicolon: expected NAME;NUMBER\n", "FIN"]);
    assert_eq!(connection.service.executed, ["POST / HTTP/1.1"]);
    connection.receives(Input::EndOfStream);
    assert!(!connection.session.wants_shutdown());
}

#[test]
fn busy_is_said_before_the_fin_whatever_the_peer_sends() {
    let config = StreamConfig::default();
    let mut connection = ConnectionByHand::refused("server full (1 clients)", &config);
    assert_eq!(connection.does(), ["BUSY server full (1 clients)\n", "FIN"]);
    assert!(connection.reads(b"A;25\n").is_empty());
    assert!(connection.service.executed.is_empty());
    assert_eq!(connection.waits(DISCARD_TIME), ["close"]);
}

#[test]
fn who_is_silent_for_too_long_gets_a_fin() {
    let mut connection = connection();
    connection.waits(ms(1_000));
    connection.reads(b"A;25\n");
    assert!(connection.waits(IDLE_TIMEOUT - ms(1)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["FIN"]);
    assert_eq!(connection.receives(Input::EndOfStream), ["close"]);
    let idle = EventKind::Disconnected(Disconnect::Idle);
    assert_eq!(connection.events().last(), Some(&idle));
}

#[test]
fn who_does_not_take_its_replies_for_too_long_is_dropped() {
    let mut connection = connection();
    let peer = Peer::tcp(REMOTE);
    let request = Input::Bytes(b"A;25\n");
    let (now, service) = (connection.now, &mut connection.service);
    connection.session.receive(peer, request, now, service);
    let later = now + IDLE_TIMEOUT;
    connection.session.handle_timeout(later, service);
    assert_eq!(connection.session.poll_transmit(), Some(Transmit::Close));
    let stalled = EventKind::Disconnected(Disconnect::Stalled);
    assert_eq!(connection.events().last(), Some(&stalled));
}

/// Seen: at the moment at which the work was done the peer had also been silent for too long, and
/// the connection was dropped with the reply unsent.
#[test]
fn work_that_is_done_when_the_idle_time_ends_is_still_answered() {
    let config =
        StreamConfig { work: ms(10_000), idle_timeout: ms(2_000), ..StreamConfig::default() };
    let mut connection = ConnectionByHand::new(&config);
    connection.reads(b"A;25\n");
    assert_eq!(connection.waits(ms(10_000)), ["S;50\n"]);
    assert_eq!(connection.waits(ms(2_000)), ["FIN"]);
}

/// Seen: the session took its own silence for the peer's, and dropped the connection.
#[test]
fn who_waits_for_our_work_is_not_silent_for_too_long() {
    let config =
        StreamConfig { work: ms(10_000), idle_timeout: ms(3_000), ..StreamConfig::default() };
    let mut open = ConnectionByHand::new(&config);
    open.reads(b"A;25\n");
    assert_eq!(open.waits(ms(10_000)), ["S;50\n"]);
    assert_eq!(open.waits(ms(3_000)), ["FIN"]);

    let mut half_closed = ConnectionByHand::new(&config);
    half_closed.reads(b"A;25\n");
    half_closed.receives(Input::EndOfStream);
    let done = half_closed.waits(ms(10_000));
    assert_eq!(done, ["S;50\n", "FIN", "close"]);

    let mut malformed = ConnectionByHand::new(&config);
    malformed.reads(b"hello\n");
    let done = malformed.waits(ms(10_000));
    assert_eq!(done, ["ERR no semicolon: expected NAME;NUMBER\n", "FIN"]);
}

#[test]
fn half_a_request_is_waited_for_ten_seconds() {
    let mut connection = connection();
    connection.reads(b"A;24\nA;2");
    assert!(connection.waits(INCOMPLETE - ms(1)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["ERR incomplete\n", "FIN"]);
    assert_eq!(connection.service.executed, ["A;24"]);
}

#[test]
fn in_line_framing_a_fin_in_the_middle_is_half_a_request() {
    let mut connection =
        ConnectionByHand::new(&StreamConfig { framing: Framing::Line, ..StreamConfig::default() });
    connection.reads(b"A;25");
    let done = connection.receives(Input::EndOfStream);
    assert_eq!(done, ["ERR incomplete\n", "FIN", "close"]);
    assert!(connection.service.executed.is_empty());
}

#[test]
fn in_raw_framing_what_one_read_returns_is_a_request() {
    let mut connection =
        ConnectionByHand::new(&StreamConfig { framing: Framing::Raw, ..StreamConfig::default() });
    assert_eq!(connection.reads(b"A;2"), ["S;50\n"]);
    assert_eq!(connection.service.executed, ["A;2"]);
}

#[test]
fn work_holds_replies_back_and_keeps_their_order() {
    let mut connection = connection_that_works(2_000);
    assert!(connection.reads(b"A;1\nA;2;sum\n").is_empty());
    assert_eq!(connection.service.executed, ["A;1", "A;2;sum"]);
    connection.waits(ms(500));
    assert!(connection.reads(b"A;3\n").is_empty());
    assert!(connection.waits(ms(1_499)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["S;50\nS;50;52\n"]);
    assert_eq!(connection.waits(ms(500)), ["S;50\n"]);
}

#[test]
fn nothing_more_is_read_while_too_much_waits_to_be_written_or_worked_on() {
    let mut unread = connection();
    let peer = Peer::tcp(REMOTE);
    let many = b"A;25\n".repeat(MAX_UNSENT / 5 + 1);
    let (now, service) = (unread.now, &mut unread.service);
    unread.session.receive(peer, Input::Bytes(&many), now, service);
    assert!(!unread.session.wants_input());
    unread.does();
    assert!(unread.session.wants_input());

    let mut working = connection_that_works(1_000);
    working.reads(&b"A;25\n".repeat(MAX_HELD));
    assert!(!working.session.wants_input());
    working.waits(ms(1_000));
    assert!(working.session.wants_input());
}

#[test]
fn a_stopping_server_answers_what_it_has_accepted_and_takes_nothing_more() {
    let mut connection = connection_that_works(2_000);
    connection.reads(b"A;1\nA;2\n");
    assert!(connection.stops(DRAIN).is_empty());
    assert!(connection.reads(b"A;3\n").is_empty());
    assert_eq!(connection.waits(ms(2_000)), ["S;50\nS;50\n", "FIN"]);
    assert_eq!(connection.service.executed, ["A;1", "A;2"]);
    assert_eq!(connection.waits(DISCARD_TIME), ["close"]);
}

#[test]
fn a_stopping_server_leaves_an_idle_connection_at_once() {
    let mut connection = connection();
    connection.reads(b"A;25\n");
    assert_eq!(connection.stops(DRAIN), ["FIN", "close"]);
}

#[test]
fn work_longer_than_the_drain_is_not_waited_for() {
    let mut connection = connection_that_works(2_000);
    connection.reads(b"A;25\n");
    assert!(connection.stops(ms(1_000)).is_empty());
    assert!(connection.waits(ms(999)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["close"]);
}

#[test]
fn a_connection_that_is_closing_already_has_no_more_time_than_the_others() {
    for (last, after) in [(&b"A;101\n"[..], Input::Bytes(b"")), (b"", Input::EndOfStream)] {
        let mut connection = connection_that_works(2_000);
        connection.reads(&[b"A;25\n", last].concat());
        connection.receives(after);
        assert!(connection.stops(ms(1_000)).is_empty());
        assert!(connection.waits(ms(999)).is_empty());
        assert_eq!(connection.waits(ms(1)), ["close"]);
    }
}

/// Seen: the reply became due in the very moment in which the drain ended, and was not sent.
#[test]
fn work_exactly_as_long_as_the_drain_is_still_answered() {
    let mut connection = connection_that_works(1_000);
    connection.reads(b"A;25\n");
    connection.stops(ms(1_000));
    assert_eq!(connection.waits(ms(1_000)), ["S;50\n", "FIN"]);
}

#[test]
fn a_drain_of_zero_sends_what_is_ready_and_waits_for_no_work() {
    let mut ready = connection();
    let peer = Peer::tcp(REMOTE);
    let request = Input::Bytes(b"A;25\n");
    let (now, service) = (ready.now, &mut ready.service);
    ready.session.receive(peer, request, now, service);
    assert_eq!(ready.stops(ms(0)), ["S;50\n", "FIN"]);

    let mut working = connection_that_works(1_000);
    working.reads(b"A;25\n");
    assert!(working.stops(ms(0)).is_empty());
    assert_eq!(working.waits(ms(0)), ["close"]);
}

#[test]
fn a_number_out_of_range_closes_without_a_reply_behind_the_replies_before_it() {
    let mut connection = connection();
    let done = connection.reads(b"A;1\nA;101\nA;2\n");
    assert_eq!(done, ["S;50\n", "FIN"]);
    assert!(connection.session.wants_shutdown());
    assert_eq!(connection.service.executed, ["A;1", "A;101"]);
    assert!(connection.events().contains(&EventKind::OutOfRange(101)));
}

#[test]
fn from_another_host_a_number_out_of_range_is_an_error() {
    let config = StreamConfig::default();
    let mut connection = ConnectionByHand::from(Peer::tcp(REMOTE), &config);
    let done = connection.reads(b"A;101\n");
    assert_eq!(done, ["ERR shutdown is not allowed from here\n", "FIN"]);
    assert!(!connection.session.wants_shutdown());
}

#[test]
fn a_reset_ends_everything_at_once() {
    let mut connection = connection_that_works(2_000);
    connection.reads(b"A;25\n");
    assert_eq!(connection.receives(Input::Reset), ["close"]);
    assert_eq!(connection.session.poll_timeout(), None);
    let reset = EventKind::Disconnected(Disconnect::Reset);
    assert_eq!(connection.events().last(), Some(&reset));
}
