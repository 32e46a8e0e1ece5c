//! docs/socklab.lua over TCP: messages are found wherever segments end.

use socklab::net::{Listener, Net, Stream};
use socklab::trace::Place;

use super::*;
use crate::datagrams::{DATAGRAMS, drawn, garbage, messages};
use crate::tshark::{CLIENT, Capture, is_here};

/// A run in which the client writes these bytes, one after the other, 10 ms apart.
fn written(writes: &'static [&'static [u8]]) -> Trace {
    play(WireConfig::default(), move |sim| async move {
        start_server(&sim);
        let mut stream = sim.client(1).connect(server()).await.expect("a connection");
        for bytes in writes {
            write(&mut stream, bytes).await;
            pause(&sim, Duration::from_millis(10)).await;
        }
        pause(&sim, Duration::from_secs(1)).await;
    })
}

#[test]
fn lines_are_found_wherever_segments_end() {
    if !is_here() {
        return;
    }
    let writes: &[&[u8]] = &[b"Cl", b"ient;1;sum\nClient;2;sum\r\nClient;", b"3;su", b"m\n"];
    let capture = Capture::write("lines", &written(writes), CLIENT);
    let requests = capture.fields("socklab.request", &["socklab.request"]).concat();
    assert_eq!(
        requests,
        ["Cl", "Client;1;sum|Client;2;sum|Client;", "Client;3;su", "Client;3;sum"],
        "what has no line end yet is shown as far as it has come"
    );
    let begins = capture.fields("socklab.request", &["socklab.beginning"]).concat();
    assert_eq!(begins, ["", "4", "5", "5"], "behind the handshake");
    assert_eq!(messages(&capture, &["-2"]), messages(&capture, &[]));
    let unfinished = capture.fields("socklab.no_line_end", &["socklab.request"]).concat();
    assert_eq!(unfinished, requests[..3]);
}

#[test]
fn programs_without_line_ends_are_understood_once_they_are_answered() {
    if !is_here() {
        return;
    }
    // Each is answered after 200 ms of silence.
    let trace = play(WireConfig::default(), |sim| async move {
        start_server(&sim);
        let mut stream = sim.client(1).connect(server()).await.expect("a connection");
        for text in ["Client;1", "Client;2", "Client;3"] {
            write(&mut stream, text.as_bytes()).await;
            pause(&sim, Duration::from_secs(1)).await;
        }
    });
    let capture = Capture::write("without", &trace, CLIENT);
    let requests = capture.fields("socklab.request", &["socklab.request"]).concat();
    assert_eq!(requests, ["Client;1", "Client;2", "Client;3"]);
    assert_eq!(messages(&capture, &["-2"]), messages(&capture, &[]));
}

#[test]
fn a_segment_is_a_message_if_the_reader_says_so() {
    if !is_here() {
        return;
    }
    let capture = Capture::write("raw", &written(&[b"Client;1;sum\nCl", b"ient;2;sum\n"]), CLIENT);
    let shown = messages(&capture, &["-o", "socklab.raw:TRUE"]);
    assert_eq!(shown[0], r"Client;1;sum\nCl");
    assert!(shown.contains(&r"ient;2;sum\n".to_owned()), "{shown:?}");
}

#[test]
fn garbage_over_tcp_is_survived() {
    if !is_here() {
        return;
    }
    let writes = drawn(DATAGRAMS, garbage());
    let trace = play(lossy(1, 0.1), |sim| async move {
        let listener = sim.server().listen(server(), true).expect("a free port");
        let mut stream = sim.client(1).connect(server()).await.expect("a connection");
        let _accepted = listener.accept().await.expect("a connection");
        for bytes in &writes {
            write(&mut stream, bytes).await;
            pause(&sim, Duration::from_millis(20)).await;
        }
        stream.finish().expect("a FIN");
        pause(&sim, Duration::from_secs(600)).await;
    });
    let in_order = ["-o", "tcp.reassemble_out_of_order:TRUE"];
    for place in [CLIENT, Place::Server] {
        let capture = Capture::write("noise", &trace, place);
        for options in [&[][..], &in_order, &["-o", "socklab.raw:TRUE"]] {
            let printed = capture.tshark(&[options, &["-V"]].concat());
            assert!(!printed.contains("Malformed"), "{printed}");
            assert!(printed.contains("socklab, one protocol over TCP and UDP"));
        }
        // Twice over the file, as Wireshark goes when packets are looked at again.
        assert_eq!(messages(&capture, &["-2"]), messages(&capture, &[]));
    }
}
