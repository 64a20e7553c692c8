//! The workers of a load: each claims a batch, loads it, and claims the next, until everything is committed.

use std::time::{Duration, Instant};

use super::batch;
use super::job::LoadJob;
use super::summary::EntitySummary;
use super::under_way::Load;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::batches::{self, Claimed, Next};
use crate::meter::Phase;
use crate::pg::explain;
use crate::span::WorkSpan;

/// Pause before asking again while other executions load the rest of a run: the first one, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(320));

/// Loads everything that is planned: one run after the other, the batches of a run on [`LoadJob::workers`]
/// workers in parallel, together with any other execution that does the same.
pub(super) async fn run(job: &LoadJob, progress: &Phase) -> EntitySummary {
    let started = Instant::now();
    let mut summary = EntitySummary::new(&job.entity.name);
    match Load::begin(job, progress).await {
        Ok(load) => {
            let workers = (0..job.workers.max(1)).map(|_| work(&load));
            for part in futures_util::future::join_all(workers).await {
                summary.add(part);
            }
        }
        Err(error) => summary.failure = Some(error),
    }
    if let Some(error) = summary.failure.take() {
        let tables = [job.entity.staging.table.clone()];
        summary.failure = Some(explain(&job.pool, error, &tables).await);
    }
    summary.elapsed = started.elapsed();
    summary
}

async fn work(load: &Load<'_>) -> EntitySummary {
    let mut summary = EntitySummary::new(&load.job.entity.name);
    if let Err(error) = work_off(load, &mut summary).await {
        load.stop();
        summary.failure = Some(error);
    }
    summary
}

async fn work_off(load: &Load<'_>, summary: &mut EntitySummary) -> Result<(), Error> {
    while let Some(claimed) = next_batch(load).await? {
        let began = Instant::now();
        let span = WorkSpan::begin("batch", &load.job.entity.name);
        span.set("batch.id", claimed.batch_id.0);
        if let Some(loaded) = span.run(batch::load(load, claimed, &mut summary.not_loaded)).await? {
            loaded.describe(&span);
            loaded.tally(&load.job.entity.name, began.elapsed());
            let (objects, lines) = (loaded.objects, loaded.counts.lines);
            tracing::debug!(entity = load.job.entity.name, objects, lines, "batch committed");
            summary.count(&loaded);
        }
    }
    match load.job.shutdown.is_requested() {
        true => Err(load.job.shutdown.error()),
        false => Ok(()),
    }
}

/// The next batch of the selection; `None` when everything is committed, the limit is reached or the load is
/// stopping.
async fn next_batch(load: &Load<'_>) -> Result<Option<Claimed>> {
    let job = load.job;
    let mut wait = WAITS.0;
    while !load.is_stopping() && !job.limit.is_reached() {
        let claim = async || job.claims.next(&job.pool, &job.entity.name, &job.selection).await;
        match job.retry("claiming a batch", claim).await? {
            Next::Batch(mut batch) => {
                if !keep_within_limit(job, &mut batch).await? {
                    continue;
                }
                if batch.is_taken_over {
                    tracing::warn!(
                        batch = %batch.batch_id,
                        attempt = batch.attempt,
                        "took over a batch of an execution that is gone or stalled"
                    );
                }
                return Ok(Some(batch));
            }
            Next::Done => return Ok(None),
            // A stop that is asked for during the pause is seen at the head of the loop.
            Next::Wait if job.shutdown.pause(wait).await.is_ok() => wait = WAITS.1.min(wait * 2),
            Next::Wait => {}
        }
    }
    Ok(None)
}

/// Moves the objects of a batch that are beyond the limit to a batch of their own, which the next load
/// begins. Returns `false` where nothing of it is left to load: another worker has taken the last ones while
/// this one claimed, or another execution has the batch.
async fn keep_within_limit(job: &LoadJob, claimed: &mut Claimed) -> Result<bool> {
    let keep = job.limit.take(claimed.objects.len());
    if keep == claimed.objects.len() {
        return Ok(true);
    }
    let ids: Vec<ObjectId> = claimed.objects[keep..].iter().map(|object| object.object_id).collect();
    let split = async || batches::split(&job.pool, claimed.batch_id, claimed.fence, &ids).await;
    let moved = match keep {
        0 => Ok(()),
        _ => job.retry("cutting a batch", split).await,
    };
    if keep > 0 && moved.is_ok() {
        claimed.objects.truncate(keep);
        return Ok(true);
    }
    // Forgotten only once it is released: until then another worker would take it for one of its own.
    let _held = job.claims.working_on(claimed.batch_id);
    job.claims.release(&job.pool, claimed.batch_id).await;
    job.limit.give_back(keep);
    match moved {
        Err(error) if error.kind() == Kind::AlreadyRunning => {
            tracing::warn!(batch = %claimed.batch_id, "this execution was stalled, another one has the batch now");
            Ok(false)
        }
        moved => moved.map(|()| false),
    }
}
