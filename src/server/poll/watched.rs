//! A socket that the system watches for us. It reports changes only ("edge-triggered"), once: what it
//! has said must be remembered until a call finds that it is no longer so.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};

use mio::event::{Event, Source};
use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};

use crate::net::Received;
use crate::server::carry::{Connection, DatagramSocket, is_not_now};

/// A socket and what is known of it.
pub(super) struct Watched<T> {
    pub(super) socket: T,
    readable: bool,
    writable: bool,
    /// The peer's FIN is in sight: no change will be reported after it.
    ends: bool,
    /// It stands in the line of those who are to have a turn.
    in_line: bool,
}

impl<T: Source> Watched<T> {
    /// Has the system watch a socket. It may be written to until it says otherwise.
    pub(super) fn new(mut socket: T, token: Token, registry: &Registry) -> io::Result<Self> {
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Watched { socket, readable: false, writable: true, ends: false, in_line: false })
    }

    /// Takes note of a change, and stands in line for a turn. An error is met by the next call.
    pub(super) fn changed(&mut self, event: &Event, line: &mut VecDeque<Token>) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
        self.ends |= event.is_read_closed();
        self.stand_in_line(event.token(), line);
    }

    /// Stands in line for a turn, once.
    pub(super) fn stand_in_line(&mut self, token: Token, line: &mut VecDeque<Token>) {
        if !self.in_line {
            self.in_line = true;
            line.push_back(token);
        }
    }

    /// Takes note that the turn has come.
    pub(super) fn leave_line(&mut self) {
        self.in_line = false;
    }

    /// Reads, if there may be something. `emptied` says of what was read that it was the last.
    fn reading<R>(
        &mut self,
        read: impl FnOnce(&mut T) -> io::Result<R>,
        emptied: impl FnOnce(&R) -> bool,
    ) -> io::Result<R> {
        if !self.readable {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = read(&mut self.socket);
        self.readable = match &result {
            Ok(what) => self.ends || !emptied(what),
            Err(error) => !is_not_now(error),
        };
        result
    }

    /// Writes, if there may be room.
    fn writing<R>(&mut self, write: impl FnOnce(&mut T) -> io::Result<R>) -> io::Result<R> {
        if !self.writable {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = write(&mut self.socket);
        self.writable = !result.as_ref().is_err_and(is_not_now);
        result
    }
}

impl Connection for Watched<TcpStream> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let room = buffer.len();
        // What left room in the buffer has emptied the socket (epoll(7)): no second call to hear so.
        let count = self.reading(|stream| stream.read(buffer), |count| *count < room)?;
        Ok(if count == 0 { Received::EndOfStream } else { Received::Bytes(count) })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writing(|stream| stream.write(bytes))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

impl DatagramSocket for Watched<UdpSocket> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.reading(|socket| socket.recv_from(buffer), |_| false)
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        self.writing(|socket| socket.send_to(bytes, to)).map(drop)
    }
}
