//! Keys, indexes and all that a table is better given after it is full.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::build::{Build, Statement};
use super::fill::UNSEEN;
use crate::error::{Context, Error, Kind, Result};
use crate::meter::Unit;
use crate::pg::Connection;
use crate::sql::literal;
use crate::transform::catalog::Shape;
use crate::transform::{Job, SESSION};

/// A CHECK with the partition's own constraint, which lets ATTACH skip its scan. Dropped by the swap.
pub(super) const BOUND: &str = "evo_partition_bound";

/// What is to be done with a build, by its number.
enum Step {
    Index(usize, Statement),
    /// All of its indexes are there.
    Complete(usize),
}

/// What was done to the new tables.
pub(super) struct Indexed {
    /// Rows of each old partition.
    pub old_rows: Vec<u64>,
    /// What each new table was given, in order.
    pub given: Vec<Vec<Statement>>,
}

impl Job {
    /// Builds the indexes of all new tables, several at a time; a table that has all of its own is given what else the old
    /// one has, and statistics, while others are still being indexed.
    pub(super) async fn index_all(&self, builds: &[Build], shapes: &[Shape]) -> Result<Indexed> {
        let mut connection = self.pool.get().await?;
        let mut steps = VecDeque::new();
        let (mut tables, mut given) = (Vec::new(), Vec::new());
        for (i, build) in builds.iter().enumerate() {
            let (indexes, more) = self.statements(&mut connection, build).await?;
            given.push([&indexes[..], &more].concat());
            let bound = format!("alter table {} add constraint {BOUND} check ({})", build.new, build.old.constraint);
            let carry = build.carry_sql(&shapes[build.model], &self.entity.models[build.model].key);
            let first = carry.into_iter().chain([bound]).map(Statement::from);
            let then: Vec<Statement> = first.chain(more).collect();
            tables.push((AtomicUsize::new(indexes.len()), then));
            match indexes.is_empty() {
                true => steps.push_back(Step::Complete(i)),
                false => steps.extend(indexes.into_iter().map(|statement| Step::Index(i, statement))),
            }
        }
        drop(connection);
        let indexes: usize = tables.iter().map(|(indexes, _)| indexes.load(Ordering::Relaxed)).sum();
        let phase = self.phase("indexing", indexes + builds.len(), Unit::Things("steps"));
        let queue = Mutex::new(steps);
        let next = || queue.lock().ok().and_then(|mut steps| steps.pop_front());
        let counts = self
            .side_by_side(|| async {
                let mut counts = Vec::new();
                while let Some(step) = next() {
                    match step {
                        Step::Index(i, statement) => {
                            // As long as every worker has an index of its own, workers of the server's would only get in their way.
                            let is_last = queue.lock().is_ok_and(|steps| steps.is_empty());
                            let alone = if is_last { "" } else { "set local max_parallel_maintenance_workers = 0" };
                            let before = [UNSEEN.to_owned(), alone.to_owned()].map(Statement::from);
                            self.run_on(&builds[i], &[&before[..], &[statement]].concat()).await?;
                            if tables[i].0.fetch_sub(1, Ordering::AcqRel) == 1
                                && let Ok(mut steps) = queue.lock()
                            {
                                steps.push_front(Step::Complete(i));
                            }
                        }
                        // Its commit waits for the disk: of rows whose insert has not reached it VACUUM marks no page visible.
                        Step::Complete(i) => {
                            failpoint!("transform.after_indexes");
                            self.run_on(&builds[i], &tables[i].1).await?;
                            counts.push((i, self.measure(&builds[i]).await?));
                        }
                    }
                    phase.add(1);
                }
                Ok(counts)
            })
            .await?;
        let mut old_rows = vec![0; builds.len()];
        counts.into_iter().for_each(|(i, count)| old_rows[i] = count);
        Ok(Indexed { old_rows, given })
    }

    /// What gives a new table all that the old one has: statements that build its indexes, and those that follow them.
    pub(super) async fn statements(
        &self,
        connection: &mut Connection,
        build: &Build,
    ) -> Result<(Vec<Statement>, Vec<Statement>)> {
        let names: Vec<String> = self.entity.models.iter().map(|m| m.table.clone()).collect();
        let (indexes, mut then) = build.index_statements(connection).await?;
        then.extend(build.keep_statements(connection, &names).await?);
        Ok((indexes, then))
    }

    /// Runs statements in one transaction.
    pub(super) async fn run_on(&self, build: &Build, statements: &[Statement]) -> Result<()> {
        if self.shutdown.is_requested() {
            return Err(self.shutdown.error());
        }
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        for statement in statements {
            if !statement.setting.is_empty() {
                tx.batch(&statement.setting).await?;
            }
            tx.batch(&statement.text).await.map_err(broken_key).context(&build.table)?;
        }
        tx.commit().await
    }

    /// Statistics and visibility of the new table, and how many rows the old one has.
    async fn measure(&self, build: &Build) -> Result<u64> {
        let connection = self.pool.get().await?;
        // Readers of a table that was never vacuumed visit every row's page, even for a count.
        let sql = format!(
            "select count(*), (select reltuples <= 0 from pg_class where oid = {}::regclass) from {}",
            literal(&build.parent),
            build.old.name
        );
        let old = connection.query_one(&sql, &[]).await?;
        let (old_rows, parent_is_unknown): (i64, bool) = (old.get(0), old.get(1));
        // The first generation's parent is analyzed behind the swap, and the server does its partitions at the same time.
        let analyze = if old_rows == 0 && parent_is_unknown { "" } else { "(analyze)" };
        connection.outside(&format!("vacuum {analyze} {}", build.new), Duration::ZERO).await?;
        Ok(old_rows.unsigned_abs())
    }

    /// Runs as many of the same worker as the job has workers; all their results in one list.
    pub(in crate::transform) async fn side_by_side<T, F>(&self, worker: impl Fn() -> F) -> Result<Vec<T>>
    where
        F: Future<Output = Result<Vec<T>>>,
    {
        let done = futures_util::future::join_all((0..self.workers.max(1)).map(|_| worker())).await;
        let mut all = Vec::new();
        for part in done {
            all.extend(part?);
        }
        Ok(all)
    }
}

/// What the tables' own constraints refuse: a value twice, or none where there must be one.
pub(super) fn broken_key(error: Error) -> Error {
    match error.sqlstate() {
        Some(code @ ("23505" | "23502" | "23503" | "23514" | "23P01")) => {
            Error::new(Kind::Refused, format!("the new generation breaks a constraint: {}", error.message()))
                .with_sqlstate(code.to_owned())
                .naming(error.named().clone())
                .hint("the old generation still serves; mend the rows at the source, or the constraint")
        }
        _ => error,
    }
}
