//! A reply that is too long to be held: it is read piece by piece as it is sent.
//!
//! A service only says what is to be sent; reading a file would hold everybody up who waits for the
//! service. Whoever sends reads: over TCP one content to its end, over UDP one piece for each reply.

use std::fmt;
use std::time::Duration;

/// Something that can be read piece by piece.
pub trait Content: fmt::Debug + Send {
    /// Appends the next piece to `out`, at most `room` bytes.
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece;
}

/// What a piece was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// More will follow.
    More,
    /// It was the last one of so many bytes as were announced.
    End,
    /// It was all there is: a line of text, an error for instance. Nothing was sent before it.
    Line,
    /// Nothing yet: it is being prepared. Ask again after [`NOT_YET`].
    NotYet,
    /// It cannot be read to its end, for this reason; what was announced will not come.
    Broken(String),
}

/// When to ask again for a piece that was not ready: short beside what people notice.
pub const NOT_YET: Duration = Duration::from_millis(10);

/// A content that is a line: what a service has to say instead of a file, without an end of line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub String);

impl Content for Line {
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
        let Line(text) = self;
        // Nobody may say more than a message holds: what is cut off here is the end of an echo.
        let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        out.extend_from_slice(&text.as_bytes()[..end.unwrap_or_default()]);
        Piece::Line
    }
}
