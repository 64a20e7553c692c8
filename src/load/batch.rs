//! One batch: its attempts, and the transaction of an attempt.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Job;
use super::merge::Merge;
use super::plan::Batch;
use super::stream::{Failure, stream};
use super::summary::Quarantined;
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::{self, Claim, Counts};
use crate::ledger::objects;
use crate::retry::retry;
use crate::stage::StageAs;

const UNIQUE_VIOLATION: &str = "23505";

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
    /// Time in download, decode and COPY.
    pub stream: Duration,
    /// Time in the merge statements.
    pub merge: Duration,
    /// Time in the ledger's statements and COMMIT.
    pub commit: Duration,
}

impl Job {
    /// Loads a batch, whatever it takes: repeats it, sets broken objects aside, lets the server judge line by line.
    /// `None` when nothing was left to load.
    pub(super) async fn load_batch(
        &self,
        mut batch: Batch,
        quarantined: &mut Vec<Quarantined>,
    ) -> Result<Option<Done>> {
        while let (Some(first), Some(last)) = (batch.objects.first(), batch.objects.last()) {
            let what = format!("{} batch {} … {}", self.entity.name, first.path, last.path);
            let broken = std::sync::Mutex::new(None);
            let current = &batch;
            let result = retry(self.retry, &self.shutdown, &what, |number| {
                let broken = &broken;
                async move {
                    self.attempt(current, number).await.map_err(|failure| {
                        if let Ok(mut slot) = broken.lock() {
                            *slot = failure.object;
                        }
                        failure.error
                    })
                }
            })
            .await;
            let error = match result {
                Ok(done) => return Ok(Some(done)),
                Err(error) => error,
            };
            let object = broken.into_inner().unwrap_or_default().filter(|_| error.kind() == Kind::SourceCorrupt);
            match (object, error.kind()) {
                (Some(index), _) => {
                    let object = batch.objects.remove(index);
                    objects::quarantine(&self.pool, object.object_id, error.message()).await?;
                    tracing::error!(
                        object = object.path,
                        reason = error.message(),
                        "object set aside; the others go on"
                    );
                    quarantined.push(Quarantined { path: object.path, reason: error.message().to_owned() });
                }
                (None, Kind::SourceChanged) => {
                    tracing::warn!(
                        batch = what,
                        reason = error.message(),
                        "left for the next load, which lists it again"
                    );
                    return Ok(None);
                }
                _ => return Err(error.context(what)),
            }
        }
        Ok(None)
    }

    async fn attempt(&self, batch: &Batch, number: u32) -> Result<Done, Failure> {
        if number > 1
            && let Some(counts) = batches::committed(&self.pool, batch.token).await?
        {
            tracing::info!("the earlier attempt had been committed; nothing to repeat");
            return Ok(Done { counts, ..self.done(batch) });
        }
        match self.transaction(batch, number, StageAs::Jsonb).await {
            // A value that only the server refuses: let it judge each document on its own.
            Err(failure) if failure.error.kind() == Kind::BadRow => {
                self.transaction(batch, number, StageAs::Text).await
            }
            // An earlier attempt was still running when this one began; its commit let this one's token fail.
            Err(failure) if failure.error.sqlstate() == Some(UNIQUE_VIOLATION) => {
                match batches::committed(&self.pool, batch.token).await? {
                    Some(counts) => Ok(Done { counts, ..self.done(batch) }),
                    None => Err(failure),
                }
            }
            other => other,
        }
    }

    fn done(&self, batch: &Batch) -> Done {
        Done {
            objects: batch.objects.len() as u64,
            bytes: batch.objects.iter().map(|o| o.size_bytes.unsigned_abs()).sum(),
            ..Done::default()
        }
    }

    async fn transaction(&self, batch: &Batch, number: u32, stage_as: StageAs) -> Result<Done, Failure> {
        let (Some(first), Some(last)) = (batch.objects.first(), batch.objects.last()) else {
            return Ok(Done::default());
        };
        let merge = Merge::new(&self.entity, stage_as);
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        let claim = Claim {
            token: batch.token,
            entity: &self.entity.name,
            execution_id: self.execution_id,
            run_id: &first.run_id,
            paths: (&first.path, &last.path),
            objects: i32::try_from(batch.objects.len()).unwrap_or(i32::MAX),
            attempt: i32::try_from(number).unwrap_or(i32::MAX),
        };
        let batch_id = batches::claim(&tx, &claim).await?;
        let ids: Vec<i64> = batch.objects.iter().map(|o| o.object_id).collect();
        if objects::take(&tx, batch_id, &ids).await? != ids.len() as u64 {
            tx.rollback().await?;
            return Err(Error::new(Kind::SourceChanged, "another execution has loaded some of its objects").into());
        }
        let started = Instant::now();
        tx.batch(&merge.stage_tables()).await?;
        let copy = tx.copy_in(&merge.copy()).await?;
        let tallies = stream(self, &batch.objects, stage_as, copy).await?;
        let streamed = Instant::now();
        let counts = merge.run(self, &tx, batch_id, &batch.objects).await?;
        let merged = Instant::now();
        for ((object, tally), counted) in batch.objects.iter().zip(&tallies).zip(&counts) {
            if tally.lines != counted.lines {
                let message = format!("{}: read {} lines, staged {}", object.path, tally.lines, counted.lines);
                return Err(Error::new(Kind::Internal, message).into());
            }
        }
        let (stream_time, merge_time) = (streamed - started, merged - streamed);
        let timings = json!({
            "mode": stage_as.sql(), "stream_ms": stream_time.as_millis() as u64, "merge_ms": merge_time.as_millis() as u64,
        });
        let per_object: Vec<(i64, Counts)> = ids.into_iter().zip(counts).collect();
        let done = self.done(batch);
        let bytes = i64::try_from(done.bytes).unwrap_or(i64::MAX);
        let total = batches::complete(&tx, batch_id, &per_object, bytes, &timings).await?;
        tx.commit().await?;
        Ok(Done {
            counts: total,
            inflated_bytes: tallies.iter().map(|t| t.bytes.unsigned_abs()).sum(),
            stream: stream_time,
            merge: merge_time,
            commit: merged.elapsed(),
            ..done
        })
    }
}
