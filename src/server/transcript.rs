//! What the server prints, and how it never waits for it.
//!
//! Lines go into a bounded buffer, and a thread of its own writes them. If standard output stalls,
//! lines are dropped and counted; the exchanges go on.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Listening;
use super::lines::{self, Format, Lines};
use crate::peer::Transport;
use crate::protocol::event::Event;
use crate::time::{Clock, Timestamp};

/// Lines that wait to be written, together, in bytes: many times what is written at once.
const CAPACITY: usize = 4 * 1024 * 1024;

/// After each write the writer lets lines gather for so long. A reader notices no delay, and a busy
/// server pays for few writes.
const GATHER: Duration = Duration::from_millis(20);

/// How long the end waits for a standard output that has stalled.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A warning that repeats is printed this often, with its count.
const REPEAT: Duration = Duration::from_secs(1);

/// Different warnings told apart; what goes beyond is printed as it comes.
const MAX_WARNINGS: usize = 256;

/// The transcript of a server. Its copies are one.
#[derive(Clone)]
pub struct Transcript {
    clock: Clock,
    quiet: bool,
    desk: Arc<(Mutex<Desk>, Condvar)>,
}

struct Desk {
    lines: Lines,
    waiting: Vec<u8>,
    writing: bool,
    /// Lines that found no room since the last write.
    dropped: u64,
    finishing: bool,
    /// Nothing will be written any more.
    over: bool,
    warnings: BTreeMap<String, Repeated>,
}

/// A warning that was printed, and how often it came since.
struct Repeated {
    printed: Timestamp,
    since: u64,
}

impl Transcript {
    /// Starts the thread that writes to `output`. If `quiet`, only ready lines and warnings are
    /// printed.
    pub fn start(
        output: impl Write + Send + 'static,
        format: Format,
        quiet: bool,
        clock: Clock,
    ) -> Self {
        let desk = Desk {
            lines: Lines::new(format),
            waiting: Vec::new(),
            writing: false,
            dropped: 0,
            finishing: false,
            over: false,
            warnings: BTreeMap::new(),
        };
        let desk = Arc::new((Mutex::new(desk), Condvar::new()));
        let transcript = Transcript { clock, quiet, desk };
        let writer = transcript.clone();
        thread::spawn(move || writer.write_to(output));
        transcript
    }

    /// Says that the server can be reached.
    pub fn ready(&self, transport: Transport, address: SocketAddr) {
        let at = self.clock.calendar(self.clock.now());
        self.print(|lines, out| lines.ready(out, at, transport, address));
    }

    /// Says that the server begins to stop: a word for programs, and a sentence for people unless
    /// they know.
    pub fn shutdown(&self, reason: &str, sentence: &str) {
        if self.quiet {
            return;
        }
        let at = self.clock.calendar(self.clock.now());
        self.print(|lines, out| lines.shutdown(out, at, reason, sentence));
    }

    /// Waits until everything is written, or standard output has stalled for a second.
    pub fn finish(&self) {
        let mut desk = self.desk();
        desk.finishing = true;
        self.desk.1.notify_all();
        let going_on = |desk: &mut Desk| !desk.over;
        let waited = self.desk.1.wait_timeout_while(desk, LAST_WORDS, going_on);
        if waited.is_ok_and(|(_, waited)| waited.timed_out()) {
            // Nobody may be left to hear this either.
            let _ = writeln!(
                std::io::stderr(),
                "[WARNING] The transcript is incomplete: standard output did not take its end"
            );
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, write: impl FnOnce(&mut Lines, &mut Vec<u8>)) {
        self.put(&mut self.desk(), write);
    }

    fn put(&self, desk: &mut Desk, write: impl FnOnce(&mut Lines, &mut Vec<u8>)) {
        if desk.waiting.len() >= CAPACITY {
            desk.dropped += 1;
            return;
        }
        let idle = desk.waiting.is_empty() && !desk.writing;
        write(&mut desk.lines, &mut desk.waiting);
        if idle {
            self.desk.1.notify_all();
        }
    }

    fn warn(&self, now: Timestamp, what: String, write: impl FnOnce(&mut Lines, &mut Vec<u8>)) {
        let desk = &mut *self.desk();
        if let Some(known) = desk.warnings.get_mut(&what) {
            known.since += 1;
            return;
        }
        if desk.warnings.len() < MAX_WARNINGS {
            desk.warnings.insert(what, Repeated { printed: now, since: 0 });
        }
        self.put(desk, write);
    }

    fn write_to(&self, mut output: impl Write) {
        let mut desk = self.desk();
        loop {
            let next_repeat = desk.repeat_warnings(self.clock, self.clock.now());
            if desk.waiting.is_empty() {
                if desk.finishing {
                    return desk.end(&self.desk.1);
                }
                let wait = next_repeat.unwrap_or(Duration::MAX);
                desk = match self.desk.1.wait_timeout(desk, wait) {
                    Ok((desk, _)) => desk,
                    Err(poisoned) => poisoned.into_inner().0,
                };
                continue;
            }
            let lines = std::mem::take(&mut desk.waiting);
            desk.writing = true;
            drop(desk);
            let written = output.write_all(&lines).and_then(|()| output.flush());
            desk = self.desk();
            desk.writing = false;
            if let Err(error) = written {
                return desk.give_up(&error, &self.desk.1);
            }
            desk.say_what_was_dropped(self.clock);
            let finishing = |desk: &mut Desk| !desk.finishing;
            desk.writing = true;
            desk = match self.desk.1.wait_timeout_while(desk, GATHER, finishing) {
                Ok((desk, _)) => desk,
                Err(poisoned) => poisoned.into_inner().0,
            };
            desk.writing = false;
        }
    }
}

impl Desk {
    /// Prints the counts of repeated warnings that are due; returns how long until the next is.
    fn repeat_warnings(&mut self, clock: Clock, now: Timestamp) -> Option<Duration> {
        let finishing = self.finishing;
        let (lines, waiting) = (&mut self.lines, &mut self.waiting);
        self.warnings.retain(|what, repeated| {
            if !finishing && now.since(repeated.printed) < REPEAT {
                return true;
            }
            if repeated.since > 0 {
                lines.repeated(waiting, clock.calendar(now), what, repeated.since);
            }
            let keep = repeated.since > 0;
            *repeated = Repeated { printed: now, since: 0 };
            keep && !finishing
        });
        let due = self.warnings.values().map(|repeated| repeated.printed + REPEAT).min()?;
        Some(due.since(now).max(Duration::from_millis(1)))
    }

