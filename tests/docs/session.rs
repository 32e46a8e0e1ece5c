//! One page from its first command to its last, in all its terminals.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::not_run::{missing, part_to_run};
use crate::page::{Act, Block, MAIN, Mistake};
use crate::terminal::{Failure, Terminal};

/// A reader who does what a page says.
pub(crate) struct Session<'a> {
    page: &'a str,
    /// What takes so long never ends.
    limit: Duration,
    terminals: BTreeMap<String, Terminal>,
    failures: Vec<String>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(page: &'a str, limit: Duration) -> Self {
        Session { page, limit, terminals: BTreeMap::new(), failures: Vec::new() }
    }

    /// Does what a block says, and compares.
    pub(crate) fn run(&mut self, block: &Result<Block, Mistake>) {
        let block = match block {
            Ok(block) => block,
            Err(mistake) => return self.mistake(mistake.line, &mistake.what),
        };
        if !block.steps.first().is_some_and(|step| step.act.is_command()) {
            match self.terminals.get_mut(&block.terminal) {
                Some(terminal) => terminal.go_on(block.line),
                None => return self.mistake(block.line, "no command was typed here before"),
            }
        }
        for step in &block.steps {
            match &step.act {
                Act::Command { text, answers } => {
                    self.command(&block.terminal, step.line, text, answers);
                }
                Act::Output(lines) => self.terminal(&block.terminal).show(lines),
                Act::Answer(text) => self.terminal(&block.terminal).answer(text),
                Act::Interrupt => {
                    let result = self.terminal(&block.terminal).interrupt();
                    self.note(result);
                }
            }
        }
        let terminal = self.terminal(&block.terminal);
        let result = match block.terminal == MAIN {
            true => terminal.wait_for_end(),
            false => terminal.wait_for_output(),
        };
        if block.ends_interrupted() {
            // As a reader does who goes on when the shell is back.
            terminal.wait_for_prompt();
        }
        self.note(result);
    }

    /// Ends what still runs; returns all that was not as the page shows it.
    pub(crate) fn end(self) -> Vec<String> {
        self.terminals.into_values().for_each(Terminal::stop);
        self.failures
    }

    fn command(&mut self, terminal: &str, line: usize, text: &str, answers: &[String]) {
        let result = self.terminal(terminal).wait_for_end();
        self.note(result);
        let code = self.terminal(terminal).code();
        let part = match part_to_run(text) {
            Ok(part) => part,
            Err(what) => {
                self.note(Err(Failure { line, command: text.to_owned(), what }));
                None
            }
        };
        let missing = part.and_then(missing);
        let blind = part.is_some_and(|part| part.contains("$?")) && code.is_none();
        match part {
            Some(part) if missing.is_none() && !blind => {
                let result = self.terminal(terminal).start(line, part, answers);
                self.note(result);
            }
            _ => self.terminal(terminal).pass_over(),
        }
        if let Some(program) = missing {
            println!("SKIP: {}:{line} needs {program}", self.page);
            self.terminals.values_mut().for_each(Terminal::distrust);
        }
        if blind {
            println!("SKIP: {}:{line} needs the command before, which was not run", self.page);
        }
    }

    fn terminal(&mut self, name: &str) -> &mut Terminal {
        let limit = self.limit;
        self.terminals.entry(name.to_owned()).or_insert_with(|| Terminal::new(limit))
    }

    fn note(&mut self, result: Result<(), Failure>) {
        if let Err(Failure { line, command, what }) = result {
            self.failures.push(format!("{}:{line}: $ {command}\n  {what}", self.page));
        }
    }

    fn mistake(&mut self, line: usize, what: &str) {
        self.failures.push(format!("{}:{line}: {what}", self.page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::blocks;

    /// Runs a page that is in order.
    #[track_caller]
    fn agrees(text: &str) {
        assert_eq!(failures(text), [""; 0]);
    }

    fn failures(text: &str) -> Vec<String> {
        failures_within(Duration::from_secs(30), text)
    }

    fn failures_within(limit: Duration, text: &str) -> Vec<String> {
        let mut session = Session::new("page", limit);
        for block in &blocks(text) {
            session.run(block);
        }
        session.end()
    }

    #[test]
    fn commands_print_on_both_streams_and_leave_their_exit_code() {
        agrees(
            "```console
$ echo one; echo two >&2; \\
  echo three; exit 7
one
two
three
$ echo $?
7
$ test $(command -v compare) = $BIN/compare && echo ours
ours
```
",
        );
    }

    #[test]
    fn a_difference_names_page_line_and_command_and_the_rest_still_runs() {
        let text = "```console\n$ echo one; echo 2\none\ntwo\n$ false\n$ echo $?\n0\n```\n";
        let differs = "does not print what the page shows (- on the page, + printed):";
        let expected = [
            format!("page:2: $ echo one; echo 2\n  {differs}\n      one\n    - two\n    + 2"),
            format!("page:6: $ echo $?\n  {differs}\n    - 0\n    + 1"),
        ];
        assert_eq!(failures(text), expected);
    }

    #[test]
    fn a_server_stays_in_its_terminal_until_it_is_interrupted() {
        agrees(
            "```console terminal=server
$ server --transport tcp 127.0.0.1 0
Server is ready to receive on tcp 127.0.0.1:40000
```
```console
$ echo elsewhere
elsewhere
```
```console terminal=server
^C
...
$ echo $?
0
```
",
        );
    }

    #[test]
    fn a_page_goes_on_when_what_was_interrupted_has_ended() {
        agrees(
            "```console terminal=other
$ trap 'echo caught; sleep 0.3; echo left; exit 0' INT; echo begun; while :; do :; done
begun
^C
caught
```
```console terminal=other
left
$ echo $?
0
```
",
        );
    }

    #[test]
    fn a_later_block_shows_what_is_printed_next() {
        agrees(
            "```console terminal=other
$ trap 'echo caught; exit 5' INT; echo begun; while :; do :; done
begun
```
```console terminal=other
^C
caught
$ echo $?
5
```
",
        );
    }

    #[test]
    fn what_never_comes_and_what_never_ends_fails_with_what_was_printed() {
        let text = "```console terminal=other
$ echo begun; sleep 60
begun
```
```console terminal=other
more
```
```console
$ echo begun; sleep 60
begun
```
```console
$ echo $?
0
```
";
        let failures = failures_within(Duration::from_secs(1), text);
        assert_eq!(failures.len(), 2, "{failures:#?}");
        assert!(failures[0].starts_with("page:5: $ echo begun; sleep 60\n  does not print"));
        assert!(failures[0].ends_with("      begun\n    - more"), "{}", failures[0]);
        assert!(failures[1].starts_with("page:9: $ echo begun; sleep 60\n  has not ended after"));
    }

    #[test]
    fn at_a_prompt_the_shown_answer_is_typed() {
        // Port 1 is the system's: nobody listens there.
        agrees(
            "```console
$ client 127.0.0.1 1
Enter an integer between 1 and 100: many
[ERROR] Invalid input. Please enter a valid integer.
Enter an integer between 1 and 100: 42
Connecting to server...
[ERROR] Refused: nobody listens on tcp 127.0.0.1:1 (RST).
        Start one in another terminal with: server 127.0.0.1 1   (exit 3)
$ client 127.0.0.1 1
Enter an integer between 1 and 100: ^C
$ echo $?
130
```
",
        );
    }

    #[test]
    fn a_command_that_goes_on_asking_is_answered_in_later_blocks() {
        agrees(
            "```console terminal=other
$ for n in 1 2; do printf 'Please enter the message to the server: '; read text; \\
  echo \"got $text\"; done
Please enter the message to the server: one
got one
```
```console terminal=other
Please enter the message to the server: two
got two
$ echo $?
0
```
",
        );
    }

    #[test]
    fn a_block_that_goes_on_needs_a_command_before() {
        let text = "```console terminal=other\nmore\n```\n";
        assert_eq!(failures(text), ["page:1: no command was typed here before"]);
    }

    #[test]
    fn what_is_not_run_prints_what_it_likes() {
        agrees("```console\n$ make test\n400 passed\n$ git clone x && echo one\none\n```\n");
    }
}
