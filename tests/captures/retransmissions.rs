//! What the trace calls a retransmission is what Wireshark calls one.
//!
//! The sender's own file is asked: there a repetition is one beyond doubt, for nothing overtakes on
//! the way from a host to itself. In the receiver's file Wireshark cannot tell a repetition from a
//! packet that was lost before and is new there.

use std::ops::Range;

use socklab::net::{Listener, Net, Received, Stream};
use socklab::trace::reading::read;
use socklab::trace::{Place, TracedPacket};

use super::*;
use crate::tshark::{CLIENT, Capture, is_here};

/// Some in which the handshake meets a loss, some in which it does not.
const SEEDS: Range<u64> = 4..8;

/// Which packets, by their numbers in the file, a host repeated according to Wireshark.
struct Verdict {
    retransmissions: Vec<usize>,
    out_of_order: Vec<usize>,
    /// As the handshake measured it.
    round_trip: Duration,
}

fn verdict(capture: &Capture) -> Verdict {
    let names = ["retransmission", "out_of_order", "initial_rtt"];
    let [retransmission, out_of_order, round_trip] =
        names.map(|name| format!("tcp.analysis.{name}"));
    let fields = ["frame.number", &retransmission, &out_of_order, &round_trip];
    let rows = capture.fields("tcp and frame.packet_flags_direction == 2", &fields);
    let marked = |column: usize| {
        let rows = rows.iter().filter(|row| !row[column].is_empty());
        rows.map(|row| row[0].parse().expect("a number")).collect()
    };
    let seconds = rows.iter().filter_map(|row| row[3].parse().ok()).next().expect("a handshake");
    let round_trip = Duration::from_secs_f64(seconds);
    Verdict { retransmissions: marked(1), out_of_order: marked(2), round_trip }
}

/// Which packets of a file are, by our own reading of the trace, segments that its host repeats.
fn repeated(trace: &Trace, at: Place) -> Vec<usize> {
    let again: Vec<bool> = read(trace).iter().map(|reading| reading.again).collect();
    let is_tcp = |packet: &TracedPacket| packet.bytes[9] == 6; // protocol number, RFC 791
    let mut seen = Vec::new();
    for (packet, again) in trace.packets.iter().zip(again) {
        if packet.from() == at {
            seen.push((packet.sent, again && is_tcp(packet)));
        }
        if packet.to() == at {
            seen.extend(packet.arrivals.iter().map(|arrival| (arrival.at, false)));
        }
    }
    seen.sort_by_key(|(at, _)| *at);
    let numbered = (1..).zip(seen);
    numbered.filter(|(_, (_, again))| *again).map(|(number, _)| number).collect()
}

/// A large text to the server, and when it is there, the same back.
fn transfer(wire: WireConfig) -> Trace {
    let text: Vec<u8> = (0..60_000_u32).map(|place| (place % 64) as u8 + b'0').collect();
    play(wire, |sim| async move {
        let listener = sim.server().listen(server(), true).expect("a free port");
        let mut client = sim.client(1).connect(server()).await.expect("a connection");
        let (mut accepted, _) = listener.accept().await.expect("a connection");
        let client = tokio::spawn(async move {
            write(&mut client, &text).await;
            client.finish().expect("a FIN");
            read_to_end(&mut client).await
        });
        let text = read_to_end(&mut accepted).await;
        write(&mut accepted, &text).await;
        accepted.finish().expect("a FIN");
        assert_eq!(client.await.expect("no panic"), text);
    })
}

async fn read_to_end(stream: &mut impl Stream) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while let Received::Bytes(count) =
        poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await.expect("bytes")
    {
        all.extend_from_slice(&buffer[..count]);
    }
    all
}

#[test]
fn small_exchanges_are_repeated_as_often_as_tshark_counts() {
    if !is_here() {
        return;
    }
    for (seed, loss) in SEEDS.flat_map(|seed| [(seed, 0.1), (seed, 0.2)]) {
        let trace = exchanges(lossy(seed, loss), 20);
        for place in [CLIENT, Place::Server] {
            let about = format!("{place}, seed {seed}, loss {loss}");
            let verdict = verdict(&Capture::write("repeated", &trace, place));
            let ours = repeated(&trace, place);
            assert!(!ours.is_empty(), "{about}");
            assert_eq!(verdict.retransmissions, ours, "{about}");
            assert!(verdict.out_of_order.is_empty(), "{about}");
        }
    }
}

/// Of a repetition that follows what was sent last by less than a round trip, Wireshark says
/// "out of order". It takes the round trip from the handshake; if that was repeated itself, it
/// lasted a second and more, and so does the time after which a segment is repeated.
#[test]
fn what_tshark_calls_out_of_order_in_the_senders_file_is_repeated_too() {
    if !is_here() {
        return;
    }
    let mut all_out_of_order = 0;
    for (seed, loss) in SEEDS.flat_map(|seed| [(seed, 0.1), (seed, 0.2)]) {
        let trace = transfer(lossy(seed, loss));
        for place in [CLIENT, Place::Server] {
            let about = format!("{place}, seed {seed}, loss {loss}");
            let verdict = verdict(&Capture::write("transfer", &trace, place));
            let is_slow = verdict.round_trip >= Duration::from_secs(1);
            assert!(verdict.out_of_order.is_empty() || is_slow, "{about}");
            all_out_of_order += verdict.out_of_order.len();
            let mut theirs = [verdict.retransmissions, verdict.out_of_order].concat();
            theirs.sort_unstable();
            let ours = repeated(&trace, place);
            assert!(!ours.is_empty(), "{about}");
            assert_eq!(theirs, ours, "{about}");
        }
    }
    assert!(all_out_of_order > 0, "no seed shows it");
}
