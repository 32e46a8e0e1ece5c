//! The ladder in text, whatever happened.

use proptest::prelude::*;
use socklab::time::Timestamp;
use socklab::trace::ladder::{Glyphs, ladder};
use socklab::trace::{Note, Place, svg};

use super::*;

#[test]
fn no_line_is_wider_than_eighty_columns() {
    for (name, trace) in many() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            for line in ladder(&trace, glyphs).lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }
}

#[test]
fn without_unicode_every_sign_is_ascii() {
    for (name, trace) in many() {
        assert!(ladder(&trace, Glyphs::Ascii).is_ascii(), "{name}");
    }
}

#[test]
fn every_packet_is_drawn_once_and_a_copy_that_arrives_once_more() {
    for (name, trace) in many() {
        let text = ladder(&trace, Glyphs::Unicode);
        let arrows = text.lines().filter(|line| line.contains(['─', '╌'])).count();
        let copies = trace.packets.iter().flat_map(|packet| &packet.arrivals);
        let copies = copies.filter(|arrival| arrival.copy).count();
        assert_eq!(arrows, trace.packets.len() + copies, "{name}:\n{text}");
        let crosses = text.matches('✗').count();
        let lost = trace.packets.iter().filter(|packet| packet.lost.is_some()).count();
        assert_eq!(crosses, lost, "{name}:\n{text}");
        let heads = trace
            .packets
            .iter()
            .map(|packet| packet.arrivals.len() + usize::from(packet.duplicated.is_some()));
        assert_eq!(text.matches(['▶', '◀']).count(), heads.sum::<usize>(), "{name}:\n{text}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let draw =
        || many().iter().map(|(_, trace)| ladder(trace, Glyphs::Unicode)).collect::<Vec<_>>();
    assert_eq!(draw(), draw());
}

#[test]
fn long_runs_and_long_notes_stay_on_the_page() {
    let mut trace = one(&WireConfig::default(), Transport::Udp);
    for packet in &mut trace.packets {
        packet.sent += Duration::from_secs(86_400);
        packet.arrivals.iter_mut().for_each(|arrival| arrival.at += Duration::from_secs(86_400));
    }
    let at = Timestamp::from_millis(1);
    let text = "word ".repeat(40) + &"x".repeat(200);
    trace.notes = vec![
        Note { at, place: Place::Client(1), text: text.clone() },
        Note { at, place: Place::Server, text },
    ];
    let drawn = ladder(&trace, Glyphs::Unicode);
    assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{drawn}");
    assert_eq!(drawn.matches("word").count(), 80);
    assert_eq!(drawn.matches('x').count(), 400);
}

#[test]
fn an_empty_record_is_two_names() {
    let drawn = ladder(&Trace::default(), Glyphs::Unicode);
    assert_eq!(drawn, format!(" client{:>73}\n", "server"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets_of_any_bytes_are_drawn(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..80_usize, any::<u8>()), 1..60),
        udp: bool,
    ) {
        let mut trace = packets(udp);
        for (packet, place, value) in changes {
            let count = trace.packets.len();
            let packet = &mut trace.packets[packet.index(count)];
            let mut bytes = packet.bytes.to_vec();
            match bytes.get_mut(place) {
                Some(byte) => *byte = value,
                None => bytes.truncate(usize::from(value) % 40),
            }
            packet.bytes = bytes.into();
        }
        for line in ladder(&trace, Glyphs::Ascii).lines() {
            prop_assert!(line.is_ascii() && line.len() <= 80, "{line}");
        }
        let picture = svg::ladder(&trace, "", "");
        prop_assert!(roxmltree::Document::parse(&picture).is_ok(), "{picture}");
    }
}

/// A trace with copies and repetitions, made once.
fn packets(udp: bool) -> Trace {
    static TRACES: std::sync::OnceLock<[Trace; 2]> = std::sync::OnceLock::new();
    let wire = || faulty(&[(Fault::Drop, "reply:1"), (Fault::Duplicate, "request:1")]);
    let traces = || [Transport::Tcp, Transport::Udp].map(|transport| one(&wire(), transport));
    TRACES.get_or_init(traces)[usize::from(udp)].clone()
}
