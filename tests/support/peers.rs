//! Who else may be at the other end: servers for one exchange, ports where nobody listens or
//! answers, and a guest who behaves well.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;

use socket2::{Domain, Socket, Type};

use super::wire::{
    Datagram, REPLY, accept, connect, exchange, read_line, receive_framed, tcp_listener,
    udp_socket, udp_to,
};

/// A server over TCP for one exchange: `answer` gets the connection, with the request line read.
pub(crate) fn stream_server(answer: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let (listener, address) = tcp_listener();
    thread::spawn(move || {
        let mut stream = accept(&listener);
        read_line(&mut stream);
        answer(stream);
    });
    address
}

/// A server over UDP: `answer` gets the socket, the first request, and who sent it.
pub(crate) fn datagram_server(
    answer: impl FnOnce(UdpSocket, Datagram, SocketAddr) + Send + 'static,
) -> SocketAddr {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let (request, from) = receive_framed(&socket);
        answer(socket, request, from);
    });
    address
}

/// A port at which nobody listens. It is taken nevertheless, so that nobody begins to.
pub(crate) struct Nobody {
    pub(crate) address: SocketAddr,
    _holder: Socket,
}

impl Nobody {
    pub(crate) fn over(transport: &str) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let kind = if transport == "tcp" { Type::STREAM } else { Type::DGRAM };
        let holder = Socket::new(Domain::IPV4, kind, None).expect("a socket");
        holder.bind(&any.into()).expect("a port");
        let address = holder.local_addr().ok().and_then(|it| it.as_socket());
        let address = address.expect("an address");
        if transport == "udp" {
            // A socket that is connected, here to itself, hears no one else.
            holder.connect(&address.into()).expect("connected");
        }
        // TCP: bound, but it does not listen.
        Nobody { address, _holder: holder }
    }
}

/// A listener that is deaf to handshakes: the kernel keeps one connection more than its backlog of
/// 0, and drops what comes then. (So does Linux; others may answer.)
pub(crate) struct Deaf {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _waiting: TcpStream,
}

impl Deaf {
    pub(crate) fn listener() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).expect("a port");
        listener.listen(0).expect("listening");
        let address = listener.local_addr().ok().and_then(|it| it.as_socket());
        let address = address.expect("an address");
        let waiting = TcpStream::connect(address).expect("a connection");
        Deaf { address, _listener: listener, _waiting: waiting }
    }
}

/// Somebody who behaves well and stays: whatever others do must not be noticed here.
pub(crate) struct Guest {
    stream: BufReader<TcpStream>,
    socket: UdpSocket,
    asked: u32,
}

impl Guest {
    pub(crate) fn at(server: SocketAddr) -> Self {
        Guest { stream: BufReader::new(connect(server)), socket: udp_to(server), asked: 0 }
    }

    /// Asks over the connection that it has had all the time, and over UDP.
    #[track_caller]
    pub(crate) fn is_served(&mut self) {
        self.asked += 1;
        self.stream.get_mut().write_all(b"Guest;7\n").expect("connected");
        let mut reply = String::new();
        self.stream.read_line(&mut reply).expect("a reply in time");
        assert!(reply.starts_with("Server of socklab;"), "{reply:?}");
        let request = Datagram::request(0x6E57, self.asked, "Guest;7");
        let reply = Datagram::read(&exchange(&self.socket, &request.bytes()));
        assert_eq!((reply.kind, reply.id), (REPLY, self.asked));
        assert!(reply.text().starts_with("Server of socklab;"), "{reply:?}");
    }
}
