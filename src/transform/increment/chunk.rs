//! One chunk of an increment: one transaction over all tables of the entity.

use crate::entity::{Entity, Model};
use crate::error::{Context, Kind, Result};
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
    pub completes: &'a [i64],
    /// Also look at what core holds in this range of keys, whether staging has it or not.
    pub core: Option<&'a Range>,
}

impl Job {
    /// Takes one chunk in: fast, and again with careful casts if a value does not fit.
    pub(super) async fn take_in(
        &self,
        chunk: Chunk<'_>,
        in_doubt: &InDoubt<Vec<TableSummary>>,
    ) -> Result<Vec<TableSummary>> {
        match self.transaction(chunk, Casts::Fast, in_doubt).await {
            Err(e) if e.kind() == Kind::BadRow && self.strict => Err(self.name_misfit(chunk.source, e).await),
            Err(e) if e.kind() == Kind::BadRow => self.transaction(chunk, Casts::Careful, in_doubt).await,
            other => other,
        }
    }

    /// One snapshot for all statements: a load that commits in between moves rows to a batch that is not in this chunk,
    /// and without it the parent would be of one version of a document and its children of another, or missing.
    async fn transaction(
        &self,
        chunk: Chunk<'_>,
        casts: Casts,
        in_doubt: &InDoubt<Vec<TableSummary>>,
    ) -> Result<Vec<TableSummary>> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        tx.batch(SETTINGS).await?;
        let mut temp_tables = String::from(
            "create temp table if not exists evo_changed (key bigint, event_at timestamptz) on commit delete rows;\n",
        );
        let tables: Vec<Table<'_>> = (self.entity.models.iter().zip(chunk.shapes))
            .enumerate()
            .map(|(i, (model, shape))| Table { entity: &self.entity, model, shape, is_parent: i == 0 })
            .collect();
        for table in &tables {
            temp_tables += &table.sql(sql_file!("transform/increment/temp_tables.sql"));
        }
        tx.batch(&temp_tables).await?;
        let changed = tx.execute(&changed_sql(&self.entity, chunk), &[]).await?;
        tx.execute(sql_file!("transform/increment/forget_issues.sql"), &[&self.entity.name]).await?;
        let mut summaries = Vec::new();
        for table in &tables {
            let mut summary = table.merge(&tx, (chunk.source, changed), casts).await.context(&table.model.table)?;
            if casts == Casts::Careful {
                summary.issues = self.file_issues(&tx, table.model, chunk.source, "true").await?;
            }
            summaries.push(summary);
        }
        models::take(&tx, &self.entity.name, chunk.completes).await?;
        failpoint!("transform.before_chunk_commit");
        let wrote = summaries.iter().any(TableSummary::has_changes);
        let done = in_doubt.commit(tx, summaries, wrote).await?;
        failpoint!("transform.after_chunk_commit");
        Ok(done)
    }
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
struct Table<'a> {
    entity: &'a Entity,
    model: &'a Model,
    shape: &'a Shape,
    is_parent: bool,
}

impl Table<'_> {
    async fn merge(&self, tx: &Transaction<'_>, changed: (&Source, u64), casts: Casts) -> Result<TableSummary> {
        let (source, count) = changed;
        let model = select(self.entity, self.model, source, casts);
        tx.execute(&fill(&self.sql(sql_file!("transform/increment/fresh.sql")), &[("model", &model)]), &[]).await?;
        let old = self.sql(sql_file!("transform/increment/old.sql"));
        tx.execute(&fill(&old, &[("changed_count", &count.to_string())]), &[]).await?;
        let row = tx.query_one(&self.sql(sql_file!("transform/increment/differing.sql")), &[]).await?;
        let [rows, inserted, updated, deleted] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i).unsigned_abs());
        if inserted + updated > 0 {
            tx.execute(&self.sql(sql_file!("transform/increment/upsert.sql")), &[]).await?;
        }
        if deleted > 0 {
            tx.execute(&self.sql(sql_file!("transform/increment/delete.sql")), &[]).await?;
        }
        Ok(TableSummary { table: self.model.table.clone(), rows, inserted, updated, deleted, issues: 0 })
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

    fn sql(&self, template: &str) -> String {
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
                ("fresh_values", &of("f", &values)),
                ("old_values", &of("t", &values)),
                ("assignments", &assignments.join(", ")),
            ],
        )
    }
}
