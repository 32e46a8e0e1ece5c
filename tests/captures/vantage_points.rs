//! One file per host: what it holds, when, and whether Wireshark finds it sound.

use std::collections::BTreeSet;

use socklab::net::Net;
use socklab::trace::{Loss, Place, TracedPacket};

use super::*;
use crate::tshark::{CLIENT, Capture, is_here};

const PLACES: [Place; 2] = [CLIENT, Place::Server];

/// What a capture calls the beginning, in seconds since 1970: the year 2000.
const EPOCH: u64 = 946_684_800;

/// Everything that a wire can do, and fragments.
fn everything() -> Trace {
    let way = Impairment {
        loss: 0.1,
        jitter: Duration::from_micros(12_345),
        duplicate: 0.1,
        reorder: 0.1,
        rate: Some(1_000_000),
        ..Impairment::default()
    };
    let wire = WireConfig { seed: 4, c2s: way, s2c: way, rules: Vec::new(), raw: false };
    play(wire, |sim| async move {
        start_server(&sim);
        for number in 0..10 {
            for transport in BOTH {
                ask(&sim, &ClientConfig::new(transport), number).await;
            }
        }
        let socket = sim.client(1).bind_connected(server()).expect("a free port");
        send(&socket, &[b'a'; 4_000]).await;
        // ICMP: nobody has this port.
        let nobody = SocketAddr::new(server().ip(), 12_001);
        let socket = sim.client(1).bind_connected(nobody).expect("a free port");
        send(&socket, b"anyone?").await;
    })
}

/// How many packets have a checksum that is not good.
fn bad_checksums(capture: &Capture) -> usize {
    let protocols = ["ip", "tcp", "udp", "icmp"];
    let verify = ["ip", "tcp", "udp"].map(|name| format!("{name}.check_checksum:TRUE"));
    let fields = protocols.map(|name| format!("{name}.checksum.status"));
    let mut options = vec!["-T", "fields", "-e", "frame.protocols"];
    options.extend(verify.iter().flat_map(|verify| ["-o", verify]));
    options.extend(fields.iter().flat_map(|field| ["-e", field]));
    let printed = capture.tshark(&options);
    let bad = |line: &&str| {
        let mut parts = line.split('\t');
        let inside: BTreeSet<&str> = parts.next().expect("protocols").split(':').collect();
        // Each protocol in the packet has a status, several if it quotes another packet; 1 is good.
        let is_good = |(name, status): (&str, &str)| {
            !inside.contains(name) || status.split(',').all(|status| status == "1")
        };
        !protocols.into_iter().zip(parts).all(is_good)
    };
    assert!(!printed.is_empty());
    printed.lines().filter(bad).count()
}

#[test]
fn all_checksums_are_good_and_nothing_is_malformed() {
    if !is_here() {
        return;
    }
    let trace = everything();
    for place in PLACES {
        let capture = Capture::write("everything", &trace, place);
        assert_eq!(bad_checksums(&capture), 0);
        assert_eq!(capture.count("_ws.malformed"), 0);
        for protocol in ["tcp", "udp", "icmp", "ip.flags.mf == 1"] {
            assert!(capture.count(protocol) > 0, "no {protocol}");
        }
    }
}

#[test]
fn a_damaged_packet_would_be_seen() {
    if !is_here() {
        return;
    }
    let mut trace = exchanges(WireConfig::default(), 1);
    for packet in &mut trace.packets {
        let mut bytes = packet.bytes.to_vec();
        *bytes.last_mut().expect("not empty") ^= 1;
        packet.bytes = bytes.into();
    }
    let capture = Capture::write("damaged", &trace, CLIENT);
    let sent_or_received = trace.packets.len(); // nothing is lost
    assert_eq!(bad_checksums(&capture), sent_or_received);
}

/// When this host saw packets, in microseconds, in order.
fn moments(trace: &Trace, at: Place) -> Vec<u64> {
    let from_here = trace.packets.iter().filter(|packet| packet.from() == at);
    let to_here = trace.packets.iter().filter(|packet| packet.to() == at);
    let sent = from_here.map(|packet| packet.sent);
    let arrived = to_here.flat_map(|packet| &packet.arrivals).map(|arrival| arrival.at);
    let mut moments: Vec<u64> = sent.chain(arrived).map(Timestamp::as_micros).collect();
    moments.sort_unstable();
    moments
}

