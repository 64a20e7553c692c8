//! The tables that a shape gives.

use super::counts::{ValueCounts, ValueType};
use super::names::{Unique, child_table, free_of_system, singular, snake};
use super::nodes::NodeShape;
use crate::sql::is_column_name;

/// Levels of records inside records that become columns; deeper ones are kept as they are.
const MAX_DEPTH: usize = 3;
/// With fewer values than this a type is only likely.
const MANY: u64 = 100;

/// How certain a guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// All of many values say so.
    Sure,
    /// All of a few values say so.
    Likely,
    /// Somebody should decide.
    Look,
}

/// A column of a core table.
#[derive(Debug, Clone)]
pub struct DraftColumn {
    /// Its name.
    pub name: String,
    /// The names of the fields from the document, or from the element, to the value.
    pub path: Vec<String>,
    /// Its type; `None` for jsonb.
    pub value_type: Option<ValueType>,
    /// Documents or elements without a value.
    pub without: u64,
    /// Documents or elements.
    pub of: u64,
    /// How certain the type is.
    pub certainty: Certainty,
    /// What to know about it; may be empty.
    pub note: String,
}

/// What a row of a table is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableKind {
    /// A document.
    Parent,
    /// A version of a document.
    History,
    /// An element of an array with records, known by an integer field, or by its place.
    Children {
        /// The names of the fields from the document to the array.
        array: Vec<String>,
        /// The field with the id.
        id: Option<String>,
    },
    /// A plain value in an array.
    Link {
        /// The names of the fields from the document to the array.
        array: Vec<String>,
        /// The array is written as a text.
        is_text: bool,
    },
}

/// A core table.
#[derive(Debug, Clone)]
pub struct DraftTable {
    /// Its name in the schema core.
    pub name: String,
    /// What a row is made of.
    pub kind: TableKind,
    /// The columns of its key after the parent's.
    pub key: Vec<String>,
    /// Its columns besides the key.
    pub columns: Vec<DraftColumn>,
    /// Rows that the samples give.
    pub rows: u64,
}

/// Collects the tables of an entity.
pub(super) struct Tables<'a> {
    pub entity: &'a str,
    pub key_column: &'a str,
    /// The field that is the key, if it is one.
    pub key_field: Option<&'a str>,
    /// The integer field that tells the elements of an array apart.
    pub child_id: &'a dyn Fn(&str) -> Option<String>,
    /// Other names that no column of the parent may have.
    pub taken: &'a [&'a str],
    pub list: Vec<DraftTable>,
    names: Unique,
}

