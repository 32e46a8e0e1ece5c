//! Calculators and echoes: a client that asks again and again, and servers that serve one client at
//! a time, a thread for each, or all in one `select`.

use std::io::Write;
use std::process::Stdio;

use crate::support::{BOTH, Program, Server, client, client_command, client_with_input};
use crate::{BOUND, CONNECTED, LISTENING, WITH_A_SOCKET, their_client, their_server};

/// Sends what is typed, and prints what one read returns.
const ASK_AGAIN_AND_AGAIN: &str = "
print('Connected to server')
for line in sys.stdin:
    client_socket.send(line.strip().encode())
    print('Server replied:', client_socket.recv(1024).decode())
";

const ASK_WITH_DATAGRAMS: &str = "
for line in sys.stdin:
    client_socket.sendto(line.strip().encode(), server_address)
    print('Server replied:', client_socket.recvfrom(1024)[0].decode())
";

/// What both kinds of server answer; `eval` sees a line end as a space.
const CALCULATOR: &str = "
def answer(message):
    try: return str(eval(message.decode())).encode()
    except Exception: return b'Invalid input'
";

const ECHO: &str = "
def answer(message):
    return message
";

const ONE_AT_A_TIME: &str = "
while True:
    client_socket, client_address = server_socket.accept()
    message = client_socket.recv(1024)
    while message:
        client_socket.send(answer(message))
        message = client_socket.recv(1024)
    client_socket.close()
";

const A_THREAD_FOR_EACH: &str = "
import threading
def handle_client(client_socket):
    message = client_socket.recv(1024)
    while message:
        client_socket.send(answer(message))
        message = client_socket.recv(1024)
    client_socket.close()
while True:
    client_socket, client_address = server_socket.accept()
    threading.Thread(target=handle_client, args=(client_socket,), daemon=True).start()
";

const ALL_IN_ONE_SELECT: &str = "
import select
sockets = [server_socket]
while True:
    for ready in select.select(sockets, [], [])[0]:
        if ready is server_socket:
            sockets.append(server_socket.accept()[0])
            continue
        message = ready.recv(1024)
        if message:
            ready.send(answer(message))
        else:
            sockets.remove(ready)
            ready.close()
";

const DATAGRAMS: &str = "
while True:
    message, client_address = server_socket.recvfrom(1024)
    server_socket.sendto(answer(message), client_address)
";

/// Types these lines into a client of theirs; returns what it printed. The line end of our replies
/// shows there as an empty line.
fn typed_into(script: &[&str], server: &Server, lines: &str) -> Option<String> {
    let mut program = their_client(script, server.address)?;
    program.take_input().write_all(lines.as_bytes()).expect("typed");
    Some(program.finish().with_code(0).out.replace("\n\n", "\n"))
}

#[test]
fn their_calculator_client_asks_our_server_again_and_again() {
    let expressions = "22 + 44\n1 / 0\n4 / 2\n";
    let replies = "Server replied: 66\nServer replied: ERR division by zero\n\
                   Server replied: 2\n";
    for model in ["serial", "threads", "poll", "tasks"] {
        let server = Server::start(&["--service", "calculator", "--model", model]);
        let script = [CONNECTED, ASK_AGAIN_AND_AGAIN];
        let Some(printed) = typed_into(&script, &server, expressions) else { return };
        assert_eq!(printed, format!("Connected to server\n{replies}"), "{model}");
        let script = [WITH_A_SOCKET, ASK_WITH_DATAGRAMS];
        let Some(printed) = typed_into(&script, &server, expressions) else { return };
        assert_eq!(printed, replies, "{model}");
    }
}

#[test]
fn their_clients_of_an_echo_are_answered_with_what_they_sent() {
    let server = Server::start(&["--service", "echo"]);
    for script in [[CONNECTED, ASK_AGAIN_AND_AGAIN], [WITH_A_SOCKET, ASK_WITH_DATAGRAMS]] {
        let Some(printed) = typed_into(&script, &server, "hello world\nexit\n") else { return };
        let printed = printed.trim_start_matches("Connected to server\n");
        assert_eq!(printed, "Server replied: hello world\nServer replied: exit\n");
    }
}

