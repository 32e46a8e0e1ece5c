//! Over UDP a source address is a claim. A cookie proves it: only who receives there can know it.
//!
//! The server stores nothing: it can recompute every cookie it ever gave (RFC 7873 for DNS, Retry
//! in QUIC). The keyed hash is no encryption; an attacker on the path still wins.

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;

use super::header::Cookie;
use crate::protocol::parameters::COOKIE_SLOT;
use crate::time::Timestamp;

/// Makes cookies and recognises them.
#[derive(Debug, Clone)]
pub struct CookieMaker {
    key: [u8; 16],
    epoch: u16,
}

/// What a cookie proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its bearer receives at this address.
    Valid,
    /// Nothing: forged, expired, or given to another address.
    Invalid,
    /// It was given by a server that ran here before.
    OtherEpoch,
}

impl CookieMaker {
    /// Takes a secret key, and a number that differs each time a server starts.
    pub fn new(key: [u8; 16], epoch: u16) -> Self {
        CookieMaker { key, epoch }
    }

    /// Returns the cookie for this address and token: 2 bytes of epoch in clear, 6 of keyed hash.
    pub fn make(&self, address: SocketAddr, token: u32, now: Timestamp) -> Cookie {
        self.for_slot(address, token, slot(now))
    }

    /// Says what `cookie` proves. The present time slot and the one before count.
    pub fn check(&self, cookie: &Cookie, address: SocketAddr, token: u32, now: Timestamp) -> Proof {
        if cookie[..2] != self.epoch.to_be_bytes() {
            return Proof::OtherEpoch;
        }
        let present = slot(now);
        let valid = [Some(present), present.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|slot| same(cookie, &self.for_slot(address, token, slot)));
        if valid { Proof::Valid } else { Proof::Invalid }
    }

    fn for_slot(&self, address: SocketAddr, token: u32, slot: u64) -> Cookie {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        match address.ip() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.write(&address.port().to_be_bytes());
        hasher.write(&token.to_be_bytes());
        hasher.write(&self.epoch.to_be_bytes());
        hasher.write(&slot.to_be_bytes());
        let mut cookie = hasher.finish().to_be_bytes();
        cookie[..2].copy_from_slice(&self.epoch.to_be_bytes());
        cookie
    }
}

fn slot(now: Timestamp) -> u64 {
    now.as_micros() / COOKIE_SLOT.as_micros() as u64
}

/// Compares without stopping at the first difference, so that time tells a forger nothing.
fn same(one: &Cookie, other: &Cookie) -> bool {
    one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(60_000);

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_cookie_is_good_for_its_address_token_and_time_only() {
        let maker = CookieMaker::new([7; 16], 0x1234);
        let here = address("192.0.2.1:5000");
        let cookie = maker.make(here, 1, NOW);
        assert_eq!(maker.check(&cookie, here, 1, NOW), Proof::Valid);
        assert_eq!(maker.check(&cookie, here, 2, NOW), Proof::Invalid);
        assert_eq!(maker.check(&cookie, address("192.0.2.1:5001"), 1, NOW), Proof::Invalid);
        assert_eq!(maker.check(&cookie, address("192.0.2.2:5000"), 1, NOW), Proof::Invalid);
        let last = Timestamp::from_millis(179_999);
        assert_eq!(maker.check(&cookie, here, 1, last), Proof::Valid);
        let later = Timestamp::from_millis(180_000);
        assert_eq!(maker.check(&cookie, here, 1, later), Proof::Invalid);
    }

    #[test]
    fn a_cookie_of_another_start_or_key_proves_nothing() {
        let here = address("[2001:db8::1]:5000");
        let cookie = CookieMaker::new([7; 16], 1).make(here, 1, NOW);
        let restarted = CookieMaker::new([7; 16], 2);
        assert_eq!(restarted.check(&cookie, here, 1, NOW), Proof::OtherEpoch);
        let other_key = CookieMaker::new([8; 16], 1);
        assert_eq!(other_key.check(&cookie, here, 1, NOW), Proof::Invalid);
    }
}
