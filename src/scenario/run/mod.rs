//! How a scenario is carried out, on any testbed.
//!
//! Every client is a task that walks through its steps (`walk`). What they wait for are conditions
//! more than times: a board holds what has happened so far, and wakes whoever waits when it changes.

mod board;
mod push;
pub(super) mod walk;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use rand::{SeedableRng, rngs::ChaCha8Rng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::log::{ClientLog, Run, ServerLog};
use super::remote::judge_replies;
use super::{Column, Scenario, Settings, Step, When};
use crate::client::ClientConfig;
use crate::peer::Transport;
use crate::protocol::datagram::{RequesterConfig, Semantics};
use crate::testbed::{Action, Happening, Listener, ServerOptions, Testbed};
use crate::trace::{Note, Place, Trace};
use crate::wire::WireConfig;
use board::SharedBoard;
use walk::{Client, Surroundings};

/// Beyond the deadlines of its exchanges, no scenario takes longer than this.
const HORIZON: Duration = Duration::from_secs(120);

/// What any program needs to do something.
const MOMENT: Duration = Duration::from_millis(50);

/// Without deadlines, no transport tries longer than this: TCP gives up data after some 15 minutes.
/// What is still waiting then waits for ever.
const NO_DEADLINE: Duration = Duration::from_secs(3600);

/// Returns how long a run may take at most: every step of every client at its slowest.
pub fn horizon(scenario: &Scenario, settings: &Settings) -> Duration {
    let each = scenario.timeout(settings).unwrap_or(NO_DEADLINE);
    let exchanges = u32::try_from(scenario.exchanges(settings)).unwrap_or(u32::MAX);
    let patience = patience(scenario, settings);
    let steps = scenario.script.clients.iter().flat_map(|steps| steps.iter());
    let longest = steps.copied().map(|step| match step {
        Step::Wait(time) | Step::WatchFor(time) | Step::Push(time) => time * 12,
        Step::Ask(_) | Step::AskRising(_) | Step::Send { .. } => each.saturating_mul(exchanges),
        Step::Await(_) | Step::Watch(_) => patience,
        Step::Fetch => each.saturating_mul(most_blocks(scenario)),
        Step::Stagger(time) => time,
        _ => each,
    });
    let acts = u32::try_from(scenario.script.acts.len() + 2).unwrap_or(u32::MAX);
    HORIZON + longest.sum::<Duration>().saturating_add(patience.saturating_mul(acts))
}

/// Returns how many exchanges the server's file may take: over UDP one for each block.
fn most_blocks(scenario: &Scenario) -> u32 {
    /// The line before a block's bytes, and what a datagram may be shorter than a message.
    const LINE: usize = 128; // bytes
    let block = scenario.script.max_message.saturating_sub(LINE).max(1);
    let blocks = scenario.script.file.unwrap_or_default().div_ceil(block);
    u32::try_from(blocks + 1).unwrap_or(u32::MAX)
}

/// Returns how long anybody waits for something that does not happen: longer than any exchange.
fn patience(scenario: &Scenario, settings: &Settings) -> Duration {
    // A late reader takes as long as the wire needs for what is in its queue.
    let late = if scenario.script.server == Listener::Late { 300 } else { 10 };
    scenario.timeout(settings).unwrap_or(NO_DEADLINE) + Duration::from_secs(late)
}

/// Returns how many clients there are: as many as the user wants, where all do the same.
pub fn clients(scenario: &Scenario, settings: &Settings) -> usize {
    let written = scenario.script.clients.len();
    match scenario.keeps_its_clients() {
        true => written,
        false => settings.clients.unwrap_or(scenario.script.copies).max(1),
    }
}

/// Carries out one column of a scenario.
///
/// # Errors
/// If the testbed fails, or the scenario does not come to its end.
pub async fn run<T: Testbed>(
    mut testbed: T,
    scenario: &Scenario,
    column: Column,
    settings: &Settings,
    random: &mut ChaCha8Rng,
) -> io::Result<Run> {
    let options = server_options(scenario, column, settings);
    let server = testbed.listen(scenario.script.server, &options, column.transport).await?;
    let clock = testbed.clock();
    let too_long = clock.sleep_until(clock.now() + horizon(scenario, settings));
    tokio::select! {
        biased;
        run = carry_out(&mut testbed, scenario, column, settings, &options, server, random) => run,
        () = too_long => Err(never_ended(horizon(scenario, settings))),
    }
}

fn never_ended(horizon: Duration) -> io::Error {
    let horizon = humantime::format_duration(Duration::from_secs(horizon.as_secs()));
    let what = format!("nothing ended it within {horizon} of its own time");
    io::Error::new(io::ErrorKind::TimedOut, what)
}

async fn carry_out<T: Testbed>(
    testbed: &mut T,
    scenario: &Scenario,
    column: Column,
    settings: &Settings,
    options: &ServerOptions,
    server: SocketAddr,
    random: &mut ChaCha8Rng,
) -> io::Result<Run> {
    let script = &scenario.script;
    let mut happenings = testbed.happenings();
    let config = client_config(scenario, column, settings);
    let (datagram, framing) = (config.datagram.clone(), config.framing);
    let deadline = config.timeout;
    let remembers = datagram.semantics == Semantics::AtMostOnce && settings.server.duplicate_cache;
    let wire = scenario.wire(settings);
    let surroundings = Surroundings {
        board: SharedBoard::new(under_way(&wire), patience(scenario, settings)),
        clock: testbed.clock(),
        server,
        config,
        exchanges: scenario.exchanges(settings),
        anew: column.anew,
        service: script.service,
        clients: clients(scenario, settings),
    };
    let mut tasks = start_clients(testbed, scenario, &surroundings, random);
    let mut server = ServerLog { unseen: !testbed.sees_server(), ..ServerLog::default() };
    let around = &surroundings;
    let mut logs =
        play(testbed, scenario, &mut tasks, &mut happenings, &mut server, around).await?;
    if server.unseen {
        judge_replies(script.service, &mut logs);
    }
    let ended = surroundings.clock.now();
    let trace = testbed.trace().await;
    if script.server == Listener::Server && !script.server_ends {
        read_to_the_end(testbed, &mut happenings, &mut server, &surroundings).await;
    }
    let host = testbed.host_report();
    let trace = trace.map(|trace| with_notes(trace, &logs, &server));
    let wire = trace.is_some().then_some(wire);
    Ok(Run {
        column,
        service: script.service,
        datagram,
        remembers,
        validates: options.validate,
        framing,
        deadline,
        clients: logs,
        server,
        ended,
        wire,
        trace,
        host,
    })
}

/// Returns how the server is set up: the scenario's script, and what the user chose.
fn server_options(scenario: &Scenario, column: Column, settings: &Settings) -> ServerOptions {
    let script = &scenario.script;
    ServerOptions {
        service: script.service,
        model: column.model,
        second: settings.second.unwrap_or(script.second),
        max_clients: script.max_clients,
        idle_timeout: script.idle_timeout,
        validate: script.validate && settings.server.validate,
        reuse_address: script.reuse_address && settings.server.reuse_address,
        number_for_both: script.acts.iter().any(|(_, action)| *action == Action::StartBeside),
        file: script.file,
        work: settings.work.unwrap_or(script.work),
        block: script.block,
        goodbye: script.goodbye && settings.server.goodbye,
        framing: scenario.framing(settings),
        max_message: script.max_message,
        ..settings.server.clone()
    }
}

fn client_config(scenario: &Scenario, column: Column, settings: &Settings) -> ClientConfig {
    let script = &scenario.script;
    let semantics = column.semantics.unwrap_or(settings.datagram.semantics);
    let one_try = column.transport == Transport::Udp && semantics == Semantics::Maybe;
    let timeout = scenario.timeout(settings);
    let shortened = settings.one_try.filter(|_| one_try);
    ClientConfig {
        timeout: match (timeout, shortened) {
            (Some(timeout), Some(shortened)) => Some(timeout.min(shortened)),
            (timeout, _) => timeout,
        },
        framing: scenario.framing(settings),
        max_message: script.max_message,
        datagram: RequesterConfig {
            semantics,
            window: column.window.unwrap_or(script.window),
            max_message: script.max_message,
            ..settings.datagram.clone()
        },
        ..ClientConfig::new(column.transport)
    }
}

/// Returns the time in which a packet arrives, if it arrives at all, and something is done about it.
fn under_way(wire: &WireConfig) -> Duration {
    let slower = (wire.c2s.delay + wire.c2s.jitter).max(wire.s2c.delay + wire.s2c.jitter);
    slower * 2 + MOMENT
}

/// What clients are while they walk.
type Walking = JoinSet<(usize, io::Result<ClientLog>)>;

fn start_clients<T: Testbed>(
    testbed: &T,
    scenario: &Scenario,
    surroundings: &Surroundings,
    random: &mut ChaCha8Rng,
) -> Walking {
    let mut tasks = JoinSet::new();
    for (index, steps) in (0..surroundings.clients).zip(scenario.script.clients.iter().cycle()) {
        let net = testbed.client(index + 1);
        let own = ChaCha8Rng::from_rng(random);
        let client = Client::new(index, net, surroundings.clone(), own);
        tasks.spawn(async move { (index, client.walk(steps).await) });
    }
    tasks
}

/// Lets the clients walk and does what the script does to the server, until both are over.
async fn play<T: Testbed>(
    testbed: &mut T,
    scenario: &Scenario,
    tasks: &mut Walking,
    happenings: &mut mpsc::UnboundedReceiver<Happening>,
    server: &mut ServerLog,
    around: &Surroundings,
) -> io::Result<Vec<ClientLog>> {
    let mut logs: BTreeMap<usize, ClientLog> = BTreeMap::new();
    let mut acts = scenario.script.acts.iter().peekable();
    let clock = around.clock;
    // For what is still to happen when no client does anything any more.
    let mut patience = pin!(clock.sleep_until(clock.now()));
    loop {
        let next_act = acts.peek().map_or(When::Marked("never"), |(when, _)| *when);
        tokio::select! {
            biased;
            Some(happening) = happenings.recv() => server.note(happening, around),
            () = around.board.until(around.clock, next_act), if acts.peek().is_some() => {
                if let Some((_, action)) = acts.next() {
                    server.acted.push((around.clock.now(), *action));
                    testbed.act(*action).await?;
                    around.note(|board| board.acted += 1);
                }
            }
            Some(finished) = tasks.join_next() => {
                let (index, log) = finished.map_err(io::Error::other)?;
                logs.insert(index, log?);
            }
            () = &mut patience, if tasks.is_empty() => break,
        }
        let waits_for_server = scenario.script.server_ends && server.ended.is_none();
        if tasks.is_empty() && acts.peek().is_none() && !waits_for_server {
            break;
        }
        patience.set(clock.sleep_until(clock.now() + around.board.patience()));
    }
    Ok(logs.into_values().collect())
}

/// Stops a server that would go on, so that its log is complete.
async fn read_to_the_end<T: Testbed>(
    testbed: &mut T,
    happenings: &mut mpsc::UnboundedReceiver<Happening>,
    server: &mut ServerLog,
    surroundings: &Surroundings,
) {
    let first_end = server.ended;
    let began_again = server.acted.iter().any(|(_, action)| *action == Action::Restart);
    let is_over = server.ended.is_some() && !began_again;
    // If it cannot be interrupted it has ended already, and its log with it.
    if is_over || testbed.act(Action::Interrupt).await.is_err() {
        happenings.close();
    }
    while let Some(happening) = happenings.recv().await {
        match &happening {
            // Once more, so that it does not linger.
            Happening::Logged(event) if event.event == "shutdown" => {
                let _ = testbed.act(Action::Interrupt).await;
            }
            Happening::Logged(_) => server.note(happening, surroundings),
            Happening::Ended(..) => break,
        }
    }
    server.ended = first_end;
}

impl ServerLog {
    fn note(&mut self, happening: Happening, surroundings: &Surroundings) {
        match happening {
            Happening::Logged(event) => {
                if surroundings.is_execution(&event) {
                    surroundings.note(|board| board.executed += 1);
                }
                self.events.push(event);
            }
            Happening::Ended(at, code) => {
                self.ended.get_or_insert((at, code));
                surroundings.note(|board| board.server_ended = true);
            }
        }
    }
}

/// Adds what the programs did to what the wire did.
fn with_notes(mut trace: Trace, clients: &[ClientLog], server: &ServerLog) -> Trace {
    for (client, log) in (1..).zip(clients) {
        let place = Place::Client(client);
        let notes = log.notes.iter();
        trace.notes.extend(notes.map(|(at, text)| Note { at: *at, place, text: text.clone() }));
    }
    let place = Place::Server;
    for event in &server.events {
        if let Some(mut text) = event.in_ladder() {
            // With one client it is clear whose sum it is.
            let asked = event.executed.as_ref().map(|executed| executed.client_name.as_str());
            if let Some(letter) = asked.and_then(walk::letter).filter(|_| clients.len() > 1) {
                text = format!("{letter}: {text}");
            }
            trace.notes.push(Note { at: event.at, place, text });
        }
    }
    for (at, action) in &server.acted {
        let text = action.to_string();
        trace.notes.push(Note { at: *at, place, text });
    }
    if let Some((at, code)) = server.ended
        && code.is_some()
    {
        trace.notes.push(Note { at, place, text: "the server has ended".to_owned() });
    }
    // Stable: what was noted first stays first.
    trace.notes.sort_by_key(|note| note.at);
    trace
}
