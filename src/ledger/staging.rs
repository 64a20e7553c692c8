//! The columns that evo needs in a staging table.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::Ask;

/// Columns of every staging table, beside its key: the document, and where its present content came from.
pub const STAGING_COLUMNS: [&str; 9] = [
    "raw_data",
    "_source_file",
    "run_id",
    "ingestion_date",
    "_loaded_at",
    "_updated_at",
    "_source_line",
    "_content_hash",
    "_batch_id",
];

/// Makes sure that the staging tables of these entities have every column that evo reads or writes.
///
/// # Errors
/// `Config` that names table and columns; otherwise see [`crate::pg`].
pub async fn require_columns(ask: &impl Ask, entities: &[Entity]) -> Result<()> {
    let (mut tables, mut columns) = (Vec::new(), Vec::new());
    for entity in entities {
        for column in entity.staging_key().into_iter().chain(STAGING_COLUMNS) {
            tables.push(entity.staging.table.clone());
            columns.push(column.to_owned());
        }
    }
    let rows = ask.query(sql_file!("ledger/missing_staging_columns.sql"), &[&tables, &columns]).await?;
    let Some(table) = rows.first().map(|row| row.get::<_, String>(0)) else { return Ok(()) };
    let missing = rows.iter().filter(|row| row.get::<_, String>(0) == table).map(|row| row.get(1));
    match missing.collect::<Option<Vec<String>>>() {
        None => Err(Error::new(Kind::Config, format!("the staging table {table} does not exist"))
            .hint("an entity needs a migration that creates its staging and core tables")),
        Some(columns) => {
            Err(Error::new(Kind::Config, format!("the staging table {table} has no column {}", columns.join(", ")))
                .hint("create it like one of evo's: create table … (like stg_evo.prospects_raw including all)"))
        }
    }
}
