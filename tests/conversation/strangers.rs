//! Who else may be at the other end: nobody, a server that is full, or another kind of server.

use std::io::{Read, Write};
use std::thread;

use crate::support::peers::Nobody;
use crate::support::program::json_lines;
use crate::support::wire::{
    BUSY, CHALLENGE, Datagram, accept, read_to_end, receive_framed, tcp_listener, udp_socket,
};
use crate::support::{BOTH, LIMIT, Program, Server, client, client_command, client_with_input};

#[test]
fn where_nobody_listens_a_conversation_does_not_begin() {
    for service in ["calculator", "echo", "chat"] {
        for transport in BOTH {
            let nobody = Nobody::over(transport);
            let options = ["--service", service, "--transport", transport, "--request", "hello"];
            let client = client(nobody.address, &options).with_code(3);
            assert_eq!(client.out, "");
            let refused = format!("[ERROR] Refused: nobody listens on {transport} ");
            assert_eq!(client.err.matches(&refused).count(), 1, "{client:#?}");
            let port = nobody.address.port();
            let command = format!("server --service {service} 127.0.0.1 {port}");
            assert!(client.err.contains(&command), "{client:#?}");
            assert!(!client.err.contains("until we asked"), "nobody was ever there");
        }
    }
}

#[test]
fn a_conversation_that_could_not_begin_is_one_json_object_without_a_request() {
    for transport in BOTH {
        let nobody = Nobody::over(transport);
        let options = ["--service", "chat", "--transport", transport, "--json"];
        let client = client_with_input(nobody.address, &options, "one\ntwo\n").with_code(3);
        let objects = json_lines(&client.out);
        assert_eq!(objects.len(), 1, "{client:#?}");
        assert_eq!(objects[0]["outcome"], "refused");
        assert!(objects[0]["request"].is_null(), "{client:#?}");
    }
}

#[test]
fn who_finds_no_room_in_a_chat_is_told_so_and_ends() {
    let server = Server::start(&["--service", "chat", "--max-clients", "1"]);
    let mut command = client_command(server.address, &["--service", "chat"]);
    let mut guest = Program::start(command.stdin(std::process::Stdio::piped()));
    let _input = guest.take_input();
    guest.wait_for_error("Connected as Client01");
    for transport in BOTH {
        let options = ["--service", "chat", "--transport", transport];
        let client = client_with_input(server.address, &options, "hello\n").with_code(7);
        assert!(client.err.contains("[ERROR] Busy: server full"), "{client:#?}");
        assert_eq!(client.out, "");
    }
}

#[test]
fn who_is_turned_away_later_is_told_so_and_ends() {
    let (listener, stream_address) = tcp_listener();
    thread::spawn(move || {
        let mut stream = accept(&listener);
        stream.write_all(b"BUSY one at a time\n").expect("sent");
        read_to_end(&stream);
    });
    let socket = udp_socket();
    let datagram_address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let (request, from) = receive_framed(&socket);
        socket.send_to(&request.answer(BUSY, "one at a time").bytes(), from).expect("sent");
    });
    for (transport, address) in BOTH.into_iter().zip([stream_address, datagram_address]) {
        let options = ["--service", "echo", "--transport", transport];
        let client = client_with_input(address, &options, "one\ntwo\n").with_code(7);
        assert_eq!(client.err.matches("[ERROR] Busy: one at a time").count(), 1, "{client:#?}");
        assert_eq!(client.out, "");
    }
}

#[test]
fn a_server_without_sessions_is_no_chat() {
    let server = Server::start(&["--service", "echo"]);
    let options = ["--service", "chat", "--transport", "udp", "--request", "hello"];
    let client = server.client(&options).with_code(8);
    assert!(client.err.contains("Not the protocol: the server says that "), "{client:#?}");
    assert!(
        client.err.contains("Is it a chat? Start one in another terminal with:"),
        "{client:#?}"
    );
    let options = ["--service", "chat", "--timeout", "300ms", "--request", "hello"];
    let client = server.client(&options).with_code(4);
    assert!(client.err.contains("Timed out: no greeting from tcp "), "{client:#?}");
    assert!(
        client.err.contains("Is it a chat? Start one in another terminal with:"),
        "{client:#?}"
    );
}

#[test]
fn a_greeting_that_is_no_name_is_not_the_protocol_and_is_shown_escaped() {
    let (listener, address) = tcp_listener();
    thread::spawn(move || {
        let mut stream = accept(&listener);
        stream.write_all(b"SSH-2.0-\x1b[2J\n").expect("sent");
        read_to_end(&stream);
    });
    let client = client(address, &["--service", "chat", "--request", "hello"]).with_code(8);
    assert!(client.err.contains("greets us with \"SSH-2.0-\\u{1b}[2J\""), "{client:#?}");
}

