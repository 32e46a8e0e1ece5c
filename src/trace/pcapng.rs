//! A capture file, as if somebody had listened at one host: opened with Wireshark or tshark.
//!
//! One file is one vantage point. A packet that arrives stands in two files, once as sent and once
//! as received: in a single file every packet would look repeated. A packet that the wire lost
//! stands in its sender's file alone, with the reason as its comment; no real capture knows that.
//!
//! The format is pcapng (draft-ietf-opsawg-pcapng), little endian on every computer: one Section
//! Header Block, one Interface Description Block, one Enhanced Packet Block for each packet.

use super::{Arrival, Cause, Place, Trace, TracedPacket};
use crate::time::Timestamp;

/// What a run calls the beginning stands in the file as 2000-01-01T00:00:00Z, in nanoseconds since
/// 1970. A fixed day, so that the same run makes the same bytes; an early one, so that nobody takes
/// it for the day on which the run took place.
const EPOCH: u64 = 946_684_800_000_000_000;

/// Block types (section 11.1).
const SECTION_HEADER_BLOCK: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION_BLOCK: u32 = 1;
const ENHANCED_PACKET_BLOCK: u32 = 6;

/// First word of a Section Header Block; a reader that sees it turned round swaps all bytes.
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

/// LINKTYPE_RAW: a packet begins with its IP header, there is no Ethernet on our wire.
const LINKTYPE_RAW: u16 = 101;

/// Options that any block may have (section 3.5).
const OPT_ENDOFOPT: u16 = 0;
const OPT_COMMENT: u16 = 1;

/// Option of the Section Header Block: the program that wrote the file.
const SHB_USERAPPL: u16 = 4;

/// Options of the Interface Description Block: its name, and the unit of time.
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;

/// Value of `if_tsresol`: times count units of 10 to the minus 9 seconds.
const NANOSECONDS: u8 = 9;

/// Option of the Enhanced Packet Block: in its lowest two bits, which way the packet went.
const EPB_FLAGS: u16 = 2;
const INBOUND: u32 = 0b01;
const OUTBOUND: u32 = 0b10;

/// Returns the capture file of one host: what it sent, lost or not, and what arrived there, in the
/// order of time. `about` is the comment on the whole file.
pub fn capture(trace: &Trace, at: Place, about: &str) -> Vec<u8> {
    let mut file = Vec::new();
    section_header(&mut file, about);
    interface_description(&mut file, at);
    for seen in seen(trace, at) {
        enhanced_packet(&mut file, &seen);
    }
    file
}

/// A packet as this host saw it.
struct Seen<'a> {
    at: Timestamp,
    direction: u32,
    bytes: &'a [u8],
    comments: Vec<String>,
}

/// What a host saw, in the order of time. At the same moment the order is that of the record: what
/// arrives then was put on the wire before what is sent because of it.
fn seen(trace: &Trace, at: Place) -> Vec<Seen<'_>> {
    let mut seen = Vec::new();
    for packet in &trace.packets {
        let bytes = &packet.bytes[..];
        // What was forged never left the host whose name it bears.
        if packet.from() == at && !packet.forged {
            let comments = comments_on_sending(packet);
            seen.push(Seen { at: packet.sent, direction: OUTBOUND, bytes, comments });
        }
        if packet.to() == at {
            seen.extend(packet.arrivals.iter().map(|arrival| Seen {
                at: arrival.at,
                direction: INBOUND,
                bytes,
                comments: comments_on_arrival(packet, arrival),
            }));
        }
    }
    seen.sort_by_key(|seen| seen.at); // stable
    seen
}

/// What the wire did to a packet, one comment for each thing.
fn comments_on_sending(packet: &TracedPacket) -> Vec<String> {
    let by = |cause| match cause {
        Cause::Luck => "by luck".to_owned(),
        Cause::Rule(what) => format!("by rule {what}"),
    };
    let held = packet.held.map(|cause| format!("held back {}", by(cause)));
    let duplicated = packet.duplicated.map(|cause| format!("duplicated {}", by(cause)));
    let lost = packet.lost.map(|loss| loss.to_string());
    let under_way = packet.lost.is_none() && packet.arrivals.is_empty();
    let under_way = under_way.then(|| "still under way when the record ended".to_owned());
    [held, duplicated, lost, under_way].into_iter().flatten().collect()
}

/// What is unusual about an arrival.
fn comments_on_arrival(packet: &TracedPacket, arrival: &Arrival) -> Vec<String> {
    let forged = packet.forged.then(|| "forged: no host has sent it".to_owned());
    let copy = arrival.copy.then(|| "the second copy".to_owned());
    let dropped = arrival.dropped.map(|why| format!("dropped on arrival: {why}"));
    [forged, copy, dropped].into_iter().flatten().collect()
}

