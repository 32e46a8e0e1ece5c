//! Contents over UDP: each piece is a reply of its own, when it is ready.

use std::time::Duration;

use socklab::protocol::datagram::DatagramConfig;
use socklab::service::content::{Content, Line, NOT_YET, Piece};
use socklab::service::{Caller, Next, Reply, Service};
use socklab::time::Timestamp;

use crate::by_hand::{REMOTE, ms, request};
use crate::server_by_hand::ServerByHand;

/// Answers every request with a content; that of `slow` is ready when it is asked for again.
struct Shelf;

#[derive(Debug)]
struct Slow(Option<Piece>);

impl Content for Slow {
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
        self.0.take().unwrap_or_else(|| Line("slow".to_owned()).read(room, out))
    }
}

impl Service for Shelf {
    fn is_sensitive(&self, _: Caller, _: &str) -> bool {
        false
    }

    fn handle(&mut self, _: Caller, request: &str, _: Timestamp, reply: &mut Reply<'_>) -> Next {
        reply.content = Some(match request {
            "slow" => Box::new(Slow(Some(Piece::NotYet))),
            other => Box::new(Line(other.to_owned())),
        });
        Next::Continue
    }
}

fn shelf(work: Duration) -> ServerByHand<Shelf> {
    ServerByHand::with(DatagramConfig { work, ..DatagramConfig::default() }, Shelf)
}

/// Seen: each new request put off what others waited for, so under load it never came.
#[test]
fn what_is_being_prepared_is_not_put_off_by_what_others_ask() {
    let mut server = shelf(Duration::ZERO);
    assert!(server.hears(REMOTE, &request(9, 1, "slow")).is_empty());
    for id in 10..14 {
        assert!(server.waits(NOT_YET / 5).is_empty());
        let answer = format!("Reply {id}/1 quick");
        assert_eq!(server.hears(REMOTE, &request(id, 1, "quick")), [answer]);
    }
    assert_eq!(server.waits(NOT_YET / 5), ["Reply 9/1 slow"]);
}

#[test]
fn each_content_is_read_when_its_own_work_is_done() {
    let mut server = shelf(ms(700));
    server.receive(REMOTE, &request(9, 1, "one"));
    assert!(server.waits(ms(3)).is_empty());
    server.receive(REMOTE, &request(10, 1, "two"));
    assert_eq!(server.waits(ms(697)), ["Reply 9/1 one"]);
    assert_eq!(server.waits(ms(3)), ["Reply 10/1 two"]);
}
