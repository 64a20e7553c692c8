//! The columns of a core table as the catalog has them: a model does not repeat them.

use super::model_fault::of_author;
use super::range::Range;
use super::reading::{Reading, select};
use super::staged::StagedRows;
use crate::entity::{Entity, Model};
use crate::error::{Context, Error, Kind, Result};
use crate::pg::Ask;
use crate::pg::sqlstate::UNDEFINED_TABLE;
use crate::sql::{fill, ident, qualified};

/// The column that evo keeps itself: when a row was last written.
const UPDATED_AT: &str = "_updated_at";

/// The columns of a core table.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Columns that the model fills, in table order: those that it gives and the table has, except generated
    /// columns and `_updated_at`.
    pub columns: Vec<String>,
    /// Their types, as SQL writes them.
    pub types: Vec<String>,
    /// Columns that the model gives and the table lacks. They are left out, and the summary says so.
    pub absent: Vec<String>,
    /// Columns that the user added. Nothing of evo fills them; a new generation keeps their values.
    pub own: Vec<OwnColumn>,
    /// What an upsert writes into `_updated_at` of a row that exists, where the table has that column.
    pub updated_at: Option<&'static str>,
    /// Whether an upsert finds its row: there is a unique index on exactly the model's key.
    pub has_key: bool,
    /// Sixteen hex digits that change with the filled columns and their types.
    pub fingerprint: String,
}

/// A column that the user added.
#[derive(Debug, Clone)]
pub(super) struct OwnColumn {
    pub name: String,
    /// The sequence that gives a new row its value, if it is an identity column.
    pub sequence: Option<String>,
}

/// A column of a core table, as the catalog has it.
struct CatalogColumn {
    name: String,
    is_generated: bool,
    type_name: String,
    /// NOT NULL without a default: an insert must give it a value.
    must_be_given: bool,
    sequence: Option<String>,
    /// Its default is the time of the transaction.
    is_now_by_default: bool,
    /// The type below its domains.
    base_type: String,
}

impl Shape {
    /// Reads the shape of a model's core table.
    ///
    /// # Errors
    /// `Config` when the table does not exist, is another kind of object, lacks a key column, has a rule, or
    /// has a NOT NULL column that nothing fills; otherwise see [`crate::pg`].
    pub(super) async fn read(on: &impl Ask, entity: &Entity, model: &Model) -> Result<Self> {
        let table = &model.table;
        let all = columns(on, table).await?;
        refuse_other_kinds(on, table).await?;
        let given = given(on, entity, model).await?;
        refuse_zone_casts(table, &all, &given)?;
        let given: Vec<String> = given.into_iter().map(|column| column.name).collect();
        let (shape, lacking) = Self::of(table, all, &given);
        if let Some(missing) = model.key.iter().find(|name| !shape.columns.contains(name)) {
            let message = format!("{table} has no column {missing}, or its model does not give it");
            let error = Error::new(Kind::Config, message)
                .hint("it is part of the key in the model's header: restore the column, or correct the model");
            return Err(in_own_file(error, entity, || model.place("key")));
        }
        if let Some(column) = lacking {
            return Err(not_given(table, &column));
        }
        refuse_rules(on, table).await?;
        let sql = sql_file!("transform/has_key.sql");
        let rows = on.query(sql, &[table, &model.key]).await?;
        let has_key = rows.first().is_some_and(|row| row.get(0));
        Ok(Self { has_key, ..shape })
    }

    /// The type of a column that the model fills.
    pub(super) fn type_of(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.types.get(at).map(String::as_str)
    }

    /// The shapes of all core tables of an entity, parent first.
    pub(super) async fn of_entity(on: &impl Ask, entity: &Entity) -> Result<Vec<Self>> {
        let mut shapes = Vec::new();
        for model in &entity.models {
            shapes.push(Self::read(on, entity, model).await?);
        }
        Ok(shapes)
    }

    /// The shape, and the first column that has to be given a value and gets none.
    fn of(table: &str, all: Vec<CatalogColumn>, given: &[String]) -> (Self, Option<String>) {
        let absent = given.iter().filter(|name| all.iter().all(|column| column.name != **name)).cloned().collect();
        let mut lacking = None;
        let (mut columns, mut own, mut types, mut updated_at) = (Vec::new(), Vec::new(), Vec::new(), None);
        for column in all.into_iter().filter(|column| !column.is_generated) {
            let is_updated_at = column.name == UPDATED_AT;
            if is_updated_at {
                updated_at = Some(time_of_update(column.is_now_by_default));
            }
            if given.contains(&column.name) && !is_updated_at {
                columns.push(column.name);
                types.push(column.type_name);
            } else if column.must_be_given {
                lacking = lacking.or(Some(column.name));
            } else if !is_updated_at {
                own.push(OwnColumn { name: column.name, sequence: column.sequence });
            }
        }
        let typed: String = columns.iter().zip(&types).map(|(name, kind)| format!(", {name} {kind}")).collect();
        let fingerprint = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(format!("{table}: {typed}").as_bytes()));
        (Self { columns, types, absent, own, updated_at, has_key: false, fingerprint }, lacking)
    }
}

/// The proposed row has the time already where it is the column's default. Citus takes no function in an
/// upsert that is not immutable.
pub(super) const fn time_of_update(is_now_by_default: bool) -> &'static str {
    if is_now_by_default { "excluded._updated_at" } else { "now()" }
}

/// The columns that models give and their tables lack, as `core.evo_members.nickname`.
pub(super) fn absent_columns(entity: &Entity, shapes: &[Shape]) -> Vec<String> {
    let of_table = |(model, shape): (&Model, &Shape)| -> Vec<String> {
        shape.absent.iter().map(|column| format!("{}.{column}", model.table)).collect()
    };
    entity.models.iter().zip(shapes).flat_map(of_table).collect()
}

