//! Which staged rows an increment has to look at, cut into chunks.

use crate::entity::Entity;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::models::{self, PendingBatch};
use crate::pg::Connection;
use crate::sql::{fill, ident, qualified};
use crate::transform::Job;
use crate::transform::model::{Range, Source};

/// The pending batches and how their rows are worked off.
#[derive(Debug, Default)]
pub(in crate::transform) struct Plan {
    /// Batches that own no row any more: taken in without looking.
    pub empty: Vec<BatchId>,
    /// What is taken in together.
    pub units: Vec<Unit>,
    /// Staged rows that the pending batches own.
    pub changed: u64,
    /// Documents that staging held when the ledger was read.
    pub staged: u64,
    /// Whether the chunks are ranges of all keys, in staging and in core, rather than pieces of batches.
    pub whole: bool,
}

/// Batches that enter the watermark together, once every chunk of them is committed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transform) struct Unit {
    pub ids: Vec<BatchId>,
    /// One, or the pieces of a batch too large for one transaction.
    pub chunks: Vec<Range>,
}

impl Unit {
    pub(in crate::transform) fn source(&self, entity: &Entity, chunk: usize) -> Source {
        Source::batches(entity, &self.ids, &self.chunks[chunk])
    }

    /// How many transactions it takes.
    pub(in crate::transform) fn size(&self) -> usize {
        self.chunks.len()
    }
}

/// From so many changed documents on a new generation may be the cheaper way.
const MANY: u64 = 100_000;

impl Plan {
    /// Whether a new generation costs less than changing this much in place: when at least half of many documents are
    /// new or changed. Every changed row costs an update of each index and leaves a dead one behind.
    pub(in crate::transform) fn prefers_refresh(&self) -> bool {
        self.changed >= MANY && self.changed * 2 >= self.staged
    }

    /// The batches that own rows.
    pub(in crate::transform) fn ids(&self) -> Vec<BatchId> {
        self.units.iter().flat_map(|unit| unit.ids.iter().copied()).collect()
    }

    /// How many batches are pending.
    pub(in crate::transform) fn batches(&self) -> u64 {
        (self.empty.len() + self.units.iter().map(|u| u.ids.len()).sum::<usize>()) as u64
    }
}

/// Reads the ledger and counts what each pending batch still owns.
pub(in crate::transform) async fn plan(connection: &Connection, entity: &Entity, chunk_rows: u64) -> Result<Plan> {
    let table = qualified(&entity.staging.table);
    let ids: Vec<BatchId> = models::pending(connection, &entity.name).await?;
    let staged = models::staged(connection, &entity.name).await?;
    if ids.is_empty() {
        return Ok(Plan { staged, ..Plan::default() });
    }
    let counted = connection
        .query(&fill(sql_file!("transform/increment/pending.sql"), &[("table", &table)]), &[&ids])
        .await?
        .iter()
        .map(|row| PendingBatch { batch_id: row.get(0), rows: row.get::<_, i64>(1).unsigned_abs() })
        .collect::<Vec<_>>();
    let mut plan = Plan {
        empty: ids.into_iter().filter(|id| counted.iter().all(|b| b.batch_id != *id)).collect(),
        changed: counted.iter().map(|b| b.rows).sum(),
        staged,
        ..Plan::default()
    };
    for ids in group(&counted, chunk_rows) {
        let size: u64 = counted.iter().filter(|b| ids.contains(&b.batch_id)).map(|b| b.rows).sum();
        let mut bounds: Vec<String> = Vec::new();
        if let ([id], true) = (&ids[..], size > chunk_rows) {
            // Equal pieces rather than full ones and a rest.
            let step = i64::try_from(size.div_ceil(size.div_ceil(chunk_rows))).unwrap_or(i64::MAX);
            let sql = fill(
                sql_file!("transform/increment/bounds.sql"),
                &[("key", &ident(&entity.staging.key_column)), ("table", &table)],
            );
            bounds = connection.query(&sql, &[id, &step]).await?.iter().map(|row| row.get(0)).collect();
            bounds.dedup();
        }
        plan.units.push(Unit { ids, chunks: Range::between(&bounds) });
    }
    Ok(plan)
}

/// All of staging and core in ranges of keys: what a comparison of everything works off.
pub(in crate::transform) async fn whole(job: &Job, connection: &Connection) -> Result<Plan> {
    let ids = models::pending(connection, &job.entity.name).await?;
    let staging = &job.entity.staging;
    let chunks = job.ranges(connection, &qualified(&staging.table), &staging.key_column).await?;
    let staged = models::staged(connection, &job.entity.name).await?;
    Ok(Plan { units: vec![Unit { ids, chunks }], changed: staged, staged, whole: true, empty: Vec::new() })
}

/// Consecutive batches until a group has `rows` rows.
fn group(pending: &[PendingBatch], rows: u64) -> Vec<Vec<BatchId>> {
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
    fn a_new_generation_is_preferred_when_most_of_much_changed() {
        let plan = |changed, staged| Plan { changed, staged, ..Plan::default() };
        assert!(plan(100_000, 100_000).prefers_refresh() && plan(150_000, 300_000).prefers_refresh());
        assert!(!plan(99_999, 99_999).prefers_refresh() && !plan(150_000, 300_001).prefers_refresh());
    }

    #[test]
    fn small_batches_share_a_chunk_up_to_its_size() {
        let pending: Vec<PendingBatch> = [(1, 10), (3, 90), (4, 1), (5, 500), (6, 5)]
            .map(|(id, rows)| PendingBatch { batch_id: BatchId(id), rows })
            .into();
        assert_eq!(
            group(&pending, 100),
            [vec![1, 3], vec![4], vec![5], vec![6]].map(|ids| ids.into_iter().map(BatchId).collect::<Vec<_>>())
        );
        assert!(group(&[], 100).is_empty());
    }
}
