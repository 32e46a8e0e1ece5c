//! How much a server remembers, and what it does when that is all taken.

use std::time::Duration;

use socklab::peer::Peer;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::datagram::{DatagramConfig, DatagramServer};
use socklab::protocol::parameters::{
    MAX_MESSAGE_LIMIT, MAX_REMEMBERED_BYTES, MAX_TOKENS, TOKEN_LIFETIME,
};
use socklab::protocol::{Input, Session, Transmit};
use socklab::service::{Caller, Next, Reply, Service};
use socklab::time::Timestamp;

use crate::by_hand::{Counting, REMOTE, cookie, datagram, ms, read, secrets};
use crate::server_by_hand::ServerByHand;

const THREE_QUARTERS: u32 = 49_152;

fn request(token: u32, message_id: u32, text: &str) -> Vec<u8> {
    datagram(Header::new(Type::Request, 1, token, message_id), text)
}

fn proven(token: u32, message_id: u32, text: &str, now: Timestamp) -> Vec<u8> {
    let header = Header {
        cookie: Some(cookie(REMOTE, token, now)),
        ..Header::new(Type::Request, 1, token, message_id)
    };
    datagram(header, text)
}

#[test]
fn one_sender_of_sixty_thousand_tokens_is_challenged_and_crowds_nobody_out() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    for token in 0..60_000 {
        // Slowly enough for the limit on challenges.
        server.waits(Duration::from_micros(200));
        let answer = server.hears(REMOTE, &request(token, 9, "A;25"));
        let expected = match token < THREE_QUARTERS {
            true => "Reply 9/1 S;50",
            false => "Challenge 9/1 with cookie",
        };
        assert_eq!(answer, [expected], "token {token}");
    }
    // Live ones are answered, copies and new requests alike.
    for token in [0, THREE_QUARTERS / 2, THREE_QUARTERS - 1] {
        let copy = server.hears(REMOTE, &request(token, 9, "A;25"));
        assert_eq!(copy, ["Reply 9/1 S;50"]);
        let next = server.hears(REMOTE, &request(token, 10, "A;26"));
        assert_eq!(next, ["Reply 10/1 S;50"]);
    }
}

#[test]
fn with_proof_the_last_quarter_is_open_and_then_the_server_is_busy() {
    let mut server = ServerByHand::new(DatagramConfig::default());
    for token in 0..MAX_TOKENS as u32 {
        let now = server.now;
        let answer = server.hears(REMOTE, &proven(token, 9, "A;25", now));
        assert_eq!(answer, ["Reply 9/1 S;50"], "token {token}");
    }
    let busy = ["Busy 9/1 the server remembers too many clients"];
    let one_more = proven(MAX_TOKENS as u32, 9, "A;25", server.now);
    assert_eq!(server.hears(REMOTE, &one_more), busy);
    let next = server.hears(REMOTE, &request(0, 10, "A;26"));
    assert_eq!(next, ["Reply 10/1 S;50"]);
    // Requests that need no memory need no room.
    assert_eq!(server.hears(REMOTE, b"A;25"), ["bare S;50"]);

    server.waits(TOKEN_LIFETIME - ms(1));
    let stale_proof = proven(MAX_TOKENS as u32, 9, "A;25", server.now);
    assert_eq!(server.hears(REMOTE, &stale_proof), busy);
    server.waits(ms(1));
    assert_eq!(server.server.poll_timeout(), None);
    let answer = server.hears(REMOTE, &request(MAX_TOKENS as u32, 9, "A;25"));
    assert_eq!(answer, ["Reply 9/1 S;50"]);
}

/// A service whose replies are as long as the request asks for.
struct Long;

impl Service for Long {
    fn is_sensitive(&self, _caller: Caller, _request: &str) -> bool {
        false
    }

    fn handle(&mut self, _: Caller, request: &str, _: Timestamp, reply: &mut Reply<'_>) -> Next {
        let length = request.parse().expect("a length");
        reply.push_str(&"x".repeat(length));
        Next::Continue
    }
}

struct LongServer {
    server: DatagramServer,
    now: Timestamp,
}

