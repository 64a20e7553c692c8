//! Dimensions: tables derived from core, small, written in place in one transaction.
//!
//! Every field of a core table that names an id is a *sighting*. Of all sightings of an id the one that has a name and
//! is in the newest document wins (`sql/transform/dimension_elect.sql`), and the dimension's row remembers which row of
//! core that was.
//!
//! * Built anew: elect among all sightings, write what differs, delete ids that nothing names.
//! * Increment: elect among the rows of core whose staging row came with a batch that the dimension has not taken in.
//!   Such a winner replaces the present one if it is at least as good. A present winner whose own row is among those
//!   that changed, and which is not matched by them, is looked up anew by its id. The rest cannot have changed: whoever
//!   won keeps winning over sightings that did not change.
//!
//! Both give equal tables. The watermark is the set of batches that the sources have taken in; a full refresh of a
//! source may change rows without a batch, so another generation of a source means to build anew.

mod declare;

use std::time::Instant;

pub use declare::{Dimension, all, select};

use super::{InDoubt, Summary, TableSummary};
use crate::entity::Entity;
use crate::error::{Context, Result};
use crate::ids::{BatchId, ExecutionId};
use crate::ledger::models;
use crate::pg::{EntityLock, Pool, Transaction};
use crate::sql::{fill, ident, qualified};

/// Up to so many changed rows each is looked up by its key. The planner cannot know how few they are, and would rather
/// read a large table whole.
const FEW_ROWS: i64 = 100_000;

/// Everything a transform of one dimension needs.
#[derive(Debug)]
pub struct DimensionJob {
    /// The warehouse.
    pub pool: Pool,
    /// That of the dimension; taken by [`DimensionJob::run`].
    pub lock: EntityLock,
    /// The dimension.
    pub dimension: Dimension,
    /// Execution in `evo.runs`.
    pub execution_id: ExecutionId,
    /// Build anew even where an increment would do.
    pub full_refresh: bool,
}

/// A batch that a source has taken in.
#[derive(Debug)]
struct Batch {
    id: BatchId,
    entity: String,
    rows: i64,
}

impl DimensionJob {
    /// Brings the dimension up to date with its sources, in one transaction.
    ///
    /// # Errors
    /// `AlreadyRunning`; of the server. Nothing has changed then.
    pub async fn run(&self) -> Result<Summary> {
        let started = Instant::now();
        let what = format!("transform of {}", self.dimension.name);
        self.lock.take().await?;
        tracing::info!(entity = self.dimension.name, "transforming");
        let in_doubt = InDoubt::new();
        let done = self.lock.retry(&what, || self.attempt(&in_doubt)).await;
        self.lock.release().await;
        let (batches, table) = done?;
        Ok(Summary {
            entity: self.dimension.name.clone(),
            batches,
            tables: vec![table],
            elapsed: started.elapsed(),
            ..Summary::default()
        })
    }

