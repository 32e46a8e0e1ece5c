//! The page about the models quotes the code as it stands.

use std::fs;
use std::path::Path;

/// The lines of a text without their indentation.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_about_the_models_quotes_the_code_as_it_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/models.md")).expect("the page");
    let files = ["serial.rs", "threads.rs", "poll.rs", "tasks.rs", "awaiting.rs"];
    let code = files.map(|file| {
        let text = fs::read_to_string(root.join("src/server").join(file)).expect(file);
        trimmed(&text)
    });
    let quotes: Vec<_> =
        page.split("```rust\n").skip(1).map(|rest| rest.split("```").next()).collect();
    assert!(quotes.len() > 5, "the page has lost its quotes");
    for quote in quotes {
        let quote = trimmed(quote.expect("the end of a quote"));
        assert!(code.iter().any(|code| code.contains(&quote)), "not in the code:\n{quote}");
    }
}
