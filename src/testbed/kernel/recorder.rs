//! What is kept of what the wire does: every packet with its fate, up to a bound.

use crate::net::record::{NetEvent, NetFate};
use crate::wire::Fate;

/// So much is kept of one run, counted as below: some 100,000 small packets, far more than any
/// scenario sends.
const MOST: usize = 32 * 1024 * 1024; // bytes

/// What a packet takes beside its own bytes: its events here, and its place in the trace.
const EACH: usize = 256; // bytes

/// The record of a run.
#[derive(Debug)]
pub(super) struct Recorder {
    events: Vec<NetEvent>,
    /// Bytes that may be kept.
    most: usize,
    /// Bytes that may still be kept.
    room: usize,
    /// The number of the last packet that is kept, for each direction.
    last: [u64; 2],
    missing: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder::up_to(MOST)
    }
}

impl Recorder {
    fn up_to(most: usize) -> Self {
        Recorder { events: Vec::new(), most, room: most, last: [0; 2], missing: 0 }
    }

    /// Keeps an event. Of a packet for which there is no room nothing is kept; of the others, all.
    pub(super) fn keep(&mut self, event: NetEvent) {
        let last = &mut self.last[event.packet.direction as usize];
        if event.fate == NetFate::OnWire(Fate::Sent) {
            let needs = event.packet.bytes.len() + EACH;
            if needs > self.room {
                // Nor for smaller ones that follow: what is missing is the end.
                self.room = 0;
                self.missing += 1;
                return;
            }
            self.room -= needs;
            *last = event.packet.number;
        } else if event.packet.number > *last {
            return;
        }
        self.events.push(event);
    }

    /// Returns how many events it has.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns those from this one on.
    pub(super) fn since(&mut self, first: usize) -> &mut [NetEvent] {
        &mut self.events[first..]
    }

    /// Returns how many packets are not in it.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// Takes the events so far. Unless some are missing, there is room for as many again.
    pub(super) fn take(&mut self) -> Vec<NetEvent> {
        if self.missing == 0 {
            self.room = self.most;
        }
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::wire::{Direction, Passing};

    fn event(number: u64, fate: Fate) -> NetEvent {
        let direction = Direction::ClientToServer;
        let packet = Passing { direction, number, bytes: vec![0; 100].into() };
        NetEvent { at: Timestamp::ZERO, packet, fate: NetFate::OnWire(fate) }
    }

    #[test]
    fn when_the_record_is_full_what_is_missing_is_the_end_and_is_counted() {
        let mut recorder = Recorder::up_to(2 * (100 + EACH) + 50);
        let events: Vec<NetEvent> = (1..=4).map(|number| event(number, Fate::Sent)).collect();
        events.iter().for_each(|event| recorder.keep(event.clone()));
        assert_eq!(recorder.missing(), 2);
        assert_eq!(recorder.take(), events[..2]);
    }

    #[test]
    fn what_was_taken_makes_room() {
        let mut recorder = Recorder::up_to(100 + EACH);
        for number in 1..=2 {
            recorder.keep(event(number, Fate::Sent));
            assert_eq!(recorder.take(), [event(number, Fate::Sent)]);
        }
    }

    #[test]
    fn what_becomes_of_a_packet_is_kept_though_the_record_is_full() {
        let mut recorder = Recorder::up_to(100 + EACH);
        let (sent, lost) = (event(1, Fate::Sent), event(1, Fate::Lost));
        let unkept = [event(2, Fate::Sent), event(2, Fate::Lost)];
        for event in [&sent, &unkept[0], &unkept[1], &lost] {
            recorder.keep(event.clone());
        }
        assert_eq!(recorder.take(), [sent, lost]);
    }
}
