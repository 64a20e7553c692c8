//! A transform of one dimension.

use std::time::Instant;

use super::definition::Dimension;
use super::statements::{DimensionBatch, increment_sql, rebuild_sql, relations};
use crate::citus::wait_for_all_rows;
use crate::error::{Context, Result};
use crate::ids::{BatchId, ExecutionId};
use crate::ledger::{definitions, models};
use crate::pg::{Connection, EntityLock, Pool, Transaction};
use crate::transform::summary::{TableSummary, TransformSummary, tally_tables};
use crate::transform::transaction::{Unconfirmed, begin};

/// Everything that a transform of one dimension needs.
#[derive(Debug)]
pub struct DimensionJob {
    /// Connections to the warehouse.
    pub pool: Pool,
    /// The lock of the dimension, not taken yet: [`DimensionJob::run`] takes and releases it.
    pub lock: EntityLock,
    /// The dimension to bring up to date.
    pub dimension: Dimension,
    /// The execution's id in `evo.runs`.
    pub execution_id: ExecutionId,
    /// Rebuild even where an increment would do.
    pub full_refresh: bool,
}

/// Batches that were added to the watermark, and what was written.
type Done = (u64, TableSummary);

impl DimensionJob {
    /// Brings the dimension up to date with its sources, in one transaction.
    ///
    /// # Errors
    /// `AlreadyRunning` when another execution has the dimension's lock; otherwise see [`crate::pg`]. Nothing
    /// is written then.
    pub async fn run(&self) -> Result<TransformSummary> {
        let started = Instant::now();
        let what = format!("transform of {}", self.dimension.name);
        self.lock.take().await?;
        tracing::info!(entity = self.dimension.name, "transforming");
        let mut unconfirmed = Unconfirmed::none();
        let done = self.lock.retry(&what, async || self.attempt(&mut unconfirmed).await).await;
        self.lock.release().await;
        let (batches, table) = done?;
        tally_tables(&self.dimension.name, std::slice::from_ref(&table));
        Ok(TransformSummary {
            entity: self.dimension.name.clone(),
            batches,
            tables: vec![table],
            elapsed: started.elapsed(),
            ..TransformSummary::default()
        })
    }

    async fn attempt(&self, unconfirmed: &mut Unconfirmed<Done>) -> Result<Done> {
        let mut connection = self.pool.get().await?;
        self.dimension.require_table(&connection).await?;
        let tx = self.begin(&mut connection).await?;
        let is_rebuild = self.full_refresh || self.is_stale(&tx).await?;
        let batches = self.batches(&tx, is_rebuild).await?;
        if !is_rebuild && batches.is_empty() {
            let nothing = TableSummary { table: self.dimension.table.clone(), ..TableSummary::default() };
            return unconfirmed.commit(tx, (0, nothing), false).await;
        }
        let is_cluster = wait_for_all_rows(&tx).await?;
        let sql = match is_rebuild {
            true => rebuild_sql(&self.dimension, is_cluster),
            false => increment_sql((&self.dimension, is_cluster), &tx, &batches).await?,
        };
        let row = tx.query_one(&sql, &[]).await.context(&self.dimension.table)?;
        let [rows, inserted, updated, deleted] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i).unsigned_abs());
        let table = self.dimension.table.clone();
        let summary = TableSummary { table, rows, inserted, updated, deleted, issues: 0 };
        self.record(&tx, is_rebuild, &batches, rows).await?;
        let wrote = summary.written() > 0;
        unconfirmed.commit(tx, (batches.len() as u64, summary), wrote).await
    }

    /// Begins a transaction with one snapshot for the ledger and the sources. It must be younger than the
    /// locks: to an older snapshot a generation that was swapped in after it would look half empty.
    pub(super) async fn begin<'a>(&self, connection: &'a mut Connection) -> Result<Transaction<'a>> {
        let tx = begin(connection).await?;
        let tables = relations(&self.dimension).join(", ");
        tx.batch(&format!("set transaction isolation level repeatable read; lock table {tables} in access share mode"))
            .await?;
        Ok(tx)
    }

    /// Whether it must be rebuilt: it never was, a source has another generation since, or its definition has
    /// changed.
    pub(super) async fn is_stale(&self, tx: &Transaction<'_>) -> Result<bool> {
        let sql = sql_file!("transform/dimension_state.sql");
        Ok(tx
            .query_one(sql, &[&self.dimension.name, &self.dimension.source_tables(), &self.dimension.digest])
            .await?
            .get(0))
    }

    /// The batches that the sources have and the dimension has not; or all that the sources have.
    pub(super) async fn batches(&self, tx: &Transaction<'_>, all: bool) -> Result<Vec<DimensionBatch>> {
        let sql = sql_file!("transform/dimension_batches.sql");
        let rows = tx.query(sql, &[&self.dimension.name, &self.dimension.source_entities(), &all]).await?;
        let batch = |row: &crate::pg::Row| DimensionBatch { id: row.get(0), entity: row.get(1), rows: row.get(2) };
        Ok(rows.iter().map(batch).collect())
    }

    /// Writes the ledger. `rows` are those of the dimension after a rebuild.
    async fn record(
        &self,
        tx: &Transaction<'_>,
        is_rebuild: bool,
        batches: &[DimensionBatch],
        rows: u64,
    ) -> Result<()> {
        let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
        let (table, name) = (&self.dimension.table, &self.dimension.name);
        definitions::note(tx, (table, name), Some(&self.dimension.digest), &[]).await?;
        if !is_rebuild {
            models::take(tx, name, &ids).await?;
            return models::record(tx, table, name, self.execution_id).await;
        }
        models::reset(tx, name, &ids).await?;
        let sql = sql_file!("transform/dimension_built.sql");
        tx.execute(sql, &[name, &self.dimension.source_tables()]).await?;
        let rows = i64::try_from(rows).ok();
        models::record_refresh(tx, table, name, self.execution_id, rows).await.map(drop)
    }
}
