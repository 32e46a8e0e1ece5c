//! A host of our own: a thread with a network that nobody else sees, and one cable, a TUN device.
//!
//! A socket belongs for ever to the network of the thread that made it, whoever uses it later. So
//! sockets are made here, by errand, and used everywhere; a process that is started here lives here.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::guard::Guard;
use super::rights::{Step, Unavailable};
use crate::testbed::system;

/// The cable's name. Each host has its own, and never meets another of the same name.
const CABLE: &str = "tun0";

/// All hosts are neighbours: 10.0.0.0/8.
const MASK: Ipv4Addr = Ipv4Addr::new(255, 0, 0, 0);

/// How often TCP repeats what nobody waits for any more.
const ORPHAN_RETRIES: &str = "tcp_orphan_retries";

/// Packets that may wait to be read from the cable, where we may choose: in a user namespace the
/// kernel keeps to its 500.
const QUEUE: u16 = 10_000;

/// No errand takes so long on a machine that works at all: the longest starts a process.
const LONGEST_ERRAND: Duration = Duration::from_secs(10);

/// Something to do on a host.
type Errand = Box<dyn FnOnce() + Send>;

/// A host. When it is dropped, nothing of it remains.
#[derive(Debug)]
pub(super) struct Host {
    hands: Hands,
    thread: Option<JoinHandle<()>>,
    tables: PathBuf,
    cable: Arc<File>,
}

/// What runs errands on a host. Copies are one.
#[derive(Debug, Clone)]
pub(super) struct Hands(mpsc::Sender<Option<Errand>>);

/// A sysctl below `net.ipv4`, and its value.
pub(super) type Setting = (&'static str, String);

impl Host {
    /// Makes a host with these addresses and settings; a setting that the system does not take is
    /// left as it is, and found out when it is read back.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(super) fn new(
        name: &str,
        addresses: Vec<Ipv4Addr>,
        settings: Vec<Setting>,
    ) -> Result<Self, Unavailable> {
        let (errands, to_do) = mpsc::channel::<Option<Errand>>();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            live(&addresses, &settings, &ready, &to_do);
        });
        let thread = thread.map_err(|error| Step::Thread.failed(error))?;
        let ended = || Step::Thread.failed(io::ErrorKind::BrokenPipe.into());
        let (cable, tables) = is_ready.recv_timeout(LONGEST_ERRAND).map_err(|_| ended())??;
        Ok(Host { hands: Hands(errands), thread: Some(thread), tables, cable })
    }

    /// Returns what runs errands here.
    pub(super) fn hands(&self) -> Hands {
        self.hands.clone()
    }

    /// Returns the folder with the tables of this host's sockets.
    pub(super) fn tables(&self) -> &Path {
        &self.tables
    }

    /// Returns the cable.
    pub(super) fn cable(&self) -> Arc<File> {
        self.cable.clone()
    }

    /// Returns how many packets its own queue lost before the wire could see them.
    pub(super) fn lost_in_queue(&self) -> u64 {
        let text = fs::read_to_string(self.tables.join("dev")).unwrap_or_default();
        dropped(&text, CABLE).unwrap_or_default()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // If it has ended already there is nothing to end.
        let is_stuck =
            self.hands.run(|| Ok(())).is_err_and(|e| e.kind() == io::ErrorKind::TimedOut);
        let _ = self.hands.0.send(None);
        // One that is stuck ends with the process.
        if let Some(thread) = self.thread.take().filter(|_| !is_stuck) {
            let _ = thread.join();
        }
    }
}

