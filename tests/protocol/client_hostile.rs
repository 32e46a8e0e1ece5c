//! Whatever a server, a forger or the network may send to a client, in any order.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use socklab::protocol::datagram::header::{ByeReason, Header, Type};
use socklab::protocol::datagram::{RequesterConfig, Semantics};
use socklab::protocol::parameters::{MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN, WINDOW};
use socklab::protocol::{Ending, Exchange, RequesterEvent};
use socklab::time::Timestamp;

use crate::by_hand::{FIRST_ID, TOKEN, datagram, ms};
use crate::cases;
use crate::client_by_hand::ClientByHand;

/// What can happen to a client.
#[derive(Debug, Clone)]
enum Step {
    Ask { timeout: Option<Duration> },
    Hear(Header, String),
    HearBytes(Vec<u8>),
    Wait(Duration),
}

prop_compose! {
    fn header(kinds: &'static [Type])(
        kind in prop::sample::select(kinds),
        right_token in prop::bool::weighted(0.9),
        offset in 0..8u32,
        attempt in 1..6u8,
        cookie in prop::option::weighted(0.8, any::<[u8; 8]>()),
    ) -> Header {
        Header {
            cookie: cookie.filter(|_| kind == Type::Challenge),
            bye: (kind == Type::Bye).then_some(ByeReason::Shutdown),
            ..Header::new(kind, attempt, TOKEN ^ u32::from(!right_token), FIRST_ID - 2 + offset)
        }
    }
}

fn step(kinds: &'static [Type]) -> impl Strategy<Value = Step> {
    let timeout = prop::option::of((0..40_000u64).prop_map(ms));
    prop_oneof![
        2 => timeout.prop_map(|timeout| Step::Ask { timeout }),
        6 => (header(kinds), "[a-z;0-9]{0,8}").prop_map(|(header, text)| Step::Hear(header, text)),
        1 => vec(any::<u8>(), 0..40).prop_map(Step::HearBytes),
        3 => (0..9_000u64).prop_map(|duration| Step::Wait(ms(duration))),
    ]
}

fn take(client: &mut ClientByHand, step: &Step) {
    match step {
        Step::Ask { timeout } => client.asks("A;25", *timeout),
        Step::Hear(header, text) => client.hears(&datagram(*header, text)),
        Step::HearBytes(bytes) => client.hears(bytes),
        Step::Wait(duration) => client.waits(*duration),
    }
}

fn client(semantics: Semantics, window: usize) -> ClientByHand {
    ClientByHand::new(RequesterConfig { semantics, window, ..RequesterConfig::default() })
}

/// Returns the exchanges whose request has left and whose end has not been reported.
fn outstanding(client: &ClientByHand) -> BTreeSet<u32> {
    let mut outstanding = BTreeSet::new();
    for (_, event) in &client.events {
        match event {
            RequesterEvent::Sent { id, .. } => {
                outstanding.insert(*id);
            }
            RequesterEvent::Ended(exchange) => {
                outstanding.remove(&exchange.id);
            }
            _ => {}
        }
    }
    outstanding
}

/// Returns which exchanges ended, and how, in this part of what happened.
fn ended(events: &[(Timestamp, RequesterEvent)]) -> Vec<(u32, &Ending)> {
    let exchanges = events.iter().filter_map(|(_, event)| match event {
        RequesterEvent::Ended(exchange) => Some((exchange.id, &exchange.ending)),
        _ => None,
    });
    exchanges.collect()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_reply_is_accepted_if_and_only_if_its_token_and_id_are_outstanding(
        window in 1..WINDOW,
        steps in vec(step(&Type::ALL), 1..40),
    ) {
        let mut client = client(Semantics::AtMostOnce, window);
        for step in steps {
            let (before, heard) = (outstanding(&client), client.events.len());
            take(&mut client, &step);
            let news = &client.events[heard..];
            let ended = ended(news);
            let dropped = [RequesterEvent::Unexpected, RequesterEvent::Unframed];
            let unexpected = news.iter().any(|(_, event)| dropped.contains(event));
            match step {
                Step::Hear(header, text) if header.kind == Type::Reply => {
                    if header.token == TOKEN && before.contains(&header.message_id) {
                        prop_assert_eq!(ended, [(header.message_id, &Ending::Replied(text))]);
                    } else {
                        prop_assert!(unexpected && ended.is_empty(), "{header:?} {ended:?}");
                    }
                }
                Step::HearBytes(_) => prop_assert!(unexpected && ended.is_empty()),
                _ => {
                    let replied = |(_, ending): &(u32, &Ending)| matches!(ending, Ending::Replied(_));
                    prop_assert!(!ended.iter().any(replied), "{ended:?}");
                }
            }
        }
    }

    /// Seen: a challenge that came when no copy might leave any more started the timer anew.
    #[test]
    fn no_exchange_outlives_its_deadline_however_often_it_is_acknowledged_and_challenged(
        timeouts in vec(prop::option::of((0..40_000u64).prop_map(ms)), 1..4),
        mut heard in vec((0..35_000u64, header(&[Type::Ack, Type::Challenge])), 0..12),
    ) {
        let mut client = client(Semantics::AtMostOnce, WINDOW);
        for timeout in &timeouts {
            client.asks("A;25", *timeout);
        }
        heard.sort_by_key(|(at, _)| *at);
        for (at, header) in heard {
            client.waits(Timestamp::from_millis(at) - client.now);
            client.hears(&datagram(header, ""));
        }
        client.waits(ms(100_000));
        prop_assert!(outstanding(&client).is_empty());
        for (at, event) in &client.events {
            let since_first = *at - Timestamp::ZERO;
            match event {
                RequesterEvent::Sent { .. } => prop_assert!(since_first <= MAX_TRANSMIT_SPAN),
                RequesterEvent::Ended(Exchange { id, .. }) => {
                    let timeout = timeouts[(id - FIRST_ID) as usize];
                    let limit = MAX_TRANSMIT_SPAN + MAX_RETRANSMISSION_TIMEOUT;
                    let limit = timeout.map_or(limit, |timeout| timeout.min(limit));
                    prop_assert!(since_first <= limit, "{id} ended at {at}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn no_framed_datagram_answers_a_bare_request(
        window in 1..4usize,
        steps in vec((header(&Type::ALL), "[a-z]{0,8}"), 1..20),
    ) {
        let mut client = client(Semantics::Maybe, window);
        client.asks("A;25", None);
        client.story();
        for (header, text) in steps {
            client.hears(&datagram(header, &text));
            prop_assert_eq!(client.story(), ["Unexpected"]);
        }
    }
}
