//! Many clients, and what is left when they have gone.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::peers::Guest;
use crate::support::wire::{connect, conversation};
use crate::support::{LIMIT, Program, SERVER, Stopwatch, address_in};
use crate::{CONCURRENT, FIFTY, Lines, MODELS, start};

/// Entries of a folder about a process: its open files, or its threads.
fn count(id: u32, what: &str) -> usize {
    fs::read_dir(format!("/proc/{id}/{what}")).expect("running").count()
}

/// CPU time that a program has used, as the scheduler counts it.
fn cpu_time(program: &Program) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.id())).expect("running");
    let of_task = |task: std::io::Result<fs::DirEntry>| -> Option<u64> {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    Duration::from_nanos(tasks.filter_map(of_task).sum())
}

#[test]
fn two_hundred_connections_leave_nothing_behind() {
    for model in MODELS {
        let server = start(model, &["--quiet", "--number", "50"]);
        let expected = format!("{FIFTY}\n");
        assert_eq!(conversation(server.address, b"Ada;25\n"), expected, "{model}");
        let before = (count(server.id(), "fd"), count(server.id(), "task"));
        for _ in 0..200 {
            assert_eq!(conversation(server.address, b"Ada;25\n"), expected, "{model}");
        }
        // The last one may still be on its way out.
        let waited = Stopwatch::start();
        let left = || (count(server.id(), "fd"), count(server.id(), "task"));
        while left() > before {
            assert!(waited.elapsed() < LIMIT, "{model}: {before:?}, now {:?}", left());
        }
        server.stop();
    }
}

#[test]
fn five_hundred_clients_at_once_are_all_served() {
    for model in CONCURRENT {
        let server = start(model, &["--quiet", "--number", "50"]);
        let mut clients: Vec<_> = (0..500).map(|_| Lines::to(server.address)).collect();
        for client in &mut clients {
            client.say("Ada;25\n");
        }
        for client in &mut clients {
            assert_eq!(client.hear(), FIFTY, "{model}");
        }
        assert_eq!(count(server.id(), "task") > 500, model == "threads");
        server.stop();
    }
}

#[test]
fn out_of_file_descriptors_every_model_serves_whom_it_has_does_not_spin_and_recovers() {
    const FULL: &str = "Could not accept a connection: Too many open files";
    for model in CONCURRENT {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", SERVER, "127.0.0.1", "0"]);
        command.args(["--model", model, "--drain", "0s"]).stdin(Stdio::null());
        let program = Program::start(&mut command);
        let address = address_in(&program.wait_for("ready to receive on udp "));
        let mut guest = Guest::at(address);
        guest.is_served();
        let waiting: Vec<_> = (0..60).map(|_| connect(address)).collect();
        program.wait_for(FULL);
        guest.is_served();
        // The warning repeats once a second, with its count: between two of them passes a second.
        program.wait_for(FULL);
        let before = cpu_time(&program);
        program.wait_for(FULL);
        let spent = cpu_time(&program) - before;
        assert!(spent < Duration::from_millis(200), "{model}: {spent:?} in a second");
        drop(waiting);
        guest.is_served();
        let mut newcomer = Lines::to(address);
        assert!(newcomer.ask("Ada;25").starts_with("Server of socklab;"), "{model}");
        program.signal(Signal::TERM);
        program.finish().with_code(0);
    }
}
