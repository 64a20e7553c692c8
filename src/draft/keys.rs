//! Which field, or fields together, make a document unique: looked for among the first documents.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// Documents that are compared with each other.
const MAX_DOCUMENTS: usize = 50_000;
/// Fields that a key is looked for among.
const MAX_FIELDS: usize = 24;
/// Texts longer than this are no key.
const MAX_BYTES: usize = 200;
/// Numbers of fewer documents say nothing about what they count.
const MIN_NUMBERS: usize = 20;
/// Ids of a sample leave gaps, but hardly so many to each of its documents.
const MAX_GAPS: i128 = 20;

/// Digests of the values of the first documents, by field.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct KeyRows {
    #[serde(skip)]
    documents: HashSet<u64>,
    /// Fields that each document had with a plain value, in the order of the first one.
    #[serde(skip)]
    columns: Vec<Column>,
    /// Of the elements of an array: their number, and of each integer field its number, as long as no two
    /// elements of an array shared a value.
    children: BTreeMap<String, (u64, BTreeMap<String, Option<u64>>)>,
}

/// A field that every document had with a plain value.
#[derive(Debug)]
struct Column {
    name: String,
    digests: Vec<u64>,
    numbers: Numbers,
}

/// The values of a field, seen as numbers.
#[derive(Debug, Default)]
struct Numbers {
    /// Values that are integers.
    integers: usize,
    /// Values that are numbers with decimals.
    decimals: usize,
    /// Smallest and largest integer.
    range: Option<(i128, i128)>,
}

impl Numbers {
    fn add(&mut self, value: &Value) {
        let text = match value {
            Value::String(text) => text.trim(),
            other => &other.to_string(),
        };
        if let Ok(integer) = text.parse::<i64>().map(i128::from) {
            self.integers += 1;
            let (least, most) = self.range.unwrap_or((integer, integer));
            self.range = Some((least.min(integer), most.max(integer)));
        } else if text.contains('.') && text.parse::<f64>().is_ok() {
            self.decimals += 1;
        }
    }

    /// Whether they measure something, as far as numbers alone can tell: they have decimals, or are integers
    /// of any size, far apart from each other. Numbers like that are unique by chance. Ids are close to each
    /// other, or equally long.
    fn measure(&self, documents: usize) -> bool {
        let Some((least, most)) = self.range else { return documents > 0 && self.decimals == documents };
        let is_of_any_length = least < 0 || least.to_string().len() != most.to_string().len();
        documents >= MIN_NUMBERS
            && self.integers + self.decimals == documents
            && (self.decimals > 0 || (is_of_any_length && most - least > MAX_GAPS * documents as i128))
    }
}

/// The fields of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGuess {
    /// One, or several that are unique together.
    pub fields: Vec<String>,
    /// Documents in which they were unique.
    pub documents: usize,
}

impl KeyRows {
    /// Whether there are enough.
    pub fn is_full(&self) -> bool {
        self.documents.len() >= MAX_DOCUMENTS
    }

    /// Adds a document; one that is exactly like another counts once.
    pub fn add(&mut self, line: &[u8]) {
        let Ok(Value::Object(fields)) = serde_json::from_slice(line) else { return };
        let count = self.documents.len();
        if !self.documents.insert(xxh3_64(line.trim_ascii())) {
            return;
        }
        if count == 0 {
            let plain = fields.iter().filter(|(_, value)| digest(value).is_some()).take(MAX_FIELDS);
            let empty = |name: &String| Column { name: name.clone(), digests: Vec::new(), numbers: Numbers::default() };
            self.columns = plain.map(|(name, _)| empty(name)).collect();
        }
        self.columns.retain_mut(|column| {
            let Some((value, digest)) = fields.get(&column.name).and_then(|v| Some((v, digest(v)?))) else {
                return false;
            };
            column.digests.push(digest);
            column.numbers.add(value);
            true
        });
        for (name, value) in &fields {
            if let Value::Array(elements) = value {
                self.add_elements(name, elements);
            }
        }
    }

    fn add_elements(&mut self, array: &str, elements: &[Value]) {
        let (count, ids) = self.children.entry(array.to_owned()).or_default();
        let mut seen: HashSet<(&str, i64)> = HashSet::new();
        for element in elements.iter().filter_map(Value::as_object) {
            *count += 1;
            for (name, value) in element {
                let Some(id) = value.as_i64() else { continue };
                let known = ids.entry(name.clone()).or_insert(Some(0));
                *known = known.filter(|_| seen.insert((name.as_str(), id))).map(|n| n + 1);
            }
        }
    }

