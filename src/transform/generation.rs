//! The full refresh: a new generation beside the serving one, then one short swap.
//!
//! States: *building* (tables `…__new`, invisible to readers) → *built* (indexed, checked) → *swapped*. The swap is one
//! transaction; before it the old generation serves, after it the new one. A crash while building leaves `…__new`
//! tables, which the next refresh drops.
//!
//! All tables are filled from one exported snapshot, so parent and children agree. The watermark is set to the batches
//! of that snapshot: what was loaded meanwhile stays pending.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::catalog::{Index, Partition, Shape, indexes, partitions, shape};
use super::model::{Casts, Source, select};
use super::{Job, Summary, TableSummary};
use crate::error::{Context, Error, Kind, Result};
use crate::ledger::models;
use crate::pg::Connection;
use crate::retry::Policy;
use crate::sql::{columns, fill, ident, qualified};

/// How long the swap waits for its lock before it lets the readers behind it through and tries again.
const SWAP_LOCK_TIMEOUT: &str = "300ms";
const SWAP_RETRY: Policy = Policy {
    max_retries: 60,
    base: Duration::from_millis(300),
    max: Duration::from_secs(3),
    budget: Duration::from_secs(600),
};

/// One table of the new generation: a partition of a core table.
#[derive(Debug)]
struct Build {
    model: usize,
    old: Partition,
    /// Qualified and quoted.
    new: String,
    indexes: Vec<Index>,
}

/// How one insert of the fill reads staging.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    source: &'a Source,
    snapshot: &'a str,
    casts: Casts,
}

/// One insert of the fill.
#[derive(Debug)]
struct Fill {
    build: usize,
    source: Source,
}

impl Job {
    /// Rebuilds all core tables of the entity and swaps them in.
    ///
    /// # Errors
    /// Of the server; `CheckFailed` when the new generation has not a row for each staged document; `BadRow` for a
    /// value that does not fit when `strict`. The old generation serves on in every case.
    pub async fn full_refresh(&self) -> Result<Summary> {
        let started = Instant::now();
        let mut coordinator = self.pool.get().await?;
        self.mirror_partitions(&coordinator).await?;
        let mut shapes = Vec::new();
        for model in &self.entity.models {
            shapes.push(shape(&coordinator, model).await?);
        }
        let builds = self.create(&coordinator).await?;
        let fills = self.fills(&coordinator, &builds).await?;

        let tx = coordinator.begin().await?;
        tx.batch("set transaction isolation level repeatable read; set local idle_in_transaction_session_timeout = 0")
            .await?;
        let snapshot: String = tx.query_one("select pg_export_snapshot()", &[]).await?.get(0);
        let batches: Vec<i64> = tx
            .query("select batch_id from evo.batches where entity = $1 and state = 'committed'", &[&self.entity.name])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let mut tables = self.fill_all(&builds, &shapes, fills, &snapshot).await?;
        let staged: i64 =
            tx.query_one(&format!("select count(*) from {}", qualified(&self.entity.staging.table)), &[]).await?.get(0);
        tx.commit().await?;

        self.index_all(&builds).await?;
        if tables.first().map(|t| t.rows) != Some(staged.unsigned_abs()) {
            let rows = tables.first().map_or(0, |t| t.rows);
            return Err(Error::new(
                Kind::CheckFailed,
                format!(
                    "{}: the new generation has {rows} rows for {staged} staged documents",
                    self.entity.models[0].table
                ),
            )
            .hint("the old generation still serves; a model must give one row per document in its parent table"));
        }
        let swap = self.swap(&mut coordinator, &builds, &batches, &mut tables).await?;
        Ok(Summary {
            entity: self.entity.name.clone(),
            batches: batches.len() as u64,
            tables,
            elapsed: started.elapsed(),
            swap: Some(swap),
        })
    }

