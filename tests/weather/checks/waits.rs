//! Whether everything ends that has begun.

use std::time::Duration;

use socklab::peer::Transport;
use socklab::protocol::datagram::Semantics;
use socklab::protocol::parameters::{DISCARD_TIME, MAX_RETRANSMISSION_TIMEOUT, MAX_TRANSMIT_SPAN};

use crate::clients::PATIENCE;
use crate::story::{Asked, End, Story};
use crate::traffic::Traffic;
use crate::world::{Talk, ms};

/// The programs' clock has whole milliseconds, and a deadline is met by the next of them.
const SLACK: Duration = ms(2);

/// PROTOCOL sections 3, Client, and 7: no exchange outlives its deadline; without one, over UDP the
/// span of the copies and one timeout more bound it. Over TCP the stack does, as long as it has
/// something to say: whoever has been heard and waits for a server that vanished waits for ever, as
/// with every TCP without keep-alives; only where nothing was heard of its end is that allowed.
pub(super) fn exchanges_end(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for asked in &story.asked {
        let talk = story.talk(asked);
        let Some((at, _)) = asked.ended else {
            if !may_wait_for_ever(story, talk) {
                wrong.push(format!("{} never ended", asked.text));
            }
            continue;
        };
        let (since, bound) = bound(asked, talk);
        if at.since(since) > bound + SLACK {
            wrong.push(format!("{} ended after {:?}, not {bound:?}", asked.text, at.since(since)));
        }
    }
    wrong
}

/// Since when an exchange is waited for, and how long.
fn bound(asked: &Asked, talk: &Talk) -> (socklab::time::Timestamp, Duration) {
    if let Some(timeout) = talk.timeout {
        return (asked.at, timeout);
    }
    let first = asked.copies.first().copied().unwrap_or(asked.at);
    match (talk.transport, talk.semantics) {
        (Transport::Tcp, _) => (asked.at, PATIENCE),
        (Transport::Udp, Semantics::Maybe) => (first, MAX_TRANSMIT_SPAN),
        (Transport::Udp, _) => {
            let longest = MAX_RETRANSMISSION_TIMEOUT.max(talk.retransmission_timeout * 3 / 2);
            (first, MAX_TRANSMIT_SPAN + longest)
        }
    }
}

fn may_wait_for_ever(story: &Story, talk: &Talk) -> bool {
    let somebody_left = story.lives.iter().any(|life| life.ended.is_some());
    let is_idle = story.world.server.idle_timeout < PATIENCE;
    talk.transport == Transport::Tcp && talk.timeout.is_none() && (somebody_left || is_idle)
}

/// PROTOCOL section 3, Leaving: a server that is to stop has stopped when its drain is over, and the
/// last of what still came was thrown away (section 2: at most 1 s).
pub(super) fn the_server_stops(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &story.lives {
        let bound = story.world.server.drain + DISCARD_TIME + SLACK;
        match (life.stopping(), life.ended) {
            (Some(stopping), Some((ended, End::Stopped))) if ended.since(stopping) > bound => {
                let time = ended.since(stopping);
                wrong.push(format!("server {} took {time:?} to stop", life.number));
            }
            (Some(stopping), None) => {
                wrong.push(format!("server {} was to stop at {stopping}", life.number));
            }
            _ => {}
        }
    }
    wrong
}
