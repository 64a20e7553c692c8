//! Runs statements about a new table.

use super::build::Build;
use super::insert::ASYNCHRONOUS;
use super::refused::name_breakers;
use super::statement::Statement;
use crate::error::{Context, Error, Result};
use crate::transform::job::EntityJob;
use crate::transform::transaction::begin;

/// Builds an index. Returns the error with which the server refused it, if it did.
///
/// While every worker has an index of its own, parallel workers of the server would only get in their way;
/// `is_last` says that no other index is waiting.
pub(super) async fn try_index(job: &EntityJob, index: &Statement, is_last: bool) -> Result<Option<Error>> {
    let alone = if is_last { "" } else { "set local max_parallel_maintenance_workers = 0" };
    let settings = [ASYNCHRONOUS, alone].map(|setting| Statement::from(setting.to_owned()));
    try_on(job, settings.iter().chain([index])).await
}

/// Runs statements on a new table, in one transaction.
pub(super) async fn run_on(job: &EntityJob, build: &Build, statements: &[Statement]) -> Result<()> {
    match try_on(job, statements).await? {
        None => Ok(()),
        Some(error) => Err(name_breakers(job, build, error).await).context(&build.table),
    }
}

/// Runs statements in one transaction. Returns the error of the one that failed, if one did.
async fn try_on(job: &EntityJob, statements: impl IntoIterator<Item = &Statement>) -> Result<Option<Error>> {
    if job.shutdown.is_requested() {
        return Err(job.shutdown.error());
    }
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    for statement in statements {
        if !statement.setting.is_empty() {
            tx.batch(&statement.setting).await?;
        }
        if let Err(error) = tx.batch(&statement.text).await {
            tx.rollback().await?;
            return Ok(Some(error));
        }
    }
    tx.commit().await?;
    Ok(None)
}
