//! netcat: a client of everything that speaks in lines or in bare datagrams, and a server whose
//! answers are typed.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::support::{Program, Server, client_command, skip};

/// Starts netcat, if this computer has it; `-n` looks up no names.
fn netcat(options: &[&str], address: SocketAddr) -> Option<Program> {
    if Command::new("nc").arg("-h").output().is_err() {
        skip("this computer has no nc");
        return None;
    }
    let mut command = Command::new("nc");
    command.arg("-n").args(options).args([address.ip().to_string(), address.port().to_string()]);
    Some(Program::start(command.stdin(Stdio::piped())))
}

/// Starts netcat as a server. Only one of its kinds says at which port it listens.
fn netcat_listens(options: &[&str]) -> Option<(Program, SocketAddr)> {
    let help = Command::new("nc").arg("-h").output().ok()?;
    if !String::from_utf8_lossy(&help.stderr).contains("OpenBSD netcat") {
        skip("this computer has no OpenBSD netcat");
        return None;
    }
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let program = netcat(&[&["-l", "-v"], options].concat(), any)?;
    // Listening on 127.0.0.1 40123 / Bound on 127.0.0.1 40123
    let line = program.wait_for_error(" on 127.0.0.1 ");
    let port = line.rsplit(' ').next().and_then(|port| port.parse().ok()).expect("a port");
    Some((program, SocketAddr::from(([127, 0, 0, 1], port))))
}

#[test]
fn netcat_is_a_client_too() {
    for (service, request, reply) in [
        ("sum", "Client of NC;25", "Server of socklab;50"),
        ("calculator", "22 + 44", "66"),
        ("echo", "hello world", "hello world"),
    ] {
        let number: &[&str] = if service == "sum" { &["--number", "50"] } else { &[] };
        let server = Server::start(&[&["--service", service], number].concat());
        // -w1: leave after a second of silence.
        for options in [&["-w1"][..], &["-u", "-w1"]] {
            let Some(mut netcat) = netcat(options, server.address) else { return };
            netcat.take_input().write_all(request.as_bytes()).expect("sent");
            let answer = netcat.finish();
            assert_eq!(answer.out.trim_end(), reply, "{answer:#?}");
            server.wait_for(&format!("received \"{request}\""));
        }
    }
}

#[test]
fn netcat_chats_over_tcp_until_it_says_exit() {
    let server = Server::start(&["--service", "chat", "--max-clients", "1"]);
    for name in ["Client01", "Client02"] {
        let Some(mut netcat) = netcat(&[], server.address) else { return };
        netcat.wait_for(name);
        let mut keyboard = netcat.take_input();
        keyboard.write_all(b"hello world\n").expect("typed");
        netcat.wait_for("hello worldACK");
        keyboard.write_all(b"status\n").expect("typed");
        netcat.wait_for(&format!("{name} connected at "));
        keyboard.write_all(b"exit\n").expect("typed");
        netcat.wait_for(&format!("Goodbye, {name}"));
        server.wait_for(&format!("{name} left (goodbye) at "));
        drop(keyboard);
        netcat.finish().with_code(0);
    }
}

#[test]
fn netcat_is_a_server_over_tcp_whose_answers_are_typed() {
    let Some((mut netcat, address)) = netcat_listens(&[]) else { return };
    let mut keyboard = netcat.take_input();
    let mut command = client_command(address, &["--service", "calculator"]);
    let mut ours = Program::start(command.stdin(Stdio::piped()));
    let mut input = ours.take_input();
    for (request, reply) in [("22 + 44", "66"), ("6 * 7", "42")] {
        writeln!(input, "{request}").expect("typed");
        netcat.wait_for(request);
        writeln!(keyboard, "{reply}").expect("typed");
        ours.wait_for(&format!("Server replied: {reply}"));
    }
    drop(input);
    ours.finish().with_code(0);
}

#[test]
fn netcat_is_a_server_over_udp_for_bare_datagrams() {
    let Some((mut netcat, address)) = netcat_listens(&["-u"]) else { return };
    let mut keyboard = netcat.take_input();
    let options = ["--transport", "udp", "--semantics", "maybe", "--number", "25"];
    let ours = Program::start(&mut client_command(address, &options));
    // A datagram ends no line.
    netcat.wait_for_text("Client of socklab;25");
    keyboard.write_all(b"Server of NC;50\n").expect("typed");
    ours.wait_for("25 (client) + 50 (server) = 75");
    ours.finish().with_code(0);
}
