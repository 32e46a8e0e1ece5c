//! What is said of an exchange that failed: what happened, where, and one thing to do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::arguments::service_name;
use crate::cli::PORT;
use crate::cli::server::ServiceChoice;
use crate::escape::escape;
use crate::protocol::datagram::header::ByeReason;
use crate::protocol::{Closing, Ending, Unknown};

/// What an exchange was, as far as its failure is explained by it.
#[derive(Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) transport: &'static str,
    pub(super) server: &'a str,
    pub(super) service: ServiceChoice,
    pub(super) attempts: u8,
    pub(super) elapsed: Duration,
    /// The deadline, if there was one.
    pub(super) timeout: Option<Duration>,
    /// Whether it asked the server to stop.
    pub(super) asked_to_stop: bool,
    /// Whether it was a session that could not be opened, and nothing had been asked yet.
    pub(super) hello: bool,
}

/// Where a server listens that is told nothing else.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// It may have been executed, or not.
pub(super) const NOBODY_CAN_TELL: &str = "It may have been executed, or not: nobody here can tell";

/// Somebody answers, but not to framed requests.
pub(super) const UNFRAMED: &str = "\
Something came that is not framed, and was dropped. A plain UDP program
is asked with: client --semantics maybe";

/// The same in a chat, which cannot do without.
pub(super) const UNFRAMED_CHAT: &str = "\
Something came that is not framed, and was dropped: a plain UDP program
has no sessions. It is asked with: client --service echo --semantics maybe";

/// Room for advice: 80 columns, less its indentation.
pub(super) const WIDTH: usize = 72;

impl Circumstances<'_> {
    /// Returns what happened, and what to do; both are empty for a reply.
    pub(super) fn explain(&self, ending: &Ending) -> (String, String) {
        let Circumstances { transport, server, .. } = self;
        match ending {
            Ending::Replied(_) => (String::new(), String::new()),
            Ending::Refused => {
                let how = if *transport == "udp" { "ICMP port unreachable" } else { "RST" };
                let error = format!("Refused: nobody listens on {transport} {server} ({how}).");
                (error, self.start_one())
            }
            Ending::TimedOut => self.silence(),
            Ending::BrokenOff(how) => {
                let how = if *how == Closing::Reset { "RST" } else { "FIN" };
                let error = format!("Broken off by {transport} {server}: {how} before the answer.");
                match self.attempts {
                    0 => (error, "Nothing had been sent: ask again".to_owned()),
                    _ => (error, NOBODY_CAN_TELL.to_owned()),
                }
            }
            Ending::ServerShutDown(how) if self.asked_to_stop => (how.to_string(), String::new()),
            Ending::ServerShutDown(how @ Closing::Bye(ByeReason::Idle)) => (
                format!("Session over: {how} ({transport} {server})."),
                "It was not executed: ask again".to_owned(),
            ),
            Ending::ServerShutDown(how) => {
                (format!("Server gone: {how} ({transport} {server})."), self.start_one())
            }
            Ending::Busy(reason) => (
                format!("Busy: {} ({transport} {server}).", escape(reason)),
                "Try again when another client has left".to_owned(),
            ),
            Ending::ProtocolError(what) => (
                format!("Not the protocol: {what} ({transport} {server})."),
                match self.service {
                    ServiceChoice::Chat => self.is_it_a_chat(),
                    _ => "Is it a socklab server? Check the port".to_owned(),
                },
            ),
            Ending::OutcomeUnknown(why) => self.unknown(*why),
        }
    }

    fn start_one(&self) -> String {
        self.start_one_after("")
    }

    fn is_it_a_chat(&self) -> String {
        self.start_one_after("Is it a chat? ")
    }

    fn start_one_after(&self, question: &str) -> String {
        let service = match self.service {
            ServiceChoice::Sum => String::new(),
            other => format!(" --service {}", service_name(other)),
        };
        let address = self.server.parse::<SocketAddr>().ok();
        let here = address.is_none_or(|address| address.ip().is_loopback());
        let where_to = if here { "in another terminal" } else { "on that computer" };
        let place = match address {
            Some(address) if address != DEFAULT => format!(" {} {}", address.ip(), address.port()),
            _ => String::new(),
        };
        let (sentence, command) =
            (format!("{question}Start one {where_to} with:"), format!("server{service}{place}"));
        match sentence.len() + 1 + command.len() <= WIDTH {
            true => format!("{sentence} {command}"),
            false => format!("{sentence}\n{command}"),
        }
    }

    fn silence(&self) -> (String, String) {
        let Circumstances { transport, server, .. } = self;
        let seconds = self.elapsed.as_secs_f64();
        let tries = match *transport {
            "udp" => format!(" to {}", self.attempts()),
            _ if self.attempts == 0 => ", no handshake".to_owned(),
            _ => ", connected".to_owned(),
        };
        let what = if self.hello { "greeting" } else { "answer" };
        let error =
            format!("Timed out: no {what} from {transport} {server} in {seconds:.1} s{tries}.");
        let advice = match self.hello && self.attempts > 0 {
            true => self.is_it_a_chat(),
            false => self.advice_for_silence(),
        };
        (error, advice)
    }

    fn advice_for_silence(&self) -> String {
        let waited_for_all = self.timeout.is_some_and(|timeout| self.elapsed >= timeout);
        match waited_for_all {
            true if self.elapsed < Duration::from_secs(30) => {
                "Wait longer with --timeout 30s, or check that the server runs"
            }
            true => "Check that the server runs, and its address",
            false => "No copy was left to send; check that the server runs",
        }
        .to_owned()
    }

    fn unknown(&self, why: Unknown) -> (String, String) {
        let Circumstances { transport, server, .. } = self;
        let attempts = self.attempts();
        match (why, self.service) {
            (Unknown::Stale, ServiceChoice::Chat) => (
                format!("Outcome unknown: {transport} {server} knows no session of ours."),
                "It was restarted, or we were silent for too long and missed its BYE".to_owned(),
            ),
            (Unknown::Stale, ServiceChoice::Calculator | ServiceChoice::Echo) => (
                format!("Outcome unknown: {transport} {server} was restarted, or is a chat."),
                "If it is one, try: client --service chat".to_owned(),
            ),
            (Unknown::Stale, ServiceChoice::Sum) => (
                format!("Outcome unknown: {transport} {server} was restarted after {attempts}."),
                NOBODY_CAN_TELL.to_owned(),
            ),
            (Unknown::RefusedLater, _) => (
                format!("Outcome unknown: {transport} {server} went away after {attempts}."),
                NOBODY_CAN_TELL.to_owned(),
            ),
        }
    }

    fn attempts(&self) -> String {
        match self.attempts {
            1 => "1 attempt".to_owned(),
            attempts => format!("{attempts} attempts"),
        }
    }
}
