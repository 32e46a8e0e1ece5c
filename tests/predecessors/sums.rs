//! The sum exchange.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::program::json_lines;
use crate::support::wire::udp_to;
use crate::support::{BOTH, CLIENT, Program, SERVER, Server, client, client_with_input};

#[test]
fn spaces_around_the_number_do_not_matter() {
    let server = Server::start(&["--number", "50"]);
    for transport in BOTH {
        for request in ["Client of Ada;25", "Client of Ada; 25", "Client of Ada;25  "] {
            let options = ["--transport", transport, "--request", request];
            let client = server.client(&options).with_code(0);
            assert!(client.out.ends_with("\n25 (client) + 50 (server) = 75\n"), "{client:#?}");
        }
    }
}

#[test]
fn the_servers_number_is_fixed_or_drawn_anew_from_1_to_100() {
    let questions = "25\n".repeat(100);
    for (options, fixed) in [(&["--number", "50"][..], true), (&["--number", "random"], false)] {
        let server = Server::start(options);
        for transport in BOTH {
            let options = ["--transport", transport, "--json"];
            let client = client_with_input(server.address, &options, &questions).with_code(0);
            let numbers: BTreeSet<i64> = json_lines(&client.out)
                .iter()
                .map(|exchange| exchange["server_number"].as_i64().expect("a number"))
                .collect();
            assert!(numbers.iter().all(|number| (1..=100).contains(number)), "{numbers:?}");
            // A hundred draws are all the same once in 10^198 runs.
            assert_eq!(numbers.len() == 1, fixed, "{numbers:?}");
        }
    }
}

#[test]
fn both_ends_write_down_both_names_both_numbers_and_the_sum() {
    for transport in BOTH {
        let options = ["--name", "Server of Ada", "--log-format", "json", "--drain", "0s"];
        let server = Server::start(&options);
        let options = ["--transport", transport, "--name", "Client of Bob", "--number", "42"];
        let asked = server.client(&[&options[..], &["--json"]].concat()).with_code(0).json();
        let events = json_lines(&server.stop().out);
        let exchange = events.iter().find(|event| event["event"] == "exchange");
        let exchange = exchange.expect("an exchange");
        for field in ["client_name", "server_name", "client_number", "server_number", "sum"] {
            assert_eq!(asked[field], exchange[field], "{field}");
            assert!(!asked[field].is_null(), "{field}");
        }
        assert_eq!(
            (&asked["client_name"], &asked["client_number"]),
            (&"Client of Bob".into(), &42.into())
        );
        assert_eq!(asked["server_name"], "Server of Ada");
    }
}

#[test]
fn a_server_on_all_addresses_is_reached_through_this_computers() {
    let server = Server::start_at("0.0.0.0", 0, &["--number", "50"]);
    assert!(server.address.ip().is_unspecified());
    let here = ([127, 0, 0, 1], server.address.port()).into();
    for transport in BOTH {
        let client = client(here, &["--transport", transport, "--number", "25"]).with_code(0);
        assert!(client.out.ends_with(" = 75\n"), "{client:#?}");
    }
}

#[test]
fn without_an_address_both_programs_mean_this_computer_and_port_12000() {
    for program in [SERVER, CLIENT] {
        let help = Program::start(Command::new(program).arg("--help")).finish().with_code(0).out;
        assert!(help.contains("[default: 127.0.0.1]"), "{help}");
        assert!(help.contains("port [default: 12000]") || help.contains("one [default: 12000]"));
    }
}

#[test]
fn a_verbose_server_says_also_what_it_drops() {
    let server = Server::start(&["--verbose", "--transport", "udp"]);
    // The first byte of a framed datagram, and nothing behind it.
    udp_to(server.address).send(&[0xF9]).expect("sent");
    server.wait_for("dropped: shorter than its header");
}
