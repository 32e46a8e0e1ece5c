//! Datagrams and streams made by hand, as the protocol's description draws them.
//!
//! Nothing here uses the product's own codec: what both get wrong would go unnoticed.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use super::LIMIT;

pub(crate) const REQUEST: u8 = 0;
pub(crate) const REPLY: u8 = 1;
pub(crate) const ACK: u8 = 2;
pub(crate) const BUSY: u8 = 3;
pub(crate) const CHALLENGE: u8 = 4;
pub(crate) const BYE: u8 = 5;
pub(crate) const PING: u8 = 8;
pub(crate) const PONG: u8 = 9;
pub(crate) const STALE: u8 = 10;

/// A framed datagram. Its fields stand as they are on the wire, so that a test can lie in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) magic: u8,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) attempt: u8,
    pub(crate) bye: u8,
    pub(crate) length: u16,
    pub(crate) token: u32,
    pub(crate) id: u32,
    pub(crate) cookie: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Datagram {
    pub(crate) fn new(kind: u8, token: u32, id: u32, payload: &str) -> Self {
        Datagram {
            magic: 0xF9,
            kind,
            flags: 0,
            attempt: 1,
            bye: 0,
            length: u16::try_from(payload.len()).expect("short"),
            token,
            id,
            cookie: Vec::new(),
            payload: payload.as_bytes().to_vec(),
        }
    }

    pub(crate) fn request(token: u32, id: u32, text: &str) -> Self {
        Self::new(REQUEST, token, id, text)
    }

    /// The answer of this kind to a request.
    pub(crate) fn answer(&self, kind: u8, payload: &str) -> Self {
        Datagram { attempt: self.attempt, ..Self::new(kind, self.token, self.id, payload) }
    }

    pub(crate) fn with_cookie(self, cookie: &[u8]) -> Self {
        Datagram { flags: self.flags | 0x8, cookie: cookie.to_vec(), ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.magic, self.kind << 4 | self.flags, self.attempt, self.bye];
        bytes.extend(self.length.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.token.to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(&self.cookie);
        bytes.extend(&self.payload);
        bytes
    }

    #[track_caller]
    pub(crate) fn read(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 16 && bytes[0] == 0xF9, "framed: {bytes:?}");
        let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let cookie = if bytes[1] & 0x8 == 0 { 0 } else { 8 };
        Datagram {
            magic: bytes[0],
            kind: bytes[1] >> 4,
            flags: bytes[1] & 0xF,
            attempt: bytes[2],
            bye: bytes[3],
            length: u16::from_be_bytes([bytes[4], bytes[5]]),
            token: word(8),
            id: word(12),
            cookie: bytes[16..16 + cookie].to_vec(),
            payload: bytes[16 + cookie..].to_vec(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("text")
    }
}

/// A UDP socket on a free port of 127.0.0.1 that waits for [`LIMIT`] at most.
pub(crate) fn udp_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    socket
}

/// A UDP socket that speaks with one peer only.
pub(crate) fn udp_to(server: SocketAddr) -> UdpSocket {
    let socket = udp_socket();
    socket.connect(server).expect("an address");
    socket
}

/// Receives one datagram, and from where.
#[track_caller]
pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 65_536];
    let (count, from) = socket.recv_from(&mut buffer).expect("a datagram in time");
    (buffer[..count].to_vec(), from)
}

/// Receives one framed datagram, and from where.
#[track_caller]
pub(crate) fn receive_framed(socket: &UdpSocket) -> (Datagram, SocketAddr) {
    let (bytes, from) = receive(socket);
    (Datagram::read(&bytes), from)
}

/// Sends and receives one datagram each.
#[track_caller]
pub(crate) fn exchange(socket: &UdpSocket, request: &[u8]) -> Vec<u8> {
    socket.send(request).expect("sent");
    receive(socket).0
}

/// Waits until the server has read everything that was sent before, and returns what it sent.
///
/// Its answer to a PING stands behind its answers to what came before the PING.
#[track_caller]
pub(crate) fn catch_up(socket: &UdpSocket, mark: u32) -> Vec<Vec<u8>> {
    let ping = Datagram::new(PING, 0xCAFE, mark, "");
    socket.send(&ping.bytes()).expect("sent");
    let pong = ping.answer(PONG, "").bytes();
    let mut came = Vec::new();
    loop {
        let (bytes, _) = receive(socket);
        if bytes == pong {
            return came;
        }
        came.push(bytes);
    }
}

/// A TCP connection that waits for [`LIMIT`] at most.
pub(crate) fn connect(server: SocketAddr) -> TcpStream {
    limited(TcpStream::connect(server).expect("a connection"))
}

fn limited(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream.set_write_timeout(Some(LIMIT)).expect("a limit");
    stream
}

/// Everything that still comes, and whether it ended with a FIN, not with a RST.
#[track_caller]
pub(crate) fn read_to_end(mut stream: &TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let finished = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break false,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    };
    (String::from_utf8(bytes).expect("text"), finished)
}

/// Sends everything, says that nothing more will come, and returns everything that comes back.
#[track_caller]
pub(crate) fn conversation(server: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(server);
    // A server that has heard enough resets what it does not want to hear.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    read_to_end(&stream).0
}

/// A TCP listener on a free port of 127.0.0.1, and its address.
pub(crate) fn tcp_listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Accepts a connection, if one comes in time.
#[track_caller]
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let limit = Timespec { tv_sec: LIMIT.as_secs() as i64, tv_nsec: 0 };
    let mut waiting = [PollFd::new(listener, PollFlags::IN)];
    let ready = poll(&mut waiting, Some(&limit)).expect("a poll");
    assert!(ready > 0, "nobody connects");
    limited(listener.accept().expect("a connection").0)
}

/// Reads up to and including the first line end.
#[track_caller]
pub(crate) fn read_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && stream.read(&mut byte).expect("a line in time") > 0 {
        line.push(byte[0]);
    }
    String::from_utf8(line).expect("text")
}

/// Ends a connection with a RST.
pub(crate) fn reset(stream: TcpStream) {
    let linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    linger.expect("an open socket");
}
