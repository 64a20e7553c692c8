//! How an entity's objects are written: names, compression, format, and the dialect of CSV.
//!
//! Nothing has to be declared: an object's name and content tell the rest (docs/inputs.md). What is declared
//! overrides both, and an object that is something else is broken.

use serde::Deserialize;

use super::key::{KeyRule, KeyTime, KeyType};
use crate::error::{Error, Kind, Result};
use crate::suggest::did_you_mean;

/// `[input]` of an entity's declaration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Endings of the names of data objects; empty for the usual ones.
    pub suffixes: Vec<String>,
    /// The compression that every object must have; `None` to detect it from the content.
    pub compression: Option<Compression>,
    /// The format that every object must have; `None` to detect it from name and content.
    pub format: Option<Format>,
    /// CSV: the byte between two fields.
    pub delimiter: u8,
    /// CSV: the byte around a field that holds delimiters, line feeds or itself (doubled).
    pub quote: u8,
    /// CSV: columns without which no record can have a key. An object whose header lacks one is not of this
    /// entity, or not of this dialect.
    pub needed_columns: Vec<String>,
    /// CSV: the column that is written as a JSON number, because the key is read from it.
    pub integer_column: Option<String>,
}

/// How an object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more Zstandard frames.
    Zstd,
}

/// How records are written in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document per line.
    Ndjson,
    /// One JSON array of all documents.
    Array,
    /// A header with the names, then one row per record.
    Csv,
}

