//! Where questions come from: a prompt on a terminal, or the lines of a pipe.
//!
//! Reading blocks, so it has a thread of its own; the rest of the program stays awake.

use std::io::{self, BufRead, Read};
use std::thread;

use rustyline::error::ReadlineError;
use tokio::sync::mpsc;

use crate::cli::print_error;

/// The question of the exercise.
const PROMPT: &str = "Enter an integer between 1 and 100: ";

/// What is said of anything but an integer.
pub(super) const INVALID: &str = "Invalid input. Please enter a valid integer.";

/// A line longer than this holds no number and no message.
const LONGEST_LINE: u64 = 128 * 1024; // bytes

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
pub(super) struct Lines(mpsc::Receiver<Line>);

impl Lines {
    /// Waits for the next line.
    pub(super) async fn next(&mut self) -> Line {
        self.0.recv().await.unwrap_or(Line::End)
    }
}

/// Begins to read standard input, at a prompt if it is a terminal.
pub(super) fn lines(terminal: bool) -> Lines {
    // One line ahead: what is typed into a pipe without end does not fill our memory.
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(
        move || {
            if terminal { prompt(&sender) } else { read(io::stdin().lock(), &sender) }
        },
    );
    Lines(receiver)
}

fn prompt(sender: &mpsc::Sender<Line>) {
    let Ok(mut editor) = rustyline::DefaultEditor::new() else {
        return read(io::stdin().lock(), sender);
    };
    loop {
        let line = match editor.readline(PROMPT) {
            // Said here, before the next prompt.
            Ok(line) if line.trim().parse::<i64>().is_err() => {
                print_error(INVALID, "");
                continue;
            }
            Ok(line) => Line::Text(line),
            Err(ReadlineError::Interrupted) => Line::Interrupted,
            Err(_) => Line::End,
        };
        // If nobody waits for it any more, the program is ending.
        let _ = sender.blocking_send(line);
        return;
    }
}

fn read(mut input: impl BufRead, sender: &mpsc::Sender<Line>) {
    loop {
        let mut line = Vec::new();
        let line = match input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if !line.ends_with(b"\n") && line.len() as u64 == LONGEST_LINE => Line::TooLong,
            Ok(_) => Line::Text(String::from_utf8_lossy(&line).trim_end().to_owned()),
        };
        let last = line == Line::TooLong;
        if sender.blocking_send(line).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(input: &[u8]) -> Vec<Line> {
        let (sender, mut receiver) = mpsc::channel(100);
        read(input, &sender);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn each_line_is_a_question_also_the_last_without_its_end() {
        let expected =
            [Line::Text("25".into()), Line::Text(String::new()), Line::Text("26".into())];
        assert_eq!(read_all(b"25\r\n\n26"), expected);
    }

    #[test]
    fn an_endless_line_is_given_up() {
        assert_eq!(read_all(&vec![b'1'; 300_000]), [Line::TooLong]);
    }
}
