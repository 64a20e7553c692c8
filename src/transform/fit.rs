//! Whether the core tables of one's own entities fit their models: found by `evo migrate` and `evo test`,
//! and not by the first transform.

use super::increment::no_key;
use super::shape::Shape;
use crate::entity::{Entity, Model, Staging};
use crate::error::{Context, Error, Kind, Result};
use crate::ledger::staging;
use crate::pg::Ask;
use crate::sql::{ident, qualified};

/// Makes sure that staging is as evo needs it, that the server understands each model of these entities, and
/// that its table has a column for everything that it gives, a key, and a place for every row. Built-in
/// entities are left out: their migrations are evo's.
///
/// # Errors
/// `Config` with file and line; otherwise see [`crate::pg`].
pub async fn require_fitting_models(on: &impl Ask, entities: &[Entity]) -> Result<()> {
    for entity in entities.iter().filter(|entity| entity.folder.is_some()) {
        staging::require_fitting(on, std::slice::from_ref(entity)).await?;
        for model in &entity.models {
            let shape = Shape::read(on, entity, model).await.map_err(|error| in_file(error, model))?;
            if !shape.has_key {
                return Err(no_key(&model.table, &model.key)).context(model.place("key"));
            }
            if let Some(column) = shape.absent.first() {
                return Err(absent(model, column));
            }
            if entity.partition.is_none() {
                require_partition(on, (&model.table, &model.parent_key), &model.place("parent key")).await?;
            }
        }
        if entity.partition.is_none() {
            let Staging { table, key_column } = &entity.staging;
            require_partition(on, (table, key_column), &entity.staging_at).await?;
        }
    }
    Ok(())
}

/// The error with the file of the model, if it does not say yet where in it something is wrong.
fn in_file(error: Error, model: &Model) -> Error {
    let file = model.select.file();
    let is_named = error.kind() != Kind::Config || error.message().starts_with(file);
    if is_named { error } else { error.context(model.select.place(model.select.body().start)) }
}

fn absent(model: &Model, column: &str) -> Error {
    let (table, select) = (&model.table, &model.select);
    let given = select.columns().iter().find(|given| given.name == column);
    let place = select.place(given.map_or(0, |given| given.expression.span.start));
    let message = format!("{place}: {table} has no column {column}, which the model gives");
    Error::new(Kind::Config, message).hint(format!(
        "add it in a migration: alter table {} add column {} …; or correct the model",
        qualified(table),
        ident(column)
    ))
}

/// A partitioned table without a partition has no place for a row.
async fn require_partition(on: &impl Ask, (table, key): (&str, &str), place: &str) -> Result<()> {
    let rows = on.query(sql_file!("transform/without_partition.sql"), &[&table]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let (quoted, part) = (qualified(table), qualified(&format!("{table}_all")));
    let range = format!("for values from (minvalue) to (maxvalue), if it is partitioned by range ({key})");
    Err(Error::new(Kind::Config, format!("{place}: {table} is partitioned and has no partition"))
        .hint(format!("in a migration: create table {part} partition of {quoted} {range}")))
}
