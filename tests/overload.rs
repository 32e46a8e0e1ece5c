//! A server with too much of everything: clients, connections, and nobody who reads its transcript.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use support::peers::Guest;
use support::wire::{CHALLENGE, Datagram, REPLY, catch_up, connect, udp_to};
use support::{HASTY, Program, SERVER, Server, Stopwatch, address_in, server_command};

/// Resident memory of a program, in bytes.
fn memory(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).expect("running");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
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

const MIB: u64 = 1024 * 1024;

#[test]
fn sixty_thousand_clients_at_one_address_take_little_memory_and_nobody_elses_place() {
    let server = Server::start(&["--quiet", "--drain", "0s"]);
    let mut guest = Guest::at(server.address);
    guest.is_served();
    let before = memory(&server);
    let socket = udp_to(server.address);
    let (mut answered, mut challenged) = (0, 0);
    for mark in 0..1000 {
        for token in mark * 60..(mark + 1) * 60 {
            let request = Datagram::request(0x1000_0000 + token, 1, "Eve;25");
            socket.send(&request.bytes()).expect("sent");
        }
        for answer in catch_up(&socket, mark) {
            match Datagram::read(&answer).kind {
                REPLY => answered += 1,
                CHALLENGE => challenged += 1,
                other => panic!("type {other}"),
            }
        }
        if mark % 100 == 0 {
            guest.is_served();
        }
    }
    // Three quarters of 65,536, less the guest, for free; who comes then must prove its address.
    assert_eq!(answered, 49_151);
    assert!(challenged > 0);
    guest.is_served();
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
    // Someone new, with proof, still finds room.
    let newcomer = server.client(&["--transport", "udp", "--number", "25"]).with_code(0);
    assert!(newcomer.out.contains("again, with the server's cookie"), "{newcomer:#?}");
    server.stop();
}

#[test]
fn out_of_file_descriptors_it_serves_whom_it_has_does_not_spin_and_recovers() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", SERVER]);
    command.args(["127.0.0.1", "0", "--drain", "0s"]).stdin(Stdio::null());
    let program = Program::start(&mut command);
    let address = address_in(&program.wait_for("ready to receive on udp "));
    let mut guest = Guest::at(address);
    guest.is_served();
    let mut streams: Vec<_> = (0..60).map(|_| connect(address)).collect();
    for stream in &mut streams {
        stream.write_all(b"Ada;25\n").expect("sent");
    }
    const FULL: &str = "Could not accept a connection: Too many open files";
    program.wait_for(FULL);
    guest.is_served();
    // The warning repeats once a second, with its count: between two of them passes a second.
    program.wait_for(FULL);
    let before = cpu_time(&program);
    guest.is_served();
    program.wait_for(FULL);
    let spent = cpu_time(&program) - before;
    assert!(spent < Duration::from_millis(100), "{spent:?} in a second");
    // Whoever was served leaves; then the others' turn comes.
    let served = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).expect("set");
        let served = stream.read(&mut [0; 100]).is_ok();
        stream.set_nonblocking(false).expect("set");
        served
    };
    let (mut first, waiting): (Vec<_>, Vec<_>) =
        streams.into_iter().map(|mut stream| (served(&mut stream), stream)).partition(|it| it.0);
    assert!(first.len() > 10 && waiting.len() > 20, "{} {}", first.len(), waiting.len());
    for (_, mut stream) in waiting {
        // One leaves, one is let in.
        drop(first.pop());
        let mut reply = [0; 100];
        let count = stream.read(&mut reply).expect("a reply in time");
        assert!(reply[..count].starts_with(b"Server of socklab;"), "{count}");
    }
    guest.is_served();
    program.signal(Signal::TERM);
    program.finish().with_code(0);
}

#[test]
fn a_transcript_that_nobody_reads_holds_nobody_up() {
    let mut command = server_command("127.0.0.1", 0, HASTY);
    let (mut server, out) = Program::start_unread(&mut command);
    let mut lines = BufReader::new(out);
    let mut ready = String::new();
    lines.read_line(&mut ready).expect("a line");
    let address = address_in(ready.trim_end());
    // From here on nobody reads. A pipe holds 64 KiB: a few hundred exchanges.
    let mut guest = Guest::at(address);
    let before = memory(&server);
    let mut stream = BufReader::new(connect(address));
    for _ in 0..600 {
        let requests = b"Ada;25\n".repeat(100);
        stream.get_mut().write_all(&requests).expect("sent");
        let mut reply = String::new();
        for _ in 0..100 {
            stream.read_line(&mut reply).expect("a reply in time");
        }
        assert_eq!(reply.matches("Server of socklab;").count(), 100);
    }
    guest.is_served();
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 32 * MIB, "{} MiB", grown / MIB);
    // Somebody reads again: what had no room is counted, what comes now is there.
    server.listen(lines);
    server.wait_for("lines dropped: standard output stalled");
    guest.is_served();
    server.wait_for("Guest;7");
    server.signal(Signal::TERM);
    server.finish().with_code(0);
}

#[test]
fn a_stalled_transcript_does_not_keep_it_from_stopping() {
    let mut command = server_command("127.0.0.1", 0, &["--transport", "tcp"]);
    let (server, out) = Program::start_unread(&mut command);
    let mut lines = BufReader::new(out);
    let mut ready = String::new();
    lines.read_line(&mut ready).expect("a line");
    let mut stream = BufReader::new(connect(address_in(ready.trim_end())));
    let requests = b"Ada;25\n".repeat(2000);
    stream.get_mut().write_all(&requests).expect("sent");
    let mut reply = String::new();
    for _ in 0..2000 {
        stream.read_line(&mut reply).expect("a reply in time");
    }
    let clock = Stopwatch::start();
    server.signal(Signal::TERM);
    server.finish().with_code(0);
    // Its last words wait for a second.
    assert!(clock.elapsed() < Duration::from_secs(4), "{:?}", clock.elapsed());
    drop(lines);
}
