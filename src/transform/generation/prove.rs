//! Proves that no key is in a new table twice.
//!
//! The typed reading makes two rows of an id that comes twice in an array, and nobody looks for them while
//! the parts are filled: the key's index, which has to be built anyway, finds them. Then the table is filled
//! again with its model as it is written, which gives one row. That reads staging by blocks a second time, so
//! the snapshot lasts until the last key is proved.

use super::apply::try_index;
use super::build::{self, Build};
use super::fill::{Inserted, Readings, fill_parts};
use super::insert::InsertedPart;
use super::parts::FillPart;
use super::plan::GenerationPlan;
use super::readers::FillEnd;
use super::refused::name_breakers;
use super::statement::Statement;
use crate::error::{Context, Result};
use crate::ids::BatchId;
use crate::meter::Unit;
use crate::pg::sqlstate::UNIQUE_VIOLATION;
use crate::transform::crew::Queue;
use crate::transform::job::EntityJob;
use crate::transform::summary::TableSummary;

/// Complete tables, in which an index on the key finds no key twice that the model does not give twice.
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
    /// The indexes that each new table has already.
    pub indexes: Vec<Vec<Statement>>,
}

impl Inserted<'_> {
    /// Builds the unique indexes of the tables that may have a key twice, fills those again that have, and
    /// ends the snapshot.
    ///
    /// # Errors
    /// As [`super::built::Built::fill`].
    pub(super) async fn prove(self, job: &EntityJob) -> Result<Filled> {
        let Self { plan, parts, snapshot, batches, mut done } = self;
        let (indexes, repeating) = index_keys(job, &plan.builds, &unproven(&done)).await?;
        if !repeating.is_empty() {
            let tables: Vec<&str> = repeating.iter().map(|i| &*plan.builds[*i].old.name).collect();
            tracing::debug!(tables = tables.join(", "), "an id comes twice in an array: filling the tables again");
            for i in &repeating {
                build::create_again(job, &plan.builds[*i]).await?;
            }
            let again: Vec<FillPart> =
                parts.list.iter().filter(|part| repeating.contains(&part.build)).cloned().collect();
            done.retain(|(build, _)| !repeating.contains(build));
            done.extend(fill_parts(job, (&plan, &snapshot), again, &Readings::WRITTEN).await?);
            parts.files.require_unmoved(&*job.pool.get().await?).await?;
        }
        snapshot.end().await?;
        let (tables, documents) = totals(job, &plan.builds, &done);
        let end = FillEnd::read(&*job.pool.get().await?).await?;
        failpoint!("transform.after_fill");
        Ok(Filled { plan, tables, documents, batches, end, indexes })
    }
}

/// The builds in which a key may be twice.
fn unproven(done: &[(usize, InsertedPart)]) -> Vec<usize> {
    let mut builds: Vec<usize> = done.iter().filter(|(_, part)| part.is_unproven).map(|(build, _)| *build).collect();
    builds.sort_unstable();
    builds.dedup();
    builds
}

/// Builds the unique indexes of these builds. Returns the indexes that each build has now, and the builds in
/// which a key is twice, or which no index proves.
async fn index_keys(
    job: &EntityJob,
    builds: &[Build],
    unproven: &[usize],
) -> Result<(Vec<Vec<Statement>>, Vec<usize>)> {
    let (mut indexes, mut tasks) = (vec![Vec::new(); builds.len()], Vec::new());
    if unproven.is_empty() {
        return Ok((indexes, Vec::new()));
    }
    let mut connection = job.pool.get().await?;
    for i in unproven {
        let statements = builds[*i].statements(&mut connection, job).await?;
        tasks.extend(statements.indexes.into_iter().filter(Statement::is_unique_index).map(|index| (*i, index)));
    }
    drop(connection);
    let phase = job.phase("indexing keys", tasks.len(), Unit::Things("steps"));
    let is_alone = tasks.len() == 1;
    let work = async |(i, statement): (usize, Statement)| {
        let is_built = match try_index(job, &statement, is_alone).await? {
            None => true,
            Some(error) if error.sqlstate() == Some(UNIQUE_VIOLATION) => false,
            Some(error) => return Err(name_breakers(job, &builds[i], error).await).context(&builds[i].table),
        };
        phase.add(1);
        Ok((i, statement, is_built))
    };
    let built = job.crew().work_off(&Queue::new(tasks), work).await?;
    for (i, statement, _) in built.iter().filter(|(_, _, is_built)| *is_built) {
        indexes[*i].push(statement.clone());
    }
    let mut repeating = Vec::new();
    for i in unproven {
        let has_failed = built.iter().any(|(build, _, is_built)| build == i && !is_built);
        if has_failed || !has_key(job, &builds[*i]).await? {
            indexes[*i].clear();
            repeating.push(*i);
        }
    }
    Ok((indexes, repeating))
}

/// Whether the new table has a unique index on the model's key. The old one had it when the refresh began.
async fn has_key(job: &EntityJob, build: &Build) -> Result<bool> {
    let sql = sql_file!("transform/has_key.sql");
    let row = job.pool.get().await?.query_one(sql, &[&build.new, &job.entity.models[build.model].key]).await?;
    Ok(row.get(0))
}

/// Adds up what was inserted, by model.
pub(super) fn totals(job: &EntityJob, builds: &[Build], done: &[(usize, InsertedPart)]) -> (Vec<TableSummary>, u64) {
    let mut tables = TableSummary::of(&job.entity);
    for (build, part) in done {
        let table = &mut tables[builds[*build].model];
        table.rows += part.rows;
        table.inserted += part.rows;
        table.issues += part.issues;
    }
    (tables, done.iter().map(|(_, part)| part.documents).sum())
}
