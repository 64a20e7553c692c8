//! A batch of new keys straight into the staging table: no temporary table, no merge.
//!
//! An optimistic attempt: the forecast says that every key is new, and the primary key proves it. The COPY
//! fails on a key that is known, occurs twice, or is being written by another batch, and on a document that
//! only the server refuses. Then nothing has happened, and the batch is staged in the usual way. Rows are not
//! written in key order here, so that waits for another batch's rows could become a deadlock: they are cut
//! short.

use super::attempt_error::AttemptError;
use super::merge::IDLE_LIMIT;
use super::outcome::{PhaseTimes, StagedBatch};
use super::stream::{BatchObjects, Pass, stream};
use super::under_way::Load;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::batches::Counts;
use crate::ledger::objects::Pending;
use crate::pg::Transaction;
use crate::pg::sqlstate::{INTERNAL_ERROR, LOCK_NOT_AVAILABLE, UNIQUE_VIOLATION};
use crate::sql::{ident, qualified};
use crate::stage::frame::{self, KeptReject};

/// Shorter than the server's deadlock_timeout, 1 s by default.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '500ms'";

/// Whether a single document may be the reason for the error: a value that the server refuses (class 22), one
/// of its limits (class 54, and XX000 where an array or object outgrows what it can allocate), or something
/// that it cannot do (class 0A).
pub(super) fn may_concern_a_document(error: &Error) -> bool {
    let class = error.sqlstate().and_then(|code| code.get(..2)).unwrap_or_default();
    error.kind() == Kind::BadRow || matches!(class, "0A" | "22" | "54") || error.sqlstate() == Some(INTERNAL_ERROR)
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
/// As [`stream`]; what [`is_refuted`] recognizes when the batch must be staged in another way.
pub(super) async fn stage(
    load: &Load<'_>,
    tx: &Transaction<'_>,
    objects: &BatchObjects<'_>,
) -> Result<StagedBatch, AttemptError> {
    let entity = &load.job.entity;
    let (target, key) = (qualified(&entity.staging.table), ident(&entity.staging.key_column));
    // Wait normally for the table lock. Only waits for single rows that another batch has locked are cut
    // short.
    tx.batch(&format!("{IDLE_LIMIT}; lock table {target} in row exclusive mode; {LOCK_TIMEOUT}")).await?;
    let sql = format!("copy {target} ({key}, {}) from stdin (format binary)", frame::TARGET_COLUMNS);
    let copy = tx.copy_in(&sql).await?;
    let streamed = stream(load.job, objects, Pass::Direct, copy).await?;
    failpoint!("load.after_copy");
    let mut counts: Vec<Counts> =
        streamed.tallies.iter().map(|t| Counts { lines: t.lines, inserted: t.lines, ..Counts::default() }).collect();
    for reject in &streamed.kept {
        let counted = &mut counts[reject.at.object_no.index()];
        counted.inserted -= 1;
        counted.rejected += 1;
    }
    file_rejects(tx, &entity.name, objects, &streamed.kept).await?;
    let lake = load.job.selection.lake;
    let values: [&dyn crate::pg::Param; 4] = [&entity.name, &lake, &objects.paths(), &objects.batch_id];
    tx.execute(sql_file!("load/resolve.sql"), &values).await?;
    let times = PhaseTimes { stream: streamed.times, ..PhaseTimes::default() };
    Ok(StagedBatch { tallies: streamed.tallies, counts, times, rounds: 0 })
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
