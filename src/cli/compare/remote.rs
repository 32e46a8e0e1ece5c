//! A server that somebody else has started: how it is named, what is refused with it, and how its
//! scenarios are run.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use color_eyre::eyre;

use super::arguments::CompareArguments;
use super::note;
use super::refusals::{one_run_in_pictures, refuse};
use super::running::progress;
use crate::cli::{Failure, PORT, resolve, system_random};
use crate::net::Net;
use crate::net::kernel::{Kernel, allow_connections};
use crate::protocol::parameters::TIMEOUT;
use crate::report::distributions::{self, Distributions};
use crate::scenario::log::{Comparison, Run};
use crate::scenario::run::{clients, run as carry_out};
use crate::scenario::{Column, Network, Scenario, Settings};
use crate::testbed::loopback;
use crate::testbed::remote::Remote;
use crate::time::Clock;

/// A server, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName {
    host: String,
    port: u16,
}

impl ServerName {
    /// Reads `HOST:PORT`; an IPv6 address stands in brackets. Without a port it is that of the
    /// exercises.
    ///
    /// # Errors
    /// If that is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
                return Err("an IPv6 address stands in brackets: [::1]:12000".to_owned());
            }
            Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map_or(Ok(PORT), |port| {
            let port = port.parse().ok().filter(|port| *port != 0);
            port.ok_or_else(|| format!("the port must be from 1 to {}", u16::MAX))
        })?;
        match host.is_empty() {
            true => Err("name a host and a port: 192.0.2.1:12000".to_owned()),
            false => Ok(ServerName { host: host.to_owned(), port }),
        }
    }
}

/// Options that set up a server, a wire or a stack of ours: with another's they would do nothing.
const IN_VAIN: &[(&str, &str)] = &[
    ("number", "--number is for a server of ours"),
    ("work", "--work is for a server of ours"),
    ("drain", "--drain is for a server of ours"),
    ("goodbye", "--goodbye is for a server of ours"),
    ("duplicate_cache", "--duplicate-cache is for a server of ours"),
    ("second", "--second is for a server of ours"),
    ("no_validate", "--no-validate is for a server of ours"),
    ("no_reuseaddr", "--no-reuseaddr is for a server of ours"),
    ("tcp_profile", "--tcp-profile is for hosts of our own"),
];

/// Returns the network of a server that is not ours; refuses what cannot be done there.
///
/// # Errors
/// If it is refused, or the server's name has no address.
pub(super) async fn network(
    server: &ServerName,
    arguments: &CompareArguments,
    matches: &ArgMatches,
) -> eyre::Result<Network> {
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    if let Some(option) = arguments.wire.given() {
        return refuse(
            &format!("{option} needs a wire of ours, and this network is not ours"),
            "Leave it out, or leave out --server: our own wire has it",
        );
    }
    if let Some((_, what)) = IN_VAIN.iter().find(|(id, _)| typed(id)) {
        return refuse(what, "Leave it out: this one is as it was started");
    }
    let pictures = [("--ladder", "ladder"), ("--svg", "svg"), ("--pcap", "pcap")];
    if let Some((option, _)) = pictures.iter().find(|(_, id)| typed(id)) {
        return refuse(
            &format!("{option} draws packets, and on this network we see none"),
            "Leave it out; what passes by shows: tcpdump, or Wireshark",
        );
    }
    one_run_in_pictures(arguments)?;
    if typed("seed") {
        note(
            "--seed draws nothing here: ids come from the system, so that no two clients look alike",
        );
    }
    Ok(Network::Remote(address(server).await?))
}

/// How long addresses are tried, if there are several.
const TRIAL: Duration = Duration::from_secs(2);

