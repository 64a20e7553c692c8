//! Shares of records: met exactly, spread at random, and decided for one record without looking at the
//! others.

use std::fmt;

use crate::prng::{hash, scale};

const WHOLE: u64 = 1_000_000;

/// A share of records between 0 and 1, in steps of a millionth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Portion(u64);

impl Portion {
    /// `n` of 100.
    ///
    /// # Panics
    /// When `n` is over 100.
    pub const fn percent(n: u64) -> Self {
        assert!(n <= 100, "a share is at most 100 %");
        Self(n * WHOLE / 100)
    }

    /// The nearest millionth to `fraction`, which lies between 0 and 1.
    pub fn of_fraction(fraction: f64) -> Self {
        Self((fraction.clamp(0.0, 1.0) * WHOLE as f64).round() as u64)
    }

    /// One of every `n`: between them at least one in any `2 n` neighbours.
    pub(crate) const fn one_in(n: u64) -> Self {
        Self(WHOLE / n)
    }

    /// Whether the share is zero, so that nothing is picked.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `n` times this share, rounded to the nearest whole.
    pub fn of(self, n: u64) -> u64 {
        ((u128::from(n) * u128::from(self.0) + u128::from(WHOLE / 2)) / u128::from(WHOLE)) as u64
    }

    /// The rank of `index` among the picked ones, or nothing when it is not picked.
    ///
    /// The indexes are cut into strata of `1 / share`, and one of each stratum is picked at random by `key`:
    /// of any `n` in a row between `floor(n × share) - 1` and `ceil(n × share) + 1` are picked, and ranks
    /// count without gaps.
    pub(crate) fn rank<const N: usize>(self, key: [u64; N], index: u64) -> Option<u64> {
        if self.is_zero() {
            return None;
        }
        let rank = (u128::from(index) * u128::from(self.0) / u128::from(WHOLE)) as u64;
        let begin = |k: u64| (u128::from(k) * u128::from(WHOLE)).div_ceil(u128::from(self.0)) as u64;
        let (first, next) = (begin(rank), begin(rank + 1));
        let picked = first + scale(hash([hash(key), rank]), next - first);
        (picked == index).then_some(rank)
    }
}

impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 as f64 / (WHOLE / 100) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_keeps_millionths_of_a_fraction() {
        assert_eq!(Portion::of_fraction(0.02), Portion::percent(2));
        assert_eq!(Portion::of_fraction(0.125).to_string(), "12.5%");
        assert_eq!(Portion::of_fraction(0.07).to_string(), "7%");
    }

    #[test]
    fn a_share_is_met_to_within_one_record_and_ranks_have_no_gaps() {
        for fraction in [0.0, 0.001, 0.02, 0.037, 0.5, 0.7, 0.99, 1.0] {
            let share = Portion::of_fraction(fraction);
            let ranks: Vec<u64> = (0..10_000).filter_map(|i| share.rank([1, 9], i)).collect();
            assert!(ranks.len().abs_diff(share.of(10_000) as usize) <= 1, "{fraction}: {}", ranks.len());
            assert!(ranks.iter().enumerate().all(|(i, rank)| *rank == i as u64), "{fraction}");
        }
    }

    #[test]
    fn different_keys_pick_different_records() {
        let picked = |key| (0..1_000).filter(|i| Portion::percent(5).rank([key], *i).is_some()).collect::<Vec<_>>();
        assert_ne!(picked(1), picked(2));
    }
}
