//! About the program behind the port: whom it serves meanwhile, and what it holds.

use super::both;
use super::facts::end_of_wait;
use crate::peer::Transport;
use crate::protocol::Ending;
use crate::scenario::Network;
use crate::scenario::executions::executions;
use crate::scenario::log::{Comparison, ExchangeLog, Run};
use crate::scenario::metrics::sum;
use crate::scenario::rows::answered;
use crate::scenario::words::{count, short, thousands};
use crate::server::{Model, Second};

pub(in crate::scenario) fn second_client(comparison: &Comparison) -> String {
    let column = |key| comparison.column(key);
    let (Some(tcp), Some(udp)) = (column("tcp_serial"), column("udp_serial")) else {
        return String::new();
    };
    let waits = second(comparison) == Second::Queue;
    format!("{} {}", second_over_tcp(tcp, waits), second_over_udp(udp))
}

/// Returns what becomes of a second client.
fn second(comparison: &Comparison) -> Second {
    comparison.settings.second.unwrap_or(comparison.scenario.script.second)
}

fn second_over_tcp(tcp: &Run, waits: bool) -> String {
    let Some(one) = tcp.second_asks(0) else { return String::new() };
    let Some(opening) = tcp.clients.get(1).and_then(|second| second.opening.first()) else {
        let end = end_of_wait(tcp, one);
        return format!("Over TCP the second client got no connection: {end}.{}", again(tcp));
    };
    let connected = format!(
        "Over TCP the second client was connected after {}: that is done by the stack, whatever the \
         program does.",
        short(*opening)
    );
    format!("{connected} {}{}", told(tcp, one, waits), again(tcp))
}

/// Says what became of the second client's first question.
fn told(tcp: &Run, one: &ExchangeLog, waits: bool) -> String {
    let after = short(one.elapsed());
    let left = tcp.first_in().flatten();
    match &one.ending {
        Ending::Busy(_) => format!("The program took it only to say BUSY, {after} after it asked."),
        Ending::Replied(_) if waits && left.is_some_and(|left| left <= one.ended) => format!(
            "Then silence: its question waited unread until the first had left, and was answered \
             after {after}. A connect() that succeeds says nothing about the program."
        ),
        Ending::Replied(_) => format!("It was answered after {after}."),
        _ => {
            let end = end_of_wait(tcp, one);
            let queue = if waits { "It waited without a word: " } else { "Then: " };
            format!("{queue}{end}.{}", all_the_same(tcp))
        }
    }
}

/// Says that the second client's question was executed though nobody waited for the answer.
fn all_the_same(tcp: &Run) -> &'static str {
    let second = tcp.clients.get(1).map(|second| &second.exchanges);
    let answered = second.map(|asked| asked.iter().filter(|one| one.is_replied()).count());
    match Some(executions(tcp, 1).count()) > answered {
        true => " The server executed it all the same, when it got to it.",
        false => "",
    }
}

/// Says what came of asking again.
fn again(tcp: &Run) -> String {
    let Some(again) = tcp.second_asks(1) else { return String::new() };
    let left = tcp.first_in().flatten();
    let when = match left.is_some_and(|left| left <= again.asked) {
        true => "Asked again when the first had left",
        false => "Asked again",
    };
    match again.is_replied() {
        true => format!(" {when}, it was answered after {}.", short(again.elapsed())),
        false => format!(" {when}: {}.", end_of_wait(tcp, again)),
    }
}

fn second_over_udp(udp: &Run) -> String {
    let Some(one) = udp.second_asks(0) else { return String::new() };
    let there = udp.first_in().is_some_and(|left| left.is_none_or(|left| one.ended < left));
    match one.is_replied() {
        true if there => {
            "Over UDP it was answered while the first was still there: each datagram is \
                          whole, and holds a server no longer than its answer takes."
                .to_owned()
        }
        true => format!("Over UDP it was answered after {}.", short(one.elapsed())),
        false => format!("Over UDP: {}.", end_of_wait(udp, one)),
    }
}

pub(in crate::scenario) fn slow_client(comparison: &Comparison) -> String {
    let slept: Vec<&Run> =
        comparison.runs.iter().filter(|run| run.answered_meanwhile().is_some()).collect();
    let mut text = meanwhile(&slept);
    let told = [serial_model(comparison), other_models(&slept), half_over_udp(&slept)];
    for sentence in told.into_iter().flatten() {
        text.push_str(&format!(" {sentence}"));
    }
    let shown = comparison.scenario.columns_on(comparison.network).len();
    if comparison.network == Network::Sim && shown < comparison.scenario.columns.len() {
        text.push_str(" Threads and poll need a real kernel's sockets: --net kernel, or loopback.");
    }
    text
}

/// Says how many were answered while one slept, in each column in which it did.
fn meanwhile(slept: &[&Run]) -> String {
    let Some(others) = slept.iter().map(|run| run.others().count()).max() else {
        return "No client got so far as to sleep in the middle of its question.".to_owned();
    };
    let answered = slept.iter().map(|run| {
        let answered = run.answered_meanwhile().unwrap_or_default();
        format!("{answered} ({})", run.column.title)
    });
    let answered: Vec<String> = answered.collect();
    format!(
        "While one client slept in the middle of its question, so many of the {others} others were \
         answered: {}.",
        answered.join(", ")
    )
}

