//! Filling the new tables, several key ranges at a time, from one snapshot.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::build::Build;
use super::index::broken_key;
use crate::error::{Kind, Result};
use crate::pg::Connection;
use crate::sql::{columns, literal, qualified};
use crate::transform::catalog::{Partition, Shape, partitions};
use crate::transform::model::{Casts, Range, Source, select};
use crate::transform::{Job, SESSION, TableSummary};

/// One insert of the fill.
#[derive(Debug)]
pub(super) struct Fill {
    build: usize,
    source: Source,
}

/// What the fill did.
#[derive(Debug)]
pub(super) struct Filled {
    pub tables: Vec<TableSummary>,
    /// Staged documents that were read for the parent table.
    pub documents: u64,
}

#[derive(Debug, Default)]
struct Part {
    build: usize,
    rows: u64,
    issues: u64,
    documents: u64,
}

impl Job {
    /// Ranges of about `chunk_rows` documents for each build.
    pub(super) async fn fills(&self, connection: &Connection, builds: &[Build]) -> Result<VecDeque<Fill>> {
        let key = &self.entity.staging.key_column;
        let Some(partition) = &self.entity.partition else {
            let table = qualified(&self.entity.staging.table);
            let ranges = self.ranges(connection, &table, key).await?;
            // Range by range, so that all tables read a document while it is in the cache.
            return Ok(ranges
                .iter()
                .flat_map(|range| (0..builds.len()).map(move |build| (build, range)))
                .map(|(build, range)| Fill { build, source: Source::keys(&self.entity, range) })
                .collect());
        };
        let staged = partitions(connection, &self.entity.staging.table).await?;
        let mut fills = VecDeque::new();
        for (build, target) in builds.iter().enumerate() {
            let tables = read_for(&target.old, &staged, builds);
            let ranges = match &tables[..] {
                [only] => self.ranges(connection, only, &partition.column).await?,
                _ => vec![Range::default()],
            };
            let source = |range| Source::part(tables.clone(), &partition.column, range);
            fills.extend(ranges.iter().map(|range| Fill { build, source: source(range) }));
        }
        Ok(fills)
    }

    pub(super) async fn fill_all(
        &self,
        builds: &[Build],
        shapes: &[Shape],
        fills: VecDeque<Fill>,
        snapshot: &str,
    ) -> Result<Filled> {
        let (queue, failed) = (Mutex::new(fills), AtomicBool::new(false));
        let parts = self
            .side_by_side(|| async {
                let mut done: Vec<Part> = Vec::new();
                while let Some(next) = queue.lock().ok().and_then(|mut q| q.pop_front()) {
                    if self.shutdown.is_requested() {
                        return Err(self.shutdown.error());
                    }
                    if failed.load(Ordering::Relaxed) {
                        break;
                    }
                    let build = &builds[next.build];
                    match self.fill_one(build, &shapes[build.model], &next.source, snapshot).await {
                        Ok(part) => done.push(Part { build: next.build, ..part }),
                        Err(error) => {
                            failed.store(true, Ordering::Relaxed);
                            return Err(error.context(&self.entity.models[build.model].table));
                        }
                    }
                }
                Ok(done)
            })
            .await?;
        let mut filled = Filled { tables: self.tables(), documents: 0 };
        for part in parts {
            let table = &mut filled.tables[builds[part.build].model];
            table.rows += part.rows;
            table.inserted += part.rows;
            table.issues += part.issues;
            filled.documents += part.documents;
        }
        Ok(filled)
    }

    async fn fill_one(&self, build: &Build, shape: &Shape, source: &Source, snapshot: &str) -> Result<Part> {
        let part = match self.insert(build, shape, (source, Casts::Fast), snapshot).await {
            Err(e) if e.kind() == Kind::BadRow && self.strict => return Err(self.name_misfit(source, e).await),
            Err(e) if e.kind() == Kind::BadRow => {
                self.insert(build, shape, (source, Casts::Careful), snapshot).await.map(|part| (part, true))
            }
            other => other.map(|part| (part, false)),
        };
        let (mut part, careful) = part?;
        if careful {
            // Not in the snapshot's transaction: it could not update an issue that was filed since.
            let mut connection = self.pool.get().await?;
            let tx = connection.begin().await?;
            tx.batch(SESSION).await?;
            let model = &self.entity.models[build.model];
            part.issues = self.file_issues(&tx, model, source, &build.old.constraint).await?;
            tx.commit().await?;
        }
        Ok(part)
    }

    async fn insert(&self, build: &Build, shape: &Shape, reading: (&Source, Casts), snapshot: &str) -> Result<Part> {
        let (source, casts) = reading;
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        let snapshot =
            format!("set transaction isolation level repeatable read; set transaction snapshot {}", literal(snapshot));
        tx.batch(&snapshot).await?;
        let sql = format!(
            "insert into {} ({columns}) select {columns} from (\n{}\n) m where {}",
            build.new,
            select(&self.entity, &self.entity.models[build.model], source, casts),
            build.old.constraint,
            columns = columns(&shape.columns),
        );
        let rows = tx.execute(&sql, &[]).await.map_err(broken_key)?;
        let mut documents = 0;
        if build.model == 0 {
            // A partition takes what it is bound to; the whole key range takes everything.
            let within = if self.entity.partition.is_some() { &build.old.constraint } else { "true" };
            let sql = format!("select count(*) from {} s where {within}", source.sql());
            documents = tx.query_one(&sql, &[]).await?.get::<_, i64>(0).unsigned_abs();
        }
        failpoint!("transform.before_fill_commit");
        tx.commit().await?;
        Ok(Part { rows, documents, ..Part::default() })
    }
}

/// The partitions of staging in which the rows of a core partition are: the one with the same bound, or all that have no
/// counterpart in core.
fn read_for(target: &Partition, staged: &[Partition], builds: &[Build]) -> Vec<String> {
    let same: Vec<String> =
        staged.iter().filter(|p| !p.is_default && p.bound == target.bound).map(|p| p.name.clone()).collect();
    if !same.is_empty() {
        return same;
    }
    let has_counterpart = |p: &&Partition| !p.is_default && builds.iter().any(|b| b.old.bound == p.bound);
    staged.iter().filter(|p| !has_counterpart(p)).map(|p| p.name.clone()).collect()
}
