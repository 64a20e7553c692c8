//! What the server's catalog says about a core table: the model names no column twice.

use super::model::{Casts, Range, Source, select};
use crate::entity::{Entity, Model};
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::sql::{fill, ident, qualified};

/// The columns of a core table.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Columns that the model fills, in table order: those that it gives and the table has, but for generated ones and
    /// `_updated_at`.
    pub columns: Vec<String>,
    /// Columns that somebody added to the table and fills by other ways: a new generation takes their values over.
    pub own: Vec<Own>,
    /// Whether the table has `_updated_at`, which the engine keeps.
    pub has_updated_at: bool,
    /// Whether an upsert finds its row: a unique index on exactly the model's key.
    pub has_key: bool,
    /// Sixteen hex digits that change with the filled columns and their types.
    pub fingerprint: String,
}

/// A column of somebody's own.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub name: String,
    /// Where a new row's value comes from, if it is an identity column.
    pub sequence: Option<String>,
}

/// A column as the catalog has it.
struct Column {
    name: String,
    is_generated: bool,
    type_name: String,
    /// NOT NULL, and nothing but the insert gives it a value.
    must_be_given: bool,
    sequence: Option<String>,
}

/// A partition that holds rows: of the table itself, or of one of its partitions that somebody has cut further.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// Qualified, quoted where it must be.
    pub name: String,
    /// Its schema, as in the catalog.
    pub schema: String,
    /// Unqualified, as in the catalog.
    pub relname: String,
    /// The table that it is a partition of; qualified, quoted where it must be.
    pub parent: String,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
    /// What its rows fulfil, as an expression over the column names.
    pub constraint: String,
    /// As in `pg_class.relkind`.
    pub kind: String,
    /// The partition of the table that it is, or belongs to: its name and bound, and whether it takes what no other takes.
    pub top: String,
    pub top_bound: String,
    pub is_default: bool,
    /// What the rows of that one fulfil: a condition on the partition column of the entity and on nothing else.
    pub top_constraint: String,
}

/// What of a core table its model fills.
///
/// # Errors
/// `Config` when the table is missing, or does not take the model's rows whatever they are; of the server.
pub(super) async fn shape(connection: &Connection, entity: &Entity, model: &Model) -> Result<Shape> {
    let table = &model.table;
    let rows = connection.query(sql_file!("transform/shape.sql"), &[table]).await.map_err(|e| {
        if e.sqlstate() == Some("42P01") {
            Error::new(Kind::Config, format!("the core table {table} does not exist"))
                .hint("an entity needs a migration that creates its staging and core tables")
        } else {
            e
        }
    })?;
    let all = rows.iter().map(|row| Column {
        name: row.get(0),
        is_generated: row.get(1),
        type_name: row.get(2),
        must_be_given: row.get(3),
        sequence: row.get(4),
    });
    let given = given(connection, entity, model).await?;
    let (mut columns, mut own, mut text, mut has_updated_at) = (Vec::new(), Vec::new(), String::new(), false);
    let mut lacking = None;
    for column in all.filter(|column| !column.is_generated) {
        let is_kept_by_engine = column.name == "_updated_at";
        has_updated_at |= is_kept_by_engine;
        match given.contains(&column.name) && !is_kept_by_engine {
            true => {
                text += &format!(", {} {}", column.name, column.type_name);
                columns.push(column.name);
            }
            false if column.must_be_given => lacking = Some(column.name),
            false if is_kept_by_engine => {}
            false => own.push(Own { name: column.name, sequence: column.sequence }),
        }
    }
    if let Some(missing) = model.key.iter().find(|name| !columns.contains(name)) {
        return Err(Error::new(
            Kind::Config,
            format!("{table} has no column {missing}, or its model does not give it"),
        )
        .hint("it is part of the key in the model's header: restore the column, or mend the model"));
    }
    if let Some(column) = lacking {
        return Err(not_given(table, &column));
    }
    let rule = connection.query(sql_file!("transform/rules.sql"), &[table]).await?;
    if let Some(row) = rule.first() {
        let rule: String = row.get(0);
        return Err(Error::new(Kind::Config, format!("the rule {rule} on {table} changes what writing to it means"))
            .hint(format!(
                "a trigger does not stand in the way: drop rule {rule} on {table}, create a trigger instead"
            )));
    }
    let has_key = connection.query_one(sql_file!("transform/has_key.sql"), &[table, &model.key]).await?.get(0);
    let fingerprint = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(format!("{table}: {text}").as_bytes()));
    Ok(Shape { columns, own, has_updated_at, has_key, fingerprint })
}

/// The names of the columns that a model gives.
async fn given(connection: &Connection, entity: &Entity, model: &Model) -> Result<Vec<String>> {
    let nothing = Source::part(&qualified(&entity.staging.table), &entity.staging.key_column, &Range::default());
    let text = select(entity, model, &nothing, Casts::Fast);
    let row = connection.query_one(&fill(sql_file!("transform/given.sql"), &[("model", &text)]), &[]).await;
    Ok(row.map_err(|error| error.context(&model.table))?.get(0))
}

fn not_given(table: &str, column: &str) -> Error {
    Error::new(
        Kind::Config,
        format!("the column {column} of {table} is NOT NULL and has no default, and no model fills it"),
    )
    .hint(format!(
        "alter table {} alter column {} set default …, or: drop not null",
        qualified(table),
        ident(column)
    ))
}

/// The names of the partitions of a table that take a part of a year of the entity's zone.
pub(super) async fn of_year(connection: &Connection, entity: &Entity, table: &str, year: i32) -> Result<Vec<String>> {
    let sql = sql_file!("transform/generation/of_year.sql");
    Ok(connection.query(sql, &[&table, &year, &entity.zone]).await?.iter().map(|row| row.get(0)).collect())
}

/// The partitions of a table that hold rows, the default one last; none where it is not partitioned.
pub(super) async fn partitions(connection: &Connection, table: &str) -> Result<Vec<Partition>> {
    let rows = connection.query(sql_file!("transform/generation/partitions.sql"), &[&table]).await?;
    Ok(rows
        .iter()
        .map(|row| Partition {
            name: row.get(0),
            schema: row.get(1),
            relname: row.get(2),
            bound: row.get(3),
            constraint: row.get(4),
            kind: row.get(5),
            parent: row.get(6),
            top: row.get(7),
            top_bound: row.get(8),
            is_default: row.get(9),
            top_constraint: row.get(10),
        })
        .collect())
}
