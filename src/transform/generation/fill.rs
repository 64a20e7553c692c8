//! Filling the new tables, several key ranges at a time, from one snapshot.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::build::Build;
use super::index::broken_key;
use crate::error::{Error, Kind, Result};
use crate::meter::Unit;
use crate::pg::{Connection, Transaction};
use crate::sql::{self, columns, ident, literal, qualified};
use crate::transform::catalog::{Own, Partition, Shape, partitions};
use crate::transform::model::{Casts, Range, Source, select};
use crate::transform::reading::AT_SESSION_ZONE;
use crate::transform::{Job, SESSION, TableSummary};

/// Memoize would hash and compare whole arrays in search of two sales with the same.
const SETTINGS: &str = "set local enable_memoize = off; set local jit = off; set local work_mem = '32MB'";

/// Nobody waits for the disk, or for a standby, as long as nobody reads the new tables: the commit behind the swap does, and
/// with it everything before it is safe. After a crash in between they are dropped in any case.
pub(super) const UNSEEN: &str = "set local synchronous_commit = off";

/// One insert of the fill.
#[derive(Debug)]
pub(super) struct Fill {
    build: usize,
    source: Source,
}

/// All inserts, by where the rows lie in the files of staging: read from front to back, in parts of the same size, at no
/// cost of an index.
#[derive(Debug, Default)]
pub(super) struct Fills {
    pub queue: VecDeque<Fill>,
    pub files: Files,
}

/// The tables read, and the number of the file of each.
#[derive(Debug, Default)]
pub(super) struct Files {
    tables: Vec<String>,
    numbers: Vec<i64>,
    /// Partitions of the staging table, in order.
    partitions: Vec<String>,
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
    /// Parts of about `chunk_rows` documents for each build.
    pub(super) async fn fills(&self, connection: &Connection, builds: &[Build]) -> Result<Fills> {
        let mut fills = Fills::default();
        if self.entity.partition.is_none() {
            let table = qualified(&self.entity.staging.table);
            let ranges = self.blocks(connection, &table, &mut fills).await?;
            // Part by part, so that all tables read a document while it is in the cache; the parent, which is done soonest, last.
            let parts = ranges.iter().flat_map(|range| (0..builds.len()).rev().map(move |build| (build, range)));
            fills.queue =
                parts.map(|(build, range)| Fill { build, source: Source::part(&table, "ctid", range) }).collect();
            return Ok(fills);
        }
        fills.files.partitions = partition_names(connection, &self.entity.staging.table).await?;
        let staged = partitions(connection, &self.entity.staging.table).await?;
        for (build, target) in builds.iter().enumerate() {
            for table in read_for(&target.old, &staged, builds) {
                let ranges = self.blocks(connection, &table, &mut fills).await?;
                let parts = ranges.iter().map(|range| Fill { build, source: Source::part(&table, "ctid", range) });
                fills.queue.extend(parts);
            }
        }
        Ok(fills)
    }

    async fn blocks(&self, connection: &Connection, table: &str, fills: &mut Fills) -> Result<Vec<Range>> {
        // The file first: should the table be rewritten in between, it is noticed.
        let sql = "select coalesce(pg_relation_filenode($1::text::regclass)::bigint, 0)";
        let file = connection.query_one(sql, &[&table]).await?.get(0);
        fills.files.tables.push(table.to_owned());
        fills.files.numbers.push(file);
        self.block_ranges(connection, table).await
    }

    /// The snapshot may have a partition, and rows in it, that was not there when the parts were cut.
    pub(super) async fn same_partitions(&self, tx: &Transaction<'_>, files: &Files) -> Result<()> {
        let rows = tx.query(PARTITIONS, &[&self.entity.staging.table]).await?;
        let now: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        match now == files.partitions {
            true => Ok(()),
            false => Err(Error::new(
                Kind::TransactionConflict,
                format!("{} got a partition while the refresh began", self.entity.staging.table),
            )),
        }
    }

