//! The server's memory: which requests it has executed, and what it answered.
//!
//! It makes "at most once": a copy of a request finds the reply of its first. What is live is
//! never evicted; clients are forgotten in the order of their age, and nothing scans.

use std::net::SocketAddr;

use hashlink::LinkedHashMap;

use crate::protocol::parameters::{
    MAX_REMEMBERED_BYTES, MAX_TOKENS, STALE_DISTANCE, TOKEN_LIFETIME, WINDOW,
};
use crate::time::Timestamp;

/// What the server remembers, by token. Least recently heard first.
#[derive(Debug, Default)]
pub(super) struct DuplicateCache {
    clients: LinkedHashMap<u32, Client>,
    bytes: usize, // what all that is remembered costs
}

#[derive(Debug)]
struct Client {
    highest: u32,
    last_request: Timestamp,
    /// Where to say goodbye, unless that was said.
    goodbye_to: Option<SocketAddr>,
    remembered: Vec<Remembered>, // in the order of arrival
}

#[derive(Debug)]
struct Remembered {
    message_id: u32,
    fingerprint: u64, // of the request's payload
    answer: Answer,
}

/// What a remembered request was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing yet.
    Working,
    /// This payload.
    Reply(Box<[u8]>),
    /// It stopped the server; there is no reply.
    Shutdown,
}

/// What the memory says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Never seen. Whether anything of this client was.
    New { client_known: bool },
    /// Seen before, and this was the answer.
    Copy(&'a Answer),
    /// Its id was used for something else.
    OtherPayload,
    /// Its reply has been forgotten already; it must not be executed.
    TooOld,
    /// It is from another conversation altogether.
    Stale,
}

/// How much room the memory has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Enough for anybody.
    Free,
    /// Three quarters are taken: only for those who prove their address.
    Short,
    /// None.
    Full,
}

impl DuplicateCache {
    /// Looks a request up.
    pub(super) fn find(&self, token: u32, message_id: u32, fingerprint: u64) -> Found<'_> {
        let Some(client) = self.clients.get(&token) else {
            return Found::New { client_known: false };
        };
        // Ids count up and wrap around: the distance is what matters, in either direction.
        let ahead = message_id.wrapping_sub(client.highest);
        let behind = client.highest.wrapping_sub(message_id);
        if ahead.min(behind) > STALE_DISTANCE {
            return Found::Stale;
        }
        if ahead != 0 && ahead <= STALE_DISTANCE {
            return Found::New { client_known: true };
        }
        match client.remembered.iter().rev().find(|one| one.message_id == message_id) {
            Some(one) if one.fingerprint != fingerprint => Found::OtherPayload,
            Some(one) => Found::Copy(&one.answer),
            None if behind as usize >= WINDOW => Found::TooOld,
            None => Found::New { client_known: true },
        }
    }

    /// Remembers a new request before it is executed, and forgets what fell out of its window.
    pub(super) fn remember(
        &mut self,
        (token, message_id): (u32, u32),
        fingerprint: u64,
        from: SocketAddr,
        now: Timestamp,
    ) {
        let one = Remembered { message_id, fingerprint, answer: Answer::Working };
        self.bytes += one.answer.cost();
        self.touch(token, from, now);
        let Some(client) = self.clients.get_mut(&token) else {
            let client = Client {
                highest: message_id,
                last_request: now,
                goodbye_to: Some(from),
                // Room for one: most clients ask once.
                remembered: Vec::from([one]),
            };
            self.clients.insert(token, client);
            return;
        };
        if message_id.wrapping_sub(client.highest) <= STALE_DISTANCE {
            client.highest = message_id;
        }
        let highest = client.highest;
        let bytes = &mut self.bytes;
        client.remembered.retain(|old| {
            let keep = (highest.wrapping_sub(old.message_id) as usize) < WINDOW;
            if !keep {
                *bytes -= old.answer.cost();
            }
            keep
        });
        client.remembered.push(one);
    }

    /// Takes note that a client was heard just now, and where it is.
    pub(super) fn touch(&mut self, token: u32, from: SocketAddr, now: Timestamp) {
        if let Some(client) = self.clients.to_back(&token) {
            client.last_request = now;
            if client.goodbye_to.is_some() {
                client.goodbye_to = Some(from);
            }
        }
    }

    /// Stores what a remembered request was answered with.
    pub(super) fn store(&mut self, (token, message_id): (u32, u32), answer: Answer) {
        let Some(client) = self.clients.get_mut(&token) else {
            return;
        };
        let found = client.remembered.iter_mut().rev().find(|one| one.message_id == message_id);
        if let Some(one) = found {
            self.bytes += answer.cost();
            self.bytes -= one.answer.cost();
            one.answer = answer;
        }
    }

    /// Forgets a request that was not executed after all.
    pub(super) fn forget(&mut self, (token, message_id): (u32, u32)) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        let bytes = &mut self.bytes;
        client.remembered.retain(|one| {
            let keep = one.message_id != message_id;
            if !keep {
                *bytes -= one.answer.cost();
            }
            keep
        });
    }

    /// Forgets the clients whose copies cannot live any more.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            if let Some((_, client)) = self.clients.pop_front() {
                self.bytes -= client.remembered.iter().map(|one| one.answer.cost()).sum::<usize>();
            }
        }
    }

    /// Returns when the next client will be forgotten.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.clients.front().map(|(_, client)| client.last_request + TOKEN_LIFETIME)
    }

    /// Returns how much room there is, for a client that is known or for a new one.
    pub(super) fn room(&self, client_known: bool) -> Room {
        let (tokens, bytes) = (self.clients.len(), self.bytes);
        if bytes >= MAX_REMEMBERED_BYTES || (tokens >= MAX_TOKENS && !client_known) {
            Room::Full
        } else if client_known {
            Room::Free
        } else if tokens >= MAX_TOKENS / 4 * 3 || bytes >= MAX_REMEMBERED_BYTES / 4 * 3 {
            Room::Short
        } else {
            Room::Free
        }
    }

    /// Takes note that goodbye was said between us and this client.
    pub(super) fn goodbye_said(&mut self, token: u32) -> bool {
        self.clients.get_mut(&token).is_some_and(|client| client.goodbye_to.take().is_some())
    }

    /// Returns to whom goodbye must still be said, once: address, token, and the first message id
    /// that will not be answered any more.
    pub(super) fn take_goodbyes(&mut self) -> impl Iterator<Item = (SocketAddr, u32, u32)> {
        self.clients.iter_mut().filter_map(|(token, client)| {
            let address = client.goodbye_to.take()?;
            Some((address, *token, client.highest.wrapping_add(1)))
        })
    }

    /// Returns how many clients are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }
}

