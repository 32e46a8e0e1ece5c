//! The students' programs and ours: they end no message with a line end, read once, and close.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use support::{BOTH, Ended, Program, Server, client, skip};

/// Starts a script in the style of the exercises, if this computer has Python.
fn python(script: &str, server: Option<SocketAddr>) -> Option<Program> {
    if Command::new("python3").arg("--version").output().is_err() {
        skip("this computer has no python3");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-u", "-c", script]).stdin(Stdio::null());
    if let Some(server) = server {
        command.args([server.ip().to_string(), server.port().to_string()]);
    }
    Some(Program::start(&mut command))
}

const TCP_CLIENT: &str = r#"
import socket, sys
client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client_socket.connect((sys.argv[1], int(sys.argv[2])))
client_socket.send("Client of John Q. Smith;25".encode("utf-8"))
response = client_socket.recv(1024).decode("utf-8")
parts = response.strip().split(";")
print(parts[0], 25 + int(parts[1]))
client_socket.close()
"#;

const UDP_CLIENT: &str = r#"
import socket, sys
client_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client_socket.sendto("Client of John Q. Smith;25".encode("utf-8"), (sys.argv[1], int(sys.argv[2])))
response, server_address = client_socket.recvfrom(1024)
parts = response.decode("utf-8").strip().split(";")
print(parts[0], 25 + int(parts[1]))
client_socket.close()
"#;

#[test]
fn their_clients_get_their_sum_from_our_server() {
    let server = Server::start(&["--number", "50"]);
    for script in [TCP_CLIENT, UDP_CLIENT] {
        let Some(program) = python(script, Some(server.address)) else { return };
        let ended = program.finish().with_code(0);
        assert_eq!(ended.out, "Server of socklab 75\n", "{ended:#?}");
        server.wait_for("received \"Client of John Q. Smith;25\"");
        server.wait_for("25 (client) + 50 (server) = 75");
    }
}

#[test]
fn their_number_out_of_range_stops_our_server_without_a_reply() {
    for (transport, script) in BOTH.into_iter().zip([TCP_CLIENT, UDP_CLIENT]) {
        let server = Server::start(&["--drain", "200ms"]);
        let script = script.replace(";25", ";101");
        // Over TCP they read the end of the stream; over UDP nothing ever comes.
        let script =
            script.replace("client_socket = ", "socket.setdefaulttimeout(5); client_socket = ");
        let Some(program) = python(&script, Some(server.address)) else { return };
        let ended = server.finish().with_code(0);
        assert!(ended.out.contains("out-of-range number 101"), "{transport} {ended:#?}");
        if transport == "tcp" {
            let client = program.finish().with_code(1);
            assert!(client.err.contains("IndexError"), "an empty reply: {client:#?}");
        }
    }
}

/// A server of theirs for one client, which sends and leaves as `ANSWER` says.
const TCP_SERVER: &str = r#"
import socket
server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server_socket.bind(("127.0.0.1", 0))
server_socket.listen(5)
print(server_socket.getsockname()[1])
client_socket, client_address = server_socket.accept()
parts = client_socket.recv(1024).decode("utf-8").strip().split(";")
ANSWER
"#;

const UDP_SERVER: &str = r#"
import socket
server_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_socket.bind(("127.0.0.1", 0))
print(server_socket.getsockname()[1])
message, client_address = server_socket.recvfrom(1024)
parts = message.decode("utf-8").strip().split(";")
ANSWER
"#;

/// Runs our client against a server of theirs; returns how both ended.
fn against(server: &str, answer: &str, options: &[&str]) -> Option<(Ended, Ended)> {
    let program = python(&server.replace("ANSWER", answer), None)?;
    let port = program.wait_for("").parse().expect("a port");
    let client = client(SocketAddr::from(([127, 0, 0, 1], port)), options);
    Some((client, program.finish()))
}

#[test]
fn their_servers_answers_are_understood() {
    let close = "client_socket.close(); print(int(parts[1]) + 50)";
    for send in [
        "client_socket.send(b'Server of John Q. Smith;50')",
        "client_socket.send(b'Server of John Q. Smith; 50')",
        "client_socket.send(b'Server of John Q. Smith; 50 \\r\\n')",
        "client_socket.send(b'Server of John'); client_socket.send(b' Q. Smith;50')",
        "client_socket.send(b'Server of John Q. Smith;50;75')",
        // It keeps the connection and never ends its line: our client takes silence for the end.
        "client_socket.send(b'Server of John Q. Smith;50'); client_socket.recv(1024)",
    ] {
        let answer = format!("{send}; {close}");
        let Some((client, server)) = against(TCP_SERVER, &answer, &["--number", "25"]) else {
            return;
        };
        let client = client.with_code(0);
        assert!(client.out.ends_with("\n25 (client) + 50 (server) = 75\n"), "{client:#?}");
        assert!(server.with_code(0).out.ends_with("\n75\n"));
    }
}

#[test]
fn their_servers_understand_bare_datagrams() {
    let answer = "server_socket.sendto(b'Server of John Q. Smith; 50', client_address); \
                  print(int(parts[1]) + 50)";
    let options = ["--transport", "udp", "--semantics", "maybe", "--number", "25"];
    let Some((client, server)) = against(UDP_SERVER, answer, &options) else { return };
    let client = client.with_code(0);
    assert!(client.out.ends_with("\n25 (client) + 50 (server) = 75\n"), "{client:#?}");
    assert!(server.with_code(0).out.ends_with("\n75\n"));
}

#[test]
fn their_server_that_closes_without_an_answer_is_seen_for_what_it_did() {
    for (number, code) in [("25", 5), ("101", 6)] {
        let options = ["--number", number];
        let Some((client, _)) = against(TCP_SERVER, "client_socket.close()", &options) else {
            return;
        };
        client.with_code(code);
    }
}

#[test]
fn netcat_is_a_client_too() {
    let server = Server::start(&["--number", "50"]);
    let port = server.address.port().to_string();
    // -w1: leave after a second of silence.
    for options in [&["-w1"][..], &["-u", "-w1"]] {
        let mut netcat = Command::new("nc");
        netcat.args(options).args(["127.0.0.1", &port]).stdin(Stdio::piped());
        if Command::new("nc").arg("-h").output().is_err() {
            return skip("this computer has no nc");
        }
        let mut netcat = Program::start(&mut netcat);
        netcat.take_input().write_all(b"Client of NC;25").expect("sent");
        let reply = netcat.finish();
        assert_eq!(reply.out.trim_end(), "Server of socklab;50", "{reply:#?}");
        server.wait_for("received \"Client of NC;25\"");
    }
}
