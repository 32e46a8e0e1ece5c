//! UDP: refusals, fragments and buffers.

use std::io::ErrorKind;

use socklab::net::Net;
use socklab::net::sim::{Drop, SimConfig, SimUdp};
use socklab::wire::{Fault, Impairment, What};

use super::*;

/// A connected socket of the client, and the server's.
fn sockets(sim: &Sim) -> (SimUdp, SimUdp) {
    let client = sim.client(1).bind_connected(server()).expect("a free port");
    (client, sim.server().bind(server()).expect("a free port"))
}

async fn pause(sim: &Sim, time: Duration) {
    let clock = sim.clock();
    clock.sleep_until(clock.now() + time).await;
}

#[test]
fn a_connected_socket_is_told_that_nobody_listens_and_its_reader_is_woken() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let client = sim.client(1).bind_connected(server()).expect("a free port");
        send(&client, b"anyone?").await.expect("sent");
        let error = receive(&client).await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(sim.clock().now(), Timestamp::from_millis(50));
    });
    assert_eq!(sent(&record).len(), 2);
    let news = Packet::parse(&sent(&record)[1].packet.bytes);
    let from = "10.0.0.1:49152".parse().expect("an address");
    let to = "10.0.0.2:12000".parse().expect("an address");
    assert_eq!(news, Packet::PortUnreachable { from, to });
}

#[test]
fn the_send_that_meets_a_refusal_does_not_send() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let client = sim.client(1).bind_connected(server()).expect("a free port");
        send(&client, b"one").await.expect("sent");
        pause(&sim, ms(1_000)).await;
        let error = send(&client, b"two").await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        send(&client, b"three").await.expect("sent");
        pause(&sim, ms(10)).await;
    });
    let payloads: Vec<_> = sent(&record)
        .iter()
        .filter_map(|event| match Packet::parse(&event.packet.bytes) {
            Packet::Udp(datagram) => Some(datagram.payload.len()),
            _ => None,
        })
        .collect();
    assert_eq!(payloads, [3, 5]);
}

#[test]
fn a_socket_that_is_not_connected_hears_of_no_refusal() {
    play(SimConfig::default(), |sim| async move {
        let any = "0.0.0.0:0".parse().expect("an address");
        let client = sim.client(1).bind(any).expect("a free port");
        poll_fn(|cx| client.poll_send_to(cx, b"anyone?", server())).await.expect("sent");
        tokio::select! {
            biased;
            heard = receive(&client) => panic!("{heard:?}"),
            () = pause(&sim, ms(10_000)) => {}
        }
    });
}

#[test]
fn a_connected_socket_hears_only_its_peer() {
    let config = SimConfig { clients: 2, ..SimConfig::default() };
    let (_, record) = play(config, |sim| async move {
        let (client, at_server) = sockets(&sim);
        let theirs = client.local_address().expect("bound");
        let stranger = sim.client(2).bind_connected(theirs).expect("a free port");
        send(&stranger, b"believe me").await.expect("sent");
        pause(&sim, ms(100)).await;
        poll_fn(|cx| at_server.poll_send_to(cx, b"hello", theirs)).await.expect("sent");
        assert_eq!(receive(&client).await.expect("a datagram"), (b"hello".to_vec(), server()));
    });
    assert_eq!(with_fate(&record, NetFate::AtHost(Drop::NotItsPeer)).len(), 1);
}

