//! The numbers in a manifest, however it was written: other tools add a byte order mark, quote numbers,
//! compress the file.
//!
//! A field that cannot be understood is reported, and never read as "nothing to check".

use std::io::Read;

use serde_json::Value;

use super::listed;
use super::number::count;
use crate::bronze::gunzip;
use crate::ledger::manifests::ListedObject;

/// The most that is decompressed of a manifest.
const MAX_INFLATED_BYTES: u64 = 64 << 20;

/// The numbers of a manifest; `None` for those that it does not have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ManifestCounts {
    /// Records of all objects.
    pub records: Option<i64>,
    /// Objects.
    pub parts: Option<i64>,
    /// Windows that could not be extracted.
    pub errors: Option<i64>,
    /// Its objects, by the paths that it has for them.
    pub listed: Vec<ListedObject>,
    /// Whether these are all objects.
    pub lists_objects: bool,
    /// Fields that could not be understood, a phrase each.
    pub unclear: Vec<String>,
}

impl ManifestCounts {
    /// The sum of two manifests of one run. Unless both have a number of records or parts, the sum has none;
    /// errors add up as far as they are known.
    pub(super) fn plus(mut self, other: Self) -> Self {
        let both = |a: Option<i64>, b: Option<i64>| Some(a?.saturating_add(b?));
        let errors = match (self.errors, other.errors) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (known, None) | (None, known) => known,
        };
        let lists_objects = self.lists_objects && other.lists_objects;
        self.listed.extend(other.listed);
        let (records, parts) = (both(self.records, other.records), both(self.parts, other.parts));
        Self { records, parts, errors, lists_objects, ..self }
    }
}

/// Reads a manifest: JSON in UTF-8 or UTF-16, with or without a byte order mark, plain, gzip or zstd.
pub(super) fn read(bytes: &[u8]) -> ManifestCounts {
    match fields(bytes) {
        Ok(fields) => numbers(&fields),
        Err(what) => ManifestCounts { unclear: vec![what], ..ManifestCounts::default() },
    }
}

fn fields(bytes: &[u8]) -> Result<serde_json::Map<String, Value>, String> {
    let inflated = inflated(bytes)?;
    let text = text(inflated.as_deref().unwrap_or(bytes))?;
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("it is not a JSON object".to_owned()),
        // The parser's own text may quote a part of it.
        Err(e) => Err(format!("it is not JSON (line {}, column {})", e.line(), e.column())),
    }
}

fn inflated(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let inflated = match bytes {
        [0x1f, 0x8b, ..] => gunzip(bytes, MAX_INFLATED_BYTES),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => unzstd(bytes),
        _ => return Ok(None),
    };
    inflated.map(Some).map_err(|e| format!("it cannot be decompressed: {e}"))
}

fn unzstd(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    zstd::stream::read::Decoder::new(bytes)?.take(MAX_INFLATED_BYTES).read_to_end(&mut whole)?;
    Ok(whole)
}

fn text(bytes: &[u8]) -> Result<String, String> {
    let units = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| "it is not valid UTF-16".to_owned())
    };
    match bytes {
        [0xff, 0xfe, ..] | [_, 0, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, _, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).map_err(|_| "it is not text in UTF-8".to_owned()),
    }
}

fn numbers(fields: &serde_json::Map<String, Value>) -> ManifestCounts {
    let mut counts = ManifestCounts::default();
    let mut number = |name: &str, is_needed: bool| match fields.get(name) {
        None | Some(Value::Null) if !is_needed => None,
        None => {
            counts.unclear.push(format!("it has no {name}"));
            None
        }
        Some(value) => {
            let number = count(value);
            if number.is_none() {
                counts.unclear.push(format!("its {name} is not a number of things"));
            }
            number
        }
    };
    let (records, parts, errors) =
        (number("total_records", true), number("total_parts", false), number("errors", false));
    let (listed, unclear) = listed::read(fields);
    let lists_objects = fields.get("objects").is_some_and(Value::is_array)
        && parts.is_some_and(|parts| usize::try_from(parts) == Ok(listed.len()));
    counts.unclear.extend(unclear);
    ManifestCounts { records, parts, errors, listed, lists_objects, ..counts }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn said(records: Option<i64>, parts: Option<i64>) -> ManifestCounts {
        ManifestCounts { records, parts, ..ManifestCounts::default() }
    }

    #[test]
    fn counts_are_read_however_they_are_written() {
        for text in [
            r#"{"total_records": 3, "total_parts": 1}"#,
            r#"{"total_records": "3", "total_parts": " 1 "}"#,
            r#"{"total_records": 3.0, "total_parts": "1.0", "errors": null}"#,
            "\u{feff}\n{\"total_records\": 3e0, \"total_parts\": 1}",
        ] {
            let expected = said(Some(3), Some(1));
            assert_eq!(read(text.as_bytes()), expected, "{text}");
            let utf16: Vec<u16> = text.encode_utf16().collect();
            let little: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            assert_eq!(read(&little), expected, "UTF-16LE {text}");
            assert_eq!(read(&big), expected, "UTF-16BE {text}");
            assert_eq!(read(&[&[0xff, 0xfe][..], &little].concat()), expected, "with a mark");
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(text.as_bytes()).unwrap();
            assert_eq!(read(&gz.finish().unwrap()), expected, "gzip");
            assert_eq!(read(&zstd::stream::encode_all(text.as_bytes(), 1).unwrap()), expected, "zstd");
        }
        assert_eq!(read(br#"{"total_records": 0}"#), said(Some(0), None));
    }

    #[test]
    fn what_is_not_understood_is_reported() {
        for (text, says) in [
            (&b"{}"[..], "it has no total_records"),
            (br#"{"total_records": null}"#, "its total_records is not a number"),
            (br#"{"total_records": -1}"#, "its total_records is not a number"),
            (br#"{"total_records": 1.5}"#, "its total_records is not a number"),
            (br#"{"total_records": "many"}"#, "its total_records is not a number"),
            (br#"{"total_records": "NaN"}"#, "its total_records is not a number"),
            (br#"{"total_records": 1, "total_parts": [2]}"#, "its total_parts is not a number"),
            (br#"{"total_records": 1, "errors": "x"}"#, "its errors is not a number"),
            (b"[1]", "it is not a JSON object"),
            (b"", "it is not JSON"),
            (b"{\"total_records\": 3", "it is not JSON (line 1"),
            (b"{\"a\": \"\xff\"}", "it is not text in UTF-8"),
            (b"\x1f\x8bxx", "it cannot be decompressed"),
        ] {
            let unclear = read(text).unclear.join("; ");
            assert!(unclear.contains(says), "{says}: {unclear}");
        }
        assert_eq!(read(br#"{"total_records": 1, "total_parts": "x"}"#).records, Some(1), "the rest of it counts");
    }
}
