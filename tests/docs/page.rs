//! Reading a page: which commands it shows, in which terminal, and what they print there.

/// The terminal of a block that names none. Its commands must end.
pub(crate) const MAIN: &str = "main";

/// The client's prompts. Where one is shown, the client has a terminal, and its reader types.
pub(crate) const PROMPTS: [&str; 3] = [
    "Enter an integer between 1 and 100:",
    "Please enter the message to the server:",
    "> Enter message (or 'exit' to quit, 'status' for client information)",
];

/// What Ctrl+C looks like.
pub(crate) const INTERRUPT: &str = "^C";

/// These print lines that begin with `$ `, so all that follows is theirs.
const SHOW_COMMANDS: [&str; 3] = ["make demo-tcp", "make demo-udp", "compare --demo"];

/// What happens in one terminal until the page turns to something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) line: usize,
    pub(crate) terminal: String,
    pub(crate) steps: Vec<Step>,
}

impl Block {
    /// Whether its last command is interrupted.
    pub(crate) fn ends_interrupted(&self) -> bool {
        let last = self.steps.iter().rfind(|step| !matches!(step.act, Act::Output(_)));
        last.is_some_and(|step| step.act == Act::Interrupt)
    }
}

/// One thing that happens, and in which line of the page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) act: Act,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The reader types a command, and `answers` at its prompts.
    Command { text: String, answers: Vec<String> },
    /// The command prints these lines.
    Output(Vec<String>),
    /// The reader types this at a prompt of a command from an earlier block.
    Answer(String),
    /// The reader presses Ctrl+C.
    Interrupt,
}

impl Act {
    pub(crate) fn is_command(&self) -> bool {
        matches!(self, Act::Command { .. })
    }
}

/// Something that a page must not say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Mistake {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Mistake { line, what: what.into() }
    }
}

/// Returns the executed blocks of a page, in its order.
pub(crate) fn blocks(text: &str) -> Vec<Result<Block, Mistake>> {
    fences(text).into_iter().filter_map(|fence| fence.block().transpose()).collect()
}

/// Returns the lines of a page that are in no fence, with their numbers.
pub(crate) fn prose(text: &str) -> Vec<(usize, &str)> {
    let fenced: Vec<_> = fences(text).iter().map(|it| it.line..=it.line + it.lines.len()).collect();
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(|(number, _)| !fenced.iter().any(|it| it.contains(number))).collect()
}

/// A part of a page that is printed as it is.
struct Fence<'a> {
    /// The line of its backticks; its own lines follow.
    line: usize,
    info: &'a str,
    lines: Vec<&'a str>,
    closed: bool,
}

fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut fences = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let marked = line.trim_start_matches(' ');
        let indentation = line.len() - marked.len();
        let info = marked.trim_start_matches('`');
        let backticks = &marked[..marked.len() - info.len()];
        // Backticks behind the first ones: code within a sentence.
        if backticks.len() < 3 || info.contains('`') {
            continue;
        }
        let mut fence = Fence { line: index + 1, info, lines: Vec::new(), closed: false };
        for (_, line) in lines.by_ref() {
            let end = line.trim();
            if end.starts_with(backticks) && end.trim_start_matches('`').is_empty() {
                fence.closed = true;
                break;
            }
            // In a list, all is indented as its first line.
            let spaces = line.len() - line.trim_start_matches(' ').len();
            fence.lines.push(&line[spaces.min(indentation)..]);
        }
        fences.push(fence);
    }
    fences
}

impl Fence<'_> {
    /// Returns what is executed, if this is.
    fn block(&self) -> Result<Option<Block>, Mistake> {
        let mut words = self.info.split_whitespace();
        if words.next() != Some("console") {
            return Ok(None);
        }
        if !self.closed {
            return Err(Mistake::new(self.line, "this block has no end"));
        }
        let mut terminal = MAIN;
        for word in words {
            terminal = match word.strip_prefix("terminal=") {
                Some(name) if !name.is_empty() => name,
                _ => return Err(Mistake::new(self.line, format!("what is {word:?}?"))),
            };
        }
        let steps = self.steps();
        if terminal == MAIN && !steps.first().is_some_and(|step| step.act.is_command()) {
            let what = "without terminal=NAME a block begins with a command";
            return Err(Mistake::new(self.line, what));
        }
        Ok(Some(Block { line: self.line, terminal: terminal.to_owned(), steps }))
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Steps::default();
        let mut lines = self.lines.iter().zip(self.line + 1..);
        while let Some((text, line)) = lines.next() {
            if let Some(command) = text.strip_prefix("$ ")
                && !steps.shows_commands
            {
                let mut command = command.to_owned();
                while command.ends_with('\\')
                    && let Some((more, _)) = lines.next()
                {
                    command.push('\n');
                    command.push_str(more);
                }
                steps.command(line, command);
            } else if text.trim_end() == INTERRUPT {
                steps.all.push(Step { line, act: Act::Interrupt });
            } else {
                steps.output(line, text);
            }
        }
        for step in &mut steps.all {
            if let Act::Output(lines) = &mut step.act {
                // An empty line before the next command is there to be read more easily.
                let last = lines.iter().rposition(|line| !line.trim().is_empty());
                lines.truncate(last.map_or(0, |last| last + 1));
            }
        }
        steps.all
    }
}

