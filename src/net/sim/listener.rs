//! Listening: connections that the stack finishes and keeps until a program accepts them.
//!
//! smoltcp has no backlog: a listening socket becomes the connection, and the next SYN would be
//! refused. So behind each listener one spare socket listens, until as many connections wait as the
//! backlog holds. A SYN beyond is dropped, as Linux does: the client repeats it.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::task::Waker;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::connection::{Connection, Owner, forget, new_socket};
use super::host::{Host, Id, Port};
use super::stream::SimStream;
use super::{SimNet, net_is_down};
use crate::net::Listener;
use crate::packet::Segment;
use crate::time::Timestamp;

/// A listener, as its host sees it.
pub(super) struct Backlog {
    id: Id,
    /// The socket that takes the next SYN.
    spare: Option<SocketHandle>,
    /// Handshakes that have begun.
    begun: BTreeSet<Id>,
    /// Connections that wait to be accepted.
    ready: VecDeque<Id>,
    wakers: Vec<Waker>,
}

impl Host {
    /// Opens a listener. Returns its name and where it listens.
    pub(super) fn listen(
        &mut self,
        address: SocketAddr,
        reuse_address: bool,
    ) -> io::Result<(Id, SocketAddr)> {
        let at = self.check_local(address)?;
        let port = match address.port() {
            0 => self.free_port(Port::Tcp)?,
            port => port,
        };
        // Without the option even a connection in TIME-WAIT keeps a server from its port.
        if self.listeners.contains_key(&port) || !reuse_address && self.has_connection_at(port) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.new_id();
        let (begun, ready) = (BTreeSet::new(), VecDeque::new());
        let backlog = Backlog { id, spare: None, begun, ready, wakers: Vec::new() };
        self.listeners.insert(port, backlog);
        Ok((id, SocketAddrV4::new(at, port).into()))
    }

    /// Returns a connection that waits, if any does; if not, the waker is kept.
    pub(super) fn accept(
        &mut self,
        id: Id,
        port: u16,
        waker: &Waker,
    ) -> Option<(Id, SocketAddrV4)> {
        let backlog = self.listeners.get_mut(&port).filter(|backlog| backlog.id == id)?;
        let Some(connection) = backlog.ready.pop_front() else {
            keep_waker(&mut backlog.wakers, waker);
            return None;
        };
        let known = self.connections.get_mut(&connection)?;
        known.owner = Owner::Program;
        Some((connection, known.peer))
    }

    /// Closes a listener: half-made connections vanish, waiting ones are reset, as Linux does.
    pub(super) fn stop_listening(&mut self, port: u16) {
        let Some(backlog) = self.listeners.remove(&port) else { return };
        if let Some(spare) = backlog.spare {
            self.sockets.remove(spare);
        }
        for id in backlog.begun {
            let handle = self.connections.remove(&id).and_then(|known| known.socket);
            handle.map(|handle| self.sockets.remove(handle));
        }
        for id in backlog.ready {
            if let Some(known) = self.connections.get_mut(&id) {
                known.owner = Owner::Program;
            }
            self.reset(id);
        }
    }

    /// Returns whether this is a SYN that no listener has room for.
    pub(super) fn is_beyond_backlog(&self, segment: &Segment<'_>) -> bool {
        let backlog = self.listeners.get(&segment.to.port());
        opens(segment)
            && backlog.is_some_and(|backlog| backlog.spare.is_none())
            && !self.knows(segment)
    }

    /// Keeps a SYN of a connection that exists from the spare socket. smoltcp gives it to whichever
    /// comes first, and a copy of a SYN would open a second connection between the same ports.
    pub(super) fn guard_known(&mut self, segment: &Segment<'_>) {
        if opens(segment) && self.knows(segment) {
            let backlog = self.listeners.get_mut(&segment.to.port());
            if let Some(spare) = backlog.and_then(|backlog| backlog.spare.take()) {
                self.sockets.remove(spare);
            }
        }
    }

    fn knows(&self, segment: &Segment<'_>) -> bool {
        self.connections.values().any(|known| known.is_of(segment))
    }

    /// Follows what the handshakes went through, and keeps a spare socket listening.
    pub(super) fn review_backlogs(&mut self, now: Timestamp) {
        for (&port, backlog) in &mut self.listeners {
            let last_id = &mut self.last_id;
            if let Some(handle) = backlog.spare
                && let Some(peer) = peer(self.sockets.get::<Socket<'_>>(handle))
            {
                backlog.spare = None;
                *last_id += 1;
                backlog.begun.insert(*last_id);
                let connection = Connection::new(handle, port, peer, Owner::Listener, now);
                self.connections.insert(*last_id, connection);
            }
            for id in backlog.begun.clone() {
                let handle = self.connections.get(&id).and_then(|known| known.socket);
                let state = handle.map(|handle| self.sockets.get::<Socket<'_>>(handle).state());
                match state {
                    Some(State::SynReceived) => continue,
                    // A RST ended the handshake, or it took too long.
                    Some(State::Listen) | None => {
                        handle.into_iter().for_each(|handle| forget(&mut self.sockets, handle));
                        self.connections.remove(&id);
                    }
                    Some(_) => {
                        backlog.ready.push_back(id);
                        backlog.wakers.drain(..).for_each(Waker::wake);
                    }
                }
                backlog.begun.remove(&id);
            }
            if backlog.spare.is_none() && backlog.begun.len() + backlog.ready.len() < self.backlog {
                let mut socket = new_socket();
                // It is new and the port is not 0: nothing can be wrong.
                if socket.listen(port).is_ok() {
                    backlog.spare = Some(self.sockets.add(socket));
                }
            }
        }
    }
}

fn opens(segment: &Segment<'_>) -> bool {
    segment.syn && segment.acknowledgement.is_none()
}

/// Returns the other end of a socket that listened, once a SYN has come.
fn peer(socket: &Socket<'_>) -> Option<SocketAddrV4> {
    let IpEndpoint { addr: IpAddress::Ipv4(address), port } = socket.remote_endpoint()?;
    Some(SocketAddrV4::new(address, port))
}

/// Keeps a waker beside those of other tasks.
pub(super) fn keep_waker(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|kept| kept.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

/// A TCP socket that accepts connections on a simulated host.
#[derive(Debug)]
pub struct SimListener {
    net: SimNet,
    id: Id,
    address: SocketAddr,
}

impl SimListener {
    pub(super) fn open(
        net: &SimNet,
        address: SocketAddr,
        reuse_address: bool,
    ) -> io::Result<SimListener> {
        let opened = net.act(|host, _| Some(host.listen(address, reuse_address)));
        let (id, address) = opened.unwrap_or_else(net_is_down)?;
        Ok(SimListener { net: net.clone(), id, address })
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&self) -> io::Result<(SimStream, SocketAddr)> {
        let port = self.address.port();
        let accept = |waker: &Waker| self.net.act(|host, _| host.accept(self.id, port, waker));
        let (id, peer) = poll_fn(|cx| super::ready_if(accept(cx.waker()))).await;
        Ok((SimStream::new(&self.net, id), peer.into()))
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.net.act(|host, _| {
            let port = self.address.port();
            let ours = host.listeners.get(&port).is_some_and(|backlog| backlog.id == self.id);
            ours.then(|| host.stop_listening(port))
        });
    }
}
