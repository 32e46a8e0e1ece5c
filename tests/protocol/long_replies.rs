//! A reply that is longer than a message may be is an error that says so, over both transports.

use socklab::protocol::datagram::DatagramConfig;
use socklab::protocol::stream::StreamConfig;
use socklab::service::sum::ServerNumber;

use crate::by_hand::{Counting, REMOTE, request};
use crate::server_by_hand::ServerByHand;
use crate::stream_by_hand::ConnectionByHand;

const FITS: &str = "Ada Lovelace;50"; // 15 bytes
const INSTEAD: &str = "ERR the reply would be too long";

fn ada() -> Counting {
    Counting::new("Ada Lovelace", ServerNumber::Fixed(50), false)
}

#[test]
fn over_tcp_a_reply_longer_than_a_message_is_an_error_and_the_next_one_is_answered() {
    let config = |max_message| StreamConfig { max_message, ..StreamConfig::default() };
    let mut connection = ConnectionByHand::new(&config(15));
    connection.service = ada();
    let replies = connection.reads(b"A;1\nA;2;sum\nA;3\n");
    assert_eq!(replies, [format!("{FITS}\n{INSTEAD}\n{FITS}\n")]);
    assert_eq!(connection.service.executed.len(), 3);
}

#[test]
fn over_udp_a_reply_longer_than_a_message_is_an_error_that_copies_get_too() {
    let config = DatagramConfig { max_message: 15, ..DatagramConfig::default() };
    let mut server = ServerByHand::with(config, ada());
    assert_eq!(server.hears(REMOTE, &request(9, 1, "A;1")), [format!("Reply 9/1 {FITS}")]);
    for attempt in 1..=2 {
        let answers = server.hears(REMOTE, &request(10, attempt, "A;2;sum"));
        assert_eq!(answers, [format!("Reply 10/{attempt} {INSTEAD}")]);
    }
    assert_eq!(server.hears(REMOTE, b"A;3"), [format!("bare {FITS}")]);
    assert_eq!(server.hears(REMOTE, b"A;4;sum"), [format!("bare {INSTEAD}")]);
    assert_eq!(server.service.executed.len(), 4);
}
