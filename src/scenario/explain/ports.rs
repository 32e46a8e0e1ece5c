//! About the port: who gets it, and when a server gets its own again.

use super::both;
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::words::{count, outcome};
use crate::testbed::Attempt;

pub(in crate::scenario) fn port_in_use(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let second = |run: &Run| listens(run.attempt("another", 0));
        let beside = |run: &Run| listens(run.attempt("another", 1));
        let taken = match (second(tcp), second(udp)) {
            (Some(false), Some(false)) => "A port is one socket's, over TCP as over UDP: a second \
                                           server does not get it while the first has it."
                .to_owned(),
            (tcp, udp) => format!(
                "A second server on the same port {} over TCP and {} over UDP.",
                got_it(tcp),
                got_it(udp)
            ),
        };
        let other = match (beside(tcp), beside(udp)) {
            (Some(true), Some(true)) => {
                "A server of the other transport got the same number: TCP and \
                                         UDP count their ports apart."
                    .to_owned()
            }
            (tcp, udp) => format!(
                "The same number was tried for the other transport, too: that server {} (UDP beside \
                 TCP) and {} (TCP beside UDP).",
                got_it(tcp),
                got_it(udp)
            ),
        };
        format!("{taken} {other} {}", undisturbed(tcp, udp))
    })
}

/// Returns whether a server that was started listens.
fn listens(attempt: Option<&Attempt>) -> Option<bool> {
    attempt.map(|attempt| attempt.failed.is_none())
}

fn got_it(listens: Option<bool>) -> &'static str {
    match listens {
        Some(true) => "got it",
        Some(false) => "did not get it",
        None => "was not started",
    }
}

/// Says what the first server's client noticed.
fn undisturbed(tcp: &Run, udp: &Run) -> String {
    let asked = |run: &Run| {
        let last = run.clients.first().and_then(|client| client.exchanges.get(1));
        last.map_or("-".to_owned(), outcome)
    };
    let replied =
        |run: &Run| run.exchanges().count() == 2 && run.exchanges().all(ExchangeLog::is_replied);
    match replied(tcp) && replied(udp) {
        true => "The first one went on: its client asked again and was answered.".to_owned(),
        false => {
            format!(
                "The first one's client, asking again: {} over TCP, {} over UDP.",
                asked(tcp),
                asked(udp)
            )
        }
    }
}

pub(in crate::scenario) fn port_restart(comparison: &Comparison) -> String {
    let reuses =
        comparison.scenario.script.reuse_address && comparison.settings.server.reuse_address;
    both(comparison, |tcp, udp| {
        let over_udp = match listens(udp.attempt("started_again", 0)) {
            Some(true) => "Over UDP nothing is left behind, and the port was free at once.",
            Some(false) => "Over UDP it did not get its port either.",
            None => "Over UDP it was never started again.",
        };
        format!("{}{} {over_udp}", kept_in_time_wait(tcp), restarted_over_tcp(tcp, reuses))
    })
}

/// Says what was left of the first server's connections.
fn kept_in_time_wait(tcp: &Run) -> String {
    let attempt = tcp.attempt("started_again", 0);
    match attempt.and_then(|attempt| attempt.time_wait) {
        None => String::new(),
        Some(0) => "No connection was in TIME-WAIT on the server's port. ".to_owned(),
        Some(kept) => format!(
            "Over TCP the server closed first, so its kernel keeps {} in TIME-WAIT, lest a late \
             segment be taken for a new connection's. ",
            count(kept, "connection")
        ),
    }
}

fn restarted_over_tcp(tcp: &Run, reuses: bool) -> String {
    let option = if reuses { "With SO_REUSEADDR" } else { "Without SO_REUSEADDR" };
    match tcp.attempt("started_again", 0) {
        None => "Over TCP the server was never started again.".to_owned(),
        Some(Attempt { failed: None, .. }) => {
            format!("{option} the server got its port again at once.")
        }
        Some(Attempt { failed: Some(failed), .. }) => format!(
            "{option} the server could not listen again: {}. On Linux that lasts a minute.",
            failed.reason()
        ),
    }
}
