//! Validates a line locally: what PostgreSQL's jsonb would refuse is rejected here, with a reason.
//!
//! A JSON parser alone is not enough: jsonb also refuses `\u0000` (22P05), lone surrogates (22P02) and bytes
//! that are not UTF-8 (22021). `"\\u0000"` is legal, so escapes are skipped in pairs. A few documents pass
//! here and are still refused by the server (numbers beyond numeric's range, absurd nesting). The server
//! itself finds those: see [`super::StageAs::Text`].

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why a line is rejected. Never contains any part of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, in one line for the operator.
    pub reason: String,
    /// The SQLSTATE with which PostgreSQL refuses the same text; `None` where only evo does.
    pub sqlstate: Option<&'static str>,
}

impl Rejection {
    /// A rejection by a rule of evo's own, such as a missing key.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), sqlstate: None }
    }

    fn as_server(reason: impl Into<String>, sqlstate: &'static str) -> Self {
        Self { reason: reason.into(), sqlstate: Some(sqlstate) }
    }
}

/// Validates the line, returns it as text, and fills `found` with the raw values of the `wanted` top-level
/// fields, in their order. If a field is repeated its last value counts, as in jsonb.
///
/// # Errors
/// Why the line is rejected.
pub fn scan<'a>(line: &'a [u8], wanted: &[&str], found: &mut Vec<Option<&'a RawValue>>) -> Result<&'a str, Rejection> {
    let text = simdutf8::compat::from_utf8(line).map_err(|e| {
        Rejection::as_server(format!("not valid UTF-8 at byte {} of the line", e.valid_up_to() + 1), "22021")
    })?;
    found.clear();
    found.resize(wanted.len(), None);
    let mut parser = serde_json::Deserializer::from_str(text);
    Fields { wanted, found }.deserialize(&mut parser).and_then(|()| parser.end()).map_err(|e| {
        // Any JSON that is not an object fails here: find out whether it is valid at all.
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Rejection::new("the line is not a JSON object"),
            Err(broken) if e.is_data() => Rejection::as_server(format!("not valid JSON: {broken}"), "22P02"),
            Err(_) => Rejection::as_server(format!("not valid JSON: {e}"), "22P02"),
        }
    })?;
    check_escapes(line)?;
    Ok(text)
}

struct Fields<'w, 'f, 'de> {
    wanted: &'w [&'w str],
    found: &'f mut Vec<Option<&'de RawValue>>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            match self.wanted.iter().position(|w| *w == name) {
                Some(i) => self.found[i] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// `line` is valid JSON already: a backslash occurs only inside strings, and `\u` is followed by four hex
/// digits.
fn check_escapes(line: &[u8]) -> Result<(), Rejection> {
    let mut at = 0;
    while let Some(step) = memchr::memchr(b'\\', &line[at..]) {
        at += step;
        if line.get(at + 1) != Some(&b'u') {
            at += 2;
            continue;
        }
        let unit = code_unit(line, at);
        at += 6;
        match unit {
            0 => return Err(Rejection::as_server("the escape \\u0000 cannot be stored", "22P05")),
            0xD800..=0xDBFF
                if line.get(at..at + 2) == Some(b"\\u") && matches!(code_unit(line, at), 0xDC00..=0xDFFF) =>
            {
                at += 6;
            }
            0xD800..=0xDFFF => return Err(Rejection::as_server("a lone surrogate escape cannot be stored", "22P02")),
            _ => {}
        }
    }
    Ok(())
}

fn code_unit(line: &[u8], at: usize) -> u32 {
    line.get(at + 2..at + 6)
        .into_iter()
        .flatten()
        .fold(0, |unit, digit| unit << 4 | (*digit as char).to_digit(16).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(line: &[u8]) -> Result<Option<String>, Option<&'static str>> {
        let mut found = Vec::new();
        scan(line, &["id"], &mut found).map_err(|r| r.sqlstate)?;
        Ok(found[0].map(|raw| raw.get().to_owned()))
    }

    #[test]
    fn a_line_is_valid_exactly_when_jsonb_takes_it() {
        let ok = |id: &str| Ok(Some(id.to_owned()));
        assert_eq!(verdict(br#"{"id": 7}"#), ok("7"));
        assert_eq!(verdict(br#" {"id": 1, "x": [{"id": 2}], "id": 3} "#), ok("3"), "the last of a repeated key");
        assert_eq!(verdict(br#"{"i\u0064": 4}"#), ok("4"), "an escaped name is the same name");
        assert_eq!(verdict(br#"{"x": 1e400}"#), Ok(None), "numeric takes 1e400");
        assert_eq!(verdict(br#"{"x": "C:\\u0000"}"#), Ok(None), "an escaped backslash before u0000 is text");
        assert_eq!(verdict("{\"x\": \"\\ud83d\\ude00 ação\"}".as_bytes()), Ok(None));
        assert_eq!(verdict(br#"{"x": "\u0000"}"#), Err(Some("22P05")));
        assert_eq!(verdict(br#"{"x": "\ud83d"}"#), Err(Some("22P02")));
        assert_eq!(verdict(br#"{"x": "\ud83d\ud83d"}"#), Err(Some("22P02")));
        assert_eq!(verdict(br#"{"x": "\ude00"}"#), Err(Some("22P02")));
        assert_eq!(verdict(b"{\"x\": \"\xff\"}"), Err(Some("22021")));
        for broken in
            [&b"{\"x\": 1"[..], b"{'x': 1}", b"{\"x\": 01}", b"{\"x\": 1} {}", b"{\"x\": \"a\tb\"}", b"\xef\xbb\xbf{}"]
        {
            assert_eq!(verdict(broken), Err(Some("22P02")), "{}", String::from_utf8_lossy(broken));
        }
        for scalar in [&b"1"[..], b"\"id\"", b"[{\"id\": 1}]", b"null"] {
            assert_eq!(verdict(scalar), Err(None), "legal jsonb, but no object");
        }
    }

    #[test]
    fn deep_nesting_is_left_to_the_server() {
        let deep = [br#"{"x": "#.to_vec(), vec![b'['; 5_000], vec![b']'; 5_000], b"}".to_vec()].concat();
        assert_eq!(verdict(&deep), Ok(None));
    }

    #[test]
    fn a_reason_never_holds_a_value_of_the_line() {
        let mut found = Vec::new();
        for line in [&b"{\"cpf\": 39053344705"[..], b"39053344705", b"{\"cpf\": \"39053344705\\u0000\"}"] {
            let rejection = scan(line, &["id"], &mut found).unwrap_err();
            assert!(!rejection.reason.contains("390533"), "{}", rejection.reason);
        }
    }
}