#[test]
fn times_are_those_of_the_trace_to_the_microsecond() {
    if !is_here() {
        return;
    }
    let trace = everything();
    let seconds = |micros: u64| format!("{}.{:06}000", micros / 1_000_000, micros % 1_000_000);
    for place in PLACES {
        let capture = Capture::write("times", &trace, place);
        let moments = moments(&trace, place);
        assert!(moments.iter().any(|moment| moment % 1_000 != 0), "all are whole milliseconds");
        let expected: Vec<_> = moments
            .iter()
            .map(|at| vec![seconds(EPOCH * 1_000_000 + at), seconds(at - moments[0])])
            .collect();
        assert_eq!(capture.fields("ip", &["frame.time_epoch", "frame.time_relative"]), expected);
        let info = capture.capinfos();
        assert!(info.contains("nanoseconds (9)"), "{info}");
        assert!(info.contains("Name = "), "{info}");
        assert!(info.contains(&place.to_string()), "{info}");
    }
}

/// The comments on packets that went one way, by their order in the file; empty if there is none.
fn comments(capture: &Capture, direction: u8) -> Vec<String> {
    let filter = format!("frame.packet_flags_direction == {direction}");
    capture.fields(&filter, &["frame.comment"]).concat()
}

const INBOUND: u8 = 1;
const OUTBOUND: u8 = 2;

#[test]
fn a_lost_packet_stands_in_its_senders_file_alone_with_the_reason() {
    if !is_here() {
        return;
    }
    for seed in 0..3 {
        let trace = exchanges(lossy(seed, 0.2), 5);
        let lost = |packet: &&TracedPacket| packet.lost.is_some();
        assert!(trace.packets.iter().filter(lost).count() > 3, "seed {seed}");
        for (sender, receiver) in [(CLIENT, Place::Server), (Place::Server, CLIENT)] {
            let sent: Vec<_> = trace.packets.iter().filter(|p| p.from() == sender).collect();
            let reason = |packet: &&TracedPacket| packet.lost.map_or(String::new(), reason);
            let expected: Vec<String> = sent.iter().map(reason).collect();
            let capture = Capture::write("lost", &trace, sender);
            assert_eq!(comments(&capture, OUTBOUND), expected, "seed {seed}");
            let arrived = comments(&Capture::write("lost", &trace, receiver), INBOUND);
            let not_lost = sent.iter().filter(|packet| packet.lost.is_none()).count();
            assert_eq!(arrived, vec![String::new(); not_lost], "seed {seed}");
        }
    }
}

fn reason(lost: Loss) -> String {
    lost.to_string()
}

/// What the comments in both files are when something exact happens to the first request.
fn story(fault: Fault, transport: Transport) -> [Vec<String>; 2] {
    let trace = play(faulty(&[(fault, What::Request(1))]), move |sim| async move {
        start_server(&sim);
        ask(&sim, &ClientConfig::new(transport), 24).await;
    });
    let name = format!("{fault:?} {transport:?}").replace(['(', ')'], " ");
    let said = |place, direction| {
        let all = comments(&Capture::write(&name, &trace, place), direction);
        all.into_iter().filter(|comment| !comment.is_empty()).collect()
    };
    [said(CLIENT, OUTBOUND), said(Place::Server, INBOUND)]
}

#[test]
fn comments_say_what_a_rule_did() {
    if !is_here() {
        return;
    }
    for transport in BOTH {
        let [sent, arrived] = story(Fault::Drop, transport);
        assert_eq!((sent, arrived), (vec!["dropped by rule request:1".to_owned()], vec![]));
        let [sent, arrived] = story(Fault::Duplicate, transport);
        assert_eq!(sent, ["duplicated by rule request:1"]);
        assert_eq!(arrived, ["the second copy"]);
        let [sent, arrived] = story(Fault::Hold(Duration::from_millis(10)), transport);
        assert_eq!((sent, arrived), (vec!["held back by rule request:1".to_owned()], vec![]));
    }
}

#[test]
fn what_a_host_drops_arrives_with_the_reason() {
    if !is_here() {
        return;
    }
    let trace = play(WireConfig::default(), |sim| async move {
        sim.server().power_off();
        let socket = sim.client(1).bind_connected(server()).expect("a free port");
        send(&socket, b"anyone?").await;
    });
    let capture = Capture::write("power", &trace, Place::Server);
    assert_eq!(comments(&capture, INBOUND), ["dropped on arrival: powered off"]);
    let capture = Capture::write("power", &trace, CLIENT);
    assert_eq!(comments(&capture, OUTBOUND), [""]);
}

#[test]
fn the_same_run_makes_the_same_bytes() {
    for place in PLACES {
        let [one, other] = [everything(), everything()]
            .map(|trace| socklab::trace::pcapng::capture(&trace, place, "everything"));
        assert!(one == other, "{place}");
    }
}
