//! The real TCP and UDP of Linux on hosts of our own, joined by the same seeded wire as the
//! simulation's, in real time.
//!
//! Two network namespaces have a TUN device each; what one sends, our process reads, takes through
//! [`Wire`](crate::wire::Wire), and writes to the other. The host's own network is never touched, and
//! nothing remains when the process ends, however it ends: devices and namespaces have no names and
//! live as long as what holds them open.
//!
//! All clients are on one host, each with an address of its own; the server is a process on the other.
//! Luck is seeded as it is in the simulation, but a kernel may merge an acknowledgement with data from
//! one run to the next: so nothing here is called deterministic.

mod apart;
mod both_ends;
mod carrier;
mod guard;
mod host;
mod load;
mod net;
mod ours;
mod recorder;
mod rights;
mod settings;
mod testbed;

pub use apart::{apart, wait_until_over};
pub use net::{HostNet, WatchedStream, facts_of};
pub use rights::{Step, Surroundings, Unavailable, acquire_rights};

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{Protocol, Socket, Type};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use super::forgery::forged_by_witness;
use super::process::{LateClock, Servers, Site, socket_rows};
use super::{Action, ConnectionFacts, Forgery, Patience, ServerOptions, Stack, TcpProfile};
use crate::net::host_address;
use crate::net::record::NetEvent;
use crate::peer::Transport;
use crate::time::{Clock, Timestamp};
use crate::wire::{Direction, WireConfig};
use carrier::Carrier;
use host::{Hands, Host, Setting};

/// Where the server listens; its host is 10.0.0.2.
const PORT: u16 = 12_000;

/// Nothing has moved for so long, and no timer of TCP runs: longer than Linux delays an
/// acknowledgement in answer to an answer (`TCP_DELACK_MIN`, 40 ms).
const QUIET: Duration = Duration::from_millis(60);

/// What is under way after the script may arrive within this; whoever repeats longer is cut off in the
/// record.
const SETTLING: Duration = Duration::from_secs(5);

/// Between two looks whether all is quiet.
const LOOK: Duration = Duration::from_millis(5);

/// Network namespaces count until the kernel has put them away, and it waits for the last goodbyes of
/// their sockets: a second after [`guard`] has seen to it, and a bit.
const ROOM: Duration = Duration::from_secs(5);

/// Connections that may wait for a program that never accepts any.
const SILENT_BACKLOG: i32 = 16;

/// Everything that decides what happens between our hosts, but for the kernel.
#[derive(Debug, Clone)]
pub struct KernelConfig {
    /// The wire, and the seed of all luck.
    pub wire: WireConfig,
    /// How many clients there are.
    pub clients: usize,
    /// How TCP is set up.
    pub profile: TcpProfile,
    /// How long TCP tries.
    pub patience: Patience,
}

/// Experiments between two hosts of our own.
#[derive(Debug)]
pub struct KernelHosts {
    // Fields are dropped in this order: first the programs, then the wire, then the hosts.
    servers: Servers,
    /// Sockets that are bound and never read.
    silent: Vec<Socket>,
    carrier: Option<Carrier>,
    client: Host,
    server: Option<ServerHost>,
    config: KernelConfig,
    listening: Option<(ServerOptions, Transport)>,
    facts: Arc<Mutex<Vec<ConnectionFacts>>>,
}

/// The host of the server's processes.
#[derive(Debug)]
struct ServerHost(Host);

impl KernelHosts {
    /// Makes two hosts.
    ///
    /// # Errors
    /// If the system does not let us; see [`acquire_rights`].
    pub fn new(config: KernelConfig) -> Result<Self, Unavailable> {
        let client = config.client_host()?;
        let server = config.server_host()?;
        Ok(KernelHosts::of(config, client, server))
    }

    /// Makes two hosts; where those that have ended still count, waits until they do not.
    ///
    /// # Errors
    /// If the system does not let us; see [`acquire_rights`].
    pub async fn when_there_is_room(config: KernelConfig) -> Result<Self, Unavailable> {
        // What we have we hold: the room of a host that is given up is free only later.
        let client = when_there_is_room(|| config.client_host()).await?;
        let server = when_there_is_room(|| config.server_host()).await?;
        Ok(KernelHosts::of(config, client, server))
    }

    fn of(config: KernelConfig, client: Host, server: ServerHost) -> Self {
        let address = SocketAddr::new(host_address(0).into(), PORT);
        KernelHosts {
            servers: Servers::new(LateClock::default(), address),
            silent: Vec::new(),
            carrier: None,
            client,
            server: Some(server),
            config,
            listening: None,
            facts: Arc::default(),
        }
    }

    /// Returns how the hosts' TCP is set up, read back from one of them.
    pub fn stack(&self) -> Stack {
        let KernelConfig { profile, patience, .. } = self.config;
        settings::stack(&self.client.hands(), profile, self.config.round_trip(), patience)
    }

    fn server(&self) -> io::Result<&ServerHost> {
        let no_power = || io::Error::new(io::ErrorKind::NetworkDown, "the host has no power");
        self.server.as_ref().ok_or_else(no_power)
    }

