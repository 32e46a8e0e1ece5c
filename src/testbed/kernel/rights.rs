//! Whether this computer lets us make networks of our own, and if not, why and what to do.

use std::fmt;
use std::fs;
use std::io;
use std::sync::{Mutex, OnceLock};

use rustix::thread::{CapabilitySet, capabilities};

use crate::testbed::system;

/// Why the kernel network cannot be had: which step failed, how, and what to do.
#[derive(Debug)]
pub struct Unavailable {
    /// What was tried.
    pub step: Step,
    /// What the system said.
    pub error: io::Error,
}

/// The steps to a network of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `unshare(CLONE_NEWUSER)`: capabilities, in a namespace where they harm nobody.
    UserNamespace,
    /// Writing `/proc/self/uid_map` and its sisters: who we are there.
    Identity,
    /// A thread for each host.
    Thread,
    /// `unshare(CLONE_NEWNET)`: a network with nothing in it.
    NetworkNamespace,
    /// Opening `/dev/net/tun` and making a device of it.
    Tun,
    /// Giving the device its addresses.
    Addresses,
}

/// Gets the rights that networks of our own need: if we have them, as root has, nothing is done; else
/// this process enters a user namespace in which it has them, and remains who it was. Its files stay
/// its user's, and the host's network stays as it is.
///
/// To be called while the process has only one thread.
///
/// # Errors
/// If the system does not let us; says at which step.
pub fn acquire_rights() -> Result<(), Unavailable> {
    // Once for each process: a second call has nothing more to get.
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // In a namespace of our own everything looks different.
    Surroundings::look();
    if *done || has_capabilities() {
        return Ok(());
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    system::leave_user_namespace().map_err(|error| Step::UserNamespace.failed(error))?;
    let identity = |file: &str, text: &str| {
        fs::write(format!("/proc/self/{file}"), text).map_err(|error| Step::Identity.failed(error))
    };
    // Without this the kernel takes no group map from who has no rights outside.
    identity("setgroups", "deny")?;
    identity("uid_map", &format!("{user} {user} 1"))?;
    identity("gid_map", &format!("{group} {group} 1"))?;
    *done = true;
    Ok(())
}

fn has_capabilities() -> bool {
    let needed = CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

impl Step {
    pub(super) fn failed(self, error: io::Error) -> Unavailable {
        Unavailable { step: self, error }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Step::UserNamespace => "making a user namespace",
            Step::Identity => "saying who we are in our user namespace",
            Step::Thread => "starting a thread for a host",
            Step::NetworkNamespace => "making a network namespace",
            Step::Tun => "making a TUN device",
            Step::Addresses => "giving a host its address",
        })
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} failed: {}", self.step, self.error)
    }
}

impl std::error::Error for Unavailable {}

/// What a system looks like on which a step has failed: everything that decides about the advice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1, as on Ubuntu since 24.04.
    pub apparmor_restricts: bool,
    /// `user.max_user_namespaces` is 0.
    pub no_user_namespaces: bool,
    /// `user.max_net_namespaces` is 0.
    pub no_network_namespaces: bool,
    /// `kernel.unprivileged_userns_clone` is 0, as on older Debian.
    pub no_unprivileged_clone: bool,
    /// There is no `/dev/net/tun`.
    pub no_tun: bool,
    /// We are root, though maybe without root's rights.
    pub root: bool,
    /// Our system calls are filtered (seccomp), as in a container.
    pub filtered: bool,
}

impl Surroundings {
    /// Looks, once for each process: before it enters a user namespace, in which everything looks
    /// different.
    pub fn look() -> Self {
        static FOUND: OnceLock<Surroundings> = OnceLock::new();
        *FOUND.get_or_init(Surroundings::found)
    }

    fn found() -> Self {
        let is = |file: &str, value: &str| {
            fs::read_to_string(file).is_ok_and(|text| text.trim() == value)
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let filter = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        Surroundings {
            apparmor_restricts: is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
            no_user_namespaces: is("/proc/sys/user/max_user_namespaces", "0"),
            no_network_namespaces: is("/proc/sys/user/max_net_namespaces", "0"),
            no_unprivileged_clone: is("/proc/sys/kernel/unprivileged_userns_clone", "0"),
            no_tun: fs::metadata(system::TUN).is_err(),
            root: rustix::process::geteuid().is_root(),
            filtered: filter.is_some_and(|mode| mode.trim() == "2"),
        }
    }
}

impl Unavailable {
    /// Returns whether it may be otherwise in a moment, when network namespaces have ended.
    pub fn may_pass(&self) -> bool {
        let has_room = !Surroundings::look().no_network_namespaces;
        self.step == Step::NetworkNamespace && self.is_limit() && has_room
    }

    /// "No space left on device" is how the kernel says that a limit of namespaces is reached.
    fn is_limit(&self) -> bool {
        self.error.kind() == io::ErrorKind::StorageFull
    }

