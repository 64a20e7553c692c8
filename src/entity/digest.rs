//! Digests of what rows are made by. Rows that were made by another definition may be different.

use xxhash_rust::xxh3::xxh3_128;

use super::dates::DateFormat;
use super::definition::Entity;
use super::key::KeyRule;
use super::model::CASTS_CHANGED;
use super::scan::{TokenKind, Tokens};

/// The zone of an entity and its date formats.
pub(super) type Times<'a> = (&'a str, &'a [DateFormat]);

/// Casts that read the date formats of an entity.
const OF_DATES: [&str; 3] = ["as_date", "as_local", "as_timestamptz"];

/// The digest of a model. `text` is its file as it was written, `key` the columns that its header names, and
/// `versions` the time that tells versions apart, where its rows are versions.
pub(super) fn of_model(text: &str, key: &[String], (zone, dates): Times<'_>, versions: Option<&str>) -> String {
    let mut parts = vec![format!("casts of {CASTS_CHANGED}"), key.join(",")];
    parts.extend(versions.map(|column| format!("versions by {column}")));
    parts.extend(tokens(text));
    let has = |word: &str| parts.iter().any(|part| part == word);
    let (reads_zone, reads_dates) = (has("{zone}"), OF_DATES.iter().any(|cast| has(cast)));
    if reads_zone {
        parts.push(zone.to_owned());
    }
    if reads_dates {
        parts.extend(dates.iter().map(|format| format.text().to_owned()));
    }
    digest(&parts)
}

impl Entity {
    /// 32 hex digits that change with how keys are read from documents.
    pub fn key_digest(&self) -> String {
        let mut parts = match &self.key {
            KeyRule::Field(field, key_type) => vec!["field".to_owned(), key_type.sql().to_owned(), field.clone()],
            KeyRule::Fields(fields) => [&["fields".to_owned()], &fields[..]].concat(),
            KeyRule::Digest(fields) => [&["digest".to_owned()], &fields[..]].concat(),
        };
        if let Some(partition) = &self.partition {
            parts.extend(["partition".to_owned(), partition.field.clone(), self.zone.clone()]);
            parts.extend(self.dates.iter().map(|format| format.text().to_owned()));
        }
        if let Some(history) = &self.history {
            parts.extend(["history".to_owned(), self.zone.clone()]);
            parts.extend(history.fields.iter().cloned());
            parts.extend(self.dates.iter().map(|format| format.text().to_owned()));
        }
        digest(&parts)
    }
}

/// The digest of one statement: of a dimension.
pub fn of_statement(text: &str) -> String {
    digest(&tokens(text))
}

/// The tokens of SQL, and so nothing that only its author reads. Text that cannot be cut is one token.
fn tokens(text: &str) -> Vec<String> {
    let Ok(tokens) = Tokens::new(text) else { return vec![text.to_owned()] };
    let is_word = |i| tokens.kind(i) == Some(TokenKind::Word);
    let token = |i| if is_word(i) { tokens.str(i).to_ascii_lowercase() } else { tokens.str(i).to_owned() };
    (0..tokens.len()).filter(|i| !tokens.is_mark(*i, ";")).map(token).collect()
}

fn digest(parts: &[String]) -> String {
    format!("{:032x}", xxh3_128(parts.join("\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "select s.id, evo.as_date(d.at) as at from {source} s";

    fn of(text: &str, zone: &str, dates: &[&str]) -> String {
        let dates: Vec<DateFormat> = dates.iter().map(|text| DateFormat::parse(text).unwrap()).collect();
        of_model(text, &["id".to_owned()], (zone, &dates), None)
    }

    #[test]
    fn comments_white_space_and_the_case_of_keywords_change_no_digest() {
        let same = of(MODEL, "UTC", &[]);
        let text = "-- grain: one row\nSELECT s.id, -- its id\n  evo.as_date(d.at) AS at\nfrom {source} s;\n";
        assert_eq!(of(text, "UTC", &[]), same);
        for other in
            [MODEL.replace("d.at", "d.\"At\""), MODEL.replace("as_date", "as_local"), format!("{MODEL} where 'A'")]
        {
            assert_ne!(of(&other, "UTC", &[]), same, "{other}");
        }
        assert_ne!(of("select 'A'", "", &[]), of("select 'a'", "", &[]));
    }

    #[test]
    fn zone_and_date_formats_change_the_digest_of_models_that_read_them() {
        assert_eq!(of(MODEL, "UTC", &[]), of(MODEL, "America/Lima", &[]));
        assert_ne!(of(MODEL, "UTC", &[]), of(MODEL, "UTC", &["%d/%m/%Y"]));
        let zoned = MODEL.replace("as_date(d.at)", "as_timestamptz(d.at, {zone})");
        assert_ne!(of(&zoned, "UTC", &[]), of(&zoned, "America/Lima", &[]));
        let plain = MODEL.replace("evo.as_date(d.at)", "d.at");
        assert_eq!(of(&plain, "UTC", &[]), of(&plain, "UTC", &["%d/%m/%Y"]));
    }
}
