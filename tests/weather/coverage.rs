//! What was met, and how often: a test that never meets a situation does not test it.

use std::collections::BTreeMap;
use std::fmt;

use socklab::net::sim::NetFate;
use socklab::peer::Transport;
use socklab::protocol::event::EventKind;
use socklab::protocol::{Closing, Ending, Unknown};
use socklab::wire::Fate;

use crate::chat;
use crate::checks::endings::excuse;
use crate::story::{End, Story};
use crate::traffic::Traffic;
use crate::world::{Act, Kind};

/// How often each situation was met.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<String, u64>);

/// What must have been met: every ending over each transport that has it, every fault, everything
/// that a server can say to a datagram.
const NEEDED: &[&str] = &[
    "ending, tcp: broken_off by FIN",
    "ending, tcp: broken_off by RST",
    "ending, tcp: busy",
    "ending, tcp: protocol_error",
    "ending, tcp: refused",
    "ending, tcp: replied",
    "ending, tcp: server_shut_down",
    "ending, tcp: timed_out",
    "ending, udp: outcome_unknown, refused later",
    "ending, udp: outcome_unknown, stale",
    "ending, udp: protocol_error",
    "ending, udp: refused",
    "ending, udp: replied",
    "ending, udp: server_shut_down",
    "ending, udp: timed_out",
    "client: hostile",
    "client: idle",
    "client: maybe",
    "client: at least once",
    "client: at most once",
    "client: several requests under way",
    "client: no deadline",
    "packet: lost",
    "packet: doubled by the dice",
    "packet: doubled by a rule",
    "packet: held by the dice",
    "packet: held by a rule",
    "packet: dropped by a rule",
    "packet: met a full queue",
    "packet: met a cut wire",
    "packet: met a host without power",
    "packet: not of a connected socket's peer",
    "server: duplicate, from cache",
    "server: duplicate, still working",
    "server: duplicate, too old",
    "server: busy",
    "server: challenged",
    "server: malformed",
    "server: dropped",
    "server: obeyed a number out of range",
    "server: idle peer left",
    "server: executed a request twice, in two lives",
    "server: executed a request twice, without memory",
    "server: interrupted while clients ask",
    "server: killed",
    "server: lost power",
    "server: several lives",
    "server: alive at the end",
    "server: gone at the end",
    "server: an impostor in its place",
];

impl Coverage {
    /// What was met in one story.
    pub(crate) fn of(story: &Story, traffic: &Traffic) -> Self {
        let mut met = Coverage::default();
        met.worlds(story);
        met.endings(story, traffic);
        met.packets(story);
        met.lives(story);
        chat::coverage::of(story, traffic, &mut |what| met.met(what));
        met
    }

