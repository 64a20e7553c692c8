//! Which staged rows an increment has to transform, cut into chunks.

use crate::entity::Entity;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::models::{self, PendingBatch};
use crate::pg::{Ask, Connection, Row};
use crate::sql::{fill, ident, qualified};
use crate::transform::job::EntityJob;
use crate::transform::partitions::key_ranges;
use crate::transform::range::Range;
use crate::transform::staged::StagedRows;

/// With fewer changed documents than this an increment is always cheap enough.
const MANY: u64 = 100_000;

/// The pending batches, and the chunks in which their rows are transformed.
#[derive(Debug, Default)]
pub(in crate::transform) struct IncrementPlan {
    /// Batches that own no row any more: they enter the watermark without any work.
    pub empty: Vec<BatchId>,
    /// Batches that own rows, in groups that enter the watermark together.
    pub groups: Vec<BatchGroup>,
    /// Staged rows that the pending batches own.
    pub changed: u64,
    /// Documents in staging when the ledger was read.
    pub staged: u64,
    /// The chunks are ranges of all keys, in staging and in core, rather than pieces of batches.
    pub is_whole: bool,
}

/// Batches that enter the watermark together, once each of their chunks is committed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transform) struct BatchGroup {
    pub ids: Vec<BatchId>,
    /// One, or pieces of what is too large for one transaction.
    pub chunks: Vec<Range>,
}

impl BatchGroup {
    /// The staged rows of a chunk, given by its index.
    pub(super) fn rows(&self, entity: &Entity, chunk: usize) -> StagedRows {
        StagedRows::of_batches(entity, &self.ids, &self.chunks[chunk])
    }
}

impl IncrementPlan {
    /// Whether a new generation costs less than changing this much in place: when at least half of many
    /// documents are new or changed. Every changed row costs an update of each index and leaves a dead row
    /// behind.
    pub(in crate::transform) fn prefers_refresh(&self) -> bool {
        prefers_refresh(self.changed, self.staged)
    }

    /// The batches that own rows.
    pub(in crate::transform) fn ids(&self) -> Vec<BatchId> {
        self.groups.iter().flat_map(|group| group.ids.iter().copied()).collect()
    }

    /// How many batches are pending.
    pub(in crate::transform) fn batches(&self) -> u64 {
        (self.empty.len() + self.groups.iter().map(|group| group.ids.len()).sum::<usize>()) as u64
    }

    /// How many transactions it takes.
    pub(in crate::transform) fn chunks(&self) -> usize {
        self.groups.iter().map(|group| group.chunks.len()).sum()
    }
}

fn prefers_refresh(changed: u64, staged: u64) -> bool {
    changed >= MANY && changed * 2 >= staged
}

/// Reads the ledger and counts what each pending batch still owns.
pub(in crate::transform) async fn plan(
    connection: &Connection,
    job: &EntityJob,
    chunk_rows: u64,
) -> Result<IncrementPlan> {
    read(connection, job, chunk_rows, false).await
}

/// The same for somebody who makes a new generation where the plan prefers that. Batches are then not cut
/// into chunks: finding the keys to cut at sorts all of theirs.
pub(in crate::transform) async fn plan_unless_refreshed(
    connection: &Connection,
    job: &EntityJob,
    chunk_rows: u64,
) -> Result<IncrementPlan> {
    read(connection, job, chunk_rows, true).await
}

async fn read(
    connection: &Connection,
    job: &EntityJob,
    chunk_rows: u64,
    is_refreshed_instead: bool,
) -> Result<IncrementPlan> {
    let entity = &job.entity;
    let ids: Vec<BatchId> = models::pending(connection, &entity.name).await?;
    let staged = models::staged(connection, &entity.name).await?;
    job.layout.wait_for_rows(connection).await?;
    if ids.is_empty() {
        return Ok(IncrementPlan { staged, ..IncrementPlan::default() });
    }
    let counted = owned(connection, entity, &ids).await?;
    let together = match entity.history {
        // Versions of one document come with several batches, and no two chunks may share a document.
        Some(_) if !counted.is_empty() => vec![counted.iter().map(|batch| batch.batch_id).collect()],
        _ => grouped(&counted, chunk_rows),
    };
    let changed = counted.iter().map(|batch| batch.rows).sum();
    let has_chunks = !(is_refreshed_instead && prefers_refresh(changed, staged));
    let mut groups = Vec::new();
    for ids in together {
        let size: u64 = counted.iter().filter(|b| ids.contains(&b.batch_id)).map(|b| b.rows).sum();
        let is_cut = size > chunk_rows && (ids.len() == 1 || entity.history.is_some());
        let bounds = match is_cut && has_chunks {
            true => bounds(connection, entity, &ids, piece(size, chunk_rows)).await?,
            false => Vec::new(),
        };
        groups.push(BatchGroup { ids, chunks: Range::between(&bounds) });
    }
    Ok(IncrementPlan {
        empty: ids.into_iter().filter(|id| counted.iter().all(|b| b.batch_id != *id)).collect(),
        groups,
        changed,
        staged,
        is_whole: false,
    })
}

