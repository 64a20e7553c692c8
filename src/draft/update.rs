//! What samples have and an entity lacks: columns and tables to be added, and types that have changed.

use super::counts::ValueType;
use super::earlier::EarlierMigrations;
use super::names::{Unique, snake};
use super::nodes::NodeShape;
use super::plan::at;
use super::read::SampleReading;
use super::render::{expression, sql_type};
use super::tables::{Certainty, DraftColumn, DraftTable, TableKind, Tables};
use crate::entity::{AddedField, Column, Entity, Select};
use crate::sql::literal;

/// What samples have and an entity lacks.
#[derive(Debug, Default)]
pub struct EntityUpdate {
    /// Columns for tables that are there.
    pub columns: Vec<TableUpdate>,
    /// Tables of arrays that no model reads.
    pub tables: Vec<DraftTable>,
    /// Columns whose values are no longer of their type. Nothing is done about them.
    pub changed: Vec<ChangedType>,
    /// What to look at, and why.
    pub notes: Vec<String>,
}

/// Columns for a table.
#[derive(Debug)]
pub struct TableUpdate {
    /// Its place among the models of the entity.
    pub model: usize,
    /// Qualified name: `core.orders`.
    pub table: String,
    /// The columns.
    pub columns: Vec<DraftColumn>,
    /// The text of its model with them.
    pub text: String,
}

/// A column whose values are no longer of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedType {
    /// Qualified name: `core.orders`.
    pub table: String,
    /// The column.
    pub column: String,
    /// Path of the field in the document.
    pub path: String,
    /// The ending of the cast that reads it, or its type in the record.
    pub declared: String,
    /// What its values are: a type, or `date written as %d/%m/%Y`.
    pub found: String,
}

impl EntityUpdate {
    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.tables.is_empty()
    }
}

/// Compares samples with an entity whose models are `selects`, as they are written, in the order of its
/// models, and whose tables `earlier` migrations have made. What its contract ignores is not added.
pub fn update(
    entity: &Entity,
    selects: &[Select],
    reading: &SampleReading,
    earlier: &EarlierMigrations,
) -> EntityUpdate {
    let key_fields = entity.key.fields();
    let key_field = (key_fields.len() == 1).then(|| key_fields[0].as_str());
    let child_id = |array: &str| reading.keys.child_id(array);
    let tables = Tables::new((&entity.name, &entity.staging.key_column), key_field, &child_id, &[]).of(&reading.shape);
    let update = EntityUpdate::default();
    let mut comparison = Comparison { entity, selects, shape: &reading.shape, earlier, update };
    tables.into_iter().for_each(|table| comparison.add(table));
    comparison.update
}

struct Comparison<'a> {
    entity: &'a Entity,
    selects: &'a [Select],
    shape: &'a NodeShape,
    earlier: &'a EarlierMigrations,
    update: EntityUpdate,
}

impl<'a> Comparison<'a> {
    fn add(&mut self, table: DraftTable) {
        match &table.kind {
            TableKind::Parent | TableKind::History => self.add_columns(0, String::new(), table.columns),
            TableKind::Children { array, .. } => {
                let root = format!("{}[]", array.join("."));
                match self.model_of(&root) {
                    Some(model) => self.add_columns(model, root, table.columns),
                    None if self.is_read(&root) || self.is_mentioned(array) || self.is_ignored(&root) => {}
                    None => self.add_table(table),
                }
            }
            TableKind::Link { array, .. } => {
                let path = array.join(".");
                let elements = format!("{path}[]");
                let is_known = self.is_read(&elements) || self.is_read(&path) || self.is_mentioned(array);
                if !is_known && !self.is_ignored(&elements) {
                    self.add_table(table);
                }
            }
        }
    }

    /// The model whose rows are the elements of an array.
    fn model_of(&self, root: &str) -> Option<usize> {
        let reads = |select: &Select| paths(select).any(|path| path == root || is_inside(path, root));
        (1..self.selects.len()).find(|model| reads(&self.selects[*model]))
    }

    /// Whether a column of any model reads a place of the document, something inside of it, or what it is
    /// inside of.
    fn is_read(&self, path: &str) -> bool {
        let of_keys = self.entity.key.fields();
        let of_time = self.entity.key_time().map(|time| time.fields.to_vec()).unwrap_or_default();
        let is_same = |read: &str| read == path || is_inside(read, path) || is_inside(path, read);
        of_keys.into_iter().chain(of_time).any(|field| field == path)
            || self.selects.iter().flat_map(paths).any(is_same)
    }

    /// Whether a model names an array, as one does that unfolds it in a select of its own.
    fn is_mentioned(&self, array: &[String]) -> bool {
        let name = array.last().map(|name| literal(name)).unwrap_or_default();
        self.selects.iter().any(|select| select.whole().contains(&name))
    }