impl Answer {
    /// Returns what remembering it costs, in bytes: its entry, and its text as the allocator keeps
    /// it.
    fn cost(&self) -> usize {
        /// Rounding and bookkeeping of a common allocator.
        const ALLOCATION: usize = 16;
        let text = match self {
            Answer::Reply(payload) => payload.len() + ALLOCATION,
            Answer::Working | Answer::Shutdown => 0,
        };
        size_of::<Remembered>() + text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:5000";

    fn here() -> SocketAddr {
        HERE.parse().expect("an address")
    }

    fn reply(text: &str) -> Answer {
        Answer::Reply(text.as_bytes().into())
    }

    #[test]
    fn a_copy_finds_the_answer_of_its_first() {
        let mut cache = DuplicateCache::default();
        assert_eq!(cache.find(1, 10, 99), Found::New { client_known: false });
        cache.remember((1, 10), 99, here(), Timestamp::ZERO);
        assert_eq!(cache.find(1, 10, 99), Found::Copy(&Answer::Working));
        cache.store((1, 10), reply("S;50"));
        assert_eq!(cache.find(1, 10, 99), Found::Copy(&reply("S;50")));
        assert_eq!(cache.find(1, 10, 98), Found::OtherPayload);
        assert_eq!(cache.find(2, 10, 99), Found::New { client_known: false });
    }

    #[test]
    fn the_last_64_ids_are_remembered_also_across_the_wrap() {
        let mut cache = DuplicateCache::default();
        let first = u32::MAX - 9;
        for step in 0..70 {
            cache.remember((1, first.wrapping_add(step)), 0, here(), Timestamp::ZERO);
            cache.store((1, first.wrapping_add(step)), reply("x"));
        }
        assert_eq!(cache.find(1, first.wrapping_add(5), 0), Found::TooOld);
        assert_eq!(cache.find(1, first.wrapping_add(6), 0), Found::Copy(&reply("x")));
        assert_eq!(cache.bytes, 64 * reply("x").cost());
    }

    #[test]
    fn an_id_skipped_and_then_used_is_new() {
        let mut cache = DuplicateCache::default();
        cache.remember((1, 10), 0, here(), Timestamp::ZERO);
        cache.remember((1, 12), 0, here(), Timestamp::ZERO);
        assert_eq!(cache.find(1, 11, 0), Found::New { client_known: true });
    }

    #[test]
    fn an_id_far_away_is_stale() {
        let mut cache = DuplicateCache::default();
        cache.remember((1, 10), 0, here(), Timestamp::ZERO);
        assert_eq!(cache.find(1, 11 + STALE_DISTANCE, 0), Found::Stale);
        assert_eq!(cache.find(1, 9u32.wrapping_sub(STALE_DISTANCE), 0), Found::Stale);
    }

    #[test]
    fn clients_are_forgotten_by_age_and_leave_nothing() {
        let mut cache = DuplicateCache::default();
        for token in 0..3 {
            cache.remember((token, 1), 0, here(), Timestamp::from_millis(token.into()));
            cache.store((token, 1), reply("four"));
        }
        cache.touch(0, here(), Timestamp::from_millis(10));
        cache.expire(Timestamp::from_millis(60_002));
        assert_eq!(cache.len(), 1);
        cache.expire(Timestamp::from_millis(60_010));
        assert_eq!((cache.len(), cache.bytes, cache.poll_timeout()), (0, 0, None));
    }
}
