//! The transaction of a batch: COPY · merge · counts · fence · COMMIT.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::attempt_error::AttemptError;
use super::merge::{EarlierRows, Statements};
use super::outcome::{LoadedBatch, StagedBatch};
use super::stream::BatchObjects;
use super::under_way::Load;
use super::{direct, staged, zone};
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::batches::{self, Claimed, Completion, Counts};
use crate::ledger::rejects;
use crate::pg::Transaction;
use crate::stage::{KnownRows, StageAs};

/// Loads the batch in one transaction, staged in this way.
///
/// # Errors
/// Errors of the lake, with the object that they concern; `BadRow` for what the server refuses; see
/// [`crate::pg`] and [`batches::complete`]. Nothing was committed then, except after `CommitUnknown`.
pub(super) async fn run(load: &Load<'_>, batch: &Claimed, stage_as: StageAs) -> Result<LoadedBatch, AttemptError> {
    let mut connection = load.job.pool.get().await?;
    let tx = connection.begin().await?;
    tx.execute(sql_file!("load/begin_batch.sql"), &[&batch.batch_id]).await?;
    load.layout.keep_connections(&tx).await?;
    failpoint!("load.before_copy");
    let ids: Vec<ObjectId> = batch.objects.iter().map(|o| o.object_id).collect();
    let objects = BatchObjects {
        batch_id: batch.batch_id,
        objects: &batch.objects,
        corrections: Arc::new(rejects::fixes(&tx, &ids).await?),
        progress: Arc::new(load.progress.tentative()),
    };
    let (staged, stage_as) = match stage_as {
        StageAs::Direct => (direct::stage(load, &tx, &objects).await?, stage_as),
        StageAs::Compared => compare(load, &tx, &objects).await?,
        _ => (staged::stage(load, &tx, &objects, stage_as, None).await?, stage_as),
    };
    check_lines(&objects, &staged)?;
    failpoint!("load.after_merge");
    let started = Instant::now();
    let counts = complete(&tx, batch, stage_as, &staged).await?;
    failpoint!("load.before_commit");
    // Deferred constraints are checked now.
    tx.commit().await.map_err(AttemptError::of_rows)?;
    failpoint!("load.after_commit");
    let loaded = LoadedBatch::of(&batch.objects);
    objects.progress.keep(loaded.bytes);
    let mut times = staged.times;
    times.commit = started.elapsed();
    let inflated_bytes = staged.tallies.iter().map(|t| t.bytes.unsigned_abs()).sum();
    Ok(LoadedBatch { counts, inflated_bytes, times, refused: staged.refused, ..loaded })
}

/// Stages the batch compared with the rows of older runs, or in another way if there are none. Returns the
/// way that it took.
async fn compare(
    load: &Load<'_>,
    tx: &Transaction<'_>,
    objects: &BatchObjects<'_>,
) -> Result<(StagedBatch, StageAs), AttemptError> {
    let started = Instant::now();
    let earlier = earlier_rows(load, tx, objects).await?;
    let looked_up = started.elapsed();
    let stage_as = if earlier.is_some() { StageAs::Compared } else { load.forecast.without_earlier_rows() };
    let mut staged = staged::stage(load, tx, objects, stage_as, earlier).await?;
    staged.times.merge += looked_up;
    Ok((staged, stage_as))
}

/// The rows that the same objects of older runs have in staging.
async fn earlier_rows(
    load: &Load<'_>,
    tx: &Transaction<'_>,
    objects: &BatchObjects<'_>,
) -> Result<Option<(EarlierRows, KnownRows)>> {
    let statements = Statements::new(&load.job.entity, StageAs::Compared, (load.layout, load.compression));
    let zone = zone::offsets(load, tx).await?;
    EarlierRows::find(load.job, tx, objects, (&statements, zone)).await
}

/// Writes the batch's counts and timings into the ledger, under its fence.
async fn complete(tx: &Transaction<'_>, batch: &Claimed, stage_as: StageAs, staged: &StagedBatch) -> Result<Counts> {
    let mut timings = staged.times.to_json();
    timings["mode"] = json!(stage_as.name());
    timings["rounds"] = json!(staged.rounds);
    let counts = staged.counts.iter().copied();
    let objects: Vec<(ObjectId, Counts)> = batch.objects.iter().map(|o| o.object_id).zip(counts).collect();
    let completion = Completion {
        batch_id: batch.batch_id,
        fence: batch.fence,
        objects: &objects,
        bytes: batch.objects.iter().map(|o| o.size_bytes).sum(),
        timings: &timings,
    };
    batches::complete(tx, &completion).await
}

/// Makes sure that each object's counts add up to the lines that were read of it.
fn check_lines(objects: &BatchObjects<'_>, staged: &StagedBatch) -> Result<()> {
    for ((object, tally), counted) in objects.objects.iter().zip(&staged.tallies).zip(&staged.counts) {
        if tally.lines != counted.lines {
            let message = format!("{}: read {} lines, staged {}", object.path, tally.lines, counted.lines);
            return Err(Error::new(Kind::Internal, message));
        }
    }
    Ok(())
}