/// Says why the serial server let them wait, if it did.
fn serial_model(comparison: &Comparison) -> Option<String> {
    let serial = comparison.column("tcp_serial")?;
    let all = serial.others().count();
    let meanwhile = serial.answered_meanwhile()?;
    let busy = serial.others().filter(|one| matches!(one.ending, Ending::Busy(_))).count();
    let at_last = serial.others().filter(|one| sum(one).is_some()).count();
    match (meanwhile, busy) {
        _ if meanwhile == all => None,
        (_, 0) if at_last > meanwhile => Some(format!(
            "A serial server waits with whom it serves; {} were answered later.",
            of_others(at_last - meanwhile, all)
        )),
        (_, 0) => Some("A serial server waits with whom it serves.".to_owned()),
        (_, busy) => Some(format!(
            "A serial server waits with whom it serves; it told {} that it was busy.",
            of_others(busy, all)
        )),
    }
}

/// `all 9`, `3 of 9`.
fn of_others(count: usize, all: usize) -> String {
    match count == all {
        true => format!("all {all}"),
        false => format!("{count} of {all}"),
    }
}

/// Says what is different in the other models, where it was seen.
fn other_models(slept: &[&Run]) -> Option<String> {
    let others: Vec<&&Run> = slept
        .iter()
        .filter(|run| run.column.transport == Transport::Tcp && run.column.model != Model::Serial)
        .collect();
    let free = |run: &&&Run| run.answered_meanwhile() == Some(run.others().count());
    let waits = |run: &&&Run| match run.column.model {
        Model::Serial => "server",
        Model::Threads => "thread",
        Model::Poll => "line in its list",
        Model::Tasks => "task",
    };
    match others.iter().all(free) {
        true if others.is_empty() => None,
        true => {
            let waits: Vec<&str> = others.iter().map(waits).collect();
            Some(format!("Elsewhere only the sleeper's own {} waited.", waits.join(", or ")))
        }
        false => None,
    }
}

/// Says why there is no sleeper over UDP, if all were answered.
fn half_over_udp(slept: &[&Run]) -> Option<String> {
    let udp = slept.iter().find(|run| run.column.key == "udp_serial")?;
    (udp.answered_meanwhile() == Some(udp.others().count()))
        .then(|| "Over UDP half a message cannot exist, so the simplest server will do.".to_owned())
}

pub(in crate::scenario) fn blocking(comparison: &Comparison) -> String {
    let each = comparison.scenario.script.block;
    let clients = comparison.scenario.script.clients.len();
    // One after the other, or side by side? What lies between is neither.
    let lasted = |run: &&Run| run.answers().max().filter(|_| answered(run) == clients);
    let in_turn = |run: &&Run| {
        lasted(run).is_some_and(|last| last >= each * u32::try_from(clients).unwrap_or(u32::MAX))
    };
    let at_once = |run: &&Run| lasted(run).is_some_and(|last| last < each * 2);
    let named = |which: &dyn Fn(&&Run) -> bool| {
        let titles = comparison.runs.iter().filter(which).map(|run| run.column.title);
        titles.collect::<Vec<_>>().join("; ")
    };
    let mut text = format!(
        "Each answer blocked the thread that gave it for {}, as a call to a disk does.",
        short(each)
    );
    let (waited, beside) = (named(&in_turn), named(&at_once));
    if !waited.is_empty() {
        text.push_str(&format!(" One after the other: {waited}."));
    }
    if !beside.is_empty() {
        text.push_str(&format!(" Side by side: {beside}."));
    }
    if waited.contains("poll") && waited.contains("tasks") {
        let too = if waited.contains("UDP") { ", over UDP neither" } else { "" };
        text.push_str(&format!(
            " Poll and tasks never wait for one client, but they have one thread: while it \
             is blocked, nobody is served{too}."
        ));
    }
    text
}

pub(in crate::scenario) fn many_clients(comparison: &Comparison) -> String {
    both(comparison, |tcp, udp| {
        let clients = tcp.clients.len();
        let asked = |run: &Run| {
            let all = run.exchanges().count();
            format!("{} of {}", thousands(answered(run)), thousands(all))
        };
        format!(
            "{} asked; answered were {} over TCP, {} over UDP. {} {}",
            count(clients, "client"),
            asked(tcp),
            asked(udp),
            held(tcp, udp),
            repeated(tcp, udp)
        )
        .trim_end()
        .to_owned()
    })
}

/// Says what the server held, and what for.
fn held(tcp: &Run, udp: &Run) -> String {
    let (Some(over_tcp), Some(over_udp)) = (tcp.measured(), udp.measured()) else {
        return String::new();
    };
    let sockets = |measured: usize| count(measured, "socket");
    format!(
        "Over TCP the server then held {}{}; over UDP {}. What the kernel keeps for each \
         connection, over UDP a program that needs it keeps itself: ids and replies here.",
        sockets(over_tcp.sockets),
        if over_tcp.sockets == tcp.clients.len() + 1 {
            ", one for each and one that listens"
        } else {
            ""
        },
        sockets(over_udp.sockets)
    )
}

/// Says what had to be sent again, where something had.
fn repeated(tcp: &Run, udp: &Run) -> String {
    match udp.metrics().retransmissions.unwrap_or_default() {
        0 => String::new(),
        again => {
            let over_tcp = tcp.metrics().retransmissions;
            let over_tcp =
                over_tcp.map(|again| format!(", the stacks {}", count(again, "segment")));
            format!(
                "Our clients sent {} again{}.",
                count(again, "datagram"),
                over_tcp.unwrap_or_default()
            )
        }
    }
}
