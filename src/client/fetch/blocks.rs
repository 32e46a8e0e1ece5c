//! Which bytes of a file to ask for next, and in which order to pass on what comes: datagrams arrive
//! in any order, and not all that were sent.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::protocol::parameters::WINDOW;
use crate::service::files::Head;

/// A file that comes in blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    length: u64,
    room: usize, // bytes of a reply: the line, its end and what follows
    /// The first byte that nobody was asked for.
    unasked: u64,
    /// What came shorter than expected: the rest, to be asked for again.
    short: VecDeque<Range<u64>>,
    /// The first byte that was not passed on.
    missing: u64,
    /// Came before its turn, by the first byte. No more than what a full window brings.
    early: BTreeMap<u64, Vec<u8>>,
}

impl Blocks {
    /// The rest of a file of `length` bytes, from `next` on, from a server whose replies have `room`
    /// bytes.
    pub(super) fn new(next: u64, length: u64, room: usize) -> Self {
        let (short, early) = (VecDeque::new(), BTreeMap::new());
        Blocks { length, room, unasked: next, short, missing: next, early }
    }

    /// Returns how many bytes the whole file has.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns which bytes to ask for next; `None` if there are no more, or too many wait already for
    /// one that is missing.
    pub(super) fn next(&mut self) -> Option<Range<u64>> {
        if let Some(range) = self.short.pop_front() {
            return Some(range);
        }
        let start = self.unasked;
        let waiting = start - self.missing;
        if start >= self.length || waiting >= (WINDOW * self.room) as u64 {
            return None;
        }
        let line = Head::Part { offset: start, length: self.length }.to_string().len() + 1;
        // If the server's replies are even shorter, the rest is asked for again.
        let size = self.room.saturating_sub(line).max(1) as u64;
        self.unasked = self.length.min(start + size);
        Some(start..self.unasked)
    }

    /// Takes what came for a range that was asked for; at least one byte.
    pub(super) fn received(&mut self, range: Range<u64>, mut bytes: Vec<u8>) {
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        bytes.truncate(wanted);
        let end = range.start + bytes.len() as u64;
        if end < range.end {
            self.short.push_back(end..range.end);
        }
        self.early.insert(range.start, bytes);
    }

    /// Returns the bytes whose turn it is, if they have come. Ask until there are none.
    pub(super) fn in_order(&mut self) -> Option<Vec<u8>> {
        let bytes = self.early.remove(&self.missing)?;
        self.missing += bytes.len() as u64;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 7 + index / 256) as u8).collect()
    }

    /// What a server answers whose replies have `room` bytes.
    fn reply(file: &[u8], range: &Range<u64>, room: usize) -> Vec<u8> {
        let head = Head::Part { offset: range.start, length: file.len() as u64 }.to_string();
        let start = range.start as usize;
        let end = file.len().min(start + room - head.len() - 1);
        file[start..end].to_vec()
    }

    #[test]
    fn the_ranges_are_what_full_replies_hold() {
        let mut blocks = Blocks::new(1_000, 3_000, 1_000);
        // "PART 1000 3000" and its end are 15 bytes.
        assert_eq!(blocks.next(), Some(1_000..1_985));
        assert_eq!(blocks.next(), Some(1_985..2_970));
        assert_eq!(blocks.next(), Some(2_970..3_000));
        assert_eq!(blocks.next(), None);
    }

    #[test]
    fn nothing_is_left_to_ask_for_behind_the_end() {
        assert_eq!(Blocks::new(5, 5, 1_000).next(), None);
    }

    #[test]
    fn while_one_block_is_missing_no_more_than_a_window_is_kept() {
        let mut blocks = Blocks::new(0, 1_000_000, 1_000);
        let late = blocks.next().expect("the first block");
        while let Some(range) = blocks.next() {
            let bytes = vec![0; (range.end - range.start) as usize];
            blocks.received(range, bytes);
        }
        let kept: usize = blocks.early.values().map(Vec::len).sum();
        assert!((60_000..65_000).contains(&kept), "{kept} bytes");
        blocks.received(late.clone(), vec![0; late.end as usize]);
        while blocks.in_order().is_some() {}
        assert!(blocks.next().is_some());
    }

    proptest! {
        #[test]
        fn in_whatever_order_replies_come_the_file_is_put_together(
            length in 1_usize..20_000,
            room in 100_usize..1_200,
            // The server's replies may be longer or shorter than its first one.
            other_room in 30_usize..1_300,
            window in 1_usize..64,
            order in proptest::collection::vec(any::<prop::sample::Index>(), 1..500),
        ) {
            let file = file(length);
            let mut blocks = Blocks::new(0, length as u64, room);
            let mut order = order.iter().cycle();
            let (mut outstanding, mut whole) = (Vec::new(), Vec::new());
            loop {
                while outstanding.len() < window && let Some(range) = blocks.next() {
                    outstanding.push(range);
                }
                if outstanding.is_empty() {
                    break;
                }
                let drawn = order.next().expect("a cycle").index(outstanding.len());
                let range = outstanding.swap_remove(drawn);
                let bytes = reply(&file, &range, other_room);
                blocks.received(range, bytes);
                while let Some(bytes) = blocks.in_order() {
                    whole.extend(bytes);
                }
            }
            prop_assert_eq!(whole, file);
        }
    }
}
