//! An object that the lake does not hand out: whether it is that object or the lake, and what becomes of the batch.
//!
//! *Which of the two* decides everything. An archived blob or a file without permission must not keep the objects beside
//! it out; a credential that opens nothing must not be reported once for each of ten thousand objects. So others are asked
//! for: those of the batch, and, when none of them answers, some that the ledger knows. If any of them can be read, the
//! lake is there.
//!
//! What is left out stays pending: the next execution tries it again.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use super::Load;
use super::summary::Aside;
use crate::bronze::Unreadable;
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::Claimed;
use crate::ledger::objects::{self, Pending, Removal};

/// Objects that are asked for at once.
const AT_ONCE: usize = 8;
/// Objects of the ledger that are asked for before the lake is taken to be closed.
const WITNESSES: i64 = 20;

/// Whether the error may be that of one object alone.
pub(super) fn may_be_alone(error: &Error) -> bool {
    matches!(error.kind(), Kind::SourceUnreadable | Kind::SourceInvalid | Kind::AccessDenied | Kind::SourceUnavailable)
}

impl Load<'_> {
    /// Takes an object that cannot be read out of its batch, and those beside it for which the same is true.
    ///
    /// # Errors
    /// `error` itself, when it is the lake that cannot be read; of the server.
    pub(super) async fn leave_out(
        &self,
        error: Error,
        index: usize,
        batch: &mut Claimed,
        aside: &mut Aside,
    ) -> Result<()> {
        // One request each, instead of an attempt of the whole batch each.
        let asked = futures_util::stream::iter(batch.objects.iter().enumerate().filter(|(i, _)| *i != index))
            .map(|(i, object)| async move { (i, self.job.lake.probe(&object.path, &object.etag).await) });
        let answers: Vec<(usize, Result<()>)> = asked.buffered(AT_ONCE).collect().await;
        let is_open = answers.iter().any(|(_, answer)| answers_for_itself(answer));
        if !is_open && error.kind() != Kind::SourceUnreadable && !self.answers_for_others(batch).await? {
            return Err(error);
        }
        let is_refused = |e: &Error| matches!(e.kind(), Kind::SourceUnreadable | Kind::AccessDenied);
        let mut refused: BTreeMap<usize, Error> =
            answers.into_iter().filter_map(|(i, answer)| Some((i, answer.err().filter(is_refused)?))).collect();
        refused.insert(index, error);
        for (index, error) in refused.into_iter().rev() {
            let object = batch.objects.remove(index);
            objects::remove(&self.job.pool, object.object_id, Removal::Unreadable).await?;
            tracing::error!(object = object.path, reason = error.message(), "object left out; the others go on");
            aside.unreadable.add(unreadable(object, &error));
        }
        Ok(())
    }

    /// Whether any of the objects that the ledger knows besides those of the batch can be read.
    async fn answers_for_others(&self, batch: &Claimed) -> Result<bool> {
        let job = self.job;
        let known = objects::others(&job.pool, &job.entity.name, job.selection.lake, &batch.objects, WITNESSES).await?;
        for (path, etag) in known {
            if answers_for_itself(&job.lake.probe(&path, &etag).await) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a lake that answers so lets this user read: what is gone or replaced has been looked up.
fn answers_for_itself(answer: &Result<()>) -> bool {
    match answer {
        Ok(()) => true,
        Err(e) => e.kind() == Kind::SourceChanged,
    }
}

fn unreadable(object: Pending, error: &Error) -> Unreadable {
    // The object is named already.
    let named = format!("object {}: ", object.path);
    let reason = error.message().strip_prefix(&named).unwrap_or(error.message()).to_owned();
    Unreadable { reason, path: object.path }
}
