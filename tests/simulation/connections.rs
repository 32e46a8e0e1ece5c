//! Connections: how they begin and end, and what smoltcp alone would do otherwise.

use std::io::ErrorKind;

use socklab::net::sim::{SimConfig, SimStream};
use socklab::net::{Listener, Net};
use socklab::wire::{Fault, What};

use super::*;

/// Connects one client; returns both ends of the connection.
async fn pair(sim: &Sim) -> (SimStream, SimStream) {
    let listener = listen(sim);
    let client = sim.client(1).connect(server()).await.expect("a connection");
    let (accepted, from) = listener.accept().await.expect("a connection");
    assert_eq!(from, "10.0.0.1:49152".parse().expect("an address"));
    (client, accepted)
}

/// Waits so long in virtual time.
async fn pause(sim: &Sim, time: Duration) {
    let clock = sim.clock();
    clock.sleep_until(clock.now() + time).await;
}

#[test]
fn a_syn_that_nobody_answers_is_given_up_after_183_seconds() {
    let (error, record) = play(SimConfig::default(), |sim| async move {
        sim.cut(true);
        let connected = sim.client(1).connect(server()).await;
        (connected.expect_err("nobody answers").kind(), sim.clock().now())
    });
    assert_eq!(error, (ErrorKind::TimedOut, Timestamp::from_millis(183_000)));
    let times: Vec<_> =
        sent(&record).iter().map(|event| event.at.as_micros() / 1_000_000).collect();
    assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 123]);
}

#[test]
fn a_handshake_that_is_not_finished_is_given_up_by_the_server_too() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let _listener = listen(&sim);
        let connecting = tokio::spawn({
            let net = sim.client(1);
            async move { net.connect(server()).await.map(drop) }
        });
        pause(&sim, ms(10)).await;
        sim.cut(true);
        // Nothing is sent by a connection that was never made.
        connecting.abort();
        sim.settle(Duration::from_secs(500)).await;
    });
    let times: Vec<_> = segments(&record)
        .iter()
        .map(|(at, direction, segment)| (at.as_micros() / 1_000, *direction, segment.rst))
        .collect();
    let (c2s, s2c) = (Direction::ClientToServer, Direction::ServerToClient);
    let answers = [25, 1_025, 3_025, 7_025, 15_025, 31_025].map(|at| (at, s2c, false));
    assert_eq!(times[0], (0, c2s, false));
    assert_eq!(times[1..], answers);
}

#[test]
fn data_that_nobody_acknowledges_is_given_up_with_the_right_error() {
    let horizon = Duration::from_secs(2_000);
    let run = run(SimConfig::default(), horizon, |sim| async move {
        let (mut client, _accepted) = pair(&sim).await;
        let began = sim.clock().now();
        sim.cut(true);
        write(&mut client, b"hello").await.expect("room");
        let error = read(&mut client).await.expect_err("nobody answers");
        (error.kind(), sim.clock().now().since(began))
    });
    let (kind, time) = run.output.expect("it ends");
    assert_eq!((kind, time), (ErrorKind::TimedOut, ms(924_600)));
    assert!(segments(&run.record).iter().all(|(.., segment)| !segment.rst));
}

#[test]
fn who_is_reset_hears_of_it_and_still_reads_what_came_before() {
    play(SimConfig::default(), |sim| async move {
        let (mut client, mut accepted) = pair(&sim).await;
        write(&mut accepted, b"last words").await.expect("room");
        accepted.reset();
        pause(&sim, ms(100)).await;
        assert_eq!(read(&mut client).await.expect("data"), Some("last words".into()));
        assert_eq!(read(&mut client).await.expect_err("a RST").kind(), ErrorKind::ConnectionReset);
        let error = write(&mut client, b"anyone?").await.expect_err("a RST");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn closing_with_unread_data_resets() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let (mut client, accepted) = pair(&sim).await;
        write(&mut client, b"unread").await.expect("room");
        pause(&sim, ms(100)).await;
        drop(accepted);
        assert_eq!(read(&mut client).await.expect_err("a RST").kind(), ErrorKind::ConnectionReset);
        sim.settle(ms(60_000)).await;
    });
    assert_eq!(segments(&record).iter().filter(|(.., segment)| segment.rst).count(), 1);
    assert!(segments(&record).iter().all(|(.., segment)| !segment.fin));
}

