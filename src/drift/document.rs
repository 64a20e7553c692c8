//! A walk through the fields of a document, as far as its text goes.
//!
//! The text is what the server writes for a `jsonb` value, and so known to be JSON. It may have been cut.

use std::borrow::Cow;

use memchr::memchr2;

/// The receiver of each field. Fields inside an array have the path of the array and `[]`.
pub(super) trait Visitor {
    /// Appends a name in the object `path` to it, as it is to be recorded.
    fn append(&self, path: &mut String, name: &str);

    /// A field, or an element of an array, and its JSON type. `object` is the length of the path of the
    /// object that has the field; `None` for an element.
    fn see(&mut self, path: &str, object: Option<usize>, json_type: &'static str);
}

/// Levels below the document that are walked through.
const DEPTH: usize = 6;

/// Walks through a document. A text that is no object has no fields.
pub(super) fn walk(document: &str, visitor: &mut impl Visitor) {
    if document.starts_with('{') {
        // `None` is the end of a text that was cut: what came before it has been seen.
        let _ = Walk { text: document, at: 0, visitor }.members(&mut String::new(), 1);
    }
}

struct Walk<'a, V> {
    text: &'a str,
    /// The next byte to read.
    at: usize,
    visitor: &'a mut V,
}

impl<'a, V: Visitor> Walk<'a, V> {
    /// Walks through the object or array that begins here; its members have this depth. `path` is the same
    /// afterwards. `None` where the text ends before.
    fn members(&mut self, path: &mut String, depth: usize) -> Option<()> {
        let (is_object, length) = (self.byte()? == b'{', path.len());
        self.at += 1;
        loop {
            match self.byte()? {
                b' ' | b',' => self.at += 1,
                b'}' | b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => {
                    match is_object {
                        true => {
                            let name = self.name()?;
                            self.visitor.append(path, &name);
                        }
                        false => path.push_str("[]"),
                    }
                    let first = self.byte()?;
                    self.visitor.see(path, is_object.then_some(length), json_type(first));
                    match first {
                        b'{' | b'[' if depth < DEPTH => self.members(path, depth + 1)?,
                        _ => self.skip()?,
                    }
                    path.truncate(length);
                }
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The name that begins here; afterwards its value does.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        let begin = self.at;
        self.string()?;
        let quoted = self.text.get(begin..self.at)?;
        let name = match quoted.contains('\\') {
            true => Cow::Owned(serde_json::from_str(quoted).ok()?),
            false => Cow::Borrowed(quoted.get(1..quoted.len() - 1)?),
        };
        while matches!(self.byte()?, b':' | b' ') {
            self.at += 1;
        }
        Some(name)
    }

    /// Steps over a string.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.as_bytes().get(self.at..)?)?;
            match self.byte()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 2,
            }
        }
    }

    /// Steps over the value that begins here.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.byte()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    // After a number the bracket is that of the object around it.
                    if open == 0 {
                        return Some(());
                    }
                    open -= 1;
                    self.at += 1;
                }
                b',' if open == 0 => return Some(()),
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if open == 0 {
                return Some(());
            }
        }
    }
}

/// The type of the value that begins with this byte, as `jsonb_typeof` names it.
fn json_type(first: u8) -> &'static str {
    match first {
        b'{' => "object",
        b'[' => "array",
        b'"' => "string",
        b't' | b'f' => "boolean",
        b'n' => "null",
        _ => "number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Visitor for Seen {
        fn append(&self, path: &mut String, name: &str) {
            path.push('/');
            path.push_str(name);
        }

        fn see(&mut self, path: &str, object: Option<usize>, json_type: &'static str) {
            let object = object.map_or("-", |length| &path[..length]);
            self.0.push(format!("{path} {json_type} {object}"));
        }
    }

    fn seen(document: &str) -> Vec<String> {
        let mut seen = Seen::default();
        walk(document, &mut seen);
        seen.0
    }

    #[test]
    fn every_field_is_seen_with_its_type_and_its_object() {
        let document =
            r#"{"a": -1.5, "": null, "b\"}": "x\\", "l": [[], {"c": true}, "],"], "o": {"d": {}, "é": false}}"#;
        assert_eq!(
            seen(document),
            [
                "/a number ",
                "/ null ",
                "/b\"} string ",
                "/l array ",
                "/l[] array -",
                "/l[] object -",
                "/l[]/c boolean /l[]",
                "/l[] string -",
                "/o object ",
                "/o/d object /o",
                "/o/é boolean /o",
            ]
        );
        for text in ["", "[1]", "null", "{}", "{"] {
            assert!(seen(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_text_that_was_cut_gives_the_fields_before_the_cut() {
        let document = r#"{"a": "é\"", "l": [{"b": 12}, {"c": [3]}], "z": {"y": "\u0001"}}"#;
        let all = seen(document);
        for (cut, _) in document.char_indices() {
            let some = seen(&document[..cut]);
            assert_eq!(some[..], all[..some.len()], "{cut}");
        }
        assert_eq!(seen(&document[..document.len() - 1]).len(), all.len());
    }

    #[test]
    fn nothing_deeper_than_six_levels_is_seen() {
        let (open, close) = (r#"{"a": "#.repeat(9), "}".repeat(9));
        let seen =
            seen(&format!(r#"{{"x": {open}1{close}, "y": {}{}, "z": 1}}"#, "[".repeat(20_000), "]".repeat(20_000)));
        assert_eq!(seen.len(), 6 + 6 + 1);
        assert_eq!(seen.last().unwrap(), "/z number ");
    }
}
