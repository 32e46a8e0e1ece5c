//! Bare servers to measure ours against: the same application work and nothing more.
//!
//! Each finds the message, its `;`, its integer, checks 1 to 100 and replies. None has message
//! ids, a duplicate cache, timers, limits or a transcript: what ours adds on top is the ratio.
//! They are this program started with `--reference KIND`, and end when they are killed. The bare
//! copy of a file is in `bare_copy`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::resume_unwind;
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use socket2::SockRef;

use crate::bare_copy::{self, RECEIVER, SENDER};
use crate::load::REPLY;

/// First argument of a process that is a reference.
pub(crate) const REFERENCE: &str = "--reference";
/// The kinds of reference.
pub(crate) const EPOLL: &str = "epoll";
pub(crate) const THREADS: &str = "threads";
pub(crate) const DATAGRAM: &str = "datagram";
pub(crate) const DATAGRAM_EPOLL: &str = "datagram-epoll";
pub(crate) const TOKIO: &str = "tokio";

/// As much as ours asks for; the kernel may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// One read takes all that the deepest pipelining of the benchmark has outstanding.
const SCRATCH: usize = 16 << 10;

/// Serves until it is killed.
pub(crate) fn serve(kind: &[String]) -> io::Result<bool> {
    match kind.first().map(String::as_str) {
        Some(EPOLL) => serve_epoll()?,
        Some(THREADS) => serve_threads(kind.get(1).is_some_and(|transport| transport == "udp"))?,
        Some(DATAGRAM) => serve_datagrams()?,
        Some(DATAGRAM_EPOLL) => serve_datagrams_by_epoll()?,
        Some(TOKIO) => serve_tokio()?,
        Some(SENDER) => bare_copy::send(&kind[1..])?,
        Some(RECEIVER) => bare_copy::receive(&kind[1..])?,
        _ => return Err(io::Error::other("no such reference")),
    }
    Ok(true)
}

/// Whether the message is `NAME;INTEGER` with an integer from 1 to 100.
fn accepts(message: &[u8]) -> bool {
    let Some(semicolon) = message.iter().position(|&byte| byte == b';') else {
        return false;
    };
    let number = str::from_utf8(&message[semicolon + 1..]).ok();
    number
        .and_then(|text| text.trim().parse::<i64>().ok())
        .is_some_and(|it| (1..=100).contains(&it))
}

/// Appends a reply for every whole line of `input`, and says how many bytes those lines took.
fn answer_lines(input: &[u8], replies: &mut Vec<u8>) -> io::Result<usize> {
    let mut taken = 0;
    while let Some(length) = input[taken..].iter().position(|&byte| byte == b'\n') {
        if !accepts(&input[taken..taken + length]) {
            return Err(ErrorKind::InvalidData.into());
        }
        replies.extend_from_slice(REPLY);
        replies.push(b'\n');
        taken += length + 1;
    }
    Ok(taken)
}

/// A connection with the half line that its last read ended in.
struct Connection<S> {
    stream: S,
    half_line: Vec<u8>,
}

impl<S> Connection<S> {
    /// Takes what one read returned; the replies to it leave in one write.
    fn receive(&mut self, input: &[u8], replies: &mut Vec<u8>) -> io::Result<()> {
        replies.clear();
        if self.half_line.is_empty() {
            let taken = answer_lines(input, replies)?;
            self.half_line.extend_from_slice(&input[taken..]);
        } else {
            self.half_line.extend_from_slice(input);
            let taken = answer_lines(&self.half_line, replies)?;
            self.half_line.drain(..taken);
        }
        Ok(())
    }
}

/// One thread, level-triggered epoll, one read and one write for each readiness.
fn serve_epoll() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let listening = listener.as_raw_fd() as u64;
    watch(&epoll, &listener)?;
    println!("Server is ready to receive on tcp {}", listener.local_addr()?);
    // The descriptor is the index: the kernel keeps them small and unique.
    let mut connections: Vec<Option<Connection<TcpStream>>> = Vec::new();
    let mut events = Vec::with_capacity(256);
    let (mut scratch, mut replies) = (vec![0; SCRATCH], Vec::new());
    loop {
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let index = event.data.u64();
            if index == listening {
                accept_all(&listener, &epoll, &mut connections)?;
                continue;
            }
            let slot = &mut connections[index as usize];
            let Some(connection) = slot else { continue };
            if !exchange(connection, &mut scratch, &mut replies) {
                *slot = None;
            }
        }
    }
}

