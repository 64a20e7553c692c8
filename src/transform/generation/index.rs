//! Keys, indexes and everything else that is better added to a full table.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::apply::{run_on, try_index};
use super::build::Build;
use super::catalog_state::changed;
use super::prove::Filled;
use super::refused::name_breakers;
use super::statement::Statement;
use crate::error::{Context, Result};
use crate::meter::Unit;
use crate::sql::{fill, literal};
use crate::transform::crew::Queue;
use crate::transform::job::EntityJob;

/// A CHECK with the partition's own constraint, which lets ATTACH skip its scan. The swap drops it.
pub(super) const BOUND: &str = "evo_partition_bound";

/// Complete tables: all that is left is to check them and swap them in.
pub(super) struct Indexed {
    pub filled: Filled,
    /// Rows of the old partition of each build.
    pub old_rows: Vec<u64>,
    /// The statements that each new table was given.
    pub given: Vec<Vec<Statement>>,
}

/// The work on one build, which is known by its index.
enum IndexTask {
    Index(usize, Statement),
    /// All indexes are there: add the rest, and vacuum.
    Complete(usize),
}

/// The steps that are left for one new table.
struct Progress {
    /// Indexes that are not built yet.
    missing: AtomicUsize,
    /// The statements that follow the indexes.
    rest: Vec<Statement>,
}

impl Filled {
    /// Builds the indexes of all new tables, several at a time. A table whose indexes are there is given
    /// everything else, and statistics, while others are still being indexed.
    ///
    /// # Errors
    /// `Refused` when the rows break a key or a constraint; otherwise see [`crate::pg`].
    pub(super) async fn index(self, job: &EntityJob) -> Result<Indexed> {
        let mut connection = job.pool.get().await?;
        let (mut tasks, mut tables, mut given) = (Vec::new(), Vec::new(), Vec::new());
        for (i, build) in self.plan.builds.iter().enumerate() {
            let mut statements = build.statements(&mut connection, job).await?;
            given.push(statements.all());
            let built = &self.indexes[i];
            if !built.iter().all(|index| statements.indexes.contains(index)) {
                return Err(changed(&build.old.name));
            }
            statements.indexes.retain(|index| !built.contains(index));
            tables.push(Progress {
                missing: AtomicUsize::new(statements.indexes.len()),
                rest: before_the_rest(job, &self, build).chain(statements.rest).collect(),
            });
            if statements.indexes.is_empty() {
                tasks.push(IndexTask::Complete(i));
            }
            tasks.extend(statements.indexes.into_iter().map(|statement| IndexTask::Index(i, statement)));
        }
        drop(connection);
        // The largest tables first: the last index to be built should be a small one.
        let rows = |task: &IndexTask| {
            let (IndexTask::Index(i, _) | IndexTask::Complete(i)) = task;
            self.tables[self.plan.builds[*i].model].rows
        };
        tasks.sort_by_key(|task| Reverse(rows(task)));
        let old_rows = work(job, &self.plan.builds, &tables, tasks).await?;
        failpoint!("transform.after_index");
        Ok(Indexed { filled: self, old_rows, given })
    }
}

/// The steps between the indexes and the rest: the user's own columns, and the proof of the partition's
/// bound.
fn before_the_rest(job: &EntityJob, filled: &Filled, build: &Build) -> impl Iterator<Item = Statement> + use<> {
    let carry = build.carry_sql(&filled.plan.shapes[build.model], &job.entity.models[build.model].key);
    let bound = format!("alter table {} add constraint {BOUND} check ({})", build.new, build.old.constraint);
    carry.into_iter().chain([bound]).map(Statement::from)
}

/// Works on all tasks. Returns the rows of each old partition.
async fn work(job: &EntityJob, builds: &[Build], tables: &[Progress], tasks: Vec<IndexTask>) -> Result<Vec<u64>> {
    let indexes: usize = tables.iter().map(|table| table.missing.load(Ordering::Relaxed)).sum();
    let phase = job.phase("indexing", indexes + builds.len(), Unit::Things("steps"));
    let queue = Queue::new(tasks);
    let work = async |task| {
        let counted = match task {
            IndexTask::Index(i, statement) => {
                build_index(job, &builds[i], statement, queue.len() == 0).await?;
                if tables[i].missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                    queue.put_first(IndexTask::Complete(i));
                }
                None
            }
            IndexTask::Complete(i) => {
                failpoint!("transform.after_indexes");
                // Commit synchronously: VACUUM cannot mark pages all-visible until the inserting commit is
                // flushed.
                run_on(job, &builds[i], &tables[i].rest).await?;
                Some((i, vacuum(job, &builds[i]).await?))
            }
        };
        phase.add(1);
        Ok(counted)
    };
    let mut old_rows = vec![0; builds.len()];
    for (i, rows) in job.crew().work_off(&queue, work).await?.into_iter().flatten() {
        old_rows[i] = rows;
    }
    Ok(old_rows)
}

async fn build_index(job: &EntityJob, build: &Build, statement: Statement, is_last: bool) -> Result<()> {
    match try_index(job, &statement, is_last).await? {
        None => Ok(()),
        Some(error) => Err(name_breakers(job, build, error).await).context(&build.table),
    }
}

/// Vacuums and analyzes the new table, and counts the rows of the old one. Readers of a table that was never
/// vacuumed visit the page of every row, even for a count.
async fn vacuum(job: &EntityJob, build: &Build) -> Result<u64> {
    let connection = job.pool.get().await?;
    let values = [("parent", &*literal(&build.old.parent)), ("old", &build.old.name)];
    let sql = fill(sql_file!("transform/generation/old_rows.sql"), &values);
    let old = connection.query_one(&sql, &[]).await?;
    let (old_rows, is_parent_unknown): (i64, bool) = (old.get(0), old.get(1));
    // The parent of a first generation is analyzed after the swap, and the server does its partitions with
    // it.
    let analyze = if old_rows == 0 && is_parent_unknown { "" } else { "(analyze)" };
    connection.outside(&format!("vacuum {analyze} {}", build.new), Duration::ZERO).await?;
    Ok(old_rows.unsigned_abs())
}