#[test]
fn another_service_at_a_chat_is_told_to_try_a_chat() {
    let server = Server::start(&["--service", "chat"]);
    let try_a_chat = "client --service chat";
    let client = client_with_input(server.address, &["--service", "echo"], "hello\n");
    assert!(client.err.contains(try_a_chat), "{client:#?}");
    let options = ["--service", "echo", "--transport", "udp", "--request", "hello"];
    let client = server.client(&options).with_code(9);
    assert!(client.err.contains(try_a_chat), "{client:#?}");
}

#[test]
fn who_gets_bare_datagrams_for_framed_requests_is_told_how_to_ask() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        loop {
            let (_, from) = crate::support::wire::receive(&socket);
            socket.send_to(b"Server;50", from).expect("sent");
        }
    });
    for service in ["sum", "calculator", "echo", "chat"] {
        let options = ["--service", service, "--transport", "udp", "--timeout", "500ms"];
        let client = client(address, &[&options[..], &["--quiet", "--request", "A;1"]].concat());
        let client = client.with_code(4);
        assert!(client.err.contains("Something came that is not framed"), "{client:#?}");
        assert!(client.err.contains("--semantics maybe"), "{client:#?}");
        assert!(!client.err.contains("check that the server runs"), "{client:#?}");
    }
    let bare = ["--transport", "udp", "--semantics", "maybe", "--request", "A;1"];
    let client = client(address, &bare).with_code(0);
    assert!(client.out.contains("1 (client) + 50 (server) = 51"), "{client:#?}");
}

/// It reads once, and puts its ACK behind what it has read, the line end included.
#[test]
fn a_chat_that_does_not_strip_our_line_end_is_explained_once() {
    for (framing, warnings, last) in [("auto", 1, "ACKtwo"), ("raw", 0, "threeACK")] {
        let (listener, address) = tcp_listener();
        let server = thread::spawn(move || {
            let mut stream = accept(&listener);
            stream
                .write_all(
                    b"Client01
",
                )
                .expect("sent");
            let mut buffer = [0; 100];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&[&buffer[..count], b"ACK"].concat()).expect("sent");
            }
        });
        let options = ["--service", "chat", "--framing", framing];
        let requests = ["--request", "one", "--request", "two", "--request", "three"];
        let client = client(address, &[&options[..], &requests[..]].concat()).with_code(0);
        server.join().expect("as told");
        assert!(client.out.contains(&format!("Server replied: {last}\n")), "{client:#?}");
        assert_eq!(client.err.matches("[WARNING]").count(), warnings, "{client:#?}");
        assert_eq!(client.err.matches("client --framing raw").count(), warnings, "{client:#?}");
    }
}

/// Replies are shown; what a server says of itself is shown, too: neither may steer the terminal.
#[test]
fn nothing_a_server_says_reaches_the_terminal_raw() {
    for evil in ["\u{1b}[2J\u{7}", "ERR \u{1b}[2J", "BUSY \u{1b}[2J\u{7}", "Client\u{1b}[2J"] {
        let (listener, address) = tcp_listener();
        thread::spawn(move || {
            let mut stream = accept(&listener);
            crate::support::wire::read_line(&mut stream);
            stream.write_all(format!("{evil}\n").as_bytes()).expect("sent");
            read_to_end(&stream);
        });
        let client = client(address, &["--service", "echo", "--request", "hello"]);
        let printed = [client.out, client.err].concat();
        assert!(printed.contains("\\u{1b}[2J"), "{printed}");
        assert!(!printed.contains(['\u{1b}', '\u{7}']), "{printed:?}");
    }
}

#[test]
fn a_server_that_never_believes_our_address_is_given_up() {
    let socket = udp_socket();
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        loop {
            let (bytes, from) = crate::support::wire::receive(&socket);
            let hello = Datagram::read(&bytes);
            if hello.kind == crate::support::wire::BYE {
                return;
            }
            let cookie = hello.attempt.to_be_bytes().repeat(8);
            let challenge = hello.answer(CHALLENGE, "").with_cookie(&cookie);
            socket.send_to(&challenge.bytes(), from).expect("sent");
        }
    });
    let options = ["--service", "chat", "--transport", "udp", "--request", "hello"];
    let client = client(address, &options).with_code(8);
    assert!(client.took < LIMIT, "{client:#?}");
    assert!(client.err.contains("keeps asking for a proof of address"), "{client:#?}");
}
