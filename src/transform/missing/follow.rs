//! Brings core up to date with what the source no longer has.

use super::compare::{Comparison, compare};
use crate::entity::MissingRows;
use crate::error::Result;
use crate::ledger::followed;
use crate::transform::increment::{MarkedChunks, mark};
use crate::transform::job::EntityJob;
use crate::transform::summary::MissingSummary;
use crate::transform::transaction::begin;

/// Marks or deletes the rows that the newest whole run and newer ones do not hold, and brings those back that
/// were marked or deleted and are there again. `None` if nothing was compared: rows are kept, no run holds
/// everything, or nothing was loaded.
///
/// # Errors
/// See [`crate::pg`]. What was committed before stays, and the next transform goes on.
pub(in crate::transform) async fn follow(
    job: &EntityJob,
    max_shrink: f64,
) -> Result<Option<(MissingSummary, MarkedChunks)>> {
    if job.entity.missing == MissingRows::Keep {
        job.step("reading what was compared", async || forget(job).await).await?;
        return Ok(None);
    }
    let phase = job.phase("looking for missing rows", 0, crate::meter::Unit::Nothing);
    let found = job.step("looking for missing rows", async || compare(job, max_shrink).await).await?;
    drop(phase);
    let Some(found) = found else { return Ok(None) };
    let done = mark(job, &found.rows).await?;
    let summary = summary(job, &found, max_shrink);
    if !summary.is_refused() && done.refused.is_empty() {
        failpoint!("transform.before_followed");
        job.step("recording", async || record(job, &found).await).await?;
    }
    Ok(Some((summary, done)))
}

/// What [`follow`] would find, without doing anything about it: reads only, any server will do. `None` as
/// there.
///
/// # Errors
/// See [`crate::pg`].
pub(in crate::transform) async fn preview(job: &EntityJob, max_shrink: f64) -> Result<Option<MissingSummary>> {
    if job.entity.missing == MissingRows::Keep {
        return Ok(None);
    }
    let found = compare(job, max_shrink).await?;
    Ok(found.map(|found| summary(job, &found, max_shrink)))
}

fn summary(job: &EntityJob, found: &Comparison, max_shrink: f64) -> MissingSummary {
    let Comparison { lost, returned, still, shown, .. } = *found;
    let (rule, run_id) = (job.entity.missing, found.run.run_id.clone());
    MissingSummary { rule, run_id, lost, returned, still, shown, max_shrink }
}

async fn record(job: &EntityJob, found: &Comparison) -> Result<()> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    let missing = found.lost + found.still;
    followed::record(&tx, &job.entity, (&found.run, missing), &found.batches, job.execution_id).await?;
    tx.commit().await
}

async fn forget(job: &EntityJob) -> Result<()> {
    let connection = job.pool.get().await?;
    match followed::last(&*connection, &job.entity.name).await? {
        Some(_) => followed::forget(&*connection, &job.entity.name).await,
        None => Ok(()),
    }
}
