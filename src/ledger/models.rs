//! `evo.models` and `evo.model_batches`: what each entity's core tables have transformed.
//!
//! The watermark is a set of batches, not a number: a batch with a low id may commit late and must not be
//! skipped.

use crate::error::Result;
use crate::ids::{BatchId, ExecutionId};
use crate::pg::{Ask, Transaction};

/// A committed batch that the entity's models have not transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingBatch {
    /// Id of the batch.
    pub batch_id: BatchId,
    /// Staged rows that it still owns.
    pub rows: u64,
}

/// Committed batches that the entity's models have not transformed, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn pending(on: &impl Ask, entity: &str) -> Result<Vec<BatchId>> {
    let rows = on.query(sql_file!("ledger/pending_batches.sql"), &[&entity]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The number of documents in staging, as the ledger has counted them.
///
/// # Errors
/// See [`crate::pg`].
pub async fn staged(on: &impl Ask, entity: &str) -> Result<u64> {
    let rows = on.query(sql_file!("ledger/staged_documents.sql"), &[&entity]).await?;
    Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
}

/// Adds batches to the watermark, in the transaction that transformed them.
///
/// # Errors
/// See [`crate::pg`].
pub async fn take(tx: &Transaction<'_>, entity: &str, batch_ids: &[BatchId]) -> Result<()> {
    tx.execute(sql_file!("ledger/take_batches.sql"), &[&entity, &batch_ids.to_vec()]).await?;
    Ok(())
}

/// Sets the watermark to exactly these batches, from which a new generation was built.
///
/// # Errors
/// See [`crate::pg`].
pub async fn reset(tx: &Transaction<'_>, entity: &str, batch_ids: &[BatchId]) -> Result<()> {
    tx.execute("delete from evo.model_batches where entity = $1", &[&entity]).await?;
    take(tx, entity, batch_ids).await
}

/// Records an increment of one core table.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record(tx: &Transaction<'_>, table: &str, entity: &str, execution: ExecutionId) -> Result<()> {
    tx.execute(sql_file!("ledger/record_increment.sql"), &[&table, &entity, &execution]).await?;
    Ok(())
}

/// Records a new generation of one core table: of the whole with its number of `rows`, or of a part of it.
/// Returns its number.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record_refresh(
    tx: &Transaction<'_>,
    table: &str,
    entity: &str,
    execution: ExecutionId,
    rows: Option<i64>,
) -> Result<i64> {
    let row = tx.query_one(sql_file!("ledger/record_refresh.sql"), &[&table, &entity, &execution, &rows]).await?;
    Ok(row.get(0))
}
