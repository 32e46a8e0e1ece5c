//! What the segments of TCP say: relative numbers, and what was sent before.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::{Kind, Words, message};
use crate::packet::Segment;
use crate::time::Timestamp;
use crate::trace::rows::seconds;

/// All byte streams, each under its sender and its receiver.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<(SocketAddrV4, SocketAddrV4), Stream>);

/// One direction of a connection, as its sender knows it. Sequence numbers are those on the wire.
#[derive(Debug)]
struct Stream {
    /// That of the SYN, from which relative numbers count.
    first: u32,
    /// What comes after everything that was ever sent.
    next: u32,
    /// When what begins at a relative number was sent last.
    sent: BTreeMap<u32, Timestamp>,
    /// The last acknowledgement that went with this stream.
    acknowledges: Option<u32>,
    /// What its sender has heard of the other side: the last acknowledgement...
    acknowledged: Option<u32>,
    /// ...and whether it must send nothing now.
    window_closed: bool,
}

impl Streams {
    /// Reads a segment that is sent now.
    pub(super) fn sent(
        &mut self,
        segment: &Segment<'_>,
        now: Timestamp,
    ) -> (Kind, bool, usize, Words) {
        if segment.rst {
            return (Kind::Reset, false, segment.payload.len(), Words::of("RST"));
        }
        self.begin(segment);
        let acknowledgement = segment.acknowledgement.map(|number| {
            let other = self.0.get(&(segment.to, segment.from));
            number.wrapping_sub(other.map_or(number.wrapping_sub(1), |stream| stream.first))
        });
        let Some(stream) = self.0.get_mut(&(segment.from, segment.to)) else {
            return (Kind::Other, false, 0, Words::default());
        };
        let (kind, head) = stream.kind(segment, acknowledgement);
        let again = kind != Kind::Probe && stream.has_sent(segment);
        let something_new = !again || stream.is_beyond(segment);
        let mut words = Words::of(&head);
        if let Some(before) = again.then(|| stream.sent_before(segment)).flatten() {
            words.head.push_str(&format!(" again after {}", seconds(before, now)));
        } else if again {
            words.head.push_str(" again");
        }
        if kind == Kind::Data && something_new {
            words.messages = message::lines(segment.payload);
        }
        words.tail = stream.tail(segment, kind, acknowledgement);
        stream.remember(segment, kind, now);
        (kind, again, segment.payload.len(), words)
    }

    /// The receiver of a segment learns from it about the stream that it sends itself.
    pub(super) fn arrived(&mut self, segment: &Segment<'_>) {
        let Some(stream) = self.0.get_mut(&(segment.to, segment.from)) else { return };
        if !segment.rst {
            stream.acknowledged = segment.acknowledgement.or(stream.acknowledged);
            stream.window_closed = segment.window == 0;
        }
    }

    /// A SYN with a number of its own begins a stream; without ACK it begins a connection, and what
    /// the same addresses said before is over.
    fn begin(&mut self, segment: &Segment<'_>) {
        let key = (segment.from, segment.to);
        let known = self.0.get(&key).map(|stream| stream.first);
        if segment.syn && known != Some(segment.sequence) {
            if segment.acknowledgement.is_none() {
                self.0.remove(&(segment.to, segment.from));
            }
            self.0.insert(key, Stream::begun(segment.sequence, segment.sequence));
        } else if known.is_none() {
            // The record begins in the middle of a connection: its first byte is called 1.
            self.0.insert(key, Stream::begun(segment.sequence.wrapping_sub(1), segment.sequence));
        }
    }
}

/// Reads a segment that no end of the connection has sent: its numbers are guesses.
pub(super) fn forged(segment: &Segment<'_>) -> (Kind, bool, usize, Words) {
    let (kind, head) = match segment.rst {
        true => (Kind::Reset, "RST, number guessed"),
        false => (Kind::Data, "DATA, number guessed"),
    };
    let words = Words { messages: message::lines(segment.payload), ..Words::of(head) };
    (kind, false, segment.payload.len(), words)
}

