//! What is kept of a run on a network with a wire of ours: every packet, and what became of it.

use crate::time::Timestamp;
use crate::wire::{self, Passing, WireEvent};

/// What happened to which packet, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetEvent {
    /// When.
    pub at: Timestamp,
    /// To which.
    pub packet: Passing,
    /// What.
    pub fate: NetFate,
}

/// What happened to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetFate {
    /// The wire did it.
    OnWire(wire::Fate),
    /// It came out of the wire, and was dropped there.
    AtHost(Drop),
    /// No host has sent it: it was forged.
    Forged,
}

/// Why a host dropped a packet that the wire had delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drop {
    /// A SYN, but as many connections as the backlog holds wait to be accepted.
    BacklogFull,
    /// A datagram, but the socket holds all that it may.
    ReceiveBufferFull,
    /// A datagram for a connected socket, but from somewhere else.
    NotItsPeer,
    /// The host has no power.
    PoweredOff,
    /// No host has that address.
    NoSuchHost,
    /// The host's own kernel did not take it.
    Refused,
    /// The address translator before the host has forgotten that port.
    NoSuchPort,
}

impl From<WireEvent> for NetEvent {
    fn from(WireEvent { at, packet, fate }: WireEvent) -> Self {
        NetEvent { at, packet, fate: NetFate::OnWire(fate) }
    }
}
