//! Over TCP: where does a message end? A byte stream has no boundaries; we cut it at line ends.

use std::time::Duration;

use thiserror::Error;

use super::parameters::{INCOMPLETE, SILENCE};
use crate::time::Timestamp;

/// How TCP bytes become messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Lines; until the first line end on a connection, silence or FIN ends a message too.
    #[default]
    Auto,
    /// Lines only.
    Line,
    /// What one read returns is a message: the most frequent bug, here to be seen.
    Raw,
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FramingError {
    /// More bytes than a message may have.
    #[error("too long")]
    TooLong,
    /// The other half did not come in time, or never will.
    #[error("incomplete")]
    Incomplete,
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// A line end within a message whose boundaries are known otherwise.
    #[error("line end inside the message")]
    LineEnd,
}

/// Cuts a byte stream into messages. Told the time, like everything here.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    max_message: usize, // bytes
    /// What came and is text. It is checked as it comes, a read at a time: checking each line for
    /// itself costs more than finding it.
    buffer: String,
    consumed: usize, // bytes of `buffer` already handed out
    /// Behind `buffer`: the beginning of a character whose other bytes have not come yet.
    partial: Vec<u8>,
    /// Behind `buffer`: bytes that are no text. Nothing after them is looked at.
    broken: bool,
    /// The first bytes in hand came then.
    since: Timestamp,
    /// The last bytes came then.
    latest: Timestamp,
    ended: bool,
}

/// Buffers that have grown beyond this are given back when empty: an idle connection costs little.
const KEPT_CAPACITY: usize = 256; // bytes

impl Decoder {
    /// A decoder for messages of at most `max_message` bytes.
    pub fn new(framing: Framing, max_message: usize) -> Self {
        Decoder {
            framing,
            max_message,
            buffer: String::new(),
            consumed: 0,
            partial: Vec::new(),
            broken: false,
            since: Timestamp::ZERO,
            latest: Timestamp::ZERO,
            ended: false,
        }
    }

    /// Returns how long a message may be, in bytes.
    pub fn max_message(&self) -> usize {
        self.max_message
    }

    /// Takes what one read returned.
    pub fn push(&mut self, bytes: &[u8], now: Timestamp) {
        if self.in_hand() == 0 {
            self.since = now;
        }
        self.latest = now;
        if self.partial.is_empty() {
            self.push_text(bytes);
        } else {
            let mut joined = std::mem::take(&mut self.partial);
            joined.extend_from_slice(bytes);
            self.push_text(&joined);
        }
    }

