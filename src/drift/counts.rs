//! How many documents have which fields, of which JSON types.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Visitor, walk};
use super::new_fields::push_name;
use super::place::SampledLine;

/// Places that are counted; further ones are left out.
const MAX_FIELDS: usize = 20_000;

/// The fields of some documents.
#[derive(Debug, Default)]
pub struct FieldCounts {
    documents: u64,
    fields: BTreeMap<String, FieldCount>,
    /// Of the document that is being read.
    place: SampledLine,
}

/// A field of some documents. Null counts as no value.
#[derive(Debug, Default)]
pub struct FieldCount {
    /// Documents that have a value there.
    pub documents: u64,
    /// Of each JSON type how many documents have it, and the first of them.
    pub types: BTreeMap<&'static str, (u64, SampledLine)>,
    /// The length of the path of what contains it.
    parent: usize,
    /// It has a name, and is no element of an array.
    pub(super) is_named: bool,
    /// The last document that was counted, and its types.
    last: (u64, BTreeSet<&'static str>),
}

impl FieldCounts {
    /// Counts the fields of a document, as far as its text goes.
    pub fn add(&mut self, document: &str, place: SampledLine) {
        self.documents += 1;
        self.place = place;
        walk(document, self);
    }

    /// Documents that were counted.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// A field; `None` if no document has it.
    pub fn get(&self, path: &str) -> Option<&FieldCount> {
        self.fields.get(path)
    }

    /// The fields by path.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &FieldCount)> {
        self.fields.iter().map(|(path, count)| (path.as_str(), count))
    }

    /// The path of the object or array that contains a field.
    pub(super) fn parent<'p>(path: &'p str, count: &FieldCount) -> &'p str {
        &path[..count.parent]
    }
}

impl Visitor for FieldCounts {
    fn append(&self, path: &mut String, name: &str) {
        if !path.is_empty() {
            path.push('.');
        }
        push_name(path, name);
    }

    fn see(&mut self, path: &str, object: Option<usize>, json_type: &'static str) {
        if json_type == "null" {
            return;
        }
        if !self.fields.contains_key(path) {
            if self.fields.len() >= MAX_FIELDS {
                return;
            }
            let parent = object.unwrap_or_else(|| path.len().saturating_sub("[]".len()));
            let field = FieldCount { parent, is_named: object.is_some(), ..FieldCount::default() };
            self.fields.insert(path.to_owned(), field);
        }
        let Some(field) = self.fields.get_mut(path) else { return };
        if field.last.0 != self.documents {
            field.last = (self.documents, BTreeSet::new());
            field.documents += 1;
        }
        if field.last.1.insert(json_type) {
            let (documents, first) = field.types.entry(json_type).or_insert_with(|| (0, self.place.clone()));
            *documents += 1;
            if self.place < *first {
                first.clone_from(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_counts_once_for_each_of_its_fields() {
        let at = |line: i64| SampledLine { source_line: line, ..SampledLine::default() };
        let mut counts = FieldCounts::default();
        counts.add(r#"{"a": 1, "l": [{"x": "s"}, {"x": 2}, {"x": 3}], "n": null}"#, at(2));
        counts.add(r#"{"a": "1", "l": []}"#, at(1));
        assert_eq!(counts.documents(), 2);
        let shown: Vec<String> = counts
            .fields()
            .map(|(path, count)| {
                let types: Vec<String> =
                    count.types.iter().map(|(word, (n, at))| format!("{word} {n} {}", at.source_line)).collect();
                format!("{path} {}: {}", count.documents, types.join(", "))
            })
            .collect();
        assert_eq!(
            shown,
            ["a 2: number 1 2, string 1 1", "l 2: array 2 1", "l[] 1: object 1 2", "l[].x 1: number 1 2, string 1 2"]
        );
    }
}