/// A table whose columns are collected.
struct Open {
    columns: Vec<DraftColumn>,
    names: Unique,
    /// Its arrays become tables.
    has_children: bool,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        (entity, key_column): (&'a str, &'a str),
        key_field: Option<&'a str>,
        child_id: &'a dyn Fn(&str) -> Option<String>,
        taken: &'a [&'a str],
    ) -> Self {
        let mut names = Unique::default();
        names.take(entity);
        names.take(&history_table(entity));
        Self { entity, key_column, key_field, child_id, taken, list: Vec::new(), names }
    }

    /// Gives no table a name that another one has already.
    pub(super) fn avoid(&mut self, tables: &[String]) {
        tables.iter().for_each(|table| self.names.take(table));
    }

    /// The tables of documents of this shape, parent first.
    pub(super) fn of(mut self, shape: &NodeShape) -> Vec<DraftTable> {
        let columns = self.columns(shape, &[&[self.key_column][..], self.taken].concat(), true);
        let parent = DraftTable {
            name: self.entity.to_owned(),
            kind: TableKind::Parent,
            key: Vec::new(),
            columns,
            rows: shape.records,
        };
        self.list.insert(0, parent);
        self.list
    }

    fn columns(&mut self, node: &NodeShape, key: &[&str], has_children: bool) -> Vec<DraftColumn> {
        let mut names = Unique::default();
        key.iter().for_each(|name| names.take(name));
        let mut open = Open { columns: Vec::new(), names, has_children };
        self.add_fields(&mut open, node, &mut Vec::new(), node.records);
        open.columns
    }

    fn add_fields(&mut self, open: &mut Open, node: &NodeShape, path: &mut Vec<String>, of: u64) {
        for (name, field) in &node.fields {
            if path.is_empty() && open.has_children && self.key_field == Some(name.as_str()) {
                continue;
            }
            path.push(name.clone());
            self.add_field(open, field, path, of);
            path.pop();
        }
    }

    fn add_field(&mut self, open: &mut Open, field: &NodeShape, path: &mut Vec<String>, of: u64) {
        let kinds = [field.plain.values > 0, field.records > 0, field.arrays > 0];
        match kinds {
            [false, true, false] if !field.has_names_as_data && path.len() <= MAX_DEPTH => {
                return self.add_fields(open, field, path, of);
            }
            [false, false, true] if open.has_children && self.add_array(field, path) => return,
            [true, false, false] if open.has_children && field.plain.are_lists() => {
                return self.add_link(path, field.plain.list_elements, true);
            }
            _ => {}
        }
        let (value_type, certainty, note) = match kinds {
            [true, false, false] => of_plain(&field.plain),
            [false, false, false] => (Some(ValueType::Text), Certainty::Look, "no value in the samples".to_owned()),
            [false, true, false] if field.has_names_as_data => (None, Certainty::Look, "its names are data".to_owned()),
            [false, true, false] | [false, false, true] => (None, Certainty::Likely, "kept as it is".to_owned()),
            _ => (None, Certainty::Look, "plain values and others: kept as it is".to_owned()),
        };
        let name = open.names.name(&snake(&path.join("_")));
        let without = of.saturating_sub(field.present());
        open.columns.push(DraftColumn { name, path: path.clone(), value_type, without, of, certainty, note });
    }

    /// Makes a table of an array. Returns `false` where its elements are of several kinds, or there are none.
    fn add_array(&mut self, field: &NodeShape, path: &[String]) -> bool {
        let Some(elements) = &field.elements else { return false };
        match [elements.plain.values > 0, elements.records > 0, elements.arrays > 0] {
            [true, false, false] => self.add_link(path, elements.plain.values, false),
            [false, true, false] if !elements.has_names_as_data => self.add_children(elements, path),
            _ => return false,
        }
        true
    }

    fn add_link(&mut self, path: &[String], rows: u64, is_text: bool) {
        let field = snake(&path.join("_"));
        let name = self.names.name(&child_table(self.entity, &field));
        let value = free_of_system(singular(&field));
        let value = if value == self.key_column { format!("{value}_value") } else { value };
        let kind = TableKind::Link { array: path.to_vec(), is_text };
        self.list.push(DraftTable { name, kind, key: vec![value], columns: Vec::new(), rows });
    }

    fn add_children(&mut self, elements: &NodeShape, path: &[String]) {
        let field = snake(&path.join("_"));
        let name = self.names.name(&child_table(self.entity, &field));
        // The unfolding by ids takes a field of the document itself.
        let id = if path.len() == 1 { (self.child_id)(&path[0]).filter(|id| is_column_name(id)) } else { None };
        let key = match &id {
            None => "place".to_owned(),
            Some(id) => match snake(id).as_str() {
                "id" | "uuid" | "key" | "code" => format!("{}_id", singular(&field)),
                other => other.to_owned(),
            },
        };
        let key = if key == self.key_column { format!("{key}_2") } else { key };
        let at = self.list.len();
        let mut columns = self.columns(elements, &[self.key_column, &key], false);
        columns.retain(|column| column.path.len() != 1 || Some(&column.path[0]) != id.as_ref());
        let kind = TableKind::Children { array: path.to_vec(), id };
        self.list.insert(at, DraftTable { name, kind, key: vec![key], columns, rows: elements.records });
    }
}

/// The name of the table with the versions of documents.
pub(super) fn history_table(entity: &str) -> String {
    format!("{entity}_history")
}

/// The type of plain values, how certain it is, and why it is none that one might expect.
fn of_plain(plain: &ValueCounts) -> (Option<ValueType>, Certainty, String) {
    let value_type = plain.value_type();
    let many = if plain.values >= MANY { Certainty::Sure } else { Certainty::Likely };
    let all_numbers = plain.plain_numbers == plain.values;
    let (certainty, note) = match (value_type, plain.format()) {
        (ValueType::Text, _) if plain.codes > 0 && all_numbers => {
            (Certainty::Likely, "numbers with leading zeros: codes".to_owned())
        }
        (ValueType::Text, _) if all_numbers => {
            (Certainty::Look, "numbers that a decimal with two digits would round".to_owned())
        }
        (ValueType::Text, _) if plain.numbers + plain.bools > 0 => {
            (Certainty::Look, "texts and other values".to_owned())
        }
        (ValueType::Text, _) if is_nearly(plain) => {
            (Certainty::Look, "nearly all values are numbers, days or times".to_owned())
        }
        (ValueType::Date | ValueType::Time, Some((format, None))) => (many, format!("written as {format}")),
        (ValueType::Date | ValueType::Time, Some((format, Some(other)))) => {
            (Certainty::Look, format!("read as {format}; it could be {other}"))
        }
        (ValueType::Date, None) if plain.midnights > 0 => (many, "always midnight".to_owned()),
        _ => (many, String::new()),
    };
    (Some(value_type), certainty, note)
}

/// Whether fewer than one value in fifty keeps a field from being more than a text.
fn is_nearly(plain: &ValueCounts) -> bool {
    let most = plain.plain_numbers.max(plain.days + plain.local_times + plain.instants);
    plain.codes == 0 && most < plain.values && most * 50 >= plain.values * 49
}