/// Section Header Block (section 4.1).
fn section_header(file: &mut Vec<u8>, about: &str) {
    block(file, SECTION_HEADER_BLOCK, |body| {
        body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend(1_u16.to_le_bytes()); // version 1.0
        body.extend(0_u16.to_le_bytes());
        body.extend(u64::MAX.to_le_bytes()); // length of the section: not given
        option(body, OPT_COMMENT, about.as_bytes());
        option(body, SHB_USERAPPL, b"socklab");
        option(body, OPT_ENDOFOPT, b"");
    });
}

/// Interface Description Block (section 4.2).
fn interface_description(file: &mut Vec<u8>, at: Place) {
    block(file, INTERFACE_DESCRIPTION_BLOCK, |body| {
        body.extend(LINKTYPE_RAW.to_le_bytes());
        body.extend(0_u16.to_le_bytes()); // reserved
        body.extend(0_u32.to_le_bytes()); // packets are stored whole
        option(body, IF_NAME, at.to_string().as_bytes());
        option(body, IF_TSRESOL, &[NANOSECONDS]);
        option(body, OPT_ENDOFOPT, b"");
    });
}

/// Enhanced Packet Block (section 4.3).
fn enhanced_packet(file: &mut Vec<u8>, seen: &Seen<'_>) {
    let time = EPOCH + seen.at.as_micros() * 1_000;
    let length = seen.bytes.len() as u32; // an IP packet has at most 65,535 bytes
    block(file, ENHANCED_PACKET_BLOCK, |body| {
        body.extend(0_u32.to_le_bytes()); // the first interface
        body.extend(((time >> 32) as u32).to_le_bytes());
        body.extend((time as u32).to_le_bytes()); // the lower half
        body.extend(length.to_le_bytes()); // captured
        body.extend(length.to_le_bytes()); // on the wire
        padded(body, seen.bytes);
        option(body, EPB_FLAGS, &seen.direction.to_le_bytes());
        for comment in &seen.comments {
            option(body, OPT_COMMENT, comment.as_bytes());
        }
        option(body, OPT_ENDOFOPT, b"");
    });
}

/// Appends a block (section 3.1): type, length, body, and the length again, so that a file can be
/// read backwards too.
fn block(file: &mut Vec<u8>, kind: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let start = file.len();
    file.extend(kind.to_le_bytes());
    file.extend([0; 4]);
    write(file);
    let length = (file.len() - start + 4) as u32;
    file[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    file.extend(length.to_le_bytes());
}

/// Appends an option (section 3.5): code, length, value. What is too long for one is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    padded(body, &value[..usize::from(length)]);
}

