//! More columns for a model: its text with fields of the document that it does not read yet. Nothing that
//! is there is changed.

use super::path::below;
use super::select::Select;
use crate::entity::scan::Tokens;
use crate::error::{Error, Kind, Result};
use crate::sql::{is_column_name, quoted, value_at};

/// A field of the document that becomes a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedField {
    /// What a row of the model is made of: empty for a document, `lines[]` for an element of an array.
    pub root: String,
    /// The names from there to the field.
    pub path: Vec<String>,
    /// Whether it is kept as jsonb.
    pub is_json: bool,
    /// The column's expression, with `{field}` for the field: `evo.as_bigint({field})`.
    pub expression: String,
    /// The column's name.
    pub column: String,
}

impl Select {
    /// The text of the file with more columns at the end of the select list, read from the records that are
    /// there, and from new ones for objects that are not taken apart yet.
    ///
    /// # Errors
    /// `Config`, with the file, where the model is written in a way that evo cannot add to.
    pub fn with_fields(&self, fields: &[AddedField]) -> Result<String> {
        let text = self.extended(fields).map_err(|reason| {
            let columns: Vec<&str> = fields.iter().map(|field| field.column.as_str()).collect();
            Error::new(Kind::Config, format!("{}: cannot add {}: {reason}", self.file, columns.join(", ")))
                .hint("add them by hand")
        })?;
        Select::parse(&self.file, &text, &self.key).and_then(Select::guarded)?;
        Ok(text)
    }

    fn extended(&self, fields: &[AddedField]) -> std::result::Result<String, String> {
        if self.is_distinct() {
            return Err("the select is distinct, so another column would make other rows".to_owned());
        }
        let mut additions = Additions::new(self)?;
        for field in fields {
            additions.add(field)?;
        }
        Ok(additions.text())
    }
}

/// What is added to a model.
struct Additions<'s> {
    select: &'s Select,
    tokens: Tokens<'s>,
    records: Vec<Unfolded>,
    /// The new items of the select list.
    items: Vec<String>,
}

/// A record that documents are taken apart into.
struct Unfolded {
    alias: String,
    path: String,
    /// Names and types of its columns.
    columns: Vec<(String, String)>,
    /// Definitions of its new columns.
    added: Vec<String>,
    place: RecordPlace,
}

enum RecordPlace {
    /// It is there: the byte after its last column.
    Written(usize),
    /// It is new, and takes this value apart.
    New(String),
}

impl<'s> Additions<'s> {
    fn new(select: &'s Select) -> std::result::Result<Self, String> {
        let tokens = Tokens::new(select.whole()).map_err(|_| "it cannot be read".to_owned())?;
        let known = ["jsonb_to_record", "jsonb_to_recordset"];
        let with_columns = select.records().iter().filter(|record| known.contains(&record.function.as_str()));
        let records = with_columns.filter_map(|record| {
            let column = |c: &super::from::RecordColumn| (c.name.clone(), select.slice(&c.kind).to_lowercase());
            Some(Unfolded {
                alias: record.alias.clone(),
                path: record.path.clone(),
                columns: record.columns.iter().map(column).collect(),
                added: Vec::new(),
                place: RecordPlace::Written(record.columns.last()?.definition.end),
            })
        });
        Ok(Self { select, tokens, records: records.collect(), items: Vec::new() })
    }

    fn add(&mut self, field: &AddedField) -> std::result::Result<(), String> {
        let Some((name, parents)) = field.path.split_last() else { return Err("it has no path".to_owned()) };
        let column = quoted(&field.column);
        if !field.path.iter().all(|name| is_column_name(name)) {
            let value = value_at(&self.document(&field.root)?, &field.path, field.is_json);
            self.items.push(format!("{} as {column}", field.expression.replace("{field}", &value)));
            return Ok(());
        }
        let record = self.record(&field.root, parents)?;
        let reference = self.column(record, name, if field.is_json { "jsonb" } else { "text" })?;
        let expression = field.expression.replace("{field}", &reference);
        let is_named = expression == format!("{}.{column}", quoted(&self.records[record].alias));
        self.items.push(if is_named { expression } else { format!("{expression} as {column}") });
        Ok(())
    }

