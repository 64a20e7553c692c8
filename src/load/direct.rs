//! A batch of new keys straight into the staging table: no temporary table, no merge.
//!
//! An optimistic attempt: the forecast says that every key is new, and the primary key proves it. The COPY
//! fails on a key that is known or is being written by another batch, and on a document that only the server
//! refuses. Then nothing has happened, and the batch is staged in the usual way. Rows are not written in key
//! order here, so that waits for another batch's rows could become a deadlock: they are cut short.
//!
//! A key that occurs more than once in the batch is copied with its first line; its last line is written over
//! that row afterwards. No row goes to the default partition: the partition that it lacks is made first.

use super::attempt_error::AttemptError;
use super::later_lines;
use super::merge::IDLE_LIMIT;
use super::outcome::{PhaseTimes, StagedBatch};
use super::refused::is_of_a_row;
use super::stream::{BatchObjects, Pass, stream};
use super::under_way::Load;
use super::zone;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::batches::Counts;
use crate::ledger::objects::Pending;
use crate::pg::sqlstate::{INTERNAL_ERROR, LOCK_NOT_AVAILABLE, UNIQUE_VIOLATION};
use crate::pg::{Row, Transaction};
use crate::sql::{columns, qualified};
use crate::stage::frame::{self, KeptReject};
use crate::stage::{DocumentType, FirstLines, Placement, Sieve, StageAs};

/// Shorter than the server's deadlock_timeout, 1 s by default.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '500ms'";

/// Whether a single document may be the reason for the error: a value that the server refuses (class 22), one
/// of its limits (class 54, and XX000 where an array or object outgrows what it can allocate), something that
/// it cannot do (class 0A), or a row that a constraint or trigger of the staging table refuses.
pub(super) fn may_concern_a_document(error: &Error) -> bool {
    error.kind() == Kind::BadRow || is_of_a_row(error) || error.sqlstate() == Some(INTERNAL_ERROR)
}

/// Whether the server has refused a document, or its row, for certain: the error is none that a key gives
/// which is known already. A server may report that as an internal error, where another one of it keeps the
/// row. What evo itself has no room for, such as too many lines of one key, has no SQLSTATE.
pub(super) fn is_certain_of_a_document(error: &Error) -> bool {
    let code = error.sqlstate().filter(|code| !matches!(*code, UNIQUE_VIOLATION | INTERNAL_ERROR));
    code.is_some() && may_concern_a_document(error)
}

/// Whether the error means that the batch cannot be copied directly.
pub(super) fn is_refuted(error: &Error) -> bool {
    may_concern_a_document(error)
        || error.kind() == Kind::TransactionConflict
        || matches!(error.sqlstate(), Some(UNIQUE_VIOLATION | LOCK_NOT_AVAILABLE))
}

/// Copies the batch into the staging table.
///
/// # Errors
/// As [`stream`]; what [`is_refuted`] recognizes when the batch must be staged in another way, with the year
/// whose partition is missing where that is the reason.
pub(super) async fn stage(
    load: &Load<'_>,
    tx: &Transaction<'_>,
    objects: &BatchObjects<'_>,
) -> Result<StagedBatch, AttemptError> {
    let entity = &load.job.entity;
    let (target, key) = (qualified(&entity.staging.table), columns(&entity.staging_key()));
    // Wait normally for the table lock. Only waits for single rows that another batch has locked are cut
    // short. A partitioned table is locked alone: its default partition, which these rows never reach, must
    // stay free for somebody who makes a partition.
    let only = if entity.partition.is_some() { "only " } else { "" };
    tx.batch(&format!("{IDLE_LIMIT}; lock table {only}{target} in row exclusive mode; {LOCK_TIMEOUT}")).await?;
    let sieve = Sieve::FirstOfKey(FirstLines::new(placement(load, tx).await?));
    let (format, pass) = match load.layout.is_distributed() {
        true => ("text", Pass::TextRows(sieve)),
        false => ("binary", Pass::Lines(StageAs::Direct, DocumentType::Jsonb, sieve)),
    };
    let sql = format!("copy {target} ({key}, {}) from stdin (format {format})", frame::TARGET_COLUMNS);
    let copy = tx.copy_in(&sql).await?;
    let streamed = stream(load.job, objects, pass, copy).await?;
    failpoint!("load.after_copy");
    let mut counts: Vec<Counts> =
        streamed.tallies.iter().map(|t| Counts { lines: t.lines, inserted: t.lines, ..Counts::default() }).collect();
    for reject in &streamed.kept {
        let counted = &mut counts[reject.at.object_no.index()];
        counted.inserted -= 1;
        counted.rejected += 1;
    }
    if let Sieve::FirstOfKey(lines) = streamed.sieve {
        let later = lines.later();
        for line in &later {
            let counted = &mut counts[line.earlier.index()];
            counted.inserted -= 1;
            counted.superseded += 1;
        }
        later_lines::write(load.job, tx, objects, &later).await?;
    }
    file_rejects(tx, &entity.name, objects, &streamed.kept).await?;
    let lake = load.job.selection.lake;
    let values: [&dyn crate::pg::Param; 4] = [&entity.name, &lake, &objects.paths(), &objects.batch_id];
    tx.execute(sql_file!("load/resolve.sql"), &values).await?;
    let times = PhaseTimes { stream: streamed.times, ..PhaseTimes::default() };
    Ok(StagedBatch { tallies: streamed.tallies, counts, times, rounds: 0, refused: Vec::new() })
}

/// Where the rows go, where the entity has a time in its key. Asked behind the table's lock, so that nobody
/// can detach a partition until the rows are committed.
async fn placement(load: &Load<'_>, tx: &Transaction<'_>) -> Result<Option<Placement>> {
    let Some(zone) = zone::offsets(load, tx).await? else { return Ok(None) };
    let rows = tx.query(sql_file!("load/partitions.sql"), &[&load.job.entity.staging.table]).await?;
    let bound = |row: &Row, column, none| row.get::<_, Option<i64>>(column).unwrap_or(none);
    let partitions = rows.iter().map(|row| bound(row, 0, i64::MIN)..bound(row, 1, i64::MAX)).collect();
    Ok(Some(Placement { zone, partitions }))
}

async fn file_rejects(
    tx: &Transaction<'_>,
    entity: &str,
    objects: &BatchObjects<'_>,
    kept: &[KeptReject],
) -> Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    let object = |r: &KeptReject| -> &Pending { &objects.objects[r.at.object_no.index()] };
    let ids: Vec<ObjectId> = kept.iter().map(|r| object(r).object_id).collect();
    let paths: Vec<&str> = kept.iter().map(|r| object(r).path.as_str()).collect();
    let lines: Vec<i64> = kept.iter().map(|r| r.at.line_no).collect();
    let offsets: Vec<i64> = kept.iter().map(|r| r.at.byte_offset).collect();
    let texts: Vec<Vec<u8>> = kept.iter().map(|r| r.line.clone()).collect();
    let reasons: Vec<&str> = kept.iter().map(|r| r.rejection.reason.as_str()).collect();
    let codes: Vec<Option<String>> = kept.iter().map(|r| r.rejection.sqlstate.map(str::to_owned)).collect();
    tx.execute(
        sql_file!("load/reject_kept.sql"),
        &[&entity, &objects.batch_id, &ids, &paths, &lines, &offsets, &texts, &reasons, &codes],
    )
    .await?;
    Ok(())
}
