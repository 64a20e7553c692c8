//! Stretches of days: how a range is cut into windows, and what a window sends to the source.

use chrono::{Datelike, Days as Step, NaiveDate, NaiveTime};

use crate::entity::extract::{End, Length, Query};
use crate::error::{Error, Kind, Result};

/// Days in the entity's zone: the first, and the first that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// First day.
    pub from: NaiveDate,
    /// First day that is not in it.
    pub until: NaiveDate,
}

impl Days {
    /// The days from the one to the other, both in it.
    ///
    /// # Errors
    /// `Usage` when the last lies before the first.
    pub fn inclusive(first: NaiveDate, last: NaiveDate) -> Result<Self> {
        match last.succ_opt().filter(|until| *until > first) {
            Some(until) => Ok(Self { from: first, until }),
            None => Err(Error::new(Kind::Usage, format!("--to {last} is before --from {first}"))),
        }
    }

    /// The days from the one up to the other or, without one, to today.
    ///
    /// # Errors
    /// `Usage` when there are none.
    pub fn since(first: NaiveDate, last: Option<NaiveDate>, today: NaiveDate) -> Result<Self> {
        match last {
            Some(last) => Self::inclusive(first, last),
            None if first > today => {
                Err(Error::new(Kind::Usage, format!("--from {first} is in the future: today is {today}")))
            }
            None => Self::inclusive(first, today),
        }
    }

    /// How many there are.
    pub fn count(self) -> i64 {
        (self.until - self.from).num_days()
    }

    /// Cuts the days at the boundaries of windows of a length, which are the same for every extraction.
    pub fn cut(self, length: Length) -> Vec<Self> {
        let mut windows = Vec::new();
        let mut from = self.from;
        while from < self.until {
            let until = length.boundary_after(from).min(self.until);
            windows.push(Self { from, until });
            from = until;
        }
        windows
    }

    /// The first day of the second half; `None` for a single day.
    pub fn middle(self) -> Option<NaiveDate> {
        let half = u64::try_from(self.count() / 2).ok().filter(|days| *days > 0)?;
        self.from.checked_add_days(Step::new(half))
    }

    /// The parameters with which the query asks for these days.
    pub fn parameters(self, query: &Query) -> Vec<(String, String)> {
        let midnight = |day: NaiveDate, format: &str| day.and_time(NaiveTime::MIN).and_utc().format(format).to_string();
        if let Some(rule) = &query.window {
            let last = match rule.end {
                End::Inclusive => self.until.pred_opt().unwrap_or(self.until),
                End::Exclusive | End::Overlap => self.until,
            };
            let (from, to) = (midnight(self.from, &rule.format), midnight(last, &rule.format));
            return vec![(rule.from.clone(), from), (rule.to.clone(), to)];
        }
        let since = query.since.as_ref();
        since
            .map(|since| (since.parameter.clone(), since.template.replace("{}", &midnight(self.from, &since.format))))
            .into_iter()
            .collect()
    }

    /// The beginning of the names of its objects: the month of a window of whole months, the day of any
    /// other; the name of a further query in front.
    pub fn prefix(self, query: &Query) -> String {
        let is_monthly = matches!(query.window.as_ref().map(|rule| rule.length), Some(Length::Months(_)));
        let period = match is_monthly && self.from.day() == 1 {
            true => self.from.format("%Y-%m").to_string(),
            false => self.from.to_string(),
        };
        if query.name.is_empty() { period } else { format!("{}-{period}", query.name) }
    }
}

/// The windows of a query over these days.
pub(super) fn windows(query: &Query, days: Days) -> Vec<Days> {
    match &query.window {
        Some(rule) => days.cut(rule.length),
        None => vec![days],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn days(from: &str, last: &str) -> Days {
        Days::inclusive(date(from), date(last)).unwrap()
    }

    fn any_length() -> impl Strategy<Value = Length> {
        prop_oneof![(1_u32..400).prop_map(Length::Days), (1_u32..30).prop_map(Length::Months)]
    }

    proptest! {
        #[test]
        fn windows_cover_every_day_once(first in 0_i64..40_000, count in 1_i64..1_200, length in any_length()) {
            let from = date("1960-01-01") + chrono::Duration::days(first);
            let range = Days { from, until: from + chrono::Duration::days(count) };
            let windows = range.cut(length);
            prop_assert_eq!(windows[0].from, range.from);
            prop_assert_eq!(windows[windows.len() - 1].until, range.until);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].until, pair[1].from);
            }
            prop_assert!(windows.iter().all(|window| window.count() > 0));
        }

        #[test]
        fn two_extractions_cut_at_the_same_days(first in 0_i64..20_000, shift in 0_i64..100, length in any_length()) {
            let from = date("1990-01-01") + chrono::Duration::days(first);
            let until = from + chrono::Duration::days(2_000);
            let early = Days { from, until }.cut(length);
            let late = Days { from: from + chrono::Duration::days(shift), until }.cut(length);
            prop_assert!(late.iter().skip(1).all(|window| early.contains(window)));
        }

        #[test]
        fn halves_cover_a_window_once(first in 0_i64..20_000, count in 2_i64..1_000) {
            let from = date("1990-01-01") + chrono::Duration::days(first);
            let window = Days { from, until: from + chrono::Duration::days(count) };
            let middle = window.middle().unwrap();
            prop_assert!(window.from < middle && middle < window.until);
        }
    }

    #[test]
    fn the_last_day_a_single_day_and_the_end_of_a_year_are_in() {
        let month = Length::Months(1);
        assert_eq!(days("2024-12-31", "2024-12-31").cut(month), [days("2024-12-31", "2024-12-31")]);
        let year = days("2024-01-01", "2024-12-31").cut(month);
        assert_eq!((year.len(), year[1], year[11].until), (12, days("2024-02-01", "2024-02-29"), date("2025-01-01")));
        let odd = days("2024-01-31", "2024-03-01").cut(month);
        assert_eq!(odd.len(), 3, "{odd:?}");
        assert_eq!(days("2024-02-29", "2024-02-29").middle(), None);
        assert!(Days::inclusive(date("2024-02-02"), date("2024-02-01")).is_err());
        let since = |first: &str| Days::since(date(first), None, date("2024-02-29"));
        assert_eq!(since("2024-02-29").unwrap().count(), 1);
        assert!(since("2024-03-01").unwrap_err().message().contains("in the future"));
    }
}