    fn met(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn met_if(&mut self, really: bool, what: &str) {
        if really {
            self.met(what);
        }
    }

    fn worlds(&mut self, story: &Story) {
        self.met("worlds");
        for client in &story.world.clients {
            match &client.kind {
                Kind::Idle(_) => self.met("client: idle"),
                Kind::Hostile(..) => self.met("client: hostile"),
                Kind::Guest(_) => self.met("client: guest of a chat"),
                Kind::Talker(talk) => {
                    self.met_if(talk.ahead > 1, "client: several requests under way");
                    self.met_if(talk.timeout.is_none(), "client: no deadline");
                    if talk.transport == Transport::Udp {
                        use socklab::protocol::datagram::Semantics::{
                            AtLeastOnce, AtMostOnce, Maybe,
                        };
                        self.met(match talk.semantics {
                            Maybe => "client: maybe",
                            AtLeastOnce => "client: at least once",
                            AtMostOnce => "client: at most once",
                        });
                    }
                }
            }
        }
        let impostor = story.world.script.iter().any(|(_, act)| *act == Act::Impostor);
        self.met_if(impostor, "server: an impostor in its place");
    }

    fn endings(&mut self, story: &Story, traffic: &Traffic) {
        for asked in &story.asked {
            let transport = story.talk(asked).transport;
            let Some(ending) = asked.ending() else {
                self.met("a client over TCP, without deadline, that waited for ever");
                continue;
            };
            let more = match ending {
                Ending::BrokenOff(Closing::EndOfStream) => " by FIN",
                Ending::BrokenOff(_) => " by RST",
                Ending::OutcomeUnknown(Unknown::Stale) => ", stale",
                Ending::OutcomeUnknown(Unknown::RefusedLater) => ", refused later",
                _ => "",
            };
            self.met(format!("ending, {transport}: {}{more}", ending.name()));
            let executed = story.executed(&asked.text).count() > 0;
            let refused = *ending == Ending::Refused;
            if executed
                && refused
                && let Some(why) = excuse(asked, traffic)
            {
                self.met(format!("refused and executed, unknowable: {why}"));
            }
            let lives: Vec<_> =
                story.lives.iter().map(|life| life.executed(&asked.text).count()).collect();
            let in_several = lives.iter().filter(|count| **count > 0).count() > 1;
            self.met_if(in_several, "server: executed a request twice, in two lives");
            let in_one = lives.iter().any(|count| *count > 1);
            let what = match story.is_remembered(asked) {
                true => "server: executed a request twice, after 60 s",
                false => "server: executed a request twice, without memory",
            };
            self.met_if(in_one, what);
        }
    }

    fn packets(&mut self, story: &Story) {
        for event in &story.record {
            let what = match event.fate {
                NetFate::OnWire(Fate::Lost) => "packet: lost",
                NetFate::OnWire(Fate::QueueFull) => "packet: met a full queue",
                NetFate::OnWire(Fate::Cut) => "packet: met a cut wire",
                NetFate::OnWire(Fate::Dropped(_)) => "packet: dropped by a rule",
                NetFate::OnWire(Fate::Duplicated(None)) => "packet: doubled by the dice",
                NetFate::OnWire(Fate::Duplicated(_)) => "packet: doubled by a rule",
                NetFate::OnWire(Fate::Held(None)) => "packet: held by the dice",
                NetFate::OnWire(Fate::Held(_)) => "packet: held by a rule",
                NetFate::AtHost(socklab::net::sim::Drop::PoweredOff) => {
                    "packet: met a host without power"
                }
                NetFate::AtHost(socklab::net::sim::Drop::NotItsPeer) => {
                    "packet: not of a connected socket's peer"
                }
                NetFate::OnWire(Fate::Sent) => "packets",
                _ => continue,
            };
            self.met(what);
        }
    }

    fn lives(&mut self, story: &Story) {
        use socklab::protocol::event::{Disconnect, DuplicateAnswer};
        self.met_if(story.lives.len() > 1, "server: several lives");
        let running = story.aftermath.running;
        self.met(if running { "server: alive at the end" } else { "server: gone at the end" });
        for life in &story.lives {
            let last = story.asked.iter().filter_map(|asked| asked.ended.as_ref()).map(|end| end.0);
            let while_asked =
                life.interrupted.filter(|at| last.max().is_some_and(|last| *at < last));
            self.met_if(while_asked.is_some(), "server: interrupted while clients ask");
            match life.ended {
                Some((_, End::Killed)) => self.met("server: killed"),
                Some((_, End::PoweredOff)) => self.met("server: lost power"),
                _ => {}
            }
            for (_, event) in &life.events {
                let what = match &event.kind {
                    EventKind::Duplicate { answer: DuplicateAnswer::FromCache, .. } => {
                        "server: duplicate, from cache"
                    }
                    EventKind::Duplicate { answer: DuplicateAnswer::StillWorking, .. } => {
                        "server: duplicate, still working"
                    }
                    EventKind::Duplicate { .. } => "server: duplicate, too old",
                    EventKind::Busy(_) => "server: busy",
                    EventKind::Challenged(_) => "server: challenged",
                    EventKind::Malformed(_) => "server: malformed",
                    EventKind::Dropped(_) => "server: dropped",
                    EventKind::OutOfRange(_) => "server: obeyed a number out of range",
                    EventKind::Disconnected(Disconnect::Idle) => "server: idle peer left",
                    EventKind::Exchange { .. } => "executions",
                    _ => continue,
                };
                self.met(what);
            }
        }
    }

    /// Adds what was met elsewhere.
    pub(crate) fn add(&mut self, other: &Coverage) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    /// Returns what should have been met, and was not.
    pub(crate) fn never_met(&self) -> Vec<&'static str> {
        NEEDED
            .iter()
            .chain(chat::coverage::NEEDED)
            .copied()
            .filter(|what| !self.0.contains_key(*what))
            .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.0 {
            writeln!(out, "{count:>9}  {what}")?;
        }
        Ok(())
    }
}
