//! What changed in the documents of an entity since they were sampled for the first time.

use crate::error::Result;
use crate::ids::BatchId;
use crate::pg::Ask;

/// Batches that are enough to sample a run.
const MOST_BATCHES: i64 = 50;

/// A field, or a JSON type of a field, that documents did not have at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Path of the field: `lines[].price`.
    pub path: String,
    /// Its JSON type.
    pub json_type: String,
    /// The types that it had before; empty for a new field.
    pub known_types: Vec<String>,
    /// When it was first seen, as ISO 8601 in UTC.
    pub first_seen_at: String,
    /// An object in which it was first seen.
    pub source_file: Option<String>,
    /// The line there, from 1.
    pub source_line: Option<i64>,
}

/// The changes of an entity's documents, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn changes(on: &impl Ask, entity: &str) -> Result<Vec<FieldChange>> {
    let rows = on.query(sql_file!("drift/changes.sql"), &[&entity]).await?;
    let change = |row: &crate::pg::Row| FieldChange {
        path: row.get(0),
        json_type: row.get(1),
        known_types: row.get(2),
        first_seen_at: row.get(3),
        source_file: row.get(4),
        source_line: row.get(5),
    };
    Ok(rows.iter().map(change).collect())
}

/// Batches of the newest run that an entity has loaded, and its id; none if nothing was loaded.
///
/// # Errors
/// See [`crate::pg`].
pub async fn newest_batches(on: &impl Ask, entity: &str) -> Result<(Vec<BatchId>, String)> {
    let rows = on.query(sql_file!("drift/newest_batches.sql"), &[&entity, &MOST_BATCHES]).await?;
    let run = rows.first().map(|row| row.get(1)).unwrap_or_default();
    Ok((rows.iter().map(|row| row.get(0)).collect(), run))
}
