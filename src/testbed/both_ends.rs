//! A testbed whose hosts an experiment uses by itself, from both ends and without our server between:
//! to find out what TCP and UDP do, not what a program does with them.

use std::io;

use super::{ConnectionFacts, Testbed};
use crate::net::Net;
use crate::net::record::NetEvent;

/// A testbed where sockets can be opened at both ends.
pub trait BothEnds: Testbed {
    /// Returns the network as the server's host sees it.
    ///
    /// # Errors
    /// If that host has no power.
    fn at_server(&self) -> io::Result<Self::Net>;

    /// Takes what has happened on the wire since this was last asked; waits for nothing.
    fn events(&mut self) -> Vec<NetEvent>;

    /// Asks the kernel what it thinks of a connection, where there is one that can be asked.
    fn facts_of(stream: &<Self::Net as Net>::Stream) -> Option<ConnectionFacts>;
}