impl Compression {
    const NAMES: [(&'static str, Self); 3] = [("none", Self::Plain), ("gzip", Self::Gzip), ("zstd", Self::Zstd)];

    /// The word for it in a declaration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl Format {
    const NAMES: [(&'static str, Self); 3] =
        [("ndjson", Self::Ndjson), ("json-array", Self::Array), ("csv", Self::Csv)];
}

impl Default for Input {
    fn default() -> Self {
        Self {
            suffixes: Vec::new(),
            compression: None,
            format: None,
            delimiter: b',',
            quote: b'"',
            needed_columns: Vec::new(),
            integer_column: None,
        }
    }
}

impl Input {
    /// The names of data objects, as a message shows them.
    pub fn names(&self) -> String {
        match self.suffixes.as_slice() {
            [] => "*.jsonl, *.ndjson, *.json and *.csv, plain, .gz or .zst,".to_owned(),
            declared => format!("*{}", declared.join(", *")),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputDeclaration {
    suffixes: Option<Vec<String>>,
    compression: Option<String>,
    format: Option<String>,
    delimiter: Option<String>,
    quote: Option<String>,
}

impl InputDeclaration {
    /// The declaration, if it makes sense, together with what the key asks of a CSV header.
    pub(super) fn check(self, key: &KeyRule, time: Option<KeyTime<'_>>) -> Result<Input> {
        let format = choice("format", self.format.as_deref(), &Format::NAMES)?;
        if format.is_some_and(|format| format != Format::Csv) && (self.delimiter.is_some() || self.quote.is_some()) {
            return Err(Error::new(Kind::Config, "[input] delimiter and quote mean something in CSV only")
                .hint("remove them, or write format = \"csv\""));
        }
        let delimiter = character("delimiter", self.delimiter.as_deref(), b',')?;
        let quote = character("quote", self.quote.as_deref(), b'"')?;
        if delimiter == quote {
            return Err(Error::new(Kind::Config, "[input] delimiter and quote are the same character"));
        }
        let (key_columns, integer_column) = match key {
            KeyRule::Field(field, KeyType::Integer) => (std::slice::from_ref(field), Some(field.clone())),
            KeyRule::Field(field, KeyType::Text | KeyType::Uuid) => (std::slice::from_ref(field), None),
            KeyRule::Fields(fields) => (fields.as_slice(), None),
            KeyRule::Digest(fields) => (&fields[..1], None),
        };
        Ok(Input {
            suffixes: suffixes(self.suffixes)?,
            compression: choice("compression", self.compression.as_deref(), &Compression::NAMES)?,
            format,
            delimiter,
            quote,
            needed_columns: key_columns.iter().chain(time.and_then(only_field)).cloned().collect(),
            integer_column,
        })
    }
}

/// The field with the time, if there is one alone: of several each may be missing.
fn only_field(time: KeyTime<'_>) -> Option<&String> {
    match time.fields {
        [field] => Some(field),
        _ => None,
    }
}

/// The value for one of the known words; `None` without a declaration, or for `auto`.
fn choice<T: Copy>(name: &str, text: Option<&str>, known: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = text.filter(|text| *text != "auto") else { return Ok(None) };
    if let Some((_, choice)) = known.iter().find(|(known, _)| *known == text) {
        return Ok(Some(*choice));
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let error = Error::new(Kind::Config, format!("[input] {name} = {text:?} is not known"));
    Err(match did_you_mean(text, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint(format!("write auto, {}", names.join(", "))),
    })
}

fn suffixes(declared: Option<Vec<String>>) -> Result<Vec<String>> {
    let Some(suffixes) = declared else { return Ok(Vec::new()) };
    if suffixes.is_empty() || suffixes.iter().any(|s| s.is_empty() || s.contains(['/', '*'])) {
        return Err(Error::new(Kind::Config, "[input] suffixes are the ends of file names")
            .hint("write suffixes = [\".csv.gz\", \".txt\"] or the like, or leave it out"));
    }
    Ok(suffixes)
}

fn character(name: &str, text: Option<&str>, default: u8) -> Result<u8> {
    match text.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        Some(_) => Err(Error::new(Kind::Config, format!("[input] {name} is not one ASCII character"))
            .hint(format!("write {name} = \";\" or the like; a tab is \"\\t\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Input> {
        toml::from_str::<InputDeclaration>(text).unwrap().check(&KeyRule::Field("id".into(), KeyType::Integer), None)
    }

    #[test]
    fn nothing_needs_to_be_declared() {
        let usual = Input { needed_columns: vec!["id".into()], integer_column: Some("id".into()), ..Input::default() };
        assert_eq!(check("").unwrap(), usual);
        assert_eq!(check("format = \"auto\"\ncompression = \"auto\"").unwrap(), usual);
    }

    #[test]
    fn a_dialect_is_declared_with_single_characters() {
        let input = check("format = \"csv\"\ncompression = \"zstd\"\ndelimiter = \"\\t\"\nquote = \"'\"").unwrap();
        assert_eq!((input.format, input.compression), (Some(Format::Csv), Some(Compression::Zstd)));
        assert_eq!((input.delimiter, input.quote), (b'\t', b'\''));
        assert_eq!(check("delimiter = \"|\"").unwrap().delimiter, b'|');
        assert_eq!(check("suffixes = [\".txt\"]").unwrap().suffixes, [".txt"]);
    }

    #[test]
    fn a_csv_header_must_have_what_the_key_is_made_of() {
        let fields = ["date".to_owned(), "made".to_owned()];
        let rule = KeyRule::Digest(vec!["a".into(), "b".into()]);
        let of = |fields| InputDeclaration::default().check(&rule, Some(KeyTime { column: "at", fields })).unwrap();
        assert_eq!(of(&fields).needed_columns, ["a"], "one of them is enough");
        let input = of(&fields[..1]);
        assert_eq!(input.needed_columns, ["a", "date"]);
        assert_eq!(input.integer_column, None);
    }

    #[test]
    fn a_dialect_that_cannot_be_or_would_be_ignored_is_refused() {
        for text in [
            "delimiter = \"\"",
            "delimiter = \"; \"",
            "delimiter = \"§\"",
            "delimiter = \"\\n\"",
            "quote = \"\\r\"",
            "quote = \",\"",
            "format = \"ndjson\"\ndelimiter = \";\"",
            "format = \"json-array\"\nquote = \"'\"",
            "format = \"xml\"",
            "compression = \"gz\"",
            "suffixes = []",
            "suffixes = [\"*.csv\"]",
        ] {
            assert_eq!(check(text).expect_err(text).kind(), Kind::Config, "{text}");
        }
    }
}
