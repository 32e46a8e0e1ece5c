//! The header that makes a datagram repeatable: 16 bytes, 8 more with a cookie, big endian.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+-------+-+-+---+---------------+---------------+
//! |     0xF9      | type  |C|I| 0 |    attempt    |  BYE reason   |
//! +---------------+-------+-+-+---+---------------+---------------+
//! |        payload length         |         reserved, 0           |
//! +-------------------------------+-------------------------------+
//! |                             token                             |
//! +---------------------------------------------------------------+
//! |                          message id                           |
//! +---------------------------------------------------------------+
//! |               cookie, 8 bytes, only if C is set               |
//! +---------------------------------------------------------------+
//! ```

use std::fmt;

use thiserror::Error;

/// First byte of a framed datagram, magic number and version at once. UTF-8 text never begins with
/// it, so bare messages are told apart by it as RFC 7983 tells protocols apart on one port.
pub const MAGIC: u8 = 0xF9;

/// Length without a cookie, in bytes.
pub const HEADER_LENGTH: usize = 16;

/// Length of a cookie, in bytes.
pub const COOKIE_LENGTH: usize = 8;

/// A proof that its bearer can receive at its address; made by `cookie::CookieMaker`.
pub type Cookie = [u8; COOKIE_LENGTH];

const FLAG_COOKIE: u8 = 0x8;
const FLAG_IDEMPOTENT: u8 = 0x4;

/// What a framed datagram is for. The numbers are those on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    /// A request.
    Request = 0,
    /// A reply, which also acknowledges the request.
    Reply = 1,
    /// "I have your request and am working on it."
    Ack = 2,
    /// "I have no room for you."
    Busy = 3,
    /// "Prove your address: say it again with this cookie."
    Challenge = 4,
    /// "I am leaving", from either side.
    Bye = 5,
    /// Opens a session.
    Hello = 6,
    /// Confirms a session.
    Welcome = 7,
    /// "Are you there?"
    Ping = 8,
    /// "I am."
    Pong = 9,
    /// "I am not the server that you spoke with."
    Stale = 10,
}

impl Type {
    /// Every type, each at the place of its number on the wire.
    pub const ALL: [Type; 11] = [
        Type::Request,
        Type::Reply,
        Type::Ack,
        Type::Busy,
        Type::Challenge,
        Type::Bye,
        Type::Hello,
        Type::Welcome,
        Type::Ping,
        Type::Pong,
        Type::Stale,
    ];
}

/// Why a side says goodbye. The numbers are those on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByeReason {
    /// 1: the server shuts down.
    Shutdown,
    /// 2: the server shuts down because this client's number was out of range.
    OutOfRange,
    /// 3: nothing was said for too long.
    Idle,
    /// 4: the client leaves.
    ClientLeaves,
    /// Any other number: a reason this version does not know.
    Other(u8),
}

impl ByeReason {
    fn code(self) -> u8 {
        match self {
            ByeReason::Shutdown => 1,
            ByeReason::OutOfRange => 2,
            ByeReason::Idle => 3,
            ByeReason::ClientLeaves => 4,
            ByeReason::Other(code) => code,
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            1 => ByeReason::Shutdown,
            2 => ByeReason::OutOfRange,
            3 => ByeReason::Idle,
            4 => ByeReason::ClientLeaves,
            code => ByeReason::Other(code),
        }
    }
}

impl fmt::Display for ByeReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ByeReason::Shutdown => formatter.write_str("shutting down"),
            ByeReason::OutOfRange => formatter.write_str("out of range"),
            ByeReason::Idle => formatter.write_str("idle for too long"),
            ByeReason::ClientLeaves => formatter.write_str("leaving"),
            ByeReason::Other(code) => write!(formatter, "reason {code}"),
        }
    }
}

/// Everything in front of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the datagram is for.
    pub kind: Type,
    /// Request: executing it again does no harm, so the server need not remember it.
    pub idempotent: bool,
    /// Request: which copy this is, from 1. Reply: which copy it answers.
    pub attempt: u8,
    /// BYE: why; 0 otherwise.
    pub bye: Option<ByeReason>,
    /// The client's name on this wire, drawn at random; survives a change of address.
    pub token: u32,
    /// Pairs a reply with its request, and a copy with its first.
    pub message_id: u32,
    /// Proof of address.
    pub cookie: Option<Cookie>,
}

/// Why a datagram that begins like a framed one is none. Such a datagram is never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Shorter than its header.
    #[error("shorter than its header")]
    Short,
    /// A type that this version does not know.
    #[error("unknown type")]
    UnknownType,
    /// The payload is not as long as the header says: the datagram was cut, or lies.
    #[error("the length field lies")]
    Length,
}

/// Returns whether a datagram is framed: decided by its first byte alone.
pub fn is_framed(datagram: &[u8]) -> bool {
    datagram.first() == Some(&MAGIC)
}

impl Header {
    /// A header without flags, cookie or reason.
    pub fn new(kind: Type, attempt: u8, token: u32, message_id: u32) -> Self {
        Header { kind, idempotent: false, attempt, bye: None, token, message_id, cookie: None }
    }

