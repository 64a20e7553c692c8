//! The fields of a date format: their codes, and how the text of each is recognized.

/// A field of a format, in the order in which ISO 8601 writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
    Offset,
}

/// The codes of fields. Everything else of `strftime` depends on a language, a century or half a day.
pub(super) const CODES: [(&str, Field, bool); 11] = [
    ("%Y", Field::Year, false),
    ("%m", Field::Month, false),
    ("%-m", Field::Month, true),
    ("%d", Field::Day, false),
    ("%-d", Field::Day, true),
    ("%H", Field::Hour, false),
    ("%-H", Field::Hour, true),
    ("%M", Field::Minute, false),
    ("%S", Field::Second, false),
    ("%f", Field::Fraction, false),
    ("%z", Field::Offset, false),
];

impl Field {
    /// Length of this field's value at the beginning of a text, bytes; 0 if there is none.
    pub(super) fn length(self, is_short: bool, text: &[u8]) -> usize {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match self {
            Self::Year => {
                if digits < 4 || text[0] == b'0' {
                    0
                } else {
                    4
                }
            }
            Self::Fraction => digits,
            Self::Offset => offset(text),
            _ if is_short => digits.min(2),
            _ => {
                if digits < 2 {
                    0
                } else {
                    2
                }
            }
        }
    }

    /// The same as a regular expression of PostgreSQL's, one group. Without braces, which mean placeholders
    /// in a model.
    pub(super) fn pattern(self, is_short: bool) -> &'static str {
        match self {
            Self::Year => "([1-9][0-9][0-9][0-9])",
            Self::Fraction => "([0-9]+)",
            Self::Offset => "([Zz]|[+-][0-9][0-9](?::?[0-9][0-9])?)",
            _ if is_short => "([0-9][0-9]?)",
            _ => "([0-9][0-9])",
        }
    }
}

/// The length of `Z`, `+03`, `+0300` or `+03:00` at the beginning of a text; 0 if there is none.
fn offset(text: &[u8]) -> usize {
    let is_number = |at: usize| text.get(at..at + 2).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    match text.first() {
        Some(b'Z' | b'z') => 1,
        Some(b'+' | b'-') if is_number(1) => {
            let colon = usize::from(text.get(3) == Some(&b':'));
            if is_number(3 + colon) { 5 + colon } else { 3 }
        }
        _ => 0,
    }
}
