//! Dates and times of documents: the language of `docs/values.md`, as the casts in SQL read it.

use chrono::{DateTime, Utc};

use crate::entity::DateFormat;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Days between 1970 and PostgreSQL's epoch, 2000-01-01.
pub(super) const POSTGRES_EPOCH_DAYS: i32 = 10_957;
/// Microseconds between 1970 and PostgreSQL's epoch.
const POSTGRES_EPOCH_MICROS: i64 = POSTGRES_EPOCH_DAYS as i64 * DAY;

/// A time of the document: microseconds since 2000-01-01, local to the entity's zone unless the text named an
/// offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since 2000-01-01 00:00.
    pub micros: i64,
    /// Whether the text named its offset, so that `micros` is UTC.
    pub is_utc: bool,
}

/// The instant that lies so many microseconds after 2000-01-01 UTC.
pub fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros + POSTGRES_EPOCH_MICROS).unwrap_or_default()
}

/// Reads a time in one of the entity's own formats, or else ISO 8601.
pub fn parse_in(text: &str, formats: &[DateFormat]) -> Option<Event> {
    formats.iter().find_map(|format| parse(&format.to_iso(text)?)).or_else(|| parse(text))
}

/// Reads ISO 8601, extended or basic: a day, or a day and a time, with or without an offset. Ignores
/// surrounding blanks.
pub fn parse(text: &str) -> Option<Event> {
    let mut rest = Rest(trimmed(text.as_bytes()));
    let year = rest.number(4).filter(|year| *year >= 1000)?;
    let is_extended = rest.skip(b'-');
    let month = rest.number(2)?;
    if rest.skip(b'-') != is_extended {
        return None;
    }
    let day = rest.number(2)?;
    let day = days(year, month, day)? * DAY;
    if rest.0.is_empty() {
        return Some(Event { micros: day, is_utc: false });
    }
    if !(rest.skip(b'T') || rest.skip(b't') || rest.skip(b' ')) {
        return None;
    }
    let time = clock(&mut rest, is_extended)?;
    let offset = offset(&mut rest)?;
    rest.0.is_empty().then_some(Event { micros: day + time - offset.unwrap_or(0), is_utc: offset.is_some() })
}

/// Microseconds since midnight. 24:00 is the end of the day, and second 60 the beginning of the next minute.
fn clock(rest: &mut Rest<'_>, is_extended: bool) -> Option<i64> {
    let hour = rest.number(2)?;
    if rest.skip(b':') != is_extended {
        return None;
    }
    let minute = rest.number(2)?;
    let (mut second, mut fraction) = (0, 0);
    let has_second = if is_extended { rest.skip(b':') } else { rest.0.first().is_some_and(u8::is_ascii_digit) };
    if has_second {
        second = rest.number(2)?;
        if rest.skip(b'.') {
            fraction = rest.fraction()?;
        }
    }
    let is_time = (hour <= 23 && minute <= 59 && second <= 59)
        || (hour <= 23 && minute <= 59 && second == 60 && fraction == 0)
        || (hour == 24 && minute == 0 && second == 0 && fraction == 0);
    is_time.then_some(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

/// `Z`, `+03`, `+0300` or `+03:00` in microseconds; `None` inside for no offset.
fn offset(rest: &mut Rest<'_>) -> Option<Option<i64>> {
    if rest.skip(b'Z') || rest.skip(b'z') {
        return Some(Some(0));
    }
    let sign = if rest.skip(b'+') {
        1
    } else if rest.skip(b'-') {
        -1
    } else {
        return Some(None);
    };
    let hours = rest.number(2).filter(|hours| *hours <= 15)?;
    let minutes = match rest.skip(b':') || !rest.0.is_empty() {
        true => rest.number(2).filter(|minutes| *minutes <= 59)?,
        false => 0,
    };
    Some(Some(sign * (hours * 60 + minutes) * 60_000_000))
}

/// Days since 2000-01-01 of a day that exists.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    // Counted from March, so that the leap day is the last of a year: the civil calendar's well-known
    // formula.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468 - i64::from(POSTGRES_EPOCH_DAYS))
}

/// The text without the characters around it that are blanks to PostgreSQL.
fn trimmed(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// The part of a text that is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    /// Reads a number of exactly this many digits; `None` if there is anything else.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    }

    /// The microseconds of a fraction of any length; what is finer is cut off.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
        self.0 = rest;
        Some((0..6).fold(0, |value, i| value * 10 + digits.get(i).map_or(0, |byte| i64::from(byte - b'0'))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_local_unless_it_names_its_offset() {
        assert_eq!(parse("2000-01-01T00:00:01.5"), Some(Event { micros: 1_500_000, is_utc: false }));
        assert_eq!(parse("2000-01-01T00:00:00-03:00"), Some(Event { micros: 3 * 3_600_000_000, is_utc: true }));
        assert_eq!(parse("2000-01-02"), Some(Event { micros: DAY, is_utc: false }));
        assert_eq!(parse("1999-12-31T23:59:60"), Some(Event { micros: 0, is_utc: false }));
        assert_eq!((parse("now"), parse("2024-03-18T06:12+-03:00")), (None, None));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        // Every day that exists follows the one before it, from 1000 to 9999.
        let mut expected = days(1000, 1, 1).unwrap();
        assert_eq!((days(1970, 1, 1), days(2000, 1, 1), expected), (Some(-10_957), Some(0), -365_242));
        for year in 1000..=9999 {
            for month in 1..=12 {
                for day in 1..=32 {
                    if let Some(number) = days(year, month, day) {
                        assert_eq!(number, expected, "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!((days(2023, 2, 29), days(1900, 2, 29), days(2000, 2, 29).is_some()), (None, None, true));
    }
}
