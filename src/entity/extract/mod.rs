//! `[[extract]]` of an entity's declaration: which requests bring its records.

mod read;

use chrono::{Datelike, Months, NaiveDate};

pub(super) use read::read;

/// One series of requests. The first of an entity finds all records by the time at which they came into
/// being; further ones find those that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Tells further queries apart; empty for the first.
    pub name: String,
    /// The source, by name.
    pub source: String,
    /// Path behind the source's address.
    pub path: String,
    /// Parameters that every request has.
    pub parameters: Vec<(String, String)>,
    /// JSON pointers at which the array of records may be; the first that is there counts.
    pub records: Vec<String>,
    /// How the pages of a window follow each other.
    pub paging: Paging,
    /// How a stretch of days is asked for.
    pub window: Option<WindowRule>,
    /// How everything since a day is asked for.
    pub since: Option<Since>,
    /// Days that are read again before the end of the last extraction.
    pub lookback_days: u64,
    /// Statuses that mean "no records", on the first page.
    pub empty_statuses: Vec<u16>,
    /// Whether an answer without the array of records means "no records", on the first page.
    pub empty_when_missing: bool,
    /// Records of an object.
    pub part_records: u64,
}

/// How the pages of a window follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// There is one page.
    Once,
    /// By the number of records in front.
    Offset {
        /// Parameter of the offset.
        offset: String,
        /// Parameter of the page size.
        limit: String,
        /// Page size.
        size: u64,
        /// Offset that the vendor does not go beyond.
        max: Option<u64>,
    },
    /// By number.
    Number {
        /// Parameter of the number.
        number: String,
        /// Parameter of the page size, and the size.
        limit: Option<(String, u64)>,
        /// The first number.
        first: u64,
    },
    /// By a token in each answer.
    Cursor {
        /// Where it is.
        at: TokenPlace,
        /// Parameter that takes it.
        parameter: String,
        /// Parameter of the page size, and the size.
        limit: Option<(String, u64)>,
    },
    /// By an address in each answer.
    Next {
        /// Where it is.
        at: TokenPlace,
        /// Parameter of the page size, and the size.
        limit: Option<(String, u64)>,
    },
}

/// Where an answer holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// A JSON pointer into the body.
    Body(String),
    /// A header; of `Link` the address with `rel="next"`.
    Header(String),
}

/// How a stretch of days is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRule {
    /// Parameter of its beginning.
    pub from: String,
    /// Parameter of its end.
    pub to: String,
    /// How a time is written, in strftime's letters.
    pub format: String,
    /// What is sent as the end.
    pub end: End,
    /// Length of a window.
    pub length: Length,
}

/// What is sent as the end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The last day, all of which the vendor takes as inside.
    Inclusive,
    /// The first moment behind it, which the vendor takes as outside.
    Exclusive,
    /// The first moment behind it, on whichever side the vendor sees that: what comes twice is one by its
    /// key.
    Overlap,
}

/// Length of a window, in days of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Days.
    Days(u32),
    /// Months.
    Months(u32),
}

/// How everything since a day is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The parameter.
    pub parameter: String,
    /// Pointer to the time of change in a record.
    pub field: String,
    /// How a time is written, in strftime's letters.
    pub format: String,
    /// The parameter's text around `{}`.
    pub template: String,
}

impl Length {
    /// The first boundary of windows of this length behind `day`: of months those that divide the year from
    /// January on, of days those counted from 1970-01-05, a Monday. So every extraction cuts at the same
    /// days.
    pub fn boundary_behind(self, day: NaiveDate) -> NaiveDate {
        match self {
            Length::Months(n) => {
                let month = day.year() * 12 + day.month0() as i32;
                let step = n.clamp(1, 1_200) as i32;
                let behind = (month.div_euclid(step) + 1) * step - month;
                let first = day.with_day(1).unwrap_or(day);
                first.checked_add_months(Months::new(behind as u32)).unwrap_or(NaiveDate::MAX)
            }
            Length::Days(n) => {
                let epoch = NaiveDate::from_ymd_opt(1970, 1, 5).unwrap_or_default();
                let (since, step) = ((day - epoch).num_days(), i64::from(n.max(1)));
                let behind = (since.div_euclid(step) + 1) * step - since;
                day.checked_add_days(chrono::Days::new(behind as u64)).unwrap_or(NaiveDate::MAX)
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
        let behind = |length: Length, day: &str| length.boundary_behind(date(day)).to_string();
        assert_eq!(behind(Length::Months(1), "2024-01-31"), "2024-02-01");
        assert_eq!(behind(Length::Months(3), "2024-02-10"), "2024-04-01");
        assert_eq!(behind(Length::Months(12), "2024-01-01"), "2025-01-01");
        assert_eq!(behind(Length::Days(7), "2024-01-01"), "2024-01-08", "a Monday");
        assert_eq!(behind(Length::Days(7), "2024-01-07"), "2024-01-08");
    }
}
