//! About ends without a word: kills, power cuts, and servers that come back.

use super::both;
use super::facts::{GaveUp, acted, doubled, gave_up};
use super::times;
use crate::peer::Transport;
use crate::protocol::{Closing, Ending};
use crate::scenario::executions::executions;
use crate::scenario::log::{ClientLog, Comparison, ExchangeLog, Run};
use crate::scenario::rows::of_number;
use crate::scenario::words::{outcome, short};
use crate::testbed::Action;
use crate::time::Timestamp;

use std::time::Duration;

/// What ends a server without a word.
const KILLING: &[Action] = &[Action::Kill, Action::PowerOff];

pub(in crate::scenario) fn server_killed(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let say = |run: &Run, one: &ExchangeLog| {
            format!(
                "{} after {} (the server had executed {})",
                outcome(one),
                short(one.elapsed()),
                run.logged("exchange")
            )
        };
        let open = |one: &ExchangeLog| !matches!(one.ending, Ending::Replied(_) | Ending::Refused);
        let lesson = match open(over_tcp) && open(over_udp) {
            true => "Neither says whether the work was done",
            false => "Where no answer came, nobody says whether the work was done",
        };
        format!(
            "TCP: {}. UDP: {}. {}; {}. {lesson}: that needs an id which the server remembers, over \
             both.",
            say(tcp, over_tcp),
            say(udp, over_udp),
            told_over_tcp(tcp, over_tcp),
            told_over_udp(udp, over_udp)
        )
    })
}

/// Returns for how long the server had been dead when the exchange ended; nothing if it was not.
fn dead_for(run: &Run, one: &ExchangeLog) -> Option<Duration> {
    let killed = acted(run, KILLING)?;
    (one.ended > killed).then(|| one.ended.since(killed))
}

/// Says whether TCP told the client that the server was dead.
fn told_over_tcp(tcp: &Run, one: &ExchangeLog) -> &'static str {
    let at_once = dead_for(tcp, one).is_some_and(|time| time < Duration::from_secs(1));
    match one.ending {
        _ if dead_for(tcp, one).is_none() => "Over TCP all was over before the server was killed",
        Ending::Replied(_) => "Over TCP the answer had left before the server was killed",
        Ending::Refused => "A dead program's kernel refuses who connects, so TCP is told",
        Ending::BrokenOff(Closing::EndOfStream | Closing::Reset) if at_once => {
            "A dead program's kernel still closes its connections, so TCP is told at once"
        }
        Ending::BrokenOff(Closing::EndOfStream | Closing::Reset) => {
            "A dead program's kernel still closes its connections, so TCP is told, late as it is"
        }
        _ => "Over TCP nothing told the client that the server was dead",
    }
}

/// Says whether the client over UDP found out that the server was dead.
fn told_over_udp(udp: &Run, one: &ExchangeLog) -> &'static str {
    match one.ending {
        _ if dead_for(udp, one).is_none() => "over UDP all was over before it was killed",
        Ending::Replied(_) => "over UDP the answer had left before it was killed",
        Ending::Refused if doubled(udp) > 0 && udp.logged("exchange") > 0 => {
            "over UDP the wire's copy of a datagram was refused, though the datagram was executed"
        }
        Ending::Refused | Ending::OutcomeUnknown(_) => "over UDP only the next datagram finds out",
        _ if one.sent.len() < 2 => "over UDP no second datagram left that could find out",
        _ => "over UDP no datagram found out",
    }
}

pub(in crate::scenario) fn server_restarted(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let twice = |run: &Run| lives(run).iter().all(|lives| *lives == (1, 1));
        let executed = [tcp, udp].map(|run| times(run.logged("exchange")));
        let what = match tcp.clients.len() {
            1 => "The same question was executed".to_owned(),
            clients => format!("The questions of {clients} clients were executed"),
        };
        let what = format!("{what} {} over TCP and {} over UDP", executed[0], executed[1]);
        let each = if tcp.clients.len() > 1 { "each " } else { "" };
        let why = match twice(tcp) && twice(udp) {
            true => format!(
                ": {each}once before the server was killed, and again when it was repeated, over TCP \
                 {}, over UDP {}. {}",
                repeated(tcp),
                repeated(udp),
                memory(udp)
            ),
            false => {
                let [over_tcp, over_udp] = [tcp, udp].map(|run| {
                    let (before, after) = lives(run)
                        .into_iter()
                        .fold((0, 0), |sum, lives| (sum.0 + lives.0, sum.1 + lives.1));
                    format!("{before} before the server was killed, {after} after it came back")
                });
                format!(": over TCP {over_tcp}; over UDP {over_udp}.")
            }
        };
        what + &why
    })
}

