//! Simulated hosts, joined by a wire, in virtual time: nobody needs rights for it, the same seed
//! gives the same bytes, and two minutes of patience pass in a millisecond.
//!
//! The server is the real one, a task on the server's host. Killing it is what the host's network
//! sees of it: its sockets are closed as a kernel closes them, and its code is run no more.

mod log;
mod set_up;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::forgery::forged_by_witness;
use super::late::read_late;
use super::record::trace_of;
use super::{
    Action, BothEnds, ConnectionFacts, Forgery, Happening, Listener, Measured, ServerEvent,
    ServerOptions, Stack, Testbed,
};
use crate::net::Net;
use crate::net::record::NetEvent;
use crate::net::sim::{Sim, SimConfig, SimListener, SimNet, SimStream, SimUdp, Stuck, run};
use crate::peer::Transport;
use crate::protocol::datagram::Secrets;
use crate::server::{Sockets, Stop, serve};
use crate::time::Clock;
use crate::trace::Trace;
use crate::wire::{Rule, WireConfig, mix};
use log::Log;
use set_up::{config, service};

/// The client that things happen to.
const FIRST_CLIENT: usize = 1;

/// Where the server listens; its host is 10.0.0.2.
const PORT: u16 = 12_000;

/// After the script, what is under way may arrive and connections may close. More than TIME-WAIT
/// (10 s here) and a few repetitions; whoever repeats longer is cut off in the record.
const SETTLING: Duration = Duration::from_secs(60);

/// Exit code of a server that is interrupted twice: 128 + SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

/// Experiments on a simulated network.
#[derive(Debug)]
pub struct Simulation {
    sim: Sim,
    address: SocketAddr,
    rules: Vec<Rule>,
    planned: Option<(ServerOptions, Transport)>,
    running: Option<Running>,
    boots: u64,
    /// Sockets that are bound and never read.
    silent: Vec<Silent>,
    happened: mpsc::UnboundedSender<Happening>,
    happenings: Option<mpsc::UnboundedReceiver<Happening>>,
}

/// A server at work.
#[derive(Debug)]
struct Running {
    task: AbortHandle,
    stop: Stop,
    log: Arc<Log>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held so that it stays open; nobody ever looks into it")]
enum Silent {
    Tcp(SimListener),
    Udp(SimUdp),
}

/// Runs an experiment on a network of its own, for at most `horizon` of virtual time.
///
/// # Errors
/// If the experiment does not come to its end.
pub fn experiment<T, F>(
    wire: WireConfig,
    clients: usize,
    horizon: Duration,
    program: impl FnOnce(Simulation) -> F + Send + 'static,
) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>>,
{
    let rules = wire.rules.clone();
    let config = SimConfig { wire, clients: clients.max(1), ..SimConfig::default() };
    let run = run(config, horizon, |sim| program(Simulation::new(sim, rules)));
    run.output.unwrap_or_else(|stuck: Stuck| Err(io::Error::new(io::ErrorKind::TimedOut, stuck)))
}

/// Returns whose TCP and UDP the simulation is.
pub fn stack() -> Stack {
    Stack {
        name: "smoltcp".to_owned(),
        congestion_control: Some("Reno".to_owned()),
        rto_floor: Some(Duration::from_secs(1)),
        set_up: Vec::new(),
    }
}

impl Simulation {
    fn new(sim: Sim, rules: Vec<Rule>) -> Self {
        let (happened, happenings) = mpsc::unbounded_channel();
        let address = SocketAddr::new(sim.server().address(), PORT);
        Simulation {
            sim,
            address,
            rules,
            planned: None,
            running: None,
            boots: 0,
            silent: Vec::new(),
            happened,
            happenings: Some(happenings),
        }
    }

    fn start(&mut self) -> io::Result<()> {
        let (options, transport) = self.planned.clone().ok_or(io::ErrorKind::NotFound)?;
        let bound = Sockets::bind(&self.sim.server(), self.address, &[transport], true);
        let sockets = bound.map_err(io::Error::other)?;
        let clock = self.sim.clock();
        let stop = Stop::default();
        let log = Arc::new(Log::new(self.happened.clone()));
        let secrets = self.secrets(options.seed);
        let service = service(&options, self.boots);
        let (listening, stopping, said) = (log.clone(), stop.clone(), log.clone());
        let task = tokio::spawn(async move {
            let config = config(&options);
            serve(sockets, config, &secrets, service, clock, listening, stopping.clone()).await;
            said.ended(clock.now(), Some(0));
        });
        let (stopped, said) = (stop.clone(), log.clone());
        tokio::spawn(async move {
            stopped.stopped().await;
            said.shutdown(clock.now());
        });
        self.running = Some(Running { task: task.abort_handle(), stop, log });
        self.boots += 1;
        Ok(())
    }