    async fn attempt(&self, in_doubt: &InDoubt<(u64, TableSummary)>) -> Result<(u64, TableSummary)> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(super::SESSION).await?;
        // One snapshot for the ledger and the sources. It must be younger than the locks: a generation swapped in behind
        // an older snapshot would look half empty.
        tx.batch(&format!(
            "set transaction isolation level repeatable read; lock table {} in access share mode",
            self.relations().join(", ")
        ))
        .await?;
        let tables = self.dimension.source_tables();
        let stale = tx.query_one(sql_file!("transform/dimension_state.sql"), &[&self.dimension.name, &tables]).await?;
        let anew = self.full_refresh || stale.get(0);
        let batches = self.batches(&tx, anew).await?;
        let mut summary = TableSummary { table: self.dimension.table.clone(), ..TableSummary::default() };
        if !anew && batches.is_empty() {
            return in_doubt.commit(tx, (0, summary), false).await;
        }
        let sql = if anew { self.anew_sql() } else { self.increment_sql(&tx, &batches).await? };
        let row = tx.query_one(&sql, &[]).await.context(&self.dimension.table)?;
        let [rows, inserted, updated, deleted] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i));
        [summary.rows, summary.inserted, summary.updated, summary.deleted] =
            [rows, inserted, updated, deleted].map(i64::unsigned_abs);
        let ids: Vec<BatchId> = batches.iter().map(|b| b.id).collect();
        if anew {
            models::reset(&tx, &self.dimension.name, &ids).await?;
            tx.execute(sql_file!("transform/dimension_built.sql"), &[&self.dimension.name, &tables]).await?;
        } else {
            models::take(&tx, &self.dimension.name, &ids).await?;
        }
        let (table, name) = (&self.dimension.table, &self.dimension.name);
        match anew {
            true => drop(models::record_refresh(&tx, table, name, self.execution_id, Some(rows)).await?),
            false => models::record(&tx, table, name, self.execution_id).await?,
        }
        let wrote = summary.has_changes();
        in_doubt.commit(tx, (batches.len() as u64, summary), wrote).await
    }

    async fn batches(&self, tx: &Transaction<'_>, all: bool) -> Result<Vec<Batch>> {
        let sources: Vec<String> = self.dimension.sources.iter().map(|s| s.name.clone()).collect();
        let rows =
            tx.query(sql_file!("transform/dimension_batches.sql"), &[&self.dimension.name, &sources, &all]).await?;
        Ok(rows.iter().map(|row| Batch { id: row.get(0), entity: row.get(1), rows: row.get(2) }).collect())
    }

    /// The core and staging tables that are read.
    fn relations(&self) -> Vec<String> {
        let of = |s: &Entity| [qualified(Dimension::source_table(s)), qualified(&s.staging.table)];
        self.dimension.sources.iter().flat_map(of).collect()
    }

    fn anew_sql(&self) -> String {
        let winners = self.elect(&self.sightings(|source| qualified(Dimension::source_table(source))), None);
        self.apply(&winners, "true")
    }

    async fn increment_sql(&self, tx: &Transaction<'_>, batches: &[Batch]) -> Result<String> {
        if batches.iter().map(|b| b.rows).sum::<i64>() <= FEW_ROWS {
            tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
        }
        let fresh = self.elect(&self.sightings(|source| changed(source, batches)), None);
        let keys: Vec<String> = self.dimension.sources.iter().map(|source| changed_keys(source, batches)).collect();
        let lost_sql = self.filled(
            sql_file!("transform/dimension_lost.sql"),
            &[("fresh", &fresh), ("changed", &keys.join("\nunion all\n"))],
        );
        let lost: Vec<String> =
            tx.query(&lost_sql, &[]).await?.iter().map(|r| r.get::<_, i64>(0).to_string()).collect();
        let elected = match lost.is_empty() {
            // The sources need not be asked, and are not.
            true => "select null::bigint, null, null::timestamptz, null, null::bigint where false".to_owned(),
            false => {
                let all = self.sightings(|source| qualified(Dimension::source_table(source)));
                self.elect(&all, Some(&array(&lost)))
            }
        };
        let lost = array(&lost);
        let winners = self.filled(
            sql_file!("transform/dimension_better.sql"),
            &[("fresh", &fresh), ("elected", &elected), ("lost", &lost)],
        );
        Ok(self.apply(&winners, &format!("d.{} = any({lost})", ident(&self.dimension.key))))
    }

    /// The dimension's select over what `relation` says for each source.
    fn sightings(&self, relation: impl Fn(&Entity) -> String) -> String {
        self.dimension.sources.iter().fold(self.dimension.select.clone(), |select, source| {
            select.replace(&format!("{{{}}}", Dimension::source_table(source)), &relation(source))
        })
    }

    fn elect(&self, sightings: &str, among: Option<&str>) -> String {
        let key = ident(&self.dimension.key);
        let among = among.map_or(String::new(), |ids| format!(" and s.{key} = any({ids})"));
        self.filled(sql_file!("transform/dimension_elect.sql"), &[("sightings", sightings), ("among", &among)])
    }

    fn apply(&self, winners: &str, gone: &str) -> String {
        self.filled(sql_file!("transform/dimension_apply.sql"), &[("winners", winners), ("gone", gone)])
    }

    fn filled(&self, template: &str, values: &[(&str, &str)]) -> String {
        let (table, key) = (qualified(&self.dimension.table), ident(&self.dimension.key));
        let name = ident(&self.dimension.name_column);
        let common = [("table", table.as_str()), ("key", key.as_str()), ("name", name.as_str())];
        fill(template.trim_end(), &[&common[..], values].concat())
    }
}

/// The batches of one source as an array.
fn ids_of(source: &Entity, batches: &[Batch]) -> String {
    let ids: Vec<String> = batches.iter().filter(|b| b.entity == source.name).map(|b| b.id.to_string()).collect();
    array(&ids)
}

fn array(ids: &[String]) -> String {
    format!("'{{{}}}'::bigint[]", ids.join(","))
}

/// The rows of a source's core table whose staging row came with one of the batches.
fn changed(source: &Entity, batches: &[Batch]) -> String {
    let key: Vec<String> = source.staging_key().iter().map(|k| ident(k)).collect();
    format!(
        "(select c.* from (select {key} from {} where _batch_id = any({})) b join {} c using ({key}))",
        qualified(&source.staging.table),
        ids_of(source, batches),
        qualified(Dimension::source_table(source)),
        key = key.join(", "),
    )
}

/// Table and first key column of those rows.
fn changed_keys(source: &Entity, batches: &[Batch]) -> String {
    format!(
        "select {}::text as table_name, {} as row_key from {} where _batch_id = any({})",
        crate::sql::literal(Dimension::source_table(source)),
        ident(&source.staging.key_column),
        qualified(&source.staging.table),
        ids_of(source, batches),
    )
}
