//! Clients and a server over any network: whatever is lost, repeated, delayed or overtaken.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use socklab::protocol::datagram::{DatagramConfig, RequesterConfig, Semantics};
use socklab::protocol::event::EventKind;
use socklab::protocol::parameters::{
    MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN, TOKEN_LIFETIME, WINDOW,
};
use socklab::protocol::{Ending, Session};
use socklab::service::Sum;
use socklab::service::sum::{SumReply, SumRequest};
use socklab::time::Timestamp;

use crate::by_hand::ms;

use crate::cases;
use crate::network::{Asked, Fate, Network, Question, fate};

/// Everything that may differ from run to run.
#[derive(Debug, Clone)]
struct Schedule {
    first_ids: Vec<u32>,
    window: usize,
    work: Duration,
    questions: Vec<Question>,
    fates: Vec<Fate>,
}

impl Schedule {
    fn run(&self, semantics: Semantics, duplicate_cache: bool) -> Network {
        let server =
            DatagramConfig { work: self.work, duplicate_cache, ..DatagramConfig::default() };
        let client =
            RequesterConfig { semantics, window: self.window, ..RequesterConfig::default() };
        let mut network = Network::new(
            server,
            &client,
            &self.first_ids,
            self.questions.clone(),
            self.fates.clone(),
        );
        network.run();
        network
    }
}

prop_compose! {
    fn schedule()(
        // Message ids count up and wrap around: some clients begin just below the top.
        first_ids in vec(prop_oneof![any::<u32>(), u32::MAX - 10..=u32::MAX], 1..4),
        window in prop_oneof![Just(1), 2..WINDOW],
        work in prop_oneof![3 => Just(0), 1 => 0..10_000u64].prop_map(ms),
        questions in vec((0..3usize, 0..20_000u64, 1..=100u8, timeout()), 1..24),
        fates in vec(fate(), 1..60),
    ) -> Schedule {
        let questions = (0..)
            .zip(questions)
            .map(|(order, (client, at, number, timeout)): (usize, _)| Question {
                client: client % first_ids.len(),
                at: Timestamp::from_millis(at),
                text: format!("question {order};{number}"),
                timeout,
            })
            .collect();
        Schedule { first_ids, window, work, questions, fates }
    }
}

fn timeout() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![Just(None), (1..40_000u64).prop_map(|timeout| Some(ms(timeout)))]
}

/// Returns how often each request was executed.
fn executions(network: &Network) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for request in &network.service.executed {
        *counts.entry(request.as_str()).or_default() += 1;
    }
    counts
}

