//! What comes back over UDP: which of the exchanges under way does it answer, if any?

use super::{DatagramRequester, Outstanding, Semantics};
use crate::protocol::Purpose;
use crate::protocol::datagram::header::{Header, Type};
use crate::protocol::ending::{Closing, Ending, RequesterEvent, Transmission, Unknown};
use crate::protocol::framing::datagram_text;
use crate::protocol::parameters::{MAX_CHALLENGES, MAX_TRANSMIT_SPAN, RANDOM_FACTOR};
use crate::service::files::Head;
use crate::time::Timestamp;

impl DatagramRequester {
    pub(super) fn framed(&mut self, datagram: &[u8], now: Timestamp) {
        let Ok((header, payload)) = Header::parse(datagram) else {
            return self.unexpected();
        };
        if header.token != self.token || self.config.semantics == Semantics::Maybe {
            return self.unexpected();
        }
        match header.kind {
            Type::Bye => return self.goodbye(&header, now),
            Type::Pong if self.config.keep_alive.is_some() => return,
            _ => {}
        }
        let asked = |one: &Outstanding| one.id == header.message_id && one.attempts > 0;
        let found = self.outstanding.iter_mut().find(|(_, one)| asked(one));
        let Some((&order, one)) = found else {
            return self.answered_to_ping(&header);
        };
        match header.kind {
            Type::Welcome if one.purpose != Purpose::Hello => self.unexpected(),
            Type::Reply | Type::Welcome => {
                let may_bring_content = one.purpose == Purpose::Content;
                let content = if may_bring_content { with_content(payload) } else { None };
                let line = content.map_or(payload, |(line, _)| line);
                let ending = self.replied(line);
                if let (Some((_, content)), Ending::Replied(line)) = (content, &ending) {
                    let (id, head, bytes) =
                        (header.message_id, line.as_str().into(), content.to_vec());
                    self.events.push_back(RequesterEvent::Content { id, head, bytes });
                }
                self.end(order, ending, now);
            }
            Type::Ack => {
                one.acknowledged = true;
                self.events.push_back(RequesterEvent::Acknowledged { id: header.message_id });
            }
            Type::Busy => {
                let reason = String::from_utf8_lossy(payload).into_owned();
                self.end(order, Ending::Busy(reason), now);
            }
            Type::Challenge => self.challenged(order, &header, now),
            Type::Stale => {
                // The server that gave the cookie is gone; the one that is there gives its own.
                self.cookie = None;
                self.end(order, Ending::OutcomeUnknown(Unknown::Stale), now);
            }
            _ => self.unexpected(),
        }
    }

    /// Somebody between us and the server has given us another address: the PING that proves the new
    /// one keeps the session. Once for each cookie; anything else answers nothing.
    fn answered_to_ping(&mut self, header: &Header) {
        let pinged = self.config.keep_alive.is_some() && header.message_id == self.next_id;
        let new_cookie = header.cookie.is_some() && header.cookie != self.cookie;
        if header.kind == Type::Challenge && pinged && new_cookie {
            self.cookie = header.cookie;
            self.control.push_back(Type::Ping);
        } else {
            self.unexpected();
        }
    }

    fn challenged(&mut self, order: u64, header: &Header, now: Timestamp) {
        let first_timeout = self.config.retransmission_timeout;
        let Some(one) = self.outstanding.get_mut(&order) else {
            return;
        };
        let cookie = header.cookie;
        if cookie.is_some() && cookie == one.cookie && header.attempt < one.cookie_since {
            // It answers a copy that left before the cookie came: the proof is on its way.
            return self.unexpected();
        }
        one.challenges += 1;
        if cookie.is_none() || one.challenges > MAX_CHALLENGES {
            let what = "the server keeps asking for a proof of address";
            return self.end(order, Ending::ProtocolError(what.to_owned()), now);
        }
        self.cookie = cookie;
        if now.since(one.first_sent) > MAX_TRANSMIT_SPAN {
            // No copy may leave any more: the timer that runs is the last one.
            return;
        }
        one.cookie = cookie;
        one.cookie_since = one.attempts.saturating_add(1);
        // The way to the server is open: the copy with the cookie waits like a first one.
        one.timeout = one.timeout.min(first_timeout.mul_f64(RANDOM_FACTOR));
        one.timer = now + one.timeout;
        self.due.push_back((order, Transmission::WithCookie));
    }

    /// A goodbye names the first message id that will not be answered; earlier ones may still be.
    fn goodbye(&mut self, header: &Header, now: Timestamp) {
        let Some(reason) = header.bye else { return };
        let how = Closing::Bye(reason);
        let unanswered = |id: u32| id.wrapping_sub(header.message_id) < u32::MAX / 2;
        let ended: Vec<u64> = self
            .outstanding
            .iter()
            .filter(|(_, one)| unanswered(one.id))
            .map(|(order, _)| *order)
            .collect();
        self.events.push_back(RequesterEvent::Left(how));
        for order in ended {
            self.end(order, Ending::ServerShutDown(how), now);
        }
    }

    pub(super) fn bare(&mut self, datagram: &[u8], now: Timestamp) {
        if self.config.semantics != Semantics::Maybe {
            return self.events.push_back(RequesterEvent::Unframed);
        }
        // Without an id, whatever comes is taken for the answer to the oldest question that has left.
        let oldest = self.outstanding.iter().find(|(_, one)| one.attempts > 0);
        let Some((&order, _)) = oldest else {
            return self.unexpected();
        };
        let ending = self.replied(datagram);
        self.end(order, ending, now);
    }

    fn replied(&self, payload: &[u8]) -> Ending {
        match datagram_text(payload, self.config.max_message) {
            Ok(text) => Ending::Replied(text.to_owned()),
            Err(error) => Ending::ProtocolError(format!("the server's reply is {error}")),
        }
    }
}

/// Splits a reply into the line that announces a content and the bytes behind it, if it does.
fn with_content(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', payload)?;
    let (line, content) = (&payload[..end], &payload[end + 1..]);
    std::str::from_utf8(line).ok().and_then(Head::parse).map(|_| (line, content))
}
