//! Shares of records: met exactly, spread at random, and decided for one record without looking at the others.

use std::fmt;

use super::prng::{hash, scale};
use crate::config::Share;

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

    /// One of every `n`: between them at least one in any `2 n` neighbours.
    pub(super) const fn one_in(n: u64) -> Self {
        Self(WHOLE / n)
    }

    /// Whether nothing is picked.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `n` times this share, rounded to the nearest whole.
    pub fn of(self, n: u64) -> u64 {
        ((u128::from(n) * u128::from(self.0) + u128::from(WHOLE / 2)) / u128::from(WHOLE)) as u64
    }

    /// The rank of `index` among the picked ones, or nothing when it is not picked.
    ///
    /// The indexes are cut into strata of `1 / share`, and one of each stratum is picked at random by `key`: of any
    /// `n` in a row between `floor(n × share) - 1` and `ceil(n × share) + 1` are picked, and ranks count without gaps.
    pub(super) fn rank<const N: usize>(self, key: [u64; N], index: u64) -> Option<u64> {
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

impl From<Share> for Portion {
    fn from(share: Share) -> Self {
        Self((share.fraction() * WHOLE as f64).round() as u64)
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

    fn portion(text: &str) -> Portion {
        text.parse::<Share>().unwrap().into()
    }

    #[test]
    fn a_portion_keeps_millionths_of_a_share() {
        assert_eq!(portion("2%"), Portion::percent(2));
        assert_eq!(portion("0.02"), Portion::percent(2));
        assert_eq!(portion("12.5 %").to_string(), "12.5%");
    }

    #[test]
    fn a_share_is_met_to_within_one_record_and_ranks_have_no_gaps() {
        for text in ["0%", "0.1%", "2%", "3.7%", "50%", "70%", "99%", "100%"] {
            let share = portion(text);
            let ranks: Vec<u64> = (0..10_000).filter_map(|i| share.rank([1, 9], i)).collect();
            assert!(ranks.len().abs_diff(share.of(10_000) as usize) <= 1, "{text}: {}", ranks.len());
            assert!(ranks.iter().enumerate().all(|(i, rank)| *rank == i as u64), "{text}");
        }
    }

    #[test]
    fn different_keys_pick_different_records() {
        let picked = |key| (0..1_000).filter(|i| Portion::percent(5).rank([key], *i).is_some()).collect::<Vec<_>>();
        assert_ne!(picked(1), picked(2));
    }
}
