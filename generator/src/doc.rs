//! Writes one JSON document after another as Python's `json.dumps(…, ensure_ascii=False)` does, straight into
//! bytes.

use crate::clock::Moment;

/// A value that does not fit the type of its column, or the reason why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    EmptyDate,
    AncientDate,
    NumberInDate,
    FractionInInt,
    TextInNumber,
}

impl Misfit {
    /// All of them, in the order of rotation.
    pub(crate) const ALL: [Misfit; 5] =
        [Misfit::EmptyDate, Misfit::AncientDate, Misfit::NumberInDate, Misfit::FractionInInt, Misfit::TextInNumber];

    fn literal(self) -> &'static str {
        match self {
            Misfit::EmptyDate => "\"\"",
            Misfit::AncientDate => "\"0001-01-01T00:00:00\"",
            Misfit::NumberInDate => "119.9",
            Misfit::FractionInInt => "1.5",
            Misfit::TextInNumber => "\"não informado\"",
        }
    }
}

/// The bytes of a part as they grow, and what is special about the document at their end.
#[derive(Debug, Default)]
pub(crate) struct Doc {
    /// The bytes written so far.
    pub(crate) out: Vec<u8>,
    /// The misfit that the document at the end is still to get.
    pub(crate) misfit: Option<Misfit>,
    /// Where padding goes in the document at the end.
    pub(crate) pad_at: Option<usize>,
}

impl Doc {
    /// Appends text verbatim.
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Appends the inside of a JSON string, escaped where JSON demands it.
    pub(crate) fn text(&mut self, text: &str) {
        if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
            return self.raw(text);
        }
        for c in text.chars() {
            match c {
                '"' => self.raw("\\\""),
                '\\' => self.raw("\\\\"),
                '\n' => self.raw("\\n"),
                '\r' => self.raw("\\r"),
                '\t' => self.raw("\\t"),
                c if c < ' ' => self.raw(&format!("\\u{:04x}", u32::from(c))),
                c => self.raw(c.encode_utf8(&mut [0; 4])),
            }
        }
    }

    /// Appends `text` without accents and blanks in lower case, as in an e-mail address.
    pub(crate) fn handle(&mut self, text: &str) {
        for c in text.chars() {
            let plain = match c {
                'Á' | 'À' | 'Â' | 'Ã' | 'á' | 'à' | 'â' | 'ã' => 'a',
                'É' | 'Ê' | 'é' | 'ê' => 'e',
                'Í' | 'í' => 'i',
                'Ó' | 'Ô' | 'Õ' | 'ó' | 'ô' | 'õ' => 'o',
                'Ú' | 'Ü' | 'ú' | 'ü' => 'u',
                'Ç' | 'ç' => 'c',
                c => c.to_ascii_lowercase(),
            };
            if plain.is_ascii_alphanumeric() {
                self.out.push(plain as u8);
            }
        }
    }

    /// Appends a whole number in decimal digits.
    pub(crate) fn number(&mut self, n: u64) {
        let mut text = [0u8; 20];
        let mut at = text.len();
        let mut rest = n;
        loop {
            at -= 1;
            text[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&text[at..]);
    }

    /// Appends a whole number with at least `width` digits.
    pub(crate) fn padded(&mut self, n: u64, width: usize) {
        let begin = self.out.len();
        self.out.resize(begin + width, b'0');
        crate::clock::digits(&mut self.out[begin..], n as i64);
    }
}

/// A JSON value: something that can follow a key.
pub(crate) trait Value {
    /// Appends the value as JSON.
    fn write(&self, doc: &mut Doc);
}

impl Value for u64 {
    fn write(&self, doc: &mut Doc) {
        doc.number(*self);
    }
}

impl Value for bool {
    fn write(&self, doc: &mut Doc) {
        doc.raw(if *self { "true" } else { "false" });
    }
}

impl Value for &str {
    fn write(&self, doc: &mut Doc) {
        doc.raw("\"");
        doc.text(self);
        doc.raw("\"");
    }
}

impl Value for Moment {
    fn write(&self, doc: &mut Doc) {
        doc.raw("\"");
        self.append_to(&mut doc.out);
        doc.raw("\"");
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, doc: &mut Doc) {
        match self {
            Some(value) => value.write(doc),
            None => doc.raw("null"),
        }
    }
}

/// JSON `null`.
pub(crate) struct Null;

impl Value for Null {
    fn write(&self, doc: &mut Doc) {
        doc.raw("null");
    }
}