impl LongServer {
    fn new() -> Self {
        let config = DatagramConfig { max_message: MAX_MESSAGE_LIMIT, ..DatagramConfig::default() };
        LongServer { server: DatagramServer::new(config, &secrets()), now: Timestamp::ZERO }
    }

    fn hears(&mut self, datagram: &[u8]) -> String {
        let input = Input::Bytes(datagram);
        self.server.receive(Peer::udp(REMOTE), input, self.now, &mut Long);
        let Some(Transmit::Bytes { bytes, .. }) = self.server.poll_transmit() else {
            panic!("no answer");
        };
        // Its beginning tells enough.
        let kind = read(bytes).chars().take(9).collect();
        self.server.transmitted(0, self.now);
        kind
    }

    /// Sends requests of new clients until one is not answered with its reply; returns how many
    /// were.
    fn fill(&mut self, length: usize, prove: bool) -> usize {
        for token in 0.. {
            let text = length.to_string();
            let datagram = match prove {
                true => proven(token, 9, &text, self.now),
                false => request(token, 9, &text),
            };
            if self.hears(&datagram) != "Reply 9/1" {
                return token as usize;
            }
        }
        unreachable!("there are more tokens than there is memory")
    }
}

/// The replies alone fill nearly all of the memory; the rest is what their entries cost.
fn nearly(replies: usize, memory: usize) {
    assert!((memory / 100 * 99..=memory).contains(&replies), "{replies} of {memory}");
}

#[test]
fn sixty_four_mebibytes_of_replies_are_remembered_and_what_is_forgotten_makes_room() {
    const LENGTH: usize = 60_000;
    let mut server = LongServer::new();
    for _ in 0..2 {
        let filled = server.fill(LENGTH, true);
        nearly(filled * LENGTH, MAX_REMEMBERED_BYTES);
        let now = server.now;
        assert_eq!(server.hears(&proven(0, 10, "1", now)), "Busy 10/1");
        assert_eq!(server.hears(&proven(0, 9, "60000", now)), "Reply 9/1");
        server.now += TOKEN_LIFETIME;
        server.server.handle_timeout(server.now, &mut Long);
        assert_eq!(server.server.poll_timeout(), None);
    }
}

#[test]
fn above_three_quarters_of_the_bytes_a_new_client_must_prove_itself() {
    let mut server = LongServer::new();
    let mut token = 1_000_000;
    while server.hears(&request(token + 1, 9, "1")) == "Reply 9/1" {
        token += 2;
        let now = server.now;
        server.hears(&proven(token, 9, "60000", now));
    }
    let clients = (token - 1_000_000) / 2;
    nearly(clients as usize * 60_001, MAX_REMEMBERED_BYTES / 4 * 3);
    assert_eq!(server.hears(&request(1, 9, "1")), "Challenge");
    let now = server.now;
    assert_eq!(server.hears(&proven(1, 9, "1", now)), "Reply 9/1");
    assert_eq!(server.hears(&request(token, 10, "1")), "Reply 10/");
}

#[test]
fn what_falls_out_of_a_clients_window_makes_room() {
    let mut server = LongServer::new();
    let now = server.now;
    for message_id in 0..2_000 {
        let answer = server.hears(&proven(7, message_id, "60000", now));
        assert!(answer.starts_with("Reply"), "{message_id}: {answer}");
    }
}

#[test]
fn the_oldest_is_forgotten_first_and_a_copy_keeps_its_client_alive() {
    let mut server = ServerByHand::with(DatagramConfig::default(), Counting::fifty());
    for token in 0..3 {
        server.hears(REMOTE, &request(token, 9, "A;25"));
        server.waits(ms(10_000));
    }
    server.hears(REMOTE, &request(0, 9, "A;25"));
    // Now tokens 1 and 2 end at 70 and 80 s, and token 0 at 90 s.
    for end in [70_000, 80_000, 90_000] {
        let end = Timestamp::from_millis(end);
        assert_eq!(server.server.poll_timeout(), Some(end));
        server.waits(end - server.now);
    }
    assert_eq!(server.server.poll_timeout(), None);
}
