//! The newest change that the records of a window show, by the field that tells when each has changed.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// The newest moments seen, of those with a zone and of those without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Local times of the entity's zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<NaiveDateTime>,
}

/// A moment as a source writes it.
enum Moment {
    At(DateTime<Utc>),
    Local(NaiveDateTime),
}

impl Newest {
    /// Adds what a field holds; a text that is no time says nothing.
    pub(super) fn add(&mut self, text: &str, format: &str) {
        match moment(text.trim(), format) {
            Some(Moment::At(at)) => self.at = self.at.max(Some(at)),
            Some(Moment::Local(local)) => self.local = self.local.max(Some(local)),
            None => {}
        }
    }

    /// Whether no time was seen.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

fn moment(text: &str, format: &str) -> Option<Moment> {
    if format.contains("%s") {
        // Seconds or milliseconds since 1970.
        let number = text.parse::<i64>().ok()?;
        let seconds = if number < 100_000_000_000 { number } else { number / 1_000 };
        return DateTime::from_timestamp(seconds, 0).map(Moment::At);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, format)) {
        return Some(Moment::At(at.to_utc()));
    }
    let formats = [format, "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || [format, "%Y-%m-%d"].iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok());
    local.or_else(|| Some(day()?.and_time(NaiveTime::MIN))).map(Moment::Local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(texts: &[&str], format: &str) -> Newest {
        let mut newest = Newest::default();
        texts.iter().for_each(|text| newest.add(text, format));
        newest
    }

    #[test]
    fn times_are_read_as_sources_write_them() {
        let at = |text: &str| Newest { at: Some(text.parse().unwrap()), local: None };
        let local = |text: &str| Newest { at: None, local: Some(text.parse().unwrap()) };
        for (text, format, expected) in [
            ("2026-01-10T12:00:00Z", "%Y-%m-%d", at("2026-01-10T12:00:00Z")),
            ("2026-01-10T12:00:00.5-03:00", "%+", at("2026-01-10T15:00:00.5Z")),
            ("1768046400", "%s", at("2026-01-10T12:00:00Z")),
            ("1768046400123", "%s", at("2026-01-10T12:00:00Z")),
            ("20260110120000", "%Y%m%d%H%M%S", local("2026-01-10T12:00:00")),
            ("2026-01-10T12:00:00", "%+", local("2026-01-10T12:00:00")),
            ("2026-01-10 12:00:00.25", "%Y-%m-%d", local("2026-01-10T12:00:00.25")),
            ("10/01/2026", "%d/%m/%Y", local("2026-01-10T00:00:00")),
            ("2026-01-10", "%Y-%m-%dT%H:%M:%S", local("2026-01-10T00:00:00")),
        ] {
            assert_eq!(newest(&[text], format), expected, "{text}");
        }
        assert!(newest(&["", "soon", "7", "0001"], "%Y-%m-%d").is_none());
    }

    #[test]
    fn the_newest_counts_in_any_order() {
        let times = ["2026-01-09T00:00:00Z", "2026-01-10T00:00:00Z", "never", "2025-12-31T00:00:00Z"];
        assert_eq!(newest(&times, "%+").at, "2026-01-10T00:00:00Z".parse().ok());
    }
}
