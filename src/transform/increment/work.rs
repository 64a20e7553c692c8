//! Works through a plan, several chunks at a time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::attempt::transform_chunk;
use super::chunk::{Chunk, ChunkResult};
use super::known::known;
use super::plan::{BatchGroup, IncrementPlan};
use super::refused::grouped;
use super::typed::TypedModels;
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::ledger::models;
use crate::meter::{Counted, Timed, Unit, tally};
use crate::span::WorkSpan;
use crate::sql::{columns, qualified};
use crate::transform::checks::Changed;
use crate::transform::crew::Queue;
use crate::transform::definitions;
use crate::transform::job::EntityJob;
use crate::transform::partitions::mirror;
use crate::transform::refusal;
use crate::transform::request::Mode;
use crate::transform::shape::{Shape, absent_columns};
use crate::transform::staged::StagedRows;
use crate::transform::summary::{TableSummary, TransformSummary, add_tables, tally_tables};
use crate::transform::transaction::Unconfirmed;
use crate::transform::unknown_fields::UnknownFields;

/// What all chunks have to know of the entity's tables.
pub(super) struct Prepared {
    pub shapes: Vec<Shape>,
    pub typed: TypedModels,
}

/// How far a group of batches is.
struct Progress<'a> {
    group: &'a BatchGroup,
    /// Chunks that are not committed.
    open: AtomicUsize,
    /// Documents were refused: its batches stay pending.
    has_refused: AtomicBool,
}

/// Works through a plan. Returns also which rows it may have changed.
///
/// # Errors
/// `Config` when a core table has no unique index on its key; `BadRow` for a value that does not fit, if the
/// job is strict; otherwise see [`crate::pg`]. Chunks that were committed before the error stay.
pub(in crate::transform) async fn increment(
    job: &EntityJob,
    plan: &IncrementPlan,
) -> Result<(TransformSummary, Changed)> {
    let started = Instant::now();
    let prepared = job.step("preparing", async || prepare(job, plan).await).await?;
    let progress =
        |group| Progress { group, open: AtomicUsize::new(group.chunks.len()), has_refused: AtomicBool::new(false) };
    let groups: Vec<Progress<'_>> = plan.groups.iter().map(progress).collect();
    let results = work(job, plan.is_whole, &groups, &prepared).await?;
    let (mut tables, mut refused) = (TableSummary::of(&job.entity), Vec::new());
    for result in &results {
        add_tables(&mut tables, &result.tables);
        refusal::add_all(&mut refused, grouped(&result.refused));
    }
    let has_all_rows = plan.is_whole && job.keys.is_empty() && refused.is_empty();
    let changed = job.step("recording", async || known(job, plan, &results, &tables).await).await?;
    if plan.batches() > 0 || plan.is_whole {
        job.step("recording", async || record(job, &tables, (plan.is_whole, has_all_rows)).await).await?;
    }
    let fields = async || match plan.is_whole {
        true => UnknownFields::of_all(job, plan.staged).await?.record(job).await,
        false => UnknownFields::of_batches(job, &plan.ids(), plan.changed).await?.record(job).await,
    };
    let still_pending = groups.iter().filter(|group| group.has_refused.load(Ordering::Relaxed));
    let still_pending: usize = still_pending.map(|group| group.group.ids.len()).sum();
    let summary = TransformSummary {
        entity: job.entity.name.clone(),
        mode: if plan.is_whole { Mode::InPlace } else { Mode::Incremental },
        batches: plan.batches() - still_pending as u64,
        staged: Some(plan.staged),
        tables,
        absent_columns: absent_columns(&job.entity, &prepared.shapes),
        refused,
        has_all_rows,
        drift: job.step("looking for new fields", fields).await?,
        elapsed: started.elapsed(),
        ..TransformSummary::default()
    };
    Ok((summary, changed))
}

/// Makes partitions, reads the columns of the tables, and moves the watermark past batches that own no rows
/// any more.
pub(super) async fn prepare(job: &EntityJob, plan: &IncrementPlan) -> Result<Prepared> {
    let connection = job.pool.get().await?;
    mirror(&connection, &job.entity).await?;
    let shapes = Shape::of_entity(&*connection, &job.entity).await?;
    if let Some((model, _)) = job.entity.models.iter().zip(&shapes).find(|(_, shape)| !shape.has_key) {
        return Err(no_key(&model.table, &model.key));
    }
    let typed = TypedModels::read(&connection, job).await?;
    drop(connection);
    if !plan.empty.is_empty() {
        take(job, &plan.empty).await?;
    }
    Ok(Prepared { shapes, typed })
}

