//! The keys of a table, declared once: what is read, and the schema that editors know, come from the same
//! list.

use serde_json::{Map, Value, json};

/// A key of a table.
#[derive(Debug)]
pub struct DeclaredKey {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub shape: KeyShape,
    /// Whether it must be there.
    pub is_required: bool,
    /// Its meaning, without a full stop.
    pub doc: &'static str,
}

/// What the value of a key may be.
#[derive(Debug)]
pub enum KeyShape {
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or a list of HTTP statuses.
    WordOrStatuses(&'static [&'static str]),
    /// A list of texts.
    List,
    /// A text, or a list of texts.
    Texts,
    /// A whole number in this range, both ends included.
    Whole(u64, u64),
    /// A table with texts of any names.
    Pairs,
    /// A table with these keys.
    Table(&'static [DeclaredKey]),
    /// One of these words, or a table with these keys.
    WordOrTable(&'static [&'static str], &'static [DeclaredKey]),
    /// A list of tables with these keys.
    Tables(&'static [DeclaredKey]),
}

impl DeclaredKey {
    /// A key that may be left out.
    pub const fn new(name: &'static str, shape: KeyShape, doc: &'static str) -> Self {
        Self { name, shape, is_required: false, doc }
    }

    /// A key that must be there.
    pub const fn required(name: &'static str, shape: KeyShape, doc: &'static str) -> Self {
        Self { name, shape, is_required: true, doc }
    }

    /// The words that its value is one of; none where it may be anything else.
    pub fn words(&self) -> Option<&'static [&'static str]> {
        match self.shape {
            KeyShape::Word(words) => Some(words),
            _ => None,
        }
    }
}

/// The names of keys.
pub fn names(keys: &[DeclaredKey]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// The JSON schema of a table with these keys and no others.
pub fn schema(keys: &[DeclaredKey]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(key: &DeclaredKey) -> Value {
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let mut property = match &key.shape {
        KeyShape::Text => json!({ "type": "string" }),
        KeyShape::Word(words) => json!({ "enum": words }),
        KeyShape::WordOrStatuses(words) => {
            let status = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
            json!({ "anyOf": [{ "enum": words }, { "type": "array", "items": status }] })
        }
        KeyShape::List => texts(),
        KeyShape::Texts => json!({ "anyOf": [{ "type": "string" }, texts()] }),
        KeyShape::Whole(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        KeyShape::Pairs => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        KeyShape::Table(keys) => schema(keys),
        KeyShape::WordOrTable(words, keys) => json!({ "anyOf": [{ "enum": words }, schema(keys)] }),
        KeyShape::Tables(keys) => json!({ "type": "array", "items": schema(keys) }),
    };
    property["description"] = json!(key.doc);
    property
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_the_keys_and_no_others() {
        const INNER: &[DeclaredKey] = &[DeclaredKey::required("size", KeyShape::Whole(1, 9), "how many")];
        let keys = [
            DeclaredKey::required("name", KeyShape::Text, "its name"),
            DeclaredKey::new("page", KeyShape::Table(INNER), "pages"),
        ];
        assert_eq!(names(&keys), ["name", "page"]);
        assert_eq!(
            schema(&keys),
            json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "name": { "type": "string", "description": "its name" },
                    "page": {
                        "type": "object", "additionalProperties": false,
                        "properties": {
                            "size": { "type": "integer", "minimum": 1, "maximum": 9, "description": "how many" },
                        },
                        "required": ["size"], "description": "pages",
                    },
                },
                "required": ["name"],
            })
        );
    }
}
