//! About where messages begin and end, and how long they may be.

use super::{answered, both};
use crate::protocol::framing::Framing;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::rows::of_number;
use crate::scenario::words::{short, thousands};

pub(in crate::scenario) fn message_boundaries(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let how = match tcp.framing {
            Framing::Raw => {
                "Over TCP the server took what one recv returned for one message, and all three had \
                 come together: TCP is a stream of bytes and keeps no boundaries. Whoever wants \
                 messages must mark their ends"
            }
            _ => {
                "Over TCP all three came in one recv: a stream of bytes keeps no boundaries, the \
                 server found the messages by their line ends"
            }
        };
        format!(
            "The wire held the first packet up, so that all arrived together. {how} ({} answered). \
             Over UDP each send was a datagram and each recv one message ({} answered), in the order \
             in which they came.",
            answered(tcp),
            answered(udp)
        )
    })
}

pub(in crate::scenario) fn oversized(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let refused: usize = udp.clients.iter().map(|client| client.not_sent.len()).sum();
        format!(
            "TCP cut every message into segments that fit ({} of 5 answered); the program never saw \
             it. Over UDP a datagram above 1,472 bytes left in pieces that only the other host puts \
             together ({} answered), and {refused} was longer than a datagram can be: the system \
             refused to send it. If one piece is lost, all are: oversized.fragment-lost.",
            answered(tcp),
            answered(udp)
        )
    })
}

pub(in crate::scenario) fn fragment_lost(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let after =
            |run: &Run| of_number(run, 13).map_or("-".to_owned(), |one| short(one.elapsed()));
        let end = |run: &Run| {
            of_number(run, 13).map_or("-".to_owned(), |one| one.ending.name().replace('_', " "))
        };
        format!(
            "The same packet was lost over both. TCP sent again what was in it: {} after {}. Over UDP \
             the other pieces arrived for nothing; a datagram is whole or not at all, and nobody is \
             told: {} after {}.",
            end(tcp),
            after(tcp),
            end(udp),
            after(udp)
        )
    })
}

pub(in crate::scenario) fn slow_reader(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let gone = |run: &Run| run.pushed().saturating_sub(run.read().bytes);
        let over_tcp = match gone(tcp) {
            0 => "every byte that send() took was read in the end",
            _ => "not everything that send() took was read",
        };
        let over_udp = match gone(udp) {
            0 => "everything fitted into the receiver's buffer".to_owned(),
            gone => format!(
                "send() took {} bytes, and {} of them died in the receiver's own buffer, with no \
                 error on either side",
                thousands(udp.pushed()),
                thousands(gone)
            ),
        };
        format!(
            "Nobody read for three seconds. Over TCP the receiver's window closed, and send() held the \
             sender up (flow control): {over_tcp}. Over UDP nothing holds a sender up: {over_udp}. Not \
             all loss is the network's."
        )
    })
}