#[test]
fn large_datagrams_arrive_whole_one_after_the_other() {
    let (_, record) = play(SimConfig::default(), |sim| async move {
        let (client, at_server) = sockets(&sim);
        let lengths = [0, 1, 1_472, 1_473, 4_000, 8_000, 8_000, 65_507];
        let datagram =
            |length: usize| (0..length).map(|byte| (byte % 251) as u8).collect::<Vec<_>>();
        for length in lengths {
            send(&client, &datagram(length)).await.expect("sent");
        }
        for length in lengths {
            let (bytes, from) = receive(&at_server).await.expect("a datagram");
            assert_eq!(bytes, datagram(length), "{length} bytes");
            assert_eq!(from, client.local_address().expect("bound"));
        }
        let error = send(&client, &datagram(65_508)).await.expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
    // Three whole ones; then 2, 3, 6, 6 and 45 fragments of at most 1480 bytes.
    assert_eq!(sent(&record).len(), 3 + 2 + 3 + 6 + 6 + 45);
    assert!(sent(&record).iter().all(|event| event.packet.bytes.len() <= 1_500));
}

#[test]
fn one_lost_fragment_loses_the_datagram_and_no_other() {
    let third = What::Packet(Direction::ClientToServer, 3);
    play(faulty(&[(Fault::Drop, third)]), |sim| async move {
        let (client, at_server) = sockets(&sim);
        send(&client, &[1; 8_000]).await.expect("sent");
        send(&client, &[2; 8_000]).await.expect("sent");
        let (bytes, _) = receive(&at_server).await.expect("a datagram");
        assert_eq!(bytes, [2; 8_000]);
    });
}

#[test]
fn unfinished_datagrams_do_not_keep_whole_ones_out() {
    let lossy = Impairment { loss: 0.1, ..Impairment::default() };
    let mut config = SimConfig::default();
    config.wire.c2s = lossy;
    let (received, record) = play(config, |sim| async move {
        let (client, at_server) = sockets(&sim);
        let reader = tokio::spawn(async move {
            for count in 0_usize.. {
                let waited = tokio::time::timeout(ms(5_000), receive(&at_server)).await;
                if waited.is_err() {
                    return count;
                }
            }
            0
        });
        for _ in 0..200 {
            send(&client, &[0; 8_000]).await.expect("sent");
            pause(&sim, ms(100)).await;
        }
        reader.await.expect("no panic")
    });
    let lost = with_fate(&record, NetFate::OnWire(Fate::Lost));
    let whole = 200
        - lost
            .iter()
            .map(|event| (event.packet.number - 1) / 6)
            .fold((0, None), |(count, last), datagram| match last == Some(datagram) {
                true => (count, last),
                false => (count + 1, Some(datagram)),
            })
            .0;
    assert_eq!(received, whole);
}

#[test]
fn a_full_receive_buffer_drops_and_the_record_says_so() {
    // So many wait at most, or so many bytes: Linux's 212,992.
    for (length, kept) in [(10, 256), (8_000, 26)] {
        let (received, record) = play(SimConfig::default(), move |sim| async move {
            let (client, at_server) = sockets(&sim);
            for _ in 0..400 {
                send(&client, &vec![0; length]).await.expect("sent");
            }
            pause(&sim, ms(100)).await;
            let mut count = 0;
            loop {
                tokio::select! {
                    biased;
                    received = receive(&at_server) => received.expect("a datagram"),
                    () = pause(&sim, ms(10)) => return count,
                };
                count += 1;
            }
        });
        assert_eq!(received, kept);
        let dropped = with_fate(&record, NetFate::AtHost(Drop::ReceiveBufferFull)).len();
        assert_eq!(dropped, 400 - kept);
    }
}

#[test]
fn tasks_that_share_a_socket_are_all_woken() {
    play(SimConfig::default(), |sim| async move {
        let (client, at_server) = sockets(&sim);
        let at_server = Arc::new(at_server);
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let at_server = at_server.clone();
                tokio::spawn(async move { receive(&*at_server).await.expect("a datagram").0 })
            })
            .collect();
        pause(&sim, ms(1)).await;
        for text in [b"1", b"2", b"3"] {
            send(&client, text).await.expect("sent");
        }
        for reader in readers {
            assert_eq!(reader.await.expect("no panic").len(), 1);
        }
    });
}

#[test]
fn a_port_has_one_socket_and_is_free_again_when_that_is_gone() {
    play(SimConfig::default(), |sim| async move {
        let net = sim.server();
        let first = net.bind(server()).expect("a free port");
        assert_eq!(net.bind(server()).map(drop).expect_err("taken").kind(), ErrorKind::AddrInUse);
        drop(first);
        net.bind(server()).expect("a free port");
        let ports: Vec<_> = (0..3)
            .map(|_| sim.client(1).bind_connected(server()).expect("a free port"))
            .map(|socket| socket.local_address().expect("bound").port())
            .collect();
        assert_eq!(ports, [49_152, 49_153, 49_154]);
    });
}

#[test]
fn a_new_socket_hears_nothing_that_an_old_one_left() {
    play(SimConfig::default(), |sim| async move {
        let (client, old) = sockets(&sim);
        send(&client, b"for the old one").await.expect("sent");
        pause(&sim, ms(30)).await;
        drop(old);
        let other = sim.server().bind("10.0.0.2:13000".parse().expect("an address"));
        let new = sim.server().bind(server()).expect("a free port");
        send(&client, b"for the new one").await.expect("sent");
        assert_eq!(receive(&new).await.expect("a datagram").0, b"for the new one");
        drop(other);
    });
}
