//! `[[extract]]` of an entity's declaration: which requests bring its records.

mod read;

use chrono::{Datelike, Months, NaiveDate};

pub(super) use read::{KEYS, read};

/// One series of requests. The first of an entity finds all records by the time at which they came into
/// being; further ones find those that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Distinguishes further queries; empty for the first.
    pub name: String,
    /// Name of the source, from `[source.NAME]`.
    pub source: String,
    /// Path below the source's address.
    pub path: String,
    /// Parameters that every request has.
    pub parameters: Vec<(String, String)>,
    /// JSON pointers to the array of records; the first that an answer contains counts.
    pub records: Vec<String>,
    /// How the pages of a window follow each other.
    pub paging: Paging,
    /// How a stretch of days is requested; `None` if it cannot be.
    pub window: Option<WindowRule>,
    /// How everything since a day is requested; `None` if it cannot be.
    pub since: Option<Since>,
    /// Days that are read again before the end of the last extraction.
    pub lookback_days: u64,
    /// Statuses that mean "no records", on the first page.
    pub empty_statuses: Vec<u16>,
    /// Whether an answer without the array of records means "no records", on the first page.
    pub empty_when_missing: bool,
    /// Records that one object holds at most.
    pub part_records: u64,
}

/// How the pages of a window follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// One request brings everything.
    Once,
    /// By the number of records to skip.
    Offset {
        /// Parameter with the offset.
        offset: String,
        /// Parameter with the page size.
        limit: String,
        /// Records on a page.
        size: u64,
        /// Largest offset that the vendor accepts; `None` for no limit.
        max: Option<u64>,
    },
    /// By the number of the page.
    Number {
        /// Parameter with the number.
        number: String,
        /// Parameter with the page size, and the size; `None` sends none.
        limit: Option<(String, u64)>,
        /// Number of the first page.
        first: u64,
        /// Where an answer holds the number of all records of the window.
        total: Option<TokenPlace>,
    },
    /// By a token from the page before.
    Cursor {
        /// Where an answer holds the token.
        at: TokenPlace,
        /// Parameter with the token.
        parameter: String,
        /// Parameter with the page size, and the size; `None` sends none.
        limit: Option<(String, u64)>,
    },
    /// By an address from the page before.
    Next {
        /// Where an answer holds the address.
        at: TokenPlace,
        /// Parameter with the page size, and the size; `None` sends none.
        limit: Option<(String, u64)>,
    },
}

/// Where an answer holds a token or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// A JSON pointer into the body.
    Body(String),
    /// A header; from `Link` the address with `rel="next"`.
    Header(String),
}

/// How a stretch of days is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRule {
    /// Parameter with the beginning.
    pub from: String,
    /// Parameter with the end.
    pub to: String,
    /// How a time is written, as in strftime.
    pub format: String,
    /// Which moment is sent as the end.
    pub end: End,
    /// Length of a window.
    pub length: Length,
}

/// Which moment is sent as the end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The last day, all of which the vendor includes.
    Inclusive,
    /// The first moment after it, which the vendor excludes.
    Exclusive,
    /// The first moment after it, which the vendor may include or exclude: a record that comes twice is one
    /// by its key.
    Overlap,
}

/// Length of a window, in days of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// This many days.
    Days(u32),
    /// This many calendar months.
    Months(u32),
}

/// How everything since a day is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Parameter with the time.
    pub parameter: String,
    /// JSON pointer to the time of the change in a record.
    pub field: String,
    /// How a time is written, as in strftime.
    pub format: String,
    /// The parameter's value, with `{}` in the place of the time.
    pub template: String,
}

impl Length {
    /// The first boundary of windows of this length after `day`. Months are grouped from January on, days
    /// from 1970-01-05, a Monday, so every extraction cuts at the same days.
    pub fn boundary_after(self, day: NaiveDate) -> NaiveDate {
        match self {
            Length::Months(n) => {
                let month = day.year() * 12 + day.month0() as i32;
                let step = n.clamp(1, 1_200) as i32;
                let after = (month.div_euclid(step) + 1) * step - month;
                let first = day.with_day(1).unwrap_or(day);
                first.checked_add_months(Months::new(after as u32)).unwrap_or(NaiveDate::MAX)
            }
            Length::Days(n) => {
                let epoch = NaiveDate::from_ymd_opt(1970, 1, 5).unwrap_or_default();
                let (since, step) = ((day - epoch).num_days(), i64::from(n.max(1)));
                let after = (since.div_euclid(step) + 1) * step - since;
                day.checked_add_days(chrono::Days::new(after as u64)).unwrap_or(NaiveDate::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_every_extraction_have_the_same_boundaries() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let after = |length: Length, day: &str| length.boundary_after(date(day)).to_string();
        assert_eq!(after(Length::Months(1), "2024-01-31"), "2024-02-01");
        assert_eq!(after(Length::Months(3), "2024-02-10"), "2024-04-01");
        assert_eq!(after(Length::Months(12), "2024-01-01"), "2025-01-01");
        assert_eq!(after(Length::Days(7), "2024-01-01"), "2024-01-08", "a Monday");
        assert_eq!(after(Length::Days(7), "2024-01-07"), "2024-01-08");
    }
}
