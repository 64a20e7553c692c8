//! One date format: read from its declaration, applied to a text, rendered for SQL.

use super::field::{CODES, Field};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A field; `is_short` if a leading zero may be missing.
    Field {
        field: Field,
        is_short: bool,
    },
    Literal(u8),
}

/// A date format that an entity declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    /// The format as it is declared.
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

impl DateFormat {
    /// Reads a format such as `%d/%m/%Y %H:%M`.
    ///
    /// # Errors
    /// `Config`, with what is not understood and what to write instead.
    pub fn parse(text: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.bytes().next() {
            if let Some((code, field, is_short)) = CODES.iter().find(|(code, ..)| rest.starts_with(code)) {
                pieces.push(Piece::Field { field: *field, is_short: *is_short });
                rest = &rest[code.len()..];
            } else if first.is_ascii_alphabetic() || b" -/.,:;_".contains(&first) {
                pieces.push(Piece::Literal(first));
                rest = &rest[1..];
            } else {
                let (reason, hint) = unknown(rest);
                return Err(refused(text, &reason, &hint));
            }
        }
        let format = Self { text: text.to_owned(), pieces };
        format.check().map_err(|(reason, hint)| refused(text, reason, hint))?;
        Ok(format)
    }

    /// The format as it is declared.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn check(&self) -> std::result::Result<(), (&'static str, &'static str)> {
        use Field as F;
        let fields: Vec<F> = self.fields().map(|(field, _)| field).collect();
        let has = |field| fields.contains(&field);
        if fields.iter().enumerate().any(|(i, field)| fields[..i].contains(field)) {
            return Err(("names a field twice", "write each of day, month, year, hour … once"));
        }
        if ![F::Day, F::Month, F::Year].into_iter().all(has) {
            return Err(("is not a whole day", "write %d, %m and %Y in the order of the documents: %d/%m/%Y"));
        }
        let needs = [(F::Hour, F::Minute), (F::Minute, F::Hour), (F::Second, F::Minute), (F::Fraction, F::Second)];
        if needs.into_iter().any(|(field, other)| has(field) && !has(other)) || has(F::Offset) && !has(F::Hour) {
            return Err(("is not a whole time", "write %H:%M, %H:%M:%S, %H:%M:%S.%f, each also followed by %z"));
        }
        let ends = |piece: Option<&Piece>| matches!(piece, None | Some(Piece::Literal(b' ')));
        if ends(self.pieces.first()) || ends(self.pieces.last()) {
            return Err(("begins or ends with a blank", "remove it: blanks around a value do not count"));
        }
        for pair in self.pieces.windows(2) {
            match pair {
                [Piece::Field { field: F::Offset, .. }, _] => {
                    return Err(("has something after its offset", "write %z at the end"));
                }
                [Piece::Field { field, is_short }, Piece::Field { field: next, .. }]
                    if (*is_short || *field == F::Fraction) && *next != F::Offset =>
                {
                    let hint = "separate the two, or write a field of a fixed width: %d, %m or %H";
                    return Err(("does not say where one field ends and the next begins", hint));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The fields in the order of the text, and whether each may lack its leading zero.
    fn fields(&self) -> impl Iterator<Item = (Field, bool)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field { field, is_short } => Some((*field, *is_short)),
            Piece::Literal(_) => None,
        })
    }

    /// The text as ISO 8601, `2024-03-18` or `2024-03-18T06:12:45.5-03:00`; `None` if it is not written in
    /// this format, apart from blanks around it. The day or the time may be one that does not exist.
    pub fn to_iso(&self, text: &str) -> Option<String> {
        let mut rest = text.trim_matches(|c| matches!(c, ' ' | '\t'..='\r')).as_bytes();
        let mut values: [&[u8]; 8] = [b""; 8];
        for piece in &self.pieces {
            let length = match piece {
                Piece::Literal(byte) => usize::from(rest.first() == Some(byte)),
                Piece::Field { field, is_short } => field.length(*is_short, rest),
            };
            let (value, behind) = rest.split_at_checked(length).filter(|(value, _)| !value.is_empty())?;
            if let Piece::Field { field, .. } = piece {
                values[*field as usize] = value;
            }
            rest = behind;
        }
        let value = |field: Field| std::str::from_utf8(values[field as usize]).unwrap_or_default();
        rest.is_empty().then(|| self.iso(|field| format!("{:0>2}", value(field)), |field| value(field).to_owned()))
    }

    /// ISO 8601 with these texts for fields of two digits at least, and for the others.
    fn iso(&self, padded: impl Fn(Field) -> String, plain: impl Fn(Field) -> String) -> String {
        let has = |field| self.fields().any(|(own, _)| own == field);
        let mut iso = format!("{}-{}-{}", plain(Field::Year), padded(Field::Month), padded(Field::Day));
        for (field, sign) in [(Field::Hour, 'T'), (Field::Minute, ':'), (Field::Second, ':')] {
            if has(field) {
                iso.push(sign);
                iso += &padded(field);
            }
        }
        if has(Field::Fraction) {
            iso.push('.');
            iso += &plain(Field::Fraction);
        }
        if has(Field::Offset) {
            iso += &plain(Field::Offset);
        }
        iso
    }

