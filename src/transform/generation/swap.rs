//! The swap: one short transaction, repeated until it gets its locks.

use std::time::{Duration, Instant};

use super::exchange::{Exchanged, Ready, SHORT_ATTEMPTS, exchange};
use super::lock_holders::{self, SAY_AFTER};
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::pg::sqlstate::QUERY_CANCELED;
use crate::retry::Policy;
use crate::transform::job::EntityJob;

/// The pauses while an attempt is short and looks for a moment without readers.
const LOOKING: Policy = Policy { max_retries: SHORT_ATTEMPTS, max: WAITING.base, ..WAITING };

/// Time enough for the queries in front of the swap to end.
const WAITING: Policy = Policy {
    max_retries: 1000,
    base: Duration::from_millis(100),
    max: Duration::from_secs(5),
    budget: Duration::from_secs(600),
};

/// Repeats the swap until it gets its locks. Returns how long readers can have waited; `None`, and nothing is
/// changed, if the old tables are no longer what the new ones are like.
///
/// # Errors
/// `DatabaseBusy` when the locks were not to be had; otherwise see [`crate::pg`].
pub(super) async fn swap(job: &EntityJob, connection: &mut Connection, ready: &Ready<'_>) -> Result<Option<Duration>> {
    let mut pauses = LOOKING.pauses().chain(WAITING.pauses());
    let (started, mut said) = (Instant::now(), Duration::ZERO);
    let mut attempt = 0;
    loop {
        let error = match exchange(job, connection, ready, attempt).await {
            Ok(None) => return Ok(None),
            Ok(Some(exchanged)) => return settle(job, exchanged).await.map(Some),
            Err(error) => error,
        };
        let is_repeated = may_be_repeated(&error);
        let Some(pause) = pauses.next().filter(|_| is_repeated && started.elapsed() < job.pool.lock_wait()) else {
            return Err(if is_repeated { lock_holders::no_locks(job, connection, &error).await } else { error });
        };
        if started.elapsed() >= said + SAY_AFTER {
            said = started.elapsed();
            lock_holders::report(job, connection, &error, said).await?;
        }
        tracing::debug!(
            error = error.message(),
            wait_ms = pause.as_millis() as u64,
            "the swap waits for readers in front of it"
        );
        job.shutdown.pause(pause).await?;
        attempt += 1;
    }
}

fn may_be_repeated(error: &Error) -> bool {
    matches!(error.kind(), Kind::DatabaseBusy | Kind::TransactionConflict)
        // By the timeout for all locks together.
        || error.sqlstate() == Some(QUERY_CANCELED)
        // Somebody grants or comments right now, which takes no lock on the table.
        || error.message().contains("tuple concurrently")
}

/// Makes a committed swap durable. Its commit did not wait for the disk while it held the locks; this one
/// does, and flushes that one too. The entity's lock may be lost from here on: another execution could
/// disturb nothing any more.
async fn settle(job: &EntityJob, exchanged: Exchanged) -> Result<Duration> {
    failpoint!("transform.after_swap_commit");
    let what = format!("transform of {}: waiting for the disk", job.entity.name);
    match job.pool.retry(&what, async || flush(job, exchanged.generation).await).await? {
        true => Ok(exchanged.held),
        false => {
            let lost = "the server went down and lost the swap, which has to be done again";
            Err(Error::new(Kind::DatabaseUnavailable, lost))
        }
    }
}

/// Waits until the swap that made this generation is on disk. Returns false if the server went down before
/// and lost it.
async fn flush(job: &EntityJob, generation: i64) -> Result<bool> {
    let mut connection = job.pool.get().await?;
    let tx = connection.begin().await?;
    tx.batch("set local synchronous_commit = on").await?;
    // Any change of its own makes the commit wait for the log up to here, and so past the swap.
    tx.execute("update evo.runs set entities = entities where execution_id = $1", &[&job.execution_id]).await?;
    let table = job.entity.models.first().map(|parent| parent.table.as_str());
    let sql = "select generation >= $2 from evo.models where table_name = $1";
    let serves = tx.query(sql, &[&table, &generation]).await?.first().is_some_and(|row| row.get(0));
    tx.commit().await?;
    Ok(serves)
}
