//! Names of files: which ones may be asked for, and how many fit into one line.

/// What stands between two names in a list: no name can hold it.
const SEPARATOR: &str = " / ";

/// Longest name, in bytes: that of the common file systems (NAME_MAX of Linux).
pub const MAX_NAME: usize = 255;

/// Returns whether this names a file of the folder itself, at both ends and on any system: nothing
/// that climbs, nothing that a terminal would obey, no spaces where nobody sees them.
pub fn is_plain(name: &str) -> bool {
    let forbidden = |character: char| matches!(character, '/' | '\\') || character.is_control();
    let length = 1..=MAX_NAME;
    length.contains(&name.len())
        && name != "."
        && name != ".."
        && name == name.trim()
        && !name.contains(forbidden)
}

/// Writes the names from the `first` on (0 is the first of all) in one line of at most `room` bytes;
/// if not all fit, the line ends with how to go on.
pub fn page(names: &[String], first: usize, room: usize) -> String {
    let Some(rest) = names.get(first..).filter(|rest| !rest.is_empty()) else {
        return match names.len() {
            0 => "no files".to_owned(),
            count => format!("no more files: there are {count}"),
        };
    };
    let mut line = String::new();
    for (index, name) in rest.iter().enumerate() {
        let separator = if index == 0 { "" } else { SEPARATOR };
        let left = rest.len() - index - 1;
        let after = go_on(first + index + 1, left);
        if line.len() + separator.len() + name.len() + after.len() > room {
            // There was room for these words when the name before was taken.
            let words = go_on(first + index, left + 1);
            return if index == 0 {
                "ERR a name is too long for a line".to_owned()
            } else {
                line + &words
            };
        }
        line.push_str(separator);
        line.push_str(name);
    }
    line
}

fn go_on(next: usize, left: usize) -> String {
    match left {
        0 => String::new(),
        left => format!(" (and {left} more: list {next})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("file{number}")).collect()
    }

    #[test]
    fn names_of_the_folder_itself_are_plain() {
        for name in ["a", "notes.txt", "my notes 2", "...", ".hidden", "Zoë.pdf", "-rf", "a;b"] {
            assert!(is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_not() {
        let long = "a".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "../a",
            "/etc/passwd",
            "a/b",
            "a/",
            "..\\a",
            "a\0",
            "a\nb",
            "\u{1b}[2J",
            " a",
            "a ",
            &long,
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn a_list_that_fits_is_one_line() {
        assert_eq!(page(&names(3), 0, 100), "file0 / file1 / file2");
        assert_eq!(page(&names(3), 2, 100), "file2");
        assert_eq!(page(&[], 0, 100), "no files");
        assert_eq!(page(&names(3), 3, 100), "no more files: there are 3");
    }

    #[test]
    fn a_longer_list_says_how_to_go_on() {
        assert_eq!(page(&names(9), 0, 40), "file0 / file1 (and 7 more: list 2)");
        assert_eq!(page(&names(9), 2, 40), "file2 / file3 (and 5 more: list 4)");
    }

    #[test]
    fn following_the_list_meets_every_name_once_and_no_line_is_too_long() {
        let names = names(1000);
        for room in [40, 100, 1176] {
            let mut met = Vec::new();
            while met.len() < names.len() {
                let line = page(&names, met.len(), room);
                assert!(line.len() <= room, "{line}");
                let listed = line.split(" (and ").next().expect("a part");
                met.extend(listed.split(SEPARATOR).map(str::to_owned));
            }
            assert_eq!(met, names);
        }
    }
}
