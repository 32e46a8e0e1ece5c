//! Renewing a page: what its simulated commands print now takes the place of what it shows.

use std::io;
use std::process::Stdio;

use crate::alignment::ANYTHING;
use crate::page::{Act, Block, blocks};
use crate::running::shell;

/// Arguments of `compare` with which it looks at this computer.
const REAL: [&str; 6] = ["loopback", "kernel", "--demo", "--doctor", "--facts", "--server"];

/// Whether a command runs on the simulated network, and so prints the same on every computer.
pub(crate) fn is_simulated(command: &str) -> bool {
    let mut words = command.split_whitespace();
    words.next() == Some("compare") && !words.any(|word| REAL.iter().any(|it| word.contains(it)))
}

/// Returns a page that shows what its simulated commands print now.
///
/// # Errors
/// If a command cannot be run.
pub(crate) fn renewed(text: &str) -> io::Result<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The last block first, so that the numbers of the lines before it stay right.
    for block in blocks(text).iter().flatten().rev() {
        renew(block, &mut lines)?;
    }
    Ok(lines.join("\n") + "\n")
}

fn renew(block: &Block, lines: &mut Vec<String>) -> io::Result<()> {
    for (index, step) in block.steps.iter().enumerate().rev() {
        let Act::Command { text, .. } = &step.act else { continue };
        if !is_simulated(text) {
            continue;
        }
        let shown: &[String] = match block.steps.get(index + 1).map(|step| &step.act) {
            Some(Act::Output(shown)) => shown,
            _ => &[],
        };
        let typed = &lines[step.line - 1];
        let indentation = " ".repeat(typed.len() - typed.trim_start().len());
        let behind = step.line - 1 + text.lines().count();
        let new = elided(shown, printed(text)?).into_iter();
        let new: Vec<String> =
            new.map(|line| format!("{indentation}{line}").trim_end().to_owned()).collect();
        lines.splice(behind..behind + shown.len(), new);
    }
    Ok(())
}

fn printed(command: &str) -> io::Result<Vec<String>> {
    let output = shell(&format!("{{ {command}\n}} 2>&1")).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim_end().lines().map(str::to_owned).collect())
}

/// Leaves out what the page leaves out: beside `...` each line is renewed by the next one that
/// begins as it does. What is found no more stays, for its author to see.
fn elided(shown: &[String], printed: Vec<String>) -> Vec<String> {
    if !shown.iter().any(|line| line == ANYTHING) {
        return printed;
    }
    let mut rest = printed.iter();
    let mut new = Vec::new();
    for line in shown.iter().filter(|line| !goes_on(line)) {
        let mut ahead = rest.clone();
        match ahead.find(|it| line != ANYTHING && label(it) == label(line)) {
            Some(found) => {
                new.push(found.clone());
                new.extend(ahead.clone().take_while(|it| goes_on(it)).cloned());
                rest = ahead;
            }
            None => new.push(line.clone()),
        }
    }
    new
}

/// Whether a line is more of the row before it, whose cells had no room in one.
fn goes_on(line: &str) -> bool {
    line.starts_with(&" ".repeat(20))
}

/// What a row of a table is called: its text before the gap.
fn label(line: &str) -> &str {
    let text = line.trim();
    text.split("  ").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_at_this_computer_is_not_renewed() {
        assert!(is_simulated("compare") && is_simulated("compare loss --loss 20% | tail -1"));
        for command in ["compare --net loopback", "compare --doctor", "make demo-tcp", "client"] {
            assert!(!is_simulated(command), "{command}");
        }
    }

    #[test]
    fn a_page_is_renewed_where_it_shows_a_simulated_command_and_nowhere_else() {
        let page = "# T\n```console\n$ compare --net \\\n   pigeons 2>&1 | true\nold\n\n\
                    $ echo one\ntwo\n```\n";
        assert_eq!(renewed(page).expect("a shell"), page.replace("old\n", ""));
        let page = "```console\n$ compare --net pigeons 2>&1 | grep -c pigeons\n```\nend\n";
        let new = page.replace("\n```\nend", "\n1\n```\nend");
        assert_eq!(renewed(page).expect("a shell"), new);
    }

    #[test]
    fn three_dots_stay_and_rows_beside_them_are_found_by_their_label() {
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let printed = lines("t\n  a    1\n  b    2\n  c    3\nend");
        let shown = lines("...\n  b    7\n  gone   1\n...");
        assert_eq!(elided(&shown, printed.clone()), lines("...\n  b    2\n  gone   1\n..."));
        assert_eq!(elided(&lines("x"), printed.clone()), printed);
        let more = " ".repeat(30) + "more";
        let printed = lines(&format!("  a    1\n{more}\n  b    2"));
        let expected = lines(&format!("  a    1\n{more}\n..."));
        assert_eq!(elided(&lines("  a    0\n..."), printed.clone()), expected);
        assert_eq!(elided(&expected, printed), expected);
    }
}
