//! Whatever may be sent to a server by whoever claims to be anybody.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use socklab::protocol::Session;
use socklab::protocol::datagram::DatagramConfig;
use socklab::protocol::datagram::header::{
    ByeReason, COOKIE_LENGTH, HEADER_LENGTH, Header, MAGIC, Type, is_framed,
};
use socklab::protocol::parameters::{AMPLIFICATION_LIMIT, IP_AND_UDP_HEADERS};
use socklab::service::sum::ServerNumber;

use crate::by_hand::{Counting, REMOTE, address, datagram, ms};
use crate::cases;
use crate::server_by_hand::ServerByHand;

prop_compose! {
    /// A header of the few tokens and ids that make it likely to meet another one's memory.
    fn header()(
        kind in prop_oneof![4 => Just(Type::Request), 1 => prop::sample::select(&Type::ALL)],
        idempotent in prop::bool::weighted(0.2),
        attempt: u8,
        reason in 0..6u8,
        token in 0..3u32,
        message_id in prop_oneof![5 => 0..4u32, 1 => any::<u32>()],
        // Of this start of the server or of any other; its hash is nobody's.
        cookie in prop::option::weighted(0.2, any::<[u8; 6]>()),
        other_start in prop::bool::weighted(0.2),
    ) -> Header {
        Header {
            idempotent,
            bye: (kind == Type::Bye).then_some(ByeReason::Other(reason)),
            cookie: cookie.map(|[a, b, c, d, e, f]| {
                [0x12, if other_start { 0x35 } else { 0x34 }, a, b, c, d, e, f]
            }),
            ..Header::new(kind, attempt, token, message_id)
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let known = ["A;1", "A;25", "A;25;sum", "A;101", "", ";", ";;;", "hello", "A;x", "A\n;1"];
    prop_oneof![
        4 => prop::sample::select(known.map(str::to_owned).to_vec()),
        1 => "\\PC{0,60}",
    ]
}

fn framed() -> impl Strategy<Value = Vec<u8>> {
    (header(), text()).prop_map(|(header, text)| datagram(header, &text))
}

/// Framed, bare, cut, lying, and noise.
fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    let cut = (framed(), 0..40usize).prop_map(|(mut bytes, length)| {
        bytes.truncate(length);
        bytes
    });
    let lying = (framed(), 0..HEADER_LENGTH, any::<u8>()).prop_map(|(mut bytes, at, byte)| {
        bytes[at] = byte;
        bytes
    });
    prop_oneof![
        6 => framed(),
        2 => text().prop_map(String::into_bytes),
        1 => cut,
        1 => lying,
        1 => vec(any::<u8>(), 0..80),
    ]
}

#[derive(Debug, Clone)]
struct Arrival {
    from: SocketAddr,
    bytes: Vec<u8>,
    wait: Duration,
}

prop_compose! {
    fn arrival()(
        host in 1..4u8,
        bytes in any_datagram(),
        wait in prop_oneof![2 => Just(0), 1 => 0..4_000u64].prop_map(ms),
    ) -> Arrival {
        Arrival { from: address([198, 51, 100, host], 5_000), bytes, wait }
    }
}

prop_compose! {
    /// Any way a server can be set up that leaves addresses to be proven.
    fn server()(
        work in prop_oneof![Just(0), 1..3_000u64].prop_map(ms),
        duplicate_cache in prop::bool::weighted(0.8),
        remote_shutdown: bool,
        name_length in 1..600usize,
    ) -> (DatagramConfig, Counting) {
        let config = DatagramConfig { work, duplicate_cache, ..DatagramConfig::default() };
        let service = Counting::new(&"S".repeat(name_length), ServerNumber::seeded(1), remote_shutdown);
        (config, service)
    }
}

/// Who sent how much, and got how much.
#[derive(Debug, Default)]
struct Account {
    received: BTreeMap<SocketAddr, usize>,
    sent: BTreeMap<SocketAddr, usize>,
}

impl Account {
    fn receive(&mut self, from: SocketAddr, bytes: &[u8]) {
        *self.received.entry(from).or_default() += bytes.len() + IP_AND_UDP_HEADERS;
    }

    /// Sends what waits to be sent. Fails if that is too much for anybody.
    fn send(&mut self, server: &mut ServerByHand) -> Result<(), TestCaseError> {
        for (to, bytes) in server.transmits_bytes() {
            let sent = self.sent.entry(to).or_default();
            *sent += bytes.len() + IP_AND_UDP_HEADERS;
            let received = self.received.get(&to).copied().unwrap_or_default();
            prop_assert!(*sent <= AMPLIFICATION_LIMIT * received, "{to}: {sent} for {received}");
        }
        Ok(())
    }

    fn send_in_time(
        &mut self,
        server: &mut ServerByHand,
        time: Duration,
    ) -> Result<(), TestCaseError> {
        let end = server.now + time;
        self.send(server)?;
        while server.waits_for_its_timer(end) {
            self.send(server)?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(512))]

    /// At every moment, goodbyes included. Seen: replies held back by `--work` were not counted.
    #[test]
    fn nobody_who_has_proven_nothing_is_sent_more_than_three_times_what_came_from_there(
        (config, service) in server(),
        arrivals in vec(arrival(), 1..24),
        stops_after in 0..24usize,
    ) {
        let mut server = ServerByHand::with(config, service);
        let mut account = Account::default();
        for (order, Arrival { from, bytes, wait }) in arrivals.iter().enumerate() {
            if order == stops_after {
                server.server.shutdown(server.now, ms(5_000));
            }
            account.receive(*from, bytes);
            server.receive(*from, bytes);
            account.send_in_time(&mut server, *wait)?;
        }
        server.server.shutdown(server.now, ms(5_000));
        account.send_in_time(&mut server, ms(10_000))?;
        prop_assert!(server.is_over());
    }

    #[test]
    fn a_framed_datagram_is_answered_framed_and_a_bare_one_bare(
        (config, service) in server(),
        arrivals in vec(arrival(), 1..12),
    ) {
        let mut server = ServerByHand::with(config, service);
        for Arrival { from, bytes, .. } in arrivals {
            server.receive(from, &bytes);
            // Everything that waits is sent before the next arrival, so that each has its own.
            let mut answers = server.transmits_bytes();
            let settled = server.now + ms(100_000);
            while server.waits_for_its_timer(settled) {
                answers.extend(server.transmits_bytes());
            }
            for (to, answer) in answers {
                prop_assert_eq!(to, from);
                prop_assert_eq!(is_framed(&answer), is_framed(&bytes));
                if is_framed(&bytes) {
                    let (question, _) = Header::parse(&bytes).expect("only whole ones are answered");
                    let (answer, _) = Header::parse(&answer).expect("a whole answer");
                    prop_assert_eq!(answer.token, question.token);
                    prop_assert_eq!(answer.message_id, question.message_id);
                }
            }
        }
    }

    #[test]
    fn what_begins_like_a_framed_datagram_and_is_none_is_never_answered(
        (config, service) in server(),
        mut bytes in framed(),
        damage in 0..4usize,
        by in 1..200usize,
        kind in 11..16u8,
    ) {
        match damage {
            0 => bytes.truncate(bytes.len() - by.min(bytes.len() - 1)),
            1 => bytes.extend(vec![b'x'; by]),
            2 => bytes[5] ^= by as u8,
            _ => bytes[1] = kind << 4 | bytes[1] & 0xF,
        }
        prop_assert!(Header::parse(&bytes).is_err());
        let mut server = ServerByHand::with(config, service);
        prop_assert!(server.hears(REMOTE, &bytes).is_empty());
        prop_assert_eq!(server.server.poll_timeout(), None);
        prop_assert!(server.service.executed.is_empty());
    }

    #[test]
    fn a_header_reads_as_it_was_written(header in header(), payload in vec(any::<u8>(), 0..2_000)) {
        let mut bytes = vec![0xAA];
        header.write(&payload, &mut bytes);
        let cookie = header.cookie.map_or(0, |_| COOKIE_LENGTH);
        prop_assert_eq!(bytes.len(), 1 + HEADER_LENGTH + cookie + payload.len());
        prop_assert!(is_framed(&bytes[1..]));
        let (read, rest) = Header::parse(&bytes[1..]).expect("what we wrote");
        // A reason that has a name is read by its name.
        let by_number = |header: Header| header.bye.map(|reason| format!("{reason}"));
        prop_assert_eq!(Header { bye: None, ..read }, Header { bye: None, ..header });
        prop_assert_eq!(by_number(read).is_some(), by_number(header).is_some());
        prop_assert_eq!(rest, &payload[..]);
        let mut again = vec![0xAA];
        read.write(rest, &mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn no_text_is_taken_for_framed_and_nothing_framed_for_text(
        text in "\\PC{0,40}",
        header in header(),
        noise in vec(any::<u8>(), 0..60),
    ) {
        prop_assert!(!is_framed(text.as_bytes()));
        prop_assert!(std::str::from_utf8(&datagram(header, &text)).is_err());
        // The first byte alone decides.
        prop_assert_eq!(is_framed(&noise), noise.first() == Some(&MAGIC));
    }
}
