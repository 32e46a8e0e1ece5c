//! Peers that do not play by the rules: nonsense, half of something, other people's words, and
//! connections that nobody uses.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socklab::net::sim::{Sim, SimNet, SimStream};
use socklab::net::{Net, Stream, Udp};
use socklab::peer::Transport;
use socklab::protocol::datagram::header::{ByeReason, Header, MAGIC, Type};

use crate::clients::Overheard;
use crate::drawing::Dice;
use crate::story::server;
use crate::world::ms;

/// How long a hostile peer waits for a connection, or for room to write.
const TRIES: Duration = Duration::from_secs(20);

/// Connects, says nothing, and leaves.
pub(crate) async fn idle(sim: Sim, net: SimNet, time: Duration) {
    let Ok(Ok(stream)) = tokio::time::timeout(TRIES, net.connect(server())).await else { return };
    pause(&sim, time).await;
    drop(stream);
}

/// Says nonsense so many times.
pub(crate) async fn hostile(
    sim: Sim,
    net: SimNet,
    (transport, times): (Transport, usize),
    mut dice: Dice,
    overheard: Overheard,
) {
    match transport {
        Transport::Udp => {
            let Ok(udp) = net.bind("0.0.0.0:0".parse().expect("an address")) else { return };
            for _ in 0..times {
                let (to, bytes) = datagram(&mut dice, &overheard);
                let _ = poll_fn(|cx| udp.poll_send_to(cx, &bytes, to)).await;
                pause(&sim, dice.time(0, 4_000)).await;
            }
        }
        Transport::Tcp => {
            for _ in 0..times {
                let connected = tokio::time::timeout(TRIES, net.connect(server())).await;
                if let Ok(Ok(stream)) = connected {
                    // However it ends.
                    let _ = tokio::time::timeout(TRIES, torment(&sim, stream, &mut dice)).await;
                }
                pause(&sim, dice.time(0, 2_000)).await;
            }
        }
    }
}

async fn pause(sim: &Sim, time: Duration) {
    sim.clock().sleep_until(sim.clock().now() + time).await;
}

/// A datagram that no honest client sends, and to whom.
fn datagram(dice: &mut Dice, overheard: &Overheard) -> (SocketAddr, Vec<u8>) {
    let known = overheard.lock().expect("no panic");
    let random = dice.between(0, u64::from(u32::MAX)) as u32;
    let (token, id, text) = match known.is_empty() {
        true => (random, 1, "hostile;3".to_owned()),
        false => known[dice.between(0, known.len() as u64 - 1) as usize].clone(),
    };
    let header = |kind| Header::new(kind, 9, token, id);
    let framed = |header: Header, payload: &[u8]| {
        let mut bytes = Vec::new();
        header.write(payload, &mut bytes);
        bytes
    };
    let bytes = match dice.between(0, 11) {
        0 => random.to_be_bytes().to_vec(),
        1 => [&[MAGIC][..], &random.to_be_bytes()].concat(),
        2 => framed(Header::new(Type::Request, 1, random, random), b"hostile;7"),
        3 => framed(Header { cookie: Some([7; 8]), ..header(Type::Request) }, b"hostile;101"),
        4 => framed(Header::new(Type::Request, 1, random, random), b"hostile;101"),
        5 => b"hostile;101".to_vec(),
        6 => framed(header(dice.one_of(&Type::ALL[1..])), b"hostile;7"),
        7 => framed(header(Type::Request), text.as_bytes())[..15].to_vec(),
        8 | 9 => framed(header(Type::Request), text.as_bytes()),
        10 => framed(header(Type::Request), b"hostile;9"),
        _ => framed(Header { bye: Some(ByeReason::ClientLeaves), ..header(Type::Bye) }, b""),
    };
    // Now and then to a client, in the server's name but not from its address.
    let client = SocketAddr::from(([10, 0, 0, 1], 49_152 + dice.between(0, 3) as u16));
    match dice.happens(0.15) {
        true => (client, framed(header(Type::Reply), b"Server 1;1;1")),
        false => (server(), bytes),
    }
}

/// Says something over TCP that is not the protocol, and leaves in one of the ways in which one can.
async fn torment(sim: &Sim, mut stream: SimStream, dice: &mut Dice) -> io::Result<()> {
    let long = [b'x'; 3_000];
    let many = b"hostile;5\n".repeat(300);
    let pieces: [&[u8]; 8] = [
        b"half a li",
        b"hostile;5\nhostile;6\nhos",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nhostile;101\n",
        b"hostile;101\n",
        b"\xFF\xFE\n",
        b"\n\n\n",
        &long,
        &many,
    ];
    for _ in 0..dice.between(0, 3) {
        let mut rest = pieces[dice.between(0, 7) as usize];
        while !rest.is_empty() {
            let count = poll_fn(|cx| stream.poll_write(cx, rest)).await?;
            rest = &rest[count..];
        }
        pause(sim, ms(dice.one_of(&[0, 100, 300, 12_000]))).await;
    }
    match dice.between(0, 2) {
        0 => stream.reset(),
        1 => {
            stream.finish()?;
            pause(sim, dice.time(0, 5_000)).await;
        }
        _ => {}
    }
    Ok(())
}
