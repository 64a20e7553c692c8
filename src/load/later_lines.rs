//! Later lines of keys in a batch that was copied straight into the staging table: of each key the last one
//! is written over the row of the first.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::job::LoadJob;
use super::stream::BatchObjects;
use crate::error::{Error, Kind, Result};
use crate::ids::RowKey;
use crate::ledger::objects::Pending;
use crate::pg::{Param, Transaction};
use crate::sql::{columns, fill, qualified};
use crate::stage::LaterLine;
use crate::stage::time::instant;

/// Writes the lines, which come in the order of the batch.
///
/// # Errors
/// `TransactionConflict` when a row is not one that the batch has copied; `BadRow` for a document that only
/// the server refuses; see [`crate::pg`].
pub(super) async fn write(
    job: &LoadJob,
    tx: &Transaction<'_>,
    batch: &BatchObjects<'_>,
    lines: &[LaterLine],
) -> Result<()> {
    let Some(first) = batch.objects.first().filter(|_| !lines.is_empty()) else { return Ok(()) };
    let object = |line: &LaterLine| -> &Pending { &batch.objects[line.at.object_no.index()] };
    let dates: Vec<Option<NaiveDate>> = lines.iter().map(|line| object(line).ingestion_date).collect();
    let keys: Vec<RowKey> = lines.iter().map(|line| line.key.id.clone()).collect();
    let times: Vec<DateTime<Utc>> = lines.iter().map(time).collect();
    let hashes: Vec<Uuid> = lines.iter().map(|line| Uuid::from_u128(line.hash)).collect();
    let numbers: Vec<i64> = lines.iter().map(|line| line.at.line_no).collect();
    let paths: Vec<&str> = lines.iter().map(|line| object(line).path.as_str()).collect();
    let documents: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let entity = &job.entity;
    let sql = fill(
        sql_file!("load/later_lines.sql"),
        &[
            ("target", &qualified(&entity.staging.table)),
            ("key_type", entity.key_type().sql()),
            ("key_columns", &columns(&entity.staging_key())),
            ("key_values", if entity.key_time().is_some() { "c.key, c.event_at" } else { "c.key" }),
        ],
    );
    let values: [&dyn Param; 9] =
        [&batch.batch_id, &first.run_id, &dates, &keys, &times, &hashes, &numbers, &paths, &documents];
    let row = tx.query_one(&sql, &values).await?;
    let (wanted, written): (i64, i64) = (row.get(0), row.get(1));
    if wanted == written {
        return Ok(());
    }
    Err(Error::new(Kind::TransactionConflict, "a row of the batch is not as it was copied"))
}

/// The time in the key of a line; the epoch where there is none.
fn time(line: &LaterLine) -> DateTime<Utc> {
    line.key.event.map_or(DateTime::UNIX_EPOCH, |event| instant(event.micros))
}
