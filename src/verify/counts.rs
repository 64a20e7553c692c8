//! The rows of staging, counted, against the ledger.

use super::job::VerifyJob;
use super::mismatch::{Mismatch, MismatchKind, Mismatches};
use super::statements::VerifyStatements;
use crate::error::Result;
use crate::ids::BatchId;
use crate::meter::Unit;
use crate::sql::fill;

/// Rows that are named of each group of rows that the ledger does not know.
const NAMED_ROWS: i64 = 100;

/// What the rows of a staging table came to.
#[derive(Debug, Clone, Default)]
pub struct StagingCounts {
    /// Rows.
    pub rows: u64,
    /// Rows that the batches have counted.
    pub counted: i64,
    /// Rows that another transaction wrote than the one that loaded their object. They may be as they should
    /// be: a restored or moved table looks like that. Comparing the documents of their objects tells.
    pub rewritten_rows: u64,
    /// The objects of these rows.
    pub rewritten: Vec<String>,
}

/// Counts the rows of staging by batch, object and writing transaction, and finds those that the ledger cannot
/// account for. Reads the table once, without its documents.
///
/// # Errors
/// See [`crate::pg`].
pub async fn count(job: &VerifyJob, found: &mut Mismatches) -> Result<StagingCounts> {
    let _phase = job.meter.phase(format!("{}: counting staging", job.entity.name), 0, Unit::Nothing);
    let statements = VerifyStatements::new(&job.pool, &job.entity).await?;
    let sql = statements.fill(sql_file!("verify/counts.sql"));
    let ask = async || job.pool.get().await?.query(&sql, &[&job.entity.name]).await;
    let rows = job.pool.retry("counting staging", ask).await?;
    let mut counts = StagingCounts::default();
    for row in rows {
        let (what, path): (String, Option<String>) = (row.get(0), row.get(2));
        let (rows, counted): (i64, i64) = (row.get(3), row.get(4));
        match what.as_str() {
            "total" => (counts.rows, counts.counted) = (rows.unsigned_abs(), counted),
            "unknown batch" | "unknown object" => {
                let group = UnknownRows { batch: row.get(1), path, what };
                name_rows(job, &statements, &group, found).await?;
            }
            "too many" => found.add(too_many(path.unwrap_or_default(), rows, counted)),
            _ => {
                counts.rewritten_rows += rows.unsigned_abs();
                counts.rewritten.extend(path);
            }
        }
    }
    Ok(counts)
}

impl StagingCounts {
    /// The mismatch between rows and counts, if there is one that is not explained by rows that were `added`
    /// and rows that are `missing`.
    pub fn mismatch(&self, staging: &str, added: u64, missing: u64) -> Option<Mismatch> {
        let difference = self.rows.cast_signed() - self.counted - added.cast_signed() + missing.cast_signed();
        let word = if difference < 0 { "missing" } else { "too many" };
        let detail = format!(
            "{staging} holds {} rows, its batches inserted {}: {} {word}",
            self.rows,
            self.counted,
            difference.unsigned_abs()
        );
        let kind = MismatchKind::RowCount;
        (difference != 0).then_some(Mismatch { kind, key: None, place: None, row: None, detail })
    }
}

/// Rows that name the same batch and object, one of which the ledger does not know.
struct UnknownRows {
    batch: Option<BatchId>,
    path: Option<String>,
    what: String,
}

async fn name_rows(
    job: &VerifyJob,
    statements: &VerifyStatements,
    group: &UnknownRows,
    found: &mut Mismatches,
) -> Result<()> {
    let batch = group.batch.map_or("s._batch_id is null".to_owned(), |id| format!("s._batch_id = {id}"));
    let sql = fill(&statements.fill(sql_file!("verify/unknown_rows.sql")), &[("batch", &batch)]);
    let ask = async || job.pool.get().await?.query(&sql, &[&group.path, &NAMED_ROWS]).await;
    for row in job.pool.retry("looking for rows", ask).await? {
        let mut mismatch = Mismatch::of_row(MismatchKind::RowAdded, row.get(0), None);
        mismatch.row = Some((group.path.clone(), row.get(1)));
        mismatch.detail = format!("it names an {}", group.what);
        found.add(mismatch);
    }
    Ok(())
}

fn too_many(path: String, rows: i64, written: i64) -> Mismatch {
    let detail = format!("{path}: {rows} rows say that they came from it, its load wrote {written}");
    Mismatch { kind: MismatchKind::RowCount, key: None, place: None, row: None, detail }
}
