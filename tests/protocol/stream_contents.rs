//! Contents over TCP: read piece by piece as they leave, in their place among the other replies.

use std::time::{Duration, SystemTime};

use socklab::peer::Peer;
use socklab::protocol::event::{Disconnect, EventKind};
use socklab::protocol::framing::Framing;
use socklab::protocol::stream::{StreamConfig, StreamRequester, StreamSession};
use socklab::protocol::{
    Closing, Ending, Input, Purpose, Question, Requester, RequesterEvent, Session, Transmit,
};
use socklab::service::chat::ChatService;
use socklab::service::content::{Content, Piece};
use socklab::service::{Caller, Next, Reply, Service};
use socklab::time::{Calendar, Timestamp};

use crate::by_hand::{LOCAL, SERVER, ms};
use crate::stream_by_hand::ConnectionByHand;

/// What is read of a content, piece by piece.
#[derive(Debug)]
struct Pieces(Vec<(&'static str, Piece)>);

impl Content for Pieces {
    fn read(&mut self, _room: usize, out: &mut Vec<u8>) -> Piece {
        let (text, piece) = self.0.remove(0);
        out.extend_from_slice(text.as_bytes());
        piece
    }
}

/// Answers `get` with such a content, anything else with the same.
struct Shelf;

impl Service for Shelf {
    fn is_sensitive(&self, _: Caller, _: &str) -> bool {
        false
    }

    fn handle(&mut self, _: Caller, request: &str, _: Timestamp, reply: &mut Reply<'_>) -> Next {
        let pieces = match request {
            "two" => vec![("FILE\nab", Piece::More), ("cd", Piece::End)],
            "later" => vec![("", Piece::NotYet), ("FILE\nab", Piece::End)],
            "none" => vec![("ERR no such file", Piece::Line)],
            "broken" => vec![("FILE\nab", Piece::More), ("", Piece::Broken("gone".to_owned()))],
            other => {
                reply.push_str(other);
                return Next::Continue;
            }
        };
        reply.content = Some(Box::new(Pieces(pieces)));
        Next::Continue
    }
}

fn connection() -> ConnectionByHand<Shelf> {
    ConnectionByHand::to(Peer::tcp(LOCAL), &StreamConfig::default(), Shelf)
}

#[test]
fn what_is_asked_behind_a_content_is_answered_behind_it() {
    let mut connection = connection();
    assert_eq!(connection.reads(b"one\ntwo\nthree\n"), ["one\nFILE\nab", "cd"]);
    assert_eq!(connection.waits(Duration::ZERO), ["three\n"]);
}

#[test]
fn before_a_fin_too() {
    let mut connection = connection();
    connection.reads(b"two\nthree\n");
    assert_eq!(connection.receives(Input::EndOfStream), ["three\n", "FIN", "close"]);
}

/// Seen: it held its place for ever, and a processor.
#[test]
fn who_says_no_more_and_reads_no_more_is_left_after_the_idle_time() {
    let idle_timeout = Duration::from_secs(5);
    let config = StreamConfig { idle_timeout, ..StreamConfig::default() };
    let peer = Peer::tcp(LOCAL);
    let mut session = StreamSession::new(peer, &config, Timestamp::ZERO, &mut Shelf);
    session.receive(peer, Input::Bytes(b"two\n"), Timestamp::ZERO, &mut Shelf);
    // The socket takes nothing.
    session.receive(peer, Input::EndOfStream, Timestamp::ZERO, &mut Shelf);
    let mut now = Timestamp::ZERO;
    for _ in 0..10 {
        if session.poll_transmit() == Some(Transmit::Close) {
            break;
        }
        let due = session.poll_timeout().expect("a timer");
        now = due.max(now);
        session.handle_timeout(now, &mut Shelf);
    }
    assert_eq!(session.poll_transmit(), Some(Transmit::Close));
    assert_eq!(now, Timestamp::ZERO + idle_timeout);
}

#[test]
fn a_stopping_server_still_answers_what_was_asked_behind_a_content() {
    let peer = Peer::tcp(LOCAL);
    let config = StreamConfig::default();
    let mut session = StreamSession::new(peer, &config, Timestamp::ZERO, &mut Shelf);
    session.receive(peer, Input::Bytes(b"later\nthree\n"), Timestamp::ZERO, &mut Shelf);
    let mut connection = ConnectionByHand::of(session, peer, Shelf);
    assert!(connection.stops(Duration::from_secs(5)).is_empty());
    assert_eq!(connection.waits(ms(10)), ["FILE\nabthree\n", "FIN"]);
}

#[test]
fn what_is_not_ready_is_asked_for_again() {
    let mut connection = connection();
    assert!(connection.reads(b"later\n").is_empty());
    assert!(connection.waits(ms(9)).is_empty());
    assert_eq!(connection.waits(ms(1)), ["FILE\nab"]);
}

#[test]
fn what_is_no_content_after_all_is_a_line() {
    assert_eq!(connection().reads(b"none\nnext\n"), ["ERR no such file\nnext\n"]);
}

#[test]
fn what_breaks_in_the_middle_ends_the_connection() {
    let mut connection = connection();
    assert_eq!(connection.reads(b"broken\n"), ["FILE\nab", "FIN"]);
    assert!(connection.events().contains(&EventKind::ContentBroken("gone".to_owned())));
}

#[test]
fn a_chat_greets_and_remembers_who_left() {
    let calendar = Calendar::from(SystemTime::UNIX_EPOCH);
    let chat = ChatService::new(calendar, 1, None);
    let config = StreamConfig::default();
    let mut first = ConnectionByHand::to(Peer::tcp(LOCAL), &config, chat);
    assert_eq!(first.does(), ["Client01\n"]);
    assert_eq!(first.reads(b"hello\n"), ["helloACK\n"]);
    assert_eq!(first.reads(b"exit\n"), ["Goodbye, Client01\n", "FIN"]);
    let left = EventKind::Left { name: "Client01".to_owned(), how: Disconnect::Goodbye };
    assert!(first.events().contains(&left));
    // Its place is free at once, though the connection is not closed yet.
    let mut next = ConnectionByHand::to(Peer::tcp(LOCAL), &config, first.service);
    assert_eq!(next.does(), ["Client02\n"]);
    let mut third = ConnectionByHand::to(Peer::tcp(LOCAL), &config, next.service);
    assert_eq!(third.does(), ["BUSY server full (1 clients)\n", "FIN"]);
}

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Asks for a file, hands over `reads`, and returns what the client reports.
fn client_hears(reads: &[&[u8]]) -> Vec<RequesterEvent> {
    let mut requester = StreamRequester::new(Peer::tcp(SERVER), Framing::Auto, 1176);
    let deadline = Some(Timestamp::from_millis(10_000));
    let question = Question { text: "get a 2", purpose: Purpose::Content };
    requester.request(question, Timestamp::ZERO, deadline);
    requester.request(Question::line("next"), Timestamp::ZERO, deadline);
    while let Some(Transmit::Bytes { bytes, .. }) = requester.poll_transmit(Timestamp::ZERO) {
        let count = bytes.len();
        requester.transmitted(count, Timestamp::ZERO);
    }
    for bytes in reads {
        requester.receive(Input::Bytes(bytes), Timestamp::from_millis(1));
    }
    requester.receive(Input::EndOfStream, Timestamp::from_millis(2));
    std::iter::from_fn(|| requester.poll_event()).collect()
}

fn contents(events: &[RequesterEvent]) -> Vec<u8> {
    let bytes = events.iter().filter_map(|event| match event {
        RequesterEvent::Content { bytes, .. } => Some(bytes.clone()),
        _ => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

fn endings(events: &[RequesterEvent]) -> Vec<Ending> {
    let endings = events.iter().filter_map(|event| match event {
        RequesterEvent::Ended(exchange) => Some(exchange.ending.clone()),
        _ => None,
    });
    endings.collect()
}

#[test]
fn wherever_a_content_is_cut_the_client_has_the_same_bytes_and_the_next_reply() {
    let head = format!("FILE a 7 {DIGEST}");
    let mut stream = format!("{head}\n").into_bytes();
    // No text, and with line ends in it.
    stream.extend_from_slice(b"\xff\n\x00\r\n");
    stream.extend_from_slice(b"nextACK\n");
    for cut in 0..=stream.len() {
        let (one, other) = stream.split_at(cut);
        let events = client_hears(&[one, other]);
        assert_eq!(contents(&events), b"\xff\n\x00\r\n", "cut at {cut}");
        let expected = [Ending::Replied(head.clone()), Ending::Replied("nextACK".to_owned())];
        assert_eq!(endings(&events), expected, "cut at {cut}");
    }
}

#[test]
fn a_content_that_ends_too_soon_is_broken_off() {
    let events = client_hears(&[format!("FILE a 7 {DIGEST}\nab").as_bytes()]);
    assert_eq!(contents(&events), b"ab");
    let broken = Ending::BrokenOff(Closing::EndOfStream);
    assert_eq!(endings(&events)[0], broken);
}
