//! The shape of documents: a tree of fields with counts of what they hold.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::counts::ValueCounts;

/// Names that one JSON value with names may have; with more, its names are data and no fields.
pub(super) const MAX_FIELDS: usize = 300;
/// Levels that are told apart; what is deeper is kept as it is.
const MAX_DEPTH: usize = 6;

/// What was found at a place of documents.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NodeShape {
    /// JSON nulls.
    pub nulls: u64,
    /// Values with names: `{…}`.
    pub records: u64,
    /// Arrays.
    pub arrays: u64,
    /// Plain values.
    pub plain: ValueCounts,
    /// The fields of its records, in the order in which they were met.
    pub fields: Vec<(String, NodeShape)>,
    /// The elements of its arrays.
    pub elements: Option<Box<NodeShape>>,
    /// Its records have more names than fields could have.
    pub has_names_as_data: bool,
    #[serde(skip)]
    places: HashMap<String, usize>,
}

impl NodeShape {
    /// Adds what another reader found at the same place.
    pub fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        self.records += other.records;
        self.arrays += other.arrays;
        self.plain.merge(&other.plain);
        self.has_names_as_data |= other.has_names_as_data;
        for (name, node) in other.fields {
            if let Some(place) = self.place(&name, 0) {
                self.fields[place].1.merge(node);
            }
        }
        if let Some(elements) = other.elements {
            self.elements.get_or_insert_default().merge(*elements);
        }
    }

    /// How many values other than null there are.
    pub fn present(&self) -> u64 {
        self.records + self.arrays + self.plain.values
    }

    /// The index of a field, which is probably `guess`; `None` if there are too many.
    fn place(&mut self, name: &str, guess: usize) -> Option<usize> {
        if self.fields.get(guess).is_some_and(|(known, _)| known == name) {
            return Some(guess);
        }
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if self.fields.len() >= MAX_FIELDS {
            self.has_names_as_data = true;
            return None;
        }
        self.places.insert(name.to_owned(), self.fields.len());
        self.fields.push((name.to_owned(), Self::default()));
        Some(self.fields.len() - 1)
    }
}

/// Adds a document. Returns `false` for a line that is none.
pub fn add_document(shape: &mut NodeShape, line: &[u8]) -> bool {
    let Ok(text) = simdutf8::compat::from_utf8(line) else { return false };
    let mut parser = serde_json::Deserializer::from_str(text);
    let records = shape.records;
    let is_one = text.trim_ascii_start().starts_with('{')
        && At { node: shape, depth: 0 }.deserialize(&mut parser).and_then(|()| parser.end()).is_ok();
    // What a broken line had before its fault stays counted at its fields, but it is no document.
    shape.records = records + u64::from(is_one);
    is_one
}

/// A place of a document that is being read.
struct At<'n> {
    node: &'n mut NodeShape,
    depth: usize,
}

#[derive(Deserialize)]
struct FieldName<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.depth {
            0..=MAX_DEPTH => deserializer.deserialize_any(self),
            _ => deserializer.deserialize_ignored_any(serde::de::IgnoredAny).map(|_| self.node.records += 1),
        }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.node.nulls += 1;
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.node.plain.add_bool();
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.node.plain.add_number(true, number.unsigned_abs() < 10_000_000_000_000);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.node.plain.add_number(i64::try_from(number).is_ok(), number < 10_000_000_000_000);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        let rounded = (number * 100.0).round() / 100.0;
        self.node.plain.add_number(false, rounded == number && number.abs() < 1e13);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.node.plain.add_text(text);
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        self.node.arrays += 1;
        let elements = self.node.elements.get_or_insert_default();
        while list.next_element_seed(At { node: elements, depth: self.depth + 1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        self.node.records += 1;
        let mut guess = 0;
        while let Some(FieldName(name)) = map.next_key()? {
            match self.node.place(&name, guess) {
                Some(place) => {
                    map.next_value_seed(At { node: &mut self.node.fields[place].1, depth: self.depth + 1 })?;
                    guess = place + 1;
                }
                None => drop(map.next_value::<serde::de::IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_documents_hold_is_counted_by_place() {
        let (mut first, mut second) = (NodeShape::default(), NodeShape::default());
        assert!(add_document(&mut first, br#"{"id": 1, "room": {"name": "A"}, "guests": [{"n": "x"}, {"n": null}]}"#));
        assert!(add_document(&mut second, br#"{"room": null, "id": "b", "tags": ["x", 2]}"#));
        assert!(!add_document(&mut second, b"[1]") && !add_document(&mut second, b"{\"id\": "));
        first.merge(second);
        let field = |name: &str| &first.fields.iter().find(|(known, _)| known == name).unwrap().1;
        assert_eq!((first.records, first.fields.len()), (2, 4));
        assert_eq!((field("id").plain.values, field("id").plain.integers), (2, 1));
        assert_eq!((field("room").nulls, field("room").records), (1, 1));
        let guests = field("guests").elements.as_ref().unwrap();
        assert_eq!((guests.records, guests.fields[0].1.nulls), (2, 1));
        assert_eq!(field("tags").elements.as_ref().unwrap().plain.values, 2);
    }

    #[test]
    fn names_that_are_data_are_known_as_such() {
        let mut shape = NodeShape::default();
        for i in 0..MAX_FIELDS + 10 {
            add_document(&mut shape, format!(r#"{{"by_id": {{"{i}": 1}}}}"#).as_bytes());
        }
        assert!(shape.fields[0].1.has_names_as_data && !shape.has_names_as_data);
    }
}
