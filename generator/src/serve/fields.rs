//! Removes fields of a document without touching the others.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A document in which some fields are `null`, everything else as it was.
pub(super) fn without(document: &[u8], hidden: &[&str]) -> Result<Vec<u8>, String> {
    let Fields(fields) = serde_json::from_slice(document).map_err(|e| e.to_string())?;
    let mut out = vec![b'{'];
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        let is_hidden = hidden.iter().any(|field| name.get().trim_matches('"') == *field);
        out.extend_from_slice(name.get().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(if is_hidden { b"null" } else { value.get().as_bytes() });
    }
    out.push(b'}');
    Ok(out)
}

/// The fields of an object in their order, names and values as written.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder).map(Fields)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_fields_become_null() {
        let document = br#"{"a": 1.10, "b": [1, {"a": 2}], "c": "A"}"#;
        let expected = r#"{"a": 1.10, "b": null, "c": "A"}"#;
        assert_eq!(String::from_utf8(without(document, &["b", "x"]).unwrap()).unwrap(), expected);
    }
}
