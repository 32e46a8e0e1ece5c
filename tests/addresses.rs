//! Where servers listen and clients look for them: ports that are taken, names with several
//! addresses, IPv6.

#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::process::Command;

use socklab::client::{ClientConfig, Outcome, ask_once};
use socklab::net::kernel::Kernel;
use socklab::peer::Transport;
use socklab::protocol::Ending;
use socklab::protocol::Question;
use socklab::time::Clock;
#[cfg(target_os = "linux")]
use support::peers::Deaf;
use support::peers::Nobody;
use support::wire::{tcp_listener, udp_socket};
use support::{BOTH, CLIENT, HASTY, Program, SERVER, Server, server_command, skip};

#[test]
fn a_port_in_use_is_named_with_one_thing_to_do_and_ends_with_1() {
    let (_tcp, address) = tcp_listener();
    let udp = udp_socket();
    let taken = [("tcp", address), ("udp", udp.local_addr().expect("an address"))];
    for (transport, address) in taken {
        let options = ["--transport", transport];
        let mut command = server_command("127.0.0.1", address.port(), &options);
        let server = Program::start(&mut command).finish().with_code(1);
        assert_eq!(server.out, "");
        let error = format!("[ERROR] Could not bind to {transport} {address}: Address already in");
        assert!(server.err.starts_with(&error), "{server:#?}");
        assert!(server.err.contains("Stop it, or take another port: server 127.0.0.1 "));
        assert!(!server.err.contains("src/"), "{server:#?}");
    }
}

#[test]
fn a_port_where_the_host_belongs_is_understood_as_a_slip() {
    for (program, name) in [(SERVER, "server"), (CLIENT, "client")] {
        let ended = Program::start(Command::new(program).arg("12000")).finish().with_code(2);
        let advice = format!("Try: {name} 127.0.0.1 12000\n");
        assert!(ended.err.ends_with(&advice), "{ended:#?}");
    }
}

#[test]
fn a_host_that_does_not_exist_is_a_local_error() {
    let options = ["no-such-host.invalid", "--number", "1"];
    let client = Program::start(Command::new(CLIENT).args(options)).finish().with_code(1);
    assert!(client.err.contains("Could not find the host \"no-such-host.invalid\""), "{client:#?}");
}

#[test]
fn ipv6_works_as_ipv4_does() {
    if TcpListener::bind("[::1]:0").is_err() || UdpSocket::bind("[::1]:0").is_err() {
        return skip("this computer has no ::1");
    }
    let server = Server::start_at("::1", 0, &["--number", "50", "--drain", "300ms"]);
    assert!(server.address.is_ipv6());
    for transport in BOTH {
        let options = ["--transport", transport, "--number", "25", "--json"];
        let json = server.client(&options).with_code(0).json();
        assert_eq!(json["sum"], 75);
        assert_eq!(json["server"], server.address.to_string());
    }
    server.client(&["--transport", "udp", "--number", "101"]).with_code(6);
    server.finish().with_code(0);
}

#[test]
fn localhost_finds_a_server_on_any_of_its_addresses() {
    let addresses = ("localhost", 0).to_socket_addrs().expect("addresses");
    let hosts: BTreeSet<_> = addresses.map(|address| address.ip().to_string()).collect();
    for host in hosts {
        let server = Server::start_at(&host, 0, &["--number", "50"]);
        for transport in BOTH {
            let mut command = Command::new(CLIENT);
            let port = server.address.port().to_string();
            command.args(["localhost", &port, "--transport", transport]);
            command.args(["--number", "25", "--json"]);
            let json = Program::start(&mut command).finish().with_code(0).json();
            assert_eq!(json["server"], server.address.to_string());
        }
    }
}

/// Asks as the client does when a name has these addresses.
fn ask_at(addresses: &[SocketAddr], transport: Transport, timeout_ms: u64) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut config = ClientConfig::new(transport);
    config.timeout = Some(std::time::Duration::from_millis(timeout_ms));
    runtime.expect("a runtime").block_on(async {
        let question = Question::line("Ada;25");
        let mut random = rand::SeedableRng::seed_from_u64(1);
        let clock = Clock::start();
        let mut heard = |_| {};
        ask_once(&Kernel, addresses, &config, question, clock, &mut random, &mut heard)
            .await
            .expect("sockets")
    })
}

#[test]
fn the_addresses_of_a_name_are_tried_in_order() {
    let server = Server::start(&["--number", "50"]);
    for transport in [Transport::Tcp, Transport::Udp] {
        let nobody = Nobody::over(transport.name());
        let outcome = ask_at(&[nobody.address, server.address], transport, 20_000);
        assert_eq!(outcome.server, server.address);
        assert_eq!(outcome.exchange.ending, Ending::Replied("Server of socklab;50".into()));
        let outcome = ask_at(&[nobody.address, nobody.address], transport, 20_000);
        assert_eq!(outcome.exchange.ending, Ending::Refused);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_the_handshake_leaves_time_for_the_next() {
    let deaf = Deaf::listener();
    let server = Server::start(&["--number", "50"]);
    let outcome = ask_at(&[deaf.address, server.address], Transport::Tcp, 1_000);
    assert_eq!(outcome.server, server.address);
    assert_eq!(outcome.exchange.ending, Ending::Replied("Server of socklab;50".into()));
}

#[test]
fn who_has_been_asked_gets_all_the_time_and_nobody_else_is_asked() {
    let (_listener, silent) = tcp_listener();
    let udp = udp_socket();
    let silent = [silent, udp.local_addr().expect("an address")];
    let server = Server::start(HASTY);
    for (transport, silent) in [Transport::Tcp, Transport::Udp].into_iter().zip(silent) {
        // The second address once halved the time of the first.
        let outcome = ask_at(&[silent, server.address], transport, 600);
        assert_eq!((outcome.server, &outcome.exchange.ending), (silent, &Ending::TimedOut));
        assert!(outcome.elapsed.as_millis() >= 600, "{outcome:?}");
    }
    let server = server.stop();
    assert!(!server.out.contains("Ada"), "{server:#?}");
}
