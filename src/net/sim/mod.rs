//! A network in one process: hosts with smoltcp's TCP/IP, joined by our [`Wire`](crate::wire::Wire),
//! in virtual time. Server and client run on it as they run on the kernel's sockets.
//!
//! The stack is smoltcp as published, with Reno: its timers are those of RFC 6298, and it never
//! repeats sooner than after a second, which is slower than Linux. Its TIME-WAIT lasts 10 s, and it
//! knows neither selective acknowledgements nor timestamps when it repairs a loss. Everything else
//! that a program expects of an operating system is in `listener`, `connection` and `udp`.
//!
//! A run is a function of its configuration: same seed, same bytes. Nothing is drawn but from the
//! seed, everything that is iterated has an order, and events at the same moment have one too. The
//! programs' clock counts whole milliseconds; wire and stacks are exact to the microsecond.
//!
//! One mutex guards all of it. Each call of a program first lets happen what is due, then does its
//! own work, and sends at once what there is to send: so one write is one segment, as it is with a
//! kernel. A driver task sleeps until the next event that no program causes.

mod alarm;
mod connection;
mod device;
mod host;
mod listener;
mod run;
mod stack;
mod stream;
mod table;
mod udp;
mod world;

pub use listener::SimListener;
pub use run::{Run, Stuck, run};
pub use stream::SimStream;
pub use udp::SimUdp;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use super::Net;
pub use super::record::{Drop, NetEvent, NetFate};
use crate::time::{Clock, Timestamp};
use crate::wire::{Direction, WireConfig};
use alarm::Alarm;
use host::Host;
use world::{SERVER, World};

/// Everything that decides what happens on a simulated network.
#[derive(Debug, Clone, PartialEq)]
pub struct SimConfig {
    /// The wire, and the seed of all luck.
    pub wire: WireConfig,
    /// How many client hosts there are.
    pub clients: usize,
    /// Connections that may wait to be accepted, at each listener.
    pub backlog: usize,
}

/// As many as our listeners ask of a kernel.
const LISTEN_BACKLOG: usize = 1024;

impl Default for SimConfig {
    fn default() -> Self {
        SimConfig { wire: WireConfig::default(), clients: 1, backlog: LISTEN_BACKLOG }
    }
}

/// A simulated network. Its copies are one.
#[derive(Clone)]
pub struct Sim(Arc<Shared>);

struct Shared {
    world: Mutex<World>,
    clock: Clock,
}

/// One host of a simulated network.
#[derive(Debug, Clone)]
pub struct SimNet {
    sim: Sim,
    host: usize,
}

impl Sim {
    /// Makes a network in which nothing has happened yet. Call it inside a paused runtime.
    fn start(config: &SimConfig) -> Self {
        let clock = Clock::start();
        let world = Mutex::new(World::new(config, Alarm::new(clock)));
        let sim = Sim(Arc::new(Shared { world, clock }));
        tokio::spawn(sim.clone().drive());
        sim
    }

    /// Returns the clock of this network.
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// Returns the server's host.
    pub fn server(&self) -> SimNet {
        SimNet { sim: self.clone(), host: SERVER }
    }

    /// Returns the host of a client.
    ///
    /// # Panics
    /// If there are not so many. They are counted from 1.
    pub fn client(&self, number: usize) -> SimNet {
        let clients = self.world().hosts.len() - 1;
        assert!((1..=clients).contains(&number), "there are {clients} clients, from 1");
        SimNet { sim: self.clone(), host: number }
    }

    /// Cuts the wire, or joins it again. What is under way still arrives.
    pub fn cut(&self, cut: bool) {
        let mut world = self.world();
        if !world.over {
            world.run_until(self.0.clock.now());
            world.wire.set_cut(cut);
        }
    }

    /// Gives a client's host new ports towards the network, for everything that it has open: what a
    /// translator of addresses (NAT) does that has forgotten it.
    pub fn change_address(&self, client: usize) {
        let mut world = self.world();
        if !world.over {
            world.run_until(self.0.clock.now());
            world.rebind(client);
        }
    }

    /// Puts a packet onto the wire that no host has sent, whatever it claims.
    pub fn forge(&self, direction: Direction, packet: Vec<u8>) {
        let mut world = self.world();
        if !world.over {
            let now = self.0.clock.now();
            world.run_until(now);
            world.forge(direction, packet.into(), now);
            let next = world.next_event();
            world.alarm.set_forward(next);
        }
    }

