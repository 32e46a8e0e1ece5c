//! The calculator, the echo, and the four kinds of server.

use std::io::Write;
use std::net::SocketAddr;

use rustix::process::Signal;

use crate::support::{BOTH, HASTY, Server, client_with_input};
use crate::{of, start_client, without_ports_and_moments};

fn ask(server: SocketAddr, transport: &str, line: &str) -> String {
    client_with_input(server, &of("calculator", transport), &format!("{line}\n")).with_code(0).out
}

#[test]
fn both_ends_show_what_is_asked_and_what_is_answered() {
    for (transport, begin, end) in
        [("tcp", "tcp 127.0.0.1:PORT connected\n", "tcp 127.0.0.1:PORT closed\n"), ("udp", "", "")]
    {
        let options = ["--service", "calculator", "--transport", transport];
        let server = Server::start(&[&options[..], HASTY].concat());
        let input = "22 + 44\n3 * 4\n4 / 2\n9 + 8\n";
        let options = of("calculator", transport);
        let client = client_with_input(server.address, &options, input).with_code(0);
        let replies = ["66", "12", "2", "17"];
        let shown = replies.map(|reply| format!("Server replied: {reply}\n")).concat();
        assert_eq!(client.out, shown);
        let asked = input.lines().zip(replies).map(|(request, reply)| {
            let peer = format!("{transport} 127.0.0.1:PORT");
            format!("{peer} received \"{request}\"\n{peer} sent \"{reply}\"\n")
        });
        let asked: String = asked.collect();
        if transport == "tcp" {
            server.wait_for(" closed");
        }
        let printed = without_ports_and_moments(&server.stop().out);
        let (_, printed) = printed.split_once('\n').expect("a ready line");
        assert!(printed.starts_with(&format!("{begin}{asked}{end}")), "{printed}");
    }
}

#[test]
fn an_interrupt_ends_our_client_with_130_and_the_server_goes_on() {
    for service in ["calculator", "echo", "chat"] {
        for transport in BOTH {
            let server = Server::start(&["--service", service]);
            let (client, mut input) = start_client(&server, &of(service, transport));
            input.write_all(b"9 + 8\n").expect("typed");
            client.wait_for("Server replied: ");
            client.signal(Signal::INT);
            client.finish().with_code(130);
            let next = client_with_input(server.address, &of(service, transport), "9 + 8\n");
            assert!(next.with_code(0).out.starts_with("Server replied: "));
        }
    }
}

#[test]
fn our_second_client_of_a_serial_server_is_told_and_over_udp_there_is_no_second() {
    let server = Server::start(&["--service", "calculator", "--model", "serial"]);
    let (first, mut input) = start_client(&server, &of("calculator", "tcp"));
    input.write_all(b"22 + 44\n").expect("typed");
    first.wait_for("Server replied: 66");
    let second = client_with_input(server.address, &of("calculator", "tcp"), "3 * 4\n");
    let second = second.with_code(7);
    let busy = "[ERROR] Busy: the server serves one client at a time (tcp 127.0.0.1:";
    assert!(second.err.contains(busy), "{second:#?}");
    assert_eq!(ask(server.address, "udp", "3 * 4"), "Server replied: 12\n");
    drop(input);
    first.finish().with_code(0);
    // The first has ended, and the server has read so: its connection is closed here.
    server.wait_for(" closed");
    server.wait_for(" closed");
    assert_eq!(ask(server.address, "tcp", "3 * 4"), "Server replied: 12\n");
}

#[test]
fn whatever_is_said_only_a_signal_ends_a_server_without_sums() {
    let words = "Client of Ada;101\n0\n-1\n1 / 0\nexit now\nshutdown\n\n";
    for service in ["calculator", "echo", "chat"] {
        for model in ["serial", "threads", "poll", "tasks"] {
            let options = [&["--service", service, "--model", model], HASTY].concat();
            let server = Server::start(&options);
            for transport in BOTH {
                client_with_input(server.address, &of(service, transport), words);
                let next = client_with_input(server.address, &of(service, transport), "2 + 2\n");
                assert!(next.out.starts_with("Server replied: "), "{next:#?}");
            }
            server.signal(Signal::INT);
            let server = server.finish().with_code(0);
            assert!(server.out.contains("Keyboard interrupt received: shutting down the server"));
        }
    }
}
