//! The models side by side: a table that judges nothing and shows what a class should see. The rows
//! judge; their references are the same.
//!
//! Each client has one request outstanding. A thousand of them are within what one server may serve
//! by default.

use std::io;

use socklab::server::Model;

use crate::contender::Contender::{self, RawDatagramEpoll, RawEpoll, RawThreads};
use crate::datagram_load::Dialect;
use crate::load::{Pattern, Tally};
use crate::measure::{Metric, Plan, Side, Spread};
use crate::process::Server;

/// What words on the command line choose it by.
pub(crate) const NAME: &str = "models, side by side";

/// Clients at once.
const CLIENTS: [usize; 3] = [1, 64, 1000];

/// Enough for a median; what is judged has more.
const ROUNDS: usize = 3;

const MODELS: [Contender; 4] = [
    Contender::Model(Model::Serial),
    Contender::Model(Model::Threads),
    Contender::Model(Model::Poll),
    Contender::Model(Model::Tasks),
];

/// A line of the table.
struct Line {
    contender: Contender,
    /// One for each number of clients: exchanges a second, and CPU time of the server for one.
    cells: Vec<Option<(f64, f64)>>,
}

/// Measures and prints the table; returns what was seen.
pub(crate) fn print_table(plan: &Plan) -> io::Result<Tally> {
    println!();
    println!("Models: exchanges a second, and CPU time of the server for one exchange.");
    print!("{:<15}", "clients");
    CLIENTS.iter().for_each(|clients| print!(" {clients:>20}"));
    println!();
    let mut total = Tally::default();
    for (transport, event_loop) in [("TCP", RawEpoll), ("UDP", RawDatagramEpoll)] {
        let mut lines: Vec<Line> = [event_loop, RawThreads]
            .into_iter()
            .chain(MODELS)
            .map(|contender| Line { contender, cells: Vec::new() })
            .collect();
        for clients in CLIENTS {
            measure(transport, clients, plan, &mut lines, &mut total)?;
        }
        lines.iter().for_each(|line| line.print(transport));
    }
    Ok(total)
}

/// Adds a cell to each line.
fn measure(
    transport: &str,
    clients: usize,
    plan: &Plan,
    lines: &mut [Line],
    total: &mut Tally,
) -> io::Result<()> {
    let pattern = pattern(transport, clients);
    let start = |line: &Line| {
        let side = Side::new(line.contender, pattern);
        let takes_part = transport == "UDP" || clients == 1 || line.contender != MODELS[0];
        takes_part.then(|| side.start().map(|server| (side, server))).transpose()
    };
    let sides: Vec<Option<(Side, Server)>> = lines.iter().map(start).collect::<io::Result<_>>()?;
    let mut values = vec![(Vec::new(), Vec::new()); lines.len()];
    for _ in 0..plan.rounds.min(ROUNDS) {
        for (side, (rates, times)) in sides.iter().zip(&mut values) {
            let Some((side, server)) = side else { continue };
            let cell = side.measure(server, plan, total)?;
            rates.push(Metric::Rate.of(&cell));
            times.push(Metric::ServerCpu.of(&cell));
        }
    }
    for (line, (rates, times)) in lines.iter_mut().zip(values) {
        let measured = !rates.is_empty();
        line.cells.push(measured.then(|| (Spread::of(rates).median, Spread::of(times).median)));
    }
    Ok(())
}

/// One request outstanding for each client. Over UDP without our header, which the bare servers do not
/// know.
fn pattern(transport: &str, clients: usize) -> Pattern {
    match transport {
        "TCP" => Pattern::Streams { connections: clients, depth: 1 },
        _ => Pattern::ManySockets { sockets: clients, dialect: Dialect::Bare },
    }
}

impl Line {
    fn print(&self, transport: &str) {
        print!("{:<15}", format!("{transport} {}", self.contender.name()));
        for cell in &self.cells {
            let text = cell.map_or("-".to_owned(), |(rate, time)| {
                format!("{} {:>7.2} us", Metric::Rate.show(rate), time * 1e6)
            });
            print!(" {text:>20}");
        }
        println!();
    }
}
