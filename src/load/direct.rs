//! A batch of new keys straight into the staging table: no temporary table, no merge.
//!
//! It is an attempt in good faith: the forecast says that every key is new, and the primary key proves it. A key that is
//! known, occurs twice, or is being written by a rival fails the COPY; so does a document that only the server refuses.
//! Then nothing has happened, and the batch is staged in the usual way. Rows are not written in key order here, so a wait
//! for a rival's row is cut off before two such waits could become a deadlock.

use std::sync::Arc;
use std::time::Duration;

use super::batch::{Phases, Staged};
use super::merge::IDLE;
use super::stream::{Failure, Pass, Sources, stream};
use super::{Job, Load};
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::batches::{Claimed, Counts};
use crate::ledger::objects::Pending;
use crate::ledger::rejects;
use crate::pg::Transaction;
use crate::sql::{ident, qualified};
use crate::stage::frame::{self, Aside};

/// Shorter than the server's deadlock_timeout, 1 s by default.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '500ms'";

/// Whether the server may have said it of a single document: a value that it refuses (class 22), a limit of its own (class
/// 54, and XX000 where an array or object outgrows what it can allocate at once), something that it cannot do (0A).
pub(super) fn may_be_of_a_document(error: &Error) -> bool {
    let class = error.sqlstate().and_then(|code| code.get(..2)).unwrap_or_default();
    error.kind() == Kind::BadRow || matches!(class, "0A" | "22" | "54") || error.sqlstate() == Some("XX000")
}

/// Whether the error means that the batch is not what direct loading is for.
pub(super) fn is_refuted(error: &Error) -> bool {
    may_be_of_a_document(error)
        || error.kind() == Kind::TransactionConflict
        || matches!(error.sqlstate(), Some("23505" | "55P03"))
}

impl Load<'_> {
    pub(super) async fn copy_directly(&self, tx: &Transaction<'_>, batch: &Claimed) -> Result<Staged, Failure> {
        let entity = &self.job.entity;
        let ids: Vec<ObjectId> = batch.objects.iter().map(|o| o.object_id).collect();
        let sources = Sources { objects: &batch.objects, fixes: Arc::new(rejects::fixes(tx, &ids).await?) };
        let (target, key) = (qualified(&entity.staging.table), ident(&entity.staging.key_column));
        // Whoever holds the table is waited for as long as ever; it is the rows of rivals that are not waited for.
        tx.batch(&format!("{IDLE}; lock table {target} in row exclusive mode; {LOCK_TIMEOUT}")).await?;
        let sql = format!("copy {target} ({key}, {}) from stdin (format binary)", frame::TARGET_COLUMNS);
        let copy = tx.copy_in(&sql).await?;
        let streamed = stream(self.job, &sources, Pass::Direct(batch.batch_id), copy).await?;
        failpoint!("load.after_copy");
        let mut counts: Vec<Counts> = streamed
            .tallies
            .iter()
            .map(|t| Counts { lines: t.lines, inserted: t.lines, ..Counts::default() })
            .collect();
        for refused in &streamed.aside {
            let counted = &mut counts[refused.at.object_no.index()];
            counted.inserted -= 1;
            counted.rejected += 1;
        }
        self.job.file_aside(tx, batch, &streamed.aside).await?;
        let paths: Vec<&str> = batch.objects.iter().map(|o| o.path.as_str()).collect();
        let lake = self.job.selection.lake;
        tx.execute(sql_file!("load/resolve.sql"), &[&entity.name, &lake, &paths, &batch.batch_id]).await?;
        let phases = Phases { stream: streamed.spent, merge: Duration::ZERO, ..Phases::default() };
        Ok(Staged { tallies: streamed.tallies, counts, phases, rounds: 0 })
    }
}

impl Job {
    async fn file_aside(&self, tx: &Transaction<'_>, batch: &Claimed, aside: &[Aside]) -> Result<()> {
        if aside.is_empty() {
            return Ok(());
        }
        let object = |a: &Aside| -> &Pending { &batch.objects[a.at.object_no.index()] };
        let ids: Vec<ObjectId> = aside.iter().map(|a| object(a).object_id).collect();
        let paths: Vec<&str> = aside.iter().map(|a| object(a).path.as_str()).collect();
        let lines: Vec<i64> = aside.iter().map(|a| a.at.line_no).collect();
        let offsets: Vec<i64> = aside.iter().map(|a| a.at.byte_offset).collect();
        let texts: Vec<Vec<u8>> = aside.iter().map(|a| a.line.clone()).collect();
        let reasons: Vec<&str> = aside.iter().map(|a| a.refusal.reason.as_str()).collect();
        let codes: Vec<Option<String>> = aside.iter().map(|a| a.refusal.sqlstate.map(str::to_owned)).collect();
        tx.execute(
            sql_file!("load/reject_aside.sql"),
            &[&self.entity.name, &batch.batch_id, &ids, &paths, &lines, &offsets, &texts, &reasons, &codes],
        )
        .await?;
        Ok(())
    }
}