    /// Returns the last packet that this client's host sent: what an attacker may have seen of it.
    pub fn last_from(&self, client: usize) -> Option<Arc<[u8]>> {
        self.world().last_from(client)
    }

    /// Waits until nothing is under way and no stack has anything to do (connections in TIME-WAIT
    /// included), or until so much time has passed.
    pub async fn settle(&self, limit: Duration) {
        let clock = self.clock();
        let until = clock.now() + limit;
        loop {
            // Time passes only when all programs wait: what they do about an event has happened.
            clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
            let next = self.world().next_event();
            let Some(next) = next.filter(|_| clock.now() < until) else { return };
            clock.sleep_until(next.min(until)).await;
        }
    }

    /// Ends the run: nothing happens any more, and nothing more is recorded.
    pub fn finish(&self) {
        self.world().over = true;
    }

    /// Takes the record so far.
    pub fn take_record(&self) -> Vec<NetEvent> {
        self.world().take_record()
    }

    /// Lets happen what no program causes.
    async fn drive(self) {
        poll_fn(|cx| {
            let mut world = self.world();
            loop {
                if world.over {
                    return Poll::Ready(());
                }
                world.run_until(self.0.clock.now());
                let next = world.next_event();
                world.alarm.set(next);
                ready!(world.alarm.poll(cx));
            }
        })
        .await;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimNet {
    /// Returns the address of this host.
    pub fn address(&self) -> IpAddr {
        self.sim.world().hosts[self.host].address.into()
    }

    /// Returns how many sockets this host has, also those that no program holds any more.
    pub fn sockets(&self) -> usize {
        self.sim.world().hosts[self.host].count_sockets()
    }

    /// Returns how many sockets the programs of this host hold.
    pub fn held_sockets(&self) -> usize {
        self.sim.world().hosts[self.host].count_held()
    }

    /// Takes the power away: all sockets vanish, and what comes is swallowed.
    pub fn power_off(&self) {
        self.tell(Host::power_off);
    }

    /// Starts the host, again if need be. It remembers nothing, and refuses what it does not know.
    pub fn reboot(&self) {
        self.tell(Host::reboot);
    }

    /// Ends the programs on this host as far as the network can tell: connections are closed with
    /// FIN, or with RST where data is unread; UDP ports answer with ICMP. Whoever still holds a
    /// socket waits for ever.
    pub fn kill(&self) {
        self.tell(Host::kill);
    }

    /// Stops the programs on this host in their tracks (SIGSTOP): what they call never returns. The
    /// stack goes on. Only the end of the programs or of the host ends it.
    pub fn pause(&self) {
        self.sim.world().hosts[self.host].paused = true;
    }

    /// Does something on this host that returns nothing.
    fn tell(&self, act: impl FnOnce(&mut Host)) {
        self.sim.world().hosts[self.host].paused = false;
        self.act(|host, _| {
            act(host);
            Some(())
        });
    }

    /// Does something on this host, now, and sends at once what is to be sent. Returns nothing if
    /// there was nothing to do, or if the run is over: then the clock is no longer asked.
    fn act<T>(&self, act: impl FnOnce(&mut Host, Timestamp) -> Option<T>) -> Option<T> {
        let mut world = self.sim.world();
        if world.over || world.hosts[self.host].paused {
            return None;
        }
        let now = self.sim.0.clock.now();
        world.run_until(now);
        let result = act(&mut world.hosts[self.host], now)?;
        world.poll(self.host, now);
        let next = world.next_event();
        world.alarm.set_forward(next);
        Some(result)
    }
}

/// Ready, if there is something; if not, a waker was kept, or the program is dead.
fn ready_if<T>(value: Option<T>) -> Poll<T> {
    value.map_or(Poll::Pending, Poll::Ready)
}

/// What a program hears that outlives its network.
fn net_is_down<T>() -> io::Result<T> {
    Err(io::ErrorKind::NetworkDown.into())
}

impl Net for SimNet {
    type Stream = SimStream;
    type Listener = SimListener;
    type Udp = SimUdp;

    fn listen(&self, address: SocketAddr, reuse_address: bool) -> io::Result<SimListener> {
        SimListener::open(self, address, reuse_address)
    }

    fn bind(&self, address: SocketAddr) -> io::Result<SimUdp> {
        SimUdp::open(self, address)
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<SimStream> {
        SimStream::connect(self, to).await
    }

    fn bind_connected(&self, to: SocketAddr) -> io::Result<SimUdp> {
        SimUdp::connect(self, to)
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sim")
    }
}