    /// The secrets of each life are others: what an earlier one handed out is stale.
    fn secrets(&self, seed: u64) -> Secrets {
        let drawn = mix(mix(seed) ^ self.boots);
        let mut key = [0; 16];
        key[..8].copy_from_slice(&drawn.to_be_bytes());
        key[8..].copy_from_slice(&mix(drawn).to_be_bytes());
        Secrets { key, epoch: self.boots as u16 }
    }

    /// Ends the server's code, whatever it is doing.
    fn end(&mut self, code: Option<i32>) {
        if let Some(running) = self.running.take() {
            running.task.abort();
            running.log.ended(self.sim.clock().now(), code);
        }
    }

    /// Sends what an attacker sends who has seen the first client's last packet.
    fn forge(&self, what: Forgery) {
        let Some((options, transport)) = &self.planned else { return };
        let seen = self.sim.last_from(FIRST_CLIENT);
        let sent = forged_by_witness(seen.as_deref(), what, *transport, self.address, options.seed);
        let Some((direction, packets)) = sent else { return };
        packets.into_iter().for_each(|packet| self.sim.forge(direction, packet));
    }

    fn measure(&self) {
        let sockets = self.sim.server().held_sockets();
        let measured = Some(Measured { sockets, ..Measured::default() });
        let event = ServerEvent::new(self.sim.clock().now(), "measured", String::new());
        let _ = self.happened.send(Happening::Logged(ServerEvent { measured, ..event }));
    }

    fn interrupt(&mut self) -> io::Result<()> {
        let Some(running) = &self.running else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if running.log.is_shutting_down() {
            self.end(Some(INTERRUPTED));
            self.sim.server().kill();
            return Ok(());
        }
        running.log.shutdown(self.sim.clock().now());
        running.stop.stop();
        Ok(())
    }
}

impl Testbed for Simulation {
    type Net = SimNet;

    fn client(&self, number: usize) -> SimNet {
        self.sim.client(number)
    }

    fn clock(&self) -> Clock {
        self.sim.clock()
    }

    async fn listen(
        &mut self,
        listener: Listener,
        options: &ServerOptions,
        transport: Transport,
    ) -> io::Result<SocketAddr> {
        self.planned = Some((options.clone(), transport));
        let net = self.sim.server();
        match (listener, transport) {
            (Listener::Server, _) => self.start()?,
            (Listener::Silent, Transport::Tcp) => {
                self.silent.push(Silent::Tcp(net.listen(self.address, true)?));
            }
            (Listener::Silent, Transport::Udp) => {
                self.silent.push(Silent::Udp(net.bind(self.address)?));
            }
            (Listener::Late, _) => {
                let (clock, happened) = (self.sim.clock(), self.happened.clone());
                read_late(&net, self.address, transport, clock, happened)?;
            }
            (Listener::Nobody, _) => {}
        }
        Ok(self.address)
    }

    async fn act(&mut self, action: Action) -> io::Result<()> {
        let host = self.sim.server();
        match action {
            Action::Interrupt => return self.interrupt(),
            Action::Pause => host.pause(),
            Action::Kill => {
                self.end(None);
                host.kill();
            }
            Action::PowerOff => {
                self.end(None);
                host.power_off();
            }
            Action::PowerOn => host.reboot(),
            Action::Restart => return self.start(),
            Action::Cut => self.sim.cut(true),
            Action::Join => self.sim.cut(false),
            Action::NewAddress => self.sim.change_address(FIRST_CLIENT),
            Action::Forge(what) => self.forge(what),
            Action::StartAnother | Action::StartBeside => {
                let what = "simulated hosts run one server only";
                return Err(io::Error::new(io::ErrorKind::Unsupported, what));
            }
            Action::Measure => self.measure(),
        }
        Ok(())
    }

    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        self.happenings.take().unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    async fn trace(&mut self) -> Option<Trace> {
        self.sim.settle(SETTLING).await;
        Some(trace_of(&self.sim.take_record(), &self.rules))
    }
}

impl BothEnds for Simulation {
    fn at_server(&self) -> io::Result<SimNet> {
        Ok(self.sim.server())
    }

    fn events(&mut self) -> Vec<NetEvent> {
        self.sim.take_record()
    }

    fn facts_of(_stream: &SimStream) -> Option<ConnectionFacts> {
        None
    }
}