/// How many rows of staging these batches own; those that own none are left out.
pub(in crate::transform) async fn owned(on: &impl Ask, entity: &Entity, ids: &[BatchId]) -> Result<Vec<PendingBatch>> {
    let table = qualified(&entity.staging.table);
    let sql = fill(sql_file!("transform/increment/pending.sql"), &[("table", &table)]);
    let rows = on.query(&sql, &[&ids.to_vec()]).await?;
    let owned = |row: &Row| PendingBatch { batch_id: row.get(0), rows: row.get::<_, i64>(1).unsigned_abs() };
    Ok(rows.iter().map(owned).collect())
}

/// Rows of a piece when a batch is cut: equal pieces rather than full ones and a rest.
fn piece(rows: u64, chunk_rows: u64) -> i64 {
    i64::try_from(rows.div_ceil(rows.div_ceil(chunk_rows))).unwrap_or(i64::MAX)
}

/// The keys at which batches are cut into pieces of this many rows.
async fn bounds(connection: &Connection, entity: &Entity, ids: &Vec<BatchId>, piece: i64) -> Result<Vec<String>> {
    let sql = fill(
        sql_file!("transform/increment/bounds.sql"),
        &[("key", &ident(&entity.staging.key_column)), ("table", &qualified(&entity.staging.table))],
    );
    let rows = connection.query(&sql, &[ids, &piece]).await?;
    let mut bounds: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    bounds.dedup();
    Ok(bounds)
}

/// All of staging and core in ranges of keys: for a comparison of everything.
pub(in crate::transform) async fn whole(job: &EntityJob, connection: &Connection) -> Result<IncrementPlan> {
    if !job.keys.is_empty() {
        return Ok(chosen(job));
    }
    let ids = models::pending(connection, &job.entity.name).await?;
    job.layout.wait_for_rows(connection).await?;
    let staging = &job.entity.staging;
    let table = qualified(&staging.table);
    let chunks = key_ranges(connection, &table, &staging.key_column, job.chunk_rows).await?;
    let staged = models::staged(connection, &job.entity.name).await?;
    let groups = vec![BatchGroup { ids, chunks }];
    Ok(IncrementPlan { groups, changed: staged, staged, is_whole: true, empty: Vec::new() })
}

/// The documents with the keys of the job, in staging and in core. Their batches stay as pending as they are.
fn chosen(job: &EntityJob) -> IncrementPlan {
    let mut keys = job.keys.clone();
    keys.sort();
    keys.dedup();
    let chunks = Range::of_lists(&keys, usize::try_from(job.chunk_rows).unwrap_or(usize::MAX));
    let changed = keys.len() as u64;
    let groups = vec![BatchGroup { ids: Vec::new(), chunks }];
    IncrementPlan { groups, changed, staged: changed, is_whole: true, empty: Vec::new() }
}

/// Consecutive batches in groups of about `rows` rows.
fn grouped(pending: &[PendingBatch], rows: u64) -> Vec<Vec<BatchId>> {
    let mut groups: Vec<Vec<BatchId>> = Vec::new();
    let mut room = 0;
    for batch in pending {
        match groups.last_mut() {
            Some(group) if batch.rows <= room => {
                group.push(batch.batch_id);
                room -= batch.rows;
            }
            _ => {
                groups.push(vec![batch.batch_id]);
                room = rows.saturating_sub(batch.rows);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_generation_is_preferred_when_most_of_many_documents_changed() {
        let plan = |changed, staged| IncrementPlan { changed, staged, ..IncrementPlan::default() };
        assert!(plan(100_000, 100_000).prefers_refresh() && plan(150_000, 300_000).prefers_refresh());
        assert!(!plan(99_999, 99_999).prefers_refresh() && !plan(150_000, 300_001).prefers_refresh());
    }

    #[test]
    fn small_batches_share_a_chunk_up_to_its_size() {
        let pending: Vec<PendingBatch> = [(1, 10), (3, 90), (4, 1), (5, 500), (6, 5)]
            .map(|(id, rows)| PendingBatch { batch_id: BatchId(id), rows })
            .into();
        let ids = [vec![1, 3], vec![4], vec![5], vec![6]];
        assert_eq!(grouped(&pending, 100), ids.map(|ids| ids.into_iter().map(BatchId).collect::<Vec<_>>()));
        assert!(grouped(&[], 100).is_empty());
    }
}
