//! UDP sockets: what smoltcp leaves to the operating system. Receive buffers that are full, sockets
//! that hear only one peer, and the news that nobody listens there.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::task::{Context, Poll, Waker};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::host::{Host, Id, Port};
use super::listener::keep_waker;
use super::{SimNet, net_is_down, ready_if};
use crate::net::Udp;
use crate::net::record::Drop as Dropped;
use crate::time::Timestamp;

/// Longest datagram: 65,535 bytes of IP packet less headers of 20 and 8 (RFC 791, RFC 768).
const MAX_DATAGRAM: usize = 65_507;

/// Datagrams that may wait to be received.
const MAX_WAITING: usize = 256;

/// Bytes that may wait to be received: Linux's default (net.core.rmem_default).
const MAX_WAITING_BYTES: usize = 212_992;

/// A UDP socket, as its host sees it.
pub(super) struct Datagrams {
    id: Id,
    pub(super) handle: SocketHandle,
    /// The only one it hears, if it is connected.
    peer: Option<SocketAddrV4>,
    waiting: VecDeque<(SocketAddrV4, Vec<u8>)>,
    waiting_bytes: usize,
    /// What the next call returns.
    error: Option<io::ErrorKind>,
    wakers: Vec<Waker>,
}

fn new_socket() -> Socket<'static> {
    // A datagram passes through at once, in either direction; here none has to wait.
    let one = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 2], vec![0; MAX_DATAGRAM]);
    Socket::new(one(), one())
}

impl Host {
    /// Opens a UDP socket. Returns its name and its port.
    pub(super) fn bind(&mut self, port: u16, peer: Option<SocketAddrV4>) -> io::Result<(Id, u16)> {
        self.check_powered()?;
        let port = if port == 0 { self.free_port(Port::Udp)? } else { port };
        if self.datagrams.contains_key(&port) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        // Closed sockets are as good as new, and their buffers need not be cleared.
        let mut socket = self.idle_sockets.pop().unwrap_or_else(new_socket);
        socket.bind(port).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let (id, handle) = (self.new_id(), self.sockets.add(socket));
        let datagrams = Datagrams {
            id,
            handle,
            peer,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            error: None,
            wakers: Vec::new(),
        };
        self.datagrams.insert(port, datagrams);
        Ok((id, port))
    }

    /// Closes a UDP socket.
    pub(super) fn unbind(&mut self, port: u16) {
        let Some(datagrams) = self.datagrams.remove(&port) else { return };
        if let smoltcp::socket::Socket::Udp(mut socket) = self.sockets.remove(datagrams.handle) {
            socket.close();
            self.idle_sockets.push(socket);
        }
    }

    /// Takes what has just come out of the stack. Returns why it was dropped, if it was.
    pub(super) fn take_datagrams(&mut self) -> Option<Dropped> {
        let mut dropped = None;
        for datagrams in self.datagrams.values_mut() {
            let socket = self.sockets.get_mut::<Socket<'_>>(datagrams.handle);
            while let Ok((bytes, meta)) = socket.recv() {
                let IpEndpoint { addr: IpAddress::Ipv4(address), port } = meta.endpoint;
                let from = SocketAddrV4::new(address, port);
                dropped = datagrams.take(from, bytes).or(dropped);
            }
        }
        dropped
    }

    /// Takes note that nobody listens at `to`: RFC 1122 section 4.1.3.3. As under Linux only a
    /// connected socket hears of it, for only there it is clear who sent to whom.
    pub(super) fn refuse_datagrams(&mut self, port: u16, to: SocketAddrV4) {
        let socket = self.datagrams.get_mut(&port).filter(|socket| socket.peer == Some(to));
        if let Some(socket) = socket {
            socket.error = Some(io::ErrorKind::ConnectionRefused);
            socket.wakers.drain(..).for_each(Waker::wake);
        }
    }

