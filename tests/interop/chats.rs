//! A chat: the server says a name first; each text is acknowledged; `status`, `exit`.

use std::io::Write;

use crate::support::{Server, client, client_with_input};
use crate::{CONNECTED, LISTENING, their_client, their_server};

const CHAT_CLIENT: &str = "
name = client_socket.recv(1024).decode()
print(f'Connected as {name}')
for line in sys.stdin:
    client_socket.send(line.strip().encode())
    if line.strip() == 'exit':
        break
    print(client_socket.recv(1024).decode())
client_socket.close()
";

/// `MESSAGE` is how it reads one.
const CHAT_SERVER: &str = "
import datetime, threading
def handle_client(client_socket, client_name):
    connected_at = datetime.datetime.now()
    client_socket.send(client_name.encode())
    while True:
        message = MESSAGE
        if not message or message == 'exit':
            break
        elif message == 'status':
            client_socket.send(f'{client_name} connected at {connected_at}'.encode())
        else:
            client_socket.send((message + 'ACK').encode())
    client_socket.close()
number = 0
while True:
    client_socket, client_address = server_socket.accept()
    number += 1
    arguments = (client_socket, f'Client{number:02d}')
    threading.Thread(target=handle_client, args=arguments, daemon=True).start()
";

#[test]
fn their_chat_client_is_named_acknowledged_informed_and_let_go() {
    let server = Server::start(&["--service", "chat"]);
    for name in ["Client01", "Client02"] {
        let script = [CONNECTED, CHAT_CLIENT];
        let Some(mut theirs) = their_client(&script, server.address) else { return };
        let lines = b"hello world\nstatus\nexit\n";
        theirs.take_input().write_all(lines).expect("typed");
        let printed = theirs.finish().with_code(0).out;
        // The line ends of ours show as empty lines there.
        let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 3, "{printed}");
        assert_eq!(lines[..2], [&format!("Connected as {name}"), "hello worldACK"]);
        assert!(lines[2].starts_with(&format!("{name} connected at ")), "{printed}");
        server.wait_for(&format!("{name} left ("));
    }
}

#[test]
fn their_fourth_chat_client_reads_that_the_server_is_full() {
    let server = Server::start(&["--service", "chat"]);
    let script = [CONNECTED, CHAT_CLIENT];
    let mut here = Vec::new();
    for name in ["Client01", "Client02", "Client03"] {
        let Some(theirs) = their_client(&script, server.address) else { return };
        theirs.wait_for(&format!("Connected as {name}"));
        here.push(theirs);
    }
    let mut fourth = their_client(&script, server.address).expect("a client, as before");
    drop(fourth.take_input());
    let printed = fourth.finish().with_code(0).out;
    assert!(printed.starts_with("Connected as BUSY server full (3 clients)"), "{printed}");
    here[0].take_input().write_all(b"exit\n").expect("typed");
    server.wait_for("Client01 left (");
    let next = their_client(&script, server.address).expect("a client, as before");
    next.wait_for("Connected as Client04");
}

#[test]
fn our_client_chats_with_their_server() {
    // One reads a message as it comes, and takes none with a line end for a command.
    for (read, framing) in [
        ("client_socket.recv(1024).decode().strip()", "auto"),
        ("client_socket.recv(1024).decode()", "raw"),
    ] {
        let script = CHAT_SERVER.replace("MESSAGE", read);
        let Some((_server, address)) = their_server(&[LISTENING, &script]) else { return };
        for name in ["Client01", "Client02"] {
            let options = ["--service", "chat", "--framing", framing];
            let ours = client_with_input(address, &options, "hello world\nstatus\n").with_code(0);
            assert_eq!(ours.err, format!("Connected as {name}\n"));
            let status = format!("Server replied: {name} connected at ");
            let expected = format!("Server replied: hello worldACK\n{status}");
            assert!(ours.out.starts_with(&expected), "{ours:#?}");
        }
    }
}

#[test]
fn our_client_leaves_their_chat_that_closes_without_a_word() {
    let script = CHAT_SERVER.replace("MESSAGE", "client_socket.recv(1024).decode().strip()");
    let Some((_server, address)) = their_server(&[LISTENING, &script]) else { return };
    let options = ["--service", "chat"];
    let ours = client_with_input(address, &options, "hello\nexit\n").with_code(0);
    assert_eq!(ours.out, "Server replied: helloACK\n", "{ours:#?}");
    assert_eq!(ours.err, "Connected as Client01\n", "{ours:#?}");
}

#[test]
fn our_client_says_what_a_full_server_of_theirs_greeted_it_with() {
    let refuse = "
client_socket, client_address = server_socket.accept()
client_socket.send(b'Server is full')
client_socket.close()
";
    let Some((_server, address)) = their_server(&[LISTENING, refuse]) else { return };
    let ours = client(address, &["--service", "chat", "--request", "hello"]).with_code(8);
    assert!(ours.err.contains("\"Server is full\""), "{ours:#?}");
}
