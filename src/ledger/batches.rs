//! `evo.batches`: the objects that are loaded in one transaction, planned, claimed and committed.
//!
//! | state | who may change it |
//! |---|---|
//! | planned | any execution claims it |
//! | claimed | its holder, under the present fencing token; any execution once lease or holder has ended |
//! | committed | nobody |
//!
//! Every claim and every attempt raises the fencing token. The last statement of a batch's transaction
//! commits the batch under the token with which the attempt began. If another token has been drawn since, the
//! statement changes nothing and the transaction rolls back. So of any number of attempts, in this execution
//! or another, stalled, forgotten or alive, exactly one commits.
//!
//! An attempt in doubt (COMMIT sent, no reply) is resolved by the row itself: raising the token waits for a
//! commit under way, and then either finds the batch committed, or finds it claimed and shuts the old attempt
//! out.

use std::time::Duration;

pub use super::counts::Counts;
use super::objects::{Again, InManifest, Pending, Selection};
use crate::error::{Error, Kind, Result};
use crate::ids::{BatchId, ExecutionId, Fence, ObjectId};
use crate::pg::{Ask, Connection, Param, Pool, Row, Transaction};
use crate::sql::fill;

/// A run of which batches are planned or claimed and not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Id of the run.
    pub run_id: String,
    /// Batches that are not committed.
    pub batches: u64,
    /// Objects in these batches.
    pub objects: u64,
    /// Compressed size of these objects.
    pub bytes: u64,
}

/// A batch that this execution holds.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Id of the batch.
    pub batch_id: BatchId,
    /// The fencing token of the present attempt.
    pub fence: Fence,
    /// Number of the attempt, from 1.
    pub attempt: i32,
    /// The run of its objects.
    pub run_id: String,
    /// Whether another execution had begun it.
    pub is_taken_over: bool,
    /// Its objects, oldest first.
    pub objects: Vec<Pending>,
}

/// The answer to a request for a batch.
#[derive(Debug)]
pub enum Next {
    /// A batch to load.
    Batch(Claimed),
    /// Others are loading the rest of the oldest run: ask again later.
    Wait,
    /// Every batch of the selection is committed.
    Done,
}

/// The outcome of an attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It had committed, with these counts.
    Committed(Counts),
    /// It had not; this is the fencing token of the next attempt.
    Repeat(Fence),
    /// Another execution has or had the batch.
    Lost,
}

/// Plans the pending objects of the selection. Returns what is planned or claimed and not committed, oldest
/// run first. Batches that nobody has begun are grouped again, unless the selection names its objects. The
/// plan lasts when the transaction commits.
///
/// # Errors
/// See [`crate::pg`].
pub async fn plan(
    tx: &Transaction<'_>,
    entity: &str,
    selection: &Selection,
    grouping: &Grouping,
) -> Result<Vec<OpenRun>> {
    let Selection { lake, run_id, since, again, objects: named } = selection;
    // One planner per entity: a rival waits here and then finds no object that is not in a batch.
    tx.execute("select pg_advisory_xact_lock(hashtextextended('evo:plan:' || $1, 0))", &[&entity]).await?;
    let (is_named, only_rejected) = (*again == Again::Named, *again == Again::Rejected);
    if *again != Again::No {
        let of = if is_named { "(select * from evo.objects where object_id = any ($6))" } else { "evo.objects" };
        let sql = fill(sql_file!("ledger/forget_loaded.sql"), &[("objects", of)]);
        tx.execute(&sql, &[&entity, lake, run_id, since, &only_rejected, named]).await?;
    }
    if !is_named && !only_rejected {
        tx.execute(sql_file!("ledger/dissolve_batches.sql"), &[&entity, lake, run_id]).await?;
    }
    let Grouping { objects, left_alone, workers, object_ms } = grouping;
    let of = if is_named { "(select * from evo.objects where object_id = any ($10))" } else { "evo.objects" };
    let groups = fill(sql_file!("ledger/group_objects.sql"), &[("objects", of)]);
    let values: [&dyn Param; 10] =
        [&entity, lake, run_id, since, objects, left_alone, &only_rejected, workers, object_ms, named];
    tx.execute(&fill(sql_file!("ledger/plan_batches.sql"), &[("groups", &groups)]), &values).await?;
    let rows = tx.query(sql_file!("ledger/open_batches.sql"), &[&entity, lake, run_id, since]).await?;
    Ok(rows.iter().map(open_run).collect())
}

