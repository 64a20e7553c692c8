//! The full refresh: a new generation beside the serving one, then one short swap.
//!
//! States: *building* (tables in schema `evo_next`, under the names that they will have) → *built* (indexed, checked) →
//! *swapped* (the replaced tables in `evo_old`) → *dropped*. The swap is one transaction; before it the old generation
//! serves, after it the new one. A crash leaves tables in `evo_next` or `evo_old`, which the next run drops.
//!
//! All tables are filled from one exported snapshot, so parent and children agree. The watermark is set to the batches
//! of that snapshot: what was loaded meanwhile stays pending.

mod build;
mod changes;
mod fill;
mod guard;
mod index;
mod leftovers;
mod readers;
mod swap;

use std::time::{Duration, Instant};

use build::{Build, Keys};
use index::Indexed;
use readers::FillEnd;
use swap::Ready;

use super::catalog::{Partition, Shape, of_year, partitions, shape};
use super::checks::Leaf;
use super::{Job, Mode, Summary};
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::meter::Unit;
use crate::pg::Connection;

/// How a full refresh is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refresh {
    /// Only the partition of this year, of an entity that has one a year.
    pub year: Option<i32>,
    /// The share of its rows, 0 to 1, that a table may lose.
    pub max_shrink: f64,
    /// How long the swap waits for sessions whose snapshot is older than the new generation.
    pub reader_wait: Duration,
}

impl Job {
    /// Rebuilds the core tables of the entity and swaps them in.
    ///
    /// # Errors
    /// Of the server; `CheckFailed` when a guard does not let the new generation through; `BadRow` for a value that does
    /// not fit when `strict`. The old generation serves on in every case.
    pub async fn full_refresh(&self, refresh: &Refresh) -> Result<Summary> {
        let mut coordinator = self.pool.get().await?;
        self.mirror_partitions(&coordinator).await?;
        let mut shapes = Vec::new();
        for model in &self.entity.models {
            shapes.push(shape(&coordinator, &self.entity, model).await?);
        }
        self.owns_all(&coordinator).await?;
        let state = self.state(&mut coordinator).await?;
        let builds = self.builds(&mut coordinator, refresh.year).await?;
        self.collect_leftovers(&coordinator, &builds).await?;
        match self.build_and_swap(&mut coordinator, (&builds, state), &shapes, refresh).await {
            Ok(summary) => Ok(summary),
            Err(error) => {
                // Another connection: this one may be why it failed. What cannot be dropped now, the next run drops.
                if let Ok(mut connection) = self.pool.get().await {
                    self.discard(&mut connection, &builds).await;
                }
                Err(error)
            }
        }
    }

    async fn build_and_swap(
        &self,
        coordinator: &mut Connection,
        (builds, state): (&[Build], String),
        shapes: &[Shape],
        refresh: &Refresh,
    ) -> Result<Summary> {
        let started = Instant::now();
        let fills = self.fills(coordinator, builds).await?;
        let tx = coordinator.begin().await?;
        tx.batch(super::SESSION).await?;
        tx.batch("set transaction isolation level repeatable read").await?;
        let snapshot: String = tx.query_one("select pg_export_snapshot()", &[]).await?.get(0);
        self.same_partitions(&tx, &fills.files).await?;
        let sql = "select batch_id from evo.batches where entity = $1 and state = 'committed' order by 1";
        let batches: Vec<BatchId> = tx.query(sql, &[&self.entity.name]).await?.iter().map(|row| row.get(0)).collect();
        // What an earlier attempt of this execution filed was of another snapshot.
        let sql = "delete from evo.issues where entity = $1 and execution_id = $2";
        self.pool.get().await?.execute(sql, &[&self.entity.name, &self.execution_id]).await?;
        self.create(builds).await?;
        failpoint!("transform.after_create");
        let filled = self.fill_all(builds, shapes, fills.queue, &snapshot).await?;
        self.unmoved(&*self.pool.get().await?, &fills.files).await?;
        tx.commit().await?;
        let fill_end = FillEnd::read(coordinator).await?;
        failpoint!("transform.after_fill");
        let Indexed { old_rows, given } = self.index_all(builds, shapes).await?;
        guard::documents(&self.entity, &filled)?;
        guard::shrink(&self.entity, builds, &filled, &old_rows, refresh.max_shrink)?;
        failpoint!("transform.after_index");
        let keys = Keys::read(coordinator, &self.entity).await?;
        guard::orphans(coordinator, builds, &keys).await?;
        let leaves = builds.iter().map(|build| self.leaf(build)).collect();
        let phase = self.phase("checking", 0, Unit::Nothing);
        let (checks, look) =
            futures_util::future::join(self.check_generation(leaves), self.look_at_all(filled.documents)).await;
        let checks = checks?;
        drop(phase);
        let taken = if refresh.year.is_none() { Some(&batches[..]) } else { None };
        let _phase = self.phase("swapping", 0, Unit::Nothing);
        let older_readers = self.wait_for_older_readers(coordinator, &fill_end, refresh.reader_wait).await?;
        let carry = |build: &Build| build.carry_sql(&shapes[build.model], &self.entity.models[build.model].key);
        let carry: Vec<String> = builds.iter().filter_map(carry).collect();
        let ready = Ready { builds, keys: &keys, taken, tables: &filled.tables, carry: &carry, state: &state };
        let swap = match self.swap(coordinator, &ready).await? {
            Some(swap) => swap,
            None => self.swap_changed(coordinator, &ready, given, refresh).await?,
        };
        failpoint!("transform.after_swap");
        self.drop_replaced(coordinator, builds, &keys).await;
        // The generation serves, whatever becomes of a look at a sample.
        let drift = match look {
            Ok(look) => self.file(look).await,
            Err(error) => Err(error),
        };
        let drift = drift.unwrap_or_else(|error| {
            tracing::warn!(%error, "new fields are not reported this time; the next full refresh looks again");
            Vec::new()
        });
        Ok(Summary {
            entity: self.entity.name.clone(),
            mode: Mode::FullRefresh,
            batches: taken.map_or(0, <[BatchId]>::len) as u64,
            staged: Some(filled.documents).filter(|_| refresh.year.is_none()),
            tables: filled.tables,
            elapsed: started.elapsed(),
            swap: Some(swap),
            drift,
            checks,
            older_readers,
            refused: Vec::new(),
        })
    }