/// JSON text that is appended as it is.
pub(crate) struct Json(pub(crate) &'static str);

impl Value for Json {
    fn write(&self, doc: &mut Doc) {
        doc.raw(self.0);
    }
}

/// An amount of money as the API's floats print: `119.9`, `10.0`, `0.05`, and `0` for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cents(pub(crate) u64);

impl Value for Cents {
    fn write(&self, doc: &mut Doc) {
        doc.number(self.0 / 100);
        match self.0 % 100 {
            0 if self.0 == 0 => {}
            tens if tens % 10 == 0 => {
                doc.raw(".");
                doc.number(tens / 10);
            }
            cents => {
                doc.raw(".");
                doc.padded(cents, 2);
            }
        }
    }
}

/// A string put together by a function that appends its (escaped) inside.
pub(crate) struct Quoted<F: Fn(&mut Doc)>(pub(crate) F);

impl<F: Fn(&mut Doc)> Value for Quoted<F> {
    fn write(&self, doc: &mut Doc) {
        doc.raw("\"");
        (self.0)(doc);
        doc.raw("\"");
    }
}

/// Free text that takes padding: null only when there is none and no padding is wanted.
pub(crate) struct Padded<'a>(pub(crate) Option<&'a str>, pub(crate) bool);

impl Value for Padded<'_> {
    fn write(&self, doc: &mut Doc) {
        if self.0.is_none() && !self.1 {
            return doc.raw("null");
        }
        doc.raw("\"");
        doc.text(self.0.unwrap_or_default());
        doc.pad_at = Some(doc.out.len());
        doc.raw("\"");
    }
}

/// Anything else, put together by a function that appends JSON.
pub(crate) struct With<F: Fn(&mut Doc)>(pub(crate) F);

impl<F: Fn(&mut Doc)> Value for With<F> {
    fn write(&self, doc: &mut Doc) {
        (self.0)(doc);
    }
}

/// A value whose place a misfit takes when the document is to get one of that kind.
pub(crate) struct Or<T: Value>(pub(crate) Misfit, pub(crate) T);

impl<T: Value> Value for Or<T> {
    fn write(&self, doc: &mut Doc) {
        if doc.misfit == Some(self.0) {
            doc.misfit = None;
            doc.raw(self.0.literal());
        } else {
            self.1.write(doc);
        }
    }
}

/// Appends `{"key": value, "key": value…`; the separators are put together at compile time.
macro_rules! open {
    ($doc:expr, $key:literal: $value:expr $(, $($rest:tt)*)?) => {{
        $doc.raw(concat!("{\"", $key, "\": "));
        $crate::doc::Value::write(&$value, $doc);
        $($crate::doc::put!($doc, $($rest)*);)?
    }};
}

/// Appends `, "key": value` for each pair.
macro_rules! put {
    ($doc:expr, $($key:literal: $value:expr),* $(,)?) => {{
        $(
            $doc.raw(concat!(", \"", $key, "\": "));
            $crate::doc::Value::write(&$value, $doc);
        )*
    }};
}

pub(crate) use {open, put};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: impl Value) -> String {
        let mut doc = Doc::default();
        value.write(&mut doc);
        String::from_utf8(doc.out).unwrap()
    }

    #[test]
    fn money_prints_like_a_python_float() {
        let cases = [(0, "0"), (5, "0.05"), (50, "0.5"), (1_000, "10.0"), (11_990, "119.9"), (12_345, "123.45")];
        for (cents, text) in cases {
            assert_eq!(written(Cents(cents)), text);
        }
    }

    #[test]
    fn strings_are_escaped_where_json_demands_it_and_nowhere_else() {
        let text = "São \"João\"\\\n\t\r\u{1}🎉/é";
        assert_eq!(written(text), "\"São \\\"João\\\"\\\\\\n\\t\\r\\u0001🎉/é\"");
        assert_eq!(serde_json::from_str::<String>(&written(text)).unwrap(), text);
    }

    #[test]
    fn pairs_are_separated_as_python_separates_them() {
        let mut doc = Doc::default();
        open!(&mut doc, "a": 18_446_744_073_709_551_615u64, "b": Null, "c": Some("x"));
        put!(&mut doc, "d": true);
        doc.raw("}");
        let text = "{\"a\": 18446744073709551615, \"b\": null, \"c\": \"x\", \"d\": true}";
        assert_eq!(String::from_utf8(doc.out).unwrap(), text);
    }

    #[test]
    fn a_misfit_takes_one_place_only() {
        let mut doc = Doc { misfit: Some(Misfit::FractionInInt), ..Doc::default() };
        open!(&mut doc, "a": Or(Misfit::EmptyDate, Null), "b": Or(Misfit::FractionInInt, 7u64));
        put!(&mut doc, "c": Or(Misfit::FractionInInt, 7u64));
        assert_eq!(String::from_utf8(doc.out).unwrap(), "{\"a\": null, \"b\": 1.5, \"c\": 7");
        assert_eq!(doc.misfit, None);
    }
}
