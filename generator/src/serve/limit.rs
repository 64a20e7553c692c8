//! The vendor's rate limits: how many requests are accepted in any stretch of a given length.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// At most `count` accepted requests in any stretch of the length `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Requests in one stretch.
    pub count: u32,
    /// Length of the stretch.
    pub per: Duration,
}

/// Reads `40/min,10000/h`; `none` is no limit. Units are `s`, `min` and `h`.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_limits(text: &str) -> Result<Vec<Limit>, String> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    text.split(',').map(|one| parse(one.trim())).collect()
}

fn parse(text: &str) -> Result<Limit, String> {
    let wrong = || format!("expected limits such as 40/min,10000/h, or none; found {text:?}");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    let count = count.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    Ok(Limit { count, per: Duration::from_secs(seconds) })
}

/// The accepted requests of the longest stretch that matters.
#[derive(Debug)]
pub(super) struct Limits {
    limits: Vec<Limit>,
    accepted: Mutex<VecDeque<DateTime<Utc>>>,
}

impl Limits {
    pub(super) fn new(limits: Vec<Limit>) -> Self {
        Self { limits, accepted: Mutex::default() }
    }

    /// Accepts a request that arrives `now`, or says for how long to wait.
    pub(super) fn accept(&self, now: DateTime<Utc>) -> Result<(), Duration> {
        let Some(longest) = self.limits.iter().map(|limit| limit.per).max() else { return Ok(()) };
        let mut accepted = self.accepted.lock();
        while accepted.front().is_some_and(|at| now - *at >= delta(longest)) {
            accepted.pop_front();
        }
        let wait = self.limits.iter().filter_map(|limit| {
            // The request that must have left the stretch before another one fits.
            let at = accepted.len().checked_sub(limit.count as usize).and_then(|i| accepted.get(i))?;
            (*at + delta(limit.per) - now).to_std().ok().filter(|wait| !wait.is_zero())
        });
        match wait.max() {
            Some(wait) => Err(wait),
            None => {
                accepted.push_back(now);
                Ok(())
            }
        }
    }
}

fn delta(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_or_refused() {
        let minute = Limit { count: 40, per: Duration::from_secs(60) };
        assert_eq!(parse_limits("40/min").unwrap(), [minute]);
        assert_eq!(parse_limits("40/min, 10000/h").unwrap().len(), 2);
        assert!(parse_limits("none").unwrap().is_empty());
        for wrong in ["", "40", "0/min", "40/day", "x/s"] {
            assert!(parse_limits(wrong).unwrap_err().contains("40/min"), "{wrong}");
        }
    }

    #[test]
    fn any_stretch_holds_at_most_as_many_as_allowed() {
        let limits = Limits::new(parse_limits("3/min,4/h").unwrap());
        let start: DateTime<Utc> = "2026-01-10T12:00:00Z".parse().unwrap();
        let at = |seconds| limits.accept(start + chrono::Duration::seconds(seconds)).map_err(|wait| wait.as_secs());
        assert_eq!([at(0), at(30), at(59)], [Ok(()); 3]);
        assert_eq!(at(59), Err(1));
        assert_eq!(at(60), Ok(()));
        assert_eq!(at(200), Err(3_400), "four in the hour");
    }
}
