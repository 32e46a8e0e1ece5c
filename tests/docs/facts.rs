//! The table of facts in a page: what the RFCs say and what the simulation does is compared to the
//! letter with a fresh run, what Linux does within bands, if it is the same Linux.

use std::process::{Command, Stdio};
use std::{fs, io};

use regex::Regex;

/// The page, and what stands before and after the table.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reality.md");
const BEGIN: &str = "<!-- compare --facts --format markdown -->\n";
const END: &str = "<!-- end -->";

/// Numbers that are drawn anew in every run.
const DRAWN: &str = "Ephemeral ports";

/// What is said where Linux cannot be asked.
const MISSING: &str = "Linux is not measured";

/// Runs the command, and returns what in the page is not so; renews it if that is wanted.
pub(crate) fn check(renew: bool) -> io::Result<Vec<String>> {
    let page = fs::read_to_string(PAGE)?;
    let lacks = || io::Error::other(format!("{PAGE} lacks {BEGIN}"));
    let (before, rest) = page.split_once(BEGIN).ok_or_else(lacks)?;
    let (written, after) = rest.split_once(END).ok_or_else(lacks)?;
    let fresh = measured()?;
    let can_ask = !fresh.starts_with(MISSING);
    if renew && can_ask {
        fs::write(PAGE, format!("{before}{BEGIN}{fresh}{END}{after}"))?;
        return Ok(Vec::new());
    }
    let (heading, of_fresh) = (first_part(written), first_part(&fresh));
    let same = heading == of_fresh;
    if !same {
        eprintln!("SKIP: what Linux does is of {heading}; here it is {of_fresh}");
    }
    Ok(compare(written, &fresh, same))
}

fn measured() -> io::Result<String> {
    let mut compare = Command::new(env!("CARGO_BIN_EXE_compare"));
    let output = compare.args(["--facts", "--format", "markdown"]).stdin(Stdio::null()).output()?;
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

/// Whose stack was measured: the first part of the heading.
fn first_part(text: &str) -> &str {
    text.split(" | ").next().unwrap_or_default()
}

fn compare(written: &str, fresh: &str, linux_too: bool) -> Vec<String> {
    let (written, fresh) = (rows(written), rows(fresh));
    let mut failures = Vec::new();
    if written.len() != fresh.len() {
        failures.push(format!("{} rows, and {} when run", written.len(), fresh.len()));
    }
    for (old, new) in written.iter().zip(&fresh) {
        let [name, rfc, linux, simulation] = *old;
        let to_the_letter = [name, rfc, simulation] == [new[0], new[1], new[3]];
        if !to_the_letter || linux_too && !is_alike(linux, new[2], name != DRAWN) {
            failures.push(format!("- {}\n+ {}", old.join(" | "), new.join(" | ")));
        }
    }
    failures
}

fn rows(text: &str) -> Vec<[&str; 4]> {
    text.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<[&str; 4]> {
    let inside = line.strip_prefix("| ")?.strip_suffix(" |")?;
    inside.split(" | ").collect::<Vec<_>>().try_into().ok()
}

/// Whether two cells say the same, with numbers that differ by 30 %, or by 15 ms.
fn is_alike(one: &str, other: &str, numbers_too: bool) -> bool {
    let number = Regex::new(r"\d+(?:,\d{3})*(?:\.\d+)?( ms| s)?").expect("a pattern");
    let skeleton = |text: &str| number.replace_all(text, "N").into_owned();
    let values = |text: &str| -> Vec<f64> {
        number.find_iter(text).map(|found| value(found.as_str())).collect()
    };
    let close =
        |(one, other): (&f64, &f64)| (one - other).abs() <= (one.max(*other) * 0.3).max(0.015);
    let (here, there) = (values(one), values(other));
    skeleton(one) == skeleton(other) && (!numbers_too || here.iter().zip(&there).all(close))
}

/// Reads a number; milliseconds are told in seconds.
fn value(text: &str) -> f64 {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let value: f64 = digits.parse().unwrap_or(f64::NAN);
    if text.ends_with("ms") { value / 1000.0 } else { value }
}

#[test]
fn cells_are_alike_within_bands_and_in_their_words() {
    assert!(is_alike("again after 252 ms", "again after 264 ms", true));
    assert!(is_alike("again after 0.02 ms", "again after 9 ms", true));
    assert!(is_alike("again after 990 ms", "again after 1.01 s", true));
    assert!(!is_alike("again after 252 ms", "again after 1.01 s", true));
    assert!(!is_alike("2 connect", "3 connect", true));
    assert!(!is_alike("again after 1 s", "given up after 1 s", true));
    assert!(is_alike("got 33..60", "got 50..51", false));
}

#[test]
fn another_simulation_or_rfc_is_no_longer_what_the_page_says() {
    let page = "| a | 1 s | 1.02 s | 1 s |\n";
    assert!(compare(page, "| a | 1 s | 1.03 s | 1 s |\n", true).is_empty());
    assert!(compare(page, "| a | 1 s | 9 s | 1 s |\n", false).is_empty());
    assert_eq!(compare(page, "| a | 1 s | 9 s | 1 s |\n", true).len(), 1);
    assert_eq!(compare(page, "| a | 1 s | 1.02 s | 2 s |\n", false).len(), 1);
    assert_eq!(compare(page, "| a | 3 s | 1.02 s | 1 s |\n", false).len(), 1);
    assert_eq!(compare(page, "", false).len(), 1);
}