    fn say_what_was_dropped(&mut self, clock: Clock) {
        let count = std::mem::take(&mut self.dropped);
        if count > 0 {
            let at = clock.calendar(clock.now());
            self.lines.dropped(&mut self.waiting, at, count);
        }
    }

    /// Standard output is closed: the server goes on without a transcript.
    fn give_up(&mut self, error: &std::io::Error, changed: &Condvar) {
        // Nobody may be left to hear this either.
        let _ = writeln!(
            std::io::stderr(),
            "[WARNING] The transcript ends here, the server goes on: {error}"
        );
        self.waiting = Vec::new();
        self.dropped = 0;
        self.lines = Lines::new(Format::Nothing);
        self.end(changed);
    }

    fn end(&mut self, changed: &Condvar) {
        self.over = true;
        changed.notify_all();
    }
}

impl Listening for Transcript {
    fn event(&self, at: Timestamp, event: Event) {
        let calendar = self.clock.calendar(at);
        match lines::warning(&event.kind) {
            Some(what) => self.warn(at, what, |lines, out| lines.event(out, calendar, &event)),
            None if self.quiet => {}
            None => self.print(|lines, out| lines.event(out, calendar, &event)),
        }
    }

    fn trouble(&self, at: Timestamp, text: String) {
        let calendar = self.clock.calendar(at);
        let what = text.clone();
        self.warn(at, what, |lines, out| lines.trouble(out, calendar, &text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;
    use crate::protocol::event::EventKind;

    /// An output that a test can read, and stall.
    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Output {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("unpoisoned").clone()).expect("text")
        }
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn event(kind: EventKind) -> Event {
        let peer = Peer::tcp("127.0.0.1:5000".parse().expect("an address"));
        Event { peer, message_id: None, kind }
    }

    #[test]
    fn everything_is_written_before_the_end() {
        let output = Output::default();
        let transcript = Transcript::start(output.clone(), Format::Text, false, Clock::start());
        for _ in 0..1000 {
            transcript.event(Timestamp::ZERO, event(EventKind::Connected));
        }
        transcript.finish();
        assert_eq!(output.text().lines().count(), 1000);
    }

    #[test]
    fn a_warning_that_repeats_is_counted() {
        let output = Output::default();
        let transcript = Transcript::start(output.clone(), Format::Text, true, Clock::start());
        for _ in 0..1000 {
            transcript.event(Timestamp::ZERO, event(EventKind::Malformed("bad".into())));
        }
        transcript.finish();
        let expected = "[WARNING] tcp 127.0.0.1:5000 malformed: bad\n\
                        [WARNING] malformed: bad (999 more)\n";
        assert_eq!(output.text(), expected);
    }

    #[test]
    fn a_stalled_output_holds_nobody_up_and_what_is_lost_is_counted() {
        let output = Output::default();
        let stalled = output.0.lock().expect("unpoisoned");
        let transcript = Transcript::start(output.clone(), Format::Text, false, Clock::start());
        for _ in 0..200_000 {
            transcript.event(Timestamp::ZERO, event(EventKind::Connected));
        }
        assert!(transcript.desk().waiting.len() <= CAPACITY + 100);
        drop(stalled);
        transcript.finish();
        let text = output.text();
        let dropped = text.lines().last().expect("a line");
        assert!(dropped.starts_with("[WARNING] "), "{dropped}");
        assert!(dropped.ends_with("lines dropped: standard output stalled"), "{dropped}");
    }
}
