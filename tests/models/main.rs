//! The four models of a server: whatever is asked, they answer alike; they differ in what one client
//! does to the others.

#![cfg(target_os = "linux")]

mod conversation;
mod crowd;
mod panics;
mod quotes;
mod second;
mod slow;
mod stopping;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use support::Server;
use support::wire::connect;

/// As the command line names them.
const MODELS: [&str; 4] = ["serial", "threads", "poll", "tasks"];

/// Those that serve more than one client at once.
const CONCURRENT: [&str; 3] = ["threads", "poll", "tasks"];

/// What a server whose number is 50 answers.
const FIFTY: &str = "Server of socklab;50";

/// Starts a server of this model that leaves at once when it is stopped.
fn start(model: &str, options: &[&str]) -> Server {
    Server::start(&[&["--model", model, "--drain", "0s"], options].concat())
}

/// A client over TCP that speaks in lines.
struct Lines(BufReader<TcpStream>);

impl Lines {
    fn to(server: SocketAddr) -> Self {
        Lines(BufReader::new(connect(server)))
    }

    #[track_caller]
    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("connected");
    }

    /// Hears one line; an empty one is the end.
    #[track_caller]
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        line.trim_end_matches('\n').to_owned()
    }

    #[track_caller]
    fn ask(&mut self, request: &str) -> String {
        self.say(&format!("{request}\n"));
        self.hear()
    }

    /// Whether nothing has come yet.
    fn has_heard_nothing(&self) -> bool {
        let stream = self.0.get_ref();
        stream.set_nonblocking(true).expect("set");
        let nothing = stream.peek(&mut [0]).is_err();
        stream.set_nonblocking(false).expect("set");
        nothing
    }
}