    /// Core gets the year partitions that staging has.
    async fn mirror_partitions(&self, connection: &Connection) -> Result<()> {
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

    async fn create(&self, connection: &Connection) -> Result<Vec<Build>> {
        let mut builds = Vec::new();
        for (i, model) in self.entity.models.iter().enumerate() {
            for old in partitions(connection, model).await? {
                let new = format!("\"core\".{}", ident(&format!("{}__new", old.relname)));
                connection.batch(&format!("drop table if exists {new}")).await?;
                connection
                    .batch(&format!(
                        "create table {new} (like {} including defaults including generated including constraints \
                         including storage including compression including statistics)",
                        qualified(&model.table)
                    ))
                    .await?;
                let indexes = indexes(connection, model, &old).await?;
                builds.push(Build { model: i, old, new, indexes });
            }
        }
        Ok(builds)
    }

    /// Key ranges of `chunk_rows` documents for each build; one whole range where the table is split by time already.
    async fn fills(&self, connection: &Connection, builds: &[Build]) -> Result<VecDeque<Fill>> {
        let mut bounds: Vec<i64> = Vec::new();
        if self.entity.partition.is_none() {
            let sql = fill(
                "select {key} from (select {key}, row_number() over (order by {key}) as n from {table}) x where n % $1 = 0 order by 1",
                &[("key", &ident(&self.entity.staging.key_column)), ("table", &qualified(&self.entity.staging.table))],
            );
            let step = i64::try_from(self.chunk_rows.max(1)).unwrap_or(i64::MAX);
            bounds = connection.query(&sql, &[&step]).await?.iter().map(|row| row.get(0)).collect();
        }
        let mut edges: Vec<Option<i64>> = vec![None];
        edges.extend(bounds.into_iter().map(Some));
        edges.push(None);
        let ranges = edges.windows(2).map(|pair| Source::Keys { after: pair[0], up_to: pair[1] });
        Ok(ranges
            .flat_map(|source| (0..builds.len()).map(move |build| Fill { build, source: source.clone() }))
            .collect())
    }

    async fn fill_all(
        &self,
        builds: &[Build],
        shapes: &[Shape],
        fills: VecDeque<Fill>,
        snapshot: &str,
    ) -> Result<Vec<TableSummary>> {
        let queue = Mutex::new(fills);
        let mut tables: Vec<TableSummary> = self
            .entity
            .models
            .iter()
            .map(|m| TableSummary { table: m.table.clone(), ..TableSummary::default() })
            .collect();
        let workers = (0..self.workers.max(1)).map(|_| async {
            let mut done: Vec<(usize, u64, u64)> = Vec::new();
            while let Some(next) = queue.lock().ok().and_then(|mut q| q.pop_front()) {
                if self.shutdown.is_requested() {
                    return Err(self.shutdown.error());
                }
                let build = &builds[next.build];
                let shape = &shapes[build.model];
                let fast = Reading { source: &next.source, snapshot, casts: Casts::Fast };
                let (rows, issues) = match self.fill_one(build, shape, fast).await {
                    Err(e) if e.kind() == Kind::BadRow && !self.strict => {
                        self.fill_one(build, shape, Reading { casts: Casts::Careful, ..fast }).await?
                    }
                    other => other.context(&self.entity.models[build.model].table)?,
                };
                done.push((build.model, rows, issues));
            }
            Ok(done)
        });
        for part in futures_util::future::try_join_all(workers).await? {
            for (model, rows, issues) in part {
                tables[model].rows += rows;
                tables[model].inserted += rows;
                tables[model].issues += issues;
            }
        }
        Ok(tables)
    }

    async fn fill_one(&self, build: &Build, shape: &Shape, reading: Reading<'_>) -> Result<(u64, u64)> {
        let Reading { source, snapshot, casts } = reading;
        let model = &self.entity.models[build.model];
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(&format!(
            "set transaction isolation level repeatable read; set transaction snapshot {}",
            crate::sql::literal(snapshot)
        ))
        .await?;
        let sql = format!(
            "insert into {} ({columns}) select {columns} from (\n{}\n) m where {}",
            build.new,
            select(&self.entity, model, source, casts),
            build.old.constraint,
            columns = columns(&shape.columns),
        );
        let rows = tx.execute(&sql, &[]).await?;
        tx.commit().await?;
        if casts == Casts::Fast {
            return Ok((rows, 0));
        }
        // Not in the snapshot's transaction: it could not update an issue that was filed since.
        let tx = connection.begin().await?;
        let issues = self.file_issues(&tx, model, source, &build.old.constraint).await?;
        tx.commit().await?;
        Ok((rows, issues))
    }

    /// Keys and indexes of all new tables, several at a time, then statistics.
    async fn index_all(&self, builds: &[Build]) -> Result<()> {
        let queue = Mutex::new((0..builds.len()).collect::<VecDeque<_>>());
        let workers = (0..self.workers.max(1)).map(|_| async {
            let connection = self.pool.get().await?;
            while let Some(i) = queue.lock().ok().and_then(|mut q| q.pop_front()) {
                let build = &builds[i];
                for index in &build.indexes {
                    connection.batch(&build.index_sql(index)?).await.context(&build.new)?;
                }
                // Proves the partition's bounds, so that attaching scans nothing.
                connection
                    .batch(&format!(
                        "alter table {0} add constraint evo_partition_bound check ({1}); analyze {0}",
                        build.new, build.old.constraint
                    ))
                    .await
                    .context(&build.new)?;
            }
            Ok::<(), Error>(())
        });
        futures_util::future::try_join_all(workers).await?;
        Ok(())
    }

    async fn swap(
        &self,
        connection: &mut Connection,
        builds: &[Build],
        batches: &[i64],
        tables: &mut [TableSummary],
    ) -> Result<Duration> {
        let mut pauses = SWAP_RETRY.pauses();
        loop {
            match self.try_swap(connection, builds, batches, tables).await {
                Err(e) if matches!(e.kind(), Kind::DatabaseBusy | Kind::TransactionConflict) => {
                    let Some(pause) = pauses.next() else {
                        return Err(e.context("the swap did not get its lock").hint(
                            "a long transaction reads the core tables (see pg_stat_activity); the old generation still serves",
                        ));
                    };
                    tracing::info!(
                        wait_ms = pause.as_millis() as u64,
                        "a reader is in front of the swap; trying again"
                    );
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
    }

    async fn try_swap(
        &self,
        connection: &mut Connection,
        builds: &[Build],
        batches: &[i64],
        tables: &[TableSummary],
    ) -> Result<Duration> {
        let parent = |build: &Build| qualified(&self.entity.models[build.model].table);
        let tx = connection.begin().await?;
        tx.batch(&format!("set local lock_timeout = '{SWAP_LOCK_TIMEOUT}'")).await?;
        // The parents first and in order: once these are granted, nothing below waits.
        let all: Vec<String> = self.entity.models.iter().map(|m| qualified(&m.table)).collect();
        tx.batch(&format!("lock table {} in access exclusive mode", all.join(", "))).await?;
        let locked = Instant::now();
        let mut script = String::new();
        // The default partition is listed last: detached first and attached last, it never makes another one scan it.
        for build in builds.iter().rev() {
            script += &format!(
                "alter table {} detach partition {}; drop table {};\n",
                parent(build),
                build.old.name,
                build.old.name
            );
        }
        for build in builds {
            let renamed = format!("\"core\".{}", ident(&build.old.relname));
            script += &format!("alter table {} rename to {};\n", build.new, ident(&build.old.relname));
            for index in &build.indexes {
                script += &format!(
                    "alter index \"core\".{} rename to {};\n",
                    ident(&new_index(&index.name)),
                    ident(&index.name)
                );
            }
            script += &format!("alter table {} attach partition {renamed} {};\n", parent(build), build.old.bound);
            script += &format!("alter table {renamed} drop constraint evo_partition_bound;\n");
        }
        tx.batch(&script).await?;
        models::reset(&tx, &self.entity.name, batches).await?;
        tx.execute(
            "delete from evo.issues where entity = $1 and execution_id <> $2",
            &[&self.entity.name, &self.execution_id],
        )
        .await?;
        for table in tables {
            let rows = i64::try_from(table.rows).unwrap_or(i64::MAX);
            models::record(&tx, &table.table, &self.entity.name, self.execution_id, Some(rows)).await?;
        }
        tx.commit().await?;
        Ok(locked.elapsed())
    }

    /// Statistics of the partitioned parents, which autovacuum never gathers.
    ///
    /// # Errors
    /// Of the server.
    pub async fn analyze_parents(&self) -> Result<()> {
        let connection = self.pool.get().await?;
        for model in &self.entity.models {
            connection.batch(&format!("analyze {}", qualified(&model.table))).await?;
        }
        Ok(())
    }
}

impl Build {
    /// The statement that makes the parent's index on the new table.
    fn index_sql(&self, index: &Index) -> Result<String> {
        let name = ident(&new_index(&index.name));
        if let Some(constraint) = &index.constraint {
            return Ok(format!("alter table {} add constraint {name} {constraint}", self.new));
        }
        let (head, rest) = index.definition.split_once(" USING ").ok_or_else(|| {
            Error::new(Kind::Internal, format!("index definition not understood: {}", index.definition))
        })?;
        let create = if head.starts_with("CREATE UNIQUE") { "create unique index" } else { "create index" };
        Ok(format!("{create} {name} on {} using {rest}", self.new))
    }
}

/// The name of an index while its table is built; cut so that the suffix survives PostgreSQL's 63 bytes.
fn new_index(name: &str) -> String {
    let cut: String = name.chars().take(58).collect();
    format!("{cut}__new")
}
