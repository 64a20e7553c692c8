//! The full refresh: a new generation beside the serving one, then one short swap.
//!
//! States: *building* (tables in schema `evo_next`, under the names that they will have) → *built* (indexed, checked) →
//! *swapped* (the replaced tables in `evo_old`) → *dropped*. The swap is one transaction; before it the old generation
//! serves, after it the new one. A crash leaves tables in `evo_next` or `evo_old`, which the next run drops.
//!
//! All tables are filled from one exported snapshot, so parent and children agree. The watermark is set to the batches
//! of that snapshot: what was loaded meanwhile stays pending.

mod build;
mod fill;
mod guard;
mod index;
mod leftovers;
mod readers;
mod swap;

use std::time::{Duration, Instant};

use build::{Build, Keys};
use readers::FillEnd;
use swap::Ready;

use super::catalog::{Shape, partitions, shape};
use super::checks::Leaf;
use super::{Job, Mode, Summary};
use crate::error::{Error, Kind, Result};
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
            shapes.push(shape(&coordinator, model).await?);
        }
        let builds = self.builds(&mut coordinator, refresh.year).await?;
        self.collect_leftovers(&coordinator, &builds).await?;
        match self.build_and_swap(&mut coordinator, &builds, &shapes, refresh).await {
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
        builds: &[Build],
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
        let batches: Vec<i64> = tx.query(sql, &[&self.entity.name]).await?.iter().map(|row| row.get(0)).collect();
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
        let old_rows = self.index_all(builds).await?;
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
        let ready = Ready { builds, keys: &keys, taken, tables: &filled.tables };
        let swap = self.swap(coordinator, &ready).await?;
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
            batches: taken.map_or(0, <[i64]>::len) as u64,
            tables: filled.tables,
            elapsed: started.elapsed(),
            swap: Some(swap),
            drift,
            checks,
            older_readers,
        })
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
                "select evo.ensure_year_partition($1, $2, substring(c.relname from '_(\\d{4})$')::int, $3) \
                 from pg_inherits i join pg_class c on c.oid = i.inhrelid \
                 where i.inhparent = $4::text::regclass and c.relname ~ '_\\d{4}$'",
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
            let suffix = year.map(|y| format!("_{y}"));
            let wanted = |relname: &str| suffix.as_ref().is_none_or(|s| relname.ends_with(s.as_str()));
            let mut names: Vec<&str> = all.iter().filter(|p| !p.is_default).map(|p| p.relname.as_str()).collect();
            names.sort_unstable();
            let known = names.join(", ");
            let chosen: Vec<_> = all.iter().filter(|p| wanted(&p.relname)).cloned().collect();
            if chosen.is_empty() {
                return Err(Error::new(Kind::Usage, format!("--year: {} has no such partition", model.table))
                    .detail(format!("it has: {known}")));
            }
            for old in chosen {
                builds.push(Build::read(connection, &self.entity, i, old).await?);
            }
        }
        Ok(builds)
    }
}
