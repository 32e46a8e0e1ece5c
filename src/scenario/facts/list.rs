//! What is asked of both stacks, and what the RFCs say of it.

use crate::testbed::Patience;
use crate::wire::{Fault, Rule, What};

/// Something that a stack decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// After which time the first SYN is sent again.
    InitialRto,
    /// When a SYN is sent again and again, and when that is given up.
    SynSchedule,
    /// After which time a small request is sent again whose round trip is known.
    LeastRto,
    /// The times between repetitions.
    Backoff,
    /// When data is given up that nobody acknowledges.
    GivingUp,
    /// The same, where the program has set a limit.
    UserTimeout,
    /// When an idle connection to a silent host is given up, if the program asks for probes.
    Keepalive,
    /// How long an acknowledgement waits for data to go with.
    DelayedAck,
    /// How long the one that closed first keeps the addresses.
    TimeWait,
    /// Bytes in a full segment, and in the headers.
    Segment,
    /// Segments before the first acknowledgement.
    InitialWindow,
    /// Bytes that a dead network still takes.
    SendBuffer,
    /// Connections that nobody accepts.
    AcceptQueue,
    /// A SYN for a port on which nobody listens.
    RefusedSyn,
    /// A connection that is closed while there is something to read.
    UnreadClose,
    /// Writing to somebody who has closed.
    WriteAfterClose,
    /// A datagram for a port on which nobody listens.
    RefusedDatagram,
    /// How many of many such datagrams are answered.
    IcmpLimit,
    /// Datagrams that nobody reads.
    ReceiveBuffer,
    /// The longest datagram, and from where on it is cut up.
    LongestDatagram,
    /// The ports that are given to who asks for none.
    EphemeralPorts,
}

use Quantity as Q;

impl Quantity {
    /// All of them, TCP's clocks first.
    pub const ALL: &[Quantity] = &[
        Q::InitialRto,
        Q::SynSchedule,
        Q::LeastRto,
        Q::Backoff,
        Q::GivingUp,
        Q::UserTimeout,
        Q::Keepalive,
        Q::DelayedAck,
        Q::TimeWait,
        Q::Segment,
        Q::InitialWindow,
        Q::SendBuffer,
        Q::AcceptQueue,
        Q::RefusedSyn,
        Q::UnreadClose,
        Q::WriteAfterClose,
        Q::RefusedDatagram,
        Q::IcmpLimit,
        Q::ReceiveBuffer,
        Q::LongestDatagram,
        Q::EphemeralPorts,
    ];

