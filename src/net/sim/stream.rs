//! A TCP connection as a program on a simulated host holds it: reading, writing, and the ways to
//! leave it.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use smoltcp::socket::tcp::{RecvError, Socket, State};

use super::connection::{Connection, Owner, RESET};
use super::host::{Host, Id};
use super::{SimNet, net_is_down, ready_if};
use crate::net::{Received, Stream};

/// A TCP connection on a simulated host. When the host dies, it waits for ever, as the program
/// would that died with it.
#[derive(Debug)]
pub struct SimStream {
    net: SimNet,
    id: Id,
}

impl SimStream {
    pub(super) fn new(net: &SimNet, id: Id) -> Self {
        SimStream { net: net.clone(), id }
    }

    /// Connects. Whoever stops waiting drops the stream, and with it the handshake.
    pub(super) async fn connect(net: &SimNet, to: SocketAddr) -> io::Result<Self> {
        let SocketAddr::V4(to) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        let id = net.act(|host, now| Some(host.open(to, now))).unwrap_or_else(net_is_down)?;
        let stream = SimStream::new(net, id);
        poll_fn(|cx| ready_if(net.act(|host, _| host.connected(id, cx.waker())))).await?;
        Ok(stream)
    }
}

impl Stream for SimStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>> {
        ready_if(self.net.act(|host, _| host.read(self.id, buffer, cx.waker())))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready_if(self.net.act(|host, _| host.write(self.id, bytes, cx.waker())))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.net.act(|host, _| Some(host.finish(self.id))).unwrap_or_else(net_is_down)
    }

    fn reset(self) {
        self.net.tell(|host| host.reset(self.id));
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.net.tell(|host| host.close(self.id));
    }
}

impl Host {
    /// Returns a program's connection. There is none when the program was killed.
    fn held(&mut self, id: Id) -> Option<&mut Connection> {
        self.connections.get_mut(id).filter(|known| known.owner == Owner::Program)
    }

    /// Reads. Returns nothing if the program has to wait; then its waker is kept.
    pub(super) fn read(
        &mut self,
        id: Id,
        buffer: &mut [u8],
        waker: &Waker,
    ) -> Option<io::Result<Received>> {
        let connection = self.held(id)?;
        if !connection.unread.is_empty() {
            let count = io::Read::read(&mut connection.unread, buffer).unwrap_or(0);
            return Some(Ok(Received::Bytes(count)));
        }
        match connection.end {
            Some(Ok(())) => return Some(Ok(Received::EndOfStream)),
            Some(Err(kind)) => return Some(Err(kind.into())),
            None => {}
        }
        let place = connection.socket?;
        let socket = self.streams.get(place);
        match socket.recv_slice(buffer) {
            Ok(0) => {
                socket.register_recv_waker(waker);
                None
            }
            Ok(count) => {
                // There is room again, which may be worth telling.
                self.connections.touch(place, id);
                Some(Ok(Received::Bytes(count)))
            }
            Err(RecvError::Finished) => Some(Ok(Received::EndOfStream)),
            Err(RecvError::InvalidState) => Some(Err(RESET.into())),
        }
    }

    /// Writes. Returns nothing if the program has to wait; then its waker is kept.
    pub(super) fn write(
        &mut self,
        id: Id,
        bytes: &[u8],
        waker: &Waker,
    ) -> Option<io::Result<usize>> {
        let connection = self.held(id)?;
        if let Some(end) = connection.end {
            return Some(Err(end.err().unwrap_or(io::ErrorKind::BrokenPipe).into()));
        }
        let place = connection.socket?;
        let socket = self.streams.get(place);
        match socket.send_slice(bytes) {
            Ok(0) if !bytes.is_empty() => {
                socket.register_send_waker(waker);
                None
            }
            Ok(count) => {
                self.connections.touch(place, id);
                Some(Ok(count))
            }
            Err(_) => Some(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Waits for the end of the handshake.
    pub(super) fn connected(&mut self, id: Id, waker: &Waker) -> Option<io::Result<()>> {
        let connection = self.held(id)?;
        if let Some(Err(kind)) = connection.end {
            return Some(Err(kind.into()));
        }
        let place = connection.socket?;
        let socket = self.streams.get(place);
        if matches!(socket.state(), State::SynSent | State::SynReceived) {
            socket.register_send_waker(waker);
            return None;
        }
        Some(Ok(()))
    }

    /// Sends a FIN after what was written.
    pub(super) fn finish(&mut self, id: Id) -> io::Result<()> {
        let connection = self.held(id).filter(|known| known.end.is_none());
        let place = connection.and_then(|known| known.socket);
        let place = place.ok_or(io::ErrorKind::NotConnected)?;
        self.streams.get(place).close();
        self.connections.touch(place, id);
        Ok(())
    }

    /// Takes a connection from its program: FIN, or RST where data is unread (RFC 9293 section
    /// 3.6.1; the review before the next packet sees to that), or nothing where nothing was agreed.
    pub(super) fn close(&mut self, id: Id) {
        self.leave(id, Socket::close);
    }

    /// Takes a connection from its program, with a RST.
    pub(super) fn reset(&mut self, id: Id) {
        self.leave(id, Socket::abort);
    }

    fn leave(&mut self, id: Id, how: impl FnOnce(&mut Socket<'static>)) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.owner != Owner::Program {
            return;
        }
        connection.owner = Owner::Nobody;
        let Some(place) = connection.socket else {
            self.connections.remove(id);
            return;
        };
        self.connections.touch(place, id);
        let socket = self.streams.get(place);
        match socket.state() {
            // smoltcp would send a RST; an operating system sends nothing.
            State::SynSent => {
                self.streams.remove(place);
                self.connections.remove(id);
            }
            // Both directions have ended: there is nothing left to say.
            State::TimeWait | State::Closed => {}
            _ => how(socket),
        }
    }
}