    /// VACUUM FULL and the like give rows other places while the parts are read: some would be missing, others twice.
    pub(super) async fn unmoved(&self, connection: &Connection, files: &Files) -> Result<()> {
        let sql = sql_file!("transform/generation/rewritten.sql");
        match connection.query(sql, &[&files.tables, &files.numbers]).await?.first() {
            None => Ok(()),
            Some(row) => {
                let table: String = row.get(0);
                Err(Error::new(Kind::TransactionConflict, format!("{table} was rewritten while it was read")))
            }
        }
    }

    pub(super) async fn fill_all(
        &self,
        builds: &[Build],
        shapes: &[Shape],
        queue: VecDeque<Fill>,
        snapshot: &str,
    ) -> Result<Filled> {
        let phase = self.phase("filling", queue.len(), Unit::Things("parts"));
        let (queue, failed) = (Mutex::new(queue), AtomicBool::new(false));
        let sql = "select current_setting('server_version_num')::int >= 160000";
        let plain = self.pool.get().await?.query_one(sql, &[]).await?.get(0);
        // By model: the first chunk with something that is no number, or a key twice, ends the typed reading for all.
        let typed: Vec<AtomicBool> = self.entity.models.iter().map(|_| AtomicBool::new(true)).collect();
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
                    let fill = (&next.source, &typed[build.model], Casts::Typed { plain });
                    match self.fill_one(build, &shapes[build.model], fill, snapshot).await {
                        Ok(part) => {
                            done.push(Part { build: next.build, ..part });
                            phase.add(1);
                        }
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

    async fn fill_one(
        &self,
        build: &Build,
        shape: &Shape,
        fill: (&Source, &AtomicBool, Casts),
        snapshot: &str,
    ) -> Result<Part> {
        let (source, is_typed, typed) = fill;
        if is_typed.load(Ordering::Relaxed) {
            match self.insert(build, shape, (source, typed), snapshot).await {
                Ok(Some(part)) => return Ok(part),
                Ok(None) => is_typed.store(false, Ordering::Relaxed),
                // Whatever it stumbles over, the model as it was written has the last word.
                Err(e) if matches!(e.kind(), Kind::BadRow | Kind::Refused | Kind::StatementInvalid) => {
                    is_typed.store(false, Ordering::Relaxed);
                }
                Err(e) => return Err(e),
            }
        }
        match self.insert(build, shape, (source, Casts::Fast), snapshot).await {
            Err(e) if e.kind() == Kind::BadRow && self.strict => Err(self.name_misfit(source, e).await),
            Err(e) if e.kind() == Kind::BadRow => {
                self.insert_carefully(build, shape, source, snapshot).await.map_err(too_narrow)
            }
            other => other.map(Option::unwrap_or_default),
        }
    }

    async fn insert_carefully(&self, build: &Build, shape: &Shape, source: &Source, snapshot: &str) -> Result<Part> {
        let mut part = self.insert(build, shape, (source, Casts::Careful), snapshot).await?.unwrap_or_default();
        // Not in the snapshot's transaction: it could not update an issue that was filed since.
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        let model = &self.entity.models[build.model];
        part.issues = self.file_issues(&tx, model, source, &build.old.top_constraint).await?;
        tx.commit().await?;
        Ok(part)
    }

    /// Inserts a range. `None`, and nothing inserted, if the typed reading gave a key twice.
    async fn insert(
        &self,
        build: &Build,
        shape: &Shape,
        reading: (&Source, Casts),
        snapshot: &str,
    ) -> Result<Option<Part>> {
        let (source, casts) = reading;
        let model = &self.entity.models[build.model];
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        tx.batch(SETTINGS).await?;
        tx.batch(UNSEEN).await?;
        let select = select(&self.entity, model, source, casts);
        if select.contains(AT_SESSION_ZONE) {
            tx.batch(&format!("set local timezone = {}", literal(&self.entity.zone))).await?;
        }
        let snapshot =
            format!("set transaction isolation level repeatable read; set transaction snapshot {}", literal(snapshot));
        tx.batch(&snapshot).await.map_err(snapshot_gone)?;
        let insert = format!(
            "insert into {} ({columns}{own}) select {columns}{values} from (\n{}\n) m where {}",
            build.new,
            select,
            build.old.constraint,
            columns = columns(&shape.columns),
            own = own_identities(shape, |own, _| ident(&own.name)),
            values = own_identities(shape, |_, sequence| format!("nextval({})", literal(sequence))),
        );
        let rows = if matches!(casts, Casts::Typed { .. }) && model.select.children().is_some() {
            let values = [("insert", &insert[..]), ("key", &columns(&model.key))];
            let sql = sql::fill(sql_file!("transform/generation/insert_checked.sql"), &values);
            let counts = tx.query_one(&sql, &[]).await.map_err(broken_key)?;
            let (rows, keys): (i64, i64) = (counts.get(0), counts.get(1));
            if keys < rows {
                return Ok(None);
            }
            rows.unsigned_abs()
        } else {
            tx.execute(&insert, &[]).await.map_err(broken_key)?
        };
        let mut documents = 0;
        if build.model == 0 && build.is_first {
            // A partition takes what it is bound to; the whole takes everything.
            let within = if self.entity.partition.is_some() { &build.old.top_constraint } else { "true" };
            let sql = format!("select count(*) from {} s where {within}", source.sql());
            documents = tx.query_one(&sql, &[]).await?.get::<_, i64>(0).unsigned_abs();
        }
        failpoint!("transform.before_fill_commit");
        tx.commit().await?;
        Ok(Some(Part { rows, documents, ..Part::default() }))
    }
}

/// Something of each identity column of somebody's own: a table that is no partition yet has no identity.
fn own_identities(shape: &Shape, text: impl Fn(&Own, &str) -> String) -> String {
    let texts = shape.own.iter().filter_map(|own| Some(text(own, own.sequence.as_deref()?)));
    texts.map(|text| format!(", {text}")).collect()
}

const PARTITIONS: &str =
    "select inhrelid::bigint::text from pg_inherits where inhparent = $1::text::regclass order by inhrelid";

async fn partition_names(connection: &Connection, table: &str) -> Result<Vec<String>> {
    Ok(connection.query(PARTITIONS, &[&table]).await?.iter().map(|row| row.get(0)).collect())
}

/// The partitions of staging in which the rows of a core partition are: the one with the same bound, or all that have no
/// counterpart in core.
fn read_for(target: &Partition, staged: &[Partition], builds: &[Build]) -> Vec<String> {
    let same: Vec<String> =
        staged.iter().filter(|p| !p.is_default && p.top_bound == target.top_bound).map(|p| p.name.clone()).collect();
    if !same.is_empty() {
        return same;
    }
    let has_counterpart = |p: &&Partition| !p.is_default && builds.iter().any(|b| b.old.top_bound == p.top_bound);
    staged.iter().filter(|p| !has_counterpart(p)).map(|p| p.name.clone()).collect()
}

/// A snapshot ends with the connection that exported it. The server says "invalid value" (22023) to whoever asks for it then:
/// nothing is wrong with a row, the generation is begun again.
fn snapshot_gone(error: Error) -> Error {
    match error.sqlstate() {
        Some("22023") => {
            Error::new(Kind::TransactionConflict, "the snapshot of this generation is gone with its connection")
                .with_sqlstate("22023")
                .caused_by(error)
        }
        _ => error,
    }
}

/// What no cast nulls does not fit the column that somebody made of the model's.
fn too_narrow(error: Error) -> Error {
    match (error.kind(), error.hint_text()) {
        (Kind::BadRow, None) => error.hint(
            "the old generation still serves; a column is narrower than what its model gives: compare its type with the migration",
        ),
        _ => error,
    }
}
