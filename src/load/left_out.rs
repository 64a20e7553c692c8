//! An object that the lake does not hand out: whether the object or the lake is at fault, and what becomes of
//! the batch.
//!
//! The difference matters. An archived blob or a file without permission must not keep out the objects beside
//! it. But a credential that opens nothing must not be reported once for each of ten thousand objects. So
//! other objects are asked for: those of the batch and, when none of them answers, some that the ledger
//! knows. If any of them can be read, the lake is there.
//!
//! An object that is left out stays pending: the next execution tries it again.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use super::job::LoadJob;
use super::summary::NotLoaded;
use crate::bronze::Unreadable;
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::Claimed;
use crate::ledger::objects::{self, Pending, Removal};

/// Objects that are probed in parallel.
const PROBES: usize = 8;
/// Objects of the ledger that are probed before the lake counts as closed.
const WITNESSES: i64 = 20;

/// Whether the error, which came from reading an object, may concern that object alone.
pub(super) fn may_concern_one_object(error: &Error) -> bool {
    matches!(error.kind(), Kind::SourceUnreadable | Kind::SourceInvalid | Kind::AccessDenied | Kind::SourceUnavailable)
}

/// Takes the object at `index`, which cannot be read, out of its batch, and those beside it that cannot be
/// read either.
///
/// # Errors
/// `error` itself when the lake as a whole cannot be read; see [`crate::pg`].
pub(super) async fn leave_out(
    job: &LoadJob,
    error: Error,
    index: usize,
    (batch, not_loaded): (&mut Claimed, &mut NotLoaded),
) -> Result<()> {
    // One request for each, instead of one attempt of the whole batch for each.
    let probed = futures_util::stream::iter(batch.objects.iter().enumerate().filter(|(i, _)| *i != index))
        .map(|(i, object)| async move { (i, job.lake.probe(&object.path, &object.etag).await) });
    let answers: Vec<(usize, Result<()>)> = probed.buffered(PROBES).collect().await;
    let is_open = answers.iter().any(|(_, answer)| shows_open_lake(answer));
    if !is_open && error.kind() != Kind::SourceUnreadable && !hands_out_others(job, batch).await? {
        return Err(error);
    }
    let is_refused = |e: &Error| matches!(e.kind(), Kind::SourceUnreadable | Kind::AccessDenied);
    let mut refused: BTreeMap<usize, Error> =
        answers.into_iter().filter_map(|(i, answer)| Some((i, answer.err().filter(is_refused)?))).collect();
    refused.insert(index, error);
    for (index, error) in refused.into_iter().rev() {
        let object = batch.objects.remove(index);
        objects::remove(&job.pool, object.object_id, Removal::Unreadable).await?;
        tracing::error!(object = object.path, reason = error.message(), "object left out; the others go on");
        not_loaded.unreadable.add(unreadable(object, &error));
    }
    Ok(())
}

/// Whether the lake hands out any of the objects that the ledger knows outside of this batch.
async fn hands_out_others(job: &LoadJob, batch: &Claimed) -> Result<bool> {
    let known = objects::others(&job.pool, &job.entity.name, job.selection.lake, &batch.objects, WITNESSES).await?;
    for (path, etag) in known {
        if shows_open_lake(&job.lake.probe(&path, &etag).await) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a lake that answers like this lets us read: to say that an object is gone or replaced, it had to
/// look it up.
fn shows_open_lake(answer: &Result<()>) -> bool {
    match answer {
        Ok(()) => true,
        Err(e) => e.kind() == Kind::SourceChanged,
    }
}

fn unreadable(object: Pending, error: &Error) -> Unreadable {
    // The path is shown beside the reason.
    let named = format!("object {}: ", object.path);
    let reason = error.message().strip_prefix(&named).unwrap_or(error.message()).to_owned();
    Unreadable { reason, path: object.path }
}
