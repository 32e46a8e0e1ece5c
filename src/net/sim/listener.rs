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

use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::connection::{Connection, Owner, new_socket};
use super::host::{Host, Id, Port};
use super::stack::Place;
use super::stream::SimStream;
use super::{SimNet, net_is_down};
use crate::net::Listener;
use crate::packet::Segment;
use crate::time::Timestamp;

/// A listener, as its host sees it.
pub(super) struct Backlog {
    id: Id,
    /// The socket that takes the next SYN.
    pub(super) spare: Option<Place>,
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
        if self.listeners.contains_key(&port) || !reuse_address && self.connections.occupy(port) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.new_id();
        let (begun, ready) = (BTreeSet::new(), VecDeque::new());
        let backlog = Backlog { id, spare: None, begun, ready, wakers: Vec::new() };
        self.listeners.insert(port, backlog);
        self.keep_spare(port);
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
        self.keep_spare(port);
        let known = self.connections.get_mut(connection)?;
        known.owner = Owner::Program;
        Some((connection, known.peer))
    }

    /// Closes a listener: half-made connections vanish, waiting ones are reset, as Linux does.
    pub(super) fn stop_listening(&mut self, port: u16) {
        let Some(backlog) = self.listeners.remove(&port) else { return };
        if let Some(spare) = backlog.spare {
            self.streams.remove(spare);
        }
        for id in backlog.begun {
            if let Some(place) = self.connections.remove(id).and_then(|known| known.socket) {
                self.streams.remove(place);
            }
        }
        for id in backlog.ready {
            if let Some(known) = self.connections.get_mut(id) {
                known.owner = Owner::Program;
            }
            self.reset(id);
        }
    }

    /// Makes a connection of the spare socket, if a SYN has come to it.
    pub(super) fn begin_handshake(&mut self, port: u16, now: Timestamp) {
        let Some(backlog) = self.listeners.get_mut(&port) else { return };
        let Some(place) = backlog.spare else { return };
        let Some(peer) = peer(self.streams.get(place)) else { return };
        backlog.spare = None;
        self.last_id += 1;
        backlog.begun.insert(self.last_id);
        let connection = Connection::new(place, port, peer, Owner::Listener, now);
        self.connections.insert(self.last_id, connection);
        self.keep_spare(port);
    }

    /// Follows what a handshake went through, if this connection is in one that a listener waits for.
    pub(super) fn review_handshake(&mut self, id: Id) {
        let known = self.connections.get_mut(id).filter(|known| known.owner == Owner::Listener);
        let Some(&mut Connection { port, socket, .. }) = known else { return };
        let state = socket.map(|place| self.streams.get(place).state());
        let Some(backlog) = self.listeners.get_mut(&port) else { return };
        if state == Some(State::SynReceived) || !backlog.begun.remove(&id) {
            return;
        }
        if matches!(state, None | Some(State::Listen)) {
            // A RST ended the handshake, or it took too long.
            if let Some(place) = socket {
                self.streams.forget(place);
            }
            self.connections.remove(id);
            self.keep_spare(port);
        } else {
            backlog.ready.push_back(id);
            backlog.wakers.drain(..).for_each(Waker::wake);
        }
    }

    /// Lets the spare socket line up anew, when a SYN has come for a connection that exists. Sockets
    /// take turns by place, so this is part of every seed's meaning: never change it.
    pub(super) fn line_up_spare(&mut self, port: u16) {
        let spare = self.listeners.get_mut(&port).and_then(|backlog| backlog.spare.as_mut());
        if let Some(spare) = spare {
            *spare = self.streams.line_up(*spare);
        }
    }

    /// Keeps a spare socket listening, as long as the backlog has room for a connection.
    fn keep_spare(&mut self, port: u16) {
        let Some(backlog) = self.listeners.get_mut(&port) else { return };
        if backlog.spare.is_some() || backlog.begun.len() + backlog.ready.len() >= self.backlog {
            return;
        }
        let mut socket = new_socket();
        // It is new and the port is not 0: nothing can be wrong.
        if socket.listen(port).is_ok() {
            backlog.spare = Some(self.streams.add(socket));
        }
    }
}

/// Returns whether this is a SYN that begins a connection.
pub(super) fn opens(segment: &Segment<'_>) -> bool {
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