    /// Sends a datagram, to the connected peer if nobody else is named.
    fn send(
        &mut self,
        udp: &SimUdp,
        bytes: &[u8],
        to: Option<SocketAddr>,
        now: Timestamp,
    ) -> Option<io::Result<()>> {
        let own = self.address;
        let datagrams = self.datagrams.get_mut(&udp.port).filter(|known| known.id == udp.id)?;
        // As Linux does: the news is told, and this datagram is not sent.
        if let Some(error) = datagrams.error.take() {
            return Some(Err(error.into()));
        }
        let to = match to {
            Some(SocketAddr::V4(to)) => to,
            Some(SocketAddr::V6(_)) => return Some(Err(io::ErrorKind::Unsupported.into())),
            None => match datagrams.peer {
                Some(peer) => peer,
                None => return Some(Err(io::ErrorKind::NotConnected.into())),
            },
        };
        if bytes.len() > MAX_DATAGRAM {
            return Some(Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long")));
        }
        let mut meta = smoltcp::socket::udp::UdpMetadata::from(IpEndpoint::from(to));
        meta.local_address = Some(own.into());
        let socket = self.sockets.get_mut::<Socket<'_>>(datagrams.handle);
        let sent = socket.send_slice(bytes, meta);
        self.stack.send(&mut self.sockets, now);
        Some(sent.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)))
    }

    /// Receives a datagram. Returns nothing if the program has to wait; then its waker is kept.
    fn receive_datagram(
        &mut self,
        udp: &SimUdp,
        buffer: &mut [u8],
        waker: &Waker,
    ) -> Option<io::Result<(usize, SocketAddr)>> {
        let datagrams = self.datagrams.get_mut(&udp.port).filter(|known| known.id == udp.id)?;
        if let Some(error) = datagrams.error.take() {
            return Some(Err(error.into()));
        }
        let Some((from, bytes)) = datagrams.waiting.pop_front() else {
            keep_waker(&mut datagrams.wakers, waker);
            return None;
        };
        datagrams.waiting_bytes -= bytes.len();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Some(Ok((count, from.into())))
    }
}

impl Datagrams {
    fn take(&mut self, from: SocketAddrV4, bytes: &[u8]) -> Option<Dropped> {
        if self.peer.is_some_and(|peer| peer != from) {
            return Some(Dropped::NotItsPeer);
        }
        let full = self.waiting.len() >= MAX_WAITING
            || self.waiting_bytes + bytes.len() > MAX_WAITING_BYTES;
        if full {
            return Some(Dropped::ReceiveBufferFull);
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push_back((from, bytes.to_vec()));
        self.wakers.drain(..).for_each(Waker::wake);
        None
    }
}

/// A UDP socket on a simulated host. When the host dies, it waits for ever, as the program would
/// that died with it.
#[derive(Debug)]
pub struct SimUdp {
    net: SimNet,
    id: Id,
    address: Ipv4Addr,
    port: u16,
}

impl SimUdp {
    pub(super) fn open(net: &SimNet, address: SocketAddr) -> io::Result<Self> {
        let bind = |host: &mut Host| {
            let at = host.check_local(address)?;
            let (id, port) = host.bind(address.port(), None)?;
            Ok((id, at, port))
        };
        let (id, address, port) =
            net.act(|host, _| Some(bind(host))).unwrap_or_else(net_is_down)?;
        Ok(SimUdp { net: net.clone(), id, address, port })
    }

    pub(super) fn connect(net: &SimNet, to: SocketAddr) -> io::Result<Self> {
        let SocketAddr::V4(to) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        let bind = |host: &mut Host| {
            let (id, port) = host.bind(0, Some(to))?;
            Ok((id, host.address, port))
        };
        let (id, address, port) =
            net.act(|host, _| Some(bind(host))).unwrap_or_else(net_is_down)?;
        Ok(SimUdp { net: net.clone(), id, address, port })
    }
}

impl Udp for SimUdp {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        ready_if(self.net.act(|host, _| host.receive_datagram(self, buffer, cx.waker())))
    }

    fn poll_send_to(
        &self,
        _cx: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<()>> {
        ready_if(self.net.act(|host, now| host.send(self, bytes, Some(to), now)))
    }

    fn poll_send(&self, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<()>> {
        ready_if(self.net.act(|host, now| host.send(self, bytes, None, now)))
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddrV4::new(self.address, self.port).into())
    }
}

impl Drop for SimUdp {
    fn drop(&mut self) {
        self.net.act(|host, _| {
            let ours = host.datagrams.get(&self.port).is_some_and(|known| known.id == self.id);
            ours.then(|| host.unbind(self.port))
        });
    }
}