    /// The arguments of `evo.to_iso` after the value: a pattern of the format, and ISO 8601 with the
    /// pattern's groups.
    pub fn arguments(&self) -> String {
        let pattern: String = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(b'.') => "[.]".to_owned(),
                Piece::Literal(byte) => char::from(*byte).to_string(),
                Piece::Field { field, is_short } => field.pattern(*is_short).to_owned(),
            })
            .collect();
        let place = |field| self.fields().position(|(own, _)| own == field).map_or(0, |i| i + 1);
        let is_short = |field| self.fields().any(|(own, is_short)| own == field && is_short);
        let group = |field| format!("\\{}", place(field));
        // `evo.to_iso` removes a zero too many.
        let padded = |field| format!("{}{}", if is_short(field) { "0" } else { "" }, group(field));
        format!("'^[[:space:]]*{pattern}[[:space:]]*$', '{}'", self.iso(padded, group))
    }
}

pub(super) fn refused(format: &str, reason: &str, hint: &str) -> Error {
    Error::new(Kind::Config, format!("the date format {format:?} {reason}")).hint(hint)
}

/// The fault at the beginning of `rest`, and a hint.
fn unknown(rest: &str) -> (String, String) {
    let known = CODES.map(|(code, ..)| code).join(" ");
    let Some(code) = rest.strip_prefix('%').and_then(|code| code.trim_start_matches('-').chars().next()) else {
        let what = match rest.chars().next() {
            Some(digit) if digit.is_ascii_digit() => "holds a digit".to_owned(),
            Some(other) if other != '%' => format!("holds {:?}", other.to_string()),
            _ => "ends in %".to_owned(),
        };
        return (what, "between the fields there may be letters, blanks and - / . , : ; _".to_owned());
    };
    let hint = match code {
        'y' => "a year has four digits, %Y: two do not name a century".to_owned(),
        'b' | 'B' | 'h' | 'a' | 'A' => format!("names of months and days depend on a language; there are {known}"),
        'I' | 'l' | 'p' | 'P' => format!("times have 24 hours; there are {known}"),
        _ => format!("there are {known}"),
    };
    (format!("has the unknown field %{code}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(format: &str, text: &str) -> Option<String> {
        DateFormat::parse(format).unwrap().to_iso(text)
    }

    #[test]
    fn a_text_is_read_in_the_format_and_in_no_other() {
        for (format, text, expected) in [
            ("%d/%m/%Y", "18/03/2024", "2024-03-18"),
            ("%d/%m/%Y", " 18/03/2024\t", "2024-03-18"),
            ("%d/%m/%Y", "31/02/2024", "2024-02-31"),
            ("%-d/%-m/%Y", "8/3/2024", "2024-03-08"),
            ("%-d/%-m/%Y", "18/12/2024", "2024-12-18"),
            ("%d.%m.%Y %H:%M", "18.03.2024 06:12", "2024-03-18T06:12"),
            ("%d/%m/%Y %-Hh%M", "18/03/2024 6h12", "2024-03-18T06:12"),
            ("%d%m%Y%H%M%S.%f%z", "18032024061245.125-0300", "2024-03-18T06:12:45.125-0300"),
        ] {
            assert_eq!(iso(format, text).as_deref(), Some(expected), "{format} {text:?}");
        }
        for (format, text) in [
            ("%d/%m/%Y", "8/03/2024"),
            ("%d/%m/%Y", "18/03/24"),
            ("%d/%m/%Y", "18/03/0024"),
            ("%d/%m/%Y", "18-03-2024"),
            ("%d/%m/%Y", "18/03/2024 06:12"),
            ("%d/%m/%Y", "18/03/20245"),
            ("%d/%m/%Y", "2024-03-18"),
            ("%-d/%-m/%Y", "118/3/2024"),
            ("%d/%m/%Y %H:%M%z", "18/03/2024 06:12+3"),
        ] {
            assert_eq!(iso(format, text), None, "{format} {text:?}");
        }
    }

    #[test]
    fn a_cast_gets_the_pattern_and_the_iso_text_of_a_format() {
        let sql = |format: &str| DateFormat::parse(format).unwrap().arguments();
        let blanks = "[[:space:]]*";
        assert_eq!(
            sql("%d/%m/%Y"),
            format!("'^{blanks}([0-9][0-9])/([0-9][0-9])/([1-9][0-9][0-9][0-9]){blanks}$', '\\3-\\2-\\1'")
        );
        assert!(sql("%-d.%m.%Y %H:%M").ends_with("$', '\\3-\\2-0\\1T\\4:\\5'"), "{}", sql("%-d.%m.%Y %H:%M"));
    }
}