    /// The record of an object, made if there is none.
    fn record(&mut self, root: &str, parents: &[String]) -> std::result::Result<usize, String> {
        let path = parents.iter().fold(root.to_owned(), |path, name| below(&path, name));
        if let Some(known) = self.records.iter().position(|record| record.path == path) {
            return Ok(known);
        }
        let argument = match parents.split_last() {
            Some((last, before)) => {
                let parent = self.record(root, before)?;
                format!("evo.as_object({})", self.column(parent, last, "jsonb")?)
            }
            None => self.document(root)?,
        };
        let place = RecordPlace::New(argument);
        let alias = self.free_alias();
        self.records.push(Unfolded { alias, path, columns: Vec::new(), added: Vec::new(), place });
        Ok(self.records.len() - 1)
    }

    /// What has the fields of a row: the document, or an element of its array.
    fn document(&self, root: &str) -> std::result::Result<String, String> {
        match self.select.children() {
            _ if root.is_empty() => Ok(format!("{}.raw_data", quoted(self.select.source()))),
            Some(children) if format!("{}[]", children.array) == root => {
                Ok(format!("{}.value", quoted(&children.alias)))
            }
            _ => Err(format!("nothing in it takes the elements of {root} apart")),
        }
    }

    /// A column of a record as the select list reads it; defined if it is not.
    fn column(&mut self, record: usize, name: &str, kind: &str) -> std::result::Result<String, String> {
        let record = &mut self.records[record];
        match record.columns.iter().find(|(known, _)| known == name) {
            Some((_, known)) if known != kind => return Err(format!("{name} is defined as {known} there")),
            Some(_) => {}
            None => {
                record.columns.push((name.to_owned(), kind.to_owned()));
                record.added.push(format!("{} {kind}", quoted(name)));
            }
        }
        Ok(format!("{}.{}", quoted(&record.alias), quoted(name)))
    }

    fn free_alias(&self) -> String {
        let is_taken = |alias: &str| {
            self.records.iter().any(|record| record.alias == alias)
                || (0..self.tokens.len()).any(|i| self.tokens.name(i).is_some_and(|name| name == alias))
        };
        let numbered = (2..).map(|number| format!("d{number}"));
        std::iter::once("d".to_owned()).chain(numbered).find(|alias| !is_taken(alias)).unwrap_or_default()
    }

    /// The whole text with what was added.
    fn text(&self) -> String {
        let (whole, mut insertions) = (self.select.whole(), self.of_list());
        let mut items = String::new();
        for record in &self.records {
            match &record.place {
                RecordPlace::Written(_) if record.added.is_empty() => {}
                RecordPlace::Written(at) => insertions.push((*at, format!(",\n    {}", record.added.join(", ")))),
                RecordPlace::New(argument) => {
                    let (alias, columns) = (quoted(&record.alias), record.added.join(", "));
                    items += &format!("cross join lateral jsonb_to_record({argument}) as {alias} (\n    {columns})\n");
                }
            }
        }
        if !items.is_empty() {
            let at = self.select.rest.start;
            let before = if whole[..at].ends_with('\n') { "" } else { "\n" };
            // What ends the statement follows without a line of its own.
            let is_end = whole[at..].starts_with(';');
            insertions.push((at, format!("{before}{}", if is_end { items.trim_end() } else { &items })));
        }
        insertions.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let mut text = whole.to_owned();
        insertions.into_iter().for_each(|(at, new)| text.insert_str(at, &new));
        text
    }