/// Appends bytes, and zeros up to a multiple of four.
fn padded(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::trace::Loss;
    use crate::wire::Direction;

    /// The words of a block, as a person would check them against the draft.
    fn words(block: &[u8]) -> Vec<u32> {
        block.chunks(4).map(|word| u32::from_le_bytes(word.try_into().expect("four"))).collect()
    }

    /// The blocks of a file, by their own lengths.
    fn blocks(mut file: &[u8]) -> Vec<&[u8]> {
        let mut blocks = Vec::new();
        while !file.is_empty() {
            let (block, rest) = file.split_at(words(&file[..8])[1] as usize);
            assert_eq!(words(block).last(), Some(&(block.len() as u32)), "the length again");
            blocks.push(block);
            file = rest;
        }
        blocks
    }

    fn packet(direction: Direction, first: u8, sent: u64, arrives: u64) -> TracedPacket {
        let arrival = Arrival { at: Timestamp::from_millis(arrives), copy: false, dropped: None };
        TracedPacket {
            direction,
            number: 1,
            client: 1,
            bytes: Arc::new([first, 2, 3, 4, 5]),
            sent: Timestamp::from_millis(sent),
            lost: None,
            held: None,
            duplicated: None,
            forged: false,
            arrivals: vec![arrival],
        }
    }

    fn firsts(trace: &Trace, at: Place) -> Vec<(u64, u8)> {
        seen(trace, at).iter().map(|seen| (seen.at.as_micros() / 1_000, seen.bytes[0])).collect()
    }

    #[test]
    fn a_file_begins_with_its_section_and_its_interface() {
        let file = capture(&Trace::default(), Place::Client(1), "hi");
        let [section, interface] = blocks(&file)[..] else { panic!("two blocks") };
        let comment = u32::from_le_bytes(*b"hi\0\0");
        let [sock, lab] = [*b"sock", *b"lab\0"].map(u32::from_le_bytes);
        let length = 0xFFFF_FFFF;
        assert_eq!(
            words(section),
            [
                0x0A0D_0D0A,
                52,
                0x1A2B_3C4D,
                0x0000_0001,
                length,
                length, // version 1.0
                0x0002_0001,
                comment,
                0x0007_0004,
                sock,
                lab,
                0,
                52,
            ]
        );
        let [clie, nt_1] = [*b"clie", *b"nt 1"].map(u32::from_le_bytes);
        assert_eq!(
            words(interface),
            [1, 44, 101, 0, 0x0008_0002, clie, nt_1, 0x0001_0009, 9, 0, 44]
        );
    }

    #[test]
    fn a_packet_has_its_time_its_bytes_its_direction_and_its_comment() {
        let lost = Some(Loss::QueueFull);
        let sent = packet(Direction::ClientToServer, 1, 1_001, 0);
        let packets = vec![TracedPacket { lost, arrivals: Vec::new(), ..sent }];
        let trace = Trace { packets, notes: Vec::new() };
        let file = capture(&trace, Place::Client(1), "");
        let block = words(blocks(&file)[2]);
        let time = u64::from(block[3]) << 32 | u64::from(block[4]);
        assert_eq!(time, 946_684_801_001_000_000);
        assert_eq!(block[5..9], [5, 5, 0x0403_0201, 5]);
        assert_eq!(block[9..11], [0x0004_0002, OUTBOUND]);
        assert_eq!(&blocks(&file)[2][48..75], b"dropped, the queue was full");
        assert_eq!(blocks(&capture(&trace, Place::Server, "")).len(), 2, "it never came there");
    }

    #[test]
    fn everything_that_happened_to_a_packet_is_said() {
        let luck = Some(Cause::Luck);
        let sent = packet(Direction::ClientToServer, 1, 0, 0);
        let arrived = sent.clone();
        let sent = TracedPacket { held: luck, duplicated: luck, arrivals: Vec::new(), ..sent };
        assert_eq!(
            comments_on_sending(&sent),
            ["held back by luck", "duplicated by luck", "still under way when the record ended"]
        );
        let at = Timestamp::ZERO;
        let arrival = Arrival { at, copy: true, dropped: Some("powered off") };
        let comments = ["the second copy", "dropped on arrival: powered off"];
        assert_eq!(comments_on_arrival(&arrived, &arrival), comments);
    }

    #[test]
    fn what_was_forged_is_said_where_it_arrives_and_stands_nowhere_as_sent() {
        let packet = packet(Direction::ServerToClient, 1, 0, 25);
        let packets = vec![TracedPacket { forged: true, ..packet }];
        let trace = Trace { packets, notes: Vec::new() };
        assert!(seen(&trace, Place::Server).is_empty());
        let [arrived] = &seen(&trace, Place::Client(1))[..] else { panic!("one packet") };
        assert_eq!(arrived.comments, ["forged: no host has sent it"]);
    }

    #[test]
    fn what_arrives_stands_before_what_is_sent_because_of_it() {
        use Direction::{ClientToServer, ServerToClient};
        let packets = vec![packet(ClientToServer, 1, 0, 25), packet(ServerToClient, 2, 25, 50)];
        let trace = Trace { packets, notes: Vec::new() };
        assert_eq!(firsts(&trace, Place::Server), [(25, 1), (25, 2)]);
        // On a wire without delay everything happens in the same moment.
        let packets = vec![packet(ClientToServer, 1, 0, 0), packet(ServerToClient, 2, 0, 0)];
        let trace = Trace { packets, notes: Vec::new() };
        assert_eq!(firsts(&trace, Place::Client(1)), [(0, 1), (0, 2)]);
        assert_eq!(firsts(&trace, Place::Server), [(0, 1), (0, 2)]);
    }

    #[test]
    fn a_host_sees_its_own_packets_alone() {
        let mut other = packet(Direction::ClientToServer, 3, 1, 26);
        other.client = 2;
        let packets = vec![packet(Direction::ClientToServer, 1, 0, 25), other];
        let trace = Trace { packets, notes: Vec::new() };
        assert_eq!(firsts(&trace, Place::Client(1)), [(0, 1)]);
        assert_eq!(firsts(&trace, Place::Client(2)), [(1, 3)]);
        assert_eq!(firsts(&trace, Place::Server), [(25, 1), (26, 3)]);
    }
}