    /// Splits a framed datagram into header and payload.
    ///
    /// # Errors
    /// If it is cut short, of unknown type, or not as long as it says.
    pub fn parse(datagram: &[u8]) -> Result<(Header, &[u8]), HeaderError> {
        let (fixed, rest) =
            datagram.split_first_chunk::<HEADER_LENGTH>().ok_or(HeaderError::Short)?;
        let kind = *Type::ALL.get(usize::from(fixed[1] >> 4)).ok_or(HeaderError::UnknownType)?;
        let (cookie, payload) = if fixed[1] & FLAG_COOKIE != 0 {
            let (cookie, payload) = rest.split_first_chunk().ok_or(HeaderError::Short)?;
            (Some(*cookie), payload)
        } else {
            (None, rest)
        };
        if payload.len() != usize::from(u16::from_be_bytes([fixed[4], fixed[5]])) {
            return Err(HeaderError::Length);
        }
        let header = Header {
            kind,
            idempotent: fixed[1] & FLAG_IDEMPOTENT != 0,
            attempt: fixed[2],
            bye: (kind == Type::Bye).then(|| ByeReason::from_code(fixed[3])),
            token: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            message_id: u32::from_be_bytes([fixed[12], fixed[13], fixed[14], fixed[15]]),
            cookie,
        };
        Ok((header, payload))
    }

    /// Appends header and payload to `bytes`. The payload must be shorter than 64 KiB.
    pub fn write(&self, payload: &[u8], bytes: &mut Vec<u8>) {
        let start = self.begin(bytes);
        bytes.extend_from_slice(payload);
        finish(bytes, start);
    }

    /// Appends the header alone and returns where it begins; [`finish`] makes its length true
    /// once the payload stands behind it.
    pub fn begin(&self, bytes: &mut Vec<u8>) -> usize {
        let start = bytes.len();
        let flags = if self.cookie.is_some() { FLAG_COOKIE } else { 0 }
            | if self.idempotent { FLAG_IDEMPOTENT } else { 0 };
        let bye = self.bye.map_or(0, ByeReason::code);
        let mut fixed = [
            MAGIC,
            (self.kind as u8) << 4 | flags,
            self.attempt,
            bye,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        fixed[8..12].copy_from_slice(&self.token.to_be_bytes());
        fixed[12..16].copy_from_slice(&self.message_id.to_be_bytes());
        bytes.extend_from_slice(&fixed);
        if let Some(cookie) = &self.cookie {
            bytes.extend_from_slice(cookie);
        }
        start
    }
}

/// Makes the length field of the datagram that begins at `start` and ends with `bytes` true.
pub fn finish(bytes: &mut [u8], start: usize) {
    let with_cookie = bytes[start + 1] & FLAG_COOKIE != 0;
    let header = HEADER_LENGTH + if with_cookie { COOKIE_LENGTH } else { 0 };
    let length = u16::try_from(bytes.len() - start - header).unwrap_or(u16::MAX);
    bytes[start + 4..start + 6].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 20] = [
        0xF9, 0x04, 2, 0, 0, 4, 0, 0, // magic, REQUEST idempotent, attempt 2, length 4
        0, 0, 0, 7, 0, 0, 0, 9, // token 7, message id 9
        b'A', b';', b'2', b'5',
    ];

    #[test]
    fn a_request_reads_and_writes_as_the_drawing_says() {
        let (header, payload) = Header::parse(&REQUEST).expect("a request");
        let expected = Header { idempotent: true, ..Header::new(Type::Request, 2, 7, 9) };
        assert_eq!((header, payload), (expected, &b"A;25"[..]));
        let mut bytes = Vec::new();
        header.write(payload, &mut bytes);
        assert_eq!(bytes, REQUEST);
    }

    #[test]
    fn every_type_stands_at_its_number() {
        for (number, kind) in (0..).zip(Type::ALL) {
            assert_eq!(kind as u8, number);
        }
    }

    #[test]
    fn a_cookie_stands_between_header_and_payload() {
        let header = Header { cookie: Some([1; 8]), ..Header::new(Type::Challenge, 1, 7, 9) };
        let mut bytes = Vec::new();
        header.write(b"", &mut bytes);
        assert_eq!(bytes.len(), HEADER_LENGTH + COOKIE_LENGTH);
        assert_eq!(Header::parse(&bytes), Ok((header, &b""[..])));
    }

    #[test]
    fn reserved_bits_and_bytes_are_ignored() {
        let mut bytes = REQUEST;
        bytes[1] |= 0x3;
        bytes[6] = 0xff;
        assert_eq!(Header::parse(&bytes), Header::parse(&REQUEST));
    }

    #[test]
    fn what_is_cut_lies_or_is_unknown_is_refused() {
        assert_eq!(Header::parse(&REQUEST[..15]), Err(HeaderError::Short));
        assert_eq!(Header::parse(&REQUEST[..19]), Err(HeaderError::Length));
        let mut bytes = REQUEST;
        bytes[1] = 0xB0;
        assert_eq!(Header::parse(&bytes), Err(HeaderError::UnknownType));
        bytes[1] = 0x08;
        assert_eq!(Header::parse(&bytes), Err(HeaderError::Short));
    }

    #[test]
    fn no_text_is_taken_for_framed() {
        for text in ["", "A;25", "\u{f9}", "\u{10ffff}"] {
            assert!(!is_framed(text.as_bytes()));
        }
    }
}