#[derive(Default)]
struct Steps {
    all: Vec<Step>,
    /// Whether what follows is printed by the last command, whatever it looks like.
    shows_commands: bool,
}

impl Steps {
    fn command(&mut self, line: usize, text: String) {
        self.shows_commands = SHOW_COMMANDS.iter().any(|it| text.starts_with(it));
        self.all.push(Step { line, act: Act::Command { text, answers: Vec::new() } });
    }

    fn output(&mut self, line: usize, text: &str) {
        if let Some(answer) = PROMPTS.iter().find_map(|prompt| text.strip_prefix(prompt)) {
            let answer = answer.trim().to_owned();
            let command = self.all.iter_mut().rev().find_map(|step| match &mut step.act {
                Act::Command { answers, .. } => Some(answers),
                _ => None,
            });
            match command {
                Some(answers) => answers.push(answer),
                None => self.all.push(Step { line, act: Act::Answer(answer) }),
            }
        }
        match self.all.last_mut() {
            Some(Step { act: Act::Output(lines), .. }) => lines.push(text.to_owned()),
            _ => self.all.push(Step { line, act: Act::Output(vec![text.to_owned()]) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_block(text: &str) -> Block {
        let mut blocks = blocks(text);
        assert_eq!(blocks.len(), 1);
        blocks.remove(0).expect("no mistake")
    }

    fn command(line: usize, text: &str, answers: &[&str]) -> Step {
        let answers = answers.iter().map(ToString::to_string).collect();
        Step { line, act: Act::Command { text: text.to_owned(), answers } }
    }

    fn output(line: usize, lines: &[&str]) -> Step {
        Step { line, act: Act::Output(lines.iter().map(ToString::to_string).collect()) }
    }

    #[test]
    fn a_block_has_commands_and_what_they_print() {
        let block = one_block("# T\n```console\n$ one \\\n   1\nfirst\n\n  second\n$ two\n```\n");
        assert_eq!((block.line, block.terminal.as_str()), (2, MAIN));
        let expected = [
            command(3, "one \\\n   1", &[]),
            output(5, &["first", "", "  second"]),
            command(8, "two", &[]),
        ];
        assert_eq!(block.steps, expected);
    }

    #[test]
    fn other_fences_are_not_executed() {
        assert!(blocks("```text\n$ one\n```\n```\n$ two\n```\n`$ three`\n").is_empty());
        assert!(blocks("````text\n```console\n$ one\n```\n````\n").is_empty());
    }

    #[test]
    fn a_block_in_a_list_is_indented() {
        let block = one_block("1. First:\n   ```console\n   $ one\n     two\n   ```\n");
        assert_eq!(block.steps, [command(3, "one", &[]), output(4, &["  two"])]);
    }

    #[test]
    fn a_named_terminal_goes_on_and_is_interrupted() {
        let block = one_block("```console terminal=server\nmore\n^C\nbye\n$ echo $?\n0\n```\n");
        assert_eq!(block.terminal, "server");
        let expected = [
            output(2, &["more"]),
            Step { line: 3, act: Act::Interrupt },
            output(4, &["bye"]),
            command(5, "echo $?", &[]),
            output(6, &["0"]),
        ];
        assert_eq!(block.steps, expected);
        assert!(!block.ends_interrupted());
    }

    #[test]
    fn what_stands_behind_the_prompt_is_typed() {
        let shown = [
            "Enter an integer between 1 and 100: abc",
            "no",
            "Enter an integer between 1 and 100: 25",
        ];
        let block = one_block(&format!("```console\n$ client\n{}\n```\n", shown.join("\n")));
        assert_eq!(block.steps, [command(2, "client", &["abc", "25"]), output(3, &shown)]);
    }

    #[test]
    fn a_demonstration_shows_commands_of_its_own() {
        let block = one_block("```console\n$ make demo-tcp\n== TCP ==\n$ client\n```\n");
        assert_eq!(
            block.steps,
            [command(2, "make demo-tcp", &[]), output(3, &["== TCP ==", "$ client"])]
        );
    }

    #[test]
    fn mistakes_are_found_with_their_line() {
        let mistake = |text: &str| blocks(text).remove(0).expect_err("a mistake");
        assert_eq!(mistake("\n```console termnal=x\n```\n").line, 2);
        assert_eq!(mistake("```console\n$ one\n").what, "this block has no end");
        let what = mistake("```console\none\n```\n").what;
        assert_eq!(what, "without terminal=NAME a block begins with a command");
    }

    #[test]
    fn at_a_prompt_in_a_later_block_the_earlier_command_is_answered() {
        let shown = format!("more\n{} hello", PROMPTS[2]);
        let block = one_block(&format!("```console terminal=x\n{shown}\nhelloACK\n```\n"));
        let expected = [
            output(2, &["more"]),
            Step { line: 3, act: Act::Answer("hello".to_owned()) },
            output(3, &[&format!("{} hello", PROMPTS[2]), "helloACK"]),
        ];
        assert_eq!(block.steps, expected);
    }

    #[test]
    fn prose_is_what_is_in_no_fence() {
        assert_eq!(prose("a\n```\nb\n```\nc"), [(1, "a"), (4, "```"), (5, "c")]);
    }
}
