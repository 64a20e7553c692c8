//! The key of a document: an integer field, or the digest that identifies documents without an id.

use md5::{Digest, Md5};
use serde_json::value::RawValue;

use super::json::Rejection;
use super::time::{self, Event};
use crate::entity::{DateFormat, Entity, KeyRule};

/// Reads the keys of an entity's documents. Prepared once per object.
#[derive(Debug, Clone)]
pub struct KeyReader {
    rule: KeyRule,
    fields: Vec<String>,
    event: Option<usize>,
    dates: Vec<DateFormat>,
}

/// The key under which one document is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentKey {
    /// The bigint part: an id, or a digest.
    pub id: i64,
    /// The time part, where the staging table is partitioned.
    pub event: Option<Event>,
}

impl KeyReader {
    /// A reader for the entity's documents.
    pub fn new(entity: &Entity) -> Self {
        let mut fields = match &entity.key {
            KeyRule::Field(field) => vec![field.clone()],
            KeyRule::Digest(fields) => fields.clone(),
        };
        let event = entity.partition.as_ref().map(|p| {
            fields.iter().position(|f| *f == p.field).unwrap_or_else(|| {
                fields.push(p.field.clone());
                fields.len() - 1
            })
        });
        Self { rule: entity.key.clone(), fields, event, dates: entity.dates.clone() }
    }

    /// The top-level fields that [`KeyReader::key`] wants, in this order.
    pub fn fields(&self) -> Vec<&str> {
        self.fields.iter().map(String::as_str).collect()
    }

    /// The key, from the raw values of [`KeyReader::fields`].
    ///
    /// # Errors
    /// Why the line is rejected: a required field is missing, null or of the wrong type.
    pub fn key(&self, values: &[Option<&RawValue>]) -> Result<DocumentKey, Rejection> {
        let id = match &self.rule {
            KeyRule::Field(field) => integer(field, values[0])?,
            KeyRule::Digest(fields) => digest(fields, values)?,
        };
        let event = self.event.map(|i| self.event(i, values[i])).transpose()?;
        Ok(DocumentKey { id, event })
    }

    fn event(&self, i: usize, value: Option<&RawValue>) -> Result<Event, Rejection> {
        let field = &self.fields[i];
        let text = match value.map(RawValue::get) {
            Some(raw) if raw.starts_with('"') => string(raw),
            _ => return Err(Rejection::new(format!("no key: {field} is missing or not a text"))),
        };
        let event = time::parse_in(&text, &self.dates);
        event.ok_or_else(|| Rejection::new(format!("the key field {field} is not a date and time")))
    }
}

fn integer(field: &str, value: Option<&RawValue>) -> Result<i64, Rejection> {
    match value.map(RawValue::get) {
        None | Some("null") => Err(Rejection::new(format!("no key: {field} is missing or null"))),
        Some(text) => text.parse().map_err(|_| Rejection::new(format!("the key {field} is not an integer"))),
    }
}

/// The predecessor's entry id: MD5 over the texts joined with `|`, first 15 hex digits, modulo 10^15.
fn digest(fields: &[String], values: &[Option<&RawValue>]) -> Result<i64, Rejection> {
    let mut hash = Md5::new();
    for (i, (field, value)) in fields.iter().zip(values).enumerate() {
        let text = python_text(field, *value)?;
        match i {
            0 if text.is_empty() => return Err(Rejection::new(format!("no key: {field} is missing, null or empty"))),
            0 => {}
            _ => hash.update(b"|"),
        }
        hash.update(text.as_bytes());
    }
    let bytes: [u8; 16] = hash.finalize().into();
    let sixty_bits = u128::from_be_bytes(bytes) >> 68;
    Ok((sixty_bits % 1_000_000_000_000_000) as i64)
}

/// Python's `str(value)`, with the empty text for what Python counts as false.
fn python_text(field: &str, value: Option<&RawValue>) -> Result<String, Rejection> {
    let Some(raw) = value.map(RawValue::get) else { return Ok(String::new()) };
    Ok(match raw.as_bytes().first() {
        Some(b'"') => string(raw),
        Some(b'n' | b'f') => String::new(),
        Some(b't') => "True".to_owned(),
        Some(b'[' | b'{') => return Err(Rejection::new(format!("the key field {field} is not a plain value"))),
        _ if raw.bytes().all(|b| b.is_ascii_digit() || b == b'-') => match raw.trim_start_matches('-') {
            "0" => String::new(),
            _ => raw.to_owned(),
        },
        _ => match raw.parse::<f64>() {
            Ok(0.0) | Err(_) => String::new(),
            Ok(number) => python_float(number),
        },
    })
}

