//! One batch: its attempts, and the transaction of an attempt.
//!
//! | an attempt ends with | then |
//! |---|---|
//! | committed | done |
//! | an error that time heals | pause, raise the fence (or learn that it had committed), again |
//! | an object that cannot be decoded | the object is set aside, the others go on |
//! | an object replaced or deleted since it was listed | it leaves the batch; the next listing knows the new one |
//! | a document that only the server refuses | again, the server judging each document on its own |
//! | the server out of memory | half of the objects become a batch of their own |
//! | the claim lost to another execution | nothing: the other one loads it |
//! | anything else | the claim is released, the load ends |

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::merge::{Merge, Merged};
use super::stream::{Failure, Pass, Sources, Spent, stream};
use super::summary::Aside;
use super::{Job, Load};
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::{self, Claimed, Completion, Counts, Doubt};
use crate::ledger::objects::{self, Pending, Removal};
use crate::ledger::rejects;
use crate::retry::retry;
use crate::stage::StageAs;
use crate::stage::decode::Tally;

/// Where the time of a batch went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Phases {
    /// Download, decode, COPY.
    pub stream: Spent,
    /// Merge statements.
    pub merge: Duration,
    /// Waiting for the turn among batches whose verdicts depend on each other.
    pub turn: Duration,
    /// Ledger and COMMIT.
    pub commit: Duration,
}

impl Phases {
    pub(super) fn add(&mut self, other: &Phases) {
        self.stream.add(other.stream);
        self.merge += other.merge;
        self.turn += other.turn;
        self.commit += other.commit;
    }

    /// Milliseconds by name.
    pub fn to_json(self) -> Value {
        let ms = |d: Duration| d.as_millis() as u64;
        json!({
            "lake_ms": ms(self.stream.lake), "decode_ms": ms(self.stream.decode), "copy_ms": ms(self.stream.copy),
            "merge_ms": ms(self.merge), "turn_ms": ms(self.turn), "commit_ms": ms(self.commit),
        })
    }
}

/// What a committed batch did.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Its objects.
    pub objects: u64,
    /// Compressed bytes.
    pub bytes: u64,
    /// Decompressed bytes.
    pub inflated_bytes: u64,
    /// Its lines.
    pub counts: Counts,
    /// Where the time went.
    pub phases: Phases,
}

/// How far a batch has come over its attempts.
#[derive(Debug)]
struct Progress {
    fence: AtomicI32,
    is_begun: AtomicBool,
    /// Object that the last failure concerns.
    object: Mutex<Option<usize>>,
}

