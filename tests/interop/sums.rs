//! The sum exchange: a name and a number there, a name and a number back.

use crate::support::{BOTH, Ended, Server, client};
use crate::{BOUND, CONNECTED, LISTENING, WITH_A_SOCKET, their_client, their_server};

/// A client of theirs over TCP that sends this number.
fn stream_client(number: &str) -> String {
    let ask = "client_socket.send('Client of John Q. Smith;NUMBER'.encode('utf-8'))
response = client_socket.recv(1024).decode('utf-8')
parts = response.strip().split(';')
print(parts[0], NUMBER + int(parts[1]))
client_socket.close()
";
    format!("{CONNECTED}{}", ask.replace("NUMBER", number))
}

/// The same over UDP. It waits for five seconds at most.
fn datagram_client(number: &str) -> String {
    let ask = "client_socket.settimeout(5)
client_socket.sendto('Client of John Q. Smith;NUMBER'.encode('utf-8'), server_address)
response, server_address = client_socket.recvfrom(1024)
parts = response.decode('utf-8').strip().split(';')
print(parts[0], NUMBER + int(parts[1]))
client_socket.close()
";
    format!("{WITH_A_SOCKET}{}", ask.replace("NUMBER", number))
}

#[test]
fn their_clients_get_their_sum_from_our_server() {
    let server = Server::start(&["--number", "50"]);
    for script in [stream_client("25"), datagram_client("25")] {
        let Some(program) = their_client(&[&script], server.address) else { return };
        let ended = program.finish().with_code(0);
        assert_eq!(ended.out, "Server of socklab 75\n", "{ended:#?}");
        server.wait_for("received \"Client of John Q. Smith;25\"");
        server.wait_for("25 (client) + 50 (server) = 75");
    }
}

#[test]
fn their_number_out_of_range_stops_our_server_without_a_reply() {
    // Over TCP they read the end of the stream; over UDP nothing ever comes.
    for (transport, script) in BOTH.into_iter().zip([stream_client("101"), datagram_client("101")])
    {
        let server = Server::start(&["--drain", "200ms"]);
        let Some(program) = their_client(&[&script], server.address) else { return };
        let ended = server.finish().with_code(0);
        assert!(ended.out.contains("out-of-range number 101"), "{transport} {ended:#?}");
        if transport == "tcp" {
            let client = program.finish().with_code(1);
            assert!(client.err.contains("IndexError"), "an empty reply: {client:#?}");
        }
    }
}

/// Runs our client against a server of theirs, for one client, that sends and leaves as `answer`
/// says; returns how both ended.
fn against(begin: &str, read: &str, answer: &str, options: &[&str]) -> Option<(Ended, Ended)> {
    let (server, address) = their_server(&[begin, read, answer])?;
    let client = client(address, options);
    Some((client, server.finish()))
}

const READ_FROM_A_STREAM: &str = "
client_socket, client_address = server_socket.accept()
parts = client_socket.recv(1024).decode('utf-8').strip().split(';')
";

const READ_A_DATAGRAM: &str = "
message, client_address = server_socket.recvfrom(1024)
parts = message.decode('utf-8').strip().split(';')
";

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
        let options = ["--number", "25"];
        let Some((client, server)) = against(LISTENING, READ_FROM_A_STREAM, &answer, &options)
        else {
            return;
        };
        let client = client.with_code(0);
        assert!(client.out.ends_with("\n25 (client) + 50 (server) = 75\n"), "{client:#?}");
        assert!(server.with_code(0).out.ends_with("\n75\n"));
    }
}

#[test]
fn their_servers_understand_bare_datagrams() {
    let answer = "server_socket.sendto(b'Server of John Q. Smith; 50', client_address)
print(int(parts[1]) + 50)";
    let options = ["--transport", "udp", "--semantics", "maybe", "--number", "25"];
    let Some((client, server)) = against(BOUND, READ_A_DATAGRAM, answer, &options) else { return };
    let client = client.with_code(0);
    assert!(client.out.ends_with("\n25 (client) + 50 (server) = 75\n"), "{client:#?}");
    assert!(server.with_code(0).out.ends_with("\n75\n"));
}

#[test]
fn their_server_that_closes_without_an_answer_is_seen_for_what_it_did() {
    for (number, code) in [("25", 5), ("101", 6)] {
        let options = ["--number", number];
        let close = "client_socket.close()";
        let Some((client, _)) = against(LISTENING, READ_FROM_A_STREAM, close, &options) else {
            return;
        };
        client.with_code(code);
    }
}
