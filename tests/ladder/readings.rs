//! What packets are said to be.

use std::net::SocketAddr;
use std::time::Duration;

use socklab::net::sim::{Run, run};
use socklab::net::{Listener, Net, Received, Stream, Udp};
use socklab::protocol::datagram::header::Type;
use socklab::testbed::trace_of;
use socklab::trace::reading::{Kind, Reading, read};

use super::*;

fn labels(trace: &Trace) -> Vec<String> {
    read(trace).into_iter().map(|reading| reading.label).collect()
}

fn again(trace: &Trace) -> Vec<String> {
    let again = read(trace).into_iter().filter(|reading| reading.again);
    again.map(|reading| reading.label).collect()
}

fn server() -> SocketAddr {
    "10.0.0.2:12000".parse().expect("an address")
}

#[test]
fn an_exchange_over_tcp_in_words() {
    let trace = one(&WireConfig::default(), Transport::Tcp);
    let expected = [
        "SYN, 52 B",
        "SYN, ACK, 52 B",
        "ACK 1, 40 B",
        "DATA 1..21 \"Client of socklab;25\", 61 B",
        "DATA 1..21 \"Server of socklab;55\", ACK 22, 61 B",
        "FIN 22, ACK 22, 40 B",
        "ACK 23, 40 B",
        "FIN 22, 40 B",
        "ACK 23, 40 B",
    ];
    assert_eq!(labels(&trace), expected);
    let payload: usize = read(&trace).iter().map(|reading| reading.payload).sum();
    assert_eq!(payload, 42);
}

#[test]
fn after_a_lost_reply_both_stacks_repeat_over_tcp() {
    let trace = one(&faulty(&[(Fault::Drop, "reply:1")]), Transport::Tcp);
    assert_eq!(again(&trace), ["DATA 1..21 again after 1.000 s, 61 B"; 2]);
}

#[test]
fn after_a_lost_reply_the_client_repeats_over_udp_and_so_does_the_server() {
    let trace = one(&faulty(&[(Fault::Drop, "reply:1")]), Transport::Udp);
    let (readings, again) = (read(&trace), again(&trace));
    let kinds: Vec<_> = readings.iter().map(|reading| reading.kind).collect();
    let [request, reply] = [Type::Request, Type::Reply].map(Kind::Framed);
    assert_eq!(kinds, [request, reply, request, reply]);
    assert!(again[0].starts_with("REQUEST id") && again[0].ends_with("attempt 2, 64 B"));
    assert!(again[1].starts_with("REPLY id") && again[1].ends_with("attempt 2, 64 B"));
    assert!(readings.iter().all(|reading| reading.payload == 20));
}

#[test]
fn a_wire_that_loses_nothing_makes_nobody_repeat() {
    let held = Fault::Hold(Duration::from_millis(500));
    for transport in [Transport::Tcp, Transport::Udp] {
        for wire in [WireConfig::default(), faulty(&[(held, "request:1")])] {
            assert_eq!(again(&one(&wire, transport)), Vec::<String>::new());
        }
    }
    // What the wire doubles was not sent again.
    let doubled = faulty(&[(Fault::Duplicate, "reply:1")]);
    assert_eq!(again(&one(&doubled, Transport::Udp)), Vec::<String>::new());
}

#[test]
fn a_label_gives_up_its_size_first_and_then_the_ends_of_messages() {
    let trace = one(&WireConfig::default(), Transport::Tcp);
    let reply = &read(&trace)[4];
    assert_eq!(reply.fit(80), "DATA 1..21 \"Server of socklab;55\", ACK 22, 61 B");
    assert_eq!(reply.fit(42), "DATA 1..21 \"Server of socklab;55\", ACK 22");
    assert_eq!(reply.fit(39), "DATA 1..21 \"Server of socklab;55\"");
    assert_eq!(reply.fit(36), "DATA 1..21 \"Server of socklab;55\"");
    assert_eq!(reply.fit(30), "DATA 1..21 \"Server of sockl..\"");
    assert_eq!(reply.fit(8), "DATA 1..");
    for width in 0..60 {
        assert!(reply.fit(width).chars().count() <= width, "{width}: {}", reply.fit(width));
    }
}

#[test]
fn a_large_datagram_is_read_in_its_fragments() {
    let Run { record, .. } = run(SimConfig::default(), Duration::from_secs(1), |sim| async move {
        let socket = sim.client(1).bind_connected(server()).expect("a port");
        let text = vec![b'a'; 4_000];
        std::future::poll_fn(|cx| socket.poll_send(cx, &text)).await.expect("room");
        sim.settle(Duration::from_millis(40)).await;
    });
    let readings = read(&trace_of(&record, &[]));
    let shown: Vec<_> = readings.iter().map(|reading| reading.fit(50)).collect();
    assert_eq!(
        shown[..3],
        [
            "DATAGRAM \"aaaaaaaaaaa..\", fragment 0..1479, 1500 B",
            "fragment 1480..2959, 1500 B",
            "fragment 2960..4007, 1068 B",
        ]
    );
    assert_eq!(readings.iter().map(|reading| reading.payload).sum::<usize>(), 4_000);
}

#[test]
fn a_receiver_that_does_not_read_closes_its_window_and_probes_are_not_retransmissions() {
    let horizon = Duration::from_secs(60);
    let Run { output, record, .. } = run(SimConfig::default(), horizon, |sim| async move {
        let listener = sim.server().listen(server(), true).expect("a free port");
        let sending = tokio::spawn(send(sim.client(1), vec![b'\n'; 300_000]));
        let (mut accepted, _) = listener.accept().await.expect("a connection");
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut got = 0;
        let mut buffer = [0; 65_536];
        while got < 300_000 {
            let reading = std::future::poll_fn(|cx| accepted.poll_read(cx, &mut buffer)).await;
            let Ok(Received::Bytes(count)) = reading else { break };
            got += count;
        }
        drop(accepted);
        sending.await.expect("no panic");
        got
    });
    assert_eq!(output, Ok(300_000));
    let readings = read(&trace_of(&record, &[]));
    let closes = |reading: &&Reading| reading.label.contains("window 0");
    assert!(readings.iter().filter(closes).count() > 0);
    let probes = readings.iter().filter(|reading| reading.kind == Kind::Probe).count();
    assert_eq!(probes, 2, "after 1 s and after 3 s");
    assert_eq!(readings.iter().filter(|reading| reading.again).count(), 0);
}

async fn send(net: impl Net, bytes: Vec<u8>) {
    let mut stream = net.connect(server()).await.expect("a connection");
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let writing = std::future::poll_fn(|cx| stream.poll_write(cx, rest)).await;
        rest = &rest[writing.expect("room, later")..];
    }
    // What is in the buffer goes before the end of the stream.
    stream.finish().expect("a FIN");
    let mut buffer = [0; 1];
    let _ = std::future::poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await;
}
