//! Luck that does not depend on what else is drawn.

use super::Direction;

/// What a draw decides. The numbers are part of every seed's meaning: never change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Loss = 1,
    Jitter = 2,
    Reorder = 3,
    Duplicate = 4,
}

/// All luck of one seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Luck {
    seed: u64,
}

impl Luck {
    pub(super) fn new(seed: u64) -> Self {
        Luck { seed }
    }

    /// Returns a number from 0 up to, but not including, 1.
    pub(super) fn draw(self, direction: Direction, number: u64, purpose: Purpose) -> f64 {
        let place = (direction as u64) << 8 | purpose as u64;
        let bits = mix(mix(mix(self.seed) ^ place) ^ number);
        // 53 bits fill the fraction of a double.
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The finalizer of splitmix64 (Steele, Lea and Flood, 2014): every bit of the input moves half of
/// the output's.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
