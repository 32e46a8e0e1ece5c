//! Files on a network that loses, repeats and reorders packets.

use socklab::testbed::shelf::Shelf;
use socklab::wire::{Impairment, WireConfig};

use super::*;

fn shelf(length: usize) -> Shelf {
    Shelf::new([("a".to_owned(), noise(length)), ("my notes 2".to_owned(), b"short".to_vec())])
}

fn wire(seed: u64, way: Impairment) -> SimConfig {
    let wire = WireConfig { seed, c2s: way, s2c: way, ..WireConfig::default() };
    SimConfig { wire, ..SimConfig::default() }
}

/// Fetches a file of `length` bytes; returns what came of it and how long it took.
fn fetched(
    config: SimConfig,
    length: usize,
    transport: Transport,
    window: usize,
) -> (Vec<u8>, Duration) {
    simulated(config, shelf(length), move |place| async move {
        let mut conversation = place.join(transport, window).await;
        let began = place.clock.now();
        let mut sink = Collected::default();
        let config = FetchConfig { timeout: None, window };
        let fetched = fetch(&mut conversation, "get a 0", config, &mut sink).await;
        assert!(matches!(fetched, Ok(Fetched::Whole)), "{fetched:?}");
        (sink.bytes, place.clock.now().since(began))
    })
}

#[test]
fn a_file_arrives_whole_whatever_the_wire_does_to_its_packets() {
    let bad = Impairment { loss: 0.1, duplicate: 0.1, reorder: 0.1, ..Impairment::default() };
    for seed in 1..=5 {
        for (transport, window) in [(Transport::Tcp, 1), (Transport::Udp, 1), (Transport::Udp, 16)]
        {
            let (bytes, _) = fetched(wire(seed, bad), 60_000, transport, window);
            assert!(bytes == noise(60_000), "{transport} seed {seed} window {window}");
        }
    }
}

#[test]
fn a_window_of_eight_is_eight_times_as_fast_as_one_block_at_a_time() {
    let still = Impairment::default();
    let (_, one) = fetched(wire(1, still), 200_000, Transport::Udp, 1);
    let (_, eight) = fetched(wire(1, still), 200_000, Transport::Udp, 8);
    // 172 blocks of 1,160 bytes and the first one, a round trip of 50 ms each.
    assert!((8_600..8_800).contains(&one.as_millis()), "{one:?}");
    let ratio = one.as_secs_f64() / eight.as_secs_f64();
    assert!((7.0..8.1).contains(&ratio), "{one:?} and {eight:?}");
}

#[test]
fn the_shelf_answers_as_a_folder_does() {
    let conversation = async |place: Place<SimNet>| {
        let mut lines = Vec::new();
        for request in
            ["list", "get nothing 0", "get ../a 0", "get a 7", "get my notes 2", "a text"]
        {
            lines.push(match place.fetch(Transport::Udp, request).await {
                (Fetched::Line(line), _) => line,
                (Fetched::Whole, sink) => String::from_utf8(sink.bytes).expect("text"),
                (other, _) => panic!("{request}: {other:?}"),
            });
        }
        lines
    };
    let lines = simulated(SimConfig::default(), shelf(3), conversation);
    assert_eq!(
        lines,
        [
            "a / my notes 2",
            "ERR not found: list says which files there are",
            "ERR not a file's name: folders, / and \\ have no place in it",
            "ERR the file ends before that",
            "short",
            "a textACK",
        ]
    );
}
