//! The server's host: the real server, started, interrupted, killed and started again, each life
//! with secrets of its own and with a log that is kept outside of it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use socklab::net::sim::Sim;
use socklab::peer::Transport;
use socklab::protocol::datagram::{DatagramConfig, Secrets};
use socklab::protocol::event::Detail;
use socklab::protocol::parameters::MAX_MESSAGE;
use socklab::protocol::stream::StreamConfig;
use socklab::server::{ServerConfig, Sockets, Stop, serve};
use socklab::service::Service;
use socklab::service::chat::ChatService;
use socklab::service::files::Repository;
use socklab::service::sum::{ServerNumber, SumService};
use socklab::time::Calendar;
use tokio::task::AbortHandle;

use crate::chat::plan::ChatPlan;
use crate::chat::shelves::Shelves;
use crate::impostor::impostor;
use crate::recorded::{Log, Recorded};
use crate::story::{End, Life, server};
use crate::world::{ServerPlan, World};

/// More than three times what a short request brings.
const LONG: &str = " of the longest name that anybody has ever given to a server in a computer room, \
                    or anywhere else in a school, and nobody remembers why";

/// The host on which the server runs. Its copies are one.
#[derive(Clone)]
pub(crate) struct ServerHost {
    sim: Sim,
    seed: u64,
    plan: ServerPlan,
    chat: Option<ChatPlan>,
    shelves: Shelves,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lives: Vec<Arc<Log>>,
    running: Option<Running>,
    impostor: Option<AbortHandle>,
    without_power: bool,
    /// Nothing is started again.
    last: bool,
}

struct Running {
    task: AbortHandle,
    stop: Stop,
    log: Arc<Log>,
}

