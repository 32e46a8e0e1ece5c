//! What is left when everything has ended.

use socklab::protocol::Ending;
use socklab::protocol::parameters::DISCARD_TIME;

use crate::aftermath::PROBE;
use crate::story::Story;
use crate::traffic::Traffic;
use crate::world::ms;

/// PROTOCOL section 7: after everybody left and the lifetimes passed, no state: no socket on any
/// host, nothing of the server when it has stopped, and an id of old is as good as new.
pub(super) fn nothing_is_left(story: &Story, _: &Traffic) -> Vec<String> {
    let mut wrong = Vec::new();
    let after = &story.aftermath;
    if after.sockets.iter().any(|count| *count > 0) {
        wrong.push(format!("sockets by host, the server's first: {:?}", after.sockets));
    }
    if !after.still_here.is_empty() {
        wrong.push(format!("sessions are open without anybody: {:?}", after.still_here));
    }
    if !after.service_dropped {
        wrong.push("something of the stopped server lives on".to_owned());
    }
    for (text, answer) in &after.replays {
        let new = |answer: &String| match story.world.chat {
            None => answer.starts_with("Reply Server ") || answer.starts_with("Challenge"),
            // Its session is over.
            Some(_) => answer.starts_with("Stale"),
        };
        if !answer.as_ref().is_some_and(new) {
            wrong.push(format!("the id of {text}, used again, was answered {answer:?}"));
        }
    }
    wrong
}

/// DESIGN section 9: whatever came, a server that was not stopped serves a healthy client, over as
/// many connections as it has places, and turns one more away; one that was stopped is refused.
pub(super) fn serves_on(story: &Story, _: &Traffic) -> Vec<String> {
    let after = &story.aftermath;
    let places = if after.running { story.world.places() } else { 2 };
    let answer = if story.world.chat.is_some() { PROBE } else { "Server " };
    let mut wrong = Vec::new();
    for (index, (transport, ending)) in after.probes.iter().enumerate() {
        let good = match ending {
            Ending::Replied(reply) => after.running && reply.starts_with(answer),
            Ending::Refused => !after.running,
            Ending::Busy(_) => index == places + 2,
            _ => false,
        };
        if !good {
            wrong.push(format!("probe {index} over {transport} ended: {ending:?}"));
        }
    }
    if let Some(time) = after.stopping
        && time > story.world.server.drain + DISCARD_TIME + ms(2)
    {
        wrong.push(format!("the server took {time:?} to stop"));
    }
    wrong
}

/// DESIGN section 9: no panic, and no error of a socket that is not an ending.
pub(super) fn no_trouble(story: &Story, _: &Traffic) -> Vec<String> {
    let lives = story.lives.iter().flat_map(|life| &life.trouble);
    story.panics.iter().chain(&story.trouble).chain(lives).cloned().collect()
}
