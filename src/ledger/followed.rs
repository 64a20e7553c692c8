//! `evo.followed_runs` and `evo.followed_batches`: against which run the rows of an entity were last
//! compared, to find those that its source no longer has.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};

use crate::bronze::order::compare_runs;
use crate::entity::Entity;
use crate::error::Result;
use crate::ids::{BatchId, ExecutionId};
use crate::pg::{Ask, Param, Transaction};

/// A run in the order of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPlace {
    /// The date in its path.
    pub ingestion_date: Option<NaiveDate>,
    /// Its id.
    pub run_id: String,
}

impl RunPlace {
    /// Which of two runs is newer: the newer one is greater.
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_runs((self.ingestion_date, &self.run_id), (other.ingestion_date, &other.run_id))
    }
}

/// A run that holds everything that its source had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeRun {
    /// Its place.
    pub place: RunPlace,
    /// When it was made; `None` if nothing says so.
    pub made_at: Option<DateTime<Utc>>,
}

/// What the rows of an entity were last compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The run.
    pub run: RunPlace,
    /// What became of missing rows: `mark` or `delete`.
    pub missing: String,
    /// How many there are.
    pub missing_count: u64,
    /// When, as ISO 8601 in UTC.
    pub compared_at: String,
}

/// The loaded runs that hold everything, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn whole_runs(on: &impl Ask, entity: &Entity) -> Result<Vec<WholeRun>> {
    let (is_snapshot, is_whole) = (entity.snapshot.is_some(), entity.is_extracted_whole());
    let values: [&dyn Param; 4] = [&entity.name, &is_snapshot, &is_whole, &entity.zone];
    let rows = on.query(sql_file!("ledger/whole_runs.sql"), &values).await?;
    let run = |row: &crate::pg::Row| WholeRun {
        place: RunPlace { ingestion_date: row.get(0), run_id: row.get(1) },
        made_at: row.get(2),
    };
    Ok(rows.iter().map(run).collect())
}

/// What the rows of the entity were last compared with; `None` if never.
///
/// # Errors
/// See [`crate::pg`].
pub async fn last(on: &impl Ask, entity: &str) -> Result<Option<Followed>> {
    let rows = on.query(sql_file!("ledger/followed.sql"), &[&entity]).await?;
    Ok(rows.first().map(|row| Followed {
        run: RunPlace { ingestion_date: row.get(0), run_id: row.get(1) },
        missing: row.get(2),
        missing_count: row.get::<_, i64>(3).unsigned_abs(),
        compared_at: row.get(4),
    }))
}

/// The committed batches that were not compared yet, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn new_batches(on: &impl Ask, entity: &str) -> Result<Vec<BatchId>> {
    let rows = on.query(sql_file!("ledger/not_followed.sql"), &[&entity]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Records a comparison with `run`, of rows that came with `batches` too.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record(
    tx: &Transaction<'_>,
    entity: &Entity,
    (run, missing_count): (&RunPlace, u64),
    batches: &[BatchId],
    execution: ExecutionId,
) -> Result<()> {
    let missing_count = i64::try_from(missing_count).unwrap_or(i64::MAX);
    let (missing, batches) = (entity.missing.word(), batches.to_vec());
    let values: [&dyn Param; 7] =
        [&entity.name, &run.ingestion_date, &run.run_id, &missing, &missing_count, &execution, &batches];
    tx.execute(sql_file!("ledger/record_followed.sql"), &values).await?;
    Ok(())
}

/// Records that this transaction has marked rows of staging, and how many.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record_marks(tx: &Transaction<'_>, entity: &str, rows: u64) -> Result<()> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    tx.execute(sql_file!("ledger/record_marks.sql"), &[&entity, &rows]).await?;
    Ok(())
}

/// Lets dimensions elect again, because rows of the entity's core tables have changed without a batch.
///
/// # Errors
/// See [`crate::pg`].
pub async fn note_change(tx: &Transaction<'_>, entity: &str) -> Result<()> {
    tx.execute(sql_file!("ledger/changed_models.sql"), &[&entity]).await?;
    Ok(())
}

/// Forgets the comparisons of an entity, which does not follow its source any more.
///
/// # Errors
/// See [`crate::pg`].
pub async fn forget(on: &impl Ask, entity: &str) -> Result<()> {
    on.execute(sql_file!("ledger/forget_followed.sql"), &[&entity]).await?;
    Ok(())
}