/// Returns the server's address: of several the first that accepts a connection, else the first.
async fn address(server: &ServerName) -> eyre::Result<SocketAddr> {
    let found = resolve(&server.host, Some(server.port), "compare --server").await?;
    let [first, _, ..] = found[..] else { return Ok(found[0]) };
    let clock = Clock::start();
    let each = TRIAL / u32::try_from(found.len()).unwrap_or(1);
    for address in &found {
        tokio::select! {
            biased;
            connected = Kernel.connect(*address) => {
                if connected.is_ok() {
                    return Ok(*address);
                }
            }
            () = clock.sleep_until(clock.now() + each) => {}
        }
    }
    Ok(first)
}

/// Runs every scenario, one column after the other: nobody is measured with its neighbour.
///
/// # Errors
/// If one of them cannot be carried out.
pub(super) async fn compare_all(
    scenarios: &[Scenario],
    settings: &Settings,
    server: SocketAddr,
) -> eyre::Result<Vec<Comparison>> {
    let bar = progress(scenarios.iter().map(|scenario| scenario.columns.len()).sum());
    let mut comparisons = Vec::new();
    for scenario in scenarios {
        comparisons.push(compare(scenario, settings, server, || bar.inc(1)).await?);
    }
    bar.finish_and_clear();
    Ok(comparisons)
}

/// Runs one scenario so many times, one run after the other.
///
/// # Errors
/// If one of them cannot be carried out.
pub(super) async fn measure(
    scenario: &Scenario,
    settings: &Settings,
    server: SocketAddr,
    runs: u32,
) -> eyre::Result<Distributions> {
    let bar = progress(runs as usize);
    let mut first = None;
    let mut numbers = Vec::new();
    for _ in 0..runs {
        let comparison = compare(scenario, settings, server, || ()).await?;
        numbers.push(distributions::numbers(&comparison));
        first.get_or_insert(comparison);
        bar.inc(1);
    }
    bar.finish_and_clear();
    match first {
        Some(first) => Ok(distributions::of(first, &numbers)),
        None => Err(Failure::usage("No run was asked for", "Try: --runs 10").into()),
    }
}

async fn compare(
    scenario: &Scenario,
    settings: &Settings,
    server: SocketAddr,
    done: impl Fn(),
) -> eyre::Result<Comparison> {
    let network = Network::Remote(server);
    // Nobody knows whether anybody is there: we wait no longer than `client` does.
    let timeout = settings.timeout.or(Some(Some(TIMEOUT)));
    let settings = Settings { timeout, ..settings.clone() };
    allow_connections(clients(scenario, &settings));
    let mut runs = Vec::new();
    for column in scenario.columns_on(network) {
        runs.push(run_column(scenario, column, &settings, server).await?);
        done();
    }
    let stack = loopback::stack();
    Ok(Comparison { scenario: *scenario, settings, network, stack, measured: None, runs })
}

async fn run_column(
    scenario: &Scenario,
    column: Column,
    settings: &Settings,
    server: SocketAddr,
) -> eyre::Result<Run> {
    // Not of the seed: to a server, who sends the same ids is the same client.
    let mut random = system_random()?;
    let testbed = Remote::new(server, Clock::start());
    let run = carry_out(testbed, scenario, column, settings, &mut random).await;
    run.map_err(|error| {
        let what = format!("Could not ask {server} over {}: {error}", column.title);
        Failure::local(what, "Check the address, and that this computer has a network").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, u16), String> {
        ServerName::parse(text).map(|name| (name.host, name.port))
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        let named = |host: &str, port| Ok((host.to_owned(), port));
        assert_eq!(parsed("192.0.2.1:12001"), named("192.0.2.1", 12001));
        assert_eq!(parsed("[::1]:12001"), named("[::1]", 12001));
        assert_eq!(parsed("[::1]"), named("[::1]", 12000));
        assert_eq!(parsed("server.example"), named("server.example", 12000));
    }

    #[test]
    fn what_is_no_server_is_said_to_be_none() {
        for wrong in ["", ":12000", "host:", "host:0", "host:70000", "::1:12000", "host:http"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