/// The committed batches that may have loaded these objects, now or before they were loaded again.
///
/// # Errors
/// See [`crate::pg`].
pub async fn of_objects(on: &impl Ask, objects: &[ObjectId]) -> Result<Vec<BatchId>> {
    let rows = on.query(sql_file!("ledger/batches_of_objects.sql"), &[&objects.to_vec()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A row of `ledger/open_batches.sql`.
pub(super) fn open_run(row: &Row) -> OpenRun {
    let count = |i: usize| row.get::<_, i64>(i).unsigned_abs();
    OpenRun { run_id: row.get(0), batches: count(1), objects: count(2), bytes: count(3) }
}

/// How objects are grouped into batches.
#[derive(Debug, Clone, Default)]
pub struct Grouping {
    /// Objects per batch; `None` derives it from their cost and the number of workers.
    pub objects: Option<i64>,
    /// Runs that are not to be loaded.
    pub left_alone: Vec<String>,
    /// Batches that are loaded concurrently.
    pub workers: i32,
    /// Cost of an object besides its bytes, in milliseconds, while no batch has measured it.
    pub object_ms: f64,
}

/// The execution that claims, and the duration of its claims.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The execution that claims.
    pub execution_id: ExecutionId,
    /// How long a claim lasts without being renewed.
    pub lease: Duration,
}

/// Claims the next batch of the selection, except those in `held`, which the execution holds already.
///
/// # Errors
/// See [`crate::pg`].
pub async fn claim(pool: &Pool, entity: &str, selection: &Selection, holder: Holder, held: &[BatchId]) -> Result<Next> {
    let connection = pool.get().await?;
    let seconds = holder.lease.as_secs_f64();
    let (lake, run_id, since) = (&selection.lake, &selection.run_id, &selection.since);
    let rows = connection
        .query(
            sql_file!("ledger/claim_batch.sql"),
            &[&entity, lake, run_id, since, &holder.execution_id, &seconds, &held.to_vec()],
        )
        .await?;
    let Some(row) = rows.first() else {
        let open =
            connection.query_one(sql_file!("ledger/has_open_batch.sql"), &[&entity, lake, run_id, since]).await?;
        return Ok(if open.get(0) { Next::Wait } else { Next::Done });
    };
    let batch_id: BatchId = row.get(0);
    let objects = objects_of(&connection, batch_id).await?;
    Ok(Next::Batch(Claimed {
        batch_id,
        fence: row.get(1),
        attempt: row.get(2),
        run_id: row.get(3),
        is_taken_over: row.get(4),
        objects,
    }))
}

/// The objects of a batch that are still to be loaded, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn objects_of(connection: &Connection, batch_id: BatchId) -> Result<Vec<Pending>> {
    let rows = connection.query(sql_file!("ledger/batch_objects.sql"), &[&batch_id]).await?;
    let in_manifest = |row: &Row| match (row.get::<_, Option<i64>>(6), row.get::<_, Option<Vec<u8>>>(7)) {
        (Some(size_bytes), Some(sha256)) => InManifest::As { size_bytes, sha256 },
        _ if row.get(8) => InManifest::Missing,
        _ => InManifest::Unknown,
    };
    Ok(rows.iter().map(|row| Pending::of(row, in_manifest(row))).collect())
}

/// Moves objects of a claimed batch to a batch of their own, which any execution may claim.
///
/// # Errors
/// `AlreadyRunning` when the claim was lost; otherwise see [`crate::pg`].
pub async fn split(pool: &Pool, batch_id: BatchId, fence: Fence, objects: &[ObjectId]) -> Result<()> {
    failpoint!("ledger.before_split");
    let connection = pool.get().await?;
    let ids = objects.to_vec();
    match connection.query(sql_file!("ledger/split_batch.sql"), &[&batch_id, &fence, &ids]).await?.is_empty() {
        true => Err(claim_lost()),
        false => Ok(()),
    }
}

/// Begins another attempt at a batch whose last attempt failed or is in doubt.
///
/// # Errors
/// See [`crate::pg`].
pub async fn another_attempt(pool: &Pool, batch_id: BatchId, fence: Fence, lease: Duration) -> Result<Doubt> {
    let connection = pool.get().await?;
    let seconds = lease.as_secs_f64();
    let raised = connection.query(sql_file!("ledger/raise_fence.sql"), &[&batch_id, &fence, &seconds]).await?;
    if let Some(row) = raised.first() {
        return Ok(Doubt::Repeat(row.get(0)));
    }
    let rows = connection.query(sql_file!("ledger/committed_batch.sql"), &[&batch_id, &fence]).await?;
    Ok(rows.first().map_or(Doubt::Lost, |row| {
        Doubt::Committed(Counts {
            lines: row.get(0),
            inserted: row.get(1),
            updated: row.get(2),
            unchanged: row.get(3),
            superseded: row.get(4),
            rejected: row.get(5),
        })
    }))
}

/// Renews the leases of the batches that an execution holds.
///
/// # Errors
/// See [`crate::pg`].
pub async fn renew(pool: &Pool, holder: Holder, held: &[BatchId]) -> Result<()> {
    let connection = pool.get().await?;
    let seconds = holder.lease.as_secs_f64();
    connection.execute(sql_file!("ledger/renew_leases.sql"), &[&holder.execution_id, &seconds, &held.to_vec()]).await?;
    Ok(())
}

/// Releases one claim of an execution, or all.
///
/// # Errors
/// See [`crate::pg`].
pub async fn release(pool: &Pool, execution_id: ExecutionId, batch_id: Option<BatchId>) -> Result<()> {
    let connection = pool.get().await?;
    connection.execute(sql_file!("ledger/release_batches.sql"), &[&execution_id, &batch_id]).await?;
    Ok(())
}

/// Deletes a claimed batch from which all objects have been removed.
///
/// # Errors
/// See [`crate::pg`].
pub async fn drop_empty(pool: &Pool, batch_id: BatchId, fence: Fence) -> Result<()> {
    let connection = pool.get().await?;
    connection.execute(sql_file!("ledger/drop_empty_batch.sql"), &[&batch_id, &fence]).await?;
    Ok(())
}

/// The result of a batch's transaction, to be recorded.
#[derive(Debug)]
pub struct Completion<'a> {
    /// Id of the batch.
    pub batch_id: BatchId,
    /// The fencing token of the attempt.
    pub fence: Fence,
    /// The objects and their counts.
    pub objects: &'a [(ObjectId, Counts)],
    /// Compressed size of the objects.
    pub bytes: i64,
    /// Milliseconds per phase.
    pub timings: &'a serde_json::Value,
}

