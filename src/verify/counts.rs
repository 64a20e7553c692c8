//! The rows of staging, counted, against the ledger.

use std::collections::BTreeSet;

use super::job::VerifyJob;
use super::mismatch::{Mismatch, MismatchKind, Mismatches};
use super::statements::VerifyStatements;
use crate::error::Result;
use crate::ids::BatchId;
use crate::meter::Unit;
use crate::pg::{Param, Row};
use crate::sql::fill;

/// Objects of rewritten rows that are named. With more, all objects have to be read.
const NAMED_OBJECTS: i64 = 100;

/// Rows that are named of each group of rows that the ledger does not know.
const NAMED_ROWS: i64 = 100;

/// What the rows of a staging table came to.
#[derive(Debug, Clone, Default)]
pub struct StagingCounts {
    /// Rows.
    pub rows: u64,
    /// Rows that the batches have counted.
    pub counted: i64,
    /// Rows that are not known to be as a load wrote them. They may be as they should be: a restored or moved
    /// table looks like that. Comparing the documents of their objects tells.
    pub rewritten_rows: u64,
    /// Their objects; `None` if there are too many to name.
    pub rewritten: Option<Vec<String>>,
    /// Such rows whose objects cannot be read again.
    pub unreadable_rows: u64,
    /// Whether rows show which transaction wrote them: not those of distributed tables.
    pub shows_writers: bool,
    too_many: Vec<TooMany>,
}

/// An object that more rows say they came from than its load wrote.
#[derive(Debug, Clone)]
struct TooMany {
    path: String,
    rows: i64,
    written: i64,
}

/// Counts the rows of staging by batch, object and writing transaction, and finds those that the ledger
/// cannot account for. Reads the table once, without its documents.
///
/// # Errors
/// See [`crate::pg`].
pub async fn count(job: &VerifyJob, found: &mut Mismatches) -> Result<StagingCounts> {
    let _phase = job.meter.phase(format!("{}: counting staging", job.entity.name), 0, Unit::Nothing);
    let statements = VerifyStatements::new(&job.pool, &job.entity).await?;
    let (rows, before) = job.pool.retry("counting staging", async || count_rows(job, &statements).await).await?;
    let shows_writers = !statements.layout.is_distributed();
    let mut counts = StagingCounts { shows_writers, ..StagingCounts::default() };
    for row in rows {
        let (what, path): (String, Option<String>) = (row.get(0), row.get(2));
        let (rows, counted): (i64, i64) = (row.get(3), row.get(4));
        match what.as_str() {
            // Batches that were committed while the rows were counted may be among them or not.
            "total" => (counts.rows, counts.counted) = (rows.unsigned_abs(), rows.clamp(before.min(counted), counted)),
            "unknown batch" | "unknown object" => {
                let group = UnknownRows { batch: row.get(1), path, what };
                name_rows(job, &statements, &group, found).await?;
            }
            "too many" => counts.too_many.push(TooMany { path: path.unwrap_or_default(), rows, written: counted }),
            "unreadable" => counts.unreadable_rows = rows.unsigned_abs(),
            "rewritten" => {
                counts.rewritten_rows = rows.unsigned_abs();
                counts.rewritten = (counted <= NAMED_OBJECTS).then(Vec::new);
            }
            _ => counts.rewritten.iter_mut().for_each(|objects| objects.extend(path.clone())),
        }
    }
    Ok(counts)
}

/// The rows of `verify/counts.sql`, and the number of rows that the ledger had counted before it was asked.
async fn count_rows(job: &VerifyJob, statements: &VerifyStatements) -> Result<(Vec<Row>, i64)> {
    let counts = |written: &str| fill(sql_file!("verify/counts.sql"), &[("written", written.trim_end())]);
    let values: [&dyn Param; 3] = [&job.entity.name, &job.lake_id, &NAMED_OBJECTS];
    let written = statements.fill(sql_file!("verify/written_rows.sql"));
    let mut connection = job.pool.get().await?;
    if !statements.layout.is_distributed() {
        return Ok((connection.query(&counts(&written), &values).await?, i64::MAX));
    }
    let tx = connection.begin().await?;
    let before: i64 = tx.query_one(sql_file!("verify/inserted.sql"), &[&job.entity.name]).await?.get(0);
    statements.layout.wait_for_rows(&tx).await?;
    tx.batch(&format!("create temporary table evo_written on commit drop as\n{written}")).await?;
    let rows = tx.query(&counts("select * from evo_written"), &values).await?;
    tx.rollback().await?;
    Ok((rows, before))
}

impl StagingCounts {
    /// The mismatches between rows and counts that rows which were `found` added or missing do not explain.
    pub fn mismatches(&self, staging: &str, found: &Mismatches) -> Vec<Mismatch> {
        let unexplained = self.too_many.iter().filter(|object| !object.is_explained(found));
        unexplained.map(TooMany::mismatch).chain(self.total(staging, found)).collect()
    }

    fn total(&self, staging: &str, found: &Mismatches) -> Option<Mismatch> {
        // A row that is outdated and that its own line does not give is in the place of the right one.
        let instead = found.iter().filter(|m| m.kind == MismatchKind::RowOutdated).map(|m| (&m.key, &m.row));
        let instead: BTreeSet<_> = instead.collect();
        let is_instead = |m: &&Mismatch| m.kind == MismatchKind::RowAdded && instead.contains(&(&m.key, &m.row));
        let added = found.count(MismatchKind::RowAdded) - found.iter().filter(is_instead).count() as u64;
        let missing = found.count(MismatchKind::RowMissing);
        let difference = self.rows.cast_signed() - self.counted - added.cast_signed() + missing.cast_signed();
        let word = if difference < 0 { "missing" } else { "too many" };
        let detail = format!(
            "{staging} holds {} rows, its batches inserted {}: {} {word}",
            self.rows,
            self.counted,
            difference.unsigned_abs()
        );
        (difference != 0).then(|| Mismatch::of_counts(detail))
    }
}

impl TooMany {
    /// Whether rows were found that say that they came from it, and did not.
    fn is_explained(&self, found: &Mismatches) -> bool {
        let is_of_it = |mismatch: &&Mismatch| {
            let path = mismatch.row.as_ref().and_then(|(path, _)| path.as_ref());
            mismatch.kind == MismatchKind::RowAdded && path == Some(&self.path)
        };
        found.iter().filter(is_of_it).count() as i64 >= self.rows - self.written
    }

    fn mismatch(&self) -> Mismatch {
        let Self { path, rows, written } = self;
        Mismatch::of_counts(format!("{path}: {rows} rows say that they came from it, its load wrote {written}"))
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
