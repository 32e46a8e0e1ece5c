//! What can be done in an experiment, besides asking.

use std::fmt;

use super::Forgery;

/// What can be done to the server, and to the wire before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ctrl+C: it finishes and stops.
    Interrupt,
    /// It is stopped in its tracks and reads nothing more (SIGSTOP).
    Pause,
    /// It is killed; nobody runs its code any more (SIGKILL).
    Kill,
    /// Its host loses power: it says nothing more, and forgets everything.
    PowerOff,
    /// Its host has power again; the server is not started yet.
    PowerOn,
    /// It is started again, on the same port.
    Restart,
    /// The wire is cut, in both directions.
    Cut,
    /// The wire is joined again.
    Join,
    /// The first client's address towards the network changes; nobody is told.
    NewAddress,
    /// An attacker sends something that it has forged.
    Forge(Forgery),
    /// Another server is started on the same port: told as an event `another`.
    StartAnother,
    /// A server of the other transport is started on the same port number: told as an event
    /// `another`.
    StartBeside,
    /// The server's sockets are counted, and its memory: told as an event `measured`.
    Measure,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Action::Interrupt => "Ctrl+C",
            Action::Pause => "the server is stopped in its tracks",
            Action::Kill => "the server is killed",
            Action::PowerOff => "the host loses power",
            Action::PowerOn => "the host has power again",
            Action::Restart => "the server is started again",
            Action::Cut => "the wire is cut",
            Action::Join => "the wire is joined",
            Action::NewAddress => "the first client's address changes",
            Action::Forge(Forgery::Reply) => "an attacker answers in the server's name",
            Action::Forge(Forgery::Shutdown) => "an attacker asks 101 in the client's name",
            Action::StartAnother => "another server is started on the same port",
            Action::StartBeside => "a server of the other transport is started on the same number",
            Action::Measure => "the server's sockets are counted",
        })
    }
}
