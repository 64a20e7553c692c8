//! Rows of staging that are marked as missing from their source, or as there again.

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::ids::RowKey;
use crate::ledger::followed;
use crate::pg::Transaction;
use crate::sql::{fill, ident, qualified};
use crate::transform::job::EntityJob;
use crate::transform::staged::StagedRows;

/// A staged row whose mark changes, as long as a load has not written it since.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::transform) struct MarkedRow {
    pub key: RowKey,
    /// The second part of the key, where there is one.
    pub time: Option<DateTime<Utc>>,
    /// The batch that its present content came with.
    pub batch: Option<i64>,
    /// Since when it is missing; `None` if it is there.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Writes those of the marks whose rows are among these.
pub(super) async fn write(job: &EntityJob, tx: &Transaction<'_>, rows: &StagedRows, marks: &[MarkedRow]) -> Result<()> {
    let staging = &job.entity.staging;
    let same_time = |column: &str| format!("and t.{} = m.event_at", ident(column));
    let sql = fill(
        sql_file!("transform/missing/mark.sql"),
        &[
            ("table", &qualified(&staging.table)),
            ("key", &ident(&staging.key_column)),
            ("key_type", job.entity.key_type().sql()),
            ("and_time", &job.entity.key_time().map_or(String::new(), |time| same_time(time.column))),
            ("rows", &rows.sql()),
        ],
    );
    let keys: Vec<RowKey> = marks.iter().map(|mark| mark.key.clone()).collect();
    let times: Vec<Option<DateTime<Utc>>> = marks.iter().map(|mark| mark.time).collect();
    let batches: Vec<Option<i64>> = marks.iter().map(|mark| mark.batch).collect();
    let since: Vec<Option<DateTime<Utc>>> = marks.iter().map(|mark| mark.deleted_at).collect();
    match tx.execute(&sql, &[&keys, &times, &batches, &since]).await? {
        0 => Ok(()),
        marked => followed::record_marks(tx, &job.entity.name, marked).await,
    }
}
