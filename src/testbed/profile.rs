//! How the TCP of hosts of our own is to be set up, where that can be chosen.

/// How TCP is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TcpProfile {
    /// As RFC 5681 and RFC 6298 have it, and as the simulation does it.
    Textbook,
    /// As Linux is.
    #[default]
    Linux,
}

impl TcpProfile {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            TcpProfile::Textbook => "textbook",
            TcpProfile::Linux => "linux",
        }
    }
}

/// Limits of TCP's patience, where it would take minutes of real time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patience {
    /// Repetitions of a SYN (`tcp_syn_retries`).
    pub syn_retries: Option<u8>,
    /// Repetitions of data (`tcp_retries2`).
    pub data_retries: Option<u8>,
}
