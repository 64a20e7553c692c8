//! Fills the new tables, several parts at a time, from one snapshot.

use std::time::Instant;

use super::built::Built;
use super::insert::{Insert, InsertedPart};
use super::parts::FillPart;
use super::plan::GenerationPlan;
use super::readers::FillEnd;
use super::refused;
use crate::error::{Context, Error, Kind, Result};
use crate::ids::BatchId;
use crate::meter::{Timed, Unit, tally};
use crate::span::WorkSpan;
use crate::transform::crew::Queue;
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::model_fault::of_author;
use crate::transform::reading::{Reading, TypedTries};
use crate::transform::summary::TableSummary;
use crate::transform::transaction::begin;

/// Full tables without indexes.
pub(super) struct Filled {
    pub plan: GenerationPlan,
    /// The core tables, parent first.
    pub tables: Vec<TableSummary>,
    /// Staged documents that were read for the parent table.
    pub documents: u64,
    /// The batches that the rows came from.
    pub batches: Vec<BatchId>,
    /// When the last row was committed.
    pub end: FillEnd,
}

impl Built<'_> {
    /// Fills all tables and ends the snapshot.
    ///
    /// # Errors
    /// `BadRow` for a value that does not fit, if the job is strict; `Refused` when a constraint of a new
    /// table does not hold; `TransactionConflict` when staging was rewritten meanwhile; otherwise see
    /// [`crate::pg`].
    pub(super) async fn fill(self, job: &EntityJob) -> Result<Filled> {
        let Self { plan, parts, snapshot, batches } = self;
        let phase = job.phase("filling", parts.list.len(), Unit::Things("parts"));
        let sql = "select current_setting('server_version_num')::int >= 160000";
        let is_plain = job.pool.get().await?.query_one(sql, &[]).await?.get(0);
        let tries: Vec<TypedTries> = job.entity.models.iter().map(|_| TypedTries::default()).collect();
        let work = async |FillPart { build, rows }: FillPart| {
            let build = &plan.builds[build];
            let (shape, tries) = (&plan.shapes[build.model], &tries[build.model]);
            let insert = Insert { job, build, shape, rows: &rows, snapshot: &snapshot };
            let began = Instant::now();
            let filling = async { fill_part(&insert, tries, is_plain).await.map_err(of_author).context(&build.table) };
            let inserted = WorkSpan::begin("part", &job.entity.name).run(filling).await?;
            tally().time(&job.entity.name, &[(Timed::Part, began.elapsed())]);
            phase.add(1);
            Ok((build.model, inserted))
        };
        let done = job.crew().work_off(&Queue::new(parts.list), work).await?;
        parts.files.require_unmoved(&*job.pool.get().await?).await?;
        snapshot.end().await?;
        let (tables, documents) = totals(job, &done);
        let end = FillEnd::read(&*job.pool.get().await?).await?;
        failpoint!("transform.after_fill");
        Ok(Filled { plan, tables, documents, batches, end })
    }
}

/// Adds up what was inserted, by model.
fn totals(job: &EntityJob, done: &[(usize, InsertedPart)]) -> (Vec<TableSummary>, u64) {
    let mut tables = TableSummary::of(&job.entity);
    for (model, part) in done {
        tables[*model].rows += part.rows;
        tables[*model].inserted += part.rows;
        tables[*model].issues += part.issues;
    }
    (tables, done.iter().map(|(_, part)| part.documents).sum())
}

/// Fills a part by the quickest reading that works: typed, then as the model is written, then careful.
async fn fill_part(insert: &Insert<'_>, tries: &TypedTries, is_plain: bool) -> Result<InsertedPart> {
    if tries.are_left() {
        match insert.run(Reading::Typed { is_plain }).await {
            Ok(Some(part)) => return Ok(part),
            Ok(None) => {}
            // Whatever this reading fails on, the model as it is written decides.
            Err(e) if e.kind().is_of_statement() => {}
            Err(e) => return Err(e),
        }
        tries.fail();
    }
    match insert.run(Reading::Written).await {
        Err(e) if e.kind() == Kind::BadRow && insert.job.strict => {
            Err(issues::strict_error(insert.job, insert.rows, e).await)
        }
        Err(e) if e.kind() == Kind::BadRow => match fill_carefully(insert).await {
            Err(e) => Err(name_refused(insert, Reading::Careful, too_narrow(e)).await),
            done => done,
        },
        Err(e) => Err(name_refused(insert, Reading::Careful, e).await),
        done => done.map(Option::unwrap_or_default),
    }
}

async fn fill_carefully(insert: &Insert<'_>) -> Result<InsertedPart> {
    let mut part = insert.run(Reading::Careful).await?.unwrap_or_default();
    // A fresh transaction: under the exported snapshot, updating an issue filed since then would fail.
    let mut connection = insert.job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    let (model, within) = (&insert.job.entity.models[insert.build.model], &insert.build.old.top_constraint);
    part.issues = issues::file(insert.job, &tx, model, insert.rows, within).await?;
    tx.commit().await?;
    Ok(part)
}

/// Adds the keys of the documents whose rows the new table refuses, if that is why the part failed.
async fn name_refused(insert: &Insert<'_>, reading: Reading, error: Error) -> Error {
    match error.kind() {
        Kind::Refused | Kind::BadRow => {
            let keys = refused::keys_of_part(insert, reading).await;
            refused::with_keys(error, &keys)
        }
        _ => error,
    }
}

/// A value that even the careful reading gives does not fit the column: its type is narrower than the
/// model's.
fn too_narrow(error: Error) -> Error {
    match (error.kind(), error.hint_text()) {
        (Kind::BadRow, None) => error.hint(
            "the old generation still serves; a column is narrower than its model's values: compare its type with \
             the migration",
        ),
        _ => error,
    }
}