    /// Returns what it means and what can be done about it, in a sentence or two.
    pub fn advice(&self, around: Surroundings) -> &'static str {
        let kind = self.error.kind();
        let denied = kind == io::ErrorKind::PermissionDenied;
        let limit = self.is_limit();
        // EMFILE and ENFILE of Linux.
        const TOO_MANY_FILES: [Option<i32>; 2] = [Some(24), Some(23)];
        match self.step {
            _ if TOO_MANY_FILES.contains(&self.error.raw_os_error()) => {
                "Too many files are open: raise the limit, ulimit -n 1024"
            }
            Step::Tun if around.no_tun || kind == io::ErrorKind::NotFound => {
                "There is no /dev/net/tun: sudo modprobe tun; in a container, start it with \
                 --device /dev/net/tun"
            }
            Step::Tun if kind == io::ErrorKind::ResourceBusy => {
                "Another program holds a TUN device of that name: run it again"
            }
            Step::Tun if !denied && around.root => {
                "/dev/net/tun is not what it should be: sudo rm it, then sudo modprobe tun"
            }
            Step::Tun if denied => {
                "Only root may open /dev/net/tun here: run it with sudo, or allow everybody to: \
                 sudo chmod 666 /dev/net/tun"
            }
            Step::UserNamespace if around.no_user_namespaces => {
                "User namespaces are switched off (user.max_user_namespaces is 0): run it with \
                 sudo, or: sudo sysctl user.max_user_namespaces=10000"
            }
            Step::UserNamespace if limit => {
                "All user namespaces that the system allows are in use \
                 (user.max_user_namespaces): end other programs that hold some"
            }
            Step::UserNamespace | Step::Identity if around.apparmor_restricts => {
                "AppArmor restricts user namespaces here \
                 (kernel.apparmor_restrict_unprivileged_userns is 1, as on Ubuntu): run it with \
                 sudo, or an administrator may set it to 0"
            }
            Step::UserNamespace if around.no_unprivileged_clone => {
                "User namespaces are for root only here (kernel.unprivileged_userns_clone is 0): \
                 run it with sudo"
            }
            Step::UserNamespace | Step::NetworkNamespace if denied && around.filtered => {
                "System calls are filtered here, as in a container: start it with --cap-add \
                 SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun"
            }
            Step::Identity if around.root => {
                "This root lacks the rights of root, as in a container: start it with --cap-add \
                 SYS_ADMIN --cap-add NET_ADMIN"
            }
            Step::UserNamespace if denied => {
                "The system refuses user namespaces, as it does inside a chroot: run it with sudo, \
                 outside of it"
            }
            Step::NetworkNamespace if limit && around.no_network_namespaces => {
                "Network namespaces are switched off (user.max_net_namespaces is 0): an \
                 administrator may allow them with: sysctl user.max_net_namespaces=10000"
            }
            Step::NetworkNamespace if limit => {
                "All network namespaces that the system allows are in use \
                 (user.max_net_namespaces): wait a minute for old ones to end, or raise it"
            }
            _ => "Run it with sudo, if you may",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPERM: i32 = 1;
    const ENOENT: i32 = 2;
    const EACCES: i32 = 13;
    const EBUSY: i32 = 16;
    const ENOSPC: i32 = 28;

    fn advice(step: Step, error: i32, around: Surroundings) -> &'static str {
        step.failed(io::Error::from_raw_os_error(error)).advice(around)
    }

    /// Everything that has a sentence of its own: where it fails, how, and what it looks like there.
    fn cases() -> Vec<(Step, i32, Surroundings, &'static str)> {
        use Step::{Identity, NetworkNamespace, Tun, UserNamespace};
        let plain = Surroundings::default();
        let apparmor = Surroundings { apparmor_restricts: true, ..plain };
        let container = Surroundings { filtered: true, ..plain };
        let no_users = Surroundings { no_user_namespaces: true, ..plain };
        let no_networks = Surroundings { no_network_namespaces: true, ..plain };
        let debian = Surroundings { no_unprivileged_clone: true, ..plain };
        let root = Surroundings { root: true, ..plain };
        let no_tun = Surroundings { no_tun: true, ..plain };
        vec![
            // Ubuntu lets us make one, and then refuses to say who we are in it.
            (Identity, EPERM, apparmor, "AppArmor restricts user namespaces here"),
            (Identity, EACCES, apparmor, "AppArmor restricts user namespaces here"),
            (UserNamespace, EPERM, container, "System calls are filtered here"),
            (NetworkNamespace, EPERM, container, "System calls are filtered here"),
            (UserNamespace, ENOSPC, no_users, "User namespaces are switched off"),
            (UserNamespace, ENOSPC, plain, "All user namespaces that the system allows"),
            (UserNamespace, EPERM, debian, "User namespaces are for root only here"),
            (UserNamespace, EPERM, plain, "The system refuses user namespaces, as it does inside"),
            (Identity, EPERM, root, "This root lacks the rights of root"),
            (NetworkNamespace, ENOSPC, no_networks, "Network namespaces are switched off"),
            (NetworkNamespace, ENOSPC, plain, "All network namespaces that the system allows"),
            (Tun, ENOENT, no_tun, "There is no /dev/net/tun"),
            (Tun, EACCES, plain, "Only root may open /dev/net/tun here"),
            (Tun, EBUSY, plain, "Another program holds a TUN device of that name"),
        ]
    }

    #[test]
    fn each_reason_has_a_sentence_and_a_remedy() {
        for (step, error, around, sentence) in cases() {
            let said = advice(step, error, around);
            assert!(said.starts_with(sentence), "{step:?} {error}: {said}");
            assert!(said.contains(": "), "no remedy: {said}");
        }
    }

    #[test]
    fn what_nobody_has_foreseen_is_answered_too() {
        let said = advice(Step::Addresses, EPERM, Surroundings::default());
        assert_eq!(said, "Run it with sudo, if you may");
    }

    #[test]
    fn only_namespaces_that_may_end_are_worth_waiting_for() {
        let failed = |step: Step, error| step.failed(io::Error::from_raw_os_error(error));
        assert!(failed(Step::NetworkNamespace, ENOSPC).may_pass());
        assert!(!failed(Step::NetworkNamespace, EPERM).may_pass());
        assert!(!failed(Step::UserNamespace, ENOSPC).may_pass());
    }
}
