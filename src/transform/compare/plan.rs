//! A comparison of all of an entity's core tables, range by range.

use super::finding::CoreMismatches;
use super::rows::{self, ComparedTable};
use super::sums;
use crate::citus::Layout;
use crate::error::Result;
use crate::ledger::staging;
use crate::meter::Unit;
use crate::sql::qualified;
use crate::transform::crew::Queue;
use crate::transform::job::EntityJob;
use crate::transform::limits;
use crate::transform::partitions::key_ranges;
use crate::transform::range::Range;
use crate::transform::shape::Shape;

/// Documents of a range at most: a sample of one percent then is one of a hundred ranges.
const RANGE_ROWS: u64 = 20_000;

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CoreDepth {
    /// Numbers and sums; rows where these differ.
    Sums,
    /// Rows.
    Rows,
    /// Rows of a share of the ranges, 0 to 1, drawn by this seed.
    Sample(f64, u64),
}

impl CoreDepth {
    /// The ranges to compare; of a sample at least one.
    fn chosen(self, ranges: Vec<Range>) -> Vec<Range> {
        let CoreDepth::Sample(share, seed) = self else { return ranges };
        let drawn = |i: usize| xxhash_rust::xxh3::xxh3_64_with_seed(&i.to_le_bytes(), seed);
        let one = (0..ranges.len()).min_by_key(|i| drawn(*i));
        let is_drawn = |i: usize| (drawn(i) as f64) < share * u64::MAX as f64 || one == Some(i);
        ranges.into_iter().enumerate().filter(|(i, _)| is_drawn(*i)).map(|(_, range)| range).collect()
    }
}

/// Compares the entity's core tables with what its models give for the staged documents. Of the job it uses
/// neither lock nor checks, and takes any server that answers.
///
/// # Errors
/// `Config` when tables lack something that evo needs; the signal's; see [`crate::pg`].
pub async fn compare(job: &mut EntityJob, depth: CoreDepth) -> Result<CoreMismatches> {
    let prepare = async || {
        let mut connection = job.pool.get().await?;
        staging::require_fitting(&*connection, std::slice::from_ref(&job.entity)).await?;
        let layout = Layout::read(&mut connection, &job.entity).await?;
        Ok((limits::limited(&connection, &job.entity).await?, layout))
    };
    (job.entity, job.layout) = job.pool.retry("reading the catalog", prepare).await?;
    compare_ranges(job, depth).await
}

async fn compare_ranges(job: &EntityJob, depth: CoreDepth) -> Result<CoreMismatches> {
    let staging = &job.entity.staging;
    let table = qualified(&staging.table);
    let plan = async || {
        let connection = job.pool.get().await?;
        let shapes = Shape::of_entity(&*connection, &job.entity).await?;
        let rows = job.chunk_rows.clamp(1, RANGE_ROWS);
        let ranges = key_ranges(&*connection, &table, &staging.key_column, rows).await?;
        let sql = "select current_setting('server_version_num')::int >= 160000";
        let is_plain: bool = connection.query_one(sql, &[]).await?.get(0);
        Ok((shapes, ranges, is_plain))
    };
    let (shapes, ranges, is_plain) = job.pool.retry("planning", plan).await?;
    let queue = Queue::new(depth.chosen(ranges));
    let phase = job.phase("comparing core", queue.len(), Unit::Things("ranges"));
    let work = async |range: Range| {
        let compare = async || compare_range(job, (&shapes, is_plain), &range, depth).await;
        let found = job.pool.retry("comparing core", compare).await?;
        phase.add(1);
        Ok(found)
    };
    let mut all = CoreMismatches::default();
    for found in job.crew().work_off(&queue, work).await? {
        all.add(found);
    }
    Ok(all)
}

async fn compare_range(
    job: &EntityJob,
    (shapes, is_plain): (&[Shape], bool),
    range: &Range,
    depth: CoreDepth,
) -> Result<CoreMismatches> {
    let (documents, models) = match depth {
        CoreDepth::Sums => {
            let sums = sums::compare(job, range).await?;
            (sums.documents, sums.differing)
        }
        _ => (sums::documents(job, range).await?, (0..job.entity.models.len()).collect()),
    };
    let mut all = CoreMismatches { documents, ..CoreMismatches::default() };
    all.ranges += u64::from(!models.is_empty());
    for i in models {
        let table = ComparedTable { model: &job.entity.models[i], shape: &shapes[i] };
        all.add(rows::compare(job, table, range, is_plain).await?);
    }
    Ok(all)
}