    /// Its name for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Q::InitialRto => "initial_rto",
            Q::SynSchedule => "syn_schedule",
            Q::LeastRto => "least_rto",
            Q::Backoff => "backoff",
            Q::GivingUp => "giving_up",
            Q::UserTimeout => "user_timeout",
            Q::Keepalive => "keepalive",
            Q::DelayedAck => "delayed_ack",
            Q::TimeWait => "time_wait",
            Q::Segment => "segment",
            Q::InitialWindow => "initial_window",
            Q::SendBuffer => "send_buffer",
            Q::AcceptQueue => "accept_queue",
            Q::RefusedSyn => "refused_syn",
            Q::UnreadClose => "unread_close",
            Q::WriteAfterClose => "write_after_close",
            Q::RefusedDatagram => "refused_datagram",
            Q::IcmpLimit => "icmp_limit",
            Q::ReceiveBuffer => "receive_buffer",
            Q::LongestDatagram => "longest_datagram",
            Q::EphemeralPorts => "ephemeral_ports",
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Q::InitialRto => "Initial RTO: the first SYN is lost",
            Q::SynSchedule => "A SYN that nobody answers",
            Q::LeastRto => "Least RTO: a small request is lost, round trip 50 ms",
            Q::Backoff => "Backoff: the same is lost again and again",
            Q::GivingUp => "Data that nobody acknowledges",
            Q::UserTimeout => "The same, with TCP_USER_TIMEOUT of 1 s",
            Q::Keepalive => "Keepalive on an idle connection, after 1 s, every 1 s, 3 times",
            Q::DelayedAck => "Delayed acknowledgement",
            Q::TimeWait => "TIME-WAIT, at the end that closed first",
            Q::Segment => "A full segment, and the headers, with an MTU of 1500",
            Q::InitialWindow => "Initial window",
            Q::SendBuffer => "Sending into a dead network",
            Q::AcceptQueue => "Accept queue, backlog 1, nobody accepts",
            Q::RefusedSyn => "A SYN to a port on which nobody listens",
            Q::UnreadClose => "Closing with data unread",
            Q::WriteAfterClose => "Writing after the other end has closed",
            Q::RefusedDatagram => "A datagram to a port on which nobody listens",
            Q::IcmpLimit => "20 such datagrams, 10 ms apart",
            Q::ReceiveBuffer => "UDP receive buffer, nobody reads",
            Q::LongestDatagram => "Longest datagram, and fragments, with an MTU of 1500",
            Q::EphemeralPorts => "Ephemeral ports",
        }
    }

    /// What the RFCs say.
    pub const fn rfc(self) -> &'static str {
        match self {
            Q::InitialRto => "1 s (RFC 6298 section 2)",
            Q::SynSchedule => "doubling; at least 3 minutes (RFC 9293 section 3.8.3)",
            Q::LeastRto => "at least 1 s (RFC 6298 section 2)",
            Q::Backoff => "doubling (RFC 6298 section 5)",
            Q::GivingUp => "after 100 s at least (RFC 9293 section 3.8.3)",
            Q::UserTimeout => "a program may set the limit (RFC 9293 section 3.8.3)",
            Q::Keepalive => "optional, off, not before 2 hours (RFC 9293 section 3.8.4)",
            Q::DelayedAck => {
                "less than 0.5 s, every second full segment at once (RFC 9293 section 3.8.6.3)"
            }
            Q::TimeWait => "2 MSL, MSL 2 minutes (RFC 9293 sections 3.6.1 and 3.4.2)",
            Q::Segment => "without the MSS option 536 bytes (RFC 9293 section 3.7.1)",
            Q::InitialWindow => "10 segments at most (RFC 6928 section 2)",
            Q::SendBuffer => "nothing: TCP takes what its buffer holds, UDP promises nothing",
            Q::AcceptQueue => "nothing",
            Q::RefusedSyn => "RST (RFC 9293 section 3.10.7.1)",
            Q::UnreadClose => "RST (RFC 9293 section 3.6.1)",
            Q::WriteAfterClose => "RST when it arrives (RFC 9293 section 3.6.1)",
            Q::RefusedDatagram => {
                "ICMP port unreachable, to be passed on (RFC 1122 sections 4.1.3.1 and 4.1.3.3)"
            }
            Q::IcmpLimit => "a limit is for routers (RFC 1812 section 4.3.2.8)",
            Q::ReceiveBuffer => "nothing",
            Q::LongestDatagram => {
                "65,507 bytes: 16 bits of length, less headers (RFC 791, RFC 768)"
            }
            Q::EphemeralPorts => "49152..65535 (RFC 6335 section 6)",
        }
    }

    /// Whether finding it out is waiting for several seconds.
    pub(super) const fn takes_long(self) -> bool {
        matches!(self, Q::SynSchedule | Q::Backoff | Q::GivingUp | Q::UserTimeout | Q::Keepalive)
    }

    /// What the wire does to its packets.
    pub(super) fn rules(self) -> Vec<Rule> {
        let drop = |what| vec![Rule { fault: Fault::Drop, what }];
        match self {
            Q::InitialRto => drop(What::Syn),
            // The first is answered, so that the round trip is known.
            Q::LeastRto => drop(What::Request(2)),
            _ => Vec::new(),
        }
    }

    /// Which of TCP's limits are shortened, where it would take minutes of real time.
    pub(super) const fn patience(self) -> Patience {
        match self {
            Q::SynSchedule => Patience { syn_retries: Some(2), data_retries: None },
            Q::GivingUp => Patience { syn_retries: None, data_retries: Some(3) },
            _ => Patience { syn_retries: None, data_retries: None },
        }
    }
}
