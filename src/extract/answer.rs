//! The records in an answer, byte for byte.
//!
//! Nothing is parsed into values: a record is the text between its braces, so that numbers, escapes and the
//! order of keys stay as the source wrote them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::one_pass;

/// Why an answer is not the data that the declaration promises. Never holds a part of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotData {
    /// It is not JSON: cut, an error page.
    NotJson(String),
    /// Nothing is where the records should be.
    Missing(String),
    /// The value at that path is not an array of objects.
    NotRecords(String),
}

impl std::fmt::Display for NotData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotJson(why) => write!(f, "the answer is not JSON: {why}"),
            Self::Missing(at) => write!(f, "the answer holds nothing at {at}, where the records should be"),
            Self::NotRecords(at) => write!(f, "the answer holds no array of objects at {at}"),
        }
    }
}

/// The records of an answer, at the first of the pointers that is there.
pub(super) fn records<'a>(body: &'a [u8], pointers: &[String]) -> Result<Vec<&'a RawValue>, NotData> {
    let body = text(body)?;
    if let Some(records) = pointers.iter().find_map(|pointer| one_pass::records(body, pointer)) {
        return Ok(records);
    }
    // The longer way says why there are none.
    let whole = whole(body)?;
    let shown = || pointers.iter().map(|pointer| format!("{pointer:?}")).collect::<Vec<_>>().join(" or ");
    let mut found_other = false;
    for pointer in pointers {
        let Some(value) = at(whole, pointer) else { continue };
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(records) if records.iter().all(|record| record.get().starts_with('{')) => return Ok(records),
            // A pointer to the whole is there in any answer: another one may fit.
            _ => found_other = true,
        }
    }
    let is_whole = pointers.iter().any(String::is_empty);
    Err(if found_other || is_whole { NotData::NotRecords(shown()) } else { NotData::Missing(shown()) })
}

/// Where an answer holds arrays of objects: pointers of three at most, up to two names deep. Names that are
/// not plain words may be data, and are left out.
pub(super) fn candidates(body: &[u8]) -> Vec<String> {
    let Ok(Ok(whole)) = text(body).map(whole) else { return Vec::new() };
    let mut found = Vec::new();
    let mut level = vec![(String::new(), whole)];
    for _ in 0..3 {
        let mut next = Vec::new();
        for (pointer, value) in level {
            match value.get().as_bytes().first() {
                Some(b'[') if are_records(value) => found.push(pointer),
                Some(b'{') => {
                    let fields = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(value.get());
                    let plain = fields.into_iter().flatten().filter(|(name, _)| is_plain(name));
                    next.extend(plain.map(|(name, value)| (format!("{pointer}/{name}"), value)));
                }
                _ => {}
            }
        }
        level = next;
    }
    found.truncate(3);
    found
}

fn are_records(value: &RawValue) -> bool {
    serde_json::from_str::<Vec<&RawValue>>(value.get())
        .is_ok_and(|all| !all.is_empty() && all.iter().all(|record| record.get().starts_with('{')))
}

fn is_plain(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'@' | b'.'))
}

/// The text at a pointer: a string's content, or a number as written; `None` for null, an empty string or
/// nothing.
pub(super) fn text_at(body: &[u8], pointer: &str) -> Option<String> {
    let value = at(whole(text(body).ok()?).ok()?, pointer)?.get();
    match value {
        "null" | "false" => None,
        text if text.starts_with('"') => serde_json::from_str::<String>(text).ok().filter(|text| !text.is_empty()),
        text if text.starts_with(['{', '[']) => None,
        number => Some(number.to_owned()),
    }
}

/// The body as text, without the byte order mark that some servers put before it.
fn text(body: &[u8]) -> Result<&str, NotData> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    simdutf8::basic::from_utf8(body).map_err(|_| NotData::NotJson(format!("its {} bytes are not UTF-8", body.len())))
}

fn whole(body: &str) -> Result<&RawValue, NotData> {
    // The parser's own text may quote the answer.
    serde_json::from_str(body)
        .map_err(|e| NotData::NotJson(format!("line {}, column {} of {} bytes", e.line(), e.column(), body.len())))
}

fn at<'a>(value: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    let mut value = value;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        value = match value.get().as_bytes().first()? {
            b'{' => {
                serde_json::from_str::<BTreeMap<Cow<'a, str>, &RawValue>>(value.get()).ok()?.remove(name.as_str())?
            }
            b'[' => {
                serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(name.parse::<usize>().ok()?).copied()?
            }
            _ => return None,
        };
    }
    Some(value)
}

