//! Addresses, datagrams and a service for the tests, and how a datagram is read as a line of text.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use socklab::protocol::datagram::Secrets;
use socklab::protocol::datagram::cookie::CookieMaker;
use socklab::protocol::datagram::header::{Cookie, Header, Type, is_framed};
use socklab::service::sum::{ServerNumber, SumService};
use socklab::service::{Caller, Next, Reply, Service};
use socklab::time::Timestamp;

/// Where the server listens.
pub(crate) const SERVER: SocketAddr = address([192, 0, 2, 1], 12_000);

/// A client on the server's own host.
pub(crate) const LOCAL: SocketAddr = address([127, 0, 0, 1], 5_000);

/// A client on another host.
pub(crate) const REMOTE: SocketAddr = address([192, 0, 2, 7], 5_000);

/// The client's name on the wire, unless a test needs several.
pub(crate) const TOKEN: u32 = 7;

/// The client's first message id.
pub(crate) const FIRST_ID: u32 = 9;

const KEY: [u8; 16] = [3; 16];
const EPOCH: u16 = 0x1234;

pub(crate) const fn address([a, b, c, d]: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port))
}

/// The duration of so many milliseconds.
pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The secrets of every server here.
pub(crate) const fn secrets() -> Secrets {
    Secrets { key: KEY, epoch: EPOCH }
}

/// The cookie that such a server gives.
pub(crate) fn cookie(holder: SocketAddr, token: u32, now: Timestamp) -> Cookie {
    CookieMaker::new(KEY, EPOCH).make(holder, token, now)
}

/// The cookie that the server gave which ran here before.
pub(crate) fn cookie_of_another_start(holder: SocketAddr, token: u32, now: Timestamp) -> Cookie {
    CookieMaker::new(KEY, EPOCH ^ 1).make(holder, token, now)
}

pub(crate) fn datagram(header: Header, payload: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(payload.as_bytes(), &mut bytes);
    bytes
}

/// A datagram of this kind for the usual client, answering or making attempt 1.
pub(crate) fn of_kind(kind: Type, message_id: u32, payload: &str) -> Vec<u8> {
    datagram(Header::new(kind, 1, TOKEN, message_id), payload)
}

/// A request of the usual client.
pub(crate) fn request(message_id: u32, attempt: u8, text: &str) -> Vec<u8> {
    datagram(Header::new(Type::Request, attempt, TOKEN, message_id), text)
}

/// The same with a proof of address.
pub(crate) fn request_with(cookie: Cookie, message_id: u32, text: &str) -> Vec<u8> {
    let header =
        Header { cookie: Some(cookie), ..Header::new(Type::Request, 1, TOKEN, message_id) };
    datagram(header, text)
}

/// Fails if the timer that has just been handled is set again for then, or was for earlier: whoever
/// waits for it would be woken again and again.
pub(crate) fn assert_later(timer: Option<Timestamp>, now: Timestamp) {
    assert!(timer.is_none_or(|due| due > now), "at {now} a timer is set for {timer:?}");
}

/// Reads a datagram as a line of text.
pub(crate) fn read(datagram: &[u8]) -> String {
    if !is_framed(datagram) {
        return format!("bare {}", String::from_utf8_lossy(datagram));
    }
    let (header, payload) = Header::parse(datagram).expect("a datagram of ours");
    let mut line = format!("{:?} {}/{}", header.kind, header.message_id, header.attempt);
    if header.idempotent {
        line += " idempotent";
    }
    if header.cookie.is_some() {
        line += " with cookie";
    }
    if let Some(reason) = header.bye {
        line += &format!(" {reason:?}");
    }
    if !payload.is_empty() {
        line += &format!(" {}", String::from_utf8_lossy(payload));
    }
    line
}

/// The service `sum`, which answers `S;50`, and a record of every request it executed.
#[derive(Debug)]
pub(crate) struct Counting {
    service: SumService,
    /// The requests in the order of their execution.
    pub(crate) executed: Vec<String>,
}

impl Counting {
    pub(crate) fn new(name: &str, number: ServerNumber, remote_shutdown: bool) -> Self {
        Counting {
            service: SumService::new(name.to_owned(), number, remote_shutdown),
            executed: Vec::new(),
        }
    }

    pub(crate) fn fifty() -> Self {
        Counting::new("S", ServerNumber::Fixed(50), false)
    }
}

impl Service for Counting {
    fn is_sensitive(&self, caller: Caller, request: &str) -> bool {
        self.service.is_sensitive(caller, request)
    }

    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        self.executed.push(request.to_owned());
        self.service.handle(caller, request, now, reply)
    }
}