impl Load<'_> {
    /// Loads a batch, whatever it takes. `None` when nothing of it was left to load.
    pub(super) async fn load_batch(&self, mut batch: Claimed, aside: &mut Aside) -> Result<Option<Done>> {
        let job = self.job;
        let progress =
            Progress { fence: AtomicI32::new(batch.fence), is_begun: AtomicBool::new(false), object: Mutex::default() };
        loop {
            let (Some(first), Some(last)) = (batch.objects.first(), batch.objects.last()) else {
                let fence = progress.fence.load(Ordering::Relaxed);
                batches::drop_empty(&job.pool, batch.batch_id, fence).await?;
                return Ok(None);
            };
            let what = format!("{} batch {} ({} … {})", job.entity.name, batch.batch_id, first.path, last.path);
            let current = &batch;
            let result = retry(job.retry, &job.shutdown, &what, |_| self.attempt(current, &progress)).await;
            let error = match result {
                Ok(done) => {
                    self.forecast.learn(&batch.run_id, &done.counts);
                    return Ok(Some(done));
                }
                Err(error) if error.kind() == Kind::AlreadyRunning => {
                    tracing::warn!(batch = batch.batch_id, "this execution was stalled, another one has the batch now");
                    return Ok(None);
                }
                Err(error) => error,
            };
            if let Err(unresolved) = self.resolve(error, &mut batch, &progress, aside).await {
                // The lease would end by itself; released, others need not wait for that.
                if let Err(e) = batches::release(&job.pool, job.execution_id, Some(batch.batch_id)).await {
                    tracing::debug!(error = e.message(), "the claim could not be released");
                }
                return Err(unresolved.context(what));
            }
        }
    }

    /// Takes out of the batch what made it fail, so that the rest can go on; gives the error back when there is no such way.
    async fn resolve(&self, error: Error, batch: &mut Claimed, progress: &Progress, aside: &mut Aside) -> Result<()> {
        let pool = &self.job.pool;
        let fence = progress.fence.load(Ordering::Relaxed);
        let object = progress.object.lock().ok().and_then(|mut slot| slot.take());
        match (error.kind(), object) {
            (Kind::SourceCorrupt, Some(index)) => {
                let object = batch.objects.remove(index);
                objects::remove(pool, object.object_id, Removal::Quarantined(error.message())).await?;
                tracing::error!(object = object.path, reason = error.message(), "object set aside; the others go on");
                aside.quarantined.push((object.path, error.message().to_owned()));
            }
            (Kind::SourceChanged, Some(index)) => {
                let object = batch.objects.remove(index);
                objects::remove(pool, object.object_id, Removal::Gone).await?;
                tracing::warn!(object = object.path, reason = error.message(), "left out; the lake is listed again");
                aside.gone += 1;
            }
            (Kind::SourceChanged, None) => {
                let connection = pool.get().await?;
                batch.objects = batches::objects_of(&connection, batch.batch_id).await?;
                aside.gone += 1;
            }
            (Kind::OutOfMemory, _) if batch.objects.len() > 1 => {
                let rest = batch.objects.split_off(batch.objects.len() / 2);
                let ids: Vec<i64> = rest.iter().map(|o| o.object_id).collect();
                batches::split(pool, batch.batch_id, fence, &ids).await?;
                tracing::warn!(batch = batch.batch_id, "the server is out of memory: going on with half of the batch");
            }
            _ => return Err(error),
        }
        Ok(())
    }

    async fn attempt(&self, batch: &Claimed, progress: &Progress) -> Result<Done> {
        let job = self.job;
        if progress.is_begun.swap(true, Ordering::Relaxed) {
            let fence = progress.fence.load(Ordering::Relaxed);
            match batches::another_attempt(&job.pool, batch.batch_id, fence, job.lease).await? {
                Doubt::Repeat(fence) => progress.fence.store(fence, Ordering::Relaxed),
                Doubt::Committed(counts) => {
                    tracing::info!(batch = batch.batch_id, "the earlier attempt had committed; nothing to repeat");
                    return Ok(Done { counts, ..done(&batch.objects) });
                }
                Doubt::Lost => return Err(Error::new(Kind::AlreadyRunning, "another execution has the batch")),
            }
        }
        let fence = progress.fence.load(Ordering::Relaxed);
        let tried = match self.transaction(batch, fence, self.forecast.stage_as(&batch.run_id)).await {
            // A value that only the server refuses: let it judge each document on its own.
            Err(failure) if failure.error.kind() == Kind::BadRow => {
                tracing::info!(batch = batch.batch_id, "the server refused a document; it judges each one now");
                self.transaction(batch, fence, StageAs::Text).await
            }
            tried => tried,
        };
        tried.map_err(|failure| {
            if let Ok(mut slot) = progress.object.lock() {
                *slot = failure.object;
            }
            failure.error
        })
    }

    async fn transaction(&self, batch: &Claimed, fence: i32, stage_as: StageAs) -> Result<Done, Failure> {
        let job = self.job;
        let merge = Merge::new(job, stage_as, self.compression);
        let mut connection = job.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(&merge.prologue()).await?;
        let ids: Vec<i64> = batch.objects.iter().map(|o| o.object_id).collect();
        let sources = Sources { objects: &batch.objects, fixes: Arc::new(rejects::fixes(&tx, &ids).await?) };
        let copy = tx.copy_in(&merge.copy()).await?;
        let streamed = stream(job, &sources, Pass::Lines(stage_as), copy).await?;
        let started = Instant::now();
        let merged = merge.run(&tx, batch.batch_id, &sources).await?;
        let ended = Instant::now();
        check_lines(&batch.objects, &streamed.tallies, &merged.counts)?;
        let mut phases = Phases { stream: streamed.spent, turn: merged.turn, ..Phases::default() };
        phases.stream.add(merged.spent);
        phases.merge = (ended - started).saturating_sub(merged.turn + merged.streaming);
        let mut timings = phases.to_json();
        timings["mode"] = json!(stage_as.name());
        timings["rounds"] = json!(merged.rounds);
        let Merged { counts, .. } = merged;
        let per_object: Vec<(i64, Counts)> = ids.into_iter().zip(counts).collect();
        let done = done(&batch.objects);
        let bytes = i64::try_from(done.bytes).unwrap_or(i64::MAX);
        let completion = Completion { batch_id: batch.batch_id, fence, objects: &per_object, bytes, timings: &timings };
        let counts = batches::complete(&tx, &completion).await?;
        tx.commit().await?;
        phases.commit = ended.elapsed();
        let inflated_bytes = streamed.tallies.iter().map(|t| t.bytes.unsigned_abs()).sum();
        Ok(Done { counts, inflated_bytes, phases, ..done })
    }
}

fn done(objects: &[Pending]) -> Done {
    Done {
        objects: objects.len() as u64,
        bytes: objects.iter().map(|o| o.size_bytes.unsigned_abs()).sum(),
        ..Done::default()
    }
}

/// What was read of each object must be what was counted of it.
fn check_lines(objects: &[Pending], tallies: &[Tally], counts: &[Counts]) -> Result<()> {
    for ((object, tally), counted) in objects.iter().zip(tallies).zip(counts) {
        if tally.lines != counted.lines {
            let message = format!("{}: read {} lines, staged {}", object.path, tally.lines, counted.lines);
            return Err(Error::new(Kind::Internal, message));
        }
    }
    Ok(())
}

impl Job {
    /// Lets go of every claim, so that nobody waits for its lease to end. A failure is logged: the lease ends anyway.
    pub async fn release_claims(&self) {
        if let Err(error) = batches::release(&self.pool, self.execution_id, None).await {
            tracing::debug!(error = error.message(), "the claims could not be released; their lease ends by itself");
        }
    }
}
