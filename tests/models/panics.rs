//! A defect of ours that only one request meets: in the models that have more than one thread or task,
//! it costs one client its connection, and nobody else anything.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;

use socklab::net::kernel::Kernel;
use socklab::peer::Transport;
use socklab::protocol::datagram::Secrets;
use socklab::protocol::event::Event;
use socklab::server::{Listening, Model, ServerConfig, Sockets, Stop, serve_kernel};
use socklab::service::{Caller, Next, Reply, Service};
use socklab::time::{Clock, Timestamp};

use crate::support::wire::{connect, read_to_end};

/// Answers everything but the word it cannot bear.
struct Fragile;

impl Service for Fragile {
    fn is_sensitive(&self, _caller: Caller, _request: &str) -> bool {
        false
    }

    fn handle(&mut self, _: Caller, request: &str, _: Timestamp, reply: &mut Reply<'_>) -> Next {
        assert_ne!(request, "defect", "this panic is part of the test");
        reply.push_str(request);
        Next::Continue
    }
}

struct Deaf;

impl Listening for Deaf {
    fn event(&self, _: Timestamp, _: Event) {}
    fn trouble(&self, _: Timestamp, _: String) {}
}

/// Serves on a runtime of its own, after telling where.
fn serve(model: Model, stop: Stop, tell: &mpsc::Sender<SocketAddr>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let sockets = Sockets::bind(&Kernel, any, &[Transport::Tcp], true).expect("a port");
        tell.send(sockets.addresses()[0].1).expect("somebody listens");
        let config = ServerConfig { model, max_clients: 2, ..ServerConfig::default() };
        let secrets = Secrets { key: [7; 16], epoch: 1 };
        let (service, clock) = (Box::new(Fragile), Clock::start());
        serve_kernel(sockets, config, &secrets, service, clock, Arc::new(Deaf), stop).await
    })
}

fn is_served(stream: &mut BufReader<TcpStream>) {
    stream.get_mut().write_all(b"hello\n").expect("connected");
    let mut line = String::new();
    stream.read_line(&mut line).expect("a line in time");
    assert_eq!(line, "hello\n");
}

#[test]
fn a_panic_in_one_conversation_ends_no_other() {
    for model in [Model::Threads, Model::Tasks] {
        let (tell, told) = mpsc::channel();
        let stop = Stop::default();
        let stopping = stop.clone();
        let serving = thread::spawn(move || serve(model, stopping, &tell));
        let address = told.recv().expect("a server");
        let mut guest = BufReader::new(connect(address));
        is_served(&mut guest);
        // More of them than there are places: each gives its place back.
        for _ in 0..3 {
            let mut unlucky = connect(address);
            unlucky.write_all(b"defect\n").expect("sent");
            assert_eq!(read_to_end(&unlucky), (String::new(), true), "{model:?}");
        }
        is_served(&mut guest);
        is_served(&mut BufReader::new(connect(address)));
        stop.stop();
        serving.join().expect("no panic").expect("no error");
    }
}