/// Records the counts of the batch and of each object, as the last statements of the batch's transaction. On
/// an error the caller must roll back.
///
/// # Errors
/// `AlreadyRunning` when the claim was lost; `SourceChanged` when an object was replaced in the meantime;
/// `Internal` when the lines do not add up; otherwise see [`crate::pg`].
pub async fn complete(tx: &Transaction<'_>, done: &Completion<'_>) -> Result<Counts> {
    let mut total = Counts::default();
    for (object_id, counts) in done.objects {
        if !counts.balanced() {
            return Err(Error::new(
                Kind::Internal,
                format!("the lines of object {object_id} do not add up: {counts:?}"),
            )
            .hint("nothing was committed; please report this with the object"));
        }
        total.add(counts);
    }
    let column = |f: fn(&Counts) -> i64| done.objects.iter().map(|(_, c)| f(c)).collect::<Vec<i64>>();
    let ids: Vec<ObjectId> = done.objects.iter().map(|(id, _)| *id).collect();
    let completed = tx
        .execute(
            sql_file!("ledger/complete_objects.sql"),
            &[
                &ids,
                &column(|c| c.lines),
                &column(|c| c.inserted),
                &column(|c| c.updated),
                &column(|c| c.unchanged),
                &column(|c| c.superseded),
                &column(|c| c.rejected),
                &done.batch_id,
            ],
        )
        .await?;
    let held = tx
        .execute(
            sql_file!("ledger/complete_batch.sql"),
            &[
                &done.batch_id,
                &done.fence,
                &i64::try_from(ids.len()).unwrap_or(i64::MAX),
                &total.lines,
                &total.inserted,
                &total.updated,
                &total.unchanged,
                &total.superseded,
                &total.rejected,
                &done.bytes,
                done.timings,
            ],
        )
        .await?;
    if held == 0 {
        return Err(claim_lost());
    }
    if completed != ids.len() as u64 {
        return Err(Error::new(Kind::SourceChanged, "an object of the batch was replaced while it was loaded"));
    }
    Ok(total)
}

fn claim_lost() -> Error {
    Error::new(Kind::AlreadyRunning, "another execution has taken over the batch")
}
