//! `docs/predecessors.md` leaves nothing open: every row says how it looks here, and names a test
//! that exists.

use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the originals could do: 18 things with sums, 11 in the chat, 13 with the calculator and its
/// four servers.
const FEATURES: usize = 18 + 11 + 13;

/// The head of the last column, in the tables that this is about.
const LAST: &str = "the test";

/// The cells of each row, below the heads of the tables that name tests.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/predecessors.md")).expect("a page");
    let mut rows = Vec::new();
    let mut head = None;
    for line in page.lines() {
        let Some(row) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            head = None;
            continue;
        };
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
        let head = head.get_or_insert_with(|| cells.clone());
        let is_below = cells != *head && !cells.iter().all(|cell| cell == "---");
        if is_below && head.last().is_some_and(|last| last == LAST) {
            rows.push(cells);
        }
    }
    rows
}

/// The tests that a cell names: `FILE: NAME`, several in a row.
fn tests_in(cell: &str) -> Vec<(&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|named| named.split_once(": ")).collect()
}

/// Whether there is such a test: a function of this name, with an attribute that makes it one.
fn exists(file: &str, name: &str) -> bool {
    let Ok(text) = fs::read_to_string(Path::new(ROOT).join(file)) else { return false };
    let signature = format!("fn {name}(");
    let Some((before, _)) = text.split_once(&signature) else { return false };
    let attribute = before.rsplit("\n\n").next().unwrap_or(before);
    attribute.contains("#[test]")
}

#[test]
fn every_row_is_whole_and_there_is_one_for_everything_the_originals_could_do() {
    let rows = rows();
    assert_eq!(rows.len(), FEATURES);
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row.iter().all(|cell| cell.len() > 3), "an empty cell: {row:?}");
    }
}

#[test]
fn every_row_names_a_test_and_every_test_that_is_named_exists() {
    for row in rows() {
        let named = tests_in(&row[3]);
        assert!(!named.is_empty(), "no test: {row:?}");
        for (file, name) in named {
            assert!(exists(file, name), "there is no test {name} in {file}");
        }
    }
    assert!(!exists("tests/predecessors/page.rs", "no_such_test"));
    assert!(!exists("tests/predecessors/page.rs", "exists"), "a function that is no test");
}