    /// Whether the contract has nothing to do with the field at a path.
    fn is_ignored(&self, path: &str) -> bool {
        self.entity.contract.as_ref().is_some_and(|contract| contract.leaves_out(path))
    }

    fn add_table(&mut self, mut table: DraftTable) {
        if self.entity.partition.is_some() {
            let note = format!("{}: make it by hand, because the entity is partitioned by time", table.name);
            return self.update.notes.push(note);
        }
        let mut names = Unique::default();
        self.entity.models.iter().for_each(|model| names.take(model.table.trim_start_matches("core.")));
        // A table whose model was removed is still there.
        self.earlier.tables().iter().for_each(|name| names.take(name));
        if let TableKind::Children { array, .. } = &table.kind {
            let root = format!("{}[]", array.join("."));
            table.columns.retain(|column| !self.is_ignored(&below(&root, &column.path)));
        }
        table.name = names.name(&table.name);
        let root = root_of(self.shape, &table.kind);
        table.columns.iter_mut().for_each(|column| self.keep_undeclared_dates(column, root));
        self.update.tables.push(table);
    }

    fn add_columns(&mut self, model: usize, root: String, columns: Vec<DraftColumn>) {
        let (Some(select), Some(declared)) = (self.selects.get(model), self.entity.models.get(model)) else { return };
        let mut names = Unique::default();
        select.columns().iter().for_each(|column| names.take(&column.name));
        let node = self.node(&root);
        let mut added = Vec::new();
        for mut column in columns {
            // Empty for a field without a name, of which nothing tells whether it is read.
            let path = below(&root, &column.path);
            let has_values = column.without < column.of;
            if self.is_read(&path) {
                let changed = has_values.then(|| self.changed(model, &path, &column, node)).flatten();
                self.update.changed.extend(changed.filter(|changed| !self.update.changed.contains(changed)));
            } else if has_values && !path.is_empty() && !self.is_ignored(&path) {
                self.keep_undeclared_dates(&mut column, node);
                self.name_column((&declared.table, &path), &mut names, &mut column);
                added.push(column);
            }
        }
        let (columns, fields) = self.possible(select, &root, added);
        if columns.is_empty() {
            return;
        }
        for history in self.entity.models.iter().filter(|model| model.is_history) {
            let note = format!("{}: new columns of {} are not added to it", history.table, declared.table);
            self.update.notes.push(note);
        }
        let table = declared.table.clone();
        match select.with_fields(&fields) {
            Ok(text) => self.update.columns.push(TableUpdate { model, table, columns, text }),
            Err(error) => self.update.notes.push(error.message().to_owned()),
        }
    }

    /// The columns that can be added to a model. Each of the others is noted, and is no obstacle to these.
    fn possible(
        &mut self,
        select: &Select,
        root: &str,
        columns: Vec<DraftColumn>,
    ) -> (Vec<DraftColumn>, Vec<AddedField>) {
        let with_fields = columns.into_iter().map(|column| {
            let field = field(root, &column);
            (column, field)
        });
        let (mut possible, mut fields) = (Vec::new(), Vec::new());
        for (column, field) in with_fields {
            match select.with_fields(std::slice::from_ref(&field)) {
                Ok(_) => {
                    possible.push(column);
                    fields.push(field);
                }
                Err(error) => self.update.notes.push(error.message().to_owned()),
            }
        }
        (possible, fields)
    }

    /// Names a new column. One that an earlier migration has made is somebody's decision, or somebody's
    /// column: it is to be looked at if the type is the same, and another one gets another name.
    fn name_column(&self, (table, path): (&str, &str), names: &mut Unique, column: &mut DraftColumn) {
        let wanted = snake(&column.path.join("_"));
        let kind = sql_type(column).split('(').next().unwrap_or_default();
        let is_made = |name: &str| self.earlier.name_column(table, name);
        column.name = names.name(&wanted);
        while is_made(&column.name) && !self.earlier.make_column(table, &column.name, kind) {
            column.name = names.name(&wanted);
        }
        if is_made(&wanted) {
            let made = if column.name == wanted { "this column" } else { "a column of that name and another type" };
            column.certainty = Certainty::Look;
            column.note = format!("a migration has made {made} before; to refuse it: ignore = [{path:?}]");
        }
    }

