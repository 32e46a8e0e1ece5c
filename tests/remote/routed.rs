//! Two hosts with a router between them, each a network namespace that the test makes and removes:
//! a server on one, `compare --server` and `client --count` on the other.

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{CLIENT, Ended, Program, SERVER, skip};

/// The client's network, and the server's.
const CLIENT_SIDE: (&str, &str) = ("10.1.0.1", "10.1.0.254");
const SERVER_SIDE: (&str, &str) = ("10.2.0.2", "10.2.0.254");

/// Added to each packet by the router, each way.
const DELAY: f64 = 20.0; // ms

/// Three hosts; dropping them removes them with all that is in them.
struct Hosts {
    client: String,
    router: String,
    server: String,
    /// Whether the router takes its time: where the system has netem.
    delays: bool,
}

impl Hosts {
    /// Makes them, or says why that is not possible here.
    fn new() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("network namespaces with names take root".to_owned());
        }
        let name = |role: &str| format!("socklab-{}-{role}", std::process::id());
        let (client, router, server) = (name("client"), name("router"), name("server"));
        let mut hosts = Hosts { client, router, server, delays: false };
        hosts.make()?;
        hosts.delays = ["to-client", "to-server"].iter().all(|device| {
            let delay = format!("{DELAY}ms");
            let words = ["tc", "qdisc", "add", "dev", device, "root", "netem", "delay", &delay];
            hosts.run_on(&hosts.router, &words).is_ok()
        });
        Ok(hosts)
    }

    fn make(&self) -> Result<(), String> {
        for host in [&self.client, &self.router, &self.server] {
            run(&["ip", "netns", "add", host])?;
            self.run_on(host, &["ip", "link", "set", "lo", "up"])?;
        }
        self.join(&self.client, CLIENT_SIDE, "to-client")?;
        self.join(&self.server, SERVER_SIDE, "to-server")?;
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        self.run_on(&self.router, &["sh", "-c", forward]).map(drop)
    }

    /// Joins a host and the router with a cable, and has the host send everything to the router.
    fn join(&self, host: &str, (own, gateway): (&str, &str), device: &str) -> Result<(), String> {
        let peer = ["type", "veth", "peer", "name", device, "netns", &self.router];
        self.run_on(host, &[&["ip", "link", "add", "eth0"], &peer[..]].concat())?;
        for (at, device, address) in [(host, "eth0", own), (&*self.router, device, gateway)] {
            self.run_on(at, &["ip", "address", "add", &format!("{address}/24"), "dev", device])?;
            self.run_on(at, &["ip", "link", "set", device, "up"])?;
        }
        self.run_on(host, &["ip", "route", "add", "default", "via", gateway]).map(drop)
    }

    fn run_on(&self, host: &str, words: &[&str]) -> Result<Output, String> {
        run(&[&["ip", "netns", "exec", host], words].concat())
    }

    /// Starts a program on a host.
    fn start(&self, host: &str, program: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", host, program]).args(arguments).env("NO_COLOR", "1");
        Program::start(command.stdin(std::process::Stdio::null()))
    }

    fn start_server(&self, options: &[&str]) -> (Program, SocketAddr) {
        let server = self.start(&self.server, SERVER, &[options, &[SERVER_SIDE.0, "0"]].concat());
        let line = server.wait_for("ready to receive on udp ");
        (server, crate::support::address_in(&line))
    }

    fn compare(&self, arguments: &[&str]) -> Ended {
        let arguments = [arguments, &["--format", "json"]].concat();
        self.start(&self.client, env!("CARGO_BIN_EXE_compare"), &arguments).finish()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in [&self.client, &self.router, &self.server] {
            // What was never made cannot be removed.
            let _ = run(&["ip", "netns", "delete", host]);
        }
    }
}

fn run(words: &[&str]) -> Result<Output, String> {
    let output = Command::new(words[0]).args(&words[1..]).output();
    let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr))),
    }
}

#[test]
fn over_a_router_both_transports_are_measured_from_where_the_client_is() {
    let hosts = match Hosts::new() {
        Ok(hosts) => hosts,
        Err(why) => return skip(&why),
    };
    let (server, address) = hosts.start_server(&["--number", "50"]);
    measures_both(&hosts, address);
    asks_many_times(&hosts, address);
    meets_no_way(&hosts);
    drop(server);
    assert_eq!(
        outcomes(&hosts.compare(&["happy-path", "--server", &address.to_string()])),
        ["refused", "refused"]
    );
}

/// A round trip more over TCP, for its handshake.
fn measures_both(hosts: &Hosts, address: SocketAddr) {
    let report = hosts.compare(&["happy-path", "--server", &address.to_string()]).with_code(0);
    assert_eq!(outcomes(&report), ["replied", "replied"]);
    let report = report_of(&report);
    let took = |column: &str| report[column]["first_reply_ms"].as_f64().expect("a time");
    if !hosts.delays {
        return skip("no netem: the router takes no time, so none was compared");
    }
    assert!((2.0 * DELAY..3.0 * DELAY).contains(&took("udp")), "{report:#}");
    assert!((4.0 * DELAY..6.0 * DELAY).contains(&took("tcp")), "{report:#}");
}

fn asks_many_times(hosts: &Hosts, address: SocketAddr) {
    for transport in ["tcp", "udp"] {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let options = ["--number", "25", "--count", "3", "--interval", "1ms", "--json"];
        let options = [&[&*host, &*port, "--transport", transport], &options[..]].concat();
        let client = hosts.start(&hosts.client, CLIENT, &options).finish().with_code(0);
        let summary = client.out.lines().last().unwrap_or_default();
        let summary: Value = serde_json::from_str(summary).expect("a summary");
        assert_eq!((&summary["asked"], &summary["answered"]), (&3.into(), &3.into()));
        if hosts.delays {
            // Connecting is not part of it.
            let least = summary["min_ms"].as_f64().expect("a time");
            assert!((2.0 * DELAY..3.0 * DELAY).contains(&least), "{summary}");
        }
    }
}

/// The router knows no way: over TCP the system says so, over UDP nobody does.
fn meets_no_way(hosts: &Hosts) {
    let nowhere = ["happy-path", "--server", "192.0.2.1:12000", "--timeout", "1s"];
    let report = hosts.compare(&nowhere).with_code(0);
    assert_eq!(outcomes(&report), ["local_error", "timed_out"]);
    assert_eq!(report_of(&report)["tcp"]["failed"], 1);
}

fn report_of(compare: &Ended) -> Value {
    serde_json::from_str(&compare.out).unwrap_or_else(|error| panic!("{error}: {compare:#?}"))
}

/// How it ended over TCP, and over UDP.
fn outcomes(compare: &Ended) -> [String; 2] {
    let report = report_of(compare);
    ["tcp", "udp"].map(|column| report[column]["outcome"].as_str().unwrap_or("none").to_owned())
}
