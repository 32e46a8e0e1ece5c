//! Every number of the protocol, each with its source or its argument.

use std::time::Duration;

/// Longest message, in bytes: with header and cookie a datagram stays within the 1200 bytes that
/// QUIC takes to fit every path (RFC 9000 section 14).
pub const MAX_MESSAGE: usize = 1176;

/// Longest message that can be chosen: 65,507 bytes of UDP payload over IPv4 (RFC 768: a 16-bit
/// length) less header and cookie.
pub const MAX_MESSAGE_LIMIT: usize = 65_507 - 24;

/// Longest message that a server can be told to take: a little more than the largest datagram, so
/// that the largest can come, and a line can be too long for it.
pub const MAX_TAKEN_LIMIT: usize = 66_000;

/// Wait before the first retransmission, no round-trip time known: RFC 8085 section 3.1.1.
pub const RETRANSMISSION_TIMEOUT: Duration = Duration::from_secs(1);

/// The first timeout is stretched by a factor drawn from 1 to this, so that clients that lost
/// together do not repeat together: ACK_RANDOM_FACTOR, RFC 7252 section 4.8.
pub const RANDOM_FACTOR: f64 = 1.5;

/// The timeout doubles up to here. Our own: three copies still fit between here and the span.
pub const MAX_RETRANSMISSION_TIMEOUT: Duration = Duration::from_secs(8);

/// No copy of a request leaves later than this after the first. Our own: it bounds how long a
/// server must remember.
pub const MAX_TRANSMIT_SPAN: Duration = Duration::from_secs(25);

/// How long the client waits for one exchange, connecting included, over either transport.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Requests that one client may have outstanding: what the server remembers of each client.
pub const WINDOW: usize = 64;

/// How many times in one exchange a client proves its address before it calls the server broken.
pub const MAX_CHALLENGES: u8 = 3;

/// How long the server remembers a client after its last request: the longest span of copies
/// (25 s), twice a stay in the network (10 s each), and work (10 s), rounded up. The analogue of
/// EXCHANGE_LIFETIME, RFC 7252 section 4.8.2.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

/// Clients remembered at once.
pub const MAX_TOKENS: usize = 65_536;

/// Bytes of memory for remembered requests and their replies, all clients together.
pub const MAX_REMEMBERED_BYTES: usize = 64 * 1024 * 1024;

/// A message id this far from the highest one seen is no late copy: the peers have lost each other.
pub const STALE_DISTANCE: u32 = 1 << 16;

/// What an unproven address may be sent, as a multiple of what came from it: RFC 9000 section 8.1.
pub const AMPLIFICATION_LIMIT: usize = 3;

/// Headers below a datagram, counted into the limit both ways: IPv4 20 bytes, UDP 8 bytes.
pub const IP_AND_UDP_HEADERS: usize = 28;

/// A cookie's time slot; the slot before the present one is still valid. Our own, after the
/// server secrets that RFC 7873 section 7.1 rolls over.
pub const COOKIE_SLOT: Duration = Duration::from_secs(60);

/// Challenges sent in a second, all peers together. Our own: far above a classroom, far below
/// what would make the server a useful reflector.
pub const MAX_CHALLENGES_PER_SECOND: u32 = 10_000;

/// How long a stopping server answers late copies: a client whose last reply was lost repeats
/// after 1 to 1.5 s, and finds it.
pub const LINGER: Duration = Duration::from_secs(2);

/// How long accepted work may take when the server stops.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Longest `--work`: part of [`TOKEN_LIFETIME`].
pub const MAX_WORK: Duration = Duration::from_secs(10);

/// Silence after which bytes without a line end are taken for a message, while no line end has
/// been seen on the connection.
pub const SILENCE: Duration = Duration::from_millis(200);

/// How long half a message may wait for its other half.
pub const INCOMPLETE: Duration = Duration::from_secs(10);

/// How long a connection may be silent.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long, and for how many bytes, what still comes is thrown away after our FIN, so that unread
/// data does not turn the close into a reset that overtakes our last words (RFC 9293 section 3.6.1).
pub const DISCARD_TIME: Duration = Duration::from_secs(1);

/// See [`DISCARD_TIME`].
pub const DISCARD_BYTES: usize = 64 * 1024;

/// Bytes waiting to be written to one connection above which nothing more is read from it.
pub const MAX_UNSENT: usize = 64 * 1024;

/// Replies of one connection held back by `--work` above which nothing more is read from it.
pub const MAX_HELD: usize = 1024;
