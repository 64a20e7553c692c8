//! Yearly partitions of a staging table, made as the keys of a batch need them.

use std::time::Duration;

use super::context::Merge;
use crate::error::{Error, Kind, Result};
use crate::load::attempt_error::AttemptError;
use crate::load::job::LoadJob;

/// Keys of other years go to the default partition: nobody passes a turnstile in year 1.
const PLAUSIBLE_YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// How long a batch waits for partitions that are made on another connection.
const WAIT: Duration = Duration::from_secs(2);

/// Makes the partitions that the batch lacks on a connection of its own: the parent's lock must not be held
/// until this batch commits. This transaction has not touched the staging table yet, so that the two cannot
/// wait for each other.
///
/// # Errors
/// `TransactionConflict` with the missing years when there is no second connection: the caller gives its own
/// back first. See [`crate::pg`].
pub(super) async fn ensure(merge: &Merge<'_>) -> Result<(), AttemptError> {
    let missing = missing_years(merge).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let made = match merge.job.pool.is_tight() {
        true => None,
        false => tokio::time::timeout(WAIT, make_partitions(merge.job, &missing)).await.ok(),
    };
    match made {
        Some(made) => Ok(made?),
        None => {
            let error = Error::new(Kind::TransactionConflict, "the batch needs partitions that do not exist yet");
            Err(AttemptError { years: missing, ..AttemptError::from(error) })
        }
    }
}

async fn missing_years(merge: &Merge<'_>) -> Result<Vec<i32>> {
    let (tx, entity) = (merge.tx, &merge.job.entity);
    if entity.partition.is_none() {
        return Ok(Vec::new());
    }
    let needed = tx.query(&merge.statements.fill(sql_file!("load/needed_years.sql")), &[&entity.zone]).await?;
    let needed: Vec<i32> = needed.iter().map(|row| row.get(0)).filter(|y| PLAUSIBLE_YEARS.contains(y)).collect();
    let missing = tx.query(sql_file!("load/missing_years.sql"), &[&entity.staging.table, &needed]).await?;
    Ok(missing.iter().map(|row| row.get(0)).collect())
}

/// Makes the partitions of these years, on a connection of its own. Does nothing where the staging table has
/// no partitions.
///
/// # Errors
/// See [`crate::pg`].
pub(in crate::load) async fn make_partitions(job: &LoadJob, years: &[i32]) -> Result<()> {
    let entity = &job.entity;
    let Some(partition) = &entity.partition else { return Ok(()) };
    let connection = job.pool.get().await?;
    let sql = "select evo.ensure_year_partition($1, $2, y, $3) from unnest($4::int[]) as y";
    connection.execute(sql, &[&entity.staging.table, &partition.column, &entity.zone, &years.to_vec()]).await.map(drop)
}