/// Python writes exponents with a sign and two digits at least: `1e+16`, `1e-05`.
fn python_float(number: f64) -> String {
    let text = format!("{number:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
            format!("{digits}e{sign}{exponent:0>2}")
        }
    }
}

fn string(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::json::scan;

    const ENTRY: [&str; 7] = ["date", "idMember", "idProspect", "idEmployee", "idBranch", "device", "entryAction"];

    fn key(reader: &KeyReader, line: &str) -> Result<DocumentKey, String> {
        let mut found = Vec::new();
        scan(line.as_bytes(), &reader.fields(), &mut found).unwrap();
        reader.key(&found).map_err(|r| r.reason)
    }

    fn entries() -> KeyReader {
        let fields: Vec<String> = ENTRY.iter().map(|f| (*f).to_owned()).collect();
        KeyReader { rule: KeyRule::Digest(fields.clone()), fields, event: Some(0), dates: Vec::new() }
    }

    #[test]
    fn the_entry_id_equals_the_predecessors_test_vectors() {
        for (line, id) in [
            (
                concat!(
                    r#"{"date":"2024-03-18T06:12:45","idMember":1204512,"idBranch":12,"#,
                    r#""device":"Catraca 02","entryAction":"Entry"}"#,
                ),
                479_138_501_485_800,
            ),
            (
                concat!(
                    r#"{"date":"2024-03-18T06:12:45","idMember":null,"idProspect":88123,"idBranch":12,"#,
                    r#""device":null,"entryAction":"Entry"}"#,
                ),
                100_681_696_694_028,
            ),
            (
                concat!(
                    r#"{"date":"2024-03-18T06:12:45.123","idMember":0,"idProspect":"","idEmployee":77,"#,
                    r#""idBranch":12,"device":"Recep\u00e7\u00e3o","entryAction":null}"#,
                ),
                78_607_398_374_561,
            ),
            (
                concat!(
                    r#"{"date":"2023-12-31T22:30:00","idMember":2,"idBranch":12,"#,
                    r#""device":"Catraca 1","entryAction":"Entry"}"#,
                ),
                785_225_325_939_991,
            ),
        ] {
            assert_eq!(key(&entries(), line).unwrap().id, id, "{line}");
        }
    }

    #[test]
    fn a_number_in_a_digest_is_written_as_python_writes_it() {
        for (json, python) in [
            ("7", "7"),
            ("-0", ""),
            ("0.0", ""),
            ("1.50", "1.5"),
            ("1e5", "100000.0"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("-1.5e300", "-1.5e+300"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("2.5e-300", "2.5e-300"),
            ("1e999", "inf"),
            ("true", "True"),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(python_text("n", Some(raw)).unwrap(), python, "{json}");
        }
    }

    #[test]
    fn an_entry_without_a_usable_date_has_no_key() {
        for line in [
            r"{}",
            r#"{"date":null}"#,
            r#"{"date":""}"#,
            r#"{"date":"yesterday"}"#,
            r#"{"date":"2024-13-01T00:00:00"}"#,
            r#"{"date":5}"#,
        ] {
            assert!(key(&entries(), line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_integer_key_is_taken_as_it_is_and_nothing_else_is() {
        let reader =
            KeyReader { rule: KeyRule::Field("id".into()), fields: vec!["id".into()], event: None, dates: Vec::new() };
        assert_eq!(key(&reader, r#"{"id": 0}"#).unwrap().id, 0);
        assert_eq!(key(&reader, r#"{"id": 9223372036854775807}"#).unwrap().id, i64::MAX);
        for line in [
            r"{}",
            r#"{"id": null}"#,
            r#"{"id": "7"}"#,
            r#"{"id": 1.5}"#,
            r#"{"id": 9223372036854775808}"#,
            r#"{"id": true}"#,
        ] {
            assert!(key(&reader, line).is_err(), "{line}");
        }
    }
}
