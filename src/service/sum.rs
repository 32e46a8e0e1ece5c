//! The exercise: the client sends a name and a number, the server answers with its own,
//! both compute the sum. A number outside 1..100 stops the server.

use std::ops::RangeInclusive;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use thiserror::Error;

use super::{Caller, Next, Reply, Service, Sum};
use crate::peer::Peer;
use crate::time::Timestamp;

/// The numbers that may be added; any other asks the server to stop.
pub const RANGE: RangeInclusive<i64> = 1..=100;

/// The third field by which a client asks for the sum too: `NAME;INTEGER;sum`.
const SUM_WANTED: &str = "sum";

/// How the server finds its number.
#[derive(Debug)]
pub enum ServerNumber {
    /// The same number every time.
    Fixed(u8),
    /// One draw from 1..100 for each executed request, the same on every machine for one seed.
    Random(Box<ChaCha8Rng>),
}

impl ServerNumber {
    /// Numbers drawn from `seed`.
    pub fn seeded(seed: u64) -> Self {
        ServerNumber::Random(Box::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    fn draw(&mut self) -> u8 {
        match self {
            ServerNumber::Fixed(number) => *number,
            ServerNumber::Random(generator) => generator.random_range(1..=100),
        }
    }
}

/// The `sum` service.
#[derive(Debug)]
pub struct SumService {
    /// The name and the semicolon: what every reply begins with.
    greeting: String,
    number: ServerNumber,
    remote_shutdown: bool,
}

impl SumService {
    /// A service that answers as `name`. Unless `remote_shutdown`, it obeys an out-of-range number
    /// only from this host.
    pub fn new(name: String, number: ServerNumber, remote_shutdown: bool) -> Self {
        SumService { greeting: name + ";", number, remote_shutdown }
    }

    fn obeys(&self, peer: Peer) -> bool {
        self.remote_shutdown || peer.is_loopback()
    }
}

impl Service for SumService {
    fn is_sensitive(&self, caller: Caller, request: &str) -> bool {
        match SumRequest::parse(request) {
            Ok(request) => !RANGE.contains(&request.number) && self.obeys(caller.peer),
            Err(_) => false,
        }
    }

    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        _now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        let request = match SumRequest::parse(request) {
            Ok(request) => request,
            Err(error) => {
                reply.push_str("ERR ");
                reply.push_str(&error.to_string());
                return Next::Close;
            }
        };
        let client_number = match u8::try_from(request.number) {
            Ok(number) if RANGE.contains(&request.number) => number,
            _ if self.obeys(caller.peer) => {
                return Next::Shutdown { number: request.number };
            }
            _ => {
                reply.push_str("ERR shutdown is not allowed from here");
                return Next::Close;
            }
        };
        let sum = Sum { client_number, server_number: self.number.draw() };
        reply.push_str(&self.greeting);
        reply.push_number(sum.server_number);
        if request.wants_sum {
            reply.push_str(";");
            reply.push_number(sum.total());
        }
        reply.sum = Some(sum);
        Next::Continue
    }
}

/// What a client says: `NAME;INTEGER`, or `NAME;INTEGER;sum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumRequest<'a> {
    /// Who asks.
    pub name: &'a str,
    /// Its number, in range or not.
    pub number: i64,
    /// Whether the reply shall carry the sum.
    pub wants_sum: bool,
}

impl<'a> SumRequest<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// Says in a few words what is wrong with it; those words follow `ERR ` on the wire.
    pub fn parse(text: &'a str) -> Result<Self, SumError> {
        let (name, rest) = split(text)?;
        let (number, wants_sum) = match semicolon(rest) {
            None => (rest, false),
            Some((number, wanted)) if wanted.trim_ascii() == SUM_WANTED => (number, true),
            Some(_) => return Err(SumError::Fields),
        };
        Ok(SumRequest { name, number: integer(number)?, wants_sum })
    }

    /// Writes the request as it goes onto the wire.
    pub fn format(&self) -> String {
        let wanted = if self.wants_sum { ";sum" } else { "" };
        format!("{};{}{wanted}", self.name, self.number)
    }
}

/// What a server says: `NAME;INTEGER`, or `NAME;INTEGER;SUM` if it was asked for the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumReply<'a> {
    /// Who answers.
    pub name: &'a str,
    /// Its number.
    pub number: i64,
    /// The sum as the server computed it.
    pub sum: Option<i64>,
}

impl<'a> SumReply<'a> {
    /// Reads a reply.
    ///
    /// # Errors
    /// Says in a few words what is wrong with it.
    pub fn parse(text: &'a str) -> Result<Self, SumError> {
        let (name, rest) = split(text)?;
        let (number, sum) = match semicolon(rest) {
            None => (rest, None),
            Some((number, sum)) => (number, Some(integer(sum)?)),
        };
        Ok(SumReply { name, number: integer(number)?, sum })
    }
}

