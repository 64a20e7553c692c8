//! Keys, indexes and all that a table is better given after it is full.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::build::Build;
use crate::error::{Context, Error, Kind, Result};
use crate::transform::{Job, SESSION};

/// A CHECK with the partition's own constraint, which lets ATTACH skip its scan. Dropped by the swap.
pub(super) const BOUND: &str = "evo_partition_bound";

impl Job {
    /// Builds the indexes of all new tables, several at a time, then gives each table what else the old one has, and
    /// statistics. Returns how many rows each old partition has.
    pub(super) async fn index_all(&self, builds: &[Build]) -> Result<Vec<u64>> {
        let mut connection = self.pool.get().await?;
        let mut indexes = VecDeque::new();
        let mut rest = Vec::new();
        let tables: Vec<String> = self.entity.models.iter().map(|m| m.table.clone()).collect();
        for (i, build) in builds.iter().enumerate() {
            let (first, mut then) = build.index_statements(&mut connection).await?;
            indexes.extend(first.into_iter().map(|statement| (i, statement)));
            then.push(format!("alter table {} add constraint {BOUND} check ({})", build.new, build.old.constraint));
            then.extend(build.keep_statements(&mut connection, &tables).await?);
            rest.push((i, then));
        }
        drop(connection);
        let queue = Mutex::new(indexes);
        self.side_by_side(|| async {
            while let Some((i, statement)) = queue.lock().ok().and_then(|mut q| q.pop_front()) {
                self.run_on(&builds[i], &[statement]).await?;
            }
            Ok(Vec::<()>::new())
        })
        .await?;
        failpoint!("transform.after_indexes");
        let queue = Mutex::new(rest);
        let counts = self
            .side_by_side(|| async {
                let mut counts = Vec::new();
                while let Some((i, statements)) = queue.lock().ok().and_then(|mut q| q.pop()) {
                    self.run_on(&builds[i], &statements).await?;
                    counts.push((i, self.measure(&builds[i]).await?));
                }
                Ok(counts)
            })
            .await?;
        let mut rows = vec![0; builds.len()];
        counts.into_iter().for_each(|(i, count)| rows[i] = count);
        Ok(rows)
    }

    async fn run_on(&self, build: &Build, statements: &[String]) -> Result<()> {
        if self.shutdown.is_requested() {
            return Err(self.shutdown.error());
        }
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        for statement in statements {
            tx.batch(statement).await.map_err(broken_key).context(&build.parent)?;
        }
        tx.commit().await
    }

    /// Statistics and visibility of the new table, and how many rows the old one has.
    async fn measure(&self, build: &Build) -> Result<u64> {
        let connection = self.pool.get().await?;
        // Readers of a table that was never vacuumed visit every row's page, even for a count.
        // A VACUUM stands in no transaction, so the setting is the session's for a moment.
        connection.batch("set statement_timeout = 0").await?;
        connection.batch(&format!("vacuum (analyze) {}", build.new)).await?;
        connection.batch("reset statement_timeout").await?;
        let sql = format!("select count(*) from {}", build.old.name);
        Ok(connection.query_one(&sql, &[]).await?.get::<_, i64>(0).unsigned_abs())
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

/// The key's own guards: a value twice, or none where there must be one.
pub(super) fn broken_key(error: Error) -> Error {
    match error.sqlstate() {
        Some(code @ ("23505" | "23502" | "23503" | "23514" | "23P01")) => {
            Error::new(Kind::CheckFailed, format!("the new generation breaks a constraint: {}", error.message()))
                .with_sqlstate(code.to_owned())
                .hint("the old generation still serves; the model gives rows that its table does not allow")
        }
        _ => error,
    }
}
