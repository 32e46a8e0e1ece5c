//! A server's process: started, waited for until it is ready, read until its end.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{LateClock, Site, act, beside_us};
use crate::testbed::{Executed, Failed, Happening, ServerEvent};
use crate::time::Clock;

/// How long a server may take to be ready; a healthy one takes milliseconds.
const READY: Duration = Duration::from_secs(10);

/// A server that is ready.
#[derive(Debug)]
pub(super) struct Process {
    /// Names it to the system.
    pub(super) id: Option<u32>,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Ends it when dropped.
    _guard: oneshot::Sender<()>,
}

/// Whether a server got ready; if not, with which exit code it ended.
type Readiness = Result<SocketAddr, Option<i32>>;

/// Starts a server with these arguments, and waits until it is ready or has ended. What it says on
/// standard error goes to `stderr`; if that is a pipe, it is told where the server failed. The clock
/// starts when the server is ready, if it has not started before.
///
/// # Errors
/// If it cannot be started, or does neither in time.
pub(super) async fn start(
    site: &impl Site,
    arguments: &[String],
    address: SocketAddr,
    stderr: Stdio,
    clock: LateClock,
    happened: mpsc::UnboundedSender<Happening>,
) -> io::Result<Result<Process, Failed>> {
    let program = beside_us("server")?;
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .arg(address.ip().to_string())
        .arg(address.port().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .kill_on_drop(true);
    let mut child =
        site.spawn(command).map_err(|error| act(&format!("start {}", program.display()), error))?;
    let id = child.id();
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let said = child.stderr.take().map(read_to_the_end);
    let (guard, dropped) = oneshot::channel();
    let (ready, is_ready) = oneshot::channel();
    let watch = watch(child, stdout, clock, happened, ready);
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = watch => {}
            _ = dropped => {}
        }
    });
    let not_ready = || io::Error::new(io::ErrorKind::TimedOut, "the server did not get ready");
    let ready = tokio::time::timeout(READY, is_ready).await.map_err(|_| not_ready())?;
    match ready.map_err(|_| not_ready())? {
        Ok(address) => Ok(Ok(Process { id, address, _guard: guard })),
        Err(code) => Ok(Err(Failed { code, text: text(said).await })),
    }
}

/// Reads what is said on standard error; whoever stays alive is read for as long, and not heard.
fn read_to_the_end(mut stderr: ChildStderr) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut said = Vec::new();
        // Of a pipe that breaks, what came before is what was said.
        let _ = stderr.read_to_end(&mut said).await;
        String::from_utf8_lossy(&said).into_owned()
    })
}

/// Returns the first line of what was said: the others give advice.
async fn text(said: Option<JoinHandle<String>>) -> String {
    let said = match said {
        Some(said) => said.await.unwrap_or_default(),
        None => String::new(),
    };
    said.lines().next().unwrap_or_default().trim_start_matches("[ERROR] ").to_owned()
}

/// Reads the server's log until its end, then waits for the end of the process.
async fn watch(
    mut child: Child,
    stdout: ChildStdout,
    clock: LateClock,
    happened: mpsc::UnboundedSender<Happening>,
    ready: oneshot::Sender<Readiness>,
) {
    let mut ready = Some(ready);
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(record) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if record["event"] == "ready"
            && let Some(address) = record["address"].as_str().and_then(|text| text.parse().ok())
            && let Some(ready) = ready.take()
        {
            clock.get_or_init(Clock::start);
            // Whoever waited may have given up.
            let _ = ready.send(Ok(address));
        }
        if let Some(clock) = clock.get()
            && let Some(event) = event(&record, *clock)
        {
            // The experiment may be over before the log is.
            let _ = happened.send(Happening::Logged(event));
        }
    }
    let code = child.wait().await.ok().and_then(|status| status.code());
    let _ = match ready {
        // It never lived.
        Some(ready) => ready.send(Err(code)).is_ok(),
        None => {
            let ended = clock.get_or_init(Clock::start).now();
            happened.send(Happening::Ended(ended, code)).is_ok()
        }
    };
}

fn event(record: &Value, clock: Clock) -> Option<ServerEvent> {
    let at = humantime::parse_rfc3339(record["time"].as_str()?).ok()?;
    let executed = || {
        Some(Executed {
            client_name: record["client_name"].as_str()?.to_owned(),
            client_number: record["client_number"].as_i64()?,
            server_number: record["server_number"].as_i64()?,
            sum: record["sum"].as_i64()?,
        })
    };
    let event = record["event"].as_str()?;
    let at = clock.moment(at);
    let text = match event {
        "shutdown" => "shuts down".to_owned(),
        _ => record["text"].as_str().unwrap_or_default().to_owned(),
    };
    let guest = record["name"].as_str().map(str::to_owned);
    let peer = record["peer"].as_str().and_then(|peer| peer.parse().ok()).map(Box::new);
    Some(ServerEvent { executed: executed(), peer, guest, ..ServerEvent::new(at, event, text) })
}
