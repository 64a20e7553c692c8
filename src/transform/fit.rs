//! Whether the core tables of one's own entities fit their models: found by `evo migrate` and `evo test`,
//! and not by the first transform.

use super::increment::no_key;
use super::shape::Shape;
use crate::entity::{Entity, Model};
use crate::error::{Context, Error, Kind, Result};
use crate::pg::Ask;
use crate::sql::{ident, qualified};

/// Makes sure that the server understands each model of these entities, that its table has a column for
/// everything that it gives, a key, and a place for every row. Built-in entities are left out: their
/// migrations are evo's.
///
/// # Errors
/// `Config` with the file, and the line of a column; otherwise see [`crate::pg`].
pub async fn require_fitting_models(on: &impl Ask, entities: &[Entity]) -> Result<()> {
    for entity in entities.iter().filter(|entity| entity.folder.is_some()) {
        for model in &entity.models {
            let shape = Shape::read(on, entity, model).await.context(model.select.file())?;
            if !shape.has_key {
                return Err(no_key(&model.table, &model.key)).context(model.select.file());
            }
            if let Some(column) = shape.absent.first() {
                return Err(absent(model, column));
            }
            if entity.partition.is_none() {
                require_partition(on, &model.table, &model.parent_key).await?;
            }
        }
        if entity.partition.is_none() {
            require_partition(on, &entity.staging.table, &entity.staging.key_column).await?;
        }
    }
    Ok(())
}

fn absent(model: &Model, column: &str) -> Error {
    let (table, select) = (&model.table, &model.select);
    let given = select.columns().iter().find(|given| given.name == column);
    let line = given.map_or(1, |given| select.whole()[..given.expression.span.start].matches('\n').count() + 1);
    let message = format!("{}:{line}: {table} has no column {column}, which the model gives", select.file());
    Error::new(Kind::Config, message).hint(format!(
        "add it in a migration: alter table {} add column {} …; or correct the model",
        qualified(table),
        ident(column)
    ))
}

/// A partitioned table without a partition has no place for a row.
async fn require_partition(on: &impl Ask, table: &str, key: &str) -> Result<()> {
    let rows = on.query(sql_file!("transform/without_partition.sql"), &[&table]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let (quoted, part) = (qualified(table), qualified(&format!("{table}_all")));
    let range = format!("for values from (minvalue) to (maxvalue), if it is partitioned by range ({key})");
    Err(Error::new(Kind::Config, format!("{table} is partitioned and has no partition"))
        .hint(format!("in a migration: create table {part} partition of {quoted} {range}")))
}
