//! One attempt at a batch: settles the attempt before it, then stages the batch in one way, or a more careful
//! one.

use std::collections::BTreeSet;

use super::attempt_error::AttemptError;
use super::outcome::LoadedBatch;
use super::under_way::Load;
use super::{direct, merge, transaction};
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::{self, Claimed, Doubt};
use crate::stage::StageAs;

/// A claimed batch over its attempts.
#[derive(Debug)]
pub(super) struct BatchAttempts {
    pub claimed: Claimed,
    /// Whether an attempt was made under the present fence.
    is_begun: bool,
    /// Index of the object that the last failure concerns.
    pub failed_object: Option<usize>,
    /// Whether the last failure is that the server refuses rows.
    pub are_rows_refused: bool,
}

impl BatchAttempts {
    /// None made yet.
    pub(super) fn new(claimed: Claimed) -> Self {
        Self { claimed, is_begun: false, failed_object: None, are_rows_refused: false }
    }
}

/// Makes one attempt.
///
/// # Errors
/// `AlreadyRunning` when another execution has taken the batch over; otherwise the error of the last way of
/// staging, with the object that it concerns in [`BatchAttempts::failed_object`].
pub(super) async fn run(load: &Load<'_>, batch: &mut BatchAttempts) -> Result<LoadedBatch> {
    batch.failed_object = None;
    batch.are_rows_refused = false;
    if std::mem::replace(&mut batch.is_begun, true)
        && let Some(loaded) = settle(load, &mut batch.claimed).await?
    {
        return Ok(loaded);
    }
    stage_with_partitions(load, &batch.claimed).await.map_err(|failure| {
        batch.failed_object = failure.object;
        batch.are_rows_refused = failure.is_of_rows;
        failure.error
    })
}

/// Settles what the attempt before this one came to: it had committed, or it can no longer do so.
async fn settle(load: &Load<'_>, batch: &mut Claimed) -> Result<Option<LoadedBatch>> {
    let job = load.job;
    match batches::another_attempt(&job.pool, batch.batch_id, batch.fence, job.claims.holder().lease).await? {
        Doubt::Repeat(fence) => {
            batch.fence = fence;
            Ok(None)
        }
        Doubt::Committed(counts) => {
            tracing::info!(batch = %batch.batch_id, "the earlier attempt had committed; nothing to repeat");
            let loaded = LoadedBatch { counts, ..LoadedBatch::of(&batch.objects) };
            load.progress.add(loaded.bytes);
            Ok(Some(loaded))
        }
        Doubt::Lost => Err(Error::new(Kind::AlreadyRunning, "another execution has the batch")),
    }
}

/// Stages and commits the batch. Partitions that it lacks are made in between: its transaction is over then,
/// so that this cannot wait for itself.
async fn stage_with_partitions(load: &Load<'_>, batch: &Claimed) -> Result<LoadedBatch, AttemptError> {
    let mut made = BTreeSet::new();
    loop {
        match stage(load, batch, &made).await {
            Err(failure) if is_new(&failure.years, &made) => {
                merge::make_partitions(load.job, &failure.years).await?;
                made.extend(failure.years);
            }
            tried => return tried,
        }
    }
}

/// Whether partitions of years are missing, of which one at least was not made in this attempt.
fn is_new(years: &[i32], made: &BTreeSet<i32>) -> bool {
    years.iter().any(|year| !made.contains(year))
}

/// Whether rows have changed since the batch was compared with them. A conflict that the server reports, such
/// as a deadlock, is another matter.
fn is_outdated(failure: &AttemptError) -> bool {
    let error = &failure.error;
    error.kind() == Kind::TransactionConflict && error.sqlstate().is_none() && failure.years.is_empty()
}

/// Stages and commits the batch in the way that is forecast. Where that turns out to be the wrong way, the
/// next more careful one follows in the same attempt.
///
/// Each way reads the objects again. Only as text can one line be rejected for itself, because a rejected
/// line is kept verbatim, and jsonb is another text. So what a document or its row is refused for leads there
/// directly: such a batch is read twice. Once would mean to send every batch as text, which is the slowest
/// way. Three times remain where rows break a unique index: that looks like the key that was expected to be
/// new, and only the merge can tell.
async fn stage(load: &Load<'_>, batch: &Claimed, made: &BTreeSet<i32>) -> Result<LoadedBatch, AttemptError> {
    let mut stage_as = load.forecast.stage_as(&batch.run_id);
    loop {
        let failure = match transaction::run(load, batch, stage_as).await {
            Ok(loaded) => return Ok(loaded),
            Err(failure) => failure,
        };
        let reason = failure.error.message();
        stage_as = match stage_as {
            StageAs::Direct if is_new(&failure.years, made) => return Err(failure),
            StageAs::Direct if direct::is_refuted(&failure.error) => {
                tracing::debug!(batch = %batch.batch_id, reason, "the batch cannot be copied directly");
                load.forecast.refute_direct(&batch.run_id);
                if direct::is_certain_of_a_document(&failure.error) { StageAs::Text } else { StageAs::Jsonb }
            }
            StageAs::Compared if is_outdated(&failure) => {
                tracing::debug!(batch = %batch.batch_id, reason, "what the batch was compared with has changed");
                StageAs::Keys
            }
            StageAs::Jsonb | StageAs::Keys | StageAs::Compared if direct::may_concern_a_document(&failure.error) => {
                tracing::info!(batch = %batch.batch_id, "the server refused a document: it validates each one now");
                StageAs::Text
            }
            _ => return Err(failure),
        };
    }
}