async fn columns(on: &impl Ask, table: &str) -> Result<Vec<CatalogColumn>> {
    let rows = on.query(sql_file!("transform/shape.sql"), &[&table]).await.map_err(|error| {
        if error.sqlstate() == Some(UNDEFINED_TABLE) {
            Error::new(Kind::Config, format!("the core table {table} does not exist"))
                .hint("an entity needs a migration that creates its staging and core tables")
        } else {
            error
        }
    })?;
    let column = |row: &crate::pg::Row| CatalogColumn {
        name: row.get(0),
        is_generated: row.get(1),
        type_name: row.get(2),
        must_be_given: row.get(3),
        sequence: row.get(4),
        is_now_by_default: row.get(5),
        base_type: row.get(6),
    };
    Ok(rows.iter().map(column).collect())
}

/// A column that a model gives.
struct GivenColumn {
    name: String,
    /// As `pg_type` names it: `timestamptz`.
    type_name: String,
}

/// The columns that a model gives, as the server understands it.
async fn given(on: &impl Ask, entity: &Entity, model: &Model) -> Result<Vec<GivenColumn>> {
    // Where staging is distributed, the condition of the join comes too late.
    let no_rows = StagedRows::of_keys(entity, &Range::default()).and("false".to_owned());
    let text = select(entity, model, &no_rows, Reading::Written);
    let statement = fill(sql_file!("transform/given.sql"), &[("model", &text)]);
    let rows = on.query(&statement, &[]).await.map_err(of_author).context(&model.table);
    let rows = rows.map_err(|error| match line_of(&error, entity, model, (&statement, &text)) {
        Some(place) => in_own_file(error, entity, || place),
        None => error,
    })?;
    let column =
        |c: &crate::pg::Column| GivenColumn { name: c.name().to_owned(), type_name: c.type_().name().to_owned() };
    Ok(rows.first().map_or(Vec::new(), |row| row.columns().iter().map(column).collect()))
}

/// An error with its place in a file, where that is the user's.
fn in_own_file(error: Error, entity: &Entity, place: impl FnOnce() -> String) -> Error {
    if entity.folder.is_some() { error.context(place()) } else { error }
}

/// File and line of what the server does not understand in the `text` of a model, as far as it has said where
/// in the statement that is.
fn line_of(error: &Error, entity: &Entity, model: &Model, (statement, text): (&str, &str)) -> Option<String> {
    let at = statement.char_indices().nth(usize::try_from(error.named().position?).ok()?.checked_sub(1)?)?.0;
    let before = &text[..at.checked_sub(statement.find(text)?)?.min(text.len())];
    let select = &model.select;
    // The text has the lines of the file, unless something was put around or into it.
    let has_its_lines = entity.history.is_none() && text.lines().count() == select.text().lines().count();
    let line = select.text().split_inclusive('\n').take(before.matches('\n').count()).map(str::len).sum::<usize>();
    has_its_lines.then(|| select.place(select.body().start + line))
}

/// Refuses a column into which a time would go by way of the session's zone. The server makes such a cast
/// without a word, and sessions that fill the table may have different zones.
fn refuse_zone_casts(table: &str, all: &[CatalogColumn], given: &[GivenColumn]) -> Result<()> {
    for column in all {
        let Some(given) = given.iter().find(|given| given.name == column.name) else { continue };
        let has_zone = |type_name: &str| type_name.starts_with("timestamp") && type_name.ends_with("with time zone");
        let is_local = |type_name: &str| {
            ["date", "time", "text", "character", "name"].iter().any(|word| type_name.starts_with(word))
                && !has_zone(type_name)
        };
        let is_refused = match given.type_name.as_str() {
            "timestamptz" => is_local(&column.base_type),
            "timestamp" | "date" => has_zone(&column.base_type),
            _ => false,
        };
        if is_refused {
            let (name, of_model) = (&column.name, &given.type_name);
            let message = format!(
                "the column {name} of {table} is of type {}, and its model gives {of_model}: the zone of a session \
                 would decide what it holds",
                column.type_name
            );
            return Err(Error::new(Kind::Config, message).hint(format!(
                "alter table {} alter column {} type {of_model}; or let the model convert it: … at time zone 'ZONE'",
                qualified(table),
                ident(name)
            )));
        }
    }
    Ok(())
}

async fn refuse_other_kinds(on: &impl Ask, table: &str) -> Result<()> {
    let kinds = on.query(sql_file!("transform/relation_kind.sql"), &[&table]).await?;
    let Some(row) = kinds.first() else { return Ok(()) };
    let kind: String = row.get(0);
    Err(Error::new(Kind::Config, format!("{table} is {kind}, and has to be a table"))
        .hint(format!("rename it, and give the table the name {table} again: alter table … rename to …")))
}

async fn refuse_rules(on: &impl Ask, table: &str) -> Result<()> {
    let rules = on.query(sql_file!("transform/rules.sql"), &[&table]).await?;
    let Some(row) = rules.first() else { return Ok(()) };
    let rule: String = row.get(0);
    Err(Error::new(Kind::Config, format!("the rule {rule} on {table} changes what a write to the table does"))
        .hint(format!("drop rule {rule} on {table}; a trigger can do the same and is no obstacle")))
}

fn not_given(table: &str, column: &str) -> Error {
    let (quoted_table, quoted) = (qualified(table), ident(column));
    Error::new(
        Kind::Config,
        format!("the column {column} of {table} is NOT NULL and has no default, and no model fills it"),
    )
    .hint(format!("alter table {quoted_table} alter column {quoted} set default …, or: drop not null"))
}
