//! Two hosts with a cable between them: those of `compare --net kernel`, whose packets our process
//! carries, and two that Linux joins by itself with a veth pair, to measure ours against.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Protocol, Socket, Type};
use socklab::net::host_address;
use socklab::net::record::NetFate;
use socklab::peer::Transport;
use socklab::testbed::kernel::{HostNet, KernelConfig, KernelHosts};
use socklab::testbed::{Listener, Patience, ServerOptions, TcpProfile, Testbed};
use socklab::wire::{Fate, Impairment, WireConfig};

use crate::process::cpu_time;

/// Two hosts that reach each other.
pub(crate) trait TwoHosts {
    /// Makes a socket on the host of this number: 0 is the server's, 1 the client's.
    fn socket(&self, host: usize, transport: Transport) -> io::Result<Socket>;

    /// Counts the packets that were delivered since this was last asked, both ways.
    fn delivered(&mut self) -> io::Result<u64>;
}

fn kind(transport: Transport) -> (Type, Protocol) {
    match transport {
        Transport::Tcp => (Type::STREAM, Protocol::TCP),
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
    }
}

/// The hosts of `compare --net kernel`, on a wire that does nothing.
pub(crate) struct Carried(KernelHosts);

impl Carried {
    /// Makes them, and joins them.
    pub(crate) fn new() -> io::Result<Self> {
        let mut hosts = KernelHosts::new(config()).map_err(io::Error::other)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let options = ServerOptions::default();
        runtime.block_on(hosts.listen(Listener::Nobody, &options, Transport::Udp))?;
        Ok(Self(hosts))
    }

    /// Why they cannot be made on this machine, if they cannot.
    pub(crate) fn missing() -> Option<&'static str> {
        let works = KernelHosts::new(config()).is_ok();
        (!works).then_some("hosts of our own need root and a TUN device (sudo compare --doctor)")
    }

    /// CPU time so far of the thread that carries. There is one at a time.
    pub(crate) fn carrier_time(&self) -> io::Result<Duration> {
        for task in fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            // A thread may end between the listing and the reading.
            if fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "wire\n") {
                return Ok(cpu_time(&task));
            }
        }
        Err(io::Error::other("no thread is called wire"))
    }

    fn net(&self, host: usize) -> io::Result<HostNet> {
        if host == 0 { self.0.server_net() } else { Ok(self.0.client(host)) }
    }
}

fn config() -> KernelConfig {
    let way = Impairment { delay: Duration::ZERO, ..Impairment::CLEAN };
    KernelConfig {
        wire: WireConfig { c2s: way, s2c: way, ..WireConfig::default() },
        clients: 1,
        profile: TcpProfile::Linux,
        patience: Patience::default(),
    }
}

impl TwoHosts for Carried {
    fn socket(&self, host: usize, transport: Transport) -> io::Result<Socket> {
        let (kind, protocol) = kind(transport);
        self.net(host)?.socket(kind, protocol)
    }

    fn delivered(&mut self) -> io::Result<u64> {
        let is_delivered = |fate| matches!(fate, NetFate::OnWire(Fate::Delivered { .. }));
        let record = self.0.take_record();
        Ok(record.iter().filter(|event| is_delivered(event.fate)).count() as u64)
    }
}

/// Two network namespaces, joined by a veth pair.
pub(crate) struct Veth {
    hosts: [Namespace; 2],
    counted: u64,
}

/// Both ends of the pair are called so, each in its own namespace.
const CABLE: &str = "cable";

impl Veth {
    /// Makes them, with the addresses that our hosts have. It needs root and `ip`.
    pub(crate) fn new() -> io::Result<Self> {
        let hosts = [Namespace::new()?, Namespace::new()?];
        let [server, client] = [0, 1].map(|host: usize| hosts[host].keeper.id().to_string());
        let peer = ["type", "veth", "peer", "name", CABLE, "netns", &client];
        ip(&[&["link", "add", "name", CABLE, "netns", &server], &peer[..]].concat())?;
        for (number, host) in hosts.iter().enumerate() {
            host.run(|| plug_in(host_address(number)))?;
        }
        Ok(Self { hosts, counted: 0 })
    }

    /// Why they cannot be made on this machine, if they cannot.
    pub(crate) fn missing() -> Option<&'static str> {
        Self::new().is_err().then_some("a veth pair to measure against needs root, ip and unshare")
    }

    /// Reads how many packets one end of the cable has received and sent.
    fn count(&self) -> io::Result<u64> {
        let table = fs::read_to_string(format!("/proc/{}/net/dev", self.hosts[0].keeper.id()))?;
        let line =
            table.lines().find_map(|line| line.trim().strip_prefix(CABLE)?.strip_prefix(':'));
        let numbers: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        // Packets are the second number of each half: received, then sent.
        let number = |place: usize| numbers.get(place).and_then(|text| text.parse::<u64>().ok());
        let both = number(1).zip(number(9)).map(|(received, sent)| received + sent);
        both.ok_or_else(|| io::Error::other(format!("no {CABLE} in {table}")))
    }
}

/// What is to be done in a host's namespace: no packet longer than on our cable, none of IPv6's own.
fn plug_in(address: Ipv4Addr) -> io::Result<()> {
    // Where IPv6 is not built in there is no such file.
    let _ = fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    ip(&["address", "add", &format!("{address}/8"), "dev", CABLE])?;
    ip(&["link", "set", "dev", CABLE, "gso_max_segs", "1"])?;
    ip(&["link", "set", "dev", CABLE, "up"])
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

impl TwoHosts for Veth {
    fn socket(&self, host: usize, transport: Transport) -> io::Result<Socket> {
        let (kind, protocol) = kind(transport);
        self.hosts[host].run(|| Socket::new(Domain::IPV4, kind, Some(protocol)))
    }

    fn delivered(&mut self) -> io::Result<u64> {
        let count = self.count()?;
        Ok(count - std::mem::replace(&mut self.counted, count))
    }
}

/// A network namespace without a name, so that nothing is left of it: it lives as long as a process
/// that waits for the end of its input, which comes when we end, however we do.
struct Namespace {
    keeper: Child,
}

impl Namespace {
    fn new() -> io::Result<Self> {
        let mut keeper = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = keeper.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let namespace = Self { keeper };
        let mut ready = String::new();
        BufReader::new(said).read_line(&mut ready)?;
        match ready.as_str() {
            "ready\n" => Ok(namespace),
            _ => Err(io::Error::other("unshare --net does not work here")),
        }
    }

    /// Does something there, on a thread of its own: whoever enters a namespace stays.
    fn run<T: Send>(&self, errand: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let there = File::open(format!("/proc/{}/ns/net", self.keeper.id()))?;
        let visit = || {
            move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))?;
            errand()
        };
        let panicked = |_| io::Error::other("the errand panicked");
        thread::scope(|scope| scope.spawn(visit).join().map_err(panicked)?)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
