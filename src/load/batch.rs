//! One batch: its attempts, and the transaction of an attempt.
//!
//! | an attempt ends with | then |
//! |---|---|
//! | committed | done |
//! | an error that time heals | pause, raise the fence (or learn that it had committed), again |
//! | an object that cannot be decoded | the object is set aside, the others go on |
//! | an object that the lake does not hand out, while it hands out others | it leaves the batch and stays pending |
//! | an object replaced or deleted since it was listed | it leaves the batch; the next listing knows the new one |
//! | a key that was thought to be new and is not | again, staged and merged |
//! | a document that only the server refuses | again, the server judging each document on its own |
//! | the server out of memory | half of the objects become a batch of their own |
//! | a value that the server refuses however it is staged | the same, until one object is left, which is set aside |
//! | the claim lost to another execution | nothing: the other one loads it |
//! | anything else | the claim is released, the load ends |

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::merge::Merge;
use super::stream::{Failure, Pass, Sources, Spent, stream};
use super::summary::Aside;
use super::{Load, direct, left_out, merge};
use crate::error::{Error, Kind, Result};
use crate::ids::{Fence, ObjectId};
use crate::ledger::batches::{self, Claimed, Completion, Counts, Doubt};
use crate::ledger::objects::{self, Pending, Removal};
use crate::ledger::rejects;
use crate::pg::Transaction;
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

impl Progress {
    fn fence(&self) -> Fence {
        Fence(self.fence.load(Ordering::Relaxed))
    }
}

