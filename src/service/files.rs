//! How files are asked for, and how they come: what both ends must agree on.
//!
//! `get NAME OFFSET` is answered by a line `FILE NAME LENGTH SHA256` and the bytes from OFFSET on.
//! `get NAME OFFSET VERSION` wants a further part of a file whose first one came: `PART OFFSET LENGTH`
//! and the bytes, or `ERR changed` if the file is not the same any more. LENGTH is the whole file's;
//! over TCP everything from OFFSET on follows, over UDP as much as a datagram holds.

mod names;

pub use names::{MAX_NAME, is_plain, page};

use std::fmt;

use super::content::Content;

/// Digits of a SHA-256 (FIPS 180-4: 256 bits), in hexadecimal.
pub const DIGEST_LENGTH: usize = 64;

/// Digits of a SHA-256 that name a version of a file: 64 bits tell any two apart that a class will
/// ever have.
pub const VERSION_LENGTH: usize = 16;

/// Answers a request for a further part of a file that is not the same any more.
pub const CHANGED: &str = "ERR changed";

/// Answers a request for bytes behind the last one.
pub const BEYOND_THE_END: &str = "ERR the file ends before that";

/// Answers a request for a file that is not there.
pub const NOT_FOUND: &str = "ERR not found: list says which files there are";

/// Answers a request for a file that could only be elsewhere.
pub const NOT_PLAIN: &str = "ERR not a file's name: folders, / and \\ have no place in it";

/// The repository of a server: what `list` and `get` see. It is asked under a lock and does not read;
/// what it returns does.
pub trait Repository: fmt::Debug + Send {
    /// Returns the names, from the `first` on (0 is the first of all), as one line.
    fn list(&self, first: usize) -> Box<dyn Content>;

    /// Returns a file, or a part of it; or the line that says why not.
    fn get(&self, request: &GetRequest<'_>) -> Box<dyn Content>;

    /// Returns the file of this name, or, if there is none, `otherwise` as a line.
    fn get_or_say(&self, name: &str, otherwise: String) -> Box<dyn Content>;
}

/// `get NAME [OFFSET [VERSION]]`. Names may hold spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetRequest<'a> {
    /// Which file.
    pub name: &'a str,
    /// From which byte on.
    pub offset: u64,
    /// Of which version, once it is known.
    pub version: Option<&'a str>,
}

/// The line before the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head<'a> {
    /// `FILE NAME LENGTH SHA256`
    File {
        /// Which file.
        name: &'a str,
        /// How many bytes it has.
        length: u64,
        /// Its SHA-256, in lower-case hexadecimal.
        digest: &'a str,
    },
    /// `PART OFFSET LENGTH`
    Part {
        /// From which byte on.
        offset: u64,
        /// How many bytes the whole file has.
        length: u64,
    },
}

impl<'a> GetRequest<'a> {
    /// Reads a request; `None` if it is another one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("get ")?.trim();
        let whole = GetRequest { name: rest, offset: 0, version: None };
        let Some((before, last)) = rest.rsplit_once(' ') else { return Some(whole) };
        if let Some((name, offset)) = before.rsplit_once(' ')
            && is_version(last)
            && let Some(offset) = number(offset)
        {
            return Some(GetRequest { name, offset, version: Some(last) });
        }
        Some(number(last).map_or(whole, |offset| GetRequest {
            name: before,
            offset,
            version: None,
        }))
    }

    /// Returns the line before the bytes of a file of this length and SHA-256.
    ///
    /// # Errors
    /// If the file is not the one that was asked for; the line that says so.
    pub fn head<'h>(
        &self,
        name: &'h str,
        length: u64,
        digest: &'h str,
    ) -> Result<Head<'h>, &'static str> {
        match self.version {
            Some(wanted) if wanted != version(digest) => Err(CHANGED),
            _ if self.offset > length => Err(BEYOND_THE_END),
            Some(_) => Ok(Head::Part { offset: self.offset, length }),
            None => Ok(Head::File { name, length, digest }),
        }
    }

    /// Returns what the request would name if its last word were no offset: `get report 2024` may
    /// mean the file `report 2024`. `None` if it cannot be read so.
    pub fn longer_name(&self) -> Option<String> {
        let GetRequest { name, offset, version } = self;
        (*offset > 0 && version.is_none()).then(|| format!("{name} {offset}"))
    }

    /// Writes the request as it goes onto the wire; the offset always, for a name may end in a
    /// number.
    pub fn format(&self) -> String {
        let GetRequest { name, offset, version } = self;
        match version {
            Some(version) => format!("get {name} {offset} {version}"),
            None => format!("get {name} {offset}"),
        }
    }
}

impl<'a> Head<'a> {
    /// Reads a head; `None` if the line is something else.
    pub fn parse(line: &'a str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("FILE ") {
            let (rest, digest) = rest.rsplit_once(' ')?;
            let (name, length) = rest.rsplit_once(' ')?;
            let whole = digest.len() == DIGEST_LENGTH && is_hexadecimal(digest);
            return whole.then_some(Head::File { name, length: number(length)?, digest });
        }
        let (offset, length) = line.strip_prefix("PART ")?.split_once(' ')?;
        Some(Head::Part { offset: number(offset)?, length: number(length)? })
    }

    /// Returns how many bytes the whole file has.
    pub fn length(&self) -> u64 {
        match self {
            Head::File { length, .. } | Head::Part { length, .. } => *length,
        }
    }
}

