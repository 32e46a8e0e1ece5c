//! Another program on the server's ports, which does not speak the protocol.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Waker};

use socklab::net::sim::{SimNet, SimStream};
use socklab::net::{Listener, Net, Stream, Udp};
use socklab::protocol::datagram::header::{Header, Type};

use crate::story::server;

/// Answers every connection and every datagram with bytes that are no text, until it is aborted.
pub(crate) async fn impostor(net: SimNet) {
    let tcp = net.listen(server(), true).expect("the port is free");
    let udp = net.bind(server()).expect("the port is free");
    let mut connections: Vec<SimStream> = Vec::new();
    loop {
        tokio::select! {
            biased;
            accepted = tcp.accept() => connections.extend(accepted.map(|(mut stream, _)| {
                // A connection that is new takes a few bytes at once.
                let _ = stream.poll_write(&mut Context::from_waker(Waker::noop()), &[0xFF; 4]);
                stream
            })),
            answered = answer_nonsense(&udp) => answered.expect("a socket"),
        }
    }
}

/// Answers one datagram with something that is no text, in a frame if it came in one.
async fn answer_nonsense(udp: &impl Udp) -> io::Result<()> {
    let mut buffer = vec![0; 2_048];
    let (count, from) = poll_fn(|cx| udp.poll_receive(cx, &mut buffer)).await?;
    let mut answer = Vec::new();
    match Header::parse(&buffer[..count]) {
        Ok((header, _)) => Header::new(Type::Reply, 1, header.token, header.message_id)
            .write(&[0xFF; 4], &mut answer),
        Err(_) => answer.extend([0xFE; 4]),
    }
    poll_fn(|cx| udp.poll_send_to(cx, &answer, from)).await
}
