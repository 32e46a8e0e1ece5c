//! The mission's three questions in one table: sums, timeouts, shutdown.

use super::conditions::{network, stack};
use super::table::{grid, row_of, spread, wrap};
use crate::peer::Transport;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::rows::{self as row, endings, packets, weather};
use crate::scenario::words::short;
use crate::scenario::{Network, Row};
use crate::testbed::Stack;

/// Writes the table that fits one screen, from the mission's scenarios in their order.
pub fn render(comparisons: &[Comparison]) -> String {
    match comparisons {
        [sums, silence, patience, shutdown, no_goodbye] => {
            simulated(sums, silence, patience, shutdown, no_goodbye)
        }
        [sums, silence, shutdown, no_goodbye] => on_loopback(sums, silence, shutdown, no_goodbye),
        _ => String::new(),
    }
}

fn simulated(
    sums: &Comparison,
    silence: &Comparison,
    patience: &Comparison,
    shutdown: &Comparison,
    no_goodbye: &Comparison,
) -> String {
    // Where TCP's patience is shortened, that is where it says so.
    let mut text = heading(sums, &patience.stack);
    text.push_str(&section(SUMS, sums, &[row::SUMS, packets::PACKETS, row::ANSWER_AFTER]));
    text.push_str(&section(TIMEOUTS, silence, &[weather::WHAT_LEFT, row::GIVES_UP]));
    text.push_str(&one_more("without that deadline", patience, |run| {
        let shortened = run.column.transport == Transport::Tcp
            && run.host.as_ref().is_some_and(|host| !host.stack.set_up.is_empty());
        let remark = if shortened { ", shortened" } else { "" };
        let waited = run.telling_exchange().map(|one| short(one.elapsed()));
        waited.map_or("-".to_owned(), |waited| format!("{waited}{remark}"))
    }));
    text.push_str(&section(SHUTDOWN, shutdown, &[endings::STOPS_AFTER, endings::IDLE_LEARNS]));
    text.push_str(&one_more("and if nobody says goodbye", no_goodbye, endings::IDLE_LEARNS.cell));
    text.push('\n');
    text.push_str(&wrap(&what_it_bought(sums, silence, shutdown)));
    text.push_str(
        "Next: compare loss --loss 20%    compare lost-reply --ladder    compare --list\n",
    );
    text
}

fn on_loopback(
    sums: &Comparison,
    silence: &Comparison,
    shutdown: &Comparison,
    no_goodbye: &Comparison,
) -> String {
    let mut text = heading(sums, &sums.stack);
    text.push_str(&section(SUMS, sums, &[row::SUMS, row::SET_UP, row::ANSWER_AFTER]));
    text.push_str(&section(SILENCE, silence, &[row::SENT_AT, row::BELIEVED, row::GIVES_UP]));
    text.push_str(&section(SHUTDOWN, shutdown, &[endings::STOPS_AFTER, endings::IDLE_LEARNS]));
    text.push_str(&one_more("and if nobody says goodbye", no_goodbye, endings::IDLE_LEARNS.cell));
    text.push('\n');
    text.push_str(&wrap(
        "TCP's handshake and goodbye are the kernel's; over UDP the first question needs none, and \
         a goodbye is a message that our program sends. Deadlines are the program's own over both.",
    ));
    text.push_str("Next: compare loss --loss 20%    compare server-killed    compare --list\n");
    text
}

fn heading(sums: &Comparison, measured: &Stack) -> String {
    let where_at = match sums.network {
        Network::Sim | Network::Kernel => "on the same network",
        Network::Loopback => "on this computer",
        Network::Remote(_) => "over the same network",
    };
    let title = format!("TCP and UDP, the same three questions {where_at}");
    let seed = format!("{}, seed {}", sums.network.name(), sums.settings.server.seed);
    let conditions = format!("{} | {}", network(sums), stack(measured));
    let titles = grid(vec![row_of("", vec!["TCP".to_owned(), "UDP".to_owned()])]);
    format!("{}\n{}{titles}", spread(&title, &seed), wrap(&conditions))
}

fn one_more(label: &str, comparison: &Comparison, cell: fn(&Run) -> String) -> String {
    grid(vec![row_of(label, comparison.runs.iter().map(cell).collect())])
}

/// Says what TCP's connection cost and bought here.
fn what_it_bought(sums: &Comparison, silence: &Comparison, shutdown: &Comparison) -> String {
    let empty = |run: &Run| {
        let packets = run.packets().unwrap_or_default();
        packets.iter().filter(|(_, reading)| reading.payload == 0).count()
    };
    let spent = sums.column("tcp").map_or(0, empty);
    let mut text = format!(
        "TCP spent a round trip and {spent} packets without a message on being connected. "
    );
    let told = |run: &Run| run.clients.iter().any(|client| client.learned.is_some());
    text.push_str(match shutdown.runs.iter().all(told) {
        true => {
            "That bought a goodbye that the kernel sends and an address that is proven; over UDP the \
             program sends the one, a cookie proves the other. "
        }
        false => "A goodbye can be lost, or never be said: not every client was told here. ",
    });
    if silence.scenario.timeout(&silence.settings).is_some() {
        text.push_str("Deadlines are the program's own over both.");
    }
    text
}

const SUMS: &str = "SUMS: what does one question and one answer cost?";
const TIMEOUTS: &str = "TIMEOUTS: how long until silence becomes an error?";
const SILENCE: &str = "TIMEOUTS: what if somebody listens and never answers?";
const SHUTDOWN: &str = "SHUTDOWN: how does the other client learn it?";

fn section(question: &str, comparison: &Comparison, rows: &[Row]) -> String {
    let heading = spread(question, comparison.scenario.name);
    let rows = rows
        .iter()
        .map(|row| row_of(row.label, comparison.runs.iter().map(|run| (row.cell)(run)).collect()))
        .collect();
    format!("{heading}\n{}", grid(rows))
}