impl fmt::Display for Head<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Head::File { name, length, digest } => {
                write!(formatter, "FILE {name} {length} {digest}")
            }
            Head::Part { offset, length } => write!(formatter, "PART {offset} {length}"),
        }
    }
}

/// Returns the version of the file with this SHA-256.
pub fn version(digest: &str) -> &str {
    digest.get(..VERSION_LENGTH).unwrap_or(digest)
}

/// Writes bytes in lower-case hexadecimal, as digests are written.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let digit = |value| char::from_digit(u32::from(value), 16).unwrap_or_default();
        text.extend([digit(byte >> 4), digit(byte & 15)]);
        text
    })
}

/// Returns whether this can name a version.
pub fn is_version(word: &str) -> bool {
    word.len() == VERSION_LENGTH && is_hexadecimal(word)
}

fn is_hexadecimal(word: &str) -> bool {
    word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Digits only: neither a sign nor a space, nor zeros in front, as names have them.
fn number(word: &str) -> Option<u64> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = word == "0" || (digits && !word.is_empty() && !word.starts_with('0'));
    canonical.then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn get<'a>(name: &'a str, offset: u64, version: Option<&'a str>) -> Option<GetRequest<'a>> {
        Some(GetRequest { name, offset, version })
    }

    #[test]
    fn a_name_may_hold_spaces_and_numbers() {
        assert_eq!(GetRequest::parse("get notes.txt"), get("notes.txt", 0, None));
        assert_eq!(GetRequest::parse("get notes.txt 100"), get("notes.txt", 100, None));
        assert_eq!(GetRequest::parse("get my notes 2 0"), get("my notes 2", 0, None));
        let version = Some(&DIGEST[..16]);
        let request = format!("get my notes 5 {}", &DIGEST[..16]);
        assert_eq!(GetRequest::parse(&request), get("my notes", 5, version));
        assert_eq!(GetRequest::parse("get lecture 01"), get("lecture 01", 0, None));
        assert_eq!(GetRequest::parse("getting on"), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for request in ["get a 0", "get a b 7", "get a 5 0123456789abcdef"] {
            assert_eq!(GetRequest::parse(request).expect("a request").format(), request);
        }
        for line in [format!("FILE my notes 12 {DIGEST}"), "PART 5 12".to_owned()] {
            assert_eq!(Head::parse(&line).expect("a head").to_string(), line);
        }
    }

    #[test]
    fn a_number_at_the_end_may_belong_to_the_name() {
        let longer = |text| GetRequest::parse(text).and_then(|request| request.longer_name());
        assert_eq!(longer("get report 2024"), Some("report 2024".to_owned()));
        assert_eq!(longer("get report"), None);
        assert_eq!(longer("get report 2024 0123456789abcdef"), None);
    }

    #[test]
    fn a_further_part_is_one_of_the_same_version() {
        let head = |offset, version| {
            let request = GetRequest { name: "a", offset, version };
            request.head("a", 12, DIGEST).map(|head| head.to_string())
        };
        assert_eq!(head(5, None), Ok(format!("FILE a 12 {DIGEST}")));
        assert_eq!(head(5, Some(&DIGEST[..16])), Ok("PART 5 12".to_owned()));
        assert_eq!(head(12, Some(&DIGEST[..16])), Ok("PART 12 12".to_owned()));
        assert_eq!(head(13, Some(&DIGEST[..16])), Err(BEYOND_THE_END));
        assert_eq!(head(13, Some("0123456789abcdef")), Err(CHANGED));
    }

    #[test]
    fn what_only_looks_like_a_head_is_none() {
        for line in ["FILE a 5 abc", "FILE a 5 abcACK", "PART 5", "PART x 5", "PART 5 +12", "file"]
        {
            assert_eq!(Head::parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives_the_way(
            name in "[^/\\\\\\pC]{1,60}",
            // Sixteen digits would be taken for a version: a thousand terabytes.
            offset in 0..1_000_000_000_000_000_u64,
            version in proptest::option::of("[0-9a-f]{16}"),
        ) {
            prop_assume!(is_plain(&name));
            let request = GetRequest { name: &name, offset, version: version.as_deref() };
            let text = request.format();
            prop_assert_eq!(GetRequest::parse(&text), Some(request));
            for head in [
                Head::File { name: &name, length: offset, digest: DIGEST },
                Head::Part { offset, length: u64::MAX },
            ] {
                let line = head.to_string();
                prop_assert_eq!(Head::parse(&line), Some(head));
            }
        }

        #[test]
        fn whatever_comes_is_read_without_a_panic(text in "(get |FILE |PART )?[ -~é]{0,90}") {
            if let Some(head) = Head::parse(&text) {
                prop_assert_eq!(head.to_string(), text.as_str());
            }
            if let Some(request) = GetRequest::parse(&text) {
                prop_assert!(text.contains(request.name));
            }
        }
    }
}
