//! What clients are called: what tells them apart, in the server's log too.

/// Returns the name of a client: Client A, ... Client Z, Client AA, ...
pub(in crate::scenario) fn name(index: usize) -> String {
    let mut letters = String::new();
    let mut rest = index + 1;
    while rest > 0 {
        rest -= 1;
        letters.insert(0, char::from(b'A' + u8::try_from(rest % 26).unwrap_or_default()));
        rest /= 26;
    }
    format!("{NAMES}{letters}")
}

/// What the names of all clients begin with.
const NAMES: &str = "Client ";

/// Returns what tells a client from the others.
pub(in crate::scenario) fn letter(name: &str) -> Option<&str> {
    // What makes a message long is no part of it.
    name.strip_prefix(NAMES).map(|letters| letters.trim_end_matches('x'))
}

/// Returns a name with so many letters more: what makes a message long.
pub(super) fn padded(name: &str, more: usize) -> String {
    name.to_owned() + &"x".repeat(more)
}
