//! The demonstrations behind `make demo-tcp` and `make demo-udp`: a real server, a real client, and
//! what both print in one transcript.
//!
//! Both are processes of their own, and which of them prints first is the scheduler's luck. The
//! transcript is merged by cause instead: what the server received stands after what the client
//! sent, and what the client received after what the server sent.

use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr, bail};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::net::Net;
use crate::net::kernel::Kernel;
use crate::peer::Transport;
use crate::testbed::{beside_us, die_with_us};

/// 25 + 50 = 75 in every book.
const CLIENT_NUMBER: &str = "25";
const SERVER_NUMBER: &str = "50";

/// No line of a healthy demonstration takes longer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Room for a line behind `server | `, so that all fits 80 columns.
const WIDTH: usize = 71;

/// Runs the demonstration; returns the exit code: 0 if both ends computed the same sum.
pub async fn run(transport: Transport) -> eyre::Result<u8> {
    let mut server = Program::start(
        "server",
        &["--transport", transport.name(), "--number", SERVER_NUMBER, "127.0.0.1", "0"],
    )?;
    let ready = server.line().await?;
    let Some(address) = ready.rsplit(' ').next().and_then(|text| text.parse::<SocketAddr>().ok())
    else {
        bail!("The server did not get ready: {ready}");
    };
    let name = transport.name().to_uppercase();
    out(&format!("== {name}: a real server and a real client on this computer ({address}) =="))?;
    say("server", &ready)?;
    let sums = ask(&mut server, transport, address, CLIENT_NUMBER).await?;
    ask(&mut server, transport, address, "101").await?;
    let exit = server.child.wait().await.wrap_err("Could not wait for the server")?;
    let free = match Kernel.listen(address, true) {
        Ok(_) => "is free",
        Err(_) => "is still taken",
    };
    let code = exit.code().unwrap_or(-1);
    say("server", &format!("Stopped, port {} {free} (exit {code})", address.port()))?;
    verdict(transport, &sums)
}

fn verdict(transport: Transport, sums: &Sums) -> eyre::Result<u8> {
    let equal = sums.client.is_some() && sums.client == sums.server;
    let show = |sum: &Option<String>| sum.clone().unwrap_or_else(|| "none".to_owned());
    let said = if equal { "equal" } else { "DIFFERENT" };
    let (client, server) = (show(&sums.client), show(&sums.server));
    let equality = format!("== Sum at the client {client}, at the server {server}: {said}.");
    out(&match transport {
        Transport::Tcp => format!("{equality} Next: make demo-udp"),
        Transport::Udp => format!(
            "{equality} No connect, no close:\n\
             == the proof of address and the goodbye are messages. Next: make demo"
        ),
    })?;
    Ok(if equal { 0 } else { 1 })
}

/// The sums that both ends printed.
#[derive(Debug, Default)]
struct Sums {
    client: Option<String>,
    server: Option<String>,
}

/// Lets a client ask, and prints what both say in the order of cause and effect.
async fn ask(
    server: &mut Program,
    transport: Transport,
    address: SocketAddr,
    number: &str,
) -> eyre::Result<Sums> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let arguments = ["--transport", transport.name(), "--number", number, &host, &port];
    out(&format!("$ client {}", arguments.join(" ")))?;
    let mut client = Program::start("client", &arguments)?;
    let mut sums = Sums::default();
    // The client's lines until a message leaves, then the server's until it has reacted to it,
    // and so on; at the end what is left of both.
    while let Some(line) = client.next().await? {
        if let Some((_, sum)) = line.rsplit_once(" = ") {
            sums.client = Some(sum.to_owned());
        }
        say("client", &line)?;
        let caused: &[&str] = match line.as_str() {
            "Connecting to server... connected" => &[" connected"],
            "Message sent again, with the server's cookie" => &["shutting down the server"],
            line if line.starts_with("Message sent to server") => {
                &[" sent \"", "shutting down the server", " challenged"]
            }
            _ => &[],
        };
        while !caused.is_empty() {
            let line = server.line().await?;
            if let Some((_, sum)) = line.rsplit_once(" = ") {
                sums.server = Some(sum.to_owned());
            }
            say("server", &line)?;
            if caused.iter().any(|effect| line.contains(effect)) {
                break;
            }
        }
    }
    client.child.wait().await.wrap_err("Could not wait for the client")?;
    if transport == Transport::Tcp {
        say("server", &server.line().await?)?;
    }
    Ok(sums)
}

/// A program of ours and what it prints.
struct Program {
    name: &'static str,
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Program {
    fn start(name: &'static str, arguments: &[&str]) -> eyre::Result<Self> {
        let (reader, writer) = io::pipe().wrap_err("Could not make a pipe")?;
        let mut command = Command::new(beside_us(name)?);
        command
            .args(arguments)
            .stdin(Stdio::null())
            // One pipe for both streams keeps the order in which they were written.
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .kill_on_drop(true);
        die_with_us(&mut command);
        let child = command.spawn().wrap_err_with(|| format!("Could not start {name}"))?;
        let (sender, lines) = mpsc::channel(64);
        thread::spawn(move || forward(reader, &sender));
        Ok(Program { name, child, lines })
    }

    /// Waits for the next line; `None` at the end.
    async fn next(&mut self) -> eyre::Result<Option<String>> {
        let next = tokio::time::timeout(LONGEST_WAIT, self.lines.recv()).await;
        next.wrap_err_with(|| format!("The {} prints nothing more", self.name))
    }

    /// Waits for a line that must come.
    async fn line(&mut self) -> eyre::Result<String> {
        match self.next().await? {
            Some(line) => Ok(line),
            None => bail!("The {} ended too early", self.name),
        }
    }
}

fn forward(reader: PipeReader, lines: &mpsc::Sender<String>) {
    for line in BufReader::new(reader).lines() {
        // At the end nobody may be listening any more.
        if line.is_ok_and(|line| lines.blocking_send(line).is_err()) {
            return;
        }
    }
}

/// Prints a line with the name of who said it; a long one is continued below.
fn say(who: &str, line: &str) -> eyre::Result<()> {
    let mut rest = line;
    let mut name = who;
    while rest.chars().count() > WIDTH
        && let Some(space) = rest[..rest.floor_char_boundary(WIDTH)].rfind(' ')
    {
        out(&format!("{name:<6} | {}", &rest[..space]))?;
        rest = &rest[space + 1..];
        name = "";
    }
    out(&format!("{name:<6} | {rest}"))
}

fn out(line: &str) -> eyre::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        // A reader that has gone ends the demonstration.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(141),
        result => result.wrap_err("Could not write to standard output"),
    }
}
