//! The messages in a packet, the names of our datagrams, and which part of one a packet carries.

use std::fmt;

use smoltcp::wire::{IpProtocol, Ipv4Packet};

use crate::escape::escape;
use crate::packet::Datagram;
use crate::protocol::datagram::header::{COOKIE_LENGTH, HEADER_LENGTH, Header, HeaderError, Type};

/// Splits bytes into messages, escaped; what is behind the last end of line is one too. What is no
/// text, the bytes of a file for instance, is not shown, nor is what follows it.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let text = |line: &&[u8]| {
        String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
    };
    lines.iter().map(text).take_while(|text| is_text(text)).map(|text| escape(&text)).collect()
}

/// Returns whether this was text before it was made legible; a segment may begin and end in the middle
/// of a character.
fn is_text(legible: &str) -> bool {
    /// Three bytes at most of a character that was cut at the beginning, one mark for its first
    /// bytes at the end (RFC 3629 section 3: four bytes a character).
    const CUT: usize = 4;
    let illegible = legible.chars().filter(|sign| *sign == char::REPLACEMENT_CHARACTER).count();
    illegible == 0 || (illegible <= CUT && !legible.contains(char::is_control))
}

/// Returns what a framed datagram says in words, as far as its name does not: what a client is called,
/// why it is turned away, which bytes of a file follow.
pub(super) fn said(datagram: &Datagram<'_>) -> Option<String> {
    let (header, payload) = Header::parse(datagram.payload).ok()?;
    let said = match header.kind {
        Type::Welcome | Type::Busy => payload,
        Type::Reply => &payload[..memchr::memchr(b'\n', payload)?],
        _ => return None,
    };
    Some(escape(&String::from_utf8_lossy(said)))
}

/// Writes messages in at most `room` columns, each with a space before it, and says how many more
/// there are.
pub(super) fn shortened(messages: &[String], room: usize) -> String {
    let mut out = String::new();
    for (index, message) in messages.iter().enumerate() {
        let left = messages.len() - index - 1;
        let more = if left > 0 { format!(" and {left} more") } else { String::new() };
        let used = out.chars().count();
        let fits = room.saturating_sub(used + 3 + more.len());
        if index > 0 && message.chars().count() > fits {
            let unsaid = format!(" and {} more", left + 1);
            return out + &cut(&unsaid, room - used);
        }
        let message = cut(message, fits);
        out.push_str(&format!(" \"{message}\""));
    }
    out
}

/// Cuts a text to `width` columns; two dots stand for what is missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let dots = width.min(2);
    text.chars().take(width - dots).chain("..".chars().take(dots)).collect()
}

/// Names a framed datagram: `REQUEST id 5b1d9c41 attempt 1`.
pub(super) fn name(header: &Header) -> String {
    let Header { kind, attempt, message_id: id, .. } = *header;
    let proof = if header.cookie.is_some() { " with cookie" } else { "" };
    match kind {
        Type::Request => format!("REQUEST id {id:08x} attempt {attempt}{proof}"),
        Type::Reply => format!("REPLY id {id:08x} attempt {attempt}"),
        Type::Ack => format!("ACK id {id:08x} attempt {attempt}"),
        Type::Busy => format!("BUSY id {id:08x}"),
        Type::Challenge => format!("CHALLENGE id {id:08x}{proof}"),
        Type::Bye => match header.bye {
            Some(reason) => format!("BYE {reason}"),
            None => "BYE".to_owned(),
        },
        Type::Hello => format!("HELLO attempt {attempt}{proof}"),
        Type::Welcome => "WELCOME".to_owned(),
        Type::Ping => "PING".to_owned(),
        Type::Pong => "PONG".to_owned(),
        Type::Stale => format!("STALE id {id:08x}"),
    }
}

/// Reads the header of a framed datagram, of which the packet may carry only the first part, and
/// counts the bytes of the message that are here.
pub(super) fn first_part(datagram: &Datagram<'_>) -> Result<(Header, usize), HeaderError> {
    if !datagram.more_fragments {
        return Header::parse(datagram.payload).map(|(header, payload)| (header, payload.len()));
    }
    // The length is that of the whole: read what there is of it as if that were all.
    let mut part = datagram.payload.to_vec();
    for length in [HEADER_LENGTH, HEADER_LENGTH + COOKIE_LENGTH] {
        let here = part.len().checked_sub(length).ok_or(HeaderError::Short)?;
        let here = u16::try_from(here).map_err(|_| HeaderError::Length)?;
        part[4..6].copy_from_slice(&here.to_be_bytes());
        if let Ok((header, payload)) = Header::parse(&part) {
            return Ok((header, payload.len()));
        }
    }
    Header::parse(&part).map(|(header, payload)| (header, payload.len()))
}

/// Which bytes of a datagram a packet carries, if not all.
pub(super) struct Fragment {
    first: usize,
    length: usize,
}

impl Fragment {
    /// Returns nothing if the packet is whole, or no datagram of UDP.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let ip = Ipv4Packet::new_checked(bytes).ok()?;
        let first = usize::from(ip.frag_offset());
        let is_part = first > 0 || ip.more_frags();
        let length = usize::from(ip.total_len()) - usize::from(ip.header_len());
        (is_part && ip.next_header() == IpProtocol::Udp && length > 0)
            .then_some(Fragment { first, length })
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }
}

impl fmt::Display for Fragment {
    /// Writes the first and the last byte, counted from 0 as IP does: `fragment 1480..2959`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "fragment {}..{}", self.first, self.first + self.length - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_file_are_not_shown_but_the_line_before_them_is() {
        let segment = b"FILE notes 7 00\n\xf1\x8f\xff\x00\xfe\xfd\xfc\nhello";
        assert_eq!(lines(segment), ["FILE notes 7 00"]);
        assert_eq!(lines(b"\x1c\xffab\n"), [""; 0]);
    }

    #[test]
    fn text_that_is_cut_in_the_middle_of_a_character_is_still_text() {
        let whole = "a \u{20ac} b".as_bytes();
        assert_eq!(lines(&whole[..4]), ["a \u{fffd}"]);
        assert_eq!(lines(&whole[3..]), ["\u{fffd}\u{fffd} b"]);
    }
}
