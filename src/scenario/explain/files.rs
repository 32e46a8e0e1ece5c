//! About a file: who keeps how much under way, and who repeats what is lost.

use super::facts::{again, amount_again, lost};
use super::sessions::why_not;
use crate::scenario::log::{Comparison, FetchLog, Run};
use crate::scenario::rows::files::{fetched, round_trip, theory, took};
use crate::scenario::words::{short, thousands};
use crate::wire::Direction;

pub(in crate::scenario) fn file_transfer(comparison: &Comparison) -> String {
    let columns = ["tcp", "udp", "udp_window"].map(|key| comparison.column(key));
    let [Some(tcp), Some(one), Some(window)] = columns else { return String::new() };
    let whole = [tcp, one, window].into_iter().all(|run| is_whole(run).is_some());
    let verdict = match whole {
        true => "All three files are byte for byte the server's.".to_owned(),
        false => incomplete([tcp, one, window]),
    };
    [verdict, waiting(one, window), streaming(tcp, window), repeating([tcp, one, window])]
        .into_iter()
        .filter(|sentence| !sentence.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns the file of a run, if all of it came and is right.
fn is_whole(run: &Run) -> Option<&FetchLog> {
    fetched(run).filter(|file| file.intact == Some(true))
}

/// Says what came where not everything did.
fn incomplete(runs: [&Run; 3]) -> String {
    let said = runs.map(|run| {
        let file = fetched(run);
        let bytes = file.map_or(0, |file| usize::try_from(file.bytes).unwrap_or(usize::MAX));
        let end = match is_whole(run) {
            Some(_) => "all of it".to_owned(),
            None => why_not(run),
        };
        format!("{}: {} bytes, {end}", run.column.title, thousands(bytes))
    });
    format!("Not every file came: {}.", said.join("; "))
}

/// Says what a window of one costs, against one of several blocks.
fn waiting(one: &Run, window: &Run) -> String {
    let (Some(slow), Some(fast)) = (is_whole(one), is_whole(window)) else { return String::new() };
    let (Some((blocks, _)), Some((_, trips))) = (theory(one), theory(window)) else {
        return String::new();
    };
    let size = window.datagram.window;
    let took = [slow, fast].map(|file| short(took(file)));
    match round_trip(one) {
        Some(_) => format!(
            "Over UDP each of {blocks} blocks waits for the one before it: {}. With {size} under way it \
             took {}; {trips} round trips are the least for that.",
            took[0], took[1]
        ),
        None => {
            let near = match again(one) + again(window) {
                0 => ": without a distance there is little to wait for",
                _ => "",
            };
            format!(
                "Over UDP {blocks} blocks one after the other took {}, with {size} under way {}{near}.",
                took[0], took[1]
            )
        }
    }
}

/// Says how TCP compares, and what it did that our window does not.
fn streaming(tcp: &Run, window: &Run) -> String {
    let (Some(stream), Some(blocks)) = (is_whole(tcp), is_whole(window)) else {
        return String::new();
    };
    let (stream, blocks) = (took(stream), took(blocks));
    use Direction::{ClientToServer, ServerToClient};
    let lost = lost(tcp, ClientToServer) + lost(tcp, ServerToClient) > 0;
    let (faster, slower) = (stream * 5 < blocks * 4, blocks * 5 < stream * 4);
    let verdict = match (lost, again(tcp) > 0) {
        _ if round_trip(tcp).is_none() => "",
        _ if !faster && !slower => ", about the same",
        (false, false) if faster => ": its window grew, for nothing was lost",
        (true, _) if slower => {
            ": after a loss it sends less for a while; our window never does, and who shares the \
             network pays for that"
        }
        (false, true) if slower => {
            ": it took what came late or twice for a loss, and sent less for a while; our window \
             never does"
        }
        _ => "",
    };
    format!("TCP took {}{verdict}.", short(stream))
}

/// Says who mended what was lost.
fn repeating(runs: [&Run; 3]) -> String {
    use Direction::{ClientToServer, ServerToClient};
    let lost: usize =
        runs.iter().map(|run| lost(run, ClientToServer) + lost(run, ServerToClient)).sum();
    let [tcp, one, window] = runs;
    let repeated: usize = runs.iter().map(|run| again(run)).sum();
    match (lost, repeated) {
        (0, 0) => String::new(),
        (_, 0) => "Nothing was sent again.".to_owned(),
        _ => format!(
            "Sent again: {} by TCP's stacks; by our client {}, and {} with the larger window.",
            amount_again(tcp),
            amount_again(one),
            amount_again(window)
        ),
    }
}
