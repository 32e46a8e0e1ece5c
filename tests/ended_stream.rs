//! A connection whose end was read already: nobody reads it again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, Conversation};
use socklab::net::{Listener, Net, Received, Stream};
use socklab::peer::Transport;
use socklab::protocol::{Closing, RequesterEvent};
use socklab::time::Clock;
use tokio::net::UdpSocket;

/// A network on which every connection has been closed by the other side; counts the reads.
#[derive(Clone, Default)]
struct Closed(Arc<AtomicUsize>);

impl Net for Closed {
    type Stream = Closed;
    type Listener = Closed;
    type Udp = UdpSocket;

    fn listen(&self, _: SocketAddr, _: bool) -> io::Result<Closed> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn bind(&self, _: SocketAddr) -> io::Result<UdpSocket> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Closed> {
        Ok(self.clone())
    }

    fn bind_connected(&self, _: SocketAddr) -> io::Result<UdpSocket> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Listener for Closed {
    type Stream = Closed;

    async fn accept(&self) -> io::Result<(Closed, SocketAddr)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Stream for Closed {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<Received>> {
        let reads = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(reads < 100, "it reads for ever");
        Poll::Ready(Ok(Received::EndOfStream))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reset(self) {}
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_listening_after_the_end_waits() {
    let net = Closed::default();
    let config = ClientConfig::new(Transport::Tcp);
    let server = "192.0.2.1:12000".parse().expect("an address");
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut conversation = Conversation::open(&net, server, &config, Clock::start(), &mut random)
        .await
        .expect("a connection");
    let event = conversation.next_event().await.expect("no local error");
    assert_eq!(event, RequesterEvent::Left(Closing::EndOfStream));
    let more = tokio::time::timeout(Duration::from_secs(60), conversation.next_event()).await;
    assert!(more.is_err(), "{more:?}");
    assert_eq!(net.0.load(Ordering::Relaxed), 1);
}