    /// The new items at the end of the select list, after a comment that may follow its last one.
    fn of_list(&self) -> Vec<(usize, String)> {
        let (whole, from) = (self.select.whole(), self.select.from_at);
        let end = self.select.columns().last().map_or(from, |column| column.end);
        let line = whole[..from].rfind('\n').map_or(0, |at| at + 1);
        match line >= end && whole[line..from].trim().is_empty() {
            true => vec![(end, ",".to_owned()), (line, format!("    {}\n", self.items.join(",\n    ")))],
            false => vec![(end, format!(", {}", self.items.join(", ")))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(root: &str, path: &str, expression: &str, column: &str) -> AddedField {
        AddedField {
            root: root.to_owned(),
            path: path.split('.').map(str::to_owned).collect(),
            is_json: expression == "json",
            expression: if expression == "json" { "{field}".to_owned() } else { expression.to_owned() },
            column: column.to_owned(),
        }
    }

    fn with(text: &str, fields: &[AddedField]) -> Result<String> {
        Select::parse("own/a.sql", text, &["id".to_owned()]).unwrap().with_fields(fields)
    }

    #[test]
    fn columns_are_added_and_nothing_else_is_touched() {
        let text = "-- grain: one\n-- key: id\nselect\n    s.id,\n    d.name -- by hand\nfrom {source} s\n\
            cross join lateral jsonb_to_record(s.raw_data) as d (\n    name text, room jsonb)\n\
            left join x on true -- mine\nwhere true\n";
        let fields = [
            added("", "vip", "evo.as_bool({field})", "vip"),
            added("", "order", "{field}", "order"),
            added("", "room.floor", "evo.as_bigint({field})", "room_floor"),
            added("", "a.b.c", "json", "a_b_c"),
            added("", &format!("room.{}", "x".repeat(64)), "evo.as_bool({field})", "long"),
        ];
        assert_eq!(
            with(text, &fields).unwrap(),
            "-- grain: one\n-- key: id\nselect\n    s.id,\n    d.name, -- by hand\n    evo.as_bool(d.vip) as vip,\n    \
             d.\"order\",\n    evo.as_bigint(d2.floor) as room_floor,\n    d4.c as a_b_c,\n    \
             evo.as_bool(s.raw_data -> 'room' ->> 'LONG') as long\nfrom {source} s\n\
             cross join lateral jsonb_to_record(s.raw_data) as d (\n    name text, room jsonb,\n    \
             vip text, \"order\" text, a jsonb)\n\
             cross join lateral jsonb_to_record(evo.as_object(d.room)) as d2 (\n    floor text)\n\
             cross join lateral jsonb_to_record(evo.as_object(d.a)) as d3 (\n    b jsonb)\n\
             cross join lateral jsonb_to_record(evo.as_object(d3.b)) as d4 (\n    c jsonb)\n\
             left join x on true -- mine\nwhere true\n"
                .replace("LONG", &"x".repeat(64))
        );
    }

    #[test]
    fn a_model_without_records_gets_them() {
        let vip = [added("", "vip", "{field}", "vip")];
        assert_eq!(
            with("select s.id from {source} s;", &vip).unwrap(),
            "select s.id, d.vip from {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (\n    vip text);"
        );
        let text = "select s.id\nfrom {source} s\ncross join lateral evo.as_children(s.raw_data, 'guests', 'n') c\n";
        let age = [added("guests[]", "age", "evo.as_bigint({field})", "age")];
        assert_eq!(
            with(text, &age).unwrap(),
            "select s.id,\n    evo.as_bigint(d.age) as age\nfrom {source} s\n\
             cross join lateral evo.as_children(s.raw_data, 'guests', 'n') c\n\
             cross join lateral jsonb_to_record(c.value) as d (\n    age text)\n"
        );
    }

    #[test]
    fn what_cannot_be_added_is_said_with_the_file() {
        let text =
            "select s.id, d.room\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (room text)\n";
        let inside = [added("", "room.floor", "{field}", "floor")];
        let error = with(text, &inside).unwrap_err();
        assert_eq!(error.message(), "own/a.sql: cannot add floor: room is defined as text there");
        let other = [added("guests[]", "age", "{field}", "age")];
        assert!(with(text, &other).unwrap_err().message().contains("takes the elements of guests[] apart"));
        let distinct = text.replace("select", "select distinct");
        assert!(with(&distinct, &[added("", "a", "{field}", "a")]).unwrap_err().message().contains("distinct"));
    }
}
