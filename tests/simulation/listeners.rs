//! The listen backlog: what happens to connections that nobody accepts yet.

use std::io::ErrorKind;

use socklab::net::sim::{Drop, SimConfig};
use socklab::net::{Listener, Net};
use socklab::wire::{Fault, What};

use super::*;

#[test]
fn a_syn_beyond_the_backlog_is_dropped_and_its_repetition_gets_in() {
    let config = SimConfig { clients: 5, backlog: 2, ..SimConfig::default() };
    let (mut connected, record) = play(config, |sim| async move {
        let listener = listen(&sim);
        let clock = sim.clock();
        let clients: Vec<_> = (1..=5)
            .map(|number| {
                let net = sim.client(number);
                tokio::spawn(async move {
                    let stream = net.connect(server()).await.expect("a connection");
                    (clock.now().as_micros() / 1_000, stream)
                })
            })
            .collect();
        clock.sleep_until(Timestamp::from_millis(5_000)).await;
        let mut accepted = Vec::new();
        while accepted.len() < 5 {
            accepted.push(listener.accept().await.expect("a connection"));
        }
        let mut times = Vec::new();
        for client in clients {
            times.push(client.await.expect("no panic").0);
        }
        times
    });
    connected.sort_unstable();
    // Three repetitions arrive together at 7.025 s, and there is room for two.
    assert_eq!(connected, [50, 50, 7_050, 7_050, 15_050]);
    let dropped = with_fate(&record, NetFate::AtHost(Drop::BacklogFull));
    let times: Vec<_> = dropped.iter().map(|event| event.at.as_micros() / 1_000).collect();
    assert_eq!(times, [25, 25, 25, 1_025, 1_025, 1_025, 3_025, 3_025, 3_025, 7_025]);
    assert!(segments(&record).iter().all(|(.., segment)| !segment.rst));
}

#[test]
fn a_repeated_syn_does_not_open_a_second_connection() {
    // Seen: smoltcp gave the copy to the spare listening socket, if that came first among its
    // sockets, and the second SYN-ACK then killed the first connection.
    let lost_answer = (Fault::Drop, What::Packet(Direction::ServerToClient, 2));
    let doubled_syn = (Fault::Duplicate, What::Packet(Direction::ClientToServer, 4));
    for fault in [lost_answer, doubled_syn] {
        let (_, record) = play(faulty(&[fault]), |sim| async move {
            let listener = listen(&sim);
            // The first leaves its place among the sockets to the spare of the second.
            sim.client(1).connect(server()).await.expect("a connection").reset();
            listener.accept().await.map(drop).expect("a connection");
            let mut client = sim.client(1).connect(server()).await.expect("a connection");
            let (mut accepted, _) = listener.accept().await.expect("a connection");
            write(&mut client, b"hello").await.expect("room");
            assert_eq!(read(&mut accepted).await.expect("data"), Some("hello".into()));
            sim.settle(ms(1_000)).await;
        });
        let resets = segments(&record).into_iter().filter(|(.., segment)| segment.rst);
        assert_eq!(resets.count(), 1, "only the one that was asked for");
    }
}

#[test]
fn connections_are_accepted_in_the_order_in_which_they_were_made() {
    let config = SimConfig { clients: 3, ..SimConfig::default() };
    play(config, |sim| async move {
        let listener = listen(&sim);
        for number in [2, 3, 1] {
            let stream = sim.client(number).connect(server()).await.expect("a connection");
            std::mem::forget(stream);
        }
        for number in [2, 3, 1] {
            let (_, from) = listener.accept().await.expect("a connection");
            assert_eq!(from.ip(), sim.client(number).address());
        }
    });
}

#[test]
fn a_listener_that_closes_resets_who_waits() {
    play(SimConfig::default(), |sim| async move {
        let listener = listen(&sim);
        let mut client = sim.client(1).connect(server()).await.expect("a connection");
        sim.settle(ms(1_000)).await;
        drop(listener);
        assert_eq!(read(&mut client).await.expect_err("a RST").kind(), ErrorKind::ConnectionReset);
        let error = sim.client(1).connect(server()).await.map(drop).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_connection_that_was_reset_while_it_waited_is_accepted_and_says_so() {
    play(SimConfig::default(), |sim| async move {
        let listener = listen(&sim);
        sim.client(1).connect(server()).await.expect("a connection").reset();
        sim.settle(ms(1_000)).await;
        let (mut accepted, _) = listener.accept().await.expect("a connection");
        let error = read(&mut accepted).await.expect_err("a RST");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_port_has_one_listener_and_time_wait_keeps_it_unless_asked_otherwise() {
    play(SimConfig::default(), |sim| async move {
        let net = sim.server();
        let listener = listen(&sim);
        let again = net.listen(server(), true).map(drop).expect_err("taken");
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
        let client = sim.client(1).connect(server()).await.expect("a connection");
        let (accepted, _) = listener.accept().await.expect("a connection");
        drop((listener, accepted));
        sim.settle(ms(100)).await;
        drop(client);
        sim.settle(ms(1_000)).await;
        assert!(net.listen(server(), false).is_err(), "the server is in TIME-WAIT");
        assert!(net.listen(server(), true).is_ok());
        sim.settle(ms(60_000)).await;
        assert!(net.listen(server(), false).is_ok(), "TIME-WAIT has ended");
    });
}

#[test]
fn an_address_of_another_host_cannot_be_had() {
    play(SimConfig::default(), |sim| async move {
        let error = sim.client(1).listen(server(), true).map(drop).expect_err("not ours");
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let error = sim.client(1).bind(server()).map(drop).expect_err("not ours");
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let error = sim.server().bind("[::]:0".parse().expect("an address")).map(drop);
        assert_eq!(error.expect_err("IPv4 only").kind(), ErrorKind::Unsupported);
    });
}
