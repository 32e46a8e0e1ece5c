//! The hosts as an experiment uses them that wants to know what Linux does.

use std::fs;
use std::io;
use std::path::Path;

use super::{HostNet, KernelHosts, WatchedStream};
use crate::net::record::NetEvent;
use crate::testbed::{BothEnds, ConnectionFacts};

impl BothEnds for KernelHosts {
    fn at_server(&self) -> io::Result<HostNet> {
        self.server_net()
    }

    fn events(&mut self) -> Vec<NetEvent> {
        self.carrier.as_ref().map(super::Carrier::take_record).unwrap_or_default()
    }

    fn facts_of(stream: &WatchedStream) -> Option<ConnectionFacts> {
        stream.facts().ok()
    }
}

impl KernelHosts {
    /// Returns a sysctl of the client's host below `net.ipv4`, if there is one of that name.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.client.hands().setting(name)
    }

    /// Reads one of the tables that the client's host keeps below `/proc/net`; empty if there is none
    /// of that name.
    pub fn client_table(&self, name: &str) -> String {
        read(self.client.tables(), name)
    }

    /// Reads one of the tables of the server's host; empty if it has no power.
    pub fn server_table(&self, name: &str) -> String {
        self.server.as_ref().map(|server| read(server.0.tables(), name)).unwrap_or_default()
    }
}

fn read(tables: &Path, name: &str) -> String {
    fs::read_to_string(tables.join(name)).unwrap_or_default()
}
