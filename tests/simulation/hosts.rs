//! Hosts that are not there, that die and come back; and programs that never end.

use std::io::ErrorKind;

use socklab::net::sim::{Drop, SimConfig, Stuck};
use socklab::net::{Listener, Net};
use socklab::server::Stop;

use super::*;

async fn pause(sim: &Sim, time: Duration) {
    let clock = sim.clock();
    clock.sleep_until(clock.now() + time).await;
}

#[test]
fn a_host_that_does_not_exist_says_nothing() {
    let nobody = "10.0.0.77:12000".parse().expect("an address");
    let (_, record) = play(SimConfig::default(), move |sim| async move {
        let udp = sim.client(1).bind_connected(nobody).expect("a free port");
        send(&udp, b"hello?").await.expect("sent");
        let error = sim.client(1).connect(nobody).await.map(drop).expect_err("silence");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        send(&udp, b"still nobody?").await.expect("sent");
        pause(&sim, ms(100)).await;
    });
    assert_eq!(with_fate(&record, NetFate::AtHost(Drop::NoSuchHost)).len(), sent(&record).len());
}

#[test]
fn without_power_nothing_is_said_and_after_a_reboot_nothing_is_known() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let listener = listen(&sim);
        let udp = sim.server().bind(server()).expect("a free port");
        let mut client = sim.client(1).connect(server()).await.expect("a connection");
        let mut accepted = listener.accept().await.expect("a connection").0;
        let datagrams = sim.client(1).bind_connected(server()).expect("a free port");
        sim.server().power_off();
        write(&mut client, b"are you there?").await.expect("room");
        send(&datagrams, b"are you there?").await.expect("sent");
        tokio::select! {
            biased;
            _ = read(&mut accepted) => panic!("a dead program reads"),
            _ = receive(&udp) => panic!("a dead program receives"),
            _ = listener.accept() => panic!("a dead program accepts"),
            _ = read(&mut client) => panic!("a host without power answers"),
            _ = receive(&datagrams) => panic!("a host without power answers"),
            () = pause(&sim, ms(2_000)) => {}
        }
        assert!(sim.server().listen(server(), true).is_err());
        sim.server().reboot();
        // TCP repeats at 3 s of its own accord; over UDP the program must.
        assert_eq!(read(&mut client).await.expect_err("a RST").kind(), ErrorKind::ConnectionReset);
        send(&datagrams, b"and now?").await.expect("sent");
        let error = receive(&datagrams).await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        drop((listener, udp, accepted));
        listen(&sim);
    });
    // The ACK of the handshake had arrived; then two copies over TCP and one datagram.
    assert_eq!(with_fate(&record, NetFate::AtHost(Drop::PoweredOff)).len(), 3);
}

#[test]
fn a_process_that_dies_is_tidied_up_after_by_its_host() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let listener = listen(&sim);
        let _udp = sim.server().bind(server()).expect("a free port");
        let mut quiet = sim.client(1).connect(server()).await.expect("a connection");
        let mut unread = sim.client(1).connect(server()).await.expect("a connection");
        let mut waiting = sim.client(1).connect(server()).await.expect("a connection");
        let _one = listener.accept().await.expect("a connection");
        let _other = listener.accept().await.expect("a connection");
        let datagrams = sim.client(1).bind_connected(server()).expect("a free port");
        write(&mut unread, b"read me").await.expect("room");
        pause(&sim, ms(100)).await;
        sim.server().kill();
        assert_eq!(read(&mut quiet).await.expect("a FIN"), None);
        assert_eq!(read(&mut unread).await.expect_err("a RST").kind(), ErrorKind::ConnectionReset);
        let error = read(&mut waiting).await.expect_err("a RST");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        send(&datagrams, b"anyone?").await.expect("sent");
        let error = receive(&datagrams).await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = sim.client(1).connect(server()).await.map(drop).expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // The host lives: the process can be started again.
        start_server(&sim, &Stop::default());
        assert!(replied(&ask(&sim, &sim.client(1), Transport::Tcp, 1).await));
        assert!(replied(&ask(&sim, &sim.client(1), Transport::Udp, 1).await));
    });
    assert!(with_fate(&record, NetFate::AtHost(Drop::PoweredOff)).is_empty());
}

#[test]
fn a_wire_that_was_cut_and_joined_carries_again() {
    for (transport, elapsed) in [(Transport::Udp, 1..=2_000), (Transport::Tcp, 1_100..=1_100)] {
        let (outcome, record) = play(SimConfig::default(), move |sim| async move {
            start_server(&sim, &Stop::default());
            sim.cut(true);
            let joins = sim.clone();
            tokio::spawn(async move {
                pause(&joins, ms(500)).await;
                joins.cut(false);
            });
            ask(&sim, &sim.client(1), transport, 1).await
        });
        assert!(replied(&outcome));
        assert!(elapsed.contains(&outcome.elapsed.as_millis()), "{:?}", outcome.elapsed);
        assert_eq!(with_fate(&record, NetFate::OnWire(Fate::Cut)).len(), 1);
    }
}

#[test]
fn a_program_that_waits_for_ever_ends_at_the_horizon() {
    let horizon = Duration::from_secs(3_600);
    let run = run(SimConfig::default(), horizon, |sim| async move {
        let listener = listen(&sim);
        listener.accept().await.map(drop)
    });
    assert_eq!(run.output.map(drop), Err(Stuck::Horizon(horizon)));
    assert_eq!(run.ended, Timestamp::from_millis(3_600_000));
}

#[test]
#[should_panic(expected = "seen outside")]
fn a_panic_in_the_simulation_is_a_panic_outside() {
    play(SimConfig::default(), |sim| async move {
        assert_eq!(sim.clock().now(), Timestamp::from_millis(1), "seen outside");
    });
}

#[test]
fn what_outlives_the_run_does_no_harm() {
    let (mut stream, _) = play(SimConfig::default(), |sim| async move {
        let _listener = listen(&sim);
        let stream = sim.client(1).connect(server()).await.expect("a connection");
        sim.finish();
        stream
    });
    assert_eq!(stream.finish().expect_err("no network").kind(), ErrorKind::NetworkDown);
}
