//! The pages tell the truth: every command in README.md and docs/ runs here, and prints what the
//! page shows.
//!
//! For those who write pages:
//! - A block that begins with three backticks and `console` is executed. `$ ` begins a command (a
//!   `\` at its end continues it below); what follows is what it prints, on both streams. A line
//!   `...` alone stands for any lines. A demonstration shows commands of its own: what it prints
//!   goes on to the end of its block.
//! - `console terminal=NAME` is another terminal of the same page, where a command may stay
//!   running. A later block of that terminal that begins without `$ ` goes on with what the command
//!   prints next. `^C` alone on a line interrupts it; the page goes on when it has ended. At the end
//!   of the page what still runs is ended. Of a command that nothing follows in its terminal, only
//!   the lines shown are compared, not whether more come.
//! - A line with the client's prompt has it run in a real terminal, and what stands behind the
//!   prompt typed; `^C` is Ctrl+C there. A client that goes on asking is answered in later blocks,
//!   too.
//! - Every page begins with port 12000 free. What differs from run to run is in `masks`, what is not
//!   run in `not_run`.
//! - What `compare` prints of the simulated network is compared to the letter. `RENEW=1 cargo test
//!   --test docs` writes it into the pages anew, and draws the pictures anew: write a command, renew,
//!   then read the difference. Beside `...` a row is renewed by the one of the same label.
//! - The table of facts in docs/reality.md is renewed likewise, see `facts`.
//! - A picture names the command that draws it, see `pictures`.
//! - `DOCS=README.md,docs/walkthrough.md cargo test --test docs` looks at these pages only.

#![cfg(unix)]

#[path = "docs/alignment.rs"]
mod alignment;
#[path = "docs/facts.rs"]
mod facts;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/masks.rs"]
mod masks;
#[path = "docs/not_run.rs"]
mod not_run;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/pictures.rs"]
mod pictures;
#[path = "docs/renew.rs"]
mod renew;
#[path = "docs/running.rs"]
mod running;
#[path = "docs/session.rs"]
mod session;
#[path = "docs/terminal.rs"]
mod terminal;

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use session::Session;

/// The folder whose pages these are, and in which their commands run.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The page that must have a command: without one, nothing would be tested.
const FIRST_PAGE: &str = "README.md";

/// The port of the exercises, which the pages use as typed.
const PORT: u16 = 12000;

/// What takes so long never ends.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn every_command_prints_what_its_page_shows() {
    let mut failures = Vec::new();
    for name in wanted_pages() {
        match read(&name) {
            Ok(text) => failures.extend(check(&name, &text)),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{} in the pages:\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_picture_is_what_its_command_draws() {
    let mut wanted = pictures::Wanted::new();
    let mut failures = Vec::new();
    for name in all_pages() {
        let text = fs::read_to_string(Path::new(ROOT).join(&name)).expect("a page");
        failures.extend(pictures::collect(&name, &text, &mut wanted));
    }
    assert!(!wanted.is_empty(), "no page shows a picture");
    failures.extend(pictures::check(&wanted, renews()).expect("commands that draw"));
    assert!(failures.is_empty(), "{} pictures:\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_table_of_facts_is_what_is_measured() {
    let failures = facts::check(renews()).expect("a page with a table of facts");
    assert!(failures.is_empty(), "{} facts:\n\n{}", failures.len(), failures.join("\n"));
}

/// Whether pages and pictures are to be written anew.
fn renews() -> bool {
    env::var_os("RENEW").is_some()
}

/// Returns the text of a page, renewed if that is wanted.
fn read(name: &str) -> io::Result<String> {
    let path = Path::new(ROOT).join(name);
    let text = fs::read_to_string(&path)?;
    if !renews() {
        return Ok(text);
    }
    let new = renew::renewed(&text)?;
    if new != text {
        fs::write(path, &new)?;
    }
    Ok(new)
}

/// The pages that `DOCS` names, or all.
fn wanted_pages() -> Vec<String> {
    match env::var("DOCS") {
        Ok(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        Err(_) => all_pages(),
    }
}

fn all_pages() -> Vec<String> {
    let mut pages = vec![FIRST_PAGE.to_owned()];
    pages.extend(pages_below(Path::new(ROOT).join("docs")).expect("a folder docs"));
    pages
}

fn pages_below(folder: PathBuf) -> io::Result<Vec<String>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            pages.extend(pages_below(path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.strip_prefix(ROOT).expect("below the root");
            pages.push(name.display().to_string());
        }
    }
    pages.sort();
    Ok(pages)
}

/// Runs what a page says; returns all that is not so.
fn check(name: &str, text: &str) -> Vec<String> {
    let blocks = page::blocks(text);
    let mut failures = links::broken(name, text);
    let commands = blocks.iter().flatten().flat_map(|block| &block.steps);
    let commands = commands.filter(|step| step.act.is_command()).count();
    if commands == 0 && name == FIRST_PAGE {
        failures.push(format!("{name}: shows no command in a console block"));
    }
    if commands > 0
        && let Err(error) = port_is_free()
    {
        let why = "end the server that uses it, and try again";
        failures.push(format!("{name}: not run, because port {PORT} is not free ({error}): {why}"));
        return failures;
    }
    let mut session = Session::new(name, LIMIT);
    for block in &blocks {
        session.run(block);
    }
    failures.extend(session.end());
    failures
}

fn port_is_free() -> io::Result<()> {
    TcpListener::bind(("127.0.0.1", PORT))?;
    UdpSocket::bind(("127.0.0.1", PORT))?;
    Ok(())
}

#[test]
fn a_first_page_without_commands_tests_nothing() {
    let expected = ["README.md: shows no command in a console block"];
    assert_eq!(check(FIRST_PAGE, "# socklab\n```text\n$ make demo\n```\n"), expected);
    assert!(check("docs/style.md", "# Style\n").is_empty());
}
