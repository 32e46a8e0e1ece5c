//! What becomes of datagrams that nobody wants, nobody reads, or that are too long.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use super::lab::{Lab, name, receive};
use super::{Finding, ms, time};
use crate::net::{Net, Udp};
use crate::packet::Packet;
use crate::scenario::words::thousands;
use crate::testbed::BothEnds;
use crate::wire::Direction;

/// Whoever has heard nothing for so long hears nothing: six round trips.
const SILENCE: Duration = Duration::from_millis(300);

/// More than one way over the wire.
const ARRIVAL: Duration = Duration::from_millis(40);

/// Any of this host's addresses, any port.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

pub(super) async fn refused_datagram<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let mut buffer = [0; 64];
    let connected = lab.client().bind_connected(lab.server)?;
    let begun = lab.clock.now();
    poll_fn(|cx| connected.poll_send(cx, b"request")).await?;
    let heard = lab.within(SILENCE, receive(&connected, &mut buffer)).await;
    let took = lab.clock.now().since(begun);
    let said = heard.and_then(Result::err).map(|error| name(&error));
    let free = lab.client().bind(ANYWHERE)?;
    poll_fn(|cx| free.poll_send_to(cx, b"request", lab.server)).await?;
    let heard = lab.within(SILENCE, receive(&free, &mut buffer)).await.is_some();
    let refusals = refusals(lab);
    let words = format!(
        "{refusals} ICMP for 2; connected: {} after {}; unconnected: {} in {}",
        said.as_deref().unwrap_or("nothing"),
        time(took),
        if heard { "something" } else { "nothing" },
        time(SILENCE)
    );
    let numbers = json!({
        "icmp": refusals, "connected": said, "after_ms": ms(took), "unconnected_hears": heard
    });
    Ok(Finding::measured(words, numbers))
}

pub(super) async fn icmp_limit<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    const DATAGRAMS: usize = 20;
    const PAUSE: Duration = Duration::from_millis(10);
    // Unconnected: a refusal would be told in place of sending the next.
    let socket = lab.client().bind(ANYWHERE)?;
    for _ in 0..DATAGRAMS {
        poll_fn(|cx| socket.poll_send_to(cx, b"request", lab.server)).await?;
        lab.wait(PAUSE).await;
    }
    lab.wait(ARRIVAL).await;
    let refusals = refusals(lab);
    let words = format!("{refusals} of {DATAGRAMS} are answered with ICMP");
    Ok(Finding::measured(words, json!({ "datagrams": DATAGRAMS, "icmp": refusals })))
}

/// Returns how many refusals the server's host has sent.
fn refusals<T: BothEnds>(lab: &mut Lab<T>) -> usize {
    let trace = lab.trace();
    let refusal = |bytes: &[u8]| matches!(Packet::parse(bytes), Packet::PortUnreachable { .. });
    trace.packets.iter().filter(|packet| refusal(&packet.bytes)).count()
}

/// Sends so many datagrams to a socket that nobody reads meanwhile; returns how many it has kept.
pub(super) async fn kept<T: BothEnds>(
    lab: &mut Lab<T>,
    socket: &impl Udp,
    datagrams: usize,
    length: usize,
) -> io::Result<usize> {
    let sender = lab.client().bind_connected(socket.local_address()?)?;
    let datagram = vec![b'x'; length];
    for _ in 0..datagrams {
        poll_fn(|cx| sender.poll_send(cx, &datagram)).await?;
    }
    lab.wait(ARRIVAL * 2).await;
    let mut kept = 0;
    let mut buffer = vec![0; length];
    // What is there is there at once.
    let at_once = Duration::from_millis(1);
    while lab.within(at_once, poll_fn(|cx| socket.poll_receive(cx, &mut buffer))).await.is_some() {
        kept += 1;
    }
    Ok(kept)
}

/// More datagrams than a receive buffer holds, and few enough for the queue of a TUN device.
pub(super) const MANY: usize = 400;
/// A datagram that is mostly header.
pub(super) const SMALL: usize = 16; // bytes
/// A datagram that fills most of a packet.
pub(super) const LARGE: usize = 1000; // bytes

pub(super) async fn receive_buffer<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let socket = lab.testbed.at_server()?.bind(lab.server)?;
    let small = kept(lab, &socket, MANY, SMALL).await?;
    let large = kept(lab, &socket, MANY, LARGE).await?;
    Ok(buffered(small, large))
}

/// Says how many were kept of each kind.
pub(super) fn buffered(small: usize, large: usize) -> Finding {
    let words =
        format!("of {MANY} datagrams it keeps {small} of {SMALL} bytes, {large} of {LARGE} bytes");
    Finding::measured(words, json!({ "sent": MANY, "small": small, "large": large }))
}

pub(super) async fn longest_datagram<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let _socket = lab.testbed.at_server()?.bind(lab.server)?;
    let sender = lab.client().bind_connected(lab.server)?;
    let mut packets = Vec::new();
    let mut error = None;
    for length in [1472, 1473, 65_507, 65_508] {
        let before = packets_to_server(lab);
        let datagram = vec![b'x'; length];
        let sent = poll_fn(|cx| sender.poll_send(cx, &datagram)).await;
        lab.wait(ARRIVAL).await;
        packets.push(packets_to_server(lab) - before);
        error = sent.err().map(|error| name(&error));
    }
    let words = format!(
        "packets for 1,472 bytes: {}, for 1,473: {}, for 65,507: {}; for {}: {}",
        packets[0],
        packets[1],
        packets[2],
        thousands(65_508),
        error.as_deref().unwrap_or("no error")
    );
    Ok(Finding::measured(words, json!({ "packets": packets, "error": error })))
}

fn packets_to_server<T: BothEnds>(lab: &mut Lab<T>) -> usize {
    let trace = lab.trace();
    let there =
        |packet: &&crate::trace::TracedPacket| packet.direction == Direction::ClientToServer;
    trace.packets.iter().filter(there).count()
}

pub(super) async fn ephemeral_ports<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    const SOCKETS: usize = 20;
    let bind = |_| lab.client().bind_connected(lab.server);
    let sockets: Vec<_> = (0..SOCKETS).map(bind).collect::<io::Result<_>>()?;
    let port = |socket: &<T::Net as Net>::Udp| Some(socket.local_address().ok()?.port());
    let ports: Vec<u16> = sockets.iter().filter_map(port).collect();
    let (least, greatest) = (ports.iter().min(), ports.iter().max());
    let (least, greatest) = least.zip(greatest).ok_or(io::ErrorKind::NotFound)?;
    let words = format!("{SOCKETS} sockets got {least}..{greatest}");
    Ok(Finding::measured(words, json!({ "least": least, "greatest": greatest })))
}
