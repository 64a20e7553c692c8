//! `evo.definitions`: what the rows of a table were made by.
//!
//! Rows that were made by an older model stay as they are until their documents change. So each table has a
//! digest of its definition, and a transform compares it before it begins.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Ask, Param, Transaction};
use crate::sql::{fill, qualified};

/// What the rows of a table were made by, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBy {
    /// Qualified name, not quoted.
    pub table: String,
    /// Digest of the definition; `None` if the rows were made by more than one.
    pub digest: Option<String>,
    /// Columns that the model has filled, now or earlier, and that the table still has.
    pub columns: Vec<String>,
}

/// The tables of an entity whose definition is known.
///
/// # Errors
/// See [`crate::pg`].
pub async fn of_entity(on: &impl Ask, entity: &str) -> Result<Vec<MadeBy>> {
    let rows = on.query(sql_file!("ledger/definitions.sql"), &[&entity]).await?;
    Ok(rows.iter().map(|row| MadeBy { table: row.get(0), digest: row.get(1), columns: row.get(2) }).collect())
}

/// Records that the rows of a table were all made by the definition with this digest, or, with `None`, by
/// more than one. `columns` are those that its model gives.
///
/// # Errors
/// See [`crate::pg`].
pub async fn note(
    tx: &Transaction<'_>,
    (table, entity): (&str, &str),
    digest: Option<&str>,
    columns: &[String],
) -> Result<()> {
    let columns = columns.to_vec();
    tx.execute(sql_file!("ledger/note_definition.sql"), &[&table, &entity, &digest, &columns]).await?;
    Ok(())
}

/// Makes sure that the keys of the documents are read as those of the rows in staging were. With `is_trial`
/// nothing is recorded.
///
/// # Errors
/// `Config` when they are read otherwise: a document would get a second row. See [`crate::pg`].
pub async fn require_same_keys(on: &impl Ask, entity: &Entity, is_trial: bool) -> Result<()> {
    let (table, digest) = (&entity.staging.table, entity.key_digest());
    let is_empty_sql = fill("select not exists (select 1 from {target})", &[("target", &qualified(table))]);
    let is_same = async |sql: &str, values: &[&dyn Param]| {
        on.query(sql, values).await.map(|rows| rows.first().is_some_and(|row| row.get(0)))
    };
    let is_known = async || is_same(sql_file!("ledger/known_staging.sql"), &[table, &digest]).await;
    // An empty table has no keys that could differ. It is asked last: a plan needs the ledger only.
    let is_empty = async || is_same(&is_empty_sql, &[]).await;
    let note = async |is_empty: bool| {
        is_same(sql_file!("ledger/note_staging.sql"), &[table, &entity.name, &digest, &is_empty]).await
    };
    let is_fine = match is_trial {
        true => is_known().await? || is_empty().await?,
        // A process that began at the same moment may have noted the same: that statement does not see it.
        false => note(false).await? || is_known().await? || (is_empty().await? && note(true).await?),
    };
    if is_fine {
        return Ok(());
    }
    let name = &entity.name;
    Err(Error::new(Kind::Config, format!("the key of {name} is declared otherwise than when {table} was loaded"))
        .detail("a document that is loaded again would get a second row beside its old one")
        .hint(format!("restore the key in entity.toml; or load everything again: evo reset {name} --yes")))
}
