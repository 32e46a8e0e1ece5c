//! Where questions come from: a prompt on a terminal, or the lines of a pipe.
//!
//! Reading blocks, so it has a thread of its own; the rest of the program stays awake, and what it
//! has to say meanwhile stands above the prompt, which is drawn again below.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read, Write};
use std::sync::mpsc as blocking;
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};
use tokio::sync::mpsc;

use crate::cli::print_error;

/// A line longer than this holds no number and no message.
const LONGEST_LINE: u64 = 128 * 1024; // bytes

/// What is asked at a terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prompt {
    text: &'static str,
    /// Returns what is wrong with a line, if it is to be asked for again.
    wrong: fn(&str) -> Option<&'static str>,
}

impl Prompt {
    /// The question of the sum exercise.
    pub(super) const INTEGER: Prompt = Prompt {
        text: "Enter an integer between 1 and 100: ",
        wrong: |line| line.trim().parse::<i64>().is_err().then_some(INVALID),
    };

    /// The question of the calculator and of the echo.
    pub(super) const MESSAGE: Prompt =
        Prompt { text: "Please enter the message to the server: ", wrong: |_| None };

    /// The question of the chat.
    pub(super) const CHAT: Prompt = Prompt {
        text: "> Enter message (or 'exit' to quit, 'status' for client information) ",
        wrong: |_| None,
    };
}

/// What is said of anything but an integer.
pub(super) const INVALID: &str = "Invalid input. Please enter a valid integer.";

/// What was typed, or came through the pipe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Text(String),
    /// A line that does not end.
    TooLong,
    /// Ctrl+C at the prompt.
    Interrupted,
    /// Ctrl+D at the prompt, or the end of the pipe.
    End,
}

/// Lines, as they come.
pub(super) struct Lines {
    read: mpsc::Receiver<Line>,
    /// Of several lines that were pasted at once, those that are left.
    pasted: VecDeque<String>,
    keyboard: Option<Keyboard>,
}

/// A prompt that stands only while a line is waited for.
struct Keyboard {
    wanted: blocking::Sender<()>,
    /// Whether the prompt stands.
    asked: bool,
    /// Prints above the prompt, if the terminal can do that.
    above: Option<Box<dyn ExternalPrinter + Send>>,
}

impl Lines {
    /// Begins to read standard input: at this prompt, or as a pipe.
    pub(super) fn of_input(prompt: Option<Prompt>) -> Self {
        // One line ahead: what is typed into a pipe without end does not fill our memory.
        let (sender, read) = mpsc::channel(1);
        let editor = prompt.and_then(|prompt| Some((prompt, DefaultEditor::new().ok()?)));
        let keyboard = match editor {
            Some((prompt, mut editor)) => {
                let above = editor.create_external_printer().ok();
                let above = above.map(|above| Box::new(above) as Box<dyn ExternalPrinter + Send>);
                let (wanted, asked) = blocking::channel();
                thread::spawn(move || type_lines(prompt, editor, &asked, &sender));
                Some(Keyboard { wanted, asked: false, above })
            }
            None => {
                thread::spawn(move || read_lines(io::stdin().lock(), &sender));
                None
            }
        };
        Lines { read, pasted: VecDeque::new(), keyboard }
    }

    /// Waits for the next line. May be dropped and called again at any time.
    pub(super) async fn next(&mut self) -> Line {
        if let Some(line) = self.pasted.pop_front() {
            return Line::Text(line);
        }
        if let Some(keyboard) = &mut self.keyboard
            && !keyboard.asked
        {
            // If the thread has ended, so have the lines.
            let _ = keyboard.wanted.send(());
            keyboard.asked = true;
        }
        let line = self.read.recv().await.unwrap_or(Line::End);
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.asked = false;
        }
        match line {
            Line::Text(text) if text.contains(['\n', '\r']) => {
                self.pasted = text.lines().map(str::to_owned).collect();
                Line::Text(self.pasted.pop_front().unwrap_or_default())
            }
            line => line,
        }
    }

    /// Says something on standard error; while a prompt stands, above it.
    pub(super) fn say(&mut self, text: &str) {
        if let Some(Keyboard { asked: true, above, .. }) = &mut self.keyboard {
            let printed =
                above.as_mut().is_some_and(|above| above.print(format!("{text}\n")).is_ok());
            if printed {
                return;
            }
            // It cannot be drawn above: on a line of its own.
            let _ = writeln!(io::stderr());
        }
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Reads a line at the prompt whenever one is wanted.
fn type_lines(
    prompt: Prompt,
    mut editor: DefaultEditor,
    wanted: &blocking::Receiver<()>,
    sender: &mpsc::Sender<Line>,
) {
    while wanted.recv().is_ok() {
        let line = type_line(prompt, &mut editor);
        let last = line == Line::End;
        // If nobody waits for it any more, the program is ending.
        if sender.blocking_send(line).is_err() || last {
            return;
        }
    }
}

fn type_line(prompt: Prompt, editor: &mut DefaultEditor) -> Line {
    loop {
        let line = match editor.readline(prompt.text) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => return Line::Interrupted,
            Err(_) => return Line::End,
        };
        // Without a history there is only less comfort.
        let _ = editor.add_history_entry(line.as_str());
        match (prompt.wrong)(&line) {
            // Said here, before the next prompt.
            Some(what) => print_error(what, ""),
            None => return Line::Text(line),
        }
    }
}

fn read_lines(mut input: impl BufRead, sender: &mpsc::Sender<Line>) {
    loop {
        let mut line = Vec::new();
        let line = match input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if !line.ends_with(b"\n") && line.len() as u64 == LONGEST_LINE => Line::TooLong,
            Ok(_) => Line::Text(without_end(&String::from_utf8_lossy(&line))),
        };
        let last = line == Line::TooLong;
        if sender.blocking_send(line).is_err() || last {
            return;
        }
    }
}

fn without_end(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(input: &[u8]) -> Vec<Line> {
        let (sender, mut receiver) = mpsc::channel(100);
        read_lines(input, &sender);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn each_line_is_a_question_also_the_last_without_its_end() {
        let expected =
            [Line::Text("25".into()), Line::Text(String::new()), Line::Text("26".into())];
        assert_eq!(read_all(b"25\r\n\n26"), expected);
    }

    #[test]
    fn spaces_are_part_of_a_line() {
        assert_eq!(read_all(b" echo  \n"), [Line::Text(" echo  ".into())]);
    }

    #[test]
    fn an_endless_line_is_given_up() {
        assert_eq!(read_all(&vec![b'1'; 300_000]), [Line::TooLong]);
    }
}