    /// What a row of a model is made of.
    fn node(&self, root: &str) -> Option<&'a NodeShape> {
        let array: Vec<String> = root.trim_end_matches("[]").split('.').map(str::to_owned).collect();
        match root.is_empty() {
            true => Some(self.shape),
            false => at(self.shape, &array)?.elements.as_deref(),
        }
    }

    /// A day or time in a format that the entity does not declare stays a text.
    fn keep_undeclared_dates(&self, column: &mut DraftColumn, node: Option<&NodeShape>) {
        if let Some(format) = self.undeclared_format(column, node) {
            column.value_type = Some(ValueType::Text);
            column.certainty = Certainty::Look;
            column.note = format!("written as {format}, which entity.toml does not declare under dates: a text");
        }
    }

    fn undeclared_format(&self, column: &DraftColumn, node: Option<&NodeShape>) -> Option<&'static str> {
        let is_time = matches!(column.value_type, Some(ValueType::Date | ValueType::Time));
        let (format, _) = node.and_then(|node| at(node, &column.path))?.plain.format().filter(|_| is_time)?;
        let is_declared = self.entity.dates.iter().any(|declared| declared.text() == format);
        (!is_declared).then_some(format)
    }

    /// The column that reads a place and nothing else, if the values there are not of its type.
    fn changed(&self, model: usize, path: &str, column: &DraftColumn, node: Option<&NodeShape>) -> Option<ChangedType> {
        let select = &self.selects[model];
        let reads = |reader: &&Column| {
            reader.paths.len() == 1 && (reader.paths[0] == path || is_inside(path, &reader.paths[0]))
        };
        let reader = select.columns().iter().find(reads)?;
        let declared = declared_type(select, reader)?;
        let changed = |found: &str| ChangedType {
            table: self.entity.models[model].table.clone(),
            column: reader.name.clone(),
            path: reader.paths[0].clone(),
            declared: declared.clone(),
            found: found.to_owned(),
        };
        if reader.paths[0] != path {
            let is_plain = !["jsonb", "object", "array"].contains(&declared.as_str());
            return is_plain.then(|| changed("an object"));
        }
        let undeclared = self.undeclared_format(column, node);
        if undeclared.is_none() && fits(&declared, column.value_type) {
            return None;
        }
        match (undeclared, column.value_type) {
            (Some(format), _) if declared != "text" => Some(changed(&format!("date written as {format}"))),
            (Some(_), _) => None,
            (None, Some(value_type)) => Some(changed(word(value_type))),
            (None, None) => Some(changed("of several kinds, or not plain")),
        }
    }
}

fn root_of<'n>(shape: &'n NodeShape, kind: &TableKind) -> Option<&'n NodeShape> {
    match kind {
        TableKind::Children { array, .. } => at(shape, array)?.elements.as_deref(),
        TableKind::Parent | TableKind::History | TableKind::Link { .. } => None,
    }
}

fn field(root: &str, column: &DraftColumn) -> AddedField {
    AddedField {
        root: root.to_owned(),
        path: column.path.clone(),
        is_json: column.value_type.is_none(),
        expression: expression(column).to_owned(),
        column: column.name.clone(),
    }
}

/// The places that a model reads.
fn paths(select: &Select) -> impl Iterator<Item = &str> {
    select.columns().iter().flat_map(|column| column.paths.iter().map(String::as_str))
}

/// The path of a field of what is at `root`; empty for the document.
fn below(root: &str, path: &[String]) -> String {
    let below = path.join(".");
    if root.is_empty() { below } else { format!("{root}.{below}") }
}

/// Whether a place is inside of another one.
fn is_inside(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// The ending of the cast that is all of a column, or the type of the field that it is.
fn declared_type(select: &Select, column: &Column) -> Option<String> {
    if let Some(cast) = &column.cast {
        return Some(cast.kind.to_owned());
    }
    let (alias, name) = column.reference.as_ref()?;
    let record = select.records().iter().find(|record| record.alias == *alias)?;
    let field = record.columns.iter().find(|field| field.name == *name)?;
    Some(select.slice(&field.kind).to_lowercase())
}

/// Whether values of a type fit what reads them; `None` is jsonb.
fn fits(declared: &str, found: Option<ValueType>) -> bool {
    use ValueType as V;
    match (declared, found) {
        ("bigint" | "int", found) => found == Some(V::Integer),
        ("decimal", found) => matches!(found, Some(V::Integer | V::Decimal)),
        ("bool", found) => found == Some(V::Bool),
        ("date", found) => found == Some(V::Date),
        ("timestamptz" | "local", found) => matches!(found, Some(V::Date | V::Time)),
        ("text" | "short", found) => found.is_some(),
        _ => true,
    }
}

/// The word for a type of values.
fn word(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Integer => "integer",
        ValueType::Decimal => "decimal",
        ValueType::Bool => "bool",
        ValueType::Date => "date",
        ValueType::Time => "time",
        ValueType::Text => "text",
    }
}

#[cfg(test)]
mod tests;
