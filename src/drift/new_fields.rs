//! The fields of some documents that are not known yet, or not of that type.

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest, Md5};

use super::document::{Visitor, walk};
use super::known::KnownFields;
use super::place::{MAX_NAMES, SampledLine};

/// Bytes of a name. A longer one is cut and marked with a digest.
const MAX_NAME: usize = 60;

/// A field that is not known.
#[derive(Debug)]
pub struct NewField {
    /// Where it was first seen.
    pub place: SampledLine,
    /// The path of the object that has it; `None` for an array's element.
    object: Option<String>,
}

/// The unknown fields of some documents.
#[derive(Debug)]
pub struct NewFields<'k> {
    known: &'k KnownFields,
    /// By path and JSON type; no more than there is room for.
    pub found: BTreeMap<(String, &'static str), NewField>,
    /// Of the document that is being read.
    place: SampledLine,
}

impl<'k> NewFields<'k> {
    /// None yet.
    pub fn new(known: &'k KnownFields) -> Self {
        Self { known, found: BTreeMap::new(), place: SampledLine::default() }
    }

    /// Adds the unknown fields of a document, which may have been cut.
    pub fn add(&mut self, document: &str, place: SampledLine) {
        self.place = place;
        walk(document, self);
    }

    /// The objects that have too many names, known and new ones together.
    pub fn crowded(&self) -> Vec<String> {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for ((path, _), field) in &self.found {
            if let Some(object) = &field.object
                && self.known.types(path).is_none()
                && path != "*"
                && !path.ends_with(".*")
            {
                names.entry(object).or_default().insert(path);
            }
        }
        let is_crowded =
            |(object, new): &(&str, BTreeSet<&str>)| self.known.names(object) + new.len() as i64 > MAX_NAMES;
        names.into_iter().filter(is_crowded).map(|(object, _)| object.to_owned()).collect()
    }
}

impl Visitor for NewFields<'_> {
    fn append(&self, path: &mut String, name: &str) {
        let length = path.len();
        let is_crowded = self.known.is_crowded(path);
        if !path.is_empty() {
            path.push('.');
        }
        let begin = path.len();
        push_name(path, name);
        if is_crowded && self.known.types(path).is_none() {
            path.truncate(begin.max(length));
            path.push('*');
        }
    }

    fn see(&mut self, path: &str, object: Option<usize>, json_type: &'static str) {
        let is_known = || self.known.types(path).is_some_and(|types| types.iter().any(|known| known == json_type));
        if json_type == "null" || is_known() {
            return;
        }
        let field = NewField {
            place: self.place.clone(),
            object: object.map(|length| path.get(..length).unwrap_or_default().to_owned()),
        };
        match self.found.get_mut(&(path.to_owned(), json_type)) {
            Some(first) if first.place <= field.place => {}
            Some(first) => *first = field,
            None => {
                self.found.insert((path.to_owned(), json_type), field);
                if self.found.len() > self.known.room() {
                    self.found.pop_last();
                }
            }
        }
    }
}

/// Appends a name; of one that is too long, its first characters and a digest.
pub(super) fn push_name(path: &mut String, name: &str) {
    if name.len() <= MAX_NAME {
        return path.push_str(name);
    }
    path.extend(name.chars().take(30));
    path.push('…');
    let digest = Md5::digest(name.as_bytes());
    path.extend(digest.iter().take(6).map(|byte| format!("{byte:02x}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(fields: &[(&str, &[&str])]) -> KnownFields {
        let owned =
            |(path, types): &(&str, &[&str])| ((*path).to_owned(), types.iter().map(|t| (*t).to_owned()).collect());
        KnownFields::of(fields.iter().map(owned))
    }

    fn at(line: i64) -> SampledLine {
        SampledLine { source_line: line, ..SampledLine::default() }
    }

    fn found(fields: &NewFields<'_>) -> Vec<(String, &'static str, i64)> {
        fields.found.iter().map(|((path, kind), field)| (path.clone(), *kind, field.place.source_line)).collect()
    }

    #[test]
    fn what_is_unknown_is_found_once_at_its_first_place() {
        let known = known(&[("a", &["number"]), ("l", &["array"]), ("l[]", &["object"]), ("l[].x", &["string"])]);
        let mut fields = NewFields::new(&known);
        fields.add(r#"{"a": 1, "l": [{"x": null}, {"x": 2}]}"#, at(7));
        fields.add(r#"{"a": "1", "l": [{"x": "", "y": {"z": true}}, {"x": 3}]}"#, at(3));
        let expected = [("a", "string", 3), ("l[].x", "number", 3), ("l[].y", "object", 3), ("l[].y.z", "boolean", 3)];
        assert_eq!(found(&fields), expected.map(|(path, kind, line)| (path.to_owned(), kind, line)));
        assert!(fields.crowded().is_empty());
    }

    #[test]
    fn further_names_of_a_crowded_object_are_one_field() {
        let document = |from: usize| {
            let names: Vec<String> = (from..from + 201).map(|i| format!(r#""n{i}": {{"v": {i}}}"#)).collect();
            format!(r#"{{"o": {{{}}}, "n": 1}}"#, names.join(", "))
        };
        let mut known =
            known(&[("o", &["object"]), ("o.n7", &["object"]), ("o.n7.v", &["number"]), ("n", &["number"])]);
        let mut fields = NewFields::new(&known);
        fields.add(&document(0), at(1));
        assert_eq!(fields.crowded(), ["o"]);
        known.crowd(vec!["o".to_owned()]);
        let mut fields = NewFields::new(&known);
        fields.add(&document(0), at(1));
        assert_eq!(found(&fields), [("o.*".to_owned(), "object", 1), ("o.*.v".to_owned(), "number", 1)]);
        assert!(fields.crowded().is_empty());
        // Once it is recorded, the field itself says so.
        let recorded =
            self::known(&[("o", &["object"]), ("o.*", &["object"]), ("o.*.v", &["number"]), ("n", &["number"])]);
        let mut fields = NewFields::new(&recorded);
        fields.add(&document(500), at(1));
        assert!(fields.found.is_empty());
    }

    #[test]
    fn a_long_name_is_cut_and_the_number_of_fields_is_limited() {
        let names = |name: &str| {
            let known = KnownFields::default();
            let mut fields = NewFields::new(&known);
            fields.add(&format!(r#"{{"{name}": 1}}"#), at(1));
            found(&fields).pop().unwrap().0
        };
        assert_eq!(names(&"é".repeat(30)), "é".repeat(30));
        // As `left(name, 30) || '…' || left(md5(name), 12)` gives it.
        assert_eq!(names(&"a".repeat(61)), format!("{}…cced11f7bbbf", "a".repeat(30)));
        let all: Vec<String> = (0..3_000).map(|i| format!(r#""{i:04}": 1"#)).collect();
        let known = KnownFields::default();
        let mut fields = NewFields::new(&known);
        fields.add(&format!("{{{}}}", all.join(", ")), at(1));
        assert_eq!(fields.found.len(), known.room());
        assert_eq!(fields.found.last_key_value().unwrap().0.0, "2000");
    }
}