/// Without such an index no upsert finds the row that is there.
pub(in crate::transform) fn no_key(table: &str, key: &[String]) -> Error {
    let columns = columns(key);
    Error::new(Kind::Config, format!("{table} has no unique index on its key ({columns})"))
        .hint(format!("alter table {} add primary key ({columns})", qualified(table)))
}

async fn work(
    job: &EntityJob,
    is_whole: bool,
    groups: &[Progress<'_>],
    prepared: &Prepared,
) -> Result<Vec<ChunkResult>> {
    let chunks = groups.iter().flat_map(|group| (0..group.group.chunks.len()).map(move |chunk| (group, chunk)));
    let queue = Queue::new(chunks);
    let phase = job.phase("updating", queue.len(), Unit::Things("chunks"));
    let work = async |(group, chunk): (&Progress<'_>, usize)| {
        let done = work_on(job, is_whole, (group, chunk), prepared).await?;
        phase.add(1);
        Ok(done)
    };
    job.crew().work_off(&queue, work).await
}

async fn work_on(
    job: &EntityJob,
    is_whole: bool,
    (progress, chunk): (&Progress<'_>, usize),
    prepared: &Prepared,
) -> Result<ChunkResult> {
    let group = progress.group;
    let range = &group.chunks[chunk];
    let (rows, core) = match is_whole {
        true => (StagedRows::of_keys(&job.entity, range), Some(range)),
        false => (group.rows(&job.entity, chunk), None),
    };
    // The only chunk of its batches moves the watermark in its own transaction.
    let completes: &[BatchId] = if group.chunks.len() == 1 { &group.ids } else { &[] };
    let Prepared { shapes, typed } = prepared;
    let chunk = Chunk { rows: &rows, shapes, typed, completes, core, marks: &[] };
    let mut unconfirmed = Unconfirmed::none();
    let step = async || transform_chunk(job, chunk, &mut unconfirmed).await;
    let began = Instant::now();
    let span = WorkSpan::begin("chunk", &job.entity.name);
    let done = span.run(job.step("transforming documents", step)).await?;
    tally().time(&job.entity.name, &[(Timed::Chunk, began.elapsed())]);
    tally().count(&job.entity.name, &[(Counted::Refused, done.refused.len() as u64)]);
    tally_tables(&job.entity.name, &done.tables);
    if !done.refused.is_empty() {
        progress.has_refused.store(true, Ordering::Release);
    }
    let is_last = progress.open.fetch_sub(1, Ordering::AcqRel) == 1;
    if is_last && completes.is_empty() && !progress.has_refused.load(Ordering::Acquire) {
        job.step("recording", async || take(job, &group.ids).await).await?;
    }
    Ok(done)
}

/// Adds batches to the watermark.
async fn take(job: &EntityJob, batches: &[BatchId]) -> Result<()> {
    let mut connection = job.pool.get().await?;
    let tx = connection.begin().await?;
    models::take(&tx, &job.entity.name, batches).await?;
    tx.commit().await
}

/// Records in `evo.models` that the tables were brought up to date. In a transaction of its own at the end:
/// chunks that run side by side would wait for each other's row.
///
/// With `has_all_rows`, every row was made again by the models as they are now.
async fn record(job: &EntityJob, tables: &[TableSummary], (is_whole, has_all_rows): (bool, bool)) -> Result<()> {
    let mut connection = job.pool.get().await?;
    let tx = connection.begin().await?;
    for table in tables {
        let (name, entity) = (&table.table, &job.entity.name);
        match is_whole {
            // Rows may have changed without a batch: what is derived from them must be rebuilt.
            true => drop(models::record_refresh(&tx, name, entity, job.execution_id, None).await?),
            false => models::record(&tx, name, entity, job.execution_id).await?,
        }
    }
    if has_all_rows {
        definitions::note_current(&tx, &job.entity).await?;
    }
    tx.commit().await
}
