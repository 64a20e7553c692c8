//! The parameters of a request, as the vendor reads them.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};

use crate::clock::{DAY, Moment};

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Query<'a>(HashMap<Cow<'a, str>, Cow<'a, str>>);

/// A time of a parameter: the first second of its day where it is a bare date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    /// The moment that it stands for.
    pub moment: Moment,
    /// Whether it is a date without a time.
    pub is_day: bool,
}

impl<'a> Query<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref).filter(|value| !value.is_empty())
    }

    /// A whole number; `default` when it is not given.
    pub(super) fn number(&self, name: &str, default: u64) -> Result<u64, String> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("The value '{text}' is not valid for {name}.")),
        }
    }

    /// A date, or a date with a time.
    pub(super) fn time(&self, name: &str) -> Result<Option<At>, String> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let at = |date: NaiveDate, seconds: i64, is_day| At { moment: Moment::midnight_of(date).plus(seconds), is_day };
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Some(at(date, 0, true)));
        }
        match NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S") {
            Ok(time) => {
                let seconds = (time - time.date().and_time(chrono::NaiveTime::MIN)).num_seconds();
                Ok(Some(at(time.date(), seconds, false)))
            }
            Err(_) => Err(format!("The value '{text}' is not valid for {name}.")),
        }
    }

    /// First and last second of a window, both in it. A bare date as the end means its whole day.
    pub(super) fn window(&self, (from, to): (&str, &str)) -> Result<Option<(Moment, Moment)>, String> {
        let (from, to) = (self.time(from)?, self.time(to)?);
        if from.is_none() && to.is_none() {
            return Ok(None);
        }
        let last = to.map(|to| if to.is_day { to.moment.plus(DAY - 1) } else { to.moment });
        Ok(Some((from.map_or(Moment(i64::MIN / 2), |from| from.moment), last.unwrap_or(Moment(i64::MAX / 2)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_date_as_the_end_of_a_window_is_its_whole_day() {
        let query = Query::parse("a=2024-02-28&b=2024-02-29&c=2024-02-29T23:59:59&d=x");
        let (first, last) = query.window(("a", "b")).unwrap().unwrap();
        assert_eq!(last.0 - first.0, 2 * DAY - 1);
        assert_eq!(query.window(("a", "c")).unwrap().unwrap().1, last);
        assert_eq!(query.window(("x", "y")).unwrap(), None);
        assert!(query.window(("a", "d")).unwrap_err().contains("not valid for d"));
    }
}
