//! Guests of a chat over UDP, in any order: however they come, talk and leave, nothing is left of
//! them, and the server has no timer to wait for.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use socklab::protocol::Session;
use socklab::protocol::datagram::DatagramConfig;
use socklab::protocol::datagram::header::{ByeReason, Header, Type};
use socklab::protocol::event::EventKind;
use socklab::protocol::parameters::TOKEN_LIFETIME;
use socklab::service::chat::ChatService;
use socklab::time::Calendar;

use crate::by_hand::{address, cookie, datagram, ms};
use crate::cases;
use crate::server_by_hand::ServerByHand;

const GUESTS: usize = 2;

/// What one of several clients sends; the last word is whether from its first address.
type Word = (u32, Said, bool, Duration);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Hello,
    Text,
    Again,
    Status,
    Exit,
    Bye,
    Ping,
}

fn word() -> impl Strategy<Value = Word> {
    use Said::{Again, Bye, Exit, Hello, Ping, Status, Text};
    let said = prop::sample::select(vec![Hello, Hello, Text, Text, Again, Status, Exit, Bye, Ping]);
    let pause = prop_oneof![Just(0), 0..2_000u64, 0..70_000u64].prop_map(ms);
    (0..4u32, said, prop::bool::weighted(0.8), pause)
}

/// Two addresses of each client.
fn home(token: u32, first: bool) -> SocketAddr {
    address([192, 0, 2, 10 + token as u8], if first { 5_000 } else { 61_000 })
}

fn says(server: &mut ServerByHand<ChatService>, (token, said, first, _): Word, message_id: u32) {
    let from = home(token, first);
    let (kind, text) = match said {
        Said::Hello => (Type::Hello, ""),
        Said::Text | Said::Again => (Type::Request, "hello"),
        Said::Status => (Type::Request, "status all"),
        Said::Exit => (Type::Request, "exit"),
        Said::Bye => (Type::Bye, ""),
        Said::Ping => (Type::Ping, ""),
    };
    let bye = (said == Said::Bye).then_some(ByeReason::ClientLeaves);
    let cookie = Some(cookie(from, token, server.now));
    let header = Header { cookie, bye, ..Header::new(kind, 1, token, message_id) };
    server.receive(from, &datagram(header, text));
    server.transmits();
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn whatever_guests_do_nothing_is_left_of_them(
        words in vec(word(), 1..60),
        work in prop_oneof![3 => Just(0), 1 => 0..10_000u64].prop_map(ms),
        idle_timeout in prop_oneof![1_000..10_000u64, Just(300_000)].prop_map(ms),
    ) {
        let config = DatagramConfig { work, idle_timeout, ..DatagramConfig::default() };
        let chat = ChatService::new(Calendar::from(SystemTime::UNIX_EPOCH), GUESTS, None);
        let mut server = ServerByHand::with(config, chat);
        let mut id = 100;
        for word in words {
            id += u32::from(word.1 != Said::Again);
            says(&mut server, word, id);
            server.waits(word.3);
        }
        server.waits(TOKEN_LIFETIME + 2 * (idle_timeout + work));
        prop_assert_eq!(server.server.poll_timeout(), None);
        let (mut here, mut names) = (Vec::new(), Vec::new());
        for event in server.events() {
            match event {
                EventKind::Joined(name) => {
                    prop_assert!(!names.contains(&name), "{} came twice", name);
                    names.push(name.clone());
                    here.push(name);
                    prop_assert!(here.len() <= GUESTS, "{:?} were here", here);
                }
                EventKind::Left { name, .. } => {
                    let place = here.iter().position(|one| *one == name);
                    prop_assert!(place.is_some(), "{} left, and was not here", name);
                    here.swap_remove(place.unwrap_or_default());
                }
                _ => {}
            }
        }
        prop_assert!(here.is_empty(), "{:?} never left", here);
    }
}