/// What can be wrong with a message of the `sum` service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SumError {
    /// Nothing at all.
    #[error("empty message")]
    Empty,
    /// Nothing that separates a name from a number.
    #[error("no semicolon: expected NAME;NUMBER")]
    NoSemicolon,
    /// More fields than there may be.
    #[error("several semicolons in NAME;NUMBER")]
    Fields,
    /// Nothing before the semicolon.
    #[error("the name is empty")]
    EmptyName,
    /// Something else where the number belongs.
    #[error("not an integer")]
    NotAnInteger,
    /// A number that does not fit into 64 bits.
    #[error("the integer is beyond 64 bits")]
    TooBig,
}

fn split(text: &str) -> Result<(&str, &str), SumError> {
    match semicolon(text) {
        None if text.trim_ascii().is_empty() => Err(SumError::Empty),
        None => Err(SumError::NoSemicolon),
        Some((name, _)) if name.trim_ascii_start().is_empty() => Err(SumError::EmptyName),
        Some(fields) => Ok(fields),
    }
}

/// Splits at the first semicolon; by bytes, for this is done for every request.
fn semicolon(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == b';')?;
    Some((&text[..at], &text[at + 1..]))
}

fn integer(text: &str) -> Result<i64, SumError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.trim_ascii().parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow | NegOverflow => SumError::TooBig,
        _ => SumError::NotAnInteger,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "127.0.0.1:5000";
    const REMOTE: &str = "192.0.2.7:5000";

    fn answer(request: &str, from: &str) -> (String, Next, Option<Sum>) {
        let mut service =
            SumService::new("Server of socklab".into(), ServerNumber::Fixed(50), false);
        let mut bytes = Vec::new();
        let mut reply = Reply::new(&mut bytes);
        let peer = Peer::udp(from.parse().expect("an address"));
        let next = service.handle(peer.into(), request, Timestamp::ZERO, &mut reply);
        let sum = reply.sum;
        (String::from_utf8(bytes).expect("text"), next, sum)
    }

    #[test]
    fn a_number_is_answered_with_a_number() {
        let (reply, next, sum) = answer("Client of Ada;25", LOCAL);
        assert_eq!(reply, "Server of socklab;50");
        assert_eq!(next, Next::Continue);
        assert_eq!(sum.map(Sum::total), Some(75));
    }

    #[test]
    fn spaces_around_the_number_are_allowed() {
        assert_eq!(answer("Client of Ada; 25 ", LOCAL).0, "Server of socklab;50");
    }

    #[test]
    fn the_sum_is_sent_when_it_is_asked_for() {
        assert_eq!(answer("Client of Ada;25;sum", LOCAL).0, "Server of socklab;50;75");
    }

    #[test]
    fn one_and_one_hundred_are_in_range() {
        assert_eq!(answer("A;1", LOCAL).1, Next::Continue);
        assert_eq!(answer("A;100", LOCAL).1, Next::Continue);
    }

    #[test]
    fn out_of_range_asks_for_shutdown_from_this_host_only() {
        for number in [0, 101, -1] {
            let request = format!("A;{number}");
            assert_eq!(answer(&request, LOCAL).1, Next::Shutdown { number });
            let (reply, next, _) = answer(&request, REMOTE);
            assert_eq!(reply, "ERR shutdown is not allowed from here");
            assert_eq!(next, Next::Close);
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (request, expected) in [
            ("", "ERR empty message"),
            ("  ", "ERR empty message"),
            ("hello", "ERR no semicolon: expected NAME;NUMBER"),
            ("A;25;26", "ERR several semicolons in NAME;NUMBER"),
            ("A;25;26;27", "ERR several semicolons in NAME;NUMBER"),
            (";25", "ERR the name is empty"),
            ("A;", "ERR not an integer"),
            ("A;twelve", "ERR not an integer"),
            ("A;2.5", "ERR not an integer"),
            ("A;9223372036854775808", "ERR the integer is beyond 64 bits"),
            ("A;-9223372036854775809", "ERR the integer is beyond 64 bits"),
        ] {
            let (reply, next, sum) = answer(request, LOCAL);
            assert_eq!((reply.as_str(), next, sum), (expected, Next::Close, None), "{request:?}");
        }
    }

    #[test]
    fn one_seed_draws_the_same_numbers_for_ever() {
        let mut number = ServerNumber::seeded(1);
        let drawn: Vec<u8> = (0..5).map(|_| number.draw()).collect();
        let mut again = ServerNumber::seeded(1);
        assert_eq!(drawn, (0..5).map(|_| again.draw()).collect::<Vec<_>>());
        assert!(drawn.iter().all(|drawn| RANGE.contains(&i64::from(*drawn))));
    }
}
