//! The sockets of the operating system, through tokio.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::{Listener, Net, Received, Stream, Udp};

/// Connections that the kernel finishes and keeps until we accept them.
const LISTEN_BACKLOG: i32 = 1024;

/// Asked of the kernel for datagrams that wait for us: a burst of a class fits. The kernel may
/// give less.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024; // bytes

/// The network of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kernel;

impl Net for Kernel {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Udp = UdpSocket;

    fn listen(&self, address: SocketAddr, reuse_address: bool) -> io::Result<TcpListener> {
        listen(socket(address, Type::STREAM, Protocol::TCP)?, address, reuse_address)
    }

    fn bind(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        socket.set_nonblocking(true)?;
        // Best effort: a smaller buffer only loses datagrams earlier, and those are repeated.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        // Never SO_REUSEADDR: over UDP a second server would bind too, and take everything.
        socket.bind(&address.into())?;
        UdpSocket::from_std(socket.into())
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(to).await?;
        at_once(&stream);
        Ok(stream)
    }

    fn bind_connected(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = self.bind(any)?;
        SockRef::from(&socket).connect(&to.into())?;
        Ok(socket)
    }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), kind, Some(protocol))
}

/// Makes a listener of a socket, whichever network it is on.
///
/// # Errors
/// If the system does not let it listen there.
pub(crate) fn listen(
    socket: Socket,
    address: SocketAddr,
    reuse_address: bool,
) -> io::Result<TcpListener> {
    // On Windows the option would let a second server steal the port.
    if cfg!(unix) {
        socket.set_reuse_address(reuse_address)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// One message is one write: waiting for more (Nagle) could only delay it. A connection that was reset
/// already says so when it is read.
pub(crate) fn at_once(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = TcpListener::accept(self).await?;
        // The replies to one read leave in one write: nothing to wait for. A connection that is
        // gone already says so here, and again when it is read.
        let _ = stream.set_nodelay(true);
        Ok((stream, from))
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Stream for TcpStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(AsyncRead::poll_read(Pin::new(self), cx, &mut buffer))?;
        Poll::Ready(Ok(match buffer.filled().len() {
            0 => Received::EndOfStream,
            count => Received::Bytes(count),
        }))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(self), cx, bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        SockRef::from(&*self).shutdown(std::net::Shutdown::Write)
    }

    fn reset(self) {
        // Closing with a linger time of zero sends RST instead of FIN. If it cannot be set, the
        // connection is gone already.
        let _ = self.set_zero_linger();
    }
}

impl Udp for UdpSocket {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        let from = ready!(self.poll_recv_from(cx, &mut buffer))?;
        Poll::Ready(Ok((buffer.filled().len(), from)))
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<()>> {
        UdpSocket::poll_send_to(self, cx, bytes, to).map_ok(drop)
    }

    fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<()>> {
        UdpSocket::poll_send(self, cx, bytes).map_ok(drop)
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    /// An ICMP error makes a socket neither readable nor writable: who waits to receive is not
    /// woken by it, and would hear of it only at the next send, a retransmission timeout later.
    async fn refusal(&self) -> io::Error {
        let take = || {
            let error = SockRef::from(self).take_error()?;
            error.ok_or_else(|| io::ErrorKind::WouldBlock.into())
        };
        let taken = self.async_io(Interest::ERROR, take).await;
        taken.unwrap_or_else(|error| error)
    }
}

/// Asks the system for room for so many connections, as far as it allows without rights.
#[cfg(unix)]
pub fn allow_connections(count: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Standard streams, listeners, the runtime's own, and connections that are being turned away.
    const OTHERS: u64 = 256;
    let limit = getrlimit(Resource::Nofile);
    let wanted = count as u64 + OTHERS;
    if limit.current.is_some_and(|current| current < wanted) {
        let current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        // What is refused here is met again as "too many open files", and said then.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    }
}

/// Asks the system for room for so many connections; here it asks for none to be set.
#[cfg(not(unix))]
pub fn allow_connections(_count: usize) {}
