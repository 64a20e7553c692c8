//! The key of a document: a field, several fields, or the digest that identifies documents without an id.

use md5::{Digest, Md5};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::json::Rejection;
use super::time::{self, Event};
use crate::entity::{DateFormat, Entity, KeyRule, KeyType};
use crate::ids::RowKey;

/// A longer text is no key: an index could not hold it together with the key of a child.
const MAX_KEY_BYTES: usize = 1_000;

/// Reads the keys of an entity's documents. Prepared once per object.
#[derive(Debug, Clone)]
pub struct KeyReader {
    rule: KeyRule,
    fields: Vec<String>,
    event: Option<usize>,
    dates: Vec<DateFormat>,
}

/// The key under which one document is staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentKey {
    /// An id, or a digest.
    pub id: RowKey,
    /// The time part, where the staging table is partitioned.
    pub event: Option<Event>,
}

impl KeyReader {
    /// A reader for the entity's documents.
    pub fn new(entity: &Entity) -> Self {
        let mut fields = match &entity.key {
            KeyRule::Field(field, _) => vec![field.clone()],
            KeyRule::Fields(fields) | KeyRule::Digest(fields) => fields.clone(),
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
            KeyRule::Field(field, KeyType::Integer) => RowKey::Integer(integer(field, values[0])?),
            KeyRule::Field(field, KeyType::Text) => RowKey::Text(text(field, values[0])?),
            KeyRule::Field(field, KeyType::Uuid) => RowKey::Uuid(uuid(field, values[0])?),
            KeyRule::Fields(fields) => RowKey::Uuid(composite(fields, values)?),
            KeyRule::Digest(fields) => RowKey::Integer(digest(fields, values)?),
        };
        let event = self.event.map(|i| self.event(i, values[i])).transpose()?;
        Ok(DocumentKey { id, event })
    }

    fn event(&self, i: usize, value: Option<&RawValue>) -> Result<Event, Rejection> {
        let field = &self.fields[i];
        let event = match value.map(RawValue::get) {
            None | Some("null") => return Err(Rejection::new(format!("no key: {field} is missing or null"))),
            Some(raw) if raw.starts_with('"') => time::parse_in(&string(raw), &self.dates),
            // A number and its text are the same value.
            Some(raw) if is_integer(raw) => time::parse_in(raw, &self.dates),
            Some(_) => None,
        };
        event.ok_or_else(|| Rejection::new(format!("the key field {field} is not a date and time")))
    }
}

fn integer(field: &str, value: Option<&RawValue>) -> Result<i64, Rejection> {
    match value.map(RawValue::get) {
        None | Some("null") => Err(Rejection::new(format!("no key: {field} is missing or null"))),
        Some(text) => text.parse().map_err(|_| Rejection::new(format!("the key {field} is not an integer"))),
    }
}

/// A key from what [`RowKey::part`] gives; `None` when it is none of this type.
pub fn parse_part(key_type: KeyType, part: &str) -> Option<RowKey> {
    match key_type {
        KeyType::Integer => part.parse().ok().map(RowKey::Integer),
        KeyType::Text => Some(RowKey::Text(part.replace("%2C", ",").replace("%25", "%").into())),
        KeyType::Uuid => part.parse().ok().map(RowKey::Uuid),
    }
}

/// A text that is not empty; a number that is written as an integer is its text.
fn text(field: &str, value: Option<&RawValue>) -> Result<Box<str>, Rejection> {
    let raw = match value.map(RawValue::get) {
        None | Some("null" | "\"\"") => {
            return Err(Rejection::new(format!("no key: {field} is missing, null or empty")));
        }
        Some(raw) => raw,
    };
    let text = match raw.as_bytes()[0] {
        b'"' if raw.contains('\\') => string(raw).into_boxed_str(),
        b'"' => raw[1..raw.len() - 1].into(),
        _ if is_integer(raw) => raw.into(),
        _ => return Err(Rejection::new(format!("the key {field} is neither a text nor an integer"))),
    };
    match text.len() {
        0..=MAX_KEY_BYTES => Ok(text),
        _ => Err(Rejection::new(format!("the key {field} is longer than {MAX_KEY_BYTES} bytes"))),
    }
}

