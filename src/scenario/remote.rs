//! Which scenarios can be held with a server that somebody else has started: those in which all that
//! is done, and all that answers the question, is the client's.

use super::log::ClientLog;
use super::wiring::CLEAN;
use super::{Scenario, Script, Step, When};
use crate::protocol::Ending;
use crate::protocol::parameters::{IDLE_TIMEOUT, MAX_MESSAGE};
use crate::server::Model;
use crate::service::ServiceKind;
use crate::service::sum::{RANGE, SumReply};
use crate::testbed::Listener;

impl Scenario {
    /// Returns why it cannot be held with a server that is not ours, if it cannot.
    pub(super) fn refused_remote(&self) -> Option<&'static str> {
        let script = &self.script;
        let needs_wire = self.wire != CLEAN;
        let models = self.columns.iter().any(|column| column.model != Model::Tasks);
        let reasons = [
            (needs_wire, "it is about what a wire of ours does, and this network is not ours"),
            (script.server != Listener::Server, "no server is to answer in it"),
            (
                !script.acts.is_empty(),
                "it does something to the server or the wire, and neither is ours",
            ),
            (script.stops_server(), "it stops the server, and that is not ours"),
            (models, "it compares models of servers, and this one has the model that it has"),
            (script.sets_server_up(), "it takes a server that is set up for it"),
            (
                script.is_told_by_server(),
                "what comes of it stands in the server's log, which is not seen",
            ),
        ];
        reasons.into_iter().find(|(wrong, _)| *wrong).map(|(_, reason)| reason)
    }
}

/// Takes an answer that is none for what it is: who answers there need not be a server of sums.
pub(super) fn judge_replies(service: ServiceKind, logs: &mut [ClientLog]) {
    if service != ServiceKind::Sum {
        return;
    }
    for one in logs.iter_mut().flat_map(|log| &mut log.exchanges) {
        if let Ending::Replied(reply) = &one.ending
            && let Err(error) = SumReply::parse(reply)
        {
            one.ending = Ending::ProtocolError(format!("the answer is not NAME;NUMBER: {error}"));
        }
    }
}

impl Script {
    /// Returns every step of every client.
    fn steps(&self) -> impl Iterator<Item = Step> {
        self.clients.iter().flat_map(|steps| steps.iter().copied())
    }

    fn stops_server(&self) -> bool {
        let stops = |step| matches!(step, Step::AskOnce(number) if !RANGE.contains(&number));
        self.server_ends || self.steps().any(stops)
    }

    /// Returns whether the server is not one that was started without options.
    fn sets_server_up(&self) -> bool {
        self.service != ServiceKind::Sum
            || self.max_clients.is_some()
            || self.idle_timeout != IDLE_TIMEOUT
            || self.max_message != MAX_MESSAGE
            || self.framing.is_some()
            || self.file.is_some()
            || !self.work.is_zero()
            || !self.block.is_zero()
            || !(self.goodbye && self.validate && self.reuse_address)
    }

    /// Returns whether a client waits for what only the server knows, or ends so that only the
    /// server can say what came of it.
    fn is_told_by_server(&self) -> bool {
        let waits = |when| matches!(when, When::Executed(_) | When::ServerEnded | When::Acted(_));
        self.steps().any(|step| match step {
            Step::Await(when) | Step::Watch(when) => waits(when),
            Step::Reset | Step::Vanish | Step::Push(_) => true,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::Network;
    use crate::scenario::library::SCENARIOS;

    #[test]
    fn only_what_the_client_sees_is_asked_of_a_server_that_is_not_ours() {
        let remote = Network::Remote(([192, 0, 2, 1], 12000).into());
        let shown = SCENARIOS.iter().filter(|scenario| scenario.refused_on(remote).is_none());
        let names: Vec<_> = shown.map(|scenario| scenario.name).collect();
        assert_eq!(names, ["happy-path", "setup-cost", "close-vs-shutdown"]);
    }
}