impl Load<'_> {
    /// Loads a batch, whatever it takes. `None` when nothing of it was left to load.
    pub(super) async fn load_batch(&self, batch: Claimed, aside: &mut Aside) -> Result<Option<Done>> {
        let batch_id = batch.batch_id;
        let loaded = self.load_claimed(batch, aside).await;
        self.job.claims.drop_claim(batch_id);
        loaded
    }

    async fn load_claimed(&self, mut batch: Claimed, aside: &mut Aside) -> Result<Option<Done>> {
        let job = self.job;
        let progress = Progress {
            fence: AtomicI32::new(batch.fence.0),
            is_begun: AtomicBool::new(false),
            object: Mutex::default(),
        };
        loop {
            let (Some(first), Some(last)) = (batch.objects.first(), batch.objects.last()) else {
                let fence = progress.fence();
                batches::drop_empty(&job.pool, batch.batch_id, fence).await?;
                return Ok(None);
            };
            let what = format!("{} batch {} ({} … {})", job.entity.name, batch.batch_id, first.path, last.path);
            let current = &batch;
            let result = retry(job.retry, &job.shutdown, &what, |_| self.attempt(current, &progress)).await;
            let resolved = match result {
                Ok(done) => {
                    self.forecast.learn(&batch.run_id, &done.counts);
                    return Ok(Some(done));
                }
                Err(error) if error.kind() == Kind::AlreadyRunning => Err(error),
                Err(error) => self.resolve(error, &mut batch, &progress, aside).await,
            };
            if let Err(unresolved) = resolved {
                if unresolved.kind() == Kind::AlreadyRunning {
                    tracing::warn!(
                        batch = batch.batch_id.0,
                        "this execution was stalled, another one has the batch now"
                    );
                    return Ok(None);
                }
                // The lease would end by itself; released, others need not wait for that.
                if let Err(e) =
                    batches::release(&job.pool, job.claims.holder().execution_id, Some(batch.batch_id)).await
                {
                    tracing::debug!(error = e.message(), "the claim could not be released");
                }
                return Err(unresolved.context(what));
            }
        }
    }

    /// Takes out of the batch what made it fail, so that the rest can go on; gives the error back when there is no such way.
    async fn resolve(&self, error: Error, batch: &mut Claimed, progress: &Progress, aside: &mut Aside) -> Result<()> {
        let pool = &self.job.pool;
        let object = progress.object.lock().ok().and_then(|mut slot| slot.take());
        let kind = match object.and_then(|index| batch.objects.get(index)) {
            Some(object) if error.kind() == Kind::SourceCorrupt => self.kind_of_broken(object).await,
            _ => error.kind(),
        };
        match (kind, object) {
            (Kind::SourceCorrupt, Some(index)) => self.set_aside(batch.objects.remove(index), &error, aside).await?,
            (Kind::SourceChanged, Some(index)) => {
                let object = batch.objects.remove(index);
                objects::remove(pool, object.object_id, Removal::Gone).await?;
                tracing::warn!(object = object.path, reason = error.message(), "left out; the lake is listed again");
                aside.gone += 1;
                aside.gone_ids.push(object.object_id);
            }
            (Kind::SourceChanged, None) => {
                let connection = pool.get().await?;
                batch.objects = batches::objects_of(&connection, batch.batch_id).await?;
                aside.gone += 1;
            }
            (_, Some(index)) if left_out::may_be_alone(&error) => self.leave_out(error, index, batch, aside).await?,
            (Kind::OutOfMemory, _) if batch.objects.len() > 1 => {
                self.halve(batch, progress).await?;
                tracing::warn!(
                    batch = batch.batch_id.0,
                    "the server is out of memory: going on with half of the batch"
                );
            }
            // Something in one of the objects that the server does not take, whatever way it is staged: halved until it is
            // known which, and that one is set aside.
            (Kind::BadRow, _) if batch.objects.len() > 1 => {
                self.halve(batch, progress).await?;
                let reason = error.message();
                tracing::warn!(
                    batch = batch.batch_id.0,
                    reason,
                    "the server refuses the batch: looking for the object"
                );
            }
            (Kind::BadRow, _) => self.set_aside(batch.objects.remove(0), &error, aside).await?,
            _ => return Err(error),
        }
        Ok(())
    }

    /// A file that was written to while it was read may look broken: then it is not the version that was listed any more. A
    /// container answers each request with the listed version or not at all.
    async fn kind_of_broken(&self, object: &Pending) -> Kind {
        if self.job.lake.is_remote() {
            return Kind::SourceCorrupt;
        }
        match self.job.lake.read(&object.path, &object.etag).await {
            Err(error) if error.kind() == Kind::SourceChanged => Kind::SourceChanged,
            _ => Kind::SourceCorrupt,
        }
    }

    async fn set_aside(&self, object: Pending, error: &Error, aside: &mut Aside) -> Result<()> {
        let reason = error.message();
        objects::remove(&self.job.pool, object.object_id, Removal::Quarantined(reason)).await?;
        tracing::error!(object = object.path, reason, "object set aside; the others go on");
        aside.quarantined.push((object.path, reason.to_owned()));
        Ok(())
    }

    /// Leaves the second half of the objects to a batch of their own, which anybody may claim.
    async fn halve(&self, batch: &mut Claimed, progress: &Progress) -> Result<()> {
        let rest = batch.objects.split_off(batch.objects.len() / 2);
        let ids: Vec<ObjectId> = rest.iter().map(|o| o.object_id).collect();
        let fence = progress.fence();
        batches::split(&self.job.pool, batch.batch_id, fence, &ids).await
    }

    async fn attempt(&self, batch: &Claimed, progress: &Progress) -> Result<Done> {
        let job = self.job;
        if progress.is_begun.swap(true, Ordering::Relaxed) {
            let fence = progress.fence();
            match batches::another_attempt(&job.pool, batch.batch_id, fence, job.claims.holder().lease).await? {
                Doubt::Repeat(fence) => progress.fence.store(fence.0, Ordering::Relaxed),
                Doubt::Committed(counts) => {
                    tracing::info!(batch = batch.batch_id.0, "the earlier attempt had committed; nothing to repeat");
                    return Ok(Done { counts, ..done(&batch.objects) });
                }
                Doubt::Lost => return Err(Error::new(Kind::AlreadyRunning, "another execution has the batch")),
            }
        }
        let fence = progress.fence();
        let tried = match self.transactions(batch, fence).await {
            // Its transaction is over, and so nobody waits in a circle.
            Err(failure) if !failure.years.is_empty() => {
                merge::make_partitions(job, &failure.years).await?;
                self.transactions(batch, fence).await
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

    /// The transactions of an attempt: when one way of staging turns out to be wrong, the next more careful one.
    async fn transactions(&self, batch: &Claimed, fence: Fence) -> Result<Done, Failure> {
        let mut stage_as = self.forecast.stage_as(&batch.run_id);
        if stage_as == StageAs::Direct {
            match self.transaction(batch, fence, stage_as).await {
                Err(failure) if direct::is_refuted(&failure.error) => {
                    tracing::debug!(batch = batch.batch_id.0, reason = failure.error.message(), "not all keys are new");
                    self.forecast.refute_direct(&batch.run_id);
                    stage_as = StageAs::Jsonb;
                }
                tried => return tried,
            }
        }
        match self.transaction(batch, fence, stage_as).await {
            // A value that only the server refuses: let it judge each document on its own.
            Err(failure) if direct::may_be_of_a_document(&failure.error) => {
                tracing::info!(batch = batch.batch_id.0, "the server refused a document; it judges each one now");
                self.transaction(batch, fence, StageAs::Text).await
            }
            tried => tried,
        }
    }

    async fn transaction(&self, batch: &Claimed, fence: Fence, stage_as: StageAs) -> Result<Done, Failure> {
        let mut connection = self.job.pool.get().await?;
        let tx = connection.begin().await?;
        tx.execute(sql_file!("load/begin_batch.sql"), &[&batch.batch_id]).await?;
        failpoint!("load.before_copy");
        let staged = match stage_as {
            StageAs::Direct => self.copy_directly(&tx, batch).await?,
            _ => self.stage_and_merge(&tx, batch, stage_as).await?,
        };
        check_lines(&batch.objects, &staged.tallies, &staged.counts)?;
        failpoint!("load.after_merge");
        let started = Instant::now();
        let mut phases = staged.phases;
        let mut timings = phases.to_json();
        timings["mode"] = json!(stage_as.name());
        timings["rounds"] = json!(staged.rounds);
        let objects: Vec<(ObjectId, Counts)> = batch.objects.iter().map(|o| o.object_id).zip(staged.counts).collect();
        let done = done(&batch.objects);
        let bytes = i64::try_from(done.bytes).unwrap_or(i64::MAX);
        let completion = Completion { batch_id: batch.batch_id, fence, objects: &objects, bytes, timings: &timings };
        let counts = batches::complete(&tx, &completion).await?;
        failpoint!("load.before_commit");
        tx.commit().await?;
        failpoint!("load.after_commit");
        phases.commit = started.elapsed();
        let inflated_bytes = staged.tallies.iter().map(|t| t.bytes.unsigned_abs()).sum();
        Ok(Done { counts, inflated_bytes, phases, ..done })
    }

    async fn stage_and_merge(
        &self,
        tx: &Transaction<'_>,
        batch: &Claimed,
        stage_as: StageAs,
    ) -> Result<Staged, Failure> {
        let merge = Merge::new(self.job, stage_as, self.compression);
        tx.batch(&merge.prologue()).await?;
        let ids: Vec<ObjectId> = batch.objects.iter().map(|o| o.object_id).collect();
        let sources = Sources { objects: &batch.objects, fixes: Arc::new(rejects::fixes(tx, &ids).await?) };
        let copy = tx.copy_in(&merge.copy()).await?;
        let streamed = stream(self.job, &sources, Pass::Lines(stage_as), copy).await?;
        failpoint!("load.after_copy");
        let started = Instant::now();
        let merged = merge.run(tx, batch.batch_id, &sources).await?;
        let mut phases = Phases { stream: streamed.spent, turn: merged.turn, ..Phases::default() };
        phases.stream.add(merged.spent);
        phases.merge = started.elapsed().saturating_sub(merged.turn + merged.streaming);
        Ok(Staged { tallies: streamed.tallies, counts: merged.counts, phases, rounds: merged.rounds })
    }
}

/// A batch whose rows are written and which is not committed yet.
pub(super) struct Staged {
    pub tallies: Vec<Tally>,
    pub counts: Vec<Counts>,
    pub phases: Phases,
    pub rounds: u32,
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
