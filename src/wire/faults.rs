//! Exact faults: "lose the first reply", "hold the third packet from the server".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddrV4;
use std::str::FromStr;
use std::time::Duration;

use super::{Direction, Passing};
use crate::packet::{Datagram, Packet, Segment};
use crate::protocol::datagram::header::{Header, Type, is_framed};

/// One exact fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What to do.
    pub fault: Fault,
    /// To which packet.
    pub what: What,
}

/// What to do to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Lose it.
    Drop,
    /// Deliver it twice.
    Duplicate,
    /// Deliver it so much later.
    Hold(Duration),
}

/// Which packet is meant. All count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The n-th packet that goes this way: `c2s:3`.
    Packet(Direction, u64),
    /// The packet that first carries the n-th request: `request:1`. Over both transports the same
    /// message.
    Request(u64),
    /// The packet that first carries the n-th reply: `reply:1`.
    Reply(u64),
    /// The first SYN.
    Syn,
    /// The first SYN with ACK.
    SynAck,
    /// The first FIN.
    Fin,
    /// The first BYE: what stands for a FIN in a protocol of our own over UDP.
    Bye,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "name a packet: c2s:3, s2c:1, request:1, reply:2, syn, synack, fin or bye".to_owned()
        };
        match text {
            "syn" => return Ok(What::Syn),
            "synack" => return Ok(What::SynAck),
            "fin" => return Ok(What::Fin),
            "bye" => return Ok(What::Bye),
            _ => {}
        }
        let (kind, number) = text.split_once(':').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        match kind {
            "c2s" => Ok(What::Packet(Direction::ClientToServer, number)),
            "s2c" => Ok(What::Packet(Direction::ServerToClient, number)),
            "request" => Ok(What::Request(number)),
            "reply" => Ok(What::Reply(number)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Packet(direction, number) => write!(formatter, "{direction}:{number}"),
            What::Request(number) => write!(formatter, "request:{number}"),
            What::Reply(number) => write!(formatter, "reply:{number}"),
            What::Syn => formatter.write_str("syn"),
            What::SynAck => formatter.write_str("synack"),
            What::Fin => formatter.write_str("fin"),
            What::Bye => formatter.write_str("bye"),
        }
    }
}

/// Which rules a packet met.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) dropped_by: Option<usize>,
    pub(super) duplicated_by: Option<usize>,
    pub(super) held_by: Option<(usize, Duration)>,
}

/// What has been seen so far, to tell new messages from repeated ones.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Over TCP each segment with new bytes is a message, in place of each line.
    raw: bool,
    /// Messages that went each way.
    messages: [u64; 2],
    /// Over TCP: the next new byte of each stream.
    streams: BTreeMap<(SocketAddrV4, SocketAddrV4), u32>,
    /// Over framed UDP: messages that were seen.
    seen: BTreeSet<(Direction, u32, u32)>,
    syn: bool,
    syn_ack: bool,
    fin: bool,
    bye: bool,
}

impl Faults {
    /// Nothing has been seen; `raw` messages have no line ends.
    pub(super) fn new(raw: bool) -> Self {
        Faults { raw, ..Faults::default() }
    }

    /// Returns which of `rules` this packet meets.
    pub(super) fn meet(&mut self, rules: &[Rule], packet: &Passing) -> Met {
        let mut met = Met::default();
        if rules.is_empty() {
            return met;
        }
        let facts = self.facts(packet);
        for (index, rule) in rules.iter().enumerate() {
            let meant = match rule.what {
                What::Packet(direction, number) => {
                    direction == packet.direction && number == packet.number
                }
                What::Request(number) => {
                    packet.direction == Direction::ClientToServer && facts.carries(number)
                }
                What::Reply(number) => {
                    packet.direction == Direction::ServerToClient && facts.carries(number)
                }
                What::Syn => facts.first_syn,
                What::SynAck => facts.first_syn_ack,
                What::Fin => facts.first_fin,
                What::Bye => facts.first_bye,
            };
            match rule.fault {
                _ if !meant => {}
                Fault::Drop => met.dropped_by = met.dropped_by.or(Some(index)),
                Fault::Duplicate => met.duplicated_by = met.duplicated_by.or(Some(index)),
                Fault::Hold(by) => met.held_by = met.held_by.or(Some((index, by))),
            }
        }
        met
    }

    fn facts(&mut self, packet: &Passing) -> Facts {
        let before = self.messages[packet.direction as usize];
        let mut facts = Facts { before, ..Facts::default() };
        let new = match Packet::parse(&packet.bytes) {
            Packet::Tcp(segment) => {
                self.flags(&segment, &mut facts);
                self.new_lines(&segment)
            }
            Packet::Udp(datagram) => {
                facts.first_bye = first(&mut self.bye, is_bye(&datagram));
                self.new_datagram(packet.direction, &datagram)
            }
            _ => 0,
        };
        self.messages[packet.direction as usize] += new;
        facts.after = before + new;
        facts
    }

    fn flags(&mut self, segment: &Segment<'_>, facts: &mut Facts) {
        let ack = segment.acknowledgement.is_some();
        facts.first_syn = first(&mut self.syn, segment.syn && !ack);
        facts.first_syn_ack = first(&mut self.syn_ack, segment.syn && ack);
        facts.first_fin = first(&mut self.fin, segment.fin);
    }

    /// Returns how many lines end in the bytes of this segment that were never sent before.
    fn new_lines(&mut self, segment: &Segment<'_>) -> u64 {
        let begins = segment.sequence.wrapping_add(u32::from(segment.syn));
        let next = self.streams.entry((segment.from, segment.to)).or_insert(begins);
        let ends = begins.wrapping_add(segment.payload.len() as u32);
        let known = next.wrapping_sub(begins) as usize;
        // Beyond half of the number space the distance is one backwards: nothing is new.
        if ends.wrapping_sub(*next) > u32::MAX / 2 {
            return 0;
        }
        *next = ends;
        let new = segment.payload.get(known..).unwrap_or_default();
        if self.raw {
            return u64::from(!new.is_empty());
        }
        new.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    fn new_datagram(&mut self, direction: Direction, datagram: &Datagram<'_>) -> u64 {
        if !is_framed(datagram.payload) {
            return 1;
        }
        let wanted = match direction {
            Direction::ClientToServer => Type::Request,
            Direction::ServerToClient => Type::Reply,
        };
        let Ok((header, _)) = Header::parse(datagram.payload) else { return 0 };
        let key = (direction, header.token, header.message_id);
        u64::from(header.kind == wanted && self.seen.insert(key))
    }
}

/// Takes note that something is there; returns whether it is for the first time.
fn first(seen: &mut bool, now: bool) -> bool {
    now && !std::mem::replace(seen, true)
}

fn is_bye(datagram: &Datagram<'_>) -> bool {
    let header = Header::parse(datagram.payload);
    header.is_ok_and(|(header, _)| header.kind == Type::Bye)
}

/// What a packet is the first to carry.
#[derive(Debug, Default)]
struct Facts {
    /// Messages seen before it.
    before: u64,
    /// Messages seen with it.
    after: u64,
    first_syn: bool,
    first_syn_ack: bool,
    first_fin: bool,
    first_bye: bool,
}

impl Facts {
    fn carries(&self, number: u64) -> bool {
        self.before < number && number <= self.after
    }
}