fn is_integer(raw: &str) -> bool {
    raw.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

fn uuid(field: &str, value: Option<&RawValue>) -> Result<Uuid, Rejection> {
    let text = text(field, value)?;
    let is_plain = !text.starts_with(['{', 'u', 'U']);
    let parsed = Uuid::try_parse(&text).ok().filter(|_| is_plain);
    parsed.ok_or_else(|| Rejection::new(format!("the key {field} is not a uuid")))
}

/// MD5 over the texts of the fields, each with its length in bytes in front and a comma behind it, so that no
/// two lists of texts are the same: `4:BR-1,2:77,`. In SQL: `md5(concat(octet_length(a), ':', a, ',',
/// …))::uuid`.
fn composite(fields: &[String], values: &[Option<&RawValue>]) -> Result<Uuid, Rejection> {
    let mut hash = Md5::new();
    for (field, value) in fields.iter().zip(values) {
        let text: Box<str> = match value.map(RawValue::get) {
            Some(raw) if raw.starts_with(['[', '{']) => {
                return Err(Rejection::new(format!("the key field {field} is not a plain value")));
            }
            Some(raw) if !raw.starts_with(['"', 'n']) => raw.into(),
            _ => text(field, *value)?,
        };
        hash.update(format!("{}:{text},", text.len()).as_bytes());
    }
    Ok(Uuid::from_bytes(hash.finalize().into()))
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
        _ if is_integer(raw) => match raw.trim_start_matches('-') {
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
            assert_eq!(key(&entries(), line).unwrap().id, RowKey::Integer(id), "{line}");
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
    fn a_number_as_a_date_is_the_text_of_its_digits() {
        let of = |date: &str| key(&entries(), &format!(r#"{{"date": {date}, "idMember": 7}}"#));
        assert_eq!(of("20240131").unwrap(), of("\"20240131\"").unwrap());
        for (date, reason) in [
            ("2.0240131e7", "the key field date is not a date and time"),
            ("20241331", "the key field date is not a date and time"),
            ("-20240131", "the key field date is not a date and time"),
            ("true", "the key field date is not a date and time"),
            ("null", "no key: date is missing, null or empty"),
        ] {
            assert_eq!(of(date).unwrap_err(), reason, "{date}");
        }
    }

    #[test]
    fn an_integer_key_is_taken_as_it_is_and_nothing_else_is() {
        let reader = of_field(KeyType::Integer);
        assert_eq!(key(&reader, r#"{"id": 0}"#).unwrap().id, RowKey::Integer(0));
        assert_eq!(key(&reader, r#"{"id": 9223372036854775807}"#).unwrap().id, RowKey::Integer(i64::MAX));
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

    fn of_field(key_type: KeyType) -> KeyReader {
        let rule = KeyRule::Field("id".into(), key_type);
        KeyReader { rule, fields: vec!["id".into()], event: None, dates: Vec::new() }
    }

    #[test]
    fn a_text_key_is_a_text_as_it_is_written_or_an_integer() {
        let reader = of_field(KeyType::Text);
        let long = format!(r#"{{"id": "{}"}}"#, "é".repeat(500));
        for (line, id) in [
            (r#"{"id": "BR-1"}"#, "BR-1"),
            (r#"{"id": " a,b "}"#, " a,b "),
            (r#"{"id": "\u00e9\n"}"#, "é\n"),
            (r#"{"id": 7}"#, "7"),
            (r#"{"id": -7}"#, "-7"),
            (&long, &"é".repeat(500)),
        ] {
            assert_eq!(key(&reader, line).unwrap().id, RowKey::Text(id.into()), "{line}");
        }
        let too_long = format!(r#"{{"id": "{}x"}}"#, "é".repeat(500));
        let bad = [r"{}", r#"{"id": ""}"#, r#"{"id": 7.0}"#, r#"{"id": true}"#, r#"{"id": ["a"]}"#, too_long.as_str()];
        for line in bad {
            assert!(key(&reader, line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_uuid_may_be_written_in_capitals_and_without_hyphens() {
        let reader = of_field(KeyType::Uuid);
        let id = RowKey::Uuid(Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11));
        for text in ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11"] {
            assert_eq!(key(&reader, &format!(r#"{{"id": "{text}"}}"#)).unwrap().id, id);
        }
        for text in
            ["", "a0eebc99", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "urn:uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
        {
            assert!(key(&reader, &format!(r#"{{"id": "{text}"}}"#)).is_err(), "{text}");
        }
    }

    #[test]
    fn several_fields_are_one_key_that_no_other_values_have() {
        let fields: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        let reader = KeyReader { rule: KeyRule::Fields(fields.clone()), fields, event: None, dates: Vec::new() };
        let of = |line: &str| key(&reader, line).map(|key| key.id.to_string());
        // select md5('4:BR-1,2:77,')::uuid
        assert_eq!(
            of(r#"{"a": "BR-1", "b": 77}"#).unwrap(),
            Uuid::from_bytes(Md5::digest("4:BR-1,2:77,").into()).to_string()
        );
        assert_eq!(of(r#"{"a": "BR-1", "b": "77"}"#), of(r#"{"a": "BR-1", "b": 77}"#));
        assert_ne!(of(r#"{"a": "x,1:y", "b": "z"}"#), of(r#"{"a": "x", "b": "y,1:z"}"#));
        for line in [r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#, r#"{"a": 1, "b": ""}"#, r#"{"a": 1, "b": [2]}"#] {
            assert!(of(line).is_err(), "{line}");
        }
    }
}
