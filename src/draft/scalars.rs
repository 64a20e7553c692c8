//! What a text could be, in the language of docs/values.md.

use std::sync::LazyLock;

use uuid::Uuid;

use crate::entity::DateFormat;
use crate::stage::time;

/// Formats of dates that are looked for, besides ISO 8601. Where two read a text, the first one counts.
pub(super) const DATE_FORMATS: [&str; 10] = [
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y",
    "%Y/%m/%d",
];

static PARSED: LazyLock<Vec<DateFormat>> =
    LazyLock::new(|| DATE_FORMATS.iter().filter_map(|text| DateFormat::parse(text).ok()).collect());

/// What a text could be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fits {
    pub integer: bool,
    pub decimal: bool,
    pub number: bool,
    pub code: bool,
    pub truth: bool,
    pub day: bool,
    pub local_time: bool,
    pub instant: bool,
    pub midnight: bool,
    pub uuid: bool,
    /// The number of elements of a JSON array of plain values.
    pub list: Option<u64>,
    pub formats: [bool; DATE_FORMATS.len()],
}

/// What a text that is not empty could be. A text of words is found out by its first byte.
pub(super) fn fits_of_text(text: &str) -> Fits {
    let mut fits = Fits::default();
    let bytes = text.as_bytes();
    match bytes[0] {
        b'0'..=b'9' | b'-' | b'+' | b'.' => {
            add_number(&mut fits, text);
            if !fits.number && bytes.len() >= 8 && bytes.len() <= 40 {
                add_time(&mut fits, text);
            }
        }
        b'[' => fits.list = elements_of_list(text),
        _ => fits.truth = is_truth(text),
    }
    fits.uuid = bytes.len() == 36 && bytes[8] == b'-' && Uuid::try_parse(text).is_ok();
    fits
}

fn add_number(fits: &mut Fits, text: &str) {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.contains('.') || digits.ends_with('.') {
        return;
    }
    fits.number = true;
    fits.code = whole.len() > 1 && whole.starts_with('0');
    fits.integer = !digits.contains('.') && text.parse::<i64>().is_ok();
    fits.decimal = whole.len() <= 13 && fraction.trim_end_matches('0').len() <= 2;
}

fn add_time(fits: &mut Fits, text: &str) {
    if let Some(event) = time::parse(text) {
        let is_day = text.len() <= 10;
        fits.day = is_day;
        fits.instant = event.is_utc;
        fits.local_time = !is_day && !event.is_utc;
        fits.midnight = fits.local_time && event.micros % 86_400_000_000 == 0;
        return;
    }
    if !matches!(text.as_bytes()[2], b'/' | b'.' | b'-') && text.as_bytes()[4] != b'/' {
        return;
    }
    for (found, format) in fits.formats.iter_mut().zip(PARSED.iter()) {
        *found = format.to_iso(text).is_some_and(|iso| time::parse(&iso).is_some());
    }
}

fn is_truth(text: &str) -> bool {
    ["true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn elements_of_list(text: &str) -> Option<u64> {
    let is_plain = |value: &serde_json::Value| !value.is_array() && !value.is_object();
    let list: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    list.iter().all(is_plain).then_some(list.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_one_that_an_entity_may_declare() {
        assert_eq!(PARSED.len(), DATE_FORMATS.len());
    }

    #[test]
    fn a_text_is_what_the_language_of_values_says() {
        let of = |text: &str| {
            let fits = fits_of_text(text);
            let all = [
                (fits.integer, "integer"),
                (fits.decimal, "decimal"),
                (fits.code, "code"),
                (fits.truth, "truth"),
                (fits.day, "day"),
                (fits.local_time, "local"),
                (fits.instant, "instant"),
                (fits.midnight, "midnight"),
                (fits.uuid, "uuid"),
                (fits.list.is_some(), "list"),
            ];
            all.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("7", "integer decimal"),
            ("007", "integer decimal code"),
            ("0", "integer decimal"),
            ("0.50", "decimal"),
            ("10.125", ""),
            ("1.", ""),
            ("1.2.3", ""),
            ("12345678901234", "integer"),
            ("Yes", "truth"),
            ("2024-03-18", "day"),
            ("2024-03-18T00:00:00", "local midnight"),
            ("2024-03-18 06:12", "local"),
            ("2024-03-18T00:00:00-03:00", "instant"),
            ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid"),
            ("[\"a\", 1]", "list"),
            ("[{}]", ""),
            ("+55 11 99999", ""),
            ("漢字", ""),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