/// Returns for each client how often it was served by the first server, and by those after it.
fn lives(run: &Run) -> Vec<(usize, usize)> {
    let killed = acted(run, KILLING).unwrap_or(Timestamp::ZERO);
    let client = |client| {
        let (before, after): (Vec<_>, Vec<_>) =
            executions(run, client).partition(|(event, _)| event.at <= killed);
        (before.len(), after.len())
    };
    (0..run.clients.len()).map(client).collect()
}

/// Returns whether a client repeated with the same id, not with a new question.
fn with_same_id(client: &ClientLog) -> bool {
    client.exchanges.len() == 1
}

/// Says how the question was repeated.
fn repeated(run: &Run) -> &'static str {
    let copies = run.clients.iter().filter(|client| with_same_id(client)).count();
    let gave_up = run.exchanges().any(|one| gave_up(run, one) != GaveUp::Told);
    match (run.column.transport, copies) {
        (Transport::Tcp, _) => "by the client in a new connection",
        (Transport::Udp, 0) if gave_up => "by the client, which had given up, as a new question",
        (Transport::Udp, 0) => "by the client, which could not know more, as a new question",
        (Transport::Udp, copies) if copies == run.clients.len() => "as a copy with the same id",
        (Transport::Udp, _) => "as a copy with the same id, or as a new question",
    }
}

/// Says what a memory was good for, or would have been.
fn memory(udp: &Run) -> &'static str {
    match udp.clients.iter().any(with_same_id) {
        true if udp.remembers => {
            "What the first server remembered died with it. \"At most once\" holds within one life of \
             the server."
        }
        true => "No server remembered anything here; what it remembers would die with it, too.",
        false => "A new question has a new id: no server's memory, dead or alive, would know it.",
    }
}

pub(in crate::scenario) fn power_off(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let (Some(over_tcp), Some(over_udp)) = (tcp.telling_exchange(), udp.telling_exchange())
        else {
            return String::new();
        };
        let said = |one: &ExchangeLog| format!("{} after {}", outcome(one), short(one.elapsed()));
        let silence = |run: &Run, one: &ExchangeLog| gave_up(run, one) != GaveUp::Told;
        let in_time = [dead_for(tcp, over_tcp), dead_for(udp, over_udp)];
        let lesson = match in_time.iter().flatten().count() {
            0 => " All was over before the power went.",
            1 => " One of them was over before the power went.",
            _ if over_tcp.is_replied() || over_udp.is_replied() => {
                " What was answered had left before the power went."
            }
            _ if silence(tcp, over_tcp) && silence(udp, over_udp) => {
                " To both clients a dead host, a cut wire and a slow server look the same."
            }
            _ => "",
        };
        format!(
            "Without power there is no kernel that could say FIN or RST. Over TCP: {}; over UDP: {}. \
             The request had been executed {} and {}.{lesson}",
            said(over_tcp),
            said(over_udp),
            times(tcp.logged("exchange")),
            times(udp.logged("exchange"))
        )
    })
}

pub(in crate::scenario) fn reboot(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let asks = |run: &Run| of_number(run, 25).map_or("-".to_owned(), outcome);
        let connected = of_number(tcp, 10).is_some_and(ExchangeLog::is_replied);
        let reset =
            of_number(tcp, 25).is_some_and(|one| one.ending == Ending::BrokenOff(Closing::Reset));
        let over_tcp = match (connected, reset) {
            (true, true) => {
                "TCP's client still believed in one (it is half-open): its next segment met a RST, "
                    .to_owned()
            }
            (true, false) => {
                "TCP's client still believed in one (it is half-open), but no RST told it: "
                    .to_owned()
            }
            (false, _) => "TCP's client had none left either, and tried anew: ".to_owned(),
        };
        format!(
            "The host came back and remembers no connection. {over_tcp}{}. Over UDP there was nothing \
             to remember: the next datagram was a question like any other, {}.",
            asks(tcp),
            asks(udp)
        )
    })
}