impl Stream {
    fn begun(first: u32, next: u32) -> Self {
        Stream {
            first,
            next,
            sent: BTreeMap::new(),
            acknowledges: None,
            acknowledged: None,
            window_closed: false,
        }
    }

    fn relative(&self, sequence: u32) -> u32 {
        sequence.wrapping_sub(self.first)
    }

    fn kind(&self, segment: &Segment<'_>, acknowledgement: Option<u32>) -> (Kind, String) {
        let begins = self.relative(segment.sequence);
        let bytes = segment.payload.len() as u32;
        let plain = !segment.syn && !segment.fin;
        // RFC 1122 section 4.2.3.6: the last byte once more, though it is acknowledged.
        let keeps_alive =
            segment.sequence == self.next.wrapping_sub(1) && self.acknowledged == Some(self.next);
        let probes = bytes == 1 && segment.sequence == self.next && self.window_closed;
        match (segment.syn, segment.acknowledgement, bytes) {
            (true, None, _) => (Kind::Syn, "SYN".to_owned()),
            (true, Some(_), _) => (Kind::SynAck, "SYN, ACK".to_owned()),
            (_, _, 0 | 1) if plain && keeps_alive => (Kind::Probe, "keep-alive".to_owned()),
            (_, _, 1) if plain && probes => (Kind::Probe, format!("window probe {begins}")),
            (_, _, 1) => (Kind::Data, format!("DATA {begins}")),
            (_, _, 2..) => {
                (Kind::Data, format!("DATA {begins}..{}", begins.wrapping_add(bytes - 1)))
            }
            _ if segment.fin => (Kind::Fin, format!("FIN {begins}")),
            _ => (Kind::Ack, format!("ACK {}", acknowledgement.unwrap_or_default())),
        }
    }

    /// Returns what else a segment says: only acknowledgements that are news.
    fn tail(&self, segment: &Segment<'_>, kind: Kind, acknowledgement: Option<u32>) -> Vec<String> {
        let mut tail = Vec::new();
        if kind == Kind::Data && segment.fin {
            let fin = segment.sequence.wrapping_add(segment.payload.len() as u32);
            tail.push(format!("FIN {}", self.relative(fin)));
        }
        if let (Kind::Data | Kind::Fin, Some(number)) = (kind, acknowledgement)
            && segment.acknowledgement != self.acknowledges
        {
            tail.push(format!("ACK {number}"));
        }
        if segment.window == 0 && kind != Kind::Probe {
            tail.push("window 0".to_owned());
        }
        tail
    }

    fn has_sent(&self, segment: &Segment<'_>) -> bool {
        length(segment) > 0 && is_before(segment.sequence, self.next)
    }

    fn is_beyond(&self, segment: &Segment<'_>) -> bool {
        is_before(self.next, segment.sequence.wrapping_add(length(segment)))
    }

    fn sent_before(&self, segment: &Segment<'_>) -> Option<Timestamp> {
        let begins = self.relative(segment.sequence);
        self.sent.range(..=begins).next_back().map(|(_, at)| *at)
    }

    fn remember(&mut self, segment: &Segment<'_>, kind: Kind, now: Timestamp) {
        self.acknowledges = segment.acknowledgement.or(self.acknowledges);
        // A probed byte is not taken in: when the window opens, it is sent for the first time.
        if kind != Kind::Probe && length(segment) > 0 {
            self.sent.insert(self.relative(segment.sequence), now);
            let end = segment.sequence.wrapping_add(length(segment));
            if is_before(self.next, end) {
                self.next = end;
            }
        }
    }
}

/// SYN and FIN count as a byte each (RFC 9293 section 3.4).
fn length(segment: &Segment<'_>) -> u32 {
    segment.payload.len() as u32 + u32::from(segment.syn) + u32::from(segment.fin)
}

