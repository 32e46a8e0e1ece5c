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
    buffer: Vec<u8>,
    consumed: usize, // bytes of `buffer` already handed out
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
            buffer: Vec::new(),
            consumed: 0,
            since: Timestamp::ZERO,
            latest: Timestamp::ZERO,
            ended: false,
        }
    }

    /// Takes what one read returned.
    pub fn push(&mut self, bytes: &[u8], now: Timestamp) {
        if self.buffer.is_empty() {
            self.since = now;
        }
        self.latest = now;
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the end of the stream: what is in hand is a message, or half of one.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// Returns the next message, or why there cannot be one. Ask until there is none.
    pub fn next_message(&mut self, now: Timestamp) -> Option<Result<&str, FramingError>> {
        let rest = &self.buffer[self.consumed..];
        if rest.is_empty() {
            self.forget();
            return None;
        }
        if self.framing == Framing::Raw {
            return Some(self.take_all());
        }
        match memchr::memchr(b'\n', rest) {
            Some(length) => {
                self.framing = Framing::Line;
                let line = self.consumed..self.consumed + length;
                self.consumed += length + 1;
                self.since = now;
                Some(text(&self.buffer[line], self.max_message))
            }
            None => self.without_line_end(now),
        }
    }

    /// Returns when half a message stops being waited for.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let waiting = self.buffer.len() > self.consumed;
        waiting.then(|| match self.framing {
            Framing::Auto => (self.latest + SILENCE).min(self.since + INCOMPLETE),
            _ => self.since + INCOMPLETE,
        })
    }

    /// Returns whether part of a message is in hand.
    pub fn has_part(&self) -> bool {
        self.buffer.len() > self.consumed
    }

    fn without_line_end(&mut self, now: Timestamp) -> Option<Result<&str, FramingError>> {
        let auto = self.framing == Framing::Auto;
        let waited = |limit: Duration, from: Timestamp| now.since(from) >= limit;
        if self.buffer.len() - self.consumed > self.max_message + 1 {
            self.forget();
            return Some(Err(FramingError::TooLong));
        }
        if auto && (self.ended || waited(SILENCE, self.latest)) {
            return Some(self.take_all());
        }
        // A FIN with half a line in hand: the peer stopped in the middle of a message.
        if self.ended || waited(INCOMPLETE, self.since) {
            self.forget();
            return Some(Err(FramingError::Incomplete));
        }
        if self.consumed > 0 {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
        }
        None
    }

    fn take_all(&mut self) -> Result<&str, FramingError> {
        let all = self.consumed..self.buffer.len();
        self.consumed = self.buffer.len();
        text(without_one_line_end(&self.buffer[all]), self.max_message)
    }

    fn forget(&mut self) {
        self.consumed = 0;
        if self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }
}

/// Reads a datagram as a message: its boundaries came with it; one line end at its end is allowed,
/// because people type into `nc -u`.
///
/// # Errors
/// Says why the bytes are not a message.
pub fn datagram_text(bytes: &[u8], max_message: usize) -> Result<&str, FramingError> {
    let text = text(without_one_line_end(bytes), max_message)?;
    if text.bytes().any(|byte| byte == b'\n') {
        return Err(FramingError::LineEnd);
    }
    Ok(text)
}

fn without_one_line_end(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\n").unwrap_or(bytes)
}

fn text(bytes: &[u8], max_message: usize) -> Result<&str, FramingError> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.len() > max_message {
        return Err(FramingError::TooLong);
    }
    std::str::from_utf8(bytes).map_err(|_| FramingError::NotUtf8)
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
        assert_eq!(
            messages(&mut decoder, Timestamp::ZERO),
            [ok("one"), ok("two")]
        );
        decoder.push(b"ee\n", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("three")]);
    }

    #[test]
    fn without_a_line_end_silence_ends_the_message() {
        let mut decoder = Decoder::new(Framing::Auto, 100);
        decoder.push(b"one", Timestamp::ZERO);
        assert!(messages(&mut decoder, Timestamp::from_millis(199)).is_empty());
        assert_eq!(decoder.poll_timeout(), Some(Timestamp::from_millis(200)));
        assert_eq!(
            messages(&mut decoder, Timestamp::from_millis(200)),
            [ok("one")]
        );
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
        assert_eq!(
            messages(&mut decoder, Timestamp::ZERO),
            [Err(FramingError::TooLong)]
        );
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
    fn raw_takes_one_read_for_one_message() {
        let mut decoder = Decoder::new(Framing::Raw, 100);
        decoder.push(b"A;25\nA;26\n", Timestamp::ZERO);
        assert_eq!(messages(&mut decoder, Timestamp::ZERO), [ok("A;25\nA;26")]);
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
