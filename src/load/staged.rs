//! A batch through temporary tables: COPY, then merge into the staging table.

use std::time::Instant;

use super::attempt_error::AttemptError;
use super::merge::{self, EarlierRows, Known, Statements};
use super::outcome::{PhaseTimes, StagedBatch};
use super::refused::grouped;
use super::stream::{BatchObjects, Pass, stream};
use super::under_way::Load;
use crate::pg::Transaction;
use crate::stage::{KnownRows, Sieve, StageAs};

/// Copies the batch into a temporary table and merges it. Lines that repeat a row of `known` are not copied.
///
/// # Errors
/// As [`stream`] and [`merge::run`].
pub(super) async fn stage(
    load: &Load<'_>,
    tx: &Transaction<'_>,
    objects: &BatchObjects<'_>,
    stage_as: StageAs,
    known: Option<(EarlierRows, KnownRows)>,
) -> Result<StagedBatch, AttemptError> {
    let statements = Statements::new(&load.job.entity, stage_as, (load.layout, load.compression));
    tx.batch(&statements.stage_tables()).await?;
    let copy = tx.copy_in(&statements.copy_lines()).await?;
    let (rows, sieve) = match known {
        Some((rows, known)) => (Some(rows), Sieve::Unknown(known)),
        None => (None, Sieve::Everything),
    };
    let streamed = stream(load.job, objects, Pass::Lines(stage_as, statements.document_type(), sieve), copy).await?;
    failpoint!("load.after_copy");
    let started = Instant::now();
    let known = match (rows, streamed.sieve) {
        (Some(rows), Sieve::Unknown(known)) => Some(Known { rows, lines: known.lines() }),
        _ => None,
    };
    let merged = merge::run(load.job, tx, &statements, (objects, known.as_ref())).await?;
    let mut times = PhaseTimes { stream: streamed.times, turn: merged.turn, ..PhaseTimes::default() };
    times.stream.add(merged.stream);
    times.merge = started.elapsed().saturating_sub(merged.turn + merged.streaming);
    let refused = grouped(merged.refused);
    Ok(StagedBatch { tallies: streamed.tallies, counts: merged.counts, times, rounds: merged.rounds, refused })
}
