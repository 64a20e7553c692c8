//! Parsers for flags that are not settings, with the same grammar and wording.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::value::{self, Share, unexpected};
use crate::error::Error;

/// A whole number from `min` to `max`.
pub fn whole<T: TryFrom<u64>>(min: u64, max: u64) -> impl Fn(&str) -> Result<T, Error> + Clone + Send + Sync {
    move |text| {
        let number = value::whole(text, min, max)?;
        T::try_from(number).map_err(|_| unexpected(&format!("a whole number from {min} to {max}"), text))
    }
}

/// A duration from zero to `max_s` seconds.
pub fn time(max_s: u64) -> impl Fn(&str) -> Result<Duration, Error> + Clone + Send + Sync {
    move |text| value::duration(text, Duration::ZERO, Duration::from_secs(max_s))
}

/// A share of a whole: `2%` or `0.02`.
///
/// # Errors
/// `Config` for anything else.
pub fn share(text: &str) -> Result<Share, Error> {
    text.parse()
}

/// A day of the years 1 to 9999: `2026-01-31`.
///
/// # Errors
/// `Config` for anything else.
pub fn day(text: &str) -> Result<NaiveDate, Error> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_plain && !text.starts_with("0000"));
    day.ok_or_else(|| unexpected("a day such as 2026-01-31", text))
}

/// An address with a port: `127.0.0.1:8080`.
///
/// # Errors
/// `Config` for anything else, also for a name: a server listens on an address.
pub fn socket(text: &str) -> Result<SocketAddr, Error> {
    text.parse().map_err(|_| unexpected("an address and a port such as 127.0.0.1:8080", text))
}

/// A moment with its offset: `2026-01-31T12:00:00Z`.
///
/// # Errors
/// `Config` for anything else.
pub fn moment(text: &str) -> Result<DateTime<Utc>, Error> {
    text.parse().map_err(|_| unexpected("a time such as 2026-01-31T12:00:00Z", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_of_its_range_or_type_names_the_range() {
        assert_eq!(whole::<i32>(1, 9999)("2025").unwrap(), 2025);
        for text in ["0", "10000", "-5", "x", "", "1.5", "99999999999999999999999"] {
            let error = whole::<i32>(1, 9999)(text).unwrap_err();
            assert_eq!(error.message(), format!("expected a whole number from 1 to 9999, found {text:?}"));
        }
    }

    #[test]
    fn a_day_is_written_in_full_and_exists() {
        assert!(day("2026-01-31").is_ok());
        for text in ["2026-02-30", "2026-1-1", "+262142-01-01", "0000-01-01", "yesterday", "31.01.2026", ""] {
            assert!(day(text).unwrap_err().message().contains("2026-01-31"), "{text}");
        }
    }
}
