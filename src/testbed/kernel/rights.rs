//! Whether this computer lets us make networks of our own, and if not, why and what to do.

use std::fmt;
use std::fs;
use std::io;
use std::sync::Mutex;

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

/// Capabilities that the calls need (`linux/capability.h`).
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;

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
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    let has = |capability: u32| effective >> capability & 1 == 1;
    has(CAP_NET_ADMIN) && has(CAP_SYS_ADMIN)
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
    /// Looks.
    pub fn look() -> Self {
        let is = |file: &str, value: &str| {
            fs::read_to_string(file).is_ok_and(|text| text.trim() == value)
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let filter = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        Surroundings {
            apparmor_restricts: is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
            no_user_namespaces: is("/proc/sys/user/max_user_namespaces", "0"),
            no_unprivileged_clone: is("/proc/sys/kernel/unprivileged_userns_clone", "0"),
            no_tun: fs::metadata(system::TUN).is_err(),
            root: rustix::process::geteuid().is_root(),
            filtered: filter.is_some_and(|mode| mode.trim() == "2"),
        }
    }
}

impl Unavailable {
    /// Returns what it means and what can be done about it, in a sentence or two.
    pub fn advice(&self, around: Surroundings) -> &'static str {
        let kind = self.error.kind();
        let denied = kind == io::ErrorKind::PermissionDenied;
        // "No space left on device" is how the kernel says that a limit of namespaces is reached.
        let limit = kind == io::ErrorKind::StorageFull;
        match self.step {
            Step::Tun if around.no_tun || kind == io::ErrorKind::NotFound => {
                "There is no /dev/net/tun: sudo modprobe tun; in a container, start it with \
                 --device /dev/net/tun"
            }
            Step::Tun if kind == io::ErrorKind::ResourceBusy => {
                "Another program holds a TUN device of that name: run it again"
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
            Step::NetworkNamespace if limit => {
                "All network namespaces that the system allows are in use \
                 (user.max_net_namespaces): wait a minute for old ones to end, or raise it"
            }
            _ => "Run it with sudo, if you may",
        }
    }
}