#[test]
fn their_second_client_of_our_serial_server_reads_an_error_and_is_served_later() {
    let server = Server::start(&["--service", "calculator", "--model", "serial"]);
    let script = [CONNECTED, ASK_AGAIN_AND_AGAIN];
    let Some(mut first) = their_client(&script, server.address) else { return };
    let mut keyboard = first.take_input();
    keyboard.write_all(b"22 + 44\n").expect("typed");
    first.wait_for("Server replied: 66");
    let second = typed_into(&script, &server, "9 + 8\n").expect("a client, as before");
    assert!(second.contains("BUSY the server serves one client at a time"), "{second}");
    keyboard.write_all(b"3 * 4\n").expect("typed");
    first.wait_for("Server replied: 12");
    drop(keyboard);
    first.finish().with_code(0);
    let second = typed_into(&script, &server, "9 + 8\n").expect("a client, as before");
    assert!(second.contains("Server replied: 17"), "{second}");
}

#[test]
fn our_client_asks_each_of_their_calculators() {
    for style in [ONE_AT_A_TIME, A_THREAD_FOR_EACH, ALL_IN_ONE_SELECT] {
        let Some((_server, address)) = their_server(&[LISTENING, CALCULATOR, style]) else {
            return;
        };
        for framing in ["auto", "raw"] {
            let options = ["--service", "calculator", "--framing", framing];
            let client = client_with_input(address, &options, "22 + 44\n3 *\n2 * (3 + 4)\n");
            let replies = ["66", "Invalid input", "14"];
            let replies = replies.map(|reply| format!("Server replied: {reply}\n")).concat();
            assert_eq!(client.with_code(0).out, replies);
        }
    }
}

#[test]
fn our_client_asks_their_servers_with_bare_datagrams() {
    for (service, answer, reply) in [("calculator", CALCULATOR, "66"), ("echo", ECHO, "22 + 44")] {
        let Some((_server, address)) = their_server(&[BOUND, answer, DATAGRAMS]) else { return };
        let bare = ["--transport", "udp", "--semantics", "maybe"];
        let options = [&["--service", service, "--request", "22 + 44"], &bare[..]].concat();
        let client = client(address, &options).with_code(0);
        assert_eq!(client.out, format!("Server replied: {reply}\n"));
    }
}

#[test]
fn our_clients_are_served_at_once_by_their_echo_with_select() {
    let Some((_server, address)) = their_server(&[LISTENING, ECHO, ALL_IN_ONE_SELECT]) else {
        return;
    };
    let mut command = client_command(address, &["--service", "echo"]);
    let mut first = Program::start(command.stdin(Stdio::piped()));
    let mut keyboard = first.take_input();
    keyboard.write_all(b"first\n").expect("typed");
    first.wait_for("Server replied: first");
    let second = client_with_input(address, &["--service", "echo"], "second\n").with_code(0);
    assert_eq!(second.out, "Server replied: second\n");
    keyboard.write_all(b"still here\n").expect("typed");
    first.wait_for("Server replied: still here");
    drop(keyboard);
    first.finish().with_code(0);
}

#[test]
fn our_second_client_of_their_server_for_one_at_a_time_is_connected_and_answered_later() {
    let Some((_server, address)) = their_server(&[LISTENING, CALCULATOR, ONE_AT_A_TIME]) else {
        return;
    };
    let mut command = client_command(address, &["--service", "calculator"]);
    let mut first = Program::start(command.stdin(Stdio::piped()));
    let mut keyboard = first.take_input();
    keyboard.write_all(b"1 + 1\n").expect("typed");
    first.wait_for("Server replied: 2");
    // The kernel connects it; no program knows of it yet.
    let options = ["--service", "calculator", "--request", "1 + 2"];
    let second = Program::start(&mut client_command(address, &options));
    second.wait_for_error("Connected to server at ");
    keyboard.write_all(b"2 + 2\n").expect("typed");
    first.wait_for("Server replied: 4");
    drop(keyboard);
    first.finish().with_code(0);
    assert_eq!(second.finish().with_code(0).out, "Server replied: 3\n");
}

#[test]
fn an_interrupt_at_their_client_leaves_our_server_running() {
    for transport in BOTH {
        let server = Server::start(&["--service", "calculator", "--transport", transport]);
        let script = match transport {
            "tcp" => [CONNECTED, ASK_AGAIN_AND_AGAIN],
            _ => [WITH_A_SOCKET, ASK_WITH_DATAGRAMS],
        };
        let Some(mut theirs) = their_client(&script, server.address) else { return };
        let mut keyboard = theirs.take_input();
        keyboard.write_all(b"1 + 1\n").expect("typed");
        theirs.wait_for("Server replied: 2");
        theirs.signal(rustix::process::Signal::INT);
        assert_ne!(theirs.finish().code, 0);
        let options = ["--service", "calculator", "--transport", transport, "--request", "9 + 8"];
        assert_eq!(server.client(&options).with_code(0).out, "Server replied: 17\n");
    }
}
