//! docs/socklab.lua over UDP: Wireshark shows what the codec reads, and marks what it refuses.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use socklab::net::Net;
use socklab::packet::Packet;
use socklab::protocol::datagram::header::{
    ByeReason, Cookie, HEADER_LENGTH, Header, HeaderError, MAGIC, Type,
};
use socklab::protocol::framing::Framing;
use socklab::trace::Place;

use super::*;
use crate::tshark::{CLIENT, Capture, is_here};

/// As many datagrams as are sent in a test: fewer than a socket holds that nobody reads.
pub(crate) const DATAGRAMS: usize = 200;

/// A run in which the client sends these datagrams, and the server nothing.
fn said(datagrams: Vec<Vec<u8>>) -> Trace {
    play(WireConfig::default(), |sim| async move {
        let _silent = sim.server().bind(server()).expect("a free port");
        let socket = sim.client(1).bind_connected(server()).expect("a free port");
        for datagram in &datagrams {
            send(&socket, datagram).await;
        }
        pause(&sim, Duration::from_secs(1)).await;
    })
}

/// Draws values, the same each time.
pub(crate) fn drawn<T: std::fmt::Debug>(
    count: usize,
    strategy: impl Strategy<Value = T>,
) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

fn a_header() -> impl Strategy<Value = Header> {
    let kind = prop::sample::select(Type::ALL.to_vec());
    let cookie = prop::option::of(any::<Cookie>());
    let reason = prop::sample::select(vec![
        ByeReason::Shutdown,
        ByeReason::OutOfRange,
        ByeReason::Idle,
        ByeReason::ClientLeaves,
        ByeReason::Other(77),
    ]);
    (kind, any::<bool>(), any::<u8>(), reason, any::<u32>(), any::<u32>(), cookie).prop_map(
        |(kind, idempotent, attempt, reason, token, message_id, cookie)| {
            let bye = (kind == Type::Bye).then_some(reason);
            Header { kind, idempotent, attempt, bye, token, message_id, cookie }
        },
    )
}

fn framed((header, text): (Header, String)) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(text.as_bytes(), &mut bytes);
    bytes
}

/// What tshark shows of framed datagrams, as the codec would have read it.
fn shown(capture: &Capture) -> Vec<(Header, String)> {
    let names = ["type", "idempotent", "attempt", "bye_reason", "token", "message_id", "cookie"];
    let mut fields: Vec<_> = names.iter().map(|name| format!("socklab.{name}")).collect();
    fields.extend(["request", "reply", "text"].map(|name| format!("socklab.{name}")));
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let rows = capture.fields("socklab.magic", &fields);
    rows.iter().map(|row| (header(row), row[7..].concat())).collect()
}

fn header(row: &[String]) -> Header {
    let kind = Type::ALL[number(&row[0]) as usize];
    let reason = match number(&row[3]) {
        1 => ByeReason::Shutdown,
        2 => ByeReason::OutOfRange,
        3 => ByeReason::Idle,
        4 => ByeReason::ClientLeaves,
        code => ByeReason::Other(code as u8),
    };
    let cookie: Vec<u8> = row[6]
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(str::from_utf8(digits).expect("digits"), 16))
        .collect::<Result<_, _>>()
        .expect("digits");
    Header {
        kind,
        idempotent: ["1", "True"].contains(&&*row[1]), // older and newer versions of tshark
        attempt: number(&row[2]) as u8,
        bye: (kind == Type::Bye).then_some(reason),
        token: number(&row[4]),
        message_id: number(&row[5]),
        cookie: cookie.try_into().ok(),
    }
}

