//! How much TCP takes, and in which pieces.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::Finding;
use super::lab::{Lab, Pair, Seen, write, write_all};
use crate::net::{Net, Udp};
use crate::packet::Packet;
use crate::scenario::words::thousands;
use crate::testbed::BothEnds;
use crate::time::Clock;
use crate::trace::{Trace, TracedPacket};
use crate::wire::Direction;

/// More than any initial window, and less than any receive window in which nobody reads.
const BULK: usize = 48 * 1024; // bytes

/// A first flight and its acknowledgement, several times.
const FLIGHT: Duration = Duration::from_millis(400);

/// What does not move for so long will not move.
const STUCK: Duration = Duration::from_millis(500);

pub(super) async fn segment<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let (_pair, seen) = bulk(lab).await?;
    let full = seen.iter().map(|one| one.payload).max().unwrap_or_default();
    let header = |of: &dyn Fn(&&Seen) -> bool| seen.iter().find(of).map_or(0, |one| one.header);
    let syn = header(&|one| one.syn);
    let ack = header(&|one| !one.syn && one.payload == 0);
    let data = header(&|one| one.payload > 0);
    let words = format!(
        "{} bytes of data; TCP headers: SYN {syn}, ACK {ack}, data {data} bytes",
        thousands(full)
    );
    let numbers = json!({
        "payload_bytes": full, "syn_bytes": syn, "ack_bytes": ack, "data_bytes": data
    });
    Ok(Finding::measured(words, numbers))
}

pub(super) async fn initial_window<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let (_pair, seen) = bulk(lab).await?;
    let first = seen.iter().find(|one| one.payload > 0).ok_or(io::ErrorKind::NotFound)?.sent;
    let answer = seen.iter().filter(|one| !one.is_from_client() && one.sent > first);
    let answered = answer.filter_map(|one| one.arrived).min().ok_or(io::ErrorKind::TimedOut)?;
    let flight =
        seen.iter().filter(|one| one.is_request_since(first) && one.sent < answered).count();
    let words = format!("{flight} segments before the first acknowledgement arrives");
    Ok(Finding::measured(words, json!({ "segments": flight })))
}

/// Writes much at once into a new connection, and lets the first of it be acknowledged.
async fn bulk<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<(Pair<T::Net>, Vec<Seen>)> {
    let mut pair = lab.connected().await?;
    write_all(&mut pair.client, &vec![b'x'; BULK]).await?;
    let all = |seen: &[Seen]| {
        let arrived = |one: &&Seen| one.is_from_client() && one.arrived.is_some();
        seen.iter().filter(arrived).map(|one| one.payload).sum::<usize>() >= BULK
    };
    let seen = lab.segments_until(FLIGHT, all).await;
    Ok((pair, seen))
}

pub(super) async fn send_buffer<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    const CHUNK: &[u8] = &[b'x'; 4096];
    const DATAGRAMS: usize = 50;
    let mut pair = lab.connected().await?;
    let socket = lab.client().bind_connected(lab.server)?;
    lab.cut().await?;
    let mut taken = 0;
    while let Some(written) = lab.within(STUCK, write(&mut pair.client, CHUNK)).await {
        taken += written?;
    }
    let mut sent = 0;
    for _ in 0..DATAGRAMS {
        let sending = std::future::poll_fn(|cx| socket.poll_send(cx, CHUNK));
        sent += usize::from(matches!(lab.within(STUCK, sending).await, Some(Ok(()))));
    }
    let words = format!(
        "TCP takes {} bytes, then a write blocks; UDP takes {sent} of {DATAGRAMS} datagrams",
        thousands(taken)
    );
    Ok(Finding::measured(words, json!({ "tcp_bytes": taken, "udp_datagrams": sent })))
}

/// Connects again and again to somebody who never accepts, until it does not get through; returns how
/// often it did.
pub(super) async fn fill(net: &impl Net, to: SocketAddr, clock: Clock) -> usize {
    const MOST: usize = 8;
    let mut held = Vec::new();
    while held.len() < MOST {
        let connected = tokio::select! {
            biased;
            connected = net.connect(to) => connected.ok(),
            () = clock.sleep_until(clock.now() + STUCK) => None,
        };
        let Some(stream) = connected else { break };
        held.push(stream);
    }
    held.len()
}

/// Says how many were connected that nobody accepts, and what became of the last SYN.
pub(super) fn queued(connected: usize, trace: &Trace) -> Finding {
    let segment = |packet: &TracedPacket| match Packet::parse(&packet.bytes) {
        Packet::Tcp(segment) => Some((segment.from.port(), segment.to.port(), segment.rst)),
        _ => None,
    };
    let is_syn = |packet: &&TracedPacket| {
        let syn = matches!(Packet::parse(&packet.bytes), Packet::Tcp(segment) if segment.syn);
        syn && packet.direction == Direction::ClientToServer
    };
    let last = trace.packets.iter().filter(is_syn).filter_map(segment).next_back();
    let back = trace.packets.iter().filter(|one| one.direction == Direction::ServerToClient);
    let answer = last.and_then(|(port, ..)| {
        back.filter_map(segment).find(|(_, to, _)| *to == port).map(|(.., rst)| rst)
    });
    let fate = match answer {
        Some(true) => "is answered with RST",
        Some(false) => "is answered",
        None => "is not answered",
    };
    let words = format!("{connected} connect; the SYN of the next {fate}");
    Finding::measured(words, json!({ "connected": connected, "answered": answer.is_some() }))
}
