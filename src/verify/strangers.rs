//! Rows that say that they came from an object, and that none of its lines gives.

use super::chunk::LineChunk;
use super::job::VerifyJob;
use super::loaded::LoadedObject;
use super::mismatch::{Mismatch, MismatchKind};
use super::probe::with;
use super::reader::{ObjectReader, RecordedLines};
use super::statements::VerifyStatements;
use crate::error::Result;
use crate::ids::{BatchId, RowKey};
use crate::pg::Connection;

/// The findings about the rows of an object.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Rows that no line gives.
    pub mismatches: Vec<Mismatch>,
    /// Rows that may have come from an earlier version of the object, which cannot be read any more.
    pub unprovable: u64,
}

/// Reads an object once more and finds the rows that no line accounts for.
///
/// # Errors
/// As [`ObjectReader::open`]; see [`crate::pg`].
pub(super) async fn find(
    job: &VerifyJob,
    (connection, statements): (&Connection, &VerifyStatements),
    (object, batches): (&LoadedObject, &[BatchId]),
    known: RecordedLines,
) -> Result<Strangers> {
    let sql = statements.fill(sql_file!("verify/strangers.sql"));
    let (path, batches) = (&object.object.path, batches.to_vec());
    let mut strangers = Strangers::default();
    let mut add = |rows: Vec<crate::pg::Row>| {
        for row in rows {
            let (key, line, batch): (RowKey, Option<i64>, BatchId) = (row.get(0), row.get(1), row.get(2));
            if object.has_earlier && batch != object.batch_id {
                strangers.unprovable += 1;
                continue;
            }
            let mut mismatch = Mismatch::of_row(MismatchKind::RowAdded, key, None);
            mismatch.detail = format!("{path} line {} does not give it", line.unwrap_or_default());
            mismatch.row = Some((Some(path.clone()), line));
            strangers.mismatches.push(mismatch);
        }
    };
    let mut reader = ObjectReader::open(job, object, known).await?;
    let mut before = i64::MIN;
    while let Some(chunk) = reader.next().await {
        let last = chunk.lines.last().copied();
        add(connection.query(&sql, &with(&chunk, &[path, &batches, &before, &last])).await?);
        before = last.unwrap_or(before);
    }
    reader.end().await?;
    let (behind, end): (LineChunk, Option<i64>) = (LineChunk::default(), None);
    add(connection.query(&sql, &with(&behind, &[path, &batches, &before, &end])).await?);
    Ok(strangers)
}
