//! One chunk of an increment: one transaction over all tables of the entity.

use std::collections::BTreeSet;

use super::changed::changed_table;
use super::marks::{self, MarkedRow};
use super::refused::RefusedDocument;
use super::table::{AtTable, ChunkTable};
use super::typed::TypedModels;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::ledger::{followed, models};
use crate::pg::{Connection, Transaction};
use crate::sql::{columns, fill, qualified};
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::reading::Reading;
use crate::transform::shape::Shape;
use crate::transform::staged::StagedRows;
use crate::transform::summary::{TableSummary, add_tables};
use crate::transform::transaction::begin;

/// Enough memory to sort and hash the rows of a chunk without spilling, whatever the server's default is.
/// Memoize would hash and compare whole arrays to find two documents with the same one.
const SETTINGS: &str = "set transaction isolation level repeatable read; set local work_mem = '32MB'; \
                        set local enable_memoize = off";

/// With fewer keys the planner looks each of them up, whatever it thinks of them.
const MANY_KEYS: u64 = 1_000;

/// Documents to transform in one transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub rows: &'a StagedRows,
    pub shapes: &'a [Shape],
    pub typed: &'a TypedModels,
    /// Batches whose last chunk this is.
    pub completes: &'a [BatchId],
    /// A range of keys of which everything that core holds is compared too, whether staging has it or not.
    pub core: Option<&'a Range>,
    /// Rows of the chunk that are marked, before the models read them.
    pub marks: &'a [MarkedRow],
}

/// The result of a chunk.
#[derive(Debug, Default)]
pub(super) struct ChunkResult {
    pub tables: Vec<TableSummary>,
    /// Tables with rows that may lack their parents.
    pub may_lack_parents: BTreeSet<String>,
    /// Documents that stay as they were in core. Their batch stays pending.
    pub refused: Vec<RefusedDocument>,
}

impl ChunkResult {
    /// The result of no work at all.
    pub(super) fn none(entity: &Entity) -> Self {
        Self { tables: TableSummary::of(entity), ..Self::default() }
    }

    /// Adds a part of the work.
    pub(super) fn add(&mut self, part: Self) {
        add_tables(&mut self.tables, &part.tables);
        self.may_lack_parents.extend(part.may_lack_parents);
        self.refused.extend(part.refused);
    }
}

/// Whether a single document may be the cause.
pub(super) fn is_about_a_row(error: &Error) -> bool {
    matches!(error.kind(), Kind::BadRow | Kind::Refused)
}

/// Begins a chunk's transaction and creates its temporary tables.
pub(super) async fn begin_chunk<'c, 'a>(
    job: &'a EntityJob,
    connection: &'c mut Connection,
    shapes: &'a [Shape],
) -> Result<(Transaction<'c>, Vec<ChunkTable<'a>>)> {
    let tx = begin(connection).await?;
    tx.batch(SETTINGS).await?;
    let tables = ChunkTable::all(&job.entity, shapes);
    let names = [("changed", changed_table(&job.entity)), ("key_column", job.entity.key_type().column().to_owned())];
    let names = names.each_ref().map(|(name, value)| (*name, value.as_str()));
    let changed = fill(sql_file!("transform/increment/temp_changed.sql"), &names);
    tx.batch(&tables.iter().fold(changed, |sql, table| sql + &table.temp_tables_sql())).await?;
    Ok((tx, tables))
}

/// Brings all tables of the entity up to date with the documents of a chunk. Rows are written parent first
/// and deleted children first, as foreign keys between the tables require.
pub(super) async fn write_part(
    job: &EntityJob,
    (tx, tables): (&Transaction<'_>, &[ChunkTable<'_>]),
    chunk: Chunk<'_>,
    reading: Reading,
) -> Result<ChunkResult, AtTable> {
    if !chunk.marks.is_empty() {
        marks::write(job, tx, chunk.rows, chunk.marks).await.map_err(|error| tables[0].failed(error))?;
    }
    let changed = find_changed(job, tx, chunk).await.map_err(|error| tables[0].failed(error))?;
    let (mut summaries, mut may_lack_parents) = (Vec::new(), BTreeSet::new());
    for (table, typed) in tables.iter().zip(&chunk.typed.models) {
        let compared = table.compare(tx, chunk.rows, changed, (reading, typed)).await;
        let compared = compared.map_err(|error| table.failed(error))?;
        if !compared.has_parents {
            may_lack_parents.insert(compared.summary.table.clone());
        }
        summaries.push(compared.summary);
    }
    for (table, summary) in tables.iter().zip(&mut summaries) {
        table.upsert(tx, summary).await.map_err(|error| table.failed(error))?;
    }
    for (table, summary) in tables.iter().zip(&mut summaries).rev() {
        table.delete(tx, summary).await.map_err(|error| table.failed(error))?;
    }
    if reading == Reading::Careful {
        for (table, summary) in tables.iter().zip(&mut summaries) {
            let filed = issues::file(job, tx, table.model, chunk.rows, "true").await;
            summary.issues = filed.map_err(|error| table.failed(error))?;
        }
    }
    Ok(ChunkResult { tables: summaries, may_lack_parents, refused: Vec::new() })
}

/// Records in its transaction that a chunk is done.
pub(super) async fn complete(job: &EntityJob, tx: &Transaction<'_>, chunk: Chunk<'_>) -> Result<()> {
    if !chunk.marks.is_empty() {
        followed::note_change(tx, &job.entity.name).await?;
    }
    models::take(tx, &job.entity.name, chunk.completes).await
}

/// Fills the temporary table with the keys of the chunk and forgets the issues of these documents. Returns
/// how many there are.
pub(super) async fn find_changed(job: &EntityJob, tx: &Transaction<'_>, chunk: Chunk<'_>) -> Result<u64> {
    let changed = tx.execute(&changed_sql(&job.entity, chunk), &[]).await?;
    let table = changed_table(&job.entity);
    if changed >= MANY_KEYS {
        tx.batch(&fill(sql_file!("transform/increment/analyze_keys.sql"), &[("changed", &table)])).await?;
    }
    let forget = fill(
        sql_file!("transform/increment/forget_issues.sql"),
        &[("changed", &table), ("key_part", &job.entity.key_type().part("c.key"))],
    );
    tx.execute(&forget, &[&job.entity.name]).await?;
    Ok(changed)
}

fn changed_sql(entity: &Entity, chunk: Chunk<'_>) -> String {
    let key = entity.document_key();
    let distinct = if entity.history.is_some() { "distinct " } else { "" };
    let mut keys = format!("select {distinct}{} from {} s", columns(&key), chunk.rows.sql());
    if let (Some(range), Some(parent)) = (chunk.core, entity.models.first()) {
        let mut key = key.clone();
        key[0] = &parent.parent_key;
        let core = StagedRows::of_part(&qualified(&parent.table), key[0], range);
        keys += &format!("\nunion\nselect {} from {} c", columns(&key), core.sql());
    }
    let names = &["key", "event_at"][..key.len()];
    let changed = changed_table(entity);
    let template = sql_file!("transform/increment/changed.sql");
    fill(template, &[("changed", &changed), ("names", &columns(names)), ("keys", &keys)])
}
