//! The pictures of the pages: each is what the command in its title draws.
//!
//! `![what is seen](pictures/NAME.svg "compare ARGUMENTS")`: with `--svg` that command writes a
//! NAME.svg, and the one shown is the same, byte for byte. What the kernel network drew is never the
//! same twice: of NAME-kernel.svg the words are compared, without their numbers; where there is no such
//! network it is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::{fs, io};

use regex::Regex;

use crate::ROOT;
use crate::not_run::missing;
use crate::page::prose;
use crate::running::shell;

/// Where all of them are.
pub(crate) const FOLDER: &str = "docs/pictures";

static PICTURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"!\[(?<alt>[^\]]*)\]\([^)\s]*pictures/(?<file>[^)\s]+)(?: "(?<command>[^"]*)")?\)"#,
    )
    .expect("a pattern")
});

/// The file name of each picture with the command that draws it.
pub(crate) type Wanted = BTreeMap<String, String>;

/// Adds the pictures of a page; returns those that do not say what is seen, or how they are made.
pub(crate) fn collect(page: &str, text: &str, wanted: &mut Wanted) -> Vec<String> {
    let mut failures = Vec::new();
    for (number, line) in prose(text) {
        for picture in PICTURE.captures_iter(line) {
            let (file, command) = (&picture["file"], picture.name("command"));
            let command = command.map_or("", |it| it.as_str());
            if picture["alt"].len() < 20 || !command.starts_with("compare ") {
                failures.push(format!("{page}:{number}: {file} lacks its text or its command"));
            } else if wanted
                .insert(file.to_owned(), command.to_owned())
                .is_some_and(|it| it != command)
            {
                failures.push(format!("{page}:{number}: {file} is made by another command too"));
            }
        }
    }
    failures
}

/// Draws all pictures anew and compares; writes those that differ if they are to be renewed.
pub(crate) fn check(wanted: &Wanted, renew: bool) -> io::Result<Vec<String>> {
    let mut failures = Vec::new();
    let shown = Path::new(ROOT).join(FOLDER);
    let commands: BTreeSet<&String> = wanted.values().collect();
    for (number, command) in commands.into_iter().enumerate() {
        if let Some(missing) = missing(command) {
            println!("SKIP: the pictures of {command} need {missing}");
            continue;
        }
        let drawn = draw(command, number)?;
        for file in wanted.iter().filter(|(_, it)| *it == command).map(|(file, _)| file) {
            let Ok(new) = fs::read(drawn.join(file)) else {
                failures.push(format!("{FOLDER}/{file}: {command} --svg does not draw it"));
                continue;
            };
            let old = fs::read(shown.join(file)).unwrap_or_default();
            if renew {
                fs::create_dir_all(&shown)?;
                fs::write(shown.join(file), &new)?;
            } else if !alike(file, &old, &new) {
                failures.push(format!("{FOLDER}/{file}: {command} --svg draws it otherwise"));
            }
        }
        fs::remove_dir_all(drawn)?;
    }
    for entry in fs::read_dir(shown)? {
        let file = entry?.file_name().display().to_string();
        if !wanted.contains_key(&file) {
            failures.push(format!("{FOLDER}/{file}: no page shows it"));
        }
    }
    Ok(failures)
}

/// Returns whether a picture shows what was drawn anew.
fn alike(file: &str, old: &[u8], new: &[u8]) -> bool {
    old == new
        || file.ends_with("-kernel.svg") && words(old).is_some_and(|it| Some(it) == words(new))
}

/// Returns the words of a picture, sorted: who is first is a matter of time.
fn words(picture: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(picture).ok()?;
    let document = roxmltree::Document::parse(text).ok()?;
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let texts = texts.filter_map(|node| node.text()).map(|text| NUMBER.replace_all(text, "N"));
    let has_letters = |text: &str| text.chars().any(|c| c.is_alphabetic() && c != 'N' && c != 's');
    let mut words: Vec<String> =
        texts.map(|text| text.into_owned()).filter(|text| has_letters(text)).collect();
    words.sort();
    Some(words)
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d[\d.,]*").expect("a pattern"));

/// Returns the folder into which the command has drawn.
fn draw(command: &str, number: usize) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pictures-{number}"));
    fs::create_dir_all(&folder)?;
    let output = shell(&format!("{command} --svg \"$FOLDER\""))
        .env("FOLDER", &folder)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(folder);
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("{command}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_the_kernel_drew_the_words_are_compared() {
        let svg =
            |text: &str| format!("<svg><text>{text}</text><text>0.1 s</text></svg>").into_bytes();
        let (one, other) = (svg("DATA again after 0.28 s"), svg("DATA again after 0.31 s"));
        assert!(alike("a-kernel.svg", &one, &other));
        assert!(!alike("a-sim.svg", &one, &other));
        assert!(!alike("a-kernel.svg", &one, &svg("DATA")));
        assert!(!alike("a-kernel.svg", b"", &other));
    }

    #[test]
    fn a_picture_says_what_is_seen_and_how_it_is_made() {
        let mut wanted = Wanted::new();
        let good = r#"![A ladder of nine packets](../pictures/a-tcp.svg "compare a --seed 2")"#;
        assert_eq!(collect("page", good, &mut wanted), [""; 0]);
        assert_eq!(wanted["a-tcp.svg"], "compare a --seed 2");
        let other = good.replace("--seed 2", "--seed 3");
        let expected = ["page:1: a-tcp.svg is made by another command too"];
        assert_eq!(collect("page", &other, &mut wanted), expected);
        for bad in ["![](pictures/b.svg \"compare b\")", "![What is to be seen](pictures/b.svg)"] {
            let expected = ["page:1: b.svg lacks its text or its command"];
            assert_eq!(collect("page", bad, &mut wanted), expected);
        }
    }
}