    fn push_text(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.buffer.push_str(text),
            Err(error) => {
                let (text, rest) = bytes.split_at(error.valid_up_to());
                self.buffer.push_str(str::from_utf8(text).unwrap_or_default());
                // Cut in the middle of a character, or no character at all?
                match error.error_len() {
                    None => self.partial = rest.to_vec(),
                    Some(_) => self.broken = true,
                }
            }
        }
    }

    /// Takes the end of the stream: what is in hand is a message, or half of one.
    pub fn finish(&mut self) {
        self.ended = true;
        self.broken |= !self.partial.is_empty();
    }

    /// Returns the next message, or why there cannot be one. Ask until there is none.
    pub fn next_message(&mut self, now: Timestamp) -> Option<Result<&str, FramingError>> {
        let rest = &self.buffer[self.consumed..];
        let line_end = match self.framing {
            Framing::Raw => None,
            Framing::Auto | Framing::Line => memchr::memchr(b'\n', rest.as_bytes()),
        };
        match line_end {
            Some(length) => {
                self.framing = Framing::Line;
                let line = self.consumed..self.consumed + length;
                self.consumed += length + 1;
                self.since = now;
                Some(within(&self.buffer[line], self.max_message))
            }
            None => self.without_line_end(now),
        }
    }

    /// Returns when half a message stops being waited for.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        (self.in_hand() > 0).then(|| match self.framing {
            Framing::Auto => (self.latest + SILENCE).min(self.since + INCOMPLETE),
            _ => self.since + INCOMPLETE,
        })
    }

    /// Returns how many bytes wait to become messages.
    pub fn in_hand(&self) -> usize {
        self.buffer.len() - self.consumed + self.partial.len()
    }

    fn without_line_end(&mut self, now: Timestamp) -> Option<Result<&str, FramingError>> {
        // Length first: had the line come in pieces, it would have been too long before it broke.
        let rest = self.buffer.len() - self.consumed;
        if rest > self.max_message + 1 {
            self.forget();
            return Some(Err(FramingError::TooLong));
        }
        if self.broken {
            self.forget();
            return Some(Err(FramingError::NotUtf8));
        }
        let waited = |limit: Duration, from: Timestamp| now.since(from) >= limit;
        let complete = match self.framing {
            Framing::Raw => true,
            Framing::Auto => self.ended || waited(SILENCE, self.latest),
            Framing::Line => false,
        };
        if rest > 0 && complete {
            return Some(self.take_all());
        }
        // A FIN with half a line in hand: the peer stopped in the middle of a message.
        if self.in_hand() > 0 && (self.ended || waited(INCOMPLETE, self.since)) {
            self.forget();
            return Some(Err(FramingError::Incomplete));
        }
        self.tidy();
        None
    }

    fn take_all(&mut self) -> Result<&str, FramingError> {
        let all = self.consumed..self.buffer.len();
        self.consumed = self.buffer.len();
        whole(&self.buffer[all], self.max_message)
    }

    /// Gives back what has been handed out.
    fn tidy(&mut self) {
        if self.consumed == self.buffer.len() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = String::new();
        } else if self.consumed > 0 {
            self.buffer.drain(..self.consumed);
        }
        self.consumed = 0;
    }

    /// Nothing of what is in hand will become a message.
    fn forget(&mut self) {
        self.consumed = self.buffer.len();
        self.partial = Vec::new();
        self.broken = false;
        self.tidy();
    }
}

/// Reads a datagram as a message: its boundaries came with it; one line end at its end is allowed,
/// because people type into `nc -u`.
///
/// # Errors
/// Says why the bytes are not a message.
pub fn datagram_text(bytes: &[u8], max_message: usize) -> Result<&str, FramingError> {
    whole(std::str::from_utf8(bytes).map_err(|_| FramingError::NotUtf8)?, max_message)
}

/// Takes all of `text` for one message.
fn whole(text: &str, max_message: usize) -> Result<&str, FramingError> {
    let text = within(without_one_line_end(text), max_message)?;
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(_) => Err(FramingError::LineEnd),
        None => Ok(text),
    }
}

