//! Whose TCP and UDP it is, and what it says of itself.

use std::time::Duration;

/// The implementation of TCP and UDP whose behaviour is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Name and version.
    pub name: String,
    /// What decides how fast TCP sends, if it is known.
    pub congestion_control: Option<String>,
    /// The least time before TCP repeats, if it is known.
    pub rto_floor: Option<Duration>,
    /// How else it was set up, in words; empty where it is as it is.
    pub set_up: Vec<String>,
}

/// What the kernels of hosts of our own said of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// How their TCP was set up, read back from them.
    pub stack: Stack,
    /// What they thought of the client's connections when those ended, in that order.
    pub connections: Vec<ConnectionFacts>,
    /// Packets that their own queues lost before the wire could see them.
    pub unseen: u64,
    /// Datagrams that found the receive buffer of the server's socket full (`RcvbufErrors`).
    pub buffer_full: u64,
    /// What has gone wrong so that the record of a run does not tell all, in words.
    pub troubles: Vec<String>,
}

/// What Linux thought of a TCP connection of the client's (`struct tcp_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// What decided how fast it sent.
    pub congestion_control: String,
    /// Its retransmission timeout, at its end.
    pub retransmission_timeout: Duration,
    /// Its smoothed round trip.
    pub round_trip: Duration,
    /// How much that varied.
    pub round_trip_variation: Duration,
    /// Segments that it sent again.
    pub retransmitted: u32,
    /// Its congestion window, in segments.
    pub window: u32,
}