/// A record on one line: as it is, or without the white space between its tokens where that has line ends.
pub(super) fn line(record: &str) -> Cow<'_, [u8]> {
    let bytes = record.as_bytes();
    if memchr::memchr2(b'\n', b'\r', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let (mut out, mut in_string, mut is_escaped) = (Vec::with_capacity(bytes.len()), false, false);
    for byte in bytes {
        if in_string {
            in_string = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        } else {
            in_string = *byte == b'"';
        }
        out.push(*byte);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(body: &str, pointers: &[&str]) -> Result<Vec<String>, NotData> {
        let pointers: Vec<String> = pointers.iter().map(|p| (*p).to_owned()).collect();
        records(body.as_bytes(), &pointers).map(|all| all.iter().map(|record| record.get().to_owned()).collect())
    }

    #[test]
    fn records_stay_byte_for_byte() {
        let first = r#"{"b": 1.10, "a": 1e400000, "é": "\u00e9\/", "a": 12345678901234567890123}"#;
        let body = format!("[{first} , {{}}]");
        assert_eq!(found(&body, &[""]).unwrap(), [first, "{}"]);
        assert_eq!(found(&format!("{{\"data\": {body}}}"), &["", "/data"]).unwrap()[0], first);
        assert_eq!(found(r#"{"a/b": [{"c~d": [{}]}]}"#, &["/a~1b/0/c~0d"]).unwrap(), ["{}"]);
        assert!(found("[]", &["", "/data"]).unwrap().is_empty());
        assert_eq!(found("\u{feff}[{}]", &[""]).unwrap(), ["{}"], "a byte order mark before it");
    }

    #[test]
    fn arrays_of_objects_are_found_where_nobody_declared_them() {
        let body =
            r#"{"total": 2, "page": {"items": [{"a": 1}]}, "12345": [{}], "tags": ["x"], "none": [], "rows": [{}]}"#;
        assert_eq!(candidates(body.as_bytes()), ["/rows", "/page/items"]);
        assert_eq!(candidates(b"[{}]"), [""]);
        assert!(candidates(b"<html>").is_empty() && candidates(b"{\"a\": 1}").is_empty());
    }

    #[test]
    fn what_is_not_the_declared_shape_is_no_data() {
        for (body, pointers, says) in [
            ("<html></html>", &[""][..], "not JSON: line 1"),
            ("[{\"a\": 1}", &[""], "not JSON"),
            ("", &[""], "not JSON"),
            ("[{}] x", &[""], "not JSON"),
            ("{\"data\": [{}], \"x\": tru}", &["/data"], "not JSON"),
            ("{\"data\": [{}], \"data\": 1}", &["/data"], "no array"),
            (r#"{"message": "secret"}"#, &["/data"], "nothing at \"/data\""),
            (r#"{"message": "secret"}"#, &["", "/data"], "no array of objects at \"\" or \"/data\""),
            (r#"{"data": {"a": 1}}"#, &["/data"], "no array"),
            ("[1, 2]", &[""], "no array"),
            ("null", &[""], "no array"),
        ] {
            let text = found(body, pointers).unwrap_err().to_string();
            assert!(text.contains(says) && !text.contains("secret"), "{body}: {text}");
        }
        let latin = records(b"[{\"name\": \"Jo\xe3o\"}]", &[String::new()]).unwrap_err();
        assert_eq!(latin.to_string(), "the answer is not JSON: its 18 bytes are not UTF-8");
    }

    #[test]
    fn a_text_is_found_at_a_pointer_or_is_not_there() {
        let body = br#"{"paging": {"next": {"after": "x\u0041", "n": 12}, "none": null, "empty": ""}}"#;
        assert_eq!(text_at(body, "/paging/next/after").as_deref(), Some("xA"));
        assert_eq!(text_at(body, "/paging/next/n").as_deref(), Some("12"));
        for pointer in ["/paging/none", "/paging/empty", "/paging/next", "/x/y"] {
            assert_eq!(text_at(body, pointer), None, "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn a_pretty_printed_record_becomes_one_line(text in "[ -~\n\t\u{e9}]{0,40}", n in any::<i64>()) {
            let value = serde_json::json!({ "text": text, "list": [n, { "a b": [] }], "é \" \\": null });
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let line = line(&pretty).into_owned();
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(String::from_utf8(line).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }
}
