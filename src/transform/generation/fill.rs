//! Fills the new tables, several parts at a time, from one snapshot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::built::Built;
use super::insert::{Insert, InsertedPart};
use super::parts::{FillPart, FillParts};
use super::plan::GenerationPlan;
use super::refused;
use super::snapshot::Snapshot;
use crate::error::{Context, Error, Kind, Result};
use crate::ids::BatchId;
use crate::meter::{Timed, Unit, tally};
use crate::span::WorkSpan;
use crate::transform::crew::Queue;
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::model_fault::of_author;
use crate::transform::reading::{Reading, TypedTries};
use crate::transform::transaction::begin;

/// Full tables without indexes. An id that came twice in an array may be in them twice.
pub(super) struct Inserted<'a> {
    pub plan: GenerationPlan,
    pub parts: FillParts,
    pub snapshot: Snapshot<'a>,
    /// The batches that the rows came from.
    pub batches: Vec<BatchId>,
    /// What was inserted for each part of `parts`, with the index of its build.
    pub done: Vec<(usize, InsertedPart)>,
}

/// By which readings parts are filled.
pub(super) struct Readings {
    /// Of each model; `None` where the typed reading is not tried.
    typed: Option<Vec<Typed>>,
    is_plain: bool,
}

/// The typed reading of a model.
#[derive(Default)]
struct Typed {
    /// How long it is tried.
    tries: TypedTries,
    /// A part had no key twice. Where ids often come twice in an array, none has not, and the table does not
    /// have to be filled again.
    is_without_repeats: AtomicBool,
}

impl<'a> Built<'a> {
    /// Fills all tables.
    ///
    /// # Errors
    /// `BadRow` for a value that does not fit, if the job is strict; `Refused` when a constraint of a new
    /// table does not hold; `TransactionConflict` when staging was rewritten meanwhile; otherwise see
    /// [`crate::pg`].
    pub(super) async fn fill(self, job: &EntityJob) -> Result<Inserted<'a>> {
        let Self { plan, parts, snapshot, batches } = self;
        let sql = "select current_setting('server_version_num')::int >= 160000";
        let is_plain = job.pool.get().await?.query_one(sql, &[]).await?.get(0);
        let typed = job.entity.models.iter().map(|_| Typed::default()).collect();
        let readings = Readings { typed: Some(typed), is_plain };
        let done = fill_parts(job, (&plan, &snapshot), parts.list.clone(), &readings).await?;
        parts.files.require_unmoved(&*job.pool.get().await?).await?;
        Ok(Inserted { plan, parts, snapshot, batches, done })
    }
}

impl Readings {
    /// The model as it is written, and the careful reading where that fails.
    pub(super) const WRITTEN: Self = Self { typed: None, is_plain: false };
}

/// Fills parts, several at a time. Returns what was inserted for each, with the index of its build.
pub(super) async fn fill_parts(
    job: &EntityJob,
    (plan, snapshot): (&GenerationPlan, &Snapshot<'_>),
    parts: Vec<FillPart>,
    readings: &Readings,
) -> Result<Vec<(usize, InsertedPart)>> {
    let phase = job.phase("filling", parts.len(), Unit::Things("parts"));
    let work = async |FillPart { build: i, rows }: FillPart| {
        let build = &plan.builds[i];
        let insert = Insert { job, build, shape: &plan.shapes[build.model], rows: &rows, snapshot };
        let began = Instant::now();
        let filling = async { fill_part(&insert, readings).await.map_err(of_author).context(&build.table) };
        let inserted = WorkSpan::begin("part", &job.entity.name).run(filling).await?;
        tally().time(&job.entity.name, &[(Timed::Part, began.elapsed())]);
        phase.add(1);
        Ok((i, inserted))
    };
    job.crew().work_off(&Queue::new(parts), work).await
}

/// Fills a part by the quickest reading that works: typed, then as the model is written, then careful.
async fn fill_part(insert: &Insert<'_>, readings: &Readings) -> Result<InsertedPart> {
    let typed = readings.typed.as_ref().map(|typed| &typed[insert.build.model]);
    if let Some(typed) = typed.filter(|typed| typed.tries.are_left()) {
        // The key's index finds what nobody counts.
        let is_counted = !insert.shape.has_key || !typed.is_without_repeats.load(Ordering::Relaxed);
        match insert.run(Reading::Typed { is_plain: readings.is_plain }, is_counted).await {
            Ok(Some(part)) => {
                typed.is_without_repeats.store(true, Ordering::Relaxed);
                return Ok(part);
            }
            Ok(None) => {}
            // Whatever this reading fails on, the model as it is written decides.
            Err(e) if e.kind().is_of_statement() => {}
            Err(e) => return Err(e),
        }
        typed.tries.fail();
    }
    match insert.run(Reading::Written, false).await {
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
    let mut part = insert.run(Reading::Careful, false).await?.unwrap_or_default();
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
