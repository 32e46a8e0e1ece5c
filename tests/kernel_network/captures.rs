//! What Wireshark makes of the kernel's own packets.

use std::path::Path;
use std::process::Command;

use crate::programs::report_of;
use crate::{Programs, skip};

/// Scenarios with all kinds of packets: both transports, losses, fragments, another address.
const SCENARIOS: [&[&str]; 4] = [
    &["happy-path"],
    &["loss", "--exchanges", "5", "--loss", "20%", "--seed", "7"],
    &["oversized"],
    &["address-change"],
];

const CHECKED: &[&str] = &[
    "-o",
    "ip.check_checksum:TRUE",
    "-o",
    "tcp.check_checksum:TRUE",
    "-o",
    "udp.check_checksum:TRUE",
];

/// What is looked at of each packet.
const PACKET: &[&str] = &[
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.flags.mf",
    "ip.frag_offset",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
];

/// As tshark says it of a checksum.
const GOOD: &str = "1";

/// Returns these fields of the packets of a capture that a filter takes; of several of one name, as in
/// an ICMP message that quotes a packet, the first.
fn fields(capture: &Path, filter: &str, names: &[&str]) -> Vec<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.args(CHECKED).args(["-T", "fields", "-E", "occurrence=f", "-Y", filter]);
    tshark.args(names.iter().flat_map(|name| ["-e", name]));
    // Nobody's own settings and plugins.
    let nobody = capture.with_extension("");
    tshark.env("HOME", &nobody).env("WIRESHARK_CONFIG_DIR", &nobody);
    let output = tshark.arg("-nr").arg(capture).output().expect("tshark runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Returns where tshark is missing whether that may be.
fn has_tshark() -> bool {
    let has = Command::new("tshark").arg("--version").output().is_ok();
    if !has {
        assert!(std::env::var("CI").is_ok_and(|ci| ci == "true"), "CI needs tshark");
        skip("this computer has no tshark");
    }
    has
}

/// Runs a scenario and returns its report and the captures, each with its name.
fn captured(
    programs: &Programs,
    scenario: &[&str],
) -> (serde_json::Value, Vec<std::path::PathBuf>) {
    let folder = programs.folder(scenario[0]);
    let folder_text = folder.to_str().expect("text");
    let options = ["--net", "kernel", "--tcp-profile", "textbook", "--format", "json"];
    let report = programs.run(&[], &[scenario, &options, &["--pcap", folder_text]].concat());
    let entries = std::fs::read_dir(&folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    (report_of(&report.with_code(0)), paths.collect())
}

#[test]
fn every_checksum_is_right_and_only_our_packets_are_captured() {
    let Some(programs) = Programs::on_kernel() else { return };
    if !has_tshark() {
        return;
    }
    for scenario in SCENARIOS {
        let (_, captures) = captured(&programs, scenario);
        assert!(captures.len() >= 4, "{scenario:?}: {captures:?}");
        for capture in captures {
            let packets = fields(&capture, "frame", PACKET);
            assert!(!packets.is_empty(), "{} is empty", capture.display());
            for packet in packets {
                let about = format!("{} {packet:?}", capture.display());
                let [from, to, protocol, more, offset, ip, tcp, udp, icmp] = &packet[..] else {
                    panic!("{about}");
                };
                // No router solicitation, no multicast membership.
                assert!(from.starts_with("10.") && to.starts_with("10."), "{about}");
                assert_eq!(ip, GOOD, "{about}");
                let is_piece = more == "1" || offset != "0";
                match protocol.as_str() {
                    "6" => assert_eq!(tcp, GOOD, "{about}"),
                    "1" => assert_eq!(icmp, GOOD, "{about}"),
                    // Before all pieces are there, nothing can be said.
                    "17" if is_piece && udp.is_empty() => {}
                    "17" => assert_eq!(udp, GOOD, "{about}"),
                    _ => panic!("{about}"),
                }
            }
        }
    }
}

/// In the sender's own file a repetition is one beyond doubt: there nothing overtakes.
#[test]
fn tshark_counts_as_many_retransmissions_as_the_report() {
    let Some(programs) = Programs::on_kernel() else { return };
    if !has_tshark() {
        return;
    }
    let mut seen = 0;
    for seed in ["3", "7", "8"] {
        let scenario = ["loss", "--exchanges", "5", "--loss", "20%", "--seed", seed];
        let (report, captures) = captured(&programs, &scenario);
        let of_tcp = |path: &&std::path::PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().contains("-tcp-"))
        };
        let sent = "frame.packet_flags_direction == 2";
        let again = "(tcp.analysis.retransmission or tcp.analysis.out_of_order)";
        let counted = captures.iter().filter(of_tcp);
        let filter = format!("{sent} and {again}");
        let counted: usize = counted.map(|it| fields(it, &filter, &["frame.number"]).len()).sum();
        assert_eq!(report["tcp"]["retransmissions"], counted, "seed {seed}");
        seen += counted;
    }
    assert!(seen > 0, "no seed shows one");
}
