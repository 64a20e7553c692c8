//! Values as people write them: whole numbers in a range, durations (`5s`, `1m30s`), sizes (`64MiB`).

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

const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];

/// A duration: whole numbers with units ms, s, m, h, d, as in `5s` or `1m30s`.
///
/// # Errors
/// `Config` for anything else.
pub fn duration(text: &str) -> Result<Duration> {
    let total = parts(text).and_then(|parts| {
        parts.into_iter().try_fold(0_u64, |total, (number, unit)| {
            let (_, ms) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
            total.checked_add(number.checked_mul(*ms)?)
        })
    });
    total.map(Duration::from_millis).ok_or_else(|| unexpected("a duration such as 500ms, 5s, 4m or 1m30s", text))
}

/// A duration that is not zero.
pub(super) fn duration_above_zero(text: &str) -> Result<Duration> {
    duration(text).and_then(|d| if d.is_zero() { Err(unexpected("a duration above zero", text)) } else { Ok(d) })
}

/// A duration in the syntax that [`duration`] reads.
#[cfg(test)]
fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, ms) in DURATION_UNITS.iter().rev() {
        if rest >= *ms {
            text.push_str(&format!("{}{unit}", rest / ms));
            rest %= ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
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

/// Splits `1m30s` into numbers and units; none when a number or a unit is missing.
fn parts(text: &str) -> Option<Vec<(u64, &str)>> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let tail = tail.trim_start();
        let unit_ends = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        parts.push((number.parse().ok()?, &tail[..unit_ends]));
        rest = tail[unit_ends..].trim_start();
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in
            [("5s", 5_000), ("4m", 240_000), ("500ms", 500), ("1m30s", 90_000), ("2 h", 7_200_000), ("0s", 0)]
        {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for text in ["", "5", "s", "5x", "-5s", "1.5s", "99999999999999999999s", "999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
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
            assert_eq!(duration(&show_duration(value)).unwrap(), value);
        }
        for bytes in [0, 1, 1023, 1024, 64 << 20, (64 << 20) + 1] {
            assert_eq!(size(&show_size(bytes), 0, u64::MAX).unwrap(), bytes);
        }
    }

    #[test]
    fn a_number_out_of_range_names_the_range() {
        let error = whole("0", 1, 256).unwrap_err();
        assert_eq!(error.message(), "expected a whole number from 1 to 256, found \"0\"");
        assert_eq!(whole("20_000", 1, 1_000_000).unwrap(), 20_000);
    }
}