fn watch(epoll: &OwnedFd, socket: &(impl AsRawFd + std::os::fd::AsFd)) -> io::Result<()> {
    let data = epoll::EventData::new_u64(socket.as_raw_fd() as u64);
    Ok(epoll::add(epoll, socket, data, epoll::EventFlags::IN)?)
}

fn accept_all(
    listener: &TcpListener,
    epoll: &OwnedFd,
    connections: &mut Vec<Option<Connection<TcpStream>>>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        watch(epoll, &stream)?;
        let index = stream.as_raw_fd() as usize;
        if connections.len() <= index {
            connections.resize_with(index + 1, || None);
        }
        connections[index] = Some(Connection { stream, half_line: Vec::new() });
    }
}

/// One read and one write; false when the connection is over.
fn exchange(
    connection: &mut Connection<TcpStream>,
    scratch: &mut [u8],
    replies: &mut Vec<u8>,
) -> bool {
    let length = match connection.stream.read(scratch) {
        Ok(0) => return false,
        Ok(length) => length,
        Err(error) => return error.kind() == ErrorKind::WouldBlock,
    };
    let answered = connection.receive(&scratch[..length], replies);
    // A full send buffer ends the connection here: the benchmark's batches never fill one.
    answered.and_then(|()| connection.stream.write_all(replies)).is_ok()
}

/// A thread for each connection, or one for the UDP socket; one blocking read and one write in turn.
fn serve_threads(datagrams: bool) -> io::Result<()> {
    if datagrams {
        let thread = thread::Builder::new().spawn(serve_datagrams)?;
        return thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("Server is ready to receive on tcp {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::Builder::new().spawn(move || {
            let mut connection = Connection { stream, half_line: Vec::new() };
            let (mut scratch, mut replies) = (vec![0; SCRATCH], Vec::new());
            while exchange(&mut connection, &mut scratch, &mut replies) {}
        })?;
    }
}

fn datagram_socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // Best effort: with the usual 208 KiB all but a thousand clients at once fit as well.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    println!("Server is ready to receive on udp {}", socket.local_addr()?);
    Ok(socket)
}

/// One receive and one send.
fn exchange_datagrams(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<()> {
    let (length, peer) = socket.recv_from(buffer)?;
    if accepts(&buffer[..length]) {
        socket.send_to(REPLY, peer)?;
    }
    Ok(())
}

/// One thread, one blocking receive and one send for each datagram.
fn serve_datagrams() -> io::Result<()> {
    let socket = datagram_socket()?;
    let mut buffer = [0; 2048];
    loop {
        exchange_datagrams(&socket, &mut buffer)?;
    }
}

/// One thread, level-triggered epoll; for each readiness all that waits is answered.
fn serve_datagrams_by_epoll() -> io::Result<()> {
    let socket = datagram_socket()?;
    socket.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(&epoll, &socket)?;
    let mut events = Vec::with_capacity(1);
    let mut buffer = [0; 2048];
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        loop {
            match exchange_datagrams(&socket, &mut buffer) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
}

/// tokio on one thread, a task for each connection that holds no buffer while it is idle.
fn serve_tokio() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("Server is ready to receive on tcp {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve_task(Connection { stream, half_line: Vec::new() }));
        }
    })
}

async fn serve_task(mut connection: Connection<tokio::net::TcpStream>) {
    while connection.stream.readable().await.is_ok() {
        if !exchange_if_ready(&mut connection) {
            return;
        }
    }
}

/// Not `async`, so that the buffers are no part of the idle task.
fn exchange_if_ready(connection: &mut Connection<tokio::net::TcpStream>) -> bool {
    let mut scratch = [0; SCRATCH];
    let length = match connection.stream.try_read(&mut scratch) {
        Ok(0) => return false,
        Ok(length) => length,
        Err(error) => return error.kind() == ErrorKind::WouldBlock,
    };
    let mut replies = Vec::new();
    let answered = connection.receive(&scratch[..length], &mut replies);
    answered.is_ok() && connection.stream.try_write(&replies).is_ok_and(|it| it == replies.len())
}