    /// Adds what is known of the elements of other documents' arrays.
    pub fn merge_children(&mut self, other: Self) {
        for (array, (count, ids)) in other.children {
            let (own_count, own_ids) = self.children.entry(array).or_default();
            *own_count += count;
            for (name, known) in ids {
                let own = own_ids.entry(name).or_insert(Some(0));
                *own = own.zip(known).map(|(own, other)| own + other);
            }
        }
    }

    /// The integer field that tells the elements of a document's array apart; the one that is named most like
    /// an id.
    pub fn child_id(&self, array: &str) -> Option<String> {
        let (count, ids) = self.children.get(array)?;
        let unique = ids.iter().filter(|(name, known)| **known == Some(*count) && likeness(name, array) > 0);
        unique.max_by_key(|(name, _)| likeness(name, array)).map(|(name, _)| name.clone())
    }

    /// How many documents were compared, and how many values these fields have in them together; `None` if
    /// not all of the fields were looked at.
    pub fn distinct(&self, fields: &[String]) -> Option<(usize, usize)> {
        let columns = fields.iter().map(|field| self.columns.iter().find(|column| column.name == *field));
        let columns: Vec<&Vec<u64>> = columns.map(|column| Some(&column?.digests)).collect::<Option<_>>()?;
        let rows = (0..self.documents.len()).map(|i| columns.iter().map(|column| column[i]).collect());
        Some((self.documents.len(), rows.collect::<HashSet<Vec<u64>>>().len()))
    }

    /// The fields that make documents of `entity` unique, the best ones first; none if there are none. What
    /// measures something comes last, unless it is named like an id or stands first.
    pub fn guesses(&self, entity: &str) -> Vec<KeyGuess> {
        let documents = self.documents.len();
        let is_id = |(i, column): &(usize, &Column)| {
            *i == 0 || likeness(&column.name, entity) > 0 || !column.numbers.measure(documents)
        };
        let (ids, measures): (Vec<_>, Vec<_>) = self.columns.iter().enumerate().partition(is_id);
        let found = match self.single(&ids, entity) {
            single if single.is_empty() => self.together(&ids).into_iter().collect(),
            single => single,
        };
        let chance = self.single(&measures, entity);
        let all: Vec<_> = self.columns.iter().enumerate().collect();
        match found.is_empty() && chance.is_empty() {
            true => self.together(&all).into_iter().collect(),
            false => [found, chance].concat(),
        }
    }

    /// The unique ones of these fields, those named most like an id first.
    fn single(&self, columns: &[(usize, &Column)], entity: &str) -> Vec<KeyGuess> {
        let mut unique: Vec<_> = columns.iter().filter(|(_, column)| self.are_unique(&[column])).collect();
        unique.sort_by_key(|(i, column)| (std::cmp::Reverse(likeness(&column.name, entity)), *i));
        unique.into_iter().map(|(_, column)| self.guess(&[column])).collect()
    }

    /// The first two, or three of the first eight, that are unique together.
    fn together(&self, columns: &[(usize, &Column)]) -> Option<KeyGuess> {
        let columns: Vec<&Column> = columns.iter().map(|(_, column)| *column).collect();
        let (all, few) = (columns.len(), columns.len().min(8));
        let pairs = (0..all).flat_map(|a| (a + 1..all).map(move |b| vec![a, b]));
        let triples =
            (0..few).flat_map(move |a| (a + 1..few).flat_map(move |b| (b + 1..few).map(move |c| vec![a, b, c])));
        let of = |places: Vec<usize>| places.into_iter().map(|i| columns[i]).collect::<Vec<_>>();
        pairs.chain(triples).map(of).find(|fields| self.are_unique(fields)).map(|fields| self.guess(&fields))
    }

    fn are_unique(&self, columns: &[&Column]) -> bool {
        let documents = self.documents.len();
        let row = |i: usize| columns.iter().map(|column| column.digests[i]).collect::<Vec<u64>>();
        documents > 0 && (0..documents).map(row).collect::<HashSet<_>>().len() == documents
    }

    fn guess(&self, columns: &[&Column]) -> KeyGuess {
        let fields = columns.iter().map(|column| column.name.clone()).collect();
        KeyGuess { fields, documents: self.documents.len() }
    }
}

