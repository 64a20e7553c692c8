//! One chunk of an increment: one transaction over all tables of the entity.

use super::one_by_one::Refused;
use crate::entity::{Entity, Model};

use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::ledger::models;
use crate::pg::Transaction;
use crate::sql::{columns, fill, ident, qualified};
use crate::transform::catalog::Shape;
use crate::transform::model::{Casts, Range, Source, select};
use crate::transform::{InDoubt, Job, SESSION, TableSummary};

/// Rows of a chunk that sort and hash without spilling, whatever the server's default is.
const SETTINGS: &str = "set transaction isolation level repeatable read; set local work_mem = '32MB'";

/// A chunk to take in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub source: &'a Source,
    pub shapes: &'a [Shape],
    /// Batches that are in with this chunk.
    pub completes: &'a [BatchId],
    /// Also look at what core holds in this range of keys, whether staging has it or not.
    pub core: Option<&'a Range>,
}

/// What became of a chunk.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub tables: Vec<TableSummary>,
    /// Documents that stay as they were in core. Their batch stays pending.
    pub refused: Vec<Refused>,
}

/// An error at one of the entity's tables.
pub(super) struct AtTable {
    pub table: String,
    pub error: Error,
}

impl Job {
    /// Takes one chunk in: fast; again with careful casts if a value does not fit; and document by document if the
    /// warehouse refuses a row.
    pub(super) async fn take_in(&self, chunk: Chunk<'_>, in_doubt: &InDoubt<Taken>) -> Result<Taken> {
        let mut error = match self.transaction(chunk, Casts::Fast, in_doubt).await {
            Err(e) if is_of_a_row(&e) => e,
            other => return other,
        };
        if error.kind() == Kind::BadRow {
            if self.strict {
                return Err(self.name_misfit(chunk.source, error).await);
            }
            error = match self.transaction(chunk, Casts::Careful, in_doubt).await {
                Err(e) if is_of_a_row(&e) => e,
                other => return other,
            };
        }
        tracing::info!(reason = error.message(), "looking for the documents that are refused");
        self.one_by_one(chunk, in_doubt).await
    }

    /// One snapshot for all statements: a load that commits in between moves rows to a batch that is not in this chunk,
    /// and without it the parent would be of one version of a document and its children of another, or missing.
    async fn transaction(&self, chunk: Chunk<'_>, casts: Casts, in_doubt: &InDoubt<Taken>) -> Result<Taken> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        let tables = self.begin(&tx, chunk.shapes).await?;
        let summaries = self.part(&tx, &tables, chunk, casts).await.map_err(|at| at.error)?;
        models::take(&tx, &self.entity.name, chunk.completes).await?;
        failpoint!("transform.before_chunk_commit");
        let wrote = summaries.iter().any(TableSummary::has_changes);
        let done = in_doubt.commit(tx, Taken { tables: summaries, refused: Vec::new() }, wrote).await?;
        failpoint!("transform.after_chunk_commit");
        Ok(done)
    }