fn number(text: &str) -> u32 {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_header_is_shown_as_the_codec_reads_it() {
    if !is_here() {
        return;
    }
    // Without the backslash, which tshark doubles.
    let datagrams = drawn(DATAGRAMS, (a_header(), r"[ -\[\]-~]{0,40}").prop_map(framed));
    let capture = Capture::write("headers", &said(datagrams.clone()), CLIENT);
    let shown = shown(&capture);
    assert_eq!(shown.len(), DATAGRAMS);
    for (datagram, shown) in datagrams.iter().zip(shown) {
        let (header, payload) = Header::parse(datagram).expect("it was just written");
        assert_eq!(shown, (header, String::from_utf8(payload.to_vec()).expect("text")));
    }
}

#[test]
fn values_have_names_and_fields_too() {
    if !is_here() {
        return;
    }
    let bye = Header {
        bye: Some(ByeReason::OutOfRange),
        cookie: Some([1, 2, 3, 4, 5, 6, 7, 8]),
        ..Header::new(Type::Bye, 3, 0xAB, 9)
    };
    let capture = Capture::write("names", &said(vec![framed((bye, "text".to_owned()))]), CLIENT);
    let printed = capture.tshark(&["-V", "-Y", "socklab"]);
    let shown = printed.split("socklab, one protocol over TCP and UDP\n").nth(1).expect("ours");
    let expected = "    \
    magic: 0xf9
    0101 .... = type: BYE (5)
    .... 1... = with cookie: True
    .... .0.. = idempotent: False
    .... ..00 = reserved bits: 0
    attempt: 3
    bye reason: out of range (2)
    payload length: 4
    reserved: 0
    token: 0x000000ab
    message id: 0x00000009
    cookie: 0102030405060708
        this start of the server: 0x0102
        keyed hash: 030405060708
    text: text
";
    assert_eq!(shown.trim_end(), expected.trim_end());
}

/// The requests and replies of a capture, each with the number of its packet.
pub(crate) fn messages(capture: &Capture, options: &[&str]) -> Vec<String> {
    let mut all = vec!["-Y", "socklab", "-T", "fields", "-E", "separator= ", "-E", "aggregator=|"];
    all.extend(["-e", "socklab.request", "-e", "socklab.reply"]);
    all.extend(options);
    capture.tshark(&all).lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn real_exchanges_are_shown_over_both_transports() {
    if !is_here() {
        return;
    }
    for framing in [Framing::Auto, Framing::Raw] {
        for transport in BOTH {
            let config = ClientConfig { framing, ..ClientConfig::new(transport) };
            let trace = play(WireConfig::default(), |sim| async move {
                start_server(&sim);
                ask(&sim, &config, 24).await;
            });
            for place in [CLIENT, Place::Server] {
                let capture = Capture::write("exchange", &trace, place);
                let messages = messages(&capture, &[]);
                assert_eq!(messages[0], "Client;25;sum", "{transport:?} {framing:?}");
                assert!(messages[1].starts_with("Server;"), "{messages:?}");
                assert_eq!(messages.len(), 2, "{messages:?}");
            }
        }
    }
}

#[test]
fn bare_datagrams_are_shown_as_text() {
    if !is_here() {
        return;
    }
    let trace = play(WireConfig::default(), |sim| async move {
        start_server(&sim);
        let socket = sim.client(1).bind_connected(server()).expect("a free port");
        send(&socket, "Zoë;25;sum".as_bytes()).await;
        pause(&sim, Duration::from_secs(1)).await;
    });
    let shown = messages(&Capture::write("bare", &trace, CLIENT), &[]);
    assert_eq!(shown[0], "Zoë;25;sum");
    assert!(shown[1].starts_with("Server;"), "{shown:?}");
}

#[test]
fn the_port_is_ours_and_can_be_another() {
    if !is_here() {
        return;
    }
    let capture = Capture::write("port", &exchanges(WireConfig::default(), 1), CLIENT);
    let udp = ["-Y", "udp", "-T", "fields", "-e", "frame.protocols"];
    let with: Vec<_> = capture.tshark(&udp).lines().map(str::to_owned).collect();
    assert_eq!(with, ["raw:ip:udp:socklab"; 2]);
    assert!(!capture.tshark_alone(&udp).contains("socklab"));
    let elsewhere = ["-o", "socklab.port:13000", "-Y", "socklab"];
    assert_eq!(capture.tshark(&elsewhere), "");
}

/// Anything: framed datagrams that are cut or changed, and bytes without any meaning.
pub(crate) fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let whole = || (a_header(), "[ -~]{0,40}").prop_map(framed);
    let cut = (whole(), any::<prop::sample::Index>())
        .prop_map(|(bytes, end)| bytes[..1 + end.index(bytes.len() - 1)].to_vec());
    let changed =
        (whole(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(bytes, at, value)| {
            let mut bytes = bytes;
            let at = 1 + at.index(bytes.len() - 1);
            bytes[at] = value;
            bytes
        });
    let noise = prop::collection::vec(any::<u8>(), 1..60);
    let framed_noise = noise.clone().prop_map(|bytes| [&[MAGIC], &bytes[..]].concat());
    prop_oneof![cut, changed, noise, framed_noise]
}

#[test]
fn what_the_codec_refuses_is_marked_with_the_same_reason() {
    if !is_here() {
        return;
    }
    let datagrams = drawn(DATAGRAMS, garbage());
    let capture = Capture::write("garbage", &said(datagrams.clone()), CLIENT);
    let marks = ["socklab.short", "socklab.unknown_type", "socklab.wrong_length"];
    let rows = capture.fields("udp", &marks);
    assert_eq!(rows.len(), datagrams.len());
    let mut met = [0; 4];
    for (datagram, row) in datagrams.iter().zip(rows) {
        let is_marked: Vec<bool> = row.iter().map(|mark| !mark.is_empty()).collect();
        let expected = match Header::parse(datagram) {
            _ if datagram[0] != MAGIC => None,
            Ok(_) => None,
            Err(HeaderError::Short) => Some(0),
            Err(HeaderError::UnknownType) => Some(1),
            Err(HeaderError::Length) => Some(2),
        };
        match expected {
            None => assert_eq!(is_marked, [false; 3], "{datagram:x?}"),
            Some(mark) => assert!(is_marked[mark], "{datagram:x?}: {row:?}"),
        }
        met[expected.map_or(3, |mark| mark)] += 1;
    }
    assert!(met.iter().all(|count| *count > 5), "not all were met: {met:?}");
    let printed = capture.tshark(&["-V"]);
    assert!(!printed.contains("Malformed"), "{printed}");
}

#[test]
fn packets_that_were_captured_in_part_are_shown_in_part() {
    if !is_here() {
        return;
    }
    let trace = exchanges(lossy(1, 0.1), 3);
    let capture = Capture::write("whole", &trace, CLIENT);
    let udp = |packet: &socklab::trace::TracedPacket| matches!(Packet::parse(&packet.bytes), Packet::Udp(datagram) if datagram.payload.len() > 20);
    assert!(trace.packets.iter().any(udp));
    // From nothing of our header (20 bytes of IP, 8 of UDP) to all of it and some text.
    for length in (28..=28 + HEADER_LENGTH + 4).step_by(3) {
        let cut = capture.cut(length);
        assert!(!cut.tshark(&["-V"]).contains("Malformed"), "cut to {length} bytes");
        assert_eq!(
            cut.count("socklab.wrong_length"),
            0,
            "the datagram is whole, its capture is not"
        );
    }
}
