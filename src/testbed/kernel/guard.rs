//! What is still to be done on a host when we are killed: a shell waits for our end and does it.
//!
//! Connections that were open then are the kernel's to close. It would repeat their goodbyes for
//! minutes, to nobody, and keep the host for as long: only its network namespace, which nobody sees,
//! but their number is limited.

use std::io;
use std::process::{Child, Command, Stdio};

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, set_capabilities,
};

/// Standard input ends when we do, however we end.
const SCRIPT: &str = "read -r _; echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries";

/// A shell on a host. Dropped, it ends at once and does nothing.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    /// Starts one on the host whose thread this is.
    ///
    /// # Errors
    /// If the system does not start it.
    pub(super) fn start() -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped());
        // What the terminal says to us, such as Ctrl+C, is not said to it: it would end before us.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let own = capabilities(None)?;
        hand_down(own)?;
        let child = command.spawn();
        // The server's process is to have no more rights than its user.
        clear_ambient_capability_set()?;
        set_capabilities(None, own)?;
        child.map(Guard)
    }
}

/// Lets this thread's children have what a host's settings need, whoever their user is.
fn hand_down(own: CapabilitySets) -> io::Result<()> {
    let inheritable = own.inheritable | CapabilitySet::NET_ADMIN;
    set_capabilities(None, CapabilitySets { inheritable, ..own })?;
    configure_capability_in_ambient_set(CapabilitySet::NET_ADMIN, true)?;
    Ok(())
}

impl Drop for Guard {
    fn drop(&mut self) {
        // If it has ended already, only its exit code is left to be fetched.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
