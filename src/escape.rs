//! What a peer says is never printed raw: it could move the cursor, ring the bell or lie.

/// Appends `text` with everything unprintable, quotes and backslashes escaped as in source code.
pub fn escape_into(out: &mut String, text: &str) {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '\'' => out.push(character),
            character => out.extend(character.escape_debug()),
        }
    }
}

/// Returns `text`, escaped as [`escape_into`] does.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    escape_into(&mut out, text);
    out
}

/// Returns `text` with everything unprintable escaped, where no quotes stand around it: quotes and
/// backslashes stay as they are.
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '\'' | '"' | '\\' => out.push(character),
            character => out.extend(character.escape_debug()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escape, printable};

    #[test]
    fn control_characters_and_direction_marks_do_not_reach_the_terminal() {
        assert_eq!(escape("\u{1b}[2J\r\n\u{7}"), "\\u{1b}[2J\\r\\n\\u{7}");
        assert_eq!(escape("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn what_stands_without_quotes_keeps_its_own() {
        assert_eq!(printable("say \"hi\" \\o/ \u{1b}[2J"), "say \"hi\" \\o/ \\u{1b}[2J");
    }

    #[test]
    fn names_of_all_languages_stay_readable() {
        assert_eq!(escape("Zoë O'Neil 李"), "Zoë O'Neil 李");
    }
}
