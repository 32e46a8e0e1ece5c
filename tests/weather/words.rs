//! Worlds and stories in words.

use std::any::Any;
use std::fmt;
use std::fmt::Write as _;

use socklab::net::sim::{NetEvent, NetFate};
use socklab::packet::{Packet, Segment};
use socklab::protocol::datagram::header::Header;
use socklab::server::sentence;
use socklab::time::Timestamp;
use socklab::wire::{Direction, Fate, Impairment};

use crate::chat::visit::Visit;
use crate::story::Story;
use crate::world::{Kind, World};

impl fmt::Display for World {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.seed;
        writeln!(out, "the world of seed {seed}:")?;
        writeln!(out, "  to the server: {}", way(&self.wire.c2s))?;
        writeln!(out, "  to the clients: {}", way(&self.wire.s2c))?;
        for rule in &self.wire.rules {
            writeln!(out, "  {:?} {}", rule.fault, rule.what)?;
        }
        writeln!(out, "  server: {:?}", self.server)?;
        for (number, client) in (1..).zip(&self.clients) {
            write!(out, "  client {number}, from {:?}: ", client.starts)?;
            match &client.kind {
                Kind::Talker(talk) => writeln!(out, "{talk:?}")?,
                Kind::Guest(guest) => writeln!(out, "{guest:?}")?,
                other => writeln!(out, "{other:?}")?,
            }
        }
        for (at, act) in &self.script {
            writeln!(out, "  at {at:?}: {act:?}")?;
        }
        Ok(())
    }
}

fn way(one: &Impairment) -> String {
    let percent = |part: f64| (part * 100.0).round();
    let rate = one
        .rate
        .map_or(String::new(), |rate| format!(", {rate} bit/s with {} bytes of queue", one.queue));
    format!(
        "{} % lost, {} % doubled, {} % reordered, {:?} + {:?}{rate}",
        percent(one.loss),
        percent(one.duplicate),
        percent(one.reorder),
        one.delay,
        one.jitter
    )
}

/// A report of a world in which something went wrong.
pub(crate) fn failure(world: &World, what: &str) -> String {
    let seed = world.seed;
    let again = format!("SOCKLAB_WEATHER_SEED={seed} cargo test --test weather -- --nocapture");
    format!("{world}{what}\n  see all of it: {again}")
}

/// How often each check failed.
pub(crate) fn sums(failed: &[(u64, String)]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for (_, report) in failed {
        let mut names: Vec<_> =
            report.lines().filter_map(|line| line.strip_prefix('[')?.split(']').next()).collect();
        names.dedup();
        if names.is_empty() {
            names.push("a panic");
        }
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
    }
    format!("{counts:?}")
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// Everything that happened, by time.
pub(crate) fn whole(story: &Story) -> String {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for event in &story.record {
        lines.push((event.at, packet(event)));
    }
    for life in &story.lives {
        let number = life.number;
        lines.push((life.began, format!("server {number} is started")));
        for (at, event) in &life.events {
            let what = sentence(&event.kind);
            lines.push((*at, format!("server {number}: {} {what}", event.peer)));
        }
        for one in &life.executions {
            lines.push((one.at, format!("server {number} does {:?}", one.request)));
        }
        lines.extend(life.interrupted.map(|at| (at, format!("server {number} is interrupted"))));
        lines.extend(life.ended.map(|(at, how)| (at, format!("server {number}: {how:?}"))));
    }
    for asked in &story.asked {
        lines.push((asked.at, format!("client {} asks {:?}", asked.client, asked.text)));
        if let Some((at, exchange)) = &asked.ended {
            lines.push((*at, format!("client {}: {:?} {exchange:?}", asked.client, asked.text)));
        }
    }
    for visit in &story.visits {
        lines.extend(visit_lines(visit));
    }
    // Stable: what happened together stays in the order of its kind.
    lines.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    for (at, line) in lines {
        let _ = writeln!(text, "{at:>12} {line}");
    }
    let _ = writeln!(text, "{:#?}\n{:?}{:?}", story.aftermath, story.trouble, story.panics);
    text
}

fn visit_lines(visit: &Visit) -> Vec<(Timestamp, String)> {
    let who = format!("client {}, visit {}", visit.client, visit.number);
    let mut lines = Vec::new();
    for line in &visit.lines {
        lines.push((line.at, format!("{who} asks {:?} {:?}", line.what, line.text)));
        if let Some((at, exchange)) = &line.ended {
            lines.push((*at, format!("{who}: {:?} {exchange:?}", line.text)));
        }
    }
    for fetch in &visit.fetches {
        let (file, count, outcome) = (fetch.file, fetch.bytes.len(), &fetch.outcome);
        lines.push((fetch.began, format!("{who} gets file {file}")));
        lines.push((fetch.ended, format!("{who}: {count} bytes of file {file}, {outcome:?}")));
    }
    lines.extend(visit.left.map(|(at, how)| (at, format!("{who}: the server has left: {how}"))));
    lines.extend(visit.ended.map(|at| (at, format!("{who} leaves"))));
    lines
}

fn packet(event: &NetEvent) -> String {
    let arrow = match event.packet.direction {
        Direction::ClientToServer => "->",
        Direction::ServerToClient => "<-",
    };
    let what = match Packet::parse(&event.packet.bytes) {
        Packet::Tcp(segment) => tcp(&segment),
        Packet::Udp(datagram) => {
            let (from, to) = (datagram.from, datagram.to);
            match Header::parse(datagram.payload) {
                Ok((header, payload)) => {
                    let payload = String::from_utf8_lossy(payload);
                    format!("udp {from} {to} {:?} {} {payload:?}", header.kind, header.message_id)
                }
                Err(_) => {
                    let payload = String::from_utf8_lossy(datagram.payload);
                    format!("udp {from} {to} bare {payload:?}")
                }
            }
        }
        other => format!("{other:?}"),
    };
    let fate = match event.fate {
        NetFate::OnWire(Fate::Sent) => "sent".to_owned(),
        NetFate::OnWire(fate) => format!("{fate:?}"),
        NetFate::AtHost(drop) => format!("{drop:?}"),
        NetFate::Forged => "forged".to_owned(),
    };
    format!("{arrow} #{} {fate}: {what}", event.packet.number)
}

fn tcp(segment: &Segment<'_>) -> String {
    let mut flags = String::new();
    for (flag, set) in [("SYN ", segment.syn), ("FIN ", segment.fin), ("RST ", segment.rst)] {
        flags.push_str(if set { flag } else { "" });
    }
    let payload = String::from_utf8_lossy(segment.payload);
    format!(
        "tcp {} {} {flags}seq={} ack={:?} {payload:?}",
        segment.from, segment.to, segment.sequence, segment.acknowledgement
    )
}