/// A digest of a plain value that may be part of a key; 7 and "7" are the same.
fn digest(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) if text.is_empty() || text.len() > MAX_BYTES => None,
        Value::String(text) => Some(xxh3_64(text.as_bytes())),
        Value::Number(number) if !number.is_f64() => Some(xxh3_64(number.to_string().as_bytes())),
        _ => None,
    }
}

/// How much a name looks like that of an id of `thing`; 0 for not at all.
fn likeness(name: &str, thing: &str) -> u32 {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let (name, thing) = (plain(name), plain(thing));
    let one = thing.strip_suffix('s').unwrap_or(&thing);
    let is_of_thing = name == format!("id{one}") || name == format!("{one}id") || name == one;
    match name.as_str() {
        "id" => 5,
        _ if is_of_thing => 4,
        "uuid" | "guid" | "key" | "code" | "codigo" | "sku" => 3,
        _ if name.starts_with("id") || name.ends_with("id") => 2,
        _ if name.ends_with("no") || name.ends_with("number") || name.ends_with("numero") => 1,
        _ if name.ends_with("code") || name.ends_with("key") || name.ends_with("uuid") => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[&str]) -> KeyRows {
        let mut rows = KeyRows::default();
        lines.iter().for_each(|line| rows.add(line.as_bytes()));
        rows
    }

    #[test]
    fn the_field_that_is_unique_and_named_like_an_id_is_the_key() {
        let rows = rows(&[
            r#"{"at": "a", "club": "x", "idVisit": 1, "idClub": 7}"#,
            r#"{"at": "b", "club": "x", "idVisit": 2, "idClub": 7}"#,
            r#"{"at": "b", "club": "x", "idVisit": 2, "idClub": 7}"#,
        ]);
        let guesses = rows.guesses("visits");
        assert_eq!(guesses[0], KeyGuess { fields: vec!["idVisit".into()], documents: 2 });
        assert_eq!(guesses[1].fields, ["at"]);
    }

    #[test]
    fn several_fields_may_be_unique_together_and_a_field_that_is_null_is_no_key() {
        let rows = rows(&[
            r#"{"room": "A", "seat": 1, "id": 5}"#,
            r#"{"room": "A", "seat": 2, "id": null}"#,
            r#"{"room": "B", "seat": 1, "id": 6}"#,
        ]);
        assert_eq!(rows.guesses("seats")[0].fields, ["room", "seat"]);
    }

    #[test]
    fn what_measures_something_is_no_key_where_other_fields_are_unique_together() {
        let line = |i: i64, people: String| format!(r#"{{"year": {}, "sex": {}, {people}}}"#, 1900 + i / 2, i % 2);
        let of = |people: &dyn Fn(i64) -> String| {
            let lines: Vec<String> = (0..40).map(|i| line(i, people(i))).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let guesses = rows(&lines).guesses("people_by_year");
            guesses.into_iter().map(|guess| guess.fields.join(" and ")).collect::<Vec<_>>()
        };
        // Counts of people, as integers and as texts, and amounts.
        assert_eq!(of(&|i| format!(r#""people": {}"#, i * i * 7001 + 900)), ["year and sex", "people"]);
        assert_eq!(of(&|i| format!(r#""people": "{}""#, i * i * 7001 + 900)), ["year and sex", "people"]);
        assert_eq!(of(&|i| format!(r#""share": "{i}.5""#)), ["year and sex", "share"]);
        // Numbers of equal length, numbers that follow each other, and any number that is named like an id.
        assert_eq!(of(&|i| format!(r#""member": {}"#, 2_023_000_000 + i * i * 7001)), ["member"]);
        assert_eq!(of(&|i| format!(r#""member": {}"#, i * 3)), ["member"]);
        assert_eq!(of(&|i| format!(r#""idPerson": {}"#, i * i * 7001 + 900)), ["idPerson"]);
    }

    #[test]
    fn elements_are_told_apart_by_an_integer_that_no_two_of_an_array_share() {
        let rows = rows(&[
            r#"{"guests": [{"id": 1, "age": 7}, {"id": 2, "age": 7}], "tags": [{"id": 1}, {"id": 1}]}"#,
            r#"{"guests": [{"id": 1, "age": 8}], "tags": null}"#,
        ]);
        assert_eq!((rows.child_id("guests"), rows.child_id("tags")), (Some("id".to_owned()), None));
    }
}