#[test]
fn data_that_comes_after_closing_is_answered_with_a_reset() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let (mut client, accepted) = pair(&sim).await;
        drop(accepted);
        assert_eq!(read(&mut client).await.expect("a FIN"), None);
        write(&mut client, b"too late").await.expect("half-closed only");
        pause(&sim, ms(100)).await;
        let error = write(&mut client, b"again").await.expect_err("a RST");
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
        sim.settle(ms(60_000)).await;
    });
    let resets = segments(&record).into_iter().filter(|(.., segment)| segment.rst);
    assert_eq!(resets.map(|(_, way, _)| way).collect::<Vec<_>>(), [Direction::ServerToClient]);
}

#[test]
fn a_half_closed_connection_still_carries_the_answer() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let (mut client, mut accepted) = pair(&sim).await;
        write(&mut client, b"question").await.expect("room");
        client.finish().expect("a FIN");
        assert_eq!(read(&mut accepted).await.expect("data"), Some("question".into()));
        assert_eq!(read(&mut accepted).await.expect("a FIN"), None);
        pause(&sim, ms(5_000)).await;
        write(&mut accepted, b"answer").await.expect("room");
        drop(accepted);
        assert_eq!(read(&mut client).await.expect("data"), Some("answer".into()));
        assert_eq!(read(&mut client).await.expect("a FIN"), None);
        let error = write(&mut client, b"more").await.expect_err("it has finished");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        drop(client);
        sim.settle(ms(60_000)).await;
    });
    assert_eq!(segments(&record).iter().filter(|(.., segment)| segment.fin).count(), 2);
    assert!(segments(&record).iter().all(|(.., segment)| !segment.rst));
}

#[test]
fn what_was_not_read_yet_outlives_time_wait() {
    // smoltcp clears its buffers when TIME-WAIT ends, 10 s after the last FIN.
    play(SimConfig::default(), |sim| async move {
        let (mut client, mut accepted) = pair(&sim).await;
        client.finish().expect("a FIN");
        write(&mut accepted, b"read me later").await.expect("room");
        accepted.finish().expect("a FIN");
        pause(&sim, ms(60_000)).await;
        assert_eq!(read(&mut client).await.expect("data"), Some("read me later".into()));
        assert_eq!(read(&mut client).await.expect("a FIN"), None);
        assert_eq!(read(&mut accepted).await.expect("a FIN"), None);
    });
}

#[test]
fn one_write_is_one_segment() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let (mut client, _accepted) = pair(&sim).await;
        for _ in 0..3 {
            write(&mut client, b"12345").await.expect("room");
        }
        pause(&sim, ms(100)).await;
    });
    let full: Vec<_> = segments(&record)
        .into_iter()
        .filter(|(.., segment)| !segment.payload.is_empty())
        .map(|(at, _, segment)| (at.as_micros(), segment.payload.len()))
        .collect();
    assert_eq!(full, [(75_000, 5), (75_000, 5), (75_000, 5)]);
}

#[test]
fn a_reader_who_does_not_read_stops_the_writer_until_it_does() {
    const LENGTH: usize = 300_000;
    play(SimConfig::default(), |sim| async move {
        let (mut client, mut accepted) = pair(&sim).await;
        let writer = tokio::spawn(async move {
            write(&mut client, &[b'x'; LENGTH]).await.expect("room, later");
        });
        pause(&sim, ms(20_000)).await;
        assert!(!writer.is_finished());
        let mut read_so_far = 0;
        while let Some(text) = read(&mut accepted).await.expect("data") {
            read_so_far += text.len();
        }
        assert_eq!(read_so_far, LENGTH);
        writer.await.expect("it wrote");
    });
}

#[test]
fn a_lost_fin_is_repeated_and_nothing_is_lost() {
    let (_, record) = play(faulty(&[(Fault::Drop, What::Fin)]), |sim| async move {
        let (client, mut accepted) = pair(&sim).await;
        drop(client);
        assert_eq!(read(&mut accepted).await.expect("a FIN"), None);
        drop(accepted);
        sim.settle(ms(60_000)).await;
    });
    let fins = segments(&record).iter().filter(|(.., segment)| segment.fin).count();
    assert_eq!(fins, 3);
}

#[test]
fn a_closed_connection_whose_peer_is_silent_is_forgotten() {
    play(SimConfig::default(), |sim| async move {
        let (client, accepted) = pair(&sim).await;
        sim.cut(true);
        drop(client);
        drop(accepted);
        let began = sim.clock().now();
        sim.settle(Duration::from_secs(500)).await;
        // The orphans' limit, not the settling's.
        assert_eq!(sim.clock().now().since(began).as_secs(), 100);
    });
}
