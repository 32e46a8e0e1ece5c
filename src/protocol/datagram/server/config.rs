//! How a server treats datagrams, as its user chooses.

use std::time::Duration;

use crate::protocol::event::Detail;
use crate::protocol::parameters::{IDLE_TIMEOUT, MAX_MESSAGE};

/// How a server treats datagrams.
#[derive(Debug, Clone)]
pub struct DatagramConfig {
    /// Longest message, in bytes.
    pub max_message: usize,
    /// How long a reply is held back after the request was executed.
    pub work: Duration,
    /// Whether executed requests are remembered.
    pub duplicate_cache: bool,
    /// Whether a stopping server says BYE.
    pub goodbye: bool,
    /// Whether a sensitive request needs a proof of address.
    pub validate: bool,
    /// How long a session may be silent.
    pub idle_timeout: Duration,
    /// How much the transcript listens to.
    pub detail: Detail,
}

impl Default for DatagramConfig {
    fn default() -> Self {
        DatagramConfig {
            max_message: MAX_MESSAGE,
            work: Duration::ZERO,
            duplicate_cache: true,
            goodbye: true,
            validate: true,
            idle_timeout: IDLE_TIMEOUT,
            detail: Detail::Exchanges,
        }
    }
}
