//! Where the system does not let us: each reason has its own sentence, `--doctor` says the same, and
//! what needs no rights works as everywhere.

use crate::programs::{ORDINARY, POWERLESS, report_of};
use crate::{Programs, is_root, skip};

/// What follows stands in a mount namespace; `"$@"` is what is to be run there.
const MOUNTS: &[&str] = &["unshare", "-m", "sh", "-c"];

/// A user namespace in which we are root, and set limits of our own.
const NESTED: &[&str] = &["unshare", "-Ur", "sh", "-c"];

/// Has system calls filtered as containers do: unshare is refused.
const FILTER: &str = r#"
import ctypes, os, struct, sys
UNSHARE = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
ALLOW, REFUSE = 0x7fff0000, 0x00050000 | 1
program = b"".join(struct.pack("HBBI", *step) for step in [
    (0x20, 0, 0, 0), (0x15, 0, 1, UNSHARE), (0x06, 0, 0, REFUSE), (0x06, 0, 0, ALLOW)])
kept = ctypes.create_string_buffer(program)
header = struct.pack("HxxxxxxQ", 4, ctypes.addressof(kept))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
"#;

/// Runs in surroundings: the kernel network is refused there with this sentence, and no other.
#[track_caller]
fn refused(programs: &Programs, within: &[&str], sentence: &str) {
    let ended = programs.run(within, &["happy-path", "--net", "kernel"]).with_code(11);
    assert!(ended.err.contains(sentence), "{ended:#?}");
    assert!(ended.err.contains("The simulated network (--net sim) needs nothing"), "{ended:#?}");
    let doctor = programs.run(within, &["--doctor"]).with_code(0);
    assert!(doctor.out.contains("kernel    does not work: "), "{doctor:#?}");
    assert!(doctor.out.contains(sentence), "{doctor:#?}");
    for network in ["sim", "loopback"] {
        let works = programs.run(within, &["happy-path", "--net", network]).with_code(0);
        assert!(works.out.contains("replied (0)"), "{works:#?}");
    }
    let side_by_side = programs.run(within, &["happy-path", "--net", "sim,kernel"]);
    assert!(side_by_side.with_code(11).err.contains(sentence));
}

fn in_mounts<'a>(script: &'a str, as_whom: &[&'a str]) -> Vec<&'a str> {
    [MOUNTS, &[script, "sh"], as_whom].concat()
}

#[test]
fn without_tun_devices_it_says_how_to_get_them() {
    if !is_root() {
        return;
    }
    let within = in_mounts("mount -t tmpfs none /dev/net && exec \"$@\"", &[]);
    refused(&Programs::new(), &within, "There is no /dev/net/tun: sudo modprobe tun");
}

#[test]
fn a_tun_device_for_root_only_is_said_to_be_so() {
    if !is_root() {
        return;
    }
    let script =
        "mount -t tmpfs none /dev/net && mknod -m 600 /dev/net/tun c 10 200 && exec \"$@\"";
    let within = in_mounts(script, ORDINARY);
    refused(&Programs::new(), &within, "Only root may open /dev/net/tun here");
}

#[test]
fn user_namespaces_that_are_switched_off_are_said_to_be_so() {
    if Programs::on_kernel().is_none() {
        return;
    }
    let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let within = [NESTED, &[script, "sh"], POWERLESS].concat();
    let sentence = "User namespaces are switched off (user.max_user_namespaces is 0)";
    refused(&Programs::new(), &within, sentence);
}

#[test]
fn network_namespaces_that_are_switched_off_are_said_to_be_so() {
    if Programs::on_kernel().is_none() {
        return;
    }
    let script = "echo 0 >/proc/sys/user/max_net_namespaces && exec \"$@\"";
    let within = [NESTED, &[script, "sh"]].concat();
    let sentence = "Network namespaces are switched off (user.max_net_namespaces is 0)";
    refused(&Programs::new(), &within, sentence);
}

#[test]
fn network_namespaces_that_are_all_in_use_are_said_to_be_so() {
    if Programs::on_kernel().is_none() {
        return;
    }
    // One is too few for two hosts, and none will ever end.
    let script = "echo 1 >/proc/sys/user/max_net_namespaces && exec \"$@\"";
    let within = [NESTED, &[script, "sh"]].concat();
    let sentence = "All network namespaces that the system allows are in use";
    refused(&Programs::new(), &within, sentence);
}

#[test]
fn inside_a_chroot_it_says_so() {
    if !is_root() {
        return;
    }
    let programs = Programs::new();
    let folder = programs.folder("root");
    let script = format!("mount --rbind / {0} && exec chroot {0} \"$@\"", folder.display());
    let within = in_mounts(&script, ORDINARY);
    refused(&programs, &within, "refuses user namespaces, as it does inside a chroot");
}

#[test]
fn root_without_the_rights_of_root_is_told_so() {
    if !is_root() {
        return;
    }
    refused(&Programs::new(), POWERLESS, "This root lacks the rights of root");
}

#[test]
fn filtered_system_calls_are_said_to_be_so() {
    let within = ["python3", "-c", FILTER];
    let tried = std::process::Command::new("python3").args(["-c", FILTER, "/bin/true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip("no Python, or it may not filter system calls");
    }
    let within = if is_root() { [&within, ORDINARY].concat() } else { within.to_vec() };
    refused(&Programs::new(), &within, "System calls are filtered here, as in a container");
}

#[test]
fn where_settings_cannot_be_changed_it_works_and_says_what_stays() {
    let Some(programs) = Programs::on_kernel() else { return };
    if !is_root() {
        return;
    }
    let script =
        "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec \"$@\"";
    for as_whom in [&[], ORDINARY] {
        let within = in_mounts(script, as_whom);
        let options = ["lost-reply", "--net", "kernel", "--tcp-profile", "textbook"];
        let report = programs.run(&within, &[&options[..], &["--format", "json"]].concat());
        let report = report_of(&report.with_code(0));
        assert_eq!(report["udp"]["outcome"], "replied");
        let set_up = report["stack"]["set_up"].as_array().expect("a list");
        let said = |what: &str| set_up.iter().any(|it| it.as_str() == Some(what));
        assert!(said("tcp_sack stays 1") && said("tcp_timestamps stays 1"), "{set_up:?}");
        assert!(!set_up.iter().any(|it| it.as_str().is_some_and(|it| it.contains("no ,"))));
    }
}
