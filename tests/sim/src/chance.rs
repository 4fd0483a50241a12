//! The world's dice.

use crate::clock::mix;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(0x5851_f42d_4c95_7f2d)))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `end` - 1; 0 when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// An index of something with `length` elements.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// Whether something that happens `per_million` times in a million happens.
    pub fn hits(&mut self, per_million: u32) -> bool {
        // Asked also when it cannot happen, so that the dice fall the same with and without it.
        let number = self.below(1_000_000);
        number < u64::from(per_million)
    }
}