    /// Settings and temporary tables of a chunk's transaction.
    pub(super) async fn begin<'a>(&'a self, tx: &Transaction<'_>, shapes: &'a [Shape]) -> Result<Vec<Table<'a>>> {
        tx.batch(SESSION).await?;
        tx.batch(SETTINGS).await?;
        let mut temp_tables = String::from(
            "create temp table if not exists evo_changed (key bigint, event_at timestamptz) on commit delete rows;\n",
        );
        let tables: Vec<Table<'_>> = (self.entity.models.iter().zip(shapes))
            .enumerate()
            .map(|(i, (model, shape))| Table { entity: &self.entity, model, shape, is_parent: i == 0 })
            .collect();
        for table in &tables {
            temp_tables += &table.sql(sql_file!("transform/increment/temp_tables.sql"));
        }
        tx.batch(&temp_tables).await?;
        Ok(tables)
    }

    /// Brings all tables of the entity up to date with the documents of a source. Rows come in parents first and go
    /// children first, as foreign keys between them would have it.
    pub(super) async fn part(
        &self,
        tx: &Transaction<'_>,
        tables: &[Table<'_>],
        chunk: Chunk<'_>,
        casts: Casts,
    ) -> Result<Vec<TableSummary>, AtTable> {
        let changed = self.find_changed(tx, chunk).await.map_err(|error| tables[0].failed(error))?;
        let mut summaries = Vec::new();
        for table in tables {
            let compared = table.compare(tx, (chunk.source, changed), casts).await;
            summaries.push(compared.map_err(|error| table.failed(error))?);
        }
        for (table, summary) in tables.iter().zip(&mut summaries) {
            table.upsert(tx, summary).await.map_err(|error| table.failed(error))?;
        }
        for (table, summary) in tables.iter().zip(&mut summaries).rev() {
            table.delete(tx, summary).await.map_err(|error| table.failed(error))?;
        }
        if casts == Casts::Careful {
            for (table, summary) in tables.iter().zip(&mut summaries) {
                let filed = self.file_issues(tx, table.model, chunk.source, "true").await;
                summary.issues = filed.map_err(|error| table.failed(error))?;
            }
        }
        Ok(summaries)
    }

    /// Fills evo_changed, and forgets the issues of what is in it; returns how many documents.
    pub(super) async fn find_changed(&self, tx: &Transaction<'_>, chunk: Chunk<'_>) -> Result<u64> {
        let changed = tx.execute(&changed_sql(&self.entity, chunk), &[]).await?;
        tx.execute(sql_file!("transform/increment/forget_issues.sql"), &[&self.entity.name]).await?;
        Ok(changed)
    }
}

/// Whether one document may be to blame for it.
pub(super) fn is_of_a_row(error: &Error) -> bool {
    matches!(error.kind(), Kind::BadRow | Kind::Refused)
}

fn changed_sql(entity: &Entity, chunk: Chunk<'_>) -> String {
    let key = entity.staging_key();
    let mut keys = format!("select {} from {} s", columns(&key), chunk.source.sql());
    if let (Some(range), Some(parent)) = (chunk.core, entity.models.first()) {
        let mut key = key.clone();
        key[0] = &parent.parent_key;
        let core = Source::part(&qualified(&parent.table), key[0], range);
        keys += &format!("\nunion\nselect {} from {} c", columns(&key), core.sql());
    }
    let names = &["key", "event_at"][..key.len()];
    fill(sql_file!("transform/increment/changed.sql"), &[("names", &columns(names)), ("keys", &keys)])
}

/// One core table in one chunk.
pub(super) struct Table<'a> {
    entity: &'a Entity,
    model: &'a Model,
    shape: &'a Shape,
    is_parent: bool,
}

