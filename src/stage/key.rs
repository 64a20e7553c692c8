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
    /// The fields of which the first one with a value is the time part; none where there is no time.
    event: Vec<usize>,
    dates: Vec<DateFormat>,
}

/// The key under which one document is staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentKey {
    /// An id, or a digest.
    pub id: RowKey,
    /// The time part, where there is one.
    pub event: Option<Event>,
}

impl KeyReader {
    /// A reader for the entity's documents.
    pub fn new(entity: &Entity) -> Self {
        let mut fields = match &entity.key {
            KeyRule::Field(field, _) => vec![field.clone()],
            KeyRule::Fields(fields) | KeyRule::Digest(fields) => fields.clone(),
        };
        let mut place = |field: &String| {
            fields.iter().position(|f| f == field).unwrap_or_else(|| {
                fields.push(field.clone());
                fields.len() - 1
            })
        };
        let event = entity.key_time().map_or(&[][..], |time| time.fields).iter().map(&mut place).collect();
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
        let event = if self.event.is_empty() { None } else { Some(self.event(values)?) };
        Ok(DocumentKey { id, event })
    }

    /// The time of the first field that has one; an empty text is none as long as there is another field.
    fn event(&self, values: &[Option<&RawValue>]) -> Result<Event, Rejection> {
        let value = |i: &usize| Some((*i, values[*i].map(RawValue::get).filter(|raw| *raw != "null")?));
        let mut found = self.event.iter().filter_map(value);
        let filled = found.clone().find(|(_, raw)| *raw != "\"\"");
        let Some((i, raw)) = filled.or_else(|| found.next()) else {
            let fields: Vec<&str> = self.event.iter().map(|i| self.fields[*i].as_str()).collect();
            let are = if fields.len() > 1 { "are" } else { "is" };
            return Err(Rejection::new(format!("no key: {} {are} missing or null", fields.join(" and "))));
        };
        let field = &self.fields[i];
        let event = match raw {
            raw if raw.starts_with('"') => time::parse_in(&string(raw), &self.dates),
            // A number and its text are the same value.
            raw if is_integer(raw) => time::parse_in(raw, &self.dates),
            _ => None,
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
mod tests;
