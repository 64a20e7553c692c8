//! Values as people write them: whole numbers in a range, durations (`5s`, `1m30s`), sizes (`64MiB`), shares
//! (`2%`).

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// An error that says what was expected and what was found. Never for a secret.
pub(super) fn unexpected(expected: &str, found: &str) -> Error {
    Error::new(Kind::Config, format!("expected {expected}, found {found:?}"))
}

/// A whole number from `min` to `max`, both included; underscores may group its digits.
pub(super) fn whole(text: &str, min: u64, max: u64) -> Result<u64> {
    let number = text.replace('_', "").parse().ok().filter(|n| (min..=max).contains(n));
    number.ok_or_else(|| unexpected(&format!("a whole number from {min} to {max}"), text))
}

/// A duration as in `5s`, `1m 30s` or `1.5h`.
fn any_duration(text: &str) -> Result<Duration> {
    humantime::parse_duration(text.trim()).map_err(|_| unexpected("a duration such as 500ms, 5s, 4m or 1m30s", text))
}

/// A duration from `min` to `max`, both included.
pub(super) fn duration(text: &str, min: Duration, max: Duration) -> Result<Duration> {
    let value = any_duration(text)?;
    let expected = || format!("a duration from {} to {}, such as 5s or 1m30s", show_duration(min), show_duration(max));
    if (min..=max).contains(&value) { Ok(value) } else { Err(unexpected(&expected(), text)) }
}

/// A duration in the syntax that [`duration`] reads.
pub(super) fn show_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Scheme and host of an address whose rest may be a credential: `https://hooks.slack.com/***`.
pub(super) fn show_host(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(url) => {
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            let rest = if url.path().len() > 1 || url.query().is_some() { "/***" } else { "" };
            format!("{}://{}{port}{rest}", url.scheme(), url.host_str().unwrap_or_default())
        }
        Err(_) => "***".to_owned(),
    }
}

const SIZE_UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A number of bytes from `min` to `max`: `1048576`, `64MiB`, `100 MB`.
pub(super) fn size(text: &str, min: u64, max: u64) -> Result<u64> {
    let number_ends = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_ends);
    let unit = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()));
    let bytes = unit.and_then(|(_, factor)| number.replace('_', "").parse::<u64>().ok()?.checked_mul(*factor));
    bytes.filter(|bytes| (min..=max).contains(bytes)).ok_or_else(|| {
        unexpected(&format!("a size from {} to {}, such as 64MiB", show_size(min), show_size(max)), text)
    })
}

/// A size in the syntax that [`size`] reads, in the largest binary unit that divides it.
pub(super) fn show_size(bytes: u64) -> String {
    let unit = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    unit.map_or_else(|| bytes.to_string(), |(name, factor)| format!("{}{name}", bytes / factor))
}

/// A share of a whole, from 0 to 1. Written as a percentage (`2%`, `12.5 %`) or as a fraction below one
/// (`0.02`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// The share as a number from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0
    }
}

impl std::str::FromStr for Share {
    type Err = Error;

    /// # Errors
    /// `Config` for anything else. A bare `2` or `30` is refused, because it could mean a percentage or a
    /// factor.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || unexpected("a share from 0% to 100%, such as 2% or 0.02", text);
        let number = |text: &str| {
            let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            text.parse::<f64>().ok().filter(|_| is_plain).ok_or_else(wrong)
        };
        let share = match text.trim().strip_suffix('%') {
            Some(percent) => number(percent.trim_end())? / 100.0,
            None => match number(text.trim())? {
                fraction if fraction < 1.0 => fraction,
                bare if bare <= 100.0 => return Err(wrong().hint(format!("did you mean {bare}%?"))),
                _ => return Err(wrong()),
            },
        };
        if share <= 1.0 { Ok(Self(share)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded, because 7 % is 7.000000000000001 in binary.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in
            [("5s", 5_000), ("4m", 240_000), ("500ms", 500), ("1m30s", 90_000), ("1.5h", 5_400_000), ("0s", 0)]
        {
            assert_eq!(any_duration(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for text in ["", "5", "s", "5x", "-5s", "99999999999999999999s", "999999999999999999d"] {
            assert!(any_duration(text).is_err(), "{text}");
        }
        let bounded = |text| duration(text, Duration::from_secs(1), Duration::from_secs(86_400));
        assert_eq!(bounded("1s").unwrap(), Duration::from_secs(1));
        let error = bounded("999ms").unwrap_err();
        assert_eq!(error.message(), "expected a duration from 1s to 1day, such as 5s or 1m30s, found \"999ms\"");
        assert!(bounded("1d1ms").is_err());
    }

    #[test]
    fn a_share_is_a_percentage_or_a_fraction_and_a_bare_number_is_neither() {
        let share = |text: &str| text.parse::<Share>();
        for (text, fraction, shown) in [
            ("30%", 0.3, "30%"),
            ("12.5 %", 0.125, "12.5%"),
            ("0.02", 0.02, "2%"),
            ("0", 0.0, "0%"),
            ("100%", 1.0, "100%"),
            ("7%", 0.07, "7%"),
        ] {
            let share = share(text).unwrap();
            assert!((share.fraction() - fraction).abs() < 1e-12, "{text}");
            assert_eq!(share.to_string(), shown);
        }
        for wrong in ["101%", "-1%", "x%", "", "%", "nan", "inf", "1e9", "1e-1", "+5%", "30.0.0%", "1000"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert_eq!(share("30").unwrap_err().hint_text(), Some("did you mean 30%?"));
        assert_eq!(share("1").unwrap_err().hint_text(), Some("did you mean 1%?"));
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("64MiB", 64 << 20), ("1_000", 1_000), ("100 MB", 100_000_000), ("1gib", 1 << 30)] {
            assert_eq!(size(text, 0, u64::MAX).unwrap(), bytes, "{text}");
        }
        for text in ["", "MiB", "64 elephants", "-1", "1.5MiB", "99999999999GiB"] {
            assert!(size(text, 0, u64::MAX).is_err(), "{text}");
        }
        assert_eq!(
            size("1", 1024, 1 << 30).unwrap_err().message(),
            "expected a size from 1KiB to 1GiB, such as 64MiB, found \"1\""
        );
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for ms in [0, 1, 999, 1_000, 90_000, 90_061_001] {
            let value = Duration::from_millis(ms);
            assert_eq!(any_duration(&show_duration(value)).unwrap(), value);
        }
        for bytes in [0, 1, 1023, 1024, 64 << 20, (64 << 20) + 1] {
            assert_eq!(size(&show_size(bytes), 0, u64::MAX).unwrap(), bytes);
        }
    }

    #[test]
    fn of_an_address_only_the_host_is_shown() {
        for (address, shown) in [
            ("https://hooks.slack.com/services/hunter2", "https://hooks.slack.com/***"),
            ("http://user:hunter2@collector:4318", "http://collector:4318"),
            ("http://x/?sig=hunter2", "http://x/***"),
            ("hunter2", "***"),
        ] {
            assert_eq!(show_host(address), shown);
        }
    }

    #[test]
    fn a_number_out_of_range_names_the_range() {
        let error = whole("0", 1, 256).unwrap_err();
        assert_eq!(error.message(), "expected a whole number from 1 to 256, found \"0\"");
        assert_eq!(whole("20_000", 1, 1_000_000).unwrap(), 20_000);
    }
}
