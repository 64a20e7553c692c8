//! `--max-rejects`: how many lines are too many.

use crate::config::Share;
use crate::error::{Error, Kind, Result};

/// A number of lines, or a share of the lines read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// This many lines.
    Count(u64),
    /// This share of all lines.
    Share(Share),
}

impl Threshold {
    /// Whether `part` of `whole` is more than this.
    pub fn exceeded(self, part: u64, whole: u64) -> bool {
        match self {
            Threshold::Count(n) => part > n,
            Threshold::Share(share) => part as f64 > whole as f64 * share.fraction(),
        }
    }
}

impl std::str::FromStr for Threshold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_count = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
        let count = text.replace('_', "").parse().ok().filter(|_| is_count).map(Threshold::Count);
        let threshold = count.or_else(|| text.parse().ok().map(Threshold::Share));
        threshold.ok_or_else(|| {
            let expected = "a number of lines such as 100, or a share of them such as 1%";
            Error::new(Kind::Config, format!("expected {expected}, found {text:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_count_or_a_percentage() {
        let threshold = |text: &str| text.parse::<Threshold>().unwrap();
        assert_eq!(threshold("10"), Threshold::Count(10));
        for wrong in ["101%", "x", "", "-1", "1.5", "99999999999999999999"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
        assert!(threshold("1%").exceeded(2, 100) && !threshold("1%").exceeded(1, 100));
        assert!(threshold("0.5%").exceeded(6, 1_000) && !threshold("0.5%").exceeded(5, 1_000));
        assert!(threshold("0").exceeded(1, 100) && !threshold("1%").exceeded(0, 0));
    }
}