/// Returns the sums that the server's transcript has for this exchange, and when.
fn logged(network: &Network, asked: &Asked) -> Vec<(Timestamp, Sum)> {
    let of_this = network.log.iter().filter(|(_, event)| {
        event.peer.address == asked.from && event.message_id == Some(asked.id)
    });
    of_this
        .filter_map(|(at, event)| match &event.kind {
            EventKind::Exchange { sum, .. } => Some((*at, *sum)),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_schedule_of_copies_has_a_request_executed_twice(schedule in schedule()) {
        let network = schedule.run(Semantics::AtMostOnce, true);
        for (request, count) in executions(&network) {
            prop_assert_eq!(count, 1, "{}", request);
        }
    }

    /// The two ways to give up "at most once" really give it up.
    #[test]
    fn without_memory_every_copy_that_arrives_is_executed(
        schedule in schedule(),
        idempotent: bool,
    ) {
        let (semantics, duplicate_cache) = match idempotent {
            true => (Semantics::AtLeastOnce, true),
            false => (Semantics::AtMostOnce, false),
        };
        let network = schedule.run(semantics, duplicate_cache);
        prop_assert_eq!(network.service.executed.len(), network.arrived);
    }

    #[test]
    fn every_exchange_ends_once_and_none_outlives_its_deadline(schedule in schedule()) {
        let network = schedule.run(Semantics::AtMostOnce, true);
        prop_assert_eq!(network.asked.len(), schedule.questions.len());
        for asked in &network.asked {
            let [outcome] = asked.outcomes.as_slice() else {
                return Err(TestCaseError::fail(format!("{asked:?}")));
            };
            let span = asked.left.last().zip(asked.left.first()).map(|(last, first)| *last - *first);
            prop_assert!(span.unwrap_or_default() <= MAX_TRANSMIT_SPAN, "{asked:?}");
            let question = &asked.question;
            match question.timeout {
                Some(timeout) => prop_assert!(outcome.at <= question.at + timeout, "{asked:?}"),
                None => {
                    let longest = MAX_TRANSMIT_SPAN + MAX_RETRANSMISSION_TIMEOUT;
                    prop_assert!(outcome.at <= asked.left[0] + longest, "{asked:?}");
                }
            }
        }
    }

    #[test]
    fn a_sum_that_a_client_takes_was_logged_by_the_server_once(schedule in schedule()) {
        let network = schedule.run(Semantics::AtMostOnce, true);
        for asked in &network.asked {
            for outcome in &asked.outcomes {
                let Ending::Replied(reply) = &outcome.ending else { continue };
                let reply = SumReply::parse(reply).expect("a sum");
                let request = SumRequest::parse(&asked.question.text).expect("a request");
                let sums = logged(&network, asked);
                let [(at, sum)] = sums.as_slice() else {
                    return Err(TestCaseError::fail(format!("{asked:?} {sums:?}")));
                };
                prop_assert!(*at <= outcome.at);
                prop_assert_eq!(i64::from(sum.client_number), request.number);
                prop_assert_eq!(i64::from(sum.server_number), reply.number);
            }
        }
    }

    /// That no timer is set is what can be seen from outside; that nothing is remembered shows in
    /// an old message id being new again, whatever it carries.
    #[test]
    fn when_everybody_has_left_and_been_forgotten_no_state_is_left(schedule in schedule()) {
        let mut network = schedule.run(Semantics::AtMostOnce, true);
        prop_assert_eq!(network.server.poll_timeout(), None);
        prop_assert!(network.clients_wait_for_nothing());
        let forgotten = network.service.executed.len();
        for asked in std::mem::take(&mut network.asked) {
            network.use_again(&asked, "late;1");
            network.run_until(network.now + TOKEN_LIFETIME);
        }
        let executed = network.service.executed.len() - forgotten;
        prop_assert_eq!(executed, schedule.questions.len());
        prop_assert_eq!(network.server.poll_timeout(), None);
    }
}

/// So many copies of a request leave within 25 s, even if its timeouts are the longest.
const FEWEST_COPIES: usize = 5;

proptest! {
    #![proptest_config(cases(48))]

    /// With fewer losses than copies. Seen: the client hurried on as long as there was room in its
    /// window, and when it repeated the lost request that was too old for the server to execute.
    #[test]
    fn what_is_lost_among_hundreds_is_still_answered_and_executed_once(
        window in 1..=WINDOW,
        losses in btree_set(0..600usize, 1..FEWEST_COPIES),
    ) {
        let question = |order| Question {
            client: 0,
            at: Timestamp::ZERO,
            text: format!("question {order};25"),
            timeout: None,
        };
        let schedule = Schedule {
            first_ids: vec![u32::MAX - 100],
            window,
            work: Duration::ZERO,
            questions: (0..300).map(question).collect(),
            fates: (0..1_000)
                .map(|n| if losses.contains(&n) { Fate::new() } else { vec![ms(1)] })
                .collect(),
        };
        let network = schedule.run(Semantics::AtMostOnce, true);
        for asked in &network.asked {
            let ending = &asked.outcomes[0].ending;
            prop_assert!(matches!(ending, Ending::Replied(_)), "{asked:?}");
        }
        prop_assert!(executions(&network).values().all(|count| *count == 1));
    }
}