impl Hands {
    /// Does something on the host, and waits for it.
    ///
    /// # Errors
    /// As the errand, if that takes too long, or if the host is gone.
    pub(super) fn run<T: Send + 'static>(
        &self,
        errand: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let gone = || io::Error::new(io::ErrorKind::NetworkDown, "the host has no power");
        let (done, is_done) = mpsc::channel();
        let errand: Errand = Box::new(move || {
            // Whoever waited may have given up.
            let _ = done.send(errand());
        });
        self.0.send(Some(errand)).map_err(|_| gone())?;
        is_done.recv_timeout(LONGEST_ERRAND).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
            mpsc::RecvTimeoutError::Disconnected => gone(),
        })?
    }

    /// Makes a socket of this host.
    ///
    /// # Errors
    /// If the system does not, or the host is gone.
    pub(super) fn socket(&self, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        self.run(move || Socket::new(Domain::IPV4, kind, Some(protocol)))
    }

    /// Reads a sysctl below `net.ipv4`, if there is one of that name.
    pub(super) fn setting(&self, name: &str) -> Option<String> {
        let path = path(name);
        let text = self.run(move || fs::read_to_string(path)).ok()?;
        Some(text.trim().to_owned())
    }
}

/// What a host was set up with: its cable, and the folder with the tables of its sockets.
type Ready = Result<(Arc<File>, PathBuf), Unavailable>;

/// The life of a host's thread.
fn live(
    addresses: &[Ipv4Addr],
    settings: &[Setting],
    ready: &mpsc::Sender<Ready>,
    to_do: &mpsc::Receiver<Option<Errand>>,
) {
    let folder = || format!("/proc/self/task/{}/net", rustix::thread::gettid()).into();
    let set_up = set_up(addresses, settings).map(|cable| (Arc::new(cable), folder()));
    let failed = set_up.is_err();
    // Where it cannot be started we still tidy up ourselves, unless we are killed.
    let guard = if failed { None } else { Guard::start().ok() };
    // Whoever waits may have given up.
    let _ = ready.send(set_up);
    if failed {
        return;
    }
    while let Ok(Some(errand)) = to_do.recv() {
        errand();
    }
    // What is still open shall not try for minutes to say goodbye to nobody. Not before: it would
    // change what is measured.
    let _ = set(ORPHAN_RETRIES, "1");
    drop(guard);
}

fn set_up(addresses: &[Ipv4Addr], settings: &[Setting]) -> Result<File, Unavailable> {
    system::leave_network_namespace().map_err(|error| Step::NetworkNamespace.failed(error))?;
    // The kernel would send packets of its own about IPv6, and they would be counted. Where IPv6 is
    // not built in there is no such file.
    for which in ["default", "all"] {
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1");
    }
    for (name, value) in settings {
        let _ = set(name, value);
    }
    let cable = system::open_tun(CABLE).map_err(|error| Step::Tun.failed(error))?;
    plug_in(addresses).map_err(|error| Step::Addresses.failed(error))?;
    Ok(cable)
}

fn plug_in(addresses: &[Ipv4Addr]) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let socket = socket.as_fd();
    for (index, address) in addresses.iter().enumerate() {
        let name = if index == 0 { CABLE.to_owned() } else { format!("{CABLE}:{index}") };
        system::add_address(socket, &name, *address, MASK)?;
    }
    // Best effort: only root may.
    let _ = system::set_queue(socket, CABLE, QUEUE);
    system::switch_on(socket, CABLE)?;
    system::switch_on(socket, "lo")
}

fn set(name: &str, value: &str) -> io::Result<()> {
    fs::write(path(name), value)
}

fn path(name: &str) -> String {
    format!("/proc/sys/net/ipv4/{name}")
}

/// Reads how many packets a device could not send: the twelfth number of its line in `/proc/net/dev`.
fn dropped(table: &str, device: &str) -> Option<u64> {
    let line =
        table.lines().find_map(|line| line.trim().strip_prefix(device)?.strip_prefix(':'))?;
    line.split_whitespace().nth(11)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_queue_lost_is_the_twelfth_number() {
        let table = "Inter-|   Receive  |  Transmit\n face |bytes ...\n\
            \x20   lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n\
            \x20 tun0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
        assert_eq!(dropped(table, "tun0"), Some(12));
        assert_eq!(dropped(table, "tun1"), None);
    }
}