    /// Replacing a table takes its owner.
    async fn owns_all(&self, connection: &Connection) -> Result<()> {
        let tables: Vec<String> = self.entity.models.iter().map(|m| m.table.clone()).collect();
        match connection.query(sql_file!("pg/owners.sql"), &[&tables]).await?.first() {
            None => Ok(()),
            Some(row) => {
                let message =
                    format!("a full refresh replaces {}, which evo's role does not own", row.get::<_, String>(0));
                Err(Error::new(Kind::AccessDenied, message).with_sqlstate("42501"))
            }
        }
    }

    fn leaf(&self, build: &Build) -> Leaf {
        let table = self.entity.models[build.model].table.clone();
        Leaf { table, new: build.new.clone(), replaces: build.old.name.clone() }
    }

    /// Core gets the year partitions that staging has.
    pub(super) async fn mirror_partitions(&self, connection: &Connection) -> Result<()> {
        let (Some(partition), Some(parent)) = (&self.entity.partition, self.entity.models.first()) else {
            return Ok(());
        };
        connection
            .execute(
                sql_file!("transform/mirror_partitions.sql"),
                &[&parent.table, &partition.column, &self.entity.zone, &self.entity.staging.table],
            )
            .await?;
        Ok(())
    }

    /// What is to be built: every partition of every core table, or that of one year.
    async fn builds(&self, connection: &mut Connection, year: Option<i32>) -> Result<Vec<Build>> {
        if year.is_some() && self.entity.partition.is_none() {
            return Err(Error::new(Kind::Usage, format!("--year: {} is not partitioned by year", self.entity.name))
                .hint("only entries is, and what you declared so; refresh the whole"));
        }
        let mut builds = Vec::new();
        for (i, model) in self.entity.models.iter().enumerate() {
            let all = partitions(connection, &model.table).await?;
            if all.is_empty() {
                return Err(Error::new(Kind::Config, format!("the core table {} has no partition", model.table))
                    .hint("create it with `partition by range` and one partition from minvalue to maxvalue"));
            }
            let chosen: Vec<Partition> = match year {
                None => all,
                Some(year) => {
                    let names = of_year(connection, &self.entity, &model.table, year).await?;
                    if names.is_empty() {
                        return Err(no_such_year(&model.table, &all));
                    }
                    all.into_iter().filter(|p| names.contains(&p.top)).collect()
                }
            };
            for old in chosen {
                if let Some(same) = builds.iter().find(|b: &&Build| b.old.relname == old.relname) {
                    let message = format!("the partitions {} and {} have the same name", same.old.name, old.name);
                    return Err(Error::new(Kind::Config, message)
                        .hint("their successors are built side by side: rename one of them"));
                }
                let is_first = builds.iter().all(|b| b.model != i || b.old.top_bound != old.top_bound);
                let mut build = Build::read(connection, &self.entity, i, old).await?;
                build.is_first = is_first;
                builds.push(build);
            }
        }
        Ok(builds)
    }
}

fn no_such_year(table: &str, all: &[Partition]) -> Error {
    let mut names: Vec<&str> = all.iter().filter(|p| !p.is_default).map(|p| p.top.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    Error::new(Kind::Usage, format!("--year: {table} has no such partition"))
        .detail(format!("it has: {}", names.join(", ")))
}
