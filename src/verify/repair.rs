//! The changes that a repair makes in staging and in the ledger. The right rows come from a load.

use super::job::VerifyJob;
use super::mismatch::{Mismatch, MismatchKind};
use super::statements::VerifyStatements;
use crate::error::{Error, Kind, Result};
use crate::ids::{BatchId, ExecutionId, RowKey};

/// The newest batch of the ledger; what a later one writes is not what was found.
///
/// # Errors
/// See [`crate::pg`].
pub async fn newest_batch(job: &VerifyJob) -> Result<BatchId> {
    let sql = "select coalesce(max(batch_id), 0) from evo.batches";
    let read = async || Ok(job.pool.get().await?.query_one(sql, &[]).await?.get(0));
    job.pool.retry("looking up the newest batch", read).await
}

/// Deletes the rows that are altered, outdated or added, if they are still what was found: written by a batch
/// up to `newest`. Returns how many were deleted.
///
/// # Errors
/// See [`crate::pg`].
pub async fn remove(job: &VerifyJob, wrong: &[&Mismatch], newest: BatchId) -> Result<u64> {
    let is_wrong = |m: &&&Mismatch| {
        matches!(m.kind, MismatchKind::RowAltered | MismatchKind::RowOutdated | MismatchKind::RowAdded)
    };
    let (mut keys, mut paths, mut lines): (Vec<RowKey>, Vec<Option<String>>, Vec<Option<i64>>) = Default::default();
    for mismatch in wrong.iter().filter(is_wrong) {
        if let (Some(key), Some((path, line))) = (&mismatch.key, &mismatch.row) {
            keys.push(key.clone());
            paths.push(path.clone());
            lines.push(*line);
        }
    }
    if keys.is_empty() {
        return Ok(0);
    }
    let sql = VerifyStatements::new(&job.pool, &job.entity).await?.fill(sql_file!("verify/remove_rows.sql"));
    let delete = async || job.pool.get().await?.execute(&sql, &[&keys, &paths, &lines, &newest]).await;
    job.pool.retry("deleting wrong rows", delete).await
}

/// Settles the difference between the rows of staging and the counts of its batches, once all documents have
/// been found right. Returns whether there was one.
///
/// # Errors
/// See [`crate::pg`].
pub async fn recount(job: &VerifyJob, execution: ExecutionId) -> Result<bool> {
    let statements = VerifyStatements::new(&job.pool, &job.entity).await?;
    let sql = statements.fill(sql_file!("verify/recount.sql"));
    let settle = async || {
        let mut connection = job.pool.get().await?;
        if !statements.layout.is_distributed() {
            return connection.execute(&sql, &[&job.entity.name, &execution]).await;
        }
        let tx = connection.begin().await?;
        let sql_state = sql_file!("ledger/state.sql");
        let state = async || Ok::<String, Error>(tx.query_one(sql_state, &[&job.entity.name]).await?.get(0));
        let before = state().await?;
        statements.layout.wait_for_rows(&tx).await?;
        let settled = tx.execute(&sql, &[&job.entity.name, &execution]).await?;
        // The rows were counted at another moment than the batches.
        if settled > 0 && state().await? != before {
            return Err(Error::new(Kind::DatabaseBusy, "a job commits while the rows are counted"));
        }
        tx.commit().await?;
        Ok(settled)
    };
    Ok(job.pool.retry("settling the counts", settle).await? > 0)
}
