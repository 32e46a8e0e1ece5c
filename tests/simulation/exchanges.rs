//! The sum exchange, with the real server and the real client.

use socklab::net::sim::SimConfig;
use socklab::peer::Transport;
use socklab::protocol::Ending;
use socklab::protocol::datagram::header::{Header, Type};
use socklab::protocol::event::{DuplicateAnswer, EventKind};
use socklab::server::Stop;
use socklab::time::Timestamp;
use socklab::wire::{Fault, Impairment, What, WireConfig};

use super::*;

#[test]
fn one_round_trip_over_udp_and_two_over_tcp() {
    for (transport, time) in [(Transport::Udp, ms(50)), (Transport::Tcp, ms(100))] {
        let (outcome, ..) = exchange(SimConfig::default(), transport);
        assert_eq!(outcome.exchange.ending, Ending::Replied("Server;55;80".into()));
        assert_eq!(outcome.elapsed, time, "{transport}");
    }
}

#[test]
fn two_packets_over_udp_and_nine_to_eleven_over_tcp() {
    let (.., record) = exchange(SimConfig::default(), Transport::Udp);
    assert_eq!(sent(&record).len(), 2);
    let (.., record) = exchange(SimConfig::default(), Transport::Tcp);
    let count = sent(&record).len();
    assert!((9..=11).contains(&count), "{count} packets");
    assert!(segments(&record).iter().all(|(.., segment)| !segment.rst));
}

#[test]
fn nobody_listens_there_and_that_is_known_after_one_round_trip() {
    for transport in BOTH {
        let (outcome, _) = play(SimConfig::default(), move |sim| async move {
            ask(&sim, &sim.client(1), transport, 1).await
        });
        assert_eq!(outcome.exchange.ending, Ending::Refused);
        assert_eq!(outcome.elapsed, ms(50), "{transport}");
    }
}

#[test]
fn a_lost_syn_is_repeated_after_one_second() {
    let (outcome, ..) = exchange(faulty(&[(Fault::Drop, What::Syn)]), Transport::Tcp);
    assert!(replied(&outcome));
    assert_eq!(outcome.elapsed, ms(1_100));
}

#[test]
fn a_lost_reply_is_repeated_by_tcp_itself() {
    let (outcome, heard, _) = exchange(faulty(&[(Fault::Drop, What::Reply(1))]), Transport::Tcp);
    assert!(replied(&outcome));
    assert_eq!(outcome.exchange.retransmissions, 0);
    assert_eq!(outcome.elapsed, ms(1_100));
    assert!(heard.iter().all(|kind| !matches!(kind, EventKind::Duplicate { .. })));
}

#[test]
fn a_lost_reply_over_udp_is_asked_for_again_and_answered_from_memory() {
    let (outcome, heard, record) =
        exchange(faulty(&[(Fault::Drop, What::Reply(1))]), Transport::Udp);
    assert_eq!(outcome.exchange.ending, Ending::Replied("Server;55;80".into()));
    assert_eq!(outcome.exchange.retransmissions, 1);
    let requests: Vec<_> = sent(&record)
        .into_iter()
        .filter_map(|event| match Packet::parse(&event.packet.bytes) {
            Packet::Udp(datagram) => Header::parse(datagram.payload).ok().map(|(header, _)| header),
            _ => None,
        })
        .filter(|header| header.kind == Type::Request)
        .collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].message_id, requests[1].message_id);
    let executed = heard.iter().filter(|kind| matches!(kind, EventKind::Exchange { .. }));
    assert_eq!(executed.count(), 1);
    let answer = DuplicateAnswer::FromCache;
    assert!(heard.contains(&EventKind::Duplicate { attempt: 2, answer }));
}

#[test]
fn a_hundred_exchanges_at_ten_percent_loss_agree_or_fail_honestly() {
    for transport in BOTH {
        let lossy = Impairment { loss: 0.1, ..Impairment::default() };
        let wire = WireConfig { seed: 1, c2s: lossy, s2c: lossy, rules: Vec::new(), raw: false };
        let began = wall_clock();
        let config = SimConfig { wire, ..SimConfig::default() };
        let horizon = Duration::from_secs(36_000);
        let run = run(config, horizon, move |sim| async move {
            let heard = start_server(&sim, &Stop::default());
            let mut outcomes = Vec::new();
            for number in 0..100 {
                outcomes.push((number, ask(&sim, &sim.client(1), transport, number).await));
            }
            (outcomes, heard.executed())
        });
        let wall = began.elapsed();
        let (outcomes, executed) = run.output.expect("the program ends");
        let answered = outcomes.iter().filter(|(number, outcome)| agrees(*number, outcome)).count();
        assert!(executed >= answered && executed <= 100, "{executed} executed");
        println!(
            "100 exchanges over {transport}: {answered} answered, {} packets, {} of virtual time, \
             {wall:?} of real time",
            sent(&run.record).len(),
            run.ended
        );
    }
}

/// Returns whether the exchange was answered, with the right sum; if not, it must say so.
fn agrees(number: u64, outcome: &Outcome) -> bool {
    match &outcome.exchange.ending {
        Ending::Replied(text) => {
            let fields: Vec<_> = text.split(';').collect();
            let server: u64 = fields[1].parse().expect("a number");
            assert_eq!(fields[2], (number % 100 + 1 + server).to_string());
            true
        }
        Ending::TimedOut | Ending::BrokenOff(_) => false,
        other => panic!("not an honest end: {other:?}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "what is asked for is real time")]
fn wall_clock() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn many_clients_are_served_side_by_side() {
    let config = SimConfig { clients: 20, ..SimConfig::default() };
    let (ended, _) = play(config, |sim| async move {
        let heard = start_server(&sim, &Stop::default());
        let mut tasks = Vec::new();
        for number in 1..=20 {
            let sim = sim.clone();
            tasks.push(tokio::spawn(async move {
                let net = sim.client(number);
                let tcp = ask(&sim, &net, Transport::Tcp, number as u64).await;
                let udp = ask(&sim, &net, Transport::Udp, number as u64).await;
                assert!(replied(&tcp) && replied(&udp));
            }));
        }
        for task in tasks {
            task.await.expect("both are answered");
        }
        assert_eq!(heard.executed(), 40);
        sim.clock().now()
    });
    assert_eq!(ended, Timestamp::from_millis(150));
}
