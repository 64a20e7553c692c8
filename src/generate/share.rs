//! Shares of records: met exactly, spread at random, and decided for one record without looking at the others.

use std::fmt;
use std::str::FromStr;

use super::prng::{hash, scale};

const WHOLE: u64 = 1_000_000;

/// A share between 0 and 1 in steps of a millionth, written `2%` or `0.02`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
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

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, divisor) = match text.trim().strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text.trim(), 1.0),
        };
        let value: f64 = number.parse().map_err(|_| format!("\"{text}\" is not a share: write 2% or 0.02"))?;
        let share = value / divisor;
        if !(0.0..=1.0).contains(&share) {
            let meant = if divisor == 1.0 && value <= 100.0 { format!("; {value}% perhaps?") } else { String::new() };
            return Err(format!("a share lies between 0% and 100%{meant}"));
        }
        Ok(Self((share * WHOLE as f64).round() as u64))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 as f64 / (WHOLE / 100) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_as_percent_or_fraction() {
        let share = |text: &str| text.parse::<Share>();
        assert_eq!(share("2%"), Ok(Share::percent(2)));
        assert_eq!(share("0.02"), Ok(Share::percent(2)));
        assert_eq!(share("12.5 %").map(|s| s.to_string()), Ok("12.5%".into()));
        assert_eq!(share("100%"), Ok(Share::percent(100)));
        assert!(share("120%").unwrap_err().contains("between 0% and 100%"));
        assert!(share("2").unwrap_err().contains("2% perhaps?"));
        for bad in ["-1%", "x", "", "NaN"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_is_met_to_within_one_record_and_ranks_have_no_gaps() {
        for text in ["0%", "0.1%", "2%", "3.7%", "50%", "70%", "99%", "100%"] {
            let share: Share = text.parse().unwrap();
            let ranks: Vec<u64> = (0..10_000).filter_map(|i| share.rank([1, 9], i)).collect();
            assert!(ranks.len().abs_diff(share.of(10_000) as usize) <= 1, "{text}: {}", ranks.len());
            assert!(ranks.iter().enumerate().all(|(i, rank)| *rank == i as u64), "{text}");
        }
    }

    #[test]
    fn different_keys_pick_different_records() {
        let picked = |key| (0..1_000).filter(|i| Share::percent(5).rank([key], *i).is_some()).collect::<Vec<_>>();
        assert_ne!(picked(1), picked(2));
    }
}
