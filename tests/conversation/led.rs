//! Conversations that go as they should: from a pipe, from options, as JSON.

use crate::support::program::json_lines;
use crate::support::{BOTH, Ended, Server, client_with_input};

fn chat(server: &Server, transport: &str, input: &str) -> Ended {
    let options = ["--service", "chat", "--transport", transport];
    client_with_input(server.address, &options, input)
}

#[test]
fn one_conversation_answers_every_line_of_a_pipe() {
    let server = Server::start(&["--service", "calculator"]);
    for transport in BOTH {
        let options = ["--service", "calculator", "--transport", transport];
        let client = client_with_input(server.address, &options, "22 + 44\n4 / 2\r\n3 * 4");
        let client = client.with_code(0);
        let replies = "Server replied: 66\nServer replied: 2\nServer replied: 12\n";
        assert_eq!(client.out, replies, "no prompt: {client:#?}");
    }
    let lines = server.stop().out;
    assert_eq!(lines.matches(" connected").count(), 1, "{lines}");
    assert_eq!(lines.matches(" received ").count(), 6, "{lines}");
}

#[test]
fn it_says_first_what_the_transport_needed_to_begin() {
    let server = Server::start(&["--service", "echo"]);
    let client = |transport| {
        let options = ["--service", "echo", "--transport", transport, "--request", "hello"];
        server.client(&options).with_code(0)
    };
    let connected = format!("Connected to server at {}\n", server.address);
    assert_eq!(client("tcp").err, connected);
    let nothing = "No connection to set up: the first message is the first datagram\n";
    assert_eq!(client("udp").err, nothing);
}

#[test]
fn an_echo_is_shown_with_its_spaces_and_without_its_control_characters() {
    let server = Server::start(&["--service", "echo"]);
    for transport in BOTH {
        let options = ["--service", "echo", "--transport", transport, "--quiet"];
        let input =
            "  two  spaces \nsay \"hi\" \\o/\n\u{1b}[2J\u{7}\n\nERR not an error\nBUSY bees\n";
        let client = client_with_input(server.address, &options, input).with_code(0);
        let expected = ["  two  spaces ", "say \"hi\" \\o/", "\\u{1b}[2J\\u{7}", ""];
        let expected = expected.map(|text| format!("Server replied: {text}\n")).concat();
        let errors = "Server replied: ERR not an error\nServer replied: BUSY bees\n";
        assert_eq!(client.out, format!("{expected}{errors}"));
        assert_eq!(client.err, "", "quiet");
    }
}

#[test]
fn an_error_reply_is_shown_as_one_and_the_conversation_goes_on() {
    let server = Server::start(&["--service", "calculator"]);
    for transport in BOTH {
        let options = ["--service", "calculator", "--transport", transport, "--quiet"];
        let client = client_with_input(server.address, &options, "1 / 0\n\n1 +\n9 + 8\n");
        let client = client.with_code(8);
        assert_eq!(client.out, "Server replied: 17\n");
        let errors: Vec<_> = client.err.lines().collect();
        assert_eq!(errors.len(), 3, "{client:#?}");
        assert_eq!(errors[0], "[ERROR] The server answered with an error: division by zero");
    }
}

#[test]
fn requests_on_the_command_line_are_asked_in_order_and_nothing_is_read() {
    let server = Server::start(&["--service", "calculator"]);
    for transport in BOTH {
        let options = ["--service", "calculator", "--transport", transport];
        let requests = ["--request", "1 + 1", "--request", "1 / 0", "--request", "exit"];
        let client = server.client(&[&options[..], &requests[..]].concat()).with_code(8);
        assert_eq!(client.out, "Server replied: 2\n");
        assert_eq!(client.err.matches("[ERROR]").count(), 2, "exit is sent as it is: {client:#?}");
    }
}

#[test]
fn every_request_is_one_json_object_whatever_came_of_it() {
    let server = Server::start(&["--service", "calculator"]);
    for transport in BOTH {
        let options = ["--service", "calculator", "--transport", transport, "--json"];
        let client = client_with_input(server.address, &options, "6 * 7\n1 / 0\n").with_code(8);
        assert_eq!(client.err, "");
        let objects = json_lines(&client.out);
        let field = |name: &str| objects.iter().map(|it| it[name].clone()).collect::<Vec<_>>();
        assert_eq!(field("request"), ["6 * 7", "1 / 0"]);
        assert_eq!(field("reply"), ["42", "ERR division by zero"]);
        assert_eq!(field("exit_code"), [0, 8]);
        assert_eq!(field("outcome"), ["replied", "protocol_error"]);
        assert_eq!(objects[0]["service"], "calculator");
        assert_eq!(objects[0]["transport"], transport);
        assert!(objects[0]["server_name"].is_null() && objects[0]["sum"].is_null());
    }
}

#[test]
fn the_word_exit_ends_a_conversation_without_being_sent_where_it_means_nothing() {
    let server = Server::start(&["--service", "echo"]);
    for transport in BOTH {
        let options = ["--service", "echo", "--transport", transport];
        let client = client_with_input(server.address, &options, "one\nexit\ntwo\n").with_code(0);
        assert_eq!(client.out, "Server replied: one\n");
    }
    let lines = server.stop().out;
    assert!(!lines.contains("exit"), "{lines}");
}

#[test]
fn a_chat_gives_a_name_and_says_goodbye() {
    let server = Server::start(&["--service", "chat"]);
    let first = chat(&server, "tcp", "hello world\nexit\nnever\n").with_code(0);
    assert_eq!(first.err, "Connected as Client01\n");
    let goodbye = "Server replied: Goodbye, Client01\n";
    assert_eq!(first.out, format!("Server replied: hello worldACK\n{goodbye}"));
    let second = chat(&server, "udp", "hello world\n exit \nnever\n").with_code(0);
    let welcome = "Welcome as Client02: a session that the two programs keep, UDP keeps none\n";
    assert!(second.err.ends_with(welcome), "{second:#?}");
    let goodbye = "Server replied: Goodbye, Client02\n";
    assert_eq!(second.out, format!("Server replied: hello worldACK\n{goodbye}"));
}

#[test]
fn who_leaves_a_chat_at_the_end_of_its_input_is_gone_at_once() {
    // With room for one only, the next one's welcome shows that the place is free.
    let server = Server::start(&["--service", "chat", "--max-clients", "1"]);
    for (number, transport) in BOTH.into_iter().chain(BOTH).enumerate() {
        let client = chat(&server, transport, "hello\n").with_code(0);
        let name = format!(" as Client{:02}", number + 1);
        assert!(client.err.contains(&name), "{client:#?}");
        assert_eq!(client.out, "Server replied: helloACK\n");
        // Until the server has noticed, the place is taken.
        server.wait_for(" left (");
    }
}

#[test]
fn texts_that_look_like_errors_are_acknowledged_like_others() {
    let server = Server::start(&["--service", "chat"]);
    for transport in BOTH {
        let client = chat(&server, transport, "ERR x\nBUSY y\n").with_code(0);
        assert_eq!(client.out, "Server replied: ERR xACK\nServer replied: BUSY yACK\n");
    }
}
