//! Documents that are missing from their source, or back: marked in staging and written to core in one
//! transaction.

use super::attempt::transform_chunk;
use super::chunk::Chunk;
use super::marks::MarkedRow;
use super::plan::IncrementPlan;
use super::refused::grouped;
use super::work::prepare;
use crate::error::Result;
use crate::meter::Unit;
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::refusal::{self, Refusal};
use crate::transform::staged::StagedRows;
use crate::transform::summary::{TableSummary, add_tables, tally_tables};
use crate::transform::transaction::Unconfirmed;

/// The result of marking rows.
#[derive(Debug, Default)]
pub(in crate::transform) struct MarkedChunks {
    /// The core tables, parent first; none if there was nothing to do.
    pub tables: Vec<TableSummary>,
    /// Documents that stay as they were, in staging as in core.
    pub refused: Vec<Refusal>,
}

/// Marks rows, sorted by key, chunk by chunk. One after the other: each moves the generation of the tables.
///
/// # Errors
/// As [`transform_chunk`]. Chunks that were committed before the error stay.
pub(in crate::transform) async fn mark(job: &EntityJob, rows: &[MarkedRow]) -> Result<MarkedChunks> {
    let mut done = MarkedChunks::default();
    if rows.is_empty() {
        return Ok(done);
    }
    done.tables = TableSummary::of(&job.entity);
    let prepared = job.step("preparing", async || prepare(job, &IncrementPlan::default()).await).await?;
    let phase = job.phase("marking", rows.len(), Unit::Things("rows"));
    for marks in chunks(rows, usize::try_from(job.chunk_rows).unwrap_or(usize::MAX)) {
        if job.shutdown.is_requested() {
            return Err(job.shutdown.error());
        }
        let keys = marks.iter().map(|mark| mark.key.clone()).collect();
        let range = Range { only: Some(keys), ..Range::default() };
        let rows = StagedRows::of_keys(&job.entity, &range);
        let (shapes, typed) = (&prepared.shapes, &prepared.typed);
        let chunk = Chunk { rows: &rows, shapes, typed, completes: &[], core: None, marks };
        let mut unconfirmed = Unconfirmed::none();
        let step = async || transform_chunk(job, chunk, &mut unconfirmed).await;
        let result = job.step("marking rows", step).await?;
        tally_tables(&job.entity.name, &result.tables);
        add_tables(&mut done.tables, &result.tables);
        refusal::add_all(&mut done.refused, grouped(&result.refused));
        phase.add(marks.len() as u64);
    }
    Ok(done)
}

/// Pieces of about `most` rows. Rows with one key, which differ in their time, stay together.
fn chunks(rows: &[MarkedRow], most: usize) -> impl Iterator<Item = &[MarkedRow]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let last = rest.get(most.clamp(1, rest.len().max(1)) - 1)?;
        let end = rest.partition_point(|row| row.key <= last.key);
        let (chunk, behind) = rest.split_at(end);
        rest = behind;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RowKey;

    #[test]
    fn rows_with_one_key_stay_in_one_chunk() {
        let row = |key| MarkedRow { key: RowKey::Integer(key), time: None, batch: None, deleted_at: None };
        let sizes = |keys: &[i64], most| {
            let rows: Vec<MarkedRow> = keys.iter().map(|key| row(*key)).collect();
            chunks(&rows, most).map(<[_]>::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[1, 2, 2, 2, 3], 2), [4, 1]);
        assert_eq!(sizes(&[1, 2, 3], 2), [2, 1]);
        assert_eq!(sizes(&[1, 2, 3], 0), [1, 1, 1]);
        assert_eq!(sizes(&[1, 2, 3], 9), [3]);
        assert!(sizes(&[], 2).is_empty());
    }
}
