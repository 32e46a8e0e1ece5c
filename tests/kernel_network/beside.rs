//! Beside others: the host's own network is not touched, and runs do not meet.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::programs::{ORDINARY, report_of};
use crate::{Programs, is_root, wait_until};

/// What the host's own network is like: its devices, its addresses, and how its TCP is set up.
#[derive(Debug, PartialEq)]
struct HostNetwork {
    devices: Vec<String>,
    addresses: String,
    settings: BTreeMap<String, String>,
}

impl HostNetwork {
    fn now() -> Self {
        let table = fs::read_to_string("/proc/net/dev").expect("a table");
        let devices = table.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
        // Where there is no such program, the devices have to do.
        let addresses = Command::new("ip").args(["-o", "address"]).output();
        let addresses = addresses.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
        let files = fs::read_dir("/proc/sys/net/ipv4").expect("a folder");
        let paths = files.map(|entry| entry.expect("an entry").path());
        let read = |path: &std::path::PathBuf| {
            Some((path.display().to_string(), fs::read_to_string(path).ok()?))
        };
        HostNetwork {
            devices: devices.collect(),
            addresses: addresses.unwrap_or_default(),
            settings: paths.collect::<Vec<_>>().iter().filter_map(read).collect(),
        }
    }
}

#[test]
fn the_hosts_own_network_is_untouched_before_during_and_after() {
    let Some(programs) = Programs::on_kernel() else { return };
    let before = HostNetwork::now();
    assert!(before.settings.contains_key("/proc/sys/net/ipv4/tcp_congestion_control"));
    let run = programs.start(&[], &["lost-reply", "--net", "kernel", "--tcp-profile", "textbook"]);
    wait_until("a server is there", || !programs.processes().servers().is_empty());
    assert_eq!(HostNetwork::now(), before, "during");
    run.finish().with_code(0);
    assert_eq!(HostNetwork::now(), before, "after");
    programs.processes().wait_for_their_end();
}

#[test]
fn sixteen_runs_side_by_side_do_not_meet() {
    let Some(programs) = Programs::on_kernel() else { return };
    let within = if is_root() { ORDINARY } else { &[] };
    let start = |seed: usize| {
        let seed = seed.to_string();
        let options = ["--net", "kernel", "--format", "json", "--seed", &seed];
        programs.start(within, &[&["happy-path"], &options[..]].concat())
    };
    let runs: Vec<_> = (1..=16).map(start).collect();
    for run in runs {
        let report = report_of(&run.finish().with_code(0));
        for transport in ["tcp", "udp"] {
            assert_eq!(report[transport]["outcome"], "replied");
            assert_eq!(report[transport]["agreed"], report[transport]["exchanges"]);
        }
        assert_eq!(report["udp"]["packets_c2s"], 1, "only its own packets");
    }
    programs.processes().wait_for_their_end();
}
