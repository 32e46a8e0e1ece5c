//! How a client treats datagrams, as its user chooses.

use std::time::Duration;

use crate::protocol::parameters::{MAX_MESSAGE, RETRANSMISSION_TIMEOUT};

/// What the caller may conclude from an answer, or from none: the textbook names of RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantics {
    /// One bare datagram, one try.
    Maybe,
    /// Repeated until answered; every copy may be executed.
    AtLeastOnce,
    /// Repeated until answered; the server remembers and executes the first copy only.
    #[default]
    AtMostOnce,
}

/// What to believe when the network says that nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IcmpPolicy {
    /// Believe it at once.
    #[default]
    Trust,
    /// It can be forged or stale: believe it when a second attempt meets it too.
    Vet,
}

/// How a client treats datagrams.
#[derive(Debug, Clone)]
pub struct RequesterConfig {
    /// Whether to repeat, and what the server may do with copies.
    pub semantics: Semantics,
    /// Wait before the first retransmission, before the random factor.
    pub retransmission_timeout: Duration,
    /// Most retransmissions, if limited by number.
    pub retransmissions: Option<u8>,
    /// Most exchanges outstanding at once, 1 to 64.
    pub window: usize,
    /// What to believe of refusals.
    pub icmp: IcmpPolicy,
    /// Longest message, in bytes.
    pub max_message: usize,
    /// After so long a silence of ours, a PING says that we are still there; `None` says nothing.
    /// Not below 15 s (RFC 8085 section 3.5).
    pub keep_alive: Option<Duration>,
}

impl Default for RequesterConfig {
    fn default() -> Self {
        RequesterConfig {
            semantics: Semantics::AtMostOnce,
            retransmission_timeout: RETRANSMISSION_TIMEOUT,
            retransmissions: None,
            window: 1,
            icmp: IcmpPolicy::Trust,
            max_message: MAX_MESSAGE,
            keep_alive: None,
        }
    }
}