impl Table<'_> {
    fn failed(&self, error: Error) -> AtTable {
        let table = self.model.table.clone();
        AtTable { error: error.context(&table), table }
    }

    /// What the documents say against what core holds: in the temporary table {diff}, and counted.
    async fn compare(&self, tx: &Transaction<'_>, changed: (&Source, u64), casts: Casts) -> Result<TableSummary> {
        let (source, count) = changed;
        let model = select(self.entity, self.model, source, casts);
        tx.execute(&fill(&self.sql(sql_file!("transform/increment/fresh.sql")), &[("model", &model)]), &[]).await?;
        let old = self.sql(sql_file!("transform/increment/old.sql"));
        tx.execute(&fill(&old, &[("changed_count", &count.to_string())]), &[]).await?;
        let row = tx.query_one(&self.sql(sql_file!("transform/increment/differing.sql")), &[]).await?;
        let [rows, inserted, updated, deleted] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i).unsigned_abs());
        Ok(TableSummary { table: self.model.table.clone(), rows, inserted, updated, deleted, issues: 0 })
    }

    /// Writes what is new or changed. A trigger may leave rows out: what is counted is what was written.
    async fn upsert(&self, tx: &Transaction<'_>, summary: &mut TableSummary) -> Result<()> {
        let wanted = summary.inserted + summary.updated;
        if wanted == 0 {
            return Ok(());
        }
        let written = tx.execute(&self.sql(sql_file!("transform/increment/upsert.sql")), &[]).await?;
        if written < wanted {
            tracing::warn!(table = summary.table, rows = wanted - written, "a trigger left rows out that evo wrote");
            let row = tx.query_one(&self.sql(sql_file!("transform/increment/inserted.sql")), &[]).await?;
            summary.inserted = row.get::<_, i64>(0).unsigned_abs().min(written);
            summary.updated = written - summary.inserted;
        }
        Ok(())
    }

    async fn delete(&self, tx: &Transaction<'_>, summary: &mut TableSummary) -> Result<()> {
        if summary.deleted > 0 {
            let deleted = tx.execute(&self.sql(sql_file!("transform/increment/delete.sql")), &[]).await?;
            if deleted < summary.deleted {
                let rows = summary.deleted - deleted;
                tracing::warn!(table = summary.table, rows, "a trigger kept rows that evo deleted");
            }
            summary.deleted = deleted;
        }
        Ok(())
    }

    /// Empties the temporary tables for the next part of the same transaction.
    pub(super) fn clear_sql(&self) -> String {
        self.sql("delete from {fresh};\ndelete from {old};\ndelete from {diff};\n")
    }

    /// How core's rows are found for the changed keys: the parent by the whole staging key, because an entry's id alone
    /// may be that of two; children by their parent's.
    fn changed_match(&self) -> String {
        let mut conditions = vec![format!("t.{} = c.key", ident(&self.model.parent_key))];
        if let (true, Some(partition)) = (self.is_parent, &self.entity.partition) {
            conditions.push(format!("t.{} = c.event_at", ident(&partition.column)));
        }
        conditions.join(" and ")
    }

    pub(super) fn sql(&self, template: &str) -> String {
        let of = |alias: &str, names: &[String]| {
            names.iter().map(|c| format!("{alias}.{}", ident(c))).collect::<Vec<_>>().join(", ")
        };
        let key = &self.model.key;
        let values: Vec<String> = self.shape.columns.iter().filter(|c| !key.contains(c)).cloned().collect();
        let picked: Vec<String> = (self.shape.columns.iter())
            .map(|c| if key.contains(c) { ident(c) } else { format!("f.{}", ident(c)) })
            .collect();
        let mut assignments: Vec<String> = values.iter().map(|c| format!("{0} = excluded.{0}", ident(c))).collect();
        if self.shape.has_updated_at {
            assignments.push("_updated_at = now()".to_owned());
        }
        // Of a table whose columns are all in its key, no row ever differs from the one with its key.
        let differs = match values.is_empty() {
            true => "false".to_owned(),
            false => format!("row({}) is distinct from row({})", of("f", &values), of("t", &values)),
        };
        let on_conflict = match assignments.is_empty() {
            true => "nothing".to_owned(),
            false => format!("update set {}", assignments.join(", ")),
        };
        let temp = |kind: &str| format!("evo_{kind}_{}", self.shape.fingerprint);
        fill(
            template,
            &[
                ("fresh", &temp("fresh")),
                ("old", &temp("old")),
                ("diff", &temp("diff")),
                ("table", &qualified(&self.model.table)),
                ("columns", &columns(&self.shape.columns)),
                ("table_columns", &of("t", &self.shape.columns)),
                ("changed_match", &self.changed_match()),
                ("key", &columns(key)),
                ("table_key", &of("t", key)),
                ("first_key", &ident(&key[0])),
                ("picked", &picked.join(", ")),
                ("differs", &differs),
                ("on_conflict", &on_conflict),
            ],
        )
    }
}
