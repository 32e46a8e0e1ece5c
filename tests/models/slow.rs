//! Slow clients and rude ones: what they do to the others, which in three models is nothing.

use std::io::{self, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::support::peers::Guest;
use crate::support::wire::{connect, reset};
use crate::{CONCURRENT, FIFTY, Lines, MODELS, start};

#[test]
fn half_a_line_holds_nobody_up_and_its_other_half_is_answered() {
    for model in CONCURRENT {
        let server = start(model, &["--framing", "line", "--number", "50"]);
        let mut slow = Lines::to(server.address);
        slow.say("Ada;");
        let mut others: Vec<_> = (0..5).map(|_| Lines::to(server.address)).collect();
        for other in &mut others {
            assert_eq!(other.ask("Bob;30"), FIFTY, "{model}");
        }
        assert!(slow.has_heard_nothing(), "{model}");
        slow.say("25\n");
        assert_eq!(slow.hear(), FIFTY, "{model}");
        server.stop();
    }
}

#[test]
fn a_message_without_a_line_end_is_taken_after_a_silence_in_every_model() {
    for model in MODELS {
        let server = start(model, &["--number", "50"]);
        let mut client = Lines::to(server.address);
        client.say("Ada;25");
        assert_eq!(client.hear(), FIFTY, "{model}");
        server.stop();
    }
}

#[test]
fn work_for_one_client_holds_nobody_up() {
    for model in CONCURRENT {
        let server = start(model, &["--work", "500ms", "--number", "50"]);
        let mut clients: Vec<_> = (0..20).map(|_| Lines::to(server.address)).collect();
        let waited = crate::support::Stopwatch::start();
        for client in &mut clients {
            client.say("Ada;25\n");
        }
        for client in &mut clients {
            assert_eq!(client.hear(), FIFTY, "{model}");
        }
        let waited = waited.elapsed();
        // One after the other they would wait for 10 s.
        assert!(waited >= Duration::from_millis(500), "{model}: {waited:?}");
        assert!(waited < Duration::from_secs(5), "{model}: {waited:?}");
        server.stop();
    }
}

/// Sends without reading until nothing more is taken: its buffers and the server's are full.
fn fill(stream: &mut std::net::TcpStream) -> usize {
    stream.set_nonblocking(true).expect("set");
    let requests = b"Eve;1\n".repeat(1000);
    let (mut sent, mut offset) = (0, 0);
    loop {
        match stream.write(&requests[offset..]) {
            Ok(count) => {
                sent += count;
                offset = (offset + count) % requests.len();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // So long is nothing taken: nobody reads any more.
                let a_while = Timespec { tv_sec: 1, tv_nsec: 0 };
                let mut waiting = [PollFd::new(&*stream, PollFlags::OUT)];
                if poll(&mut waiting, Some(&a_while)).expect("a poll") == 0 {
                    stream.set_nonblocking(false).expect("set");
                    return sent;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_client_that_never_reads_is_stopped_by_its_own_buffers_and_left_after_a_while() {
    for model in CONCURRENT {
        let server = start(model, &["--quiet", "--idle-timeout", "4s"]);
        let mut deaf = connect(server.address);
        let sent = fill(&mut deaf);
        assert!(sent > 100_000, "{model}: {sent}");
        let mut guest = Guest::at(server.address);
        guest.is_served();
        // It is left: a RST, for what it has sent is unread.
        let broken = loop {
            guest.is_served();
            if let Some(error) = deaf.take_error().expect("a socket") {
                break error;
            }
        };
        assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset, "{model}");
        guest.is_served();
        server.stop();
    }
}

#[test]
fn a_client_that_reads_late_gets_every_reply() {
    for model in MODELS {
        let server = start(model, &["--quiet", "--number", "50"]);
        let mut late = connect(server.address);
        let sent = fill(&mut late);
        let mut late = Lines(io::BufReader::new(late));
        for _ in 0..sent / 6 {
            assert_eq!(late.hear(), FIFTY, "{model}");
        }
        server.stop();
    }
}

#[test]
fn clients_that_vanish_in_the_middle_of_a_word_are_nobodys_trouble() {
    for model in MODELS {
        let queue: &[&str] = if model == "serial" { &["--second", "queue"] } else { &[] };
        let server = start(model, &[&["--quiet", "--number", "50"], queue].concat());
        for _ in 0..30 {
            let mut rude = connect(server.address);
            rude.write_all(b"Ada;25\nBo").expect("sent");
            reset(rude);
            let mut hasty = connect(server.address);
            hasty.write_all(b"Ada;25\n").expect("sent");
            drop(hasty);
        }
        assert_eq!(Lines::to(server.address).ask("Bob;30"), FIFTY, "{model}");
        server.stop();
    }
}