    /// Returns the network of the server's host.
    ///
    /// # Errors
    /// If the host has no power.
    pub fn server_net(&self) -> io::Result<HostNet> {
        Ok(self.net(self.server()?.0.hands(), host_address(0)))
    }

    /// Takes the record of all packets since it was last taken.
    pub fn take_record(&self) -> Vec<NetEvent> {
        self.carrier.as_ref().map(Carrier::take_record).unwrap_or_default()
    }

    fn net(&self, hands: Hands, address: Ipv4Addr) -> HostNet {
        HostNet::new(hands, address, self.facts.clone())
    }

    fn hold_silent(&mut self, transport: Transport) -> io::Result<()> {
        let net = self.server_net()?;
        let address = self.servers.address.into();
        let socket = match transport {
            Transport::Tcp => {
                let socket = net.socket(Type::STREAM, Protocol::TCP)?;
                socket.bind(&address)?;
                // The kernel finishes handshakes for us; nobody ever accepts.
                socket.listen(SILENT_BACKLOG)?;
                socket
            }
            Transport::Udp => {
                let socket = net.socket(Type::DGRAM, Protocol::UDP)?;
                socket.bind(&address)?;
                socket
            }
        };
        self.silent.push(socket);
        Ok(())
    }

    /// Joins the hosts. The clock starts here, if no server was ready before.
    fn join_hosts(&mut self) -> io::Result<()> {
        let (client, server) = (self.client.cable(), self.server()?.0.cable());
        let clock = self.servers.clock();
        self.carrier = Some(Carrier::new(&self.config.wire, client, server, clock)?);
        Ok(())
    }

    fn with_carrier(&self, what: impl FnOnce(&Carrier)) {
        if let Some(carrier) = &self.carrier {
            what(carrier);
        }
    }

    /// Takes the power from the server's host: its process dies unheard, and its kernel forgets.
    async fn power_off(&mut self) -> io::Result<()> {
        self.with_carrier(|carrier| carrier.plug(Direction::ServerToClient, None));
        if let Some(server) = &self.server {
            self.servers.act(server, Action::Kill).await?;
        }
        self.server = None;
        Ok(())
    }

    async fn power_on(&mut self) -> io::Result<()> {
        let server = when_there_is_room(|| self.config.server_host()).await;
        let server = server.map_err(io::Error::other)?;
        let cable = server.0.cable();
        self.with_carrier(|carrier| carrier.plug(Direction::ServerToClient, Some(cable)));
        self.server = Some(server);
        Ok(())
    }

    /// Sends what an attacker sends who has seen the first client's last packet.
    fn forge(&self, what: Forgery) {
        let (Some((options, transport)), Some(carrier)) = (&self.listening, &self.carrier) else {
            return;
        };
        let (seen, server) = (carrier.last_of_first_client(), self.servers.address);
        let sent = forged_by_witness(seen.as_deref(), what, *transport, server, options.seed);
        let Some((direction, packets)) = sent else { return };
        packets.iter().for_each(|packet| carrier.forge(direction, packet));
    }

    /// Returns whether nothing is under way, and nobody will send anything without being asked.
    fn is_quiet(&self) -> bool {
        let carried = self.carrier.as_ref().is_none_or(|carrier| carrier.is_quiet(QUIET));
        let server = self.server.as_ref().map(|server| &server.0);
        let hosts = [Some(&self.client), server];
        let waits =
            |host: &Host| !socket_rows(host.tables(), "tcp").iter().any(|row| row.will_send());
        carried && hosts.into_iter().flatten().all(waits)
    }
}

impl KernelConfig {
    fn client_host(&self) -> Result<Host, Unavailable> {
        let addresses = (1..=self.clients.max(1)).map(host_address).collect();
        Host::new("client host", addresses, self.settings())
    }

    fn server_host(&self) -> Result<ServerHost, Unavailable> {
        Host::new("server host", vec![host_address(0)], self.settings()).map(ServerHost)
    }

    fn settings(&self) -> Vec<Setting> {
        settings::settings(self.profile, self.round_trip(), self.patience)
    }

    /// Returns what a packet and its answer need on the wire.
    fn round_trip(&self) -> Duration {
        self.wire.c2s.delay + self.wire.s2c.delay
    }
}

/// Makes something again while the system says that it has no room.
async fn when_there_is_room<T>(
    make: impl Fn() -> Result<T, Unavailable>,
) -> Result<T, Unavailable> {
    let clock = Clock::start();
    loop {
        match make() {
            Err(unavailable)
                if unavailable.may_pass() && clock.now().since(Timestamp::ZERO) < ROOM =>
            {
                clock.sleep_until(clock.now() + LOOK).await;
            }
            made => return made,
        }
    }
}

impl Site for ServerHost {
    fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let runtime = Handle::current();
        self.0.hands().run(move || {
            let _entered = runtime.enter();
            super::die_with_us(&mut command);
            command.spawn()
        })
    }

    fn tables(&self) -> &Path {
        self.0.tables()
    }

    fn is_remote(&self) -> bool {
        true
    }
}