fn without_one_line_end(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn within(text: &str, max_message: usize) -> Result<&str, FramingError> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.len() > max_message { Err(FramingError::TooLong) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(decoder: &mut Decoder, now: Timestamp) -> Vec<Result<String, FramingError>> {
        let mut found = Vec::new();
        while let Some(message) = decoder.next_message(now) {
            found.push(message.map(str::to_owned));
        }
        found
    }

    fn ok(text: &str) -> Result<String, FramingError> {
        Ok(text.to_owned())
    }

    #[test]
    fn glued_lines_are_separate_messages() {
        let mut decoder = Decoder::new(Framing::Line, 100);
        decoder.push(b"one\ntwo\r\nthr", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("one"), ok("two")]);
        decoder.push(b"ee\n", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("three")]);
    }

    #[test]
    fn without_a_line_end_silence_ends_the_message() {
        let mut decoder = Decoder::new(Framing::Auto, 100);
        decoder.push(b"one", Timestamp::ZERO);
        assert!(messages(&mut decoder, Timestamp::from_millis(199)).is_empty());
        assert_eq!(decoder.poll_timeout(), Some(Timestamp::from_millis(200)));
        assert_eq!(messages(&mut decoder, Timestamp::from_millis(200)), [ok("one")]);
        assert_eq!(decoder.poll_timeout(), None);
    }

    #[test]
    fn the_first_line_end_makes_lines_for_good() {
        let mut decoder = Decoder::new(Framing::Auto, 100);
        decoder.push(b"one\ntwo", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("one")]);
        assert!(messages(&mut decoder, Timestamp::from_millis(500)).is_empty());
        decoder.finish();
        let found = messages(&mut decoder, Timestamp::from_millis(500));
        assert_eq!(found, [Err(FramingError::Incomplete)]);
    }

    #[test]
    fn before_any_line_end_a_fin_ends_the_message() {
        let mut decoder = Decoder::new(Framing::Auto, 100);
        decoder.push(b"one", Timestamp::ZERO);
        decoder.finish();
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("one")]);
        assert!(messages(&mut decoder, Timestamp::ZERO).is_empty());
    }

    #[test]
    fn half_a_line_is_not_waited_for_longer_than_ten_seconds() {
        let mut decoder = Decoder::new(Framing::Line, 100);
        decoder.push(b"hal", Timestamp::from_millis(1));
        decoder.push(b"f", Timestamp::from_millis(9_000));
        assert!(messages(&mut decoder, Timestamp::from_millis(10_000)).is_empty());
        let found = messages(&mut decoder, Timestamp::from_millis(10_001));
        assert_eq!(found, [Err(FramingError::Incomplete)]);
    }

    #[test]
    fn an_endless_line_is_too_long_before_it_ends() {
        let mut decoder = Decoder::new(Framing::Line, 10);
        decoder.push(&[b'a'; 12], Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [Err(FramingError::TooLong)]);
    }

    #[test]
    fn the_longest_message_fits_with_cr_and_lf() {
        let mut decoder = Decoder::new(Framing::Line, 3);
        decoder.push(b"abc\r", Timestamp::ZERO);
        assert!(messages(&mut decoder, Timestamp::ZERO).is_empty());
        decoder.push(b"\nabcd\n", Timestamp::ZERO);
        let found = messages(&mut decoder, Timestamp::ZERO);
        assert_eq!(found, [ok("abc"), Err(FramingError::TooLong)]);
    }

    #[test]
    fn a_character_may_be_cut_by_a_read_but_not_by_the_end() {
        let mut decoder = Decoder::new(Framing::Line, 100);
        let zoë = "Zoë\n".as_bytes();
        decoder.push(&zoë[..3], Timestamp::ZERO);
        assert!(messages(&mut decoder, Timestamp::ZERO).is_empty());
        decoder.push(&zoë[3..], Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("Zoë")]);
        decoder.push(&zoë[..3], Timestamp::ZERO);
        decoder.finish();
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [Err(FramingError::NotUtf8)]);
    }

    #[test]
    fn lines_before_bytes_that_are_no_text_are_messages() {
        let mut decoder = Decoder::new(Framing::Auto, 100);
        decoder.push(b"one\nt\xffwo\nthree\n", Timestamp::ZERO);
        let found = messages(&mut decoder, Timestamp::ZERO);
        assert_eq!(found, [ok("one"), Err(FramingError::NotUtf8)]);
    }

    #[test]
    fn raw_takes_one_read_for_one_message_and_two_glued_lines_for_none() {
        let mut decoder = Decoder::new(Framing::Raw, 100);
        decoder.push(b"A;25", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("A;25")]);
        decoder.push(b"A;25\nA;26\n", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [Err(FramingError::LineEnd)]);
    }

    #[test]
    fn a_datagram_is_a_message_with_or_without_a_line_end() {
        assert_eq!(datagram_text(b"A;25\n", 100), Ok("A;25"));
        assert_eq!(datagram_text(b"A;25", 100), Ok("A;25"));
        assert_eq!(datagram_text(b"", 100), Ok(""));
        assert_eq!(datagram_text(b"A\n;25", 100), Err(FramingError::LineEnd));
        assert_eq!(datagram_text(&[0xff], 100), Err(FramingError::NotUtf8));
    }
}
