//! The command lines: what they accept, how they report, and with which code they exit.
//!
//! `server`, `client` and `compare` each parse their words here; the programs in `src/bin` only
//! call them.

pub mod client;
pub mod compare;
pub mod server;

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use color_eyre::config::HookBuilder;
use color_eyre::eyre::{self, WrapErr};
use rand::{SeedableRng, TryRng, rngs::ChaCha8Rng, rngs::SysRng};

use crate::protocol::framing::Framing;
use crate::protocol::parameters::{MAX_MESSAGE_LIMIT, MAX_TAKEN_LIMIT};

/// The port of the exercises.
pub const PORT: u16 = 12000;

/// Exit code of a local error.
pub const LOCAL_ERROR: u8 = 1;

/// Exit code of a command line that cannot be understood.
pub const USAGE: u8 = 2;

/// Exit code after Ctrl+C: 128 and the signal's number.
pub const INTERRUPTED: u8 = 130;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Makes this the choice of the whole program.
    pub fn apply(self) {
        let choice = match self {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// How TCP bytes become messages, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FramingChoice {
    /// Lines; before the first line end, 200 ms of silence or a FIN ends a message too
    #[default]
    Auto,
    /// Lines only
    Line,
    /// What one read returns is a message (the most frequent bug)
    Raw,
}

impl From<FramingChoice> for Framing {
    fn from(choice: FramingChoice) -> Self {
        match choice {
            FramingChoice::Auto => Framing::Auto,
            FramingChoice::Line => Framing::Line,
            FramingChoice::Raw => Framing::Raw,
        }
    }
}

/// What the user is told when something cannot be done: the act, and one thing to do about it.
#[derive(Debug)]
pub struct Failure {
    /// What could not be done, where, and why.
    pub what: String,
    /// One thing to do.
    pub advice: String,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// A failure with the exit code of a local error.
    pub fn local(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Failure { what: what.into(), advice: advice.into(), code: LOCAL_ERROR }
    }

    /// A failure with the exit code of a wrong command line.
    pub fn usage(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Failure { what: what.into(), advice: advice.into(), code: USAGE }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Returns what is wrong with a name, if it could not be said in a message.
pub(crate) fn wrong_name(name: &str) -> Option<Failure> {
    let wrong = name.contains([';', '\n', '\r']) || name.trim().is_empty();
    let what = "the name must not be empty, nor contain a semicolon or a line end";
    wrong.then(|| Failure::usage(what, "Try: --name \"Ada Lovelace\""))
}

/// Runs a program on a runtime of one thread, reports its failure, and returns its exit code.
pub fn run(program: impl Future<Output = eyre::Result<u8>>) -> ExitCode {
    // Where in our source an error was made, and with which environment variables, helps no student.
    let hooks = HookBuilder::default().display_env_section(false);
    if let Err(error) = hooks.install() {
        report(&error);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.wrap_err("Could not start the runtime").and_then(|runtime| {
        let result = runtime.block_on(program);
        // A thread that waits for the keyboard must not hold up the exit.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&error);
            let code = error.downcast_ref::<Failure>().map_or(LOCAL_ERROR, |failure| failure.code);
            ExitCode::from(code)
        }
    }
}

/// Prints `[ERROR] what: why` and one line of advice to standard error.
pub fn report(error: &eyre::Report) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let advice = error.downcast_ref::<Failure>().map(|failure| failure.advice.as_str());
    print_error(&causes.join(": "), advice.unwrap_or_default());
}

/// Prints `[ERROR] what` and, below it, what to do.
pub fn print_error(what: &str, advice: &str) {
    let mut stderr = anstream::stderr().lock();
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(stderr, "\u{1b}[31m[ERROR]\u{1b}[0m {what}");
    for line in advice.lines() {
        let _ = writeln!(stderr, "        {line}");
    }
}

/// Prints `[WARNING] what` to standard error.
pub fn print_warning(what: &str) {
    let _ = writeln!(anstream::stderr().lock(), "\u{1b}[33m[WARNING]\u{1b}[0m {what}");
}

/// Draws a generator from the operating system: for ids, tokens and whatever must not be guessed.
///
/// # Errors
/// If the system has no randomness.
pub fn system_random() -> eyre::Result<ChaCha8Rng> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).wrap_err("The system gives no random numbers")?;
    Ok(ChaCha8Rng::from_seed(seed))
}

/// Finds the addresses of a host, in the order in which to try them.
///
/// # Errors
/// If the name is unknown, or is in fact a port.
pub async fn resolve(
    host: &str,
    port: Option<u16>,
    program: &str,
) -> eyre::Result<Vec<SocketAddr>> {
    if port.is_none() && host.parse::<u16>().is_ok() {
        let what = format!("{host} is a port, but the host comes first");
        return Err(Failure::usage(what, format!("Try: {program} 127.0.0.1 {host}")).into());
    }
    let port = port.unwrap_or(PORT);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: io::Result<Vec<_>> =
        tokio::net::lookup_host((bare, port)).await.map(Iterator::collect);
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unknown_host(host, "it has no address").into()),
        Err(error) => Err(unknown_host(host, &error.to_string()).into()),
    }
}

fn unknown_host(host: &str, why: &str) -> Failure {
    let host = crate::escape::escape(host);
    let what = format!("Could not find the host \"{host}\": {why}");
    Failure::local(what, "Check the spelling, or use an address such as 127.0.0.1")
}

/// Reads a duration such as `200ms`, `10s` or `5m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; try 200ms, 10s or 5m"))
}

/// Reads a duration, or `off`.
pub(crate) fn duration_or_off(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "off" => Ok(None),
        text => duration(text).map(Some),
    }
}

/// Reads a longest message, in bytes.
pub(crate) fn message_length(text: &str) -> Result<usize, String> {
    length_up_to(MAX_MESSAGE_LIMIT, text)
}

/// Reads the longest message that a server takes, in bytes.
pub(crate) fn taken_length(text: &str) -> Result<usize, String> {
    length_up_to(MAX_TAKEN_LIMIT, text)
}

fn length_up_to(limit: usize, text: &str) -> Result<usize, String> {
    let length: usize = text.parse().map_err(|_| "not a number of bytes".to_owned())?;
    match (1..=limit).contains(&length) {
        true => Ok(length),
        false => Err(format!("must be from 1 to {limit} bytes")),
    }
}
