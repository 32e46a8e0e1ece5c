//! Wires that lose, double, delay and reorder: slow for both transports, but never wrong. The stack
//! must come through whatever the seed; each seed that ever failed would be named here.

use socklab::net::sim::SimConfig;
use socklab::net::{Listener, Net};
use socklab::server::Stop;
use socklab::wire::{Impairment, WireConfig};

use super::*;

fn bad(seed: u64, loss: f64) -> SimConfig {
    let way = Impairment {
        loss,
        jitter: ms(20),
        duplicate: 0.1,
        reorder: 0.1,
        rate: Some(1_000_000),
        ..Impairment::default()
    };
    let wire = WireConfig { seed, c2s: way, s2c: way, rules: Vec::new(), raw: false };
    SimConfig { wire, ..SimConfig::default() }
}

/// Hours, for TCP backs off far.
const PATIENT: Duration = Duration::from_secs(100 * 3_600);

#[test]
fn no_exchange_over_tcp_is_broken_off_by_a_bad_wire() {
    for seed in 0..30 {
        let run = run(bad(seed, 0.2), PATIENT, |sim| async move {
            start_server(&sim, &Stop::default());
            for number in 0..20 {
                let outcome = ask(&sim, &sim.client(1), Transport::Tcp, number).await;
                assert!(replied(&outcome), "exchange {number}: {:?}", outcome.exchange.ending);
            }
        });
        assert_eq!(run.output, Ok(()), "seed {seed}");
    }
}

#[test]
fn a_large_transfer_arrives_whole_both_ways() {
    let data: Vec<u8> = (0..100_000_u32).map(|place| (place % 113) as u8 + 1).collect();
    for seed in 0..10 {
        let data = data.clone();
        let run = run(bad(seed, 0.05), PATIENT, |sim| async move {
            let listener = listen(&sim);
            let mut client = sim.client(1).connect(server()).await.expect("a connection");
            let (mut accepted, _) = listener.accept().await.expect("a connection");
            let sent = data.clone();
            let echoed = tokio::spawn(async move {
                write(&mut client, &sent).await.expect("room, later");
                client.finish().expect("a FIN");
                read_to_end(&mut client).await
            });
            let received = read_to_end(&mut accepted).await;
            assert!(received == data, "on the way there");
            write(&mut accepted, &received).await.expect("room, later");
            drop(accepted);
            assert!(echoed.await.expect("no panic") == data, "on the way back");
        });
        assert_eq!(run.output, Ok(()), "seed {seed}");
    }
}

async fn read_to_end(stream: &mut impl Stream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(text) = read(stream).await.expect("no RST") {
        all.extend(text.into_bytes());
    }
    all
}
