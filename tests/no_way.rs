//! A network that is gone while the client asks: every datagram fails to leave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::client::{ClientConfig, ask_once};
use socklab::net::{Net, Udp};
use socklab::peer::Transport;
use socklab::protocol::Ending;
use socklab::protocol::Question;
use socklab::time::Clock;
use tokio::net::{TcpListener, TcpStream};

/// A network without a way to anywhere; counts what was tried.
#[derive(Clone, Default)]
struct NoWay(Arc<AtomicUsize>);

impl Net for NoWay {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Udp = NoWay;

    fn listen(&self, _: SocketAddr, _: bool) -> io::Result<TcpListener> {
        Err(io::ErrorKind::NetworkUnreachable.into())
    }

    fn bind(&self, _: SocketAddr) -> io::Result<NoWay> {
        Ok(self.clone())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<TcpStream> {
        Err(io::ErrorKind::NetworkUnreachable.into())
    }

    fn bind_connected(&self, _: SocketAddr) -> io::Result<NoWay> {
        Ok(self.clone())
    }
}

impl Udp for NoWay {
    fn poll_receive(
        &self,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        Poll::Pending
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        _: SocketAddr,
    ) -> Poll<io::Result<()>> {
        self.poll_send(cx, bytes)
    }

    fn poll_send(&self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<()>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Err(io::ErrorKind::NetworkUnreachable.into()))
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::AddrNotAvailable.into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_network_is_gone_keeps_its_deadline_and_does_not_spin() {
    let net = NoWay::default();
    let config = ClientConfig {
        timeout: Some(Duration::from_secs(10)),
        ..ClientConfig::new(Transport::Udp)
    };
    let server = "192.0.2.1:12000".parse().expect("an address");
    let question = Question::line("A;25");
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let clock = Clock::start();
    let outcome = ask_once(&net, &[server], &config, question, clock, &mut random, &mut |_| {})
        .await
        .expect("no local error");
    assert_eq!(outcome.exchange.ending, Ending::TimedOut);
    assert_eq!(outcome.elapsed, Duration::from_secs(10));
    let tried = net.0.load(Ordering::Relaxed);
    assert_eq!(tried, usize::from(outcome.exchange.attempts));
    assert!((3..=4).contains(&tried), "{tried}");
}