/// Compares in a number space that wraps (RFC 9293 section 3.4).
fn is_before(one: u32, other: u32) -> bool {
    one != other && other.wrapping_sub(one) <= u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 0, 0, 1), 50_000);
    const SERVER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 0, 0, 2), 12_000);

    fn segment(sequence: u32, payload: &[u8]) -> Segment<'_> {
        Segment {
            from: CLIENT,
            to: SERVER,
            sequence,
            acknowledgement: Some(701),
            syn: false,
            fin: false,
            rst: false,
            window: 1_000,
            window_scale: None,
            payload,
        }
    }

    fn syn(sequence: u32) -> Segment<'static> {
        Segment { acknowledgement: None, syn: true, ..segment(sequence, b"") }
    }

    fn acknowledging(number: u32, window: u16) -> Segment<'static> {
        let (from, to, acknowledgement) = (SERVER, CLIENT, Some(number));
        Segment { from, to, acknowledgement, window, ..segment(701, b"") }
    }

    fn label(streams: &mut Streams, segment: &Segment<'_>, milliseconds: u64) -> String {
        let (_, again, _, words) = streams.sent(segment, Timestamp::from_millis(milliseconds));
        assert_eq!(again, words.head.contains("again"));
        words.fit(80)
    }

    #[test]
    fn numbers_go_on_where_the_number_space_ends() {
        let mut streams = Streams::default();
        let first = u32::MAX - 1;
        assert_eq!(label(&mut streams, &syn(first), 0), "SYN");
        let data = segment(first.wrapping_add(1), b"A;25\n");
        assert_eq!(label(&mut streams, &data, 50), "DATA 1..5 \"A;25\", ACK 1");
        assert_eq!(label(&mut streams, &data, 1_050), "DATA 1..5 again after 1.000 s");
        let more = segment(first.wrapping_add(6), b"A;26\n");
        assert_eq!(label(&mut streams, &more, 1_100), "DATA 6..10 \"A;26\"");
    }

    #[test]
    fn old_bytes_and_new_ones_in_one_segment_are_sent_again_and_shown() {
        let mut streams = Streams::default();
        label(&mut streams, &syn(100), 0);
        label(&mut streams, &segment(101, b"a\n"), 50);
        let both = label(&mut streams, &segment(101, b"a\nb\n"), 1_050);
        assert_eq!(both, "DATA 1..4 again after 1.000 s \"a\" \"b\"");
    }

    #[test]
    fn another_connection_between_the_same_ports_starts_at_its_own_syn() {
        let mut streams = Streams::default();
        label(&mut streams, &syn(100), 0);
        label(&mut streams, &segment(101, b"a\n"), 50);
        assert_eq!(label(&mut streams, &syn(90_000), 60), "SYN");
        assert_eq!(label(&mut streams, &syn(90_000), 1_060), "SYN again after 1.000 s");
        assert_eq!(label(&mut streams, &segment(90_001, b"a\n"), 1_100), "DATA 1..2 \"a\", ACK 1");
    }

    #[test]
    fn a_keep_alive_is_no_retransmission_but_the_last_byte_unacknowledged_is_one() {
        let mut streams = Streams::default();
        label(&mut streams, &syn(100), 0);
        label(&mut streams, &segment(101, b"a\n"), 50);
        let last = segment(102, b"\n");
        assert_eq!(label(&mut streams, &last, 1_050), "DATA 2 again after 1.000 s");
        streams.arrived(&acknowledging(103, 1_000));
        assert_eq!(label(&mut streams, &last, 9_000), "keep-alive");
    }

    #[test]
    fn a_probe_of_a_closed_window_is_no_retransmission_nor_is_the_byte_after_it() {
        let mut streams = Streams::default();
        label(&mut streams, &syn(100), 0);
        streams.arrived(&acknowledging(101, 0));
        let probe = segment(101, b"a");
        assert_eq!(label(&mut streams, &probe, 1_000), "window probe 1");
        assert_eq!(label(&mut streams, &probe, 3_000), "window probe 1");
        streams.arrived(&acknowledging(101, 10));
        assert_eq!(label(&mut streams, &segment(101, b"a\n"), 3_050), "DATA 1..2 \"a\"");
    }
}
