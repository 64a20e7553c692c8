//! Whether two formats read one text as two different times.

use super::field::Field;
use super::format::{DateFormat, Piece};

/// A text in `format` that `other` reads as another time; `None` if there is none in the years 1900 to 2099.
pub(super) fn conflict(format: &DateFormat, other: &DateFormat) -> Option<String> {
    let mut samples = Vec::new();
    for year in [1987, 2003, 2012] {
        for month in [4, 10, 12] {
            for day in [5, 11, 12, 28] {
                samples.extend([[6, 7, 8], [10, 11, 12], [12, 10, 11]].map(|time| (year, month, day, time)));
            }
        }
    }
    samples.into_iter().map(|sample| example(format, sample)).find(|text| {
        let readings = (format.to_iso(text), other.to_iso(text));
        matches!(&readings, (Some(own), Some(others)) if own != others && is_plausible(others))
    })
}

fn example(format: &DateFormat, (year, month, day, [hour, minute, second]): (u16, u16, u16, [u16; 3])) -> String {
    let write = |piece: &Piece| match piece {
        Piece::Literal(byte) => char::from(*byte).to_string(),
        Piece::Field { field, is_short } => {
            let number = match field {
                Field::Year => year,
                Field::Month => month,
                Field::Day => day,
                Field::Hour => hour,
                Field::Minute => minute,
                Field::Second => second,
                Field::Fraction => return "5".to_owned(),
                Field::Offset => return "+03:00".to_owned(),
            };
            if *is_short { number.to_string() } else { format!("{number:02}") }
        }
    };
    format.pieces.iter().map(write).collect()
}

/// Whether an ISO text is a possible time: no month 20, no hour 30.
fn is_plausible(iso: &str) -> bool {
    let number = |at: usize| iso.get(at..at + 2).and_then(|digits| digits.parse::<u8>().ok()).unwrap_or(0);
    (1..=12).contains(&number(5))
        && (1..=31).contains(&number(8))
        && number(11) < 24
        && number(14) < 60
        && number(17) < 60
}

/// The forms of ISO 8601 that evo reads, as formats.
pub(super) fn iso_8601() -> Vec<DateFormat> {
    let mut texts = Vec::new();
    for (date, times) in
        [("%Y-%m-%d", ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f"]), ("%Y%m%d", ["%H%M", "%H%M%S", "%H%M%S.%f"])]
    {
        texts.push(date.to_owned());
        for (separator, time) in ["T", " "].into_iter().flat_map(|s| times.map(|time| (s, time))) {
            texts.extend(["", "%z"].map(|zone| format!("{date}{separator}{time}{zone}")));
        }
    }
    texts.iter().filter_map(|text| DateFormat::parse(text).ok()).collect()
}
