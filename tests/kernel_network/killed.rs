//! Ended from outside: whenever it happens nothing stays, and the next run works.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::processes::{has_connection, is_stopped};
use crate::programs::ORDINARY;
use crate::{Program, Programs, is_root, wait_until};

/// Moments of a run of some 300 ms: while it is set up, while it runs, and while it ends.
const MOMENTS: [u64; 11] = [0, 2, 5, 10, 20, 50, 100, 200, 300, 350, 400]; // ms

fn devices() -> String {
    let table = fs::read_to_string("/proc/net/dev").expect("a table");
    table.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect()
}

fn happy(programs: &Programs, within: &[&str]) {
    programs.run(within, &["happy-path", "--net", "kernel"]).with_code(0);
}

#[test]
fn killed_at_any_moment_nothing_stays_and_the_next_run_works() {
    let Some(programs) = Programs::on_kernel() else { return };
    let before = devices();
    let within = if is_root() { ORDINARY } else { &[] };
    for within in [&[], within] {
        for moment in MOMENTS {
            let run = programs.start(within, &["happy-path", "--net", "kernel"]);
            // The moment is what is tried; nothing is waited for.
            thread::sleep(Duration::from_millis(moment));
            run.signal(Signal::KILL);
            run.finish();
            programs.processes().wait_for_their_end();
            assert_eq!(devices(), before, "after {moment} ms");
        }
        happy(&programs, within);
    }
    let left = fs::read_dir(programs.left_behind()).expect("a folder").count();
    assert_eq!(left, 0, "files are left");
}

#[test]
fn a_stopped_server_does_not_outlive_a_killed_run() {
    let Some(programs) = Programs::on_kernel() else { return };
    for network in ["kernel", "loopback"] {
        let run = programs.start(&[], &["server-killed.rst", "--net", network]);
        let stopped = || programs.processes().servers().into_iter().any(is_stopped);
        wait_until("a server is stopped", stopped);
        run.signal(Signal::KILL);
        run.finish();
        programs.processes().wait_for_their_end();
    }
}

#[test]
fn the_folder_of_a_killed_run_is_removed_by_the_next_one() {
    let Some(programs) = Programs::on_kernel() else { return };
    let folders = || -> Vec<_> {
        let entries = fs::read_dir(programs.left_behind()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let start = || programs.start(&[], &["file-transfer", "--net", "kernel"]);
    let run = start();
    wait_until("files are offered", || folders().iter().any(|it| it.join("lecture.bin").exists()));
    run.signal(Signal::KILL);
    run.finish();
    programs.processes().wait_for_their_end();
    let forgotten = folders();
    assert!(!forgotten.is_empty());
    let next = start();
    wait_until("they are gone", || forgotten.iter().all(|folder| !folder.exists()));
    next.signal(Signal::INT);
    next.finish().with_code(130);
    assert!(folders().is_empty(), "whoever is interrupted takes its folders along");
}

#[test]
fn ctrl_c_ends_a_run_at_once_and_leaves_nothing() {
    let Some(programs) = Programs::on_kernel() else { return };
    let run = programs.start(&[], &["idle-expiry", "--net", "kernel"]);
    wait_until("a server is there", || !programs.processes().servers().is_empty());
    run.signal(Signal::INT);
    let ended = run.finish().with_code(130);
    // The server of this scenario waits for 5 s.
    assert!(ended.took < Duration::from_secs(3), "{ended:?}");
    programs.processes().wait_for_their_end();
}

/// Where two network namespaces are all that there is, those of a killed run must end soon, although
/// its connections were open: `idle-expiry` has one, and closes it only after seconds.
#[test]
fn where_two_network_namespaces_are_all_the_next_run_works_after_a_kill() {
    let Some(programs) = Programs::on_kernel() else { return };
    let script = "echo 2 >/proc/sys/user/max_net_namespaces || exit 1
        \"$0\" idle-expiry --net kernel & echo \"run $!\"
        read -r _; kill -9 $!; wait $!
        \"$0\" lost-reply --net kernel";
    let mut command = Command::new("unshare");
    command.args(["-Ur", "sh", "-c", script, &programs.compare()]);
    let mut shell = Program::start(programs.at_home(&mut command).stdin(Stdio::piped()));
    shell.wait_for("run ");
    let connected = || programs.processes().servers().into_iter().any(has_connection);
    wait_until("a client is connected", connected);
    shell.take_input().write_all(b"now\n").expect("it reads");
    let ended = shell.finish().with_code(0);
    assert!(ended.out.contains("who repeats what is lost"), "{ended:?}");
    programs.processes().wait_for_their_end();
}
