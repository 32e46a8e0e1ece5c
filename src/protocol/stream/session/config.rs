//! What all connections of a server have in common, as its user chooses.

use std::time::Duration;

use crate::protocol::event::Detail;
use crate::protocol::framing::Framing;
use crate::protocol::parameters::{IDLE_TIMEOUT, MAX_MESSAGE};

/// What all connections of a server have in common.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// How bytes become messages.
    pub framing: Framing,
    /// Longest message, in bytes.
    pub max_message: usize,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
    /// How long a reply is held back after the request was executed.
    pub work: Duration,
    /// How much the transcript listens to.
    pub detail: Detail,
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            framing: Framing::Auto,
            max_message: MAX_MESSAGE,
            idle_timeout: IDLE_TIMEOUT,
            work: Duration::ZERO,
            detail: Detail::Exchanges,
        }
    }
}