impl ServerHost {
    pub(crate) fn new(sim: &Sim, world: &World) -> Self {
        let World { seed, server, chat, .. } = world.clone();
        let (shelves, state) = (Shelves::new(), Arc::default());
        ServerHost { sim: sim.clone(), seed, plan: server, chat, shelves, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Starts the server, unless it runs.
    pub(crate) fn start(&self) {
        let runs = self.state().running.as_ref().is_some_and(|one| !one.task.is_finished());
        if !runs && !self.state().without_power {
            self.state().running = None;
            let host = self.clone();
            let task = tokio::spawn(async move { host.run().await }).abort_handle();
            // The task has not begun yet; its first life takes this place.
            let stop = Stop::default();
            let log = self.new_life();
            self.state().running = Some(Running { task, stop, log });
        }
    }

    /// Serves, and is started again if that is planned.
    async fn run(self) {
        loop {
            let Some((stop, log)) = self.present() else { return };
            let bound = Sockets::bind(
                &self.sim.server(),
                server(),
                &[Transport::Tcp, Transport::Udp],
                true,
            );
            let sockets = match bound {
                Ok(sockets) => sockets,
                Err(error) => return log.lock().0.trouble.push(error.to_string()),
            };
            let (clock, number) = (self.sim.clock(), log.lock().0.number);
            let service = Box::new(Recorded { inner: self.service(number), log: log.clone() });
            let secrets = secrets(self.seed, number);
            serve(sockets, config(&self.plan), &secrets, service, clock, log.clone(), stop).await;
            log.end(clock.now(), End::Stopped);
            let pause = self.plan.starts_again.filter(|_| !self.state().last);
            let Some(pause) = pause else { return };
            clock.sleep_until(clock.now() + pause).await;
            let log = self.new_life();
            if let Some(running) = &mut self.state().running {
                (running.stop, running.log) = (Stop::default(), log);
            }
        }
    }

    fn service(&self, life: usize) -> Box<dyn Service> {
        let Some(chat) = &self.chat else {
            return Box::new(SumService::new(
                format!("Server {life}{}", if self.plan.has_long_name { LONG } else { "" }),
                ServerNumber::seeded(self.seed ^ (life as u64) << 32),
                self.plan.allows_shutdown,
            ));
        };
        let calendar = Calendar::from(SystemTime::UNIX_EPOCH);
        let files = chat.files.then(|| Box::new(self.shelves.clone()) as Box<dyn Repository>);
        Box::new(ChatService::new(calendar, chat.max_guests, files))
    }

    /// Replaces the files on the server's disk.
    pub(crate) fn replace_files(&self) {
        self.shelves.replace();
    }

    fn present(&self) -> Option<(Stop, Arc<Log>)> {
        self.state().running.as_ref().map(|running| (running.stop.clone(), running.log.clone()))
    }

    fn new_life(&self) -> Arc<Log> {
        let mut state = self.state();
        let life = Life {
            number: state.lives.len() + 1,
            began: self.sim.clock().now(),
            interrupted: None,
            ended: None,
            executions: Vec::new(),
            sessions: Vec::new(),
            events: Vec::new(),
            trouble: Vec::new(),
        };
        let log = Arc::new(Log::new(life));
        state.lives.push(log.clone());
        log
    }

    /// Ctrl+C.
    pub(crate) fn interrupt(&self) {
        let now = self.sim.clock().now();
        if let Some((stop, log)) = self.present() {
            let life = &mut log.lock().0;
            if life.ended.is_none() {
                life.interrupted = life.interrupted.or(Some(now));
                stop.stop();
            }
        }
    }

    pub(crate) fn kill(&self) {
        self.end(End::Killed);
        self.sim.server().kill();
    }

    pub(crate) fn power_off(&self) {
        self.end(End::PoweredOff);
        self.state().without_power = true;
        self.sim.server().power_off();
    }

    pub(crate) fn power_on(&self) {
        if std::mem::take(&mut self.state().without_power) {
            self.sim.server().reboot();
        }
    }

    fn end(&self, how: End) {
        let mut state = self.state();
        if let Some(impostor) = state.impostor.take() {
            impostor.abort();
        }
        if let Some(running) = state.running.take() {
            running.task.abort();
            running.log.end(self.sim.clock().now(), how);
        }
    }

    /// Returns whether a server runs.
    pub(crate) fn is_running(&self) -> bool {
        self.state().running.as_ref().is_some_and(|running| !running.task.is_finished())
    }

    /// Interrupts the server for good. Returns whether all that was its own is gone.
    pub(crate) async fn stop_for_good(&self) -> bool {
        self.state().last = true;
        let Some((_, log)) = self.present() else { return true };
        self.interrupt();
        while self.is_running() {
            let clock = self.sim.clock();
            clock.sleep_until(clock.now() + crate::world::ms(1)).await;
        }
        log.lock().1
    }

    pub(crate) fn lives(&self) -> Vec<Life> {
        self.state().lives.iter().map(|log| log.lock().0.clone()).collect()
    }

    /// Starts a program on the server's ports that speaks something else.
    pub(crate) fn start_impostor(&self) {
        if self.is_running() || self.state().without_power {
            return;
        }
        let task = tokio::spawn(impostor(self.sim.server()));
        self.state().impostor = Some(task.abort_handle());
    }
}

fn config(plan: &ServerPlan) -> ServerConfig {
    ServerConfig {
        stream: StreamConfig {
            framing: plan.framing,
            max_message: MAX_MESSAGE,
            idle_timeout: plan.idle_timeout,
            work: plan.work,
            detail: Detail::Everything,
        },
        datagram: DatagramConfig {
            max_message: MAX_MESSAGE,
            work: plan.work,
            duplicate_cache: plan.duplicate_cache,
            goodbye: plan.goodbye,
            validate: plan.validate,
            idle_timeout: plan.idle_timeout,
            detail: Detail::Everything,
        },
        max_clients: plan.max_clients,
        drain: plan.drain,
        ..ServerConfig::default()
    }
}

/// Each life draws new ones, as each start of the real server does.
fn secrets(seed: u64, life: usize) -> Secrets {
    let mut key = [life as u8; 16];
    key[..8].copy_from_slice(&seed.to_be_bytes());
    Secrets { key, epoch: (seed as u16).wrapping_add(life as u16) }
}
